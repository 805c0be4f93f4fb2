"""Folds of what happens to the account: latches, measures, cash, algorithms, guards, proposals, policy."""

from typing import Final

from msgspec.structs import replace

from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.book import Book, PendingChange, Stranger, activity_key, transfer_key
from trading_mcp.core.domain.closing import Stage
from trading_mcp.core.domain.instruments import asset_of
from trading_mcp.core.domain.latches import Latch, TradingState
from trading_mcp.core.domain.market import Market
from trading_mcp.core.domain.measures import (
    CONFIRM_AFTER,
    OPENING_REACH,
    SESSION_REACH,
    after_flow,
    after_pause,
    after_value,
    first_measure,
)
from trading_mcp.core.domain.portfolio import Adjustment, after_cash, after_foreign, after_split
from trading_mcp.core.domain.proposals import ProposedOrder
from trading_mcp.core.domain.protection import Kept
from trading_mcp.core.domain.recall import remember

_SESSIONED: Final = f"market/{Market.STOCKS}"


def latched(book: Book, event: e.Latched) -> Book:
    latch = event.latch
    before = book.latches.get(latch.key)
    if before is not None and before.state > latch.state:
        # Only a release makes a latch milder.
        latch = before
    return replace(
        book,
        at=event.at,
        latches={**book.latches, latch.key: latch},
        triggers={**book.triggers, latch.code: book.triggers.get(latch.code, 0) + 1},
    )


def released(book: Book, event: e.Released) -> Book:
    latches: dict[str, Latch] = {}
    for key, latch in book.latches.items():
        if latch.scope != event.scope or latch.state <= event.target:
            latches[key] = latch
        elif event.target > TradingState.ACTIVE:
            latches[key] = replace(latch, state=event.target)
    return replace(book, at=event.at, latches=latches, nonces=remember(book.nonces, event.nonce, "release", event.at))


def marked(book: Book, event: e.Marked) -> Book:
    span = book.policy.account.loss_rate_window
    measures = dict(book.measures)
    for key, value in event.values.items():
        before, day, reach = measures.get(key), event.day, OPENING_REACH
        if key == _SESSIONED:
            # While nobody can say which session it is, the one that was known goes on.
            day = event.market_days.get(key, day if before is None else before.day)
            reach = SESSION_REACH
        if before is None:
            measures[key] = first_measure(value, event.at, day)
        else:
            measures[key] = after_value(before, value, event.at, day, span, reach)
    # Marks that follow each other too fast confirm nothing; they are measured from the first of them.
    is_later = event.at - book.marked_at >= CONFIRM_AFTER or event.at < book.marked_at
    marked_at = event.at if is_later else book.marked_at
    uptime = max(book.uptime, event.uptime)
    return replace(book, at=event.at, measures=measures, breached=event.breached, marked_at=marked_at, uptime=uptime)


def paused(book: Book, event: e.RatePaused) -> Book:
    key = event.scope.key
    paused = after_pause(book.measures[key], event.until)
    return replace(book, at=event.at, measures={**book.measures, key: paused})


def cash_moved(book: Book, event: e.CashMoved) -> Book:
    measures = book.measures
    if "account" in measures:
        measures = {**measures, "account": after_flow(measures["account"], event.value)}
    return replace(
        book,
        at=event.at,
        portfolio=after_cash(book.portfolio, event.venue, event.asset, event.amount),
        measures=measures,
        trades=remember(book.trades, transfer_key(event.venue, event.transfer_id), "transfer", event.at),
    )


def adjusted(book: Book, event: e.Adjusted) -> Book:
    trades = book.trades
    if event.activity_id:
        trades = remember(trades, activity_key(event.venue, event.activity_id), event.kind, event.at)
    if event.kind is Adjustment.SPLIT:
        book = _split(book, event)
    else:
        book = replace(book, portfolio=after_cash(book.portfolio, event.venue, event.asset, event.amount))
    return replace(book, at=event.at, trades=trades)


def _split(book: Book, event: e.Adjusted) -> Book:
    """Restate prices and quantities of what a split covers: positions, their guards, and closes under way."""
    ratio = event.amount

    def is_split(key: str) -> bool:
        _, venue, pair = key.split("/", 2)
        return venue == event.venue and asset_of(pair) == event.asset

    protections = {
        key: replace(
            guard,
            entry=guard.entry / ratio,
            best=guard.best / ratio,
            stop=None if guard.stop is None else guard.stop / ratio,
            target=None if guard.target is None else guard.target / ratio,
        )
        if is_split(key)
        else guard
        for key, guard in book.protections.items()
    }
    closings = {
        key: replace(closing, left=closing.left * ratio) if is_split(key) else closing
        for key, closing in book.closings.items()
    }
    portfolio = after_split(book.portfolio, event.venue, event.asset, ratio)
    return replace(book, portfolio=portfolio, protections=protections, closings=closings)


def suspended(book: Book, event: e.Suspended) -> Book:
    return replace(
        book,
        at=event.at,
        suspended_at=event.at,
        # Only new risk waits for the venues to be asked again; exits go by what was reconciled before.
        rechecked=frozenset(),
        suspensions=(*book.suspensions[-2:], event.at),
    )


def woke(book: Book, event: e.Woke) -> Book:
    return replace(book, at=event.at, suspended_at=None)


def reconciled(book: Book, event: e.Reconciled) -> Book:
    return replace(
        book,
        at=event.at,
        reconciled=book.reconciled | {event.venue},
        rechecked=book.rechecked | {event.venue},
    )


def venue_read(book: Book, event: e.VenueRead) -> Book:
    return replace(book, at=event.at, legible=book.legible | {event.venue})


def foreign(book: Book, event: e.ForeignHeld) -> Book:
    measures = book.measures
    if "account" in measures:
        # What others brought or took away is neither a gain of the desk's nor a loss.
        measures = {**measures, "account": after_flow(measures["account"], event.value)}
    return replace(book, at=event.at, portfolio=after_foreign(book.portfolio, event.position), measures=measures)


def foreign_ordered(book: Book, event: e.ForeignOrdered) -> Book:
    others = {venue: orders for venue, orders in book.foreign.items() if venue != event.venue}
    return replace(book, at=event.at, foreign={**others, event.venue: event.orders} if event.orders else others)


def algorithm_set(book: Book, event: e.AlgorithmSet) -> Book:
    name = event.algorithm.name
    before = book.algorithms.get(name)
    measures = book.measures
    key = f"algorithm/{name}"
    if before is not None and key in measures:
        # More or less capital is no gain and no loss.
        moved = event.algorithm.capital - before.capital
        measures = {**measures, key: after_flow(measures[key], moved)}
    return replace(book, at=event.at, algorithms={**book.algorithms, name: event.algorithm}, measures=measures)


def mandate_issued(book: Book, event: e.MandateIssued) -> Book:
    name = event.mandate.algorithm
    algorithm = replace(book.algorithms[name], mandate=event.mandate)
    return replace(book, at=event.at, algorithms={**book.algorithms, name: algorithm})


def mandate_voided(book: Book, event: e.MandateVoided) -> Book:
    algorithm = replace(book.algorithms[event.algorithm], mandate=None)
    return replace(book, at=event.at, algorithms={**book.algorithms, event.algorithm: algorithm})


def protected(book: Book, event: e.Protected) -> Book:
    key = event.protection.position
    return replace(book, at=event.at, protections={**book.protections, key: event.protection})


def protection_ended(book: Book, event: e.ProtectionEnded) -> Book:
    kept = {key: value for key, value in book.protections.items() if key != event.position}
    return replace(book, at=event.at, protections=kept)


def close_moved(book: Book, event: e.CloseMoved) -> Book:
    key = event.closing.position
    protections = book.protections
    guard = protections.get(key)
    if guard is not None and guard.kept is Kept.VENUE and event.closing.stage is not Stage.QUEUED:
        # From the first step of a close the desk keeps the stop, whatever becomes of the one at the venue.
        protections = {**protections, key: replace(guard, kept=Kept.DESK)}
    return replace(book, at=event.at, closings={**book.closings, key: event.closing}, protections=protections)


def close_ended(book: Book, event: e.CloseEnded) -> Book:
    kept = {key: value for key, value in book.closings.items() if key != event.position}
    return replace(book, at=event.at, closings=kept)


def proposal_opened(book: Book, event: e.ProposalOpened) -> Book:
    proposal = event.proposal
    intents = book.intents
    if isinstance(proposal.body, ProposedOrder):
        record = book.intent(proposal.body.intent.id)
        if record is not None:
            record = replace(record, proposal_id=proposal.id)
            intents = remember(intents, proposal.body.intent.id, record, event.at)
    return replace(book, at=event.at, proposals={**book.proposals, proposal.id: proposal}, intents=intents)


def proposal_approved(book: Book, event: e.ProposalApproved) -> Book:
    proposal = book.proposals[event.proposal_id]
    waiting = {key: value for key, value in book.proposals.items() if key != event.proposal_id}
    changes = book.changes
    if event.effective_at > event.at:
        changes = {
            **changes,
            proposal.id: PendingChange(
                proposal=proposal, effective_at=event.effective_at, effective_uptime=event.effective_uptime
            ),
        }
    return replace(
        book,
        at=event.at,
        proposals=waiting,
        changes=changes,
        nonces=remember(book.nonces, event.statement.nonce, proposal.id, event.at),
        # A signature is human contact: nobody is unattended at this moment.
        unattended={},
    )


def proposal_ended(book: Book, event: e.ProposalEnded) -> Book:
    kept = {key: value for key, value in book.proposals.items() if key != event.proposal_id}
    changes = {key: value for key, value in book.changes.items() if key != event.proposal_id}
    proposal, intents = book.proposals.get(event.proposal_id), book.intents
    if proposal is not None and isinstance(proposal.body, ProposedOrder):
        record = book.intent(proposal.body.intent.id)
        if record is not None:
            # Who asked is told whether a person declined it or nobody answered.
            intents = remember(intents, proposal.body.intent.id, replace(record, ended=event.end), event.at)
    return replace(book, at=event.at, proposals=kept, changes=changes, intents=intents)


def policy_changed(book: Book, event: e.PolicyChanged) -> Book:
    changes = {key: value for key, value in book.changes.items() if key != event.proposal_id}
    return replace(book, at=event.at, policy=event.policy, changes=changes)


def attended(book: Book, event: e.Attended) -> Book:
    return replace(book, at=event.at, unattended={}, nonces=remember(book.nonces, event.nonce, "attend", event.at))


def enrolled(book: Book, event: e.ApproverEnrolled) -> Book:
    return replace(book, at=event.at, approver=event.fingerprint, stranger=None)


def approver_replaced(book: Book, event: e.ApproverReplaced) -> Book:
    stranger = Stranger(
        fingerprint=event.fingerprint,
        public_key=event.public_key,
        shipped=event.shipped,
        since=event.at,
        since_uptime=event.uptime,
    )
    return replace(book, at=event.at, stranger=stranger)


def live_enabled(book: Book, event: e.LiveEnabled) -> Book:
    return replace(
        book,
        at=event.at,
        live_accounts=book.live_accounts | {f"{event.venue}/{event.account}"},
        nonces=remember(book.nonces, event.nonce, "live", event.at),
    )


def tokens_changed(book: Book, event: e.TokensChanged) -> Book:
    gone = {token.name for token in event.revoked}
    kept = {name: token for name, token in book.tokens.items() if name not in gone}
    return replace(book, at=event.at, tokens=kept | {token.name: token for token in event.made})


def created_again(_book: Book, _event: e.DeskCreated) -> Book:
    raise ValueError("a journal creates its desk once, in its first entry")

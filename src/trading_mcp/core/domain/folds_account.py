"""Folds of what happens to the account: latches, measures, cash, algorithms, guards, proposals, policy."""

from msgspec.structs import replace

from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.book import Book, PendingChange
from trading_mcp.core.domain.instruments import asset_of
from trading_mcp.core.domain.latches import Latch, TradingState
from trading_mcp.core.domain.measures import after_flow, after_pause, after_value, first_measure
from trading_mcp.core.domain.portfolio import Adjustment, after_cash, after_foreign, after_split
from trading_mcp.core.domain.proposals import ProposedOrder
from trading_mcp.core.domain.protection import Kept
from trading_mcp.core.domain.recall import remember


def latched(book: Book, event: e.Latched) -> Book:
    latch = event.latch
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
        before = measures.get(key)
        day = event.market_days.get(key, event.day)
        measures[key] = (
            first_measure(value, event.at, day) if before is None else after_value(before, value, event.at, day, span)
        )
    return replace(book, at=event.at, measures=measures, breached=event.breached, marked_at=event.at)


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
        trades=remember(book.trades, f"{event.venue}/{event.transfer_id}", "transfer", event.at),
    )


def adjusted(book: Book, event: e.Adjusted) -> Book:
    if event.kind is Adjustment.SPLIT:
        protections = {
            key: replace(
                guard,
                entry=guard.entry / event.amount,
                best=guard.best / event.amount,
                stop=None if guard.stop is None else guard.stop / event.amount,
                target=None if guard.target is None else guard.target / event.amount,
            )
            if asset_of(key.rsplit("/", 1)[1]) == event.asset
            else guard
            for key, guard in book.protections.items()
        }
        portfolio = after_split(book.portfolio, event.asset, event.amount)
        return replace(book, at=event.at, portfolio=portfolio, protections=protections)
    portfolio = after_cash(book.portfolio, event.venue, event.asset, event.amount)
    return replace(book, at=event.at, portfolio=portfolio)


def suspended(book: Book, event: e.Suspended) -> Book:
    return replace(
        book,
        at=event.at,
        suspended_at=event.at,
        reconciled=frozenset(),
        suspensions=(*book.suspensions[-2:], event.at),
    )


def woke(book: Book, event: e.Woke) -> Book:
    return replace(book, at=event.at, suspended_at=None)


def reconciled(book: Book, event: e.Reconciled) -> Book:
    return replace(book, at=event.at, reconciled=book.reconciled | {event.venue})


def foreign(book: Book, event: e.ForeignHeld) -> Book:
    return replace(book, at=event.at, portfolio=after_foreign(book.portfolio, event.position))


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
    if guard is not None and guard.kept is Kept.VENUE:
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
            proposal.id: PendingChange(proposal=proposal, effective_at=event.effective_at),
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
    return replace(book, at=event.at, proposals=kept, changes=changes)


def policy_changed(book: Book, event: e.PolicyChanged) -> Book:
    changes = {key: value for key, value in book.changes.items() if key != event.proposal_id}
    return replace(book, at=event.at, policy=event.policy, changes=changes)


def attended(book: Book, event: e.Attended) -> Book:
    return replace(book, at=event.at, unattended={}, nonces=remember(book.nonces, event.nonce, "attend", event.at))


def enrolled(book: Book, event: e.ApproverEnrolled) -> Book:
    return replace(book, at=event.at, approver=event.fingerprint)


def live_enabled(book: Book, event: e.LiveEnabled) -> Book:
    return replace(
        book,
        at=event.at,
        live_accounts=book.live_accounts | {f"{event.venue}/{event.account}"},
        nonces=remember(book.nonces, event.nonce, "live", event.at),
    )


def created_again(_book: Book, _event: e.DeskCreated) -> Book:
    raise ValueError("a journal creates its desk once, in its first entry")

"""Time, cash and venues' records: what happens without anyone asking."""

from decimal import Decimal
from typing import Final

from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.events import (
    Adjusted,
    AnyEvent,
    CashMoved,
    DeskStarted,
    OrderUnknown,
    ProposalEnded,
    Reconciled,
    Suspended,
    Woke,
)
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.instruments import asset_of
from trading_mcp.core.domain.latches import ACCOUNT, Latch, Scope, ScopeKind, TradingState
from trading_mcp.core.domain.market import HOUR, FeedHealth, Market
from trading_mcp.core.domain.money import ZERO, is_amount, is_change
from trading_mcp.core.domain.orders import OrderState
from trading_mcp.core.domain.portfolio import Adjustment
from trading_mcp.core.domain.proposals import ProposalEnd
from trading_mcp.core.domain.verdict import Code
from trading_mcp.core.guardrails import closing, enrolling, protecting
from trading_mcp.core.guardrails.consenting import take_effect
from trading_mcp.core.guardrails.draft import Draft
from trading_mcp.core.guardrails.finding import shown, span
from trading_mcp.core.guardrails.marks import add_latch
from trading_mcp.core.guardrails.resting import take_back
from trading_mcp.core.guardrails.rules.state import CLOCK_DRIFT_MAX, UNWATCHED_MAX
from trading_mcp.core.guardrails.valuation import price_of

# Longer than this between two ticks and the desk was not watching: a closed lid, a stopped process.
SUSPENSIONS_MAX: Final = 3


def start(command: c.Start, book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """Open the desk: what was on its way may have arrived, what was only cleared is never sent."""
    draft = Draft(book, facts)
    draft.emit(DeskStarted(at=facts.now, version=command.version))
    for working in tuple(book.working.values()):
        order = working.order
        if working.state is OrderState.SENDING:
            draft.emit(OrderUnknown(at=facts.now, order_id=order.id, reason="the desk stopped while it was sent"))
        elif working.state is OrderState.CLEARED and order.id in draft.book.working:
            closing.let_go(draft, working, "the desk stopped before it was sent")
    return tuple(draft.events)


def tick(book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """Let time pass."""
    draft = Draft(book, facts)
    _check_clock(draft)
    _wake(draft)
    for key, proposal in sorted(book.proposals.items()):
        if not facts.now < proposal.expires_at:
            reason = "nobody answered in time"
            draft.emit(ProposalEnded(at=facts.now, proposal_id=key, end=ProposalEnd.EXPIRED, reason=reason))
    for key, change in sorted(book.changes.items()):
        # A wall's clock that was set ahead shortens no wait: the desk must have run for as long as well.
        has_waited = facts.now >= change.effective_at and facts.uptime >= change.effective_uptime
        if has_waited and key in draft.book.changes:
            take_effect(draft, change.proposal)
    enrolling.wait_out(draft)
    for working in tuple(draft.book.working.values()):
        lapses_at = working.order.lapses_at
        if lapses_at is not None and facts.now >= lapses_at and working.state is not OrderState.CLEARED:
            take_back(draft, working, "what is left of a market order is cancelled")
    return tuple(draft.events)


def _check_clock(draft: Draft) -> None:
    facts, book = draft.facts, draft.book
    drift = facts.wall_elapsed - facts.boot_elapsed
    if facts.wall_elapsed < 0 or drift < -CLOCK_DRIFT_MAX or facts.now < book.at:
        _latch_clock(draft, f"the clock stepped back by {span(abs(min(drift, facts.now - book.at)))}")
        return
    if drift <= CLOCK_DRIFT_MAX and facts.boot_elapsed <= UNWATCHED_MAX:
        return
    draft.emit(Suspended(at=facts.now, elapsed=facts.wall_elapsed, drift=drift))
    recent = [at for at in draft.book.suspensions if at > facts.now - HOUR]
    if len(recent) >= SUSPENSIONS_MAX and drift > CLOCK_DRIFT_MAX:
        _latch_clock(draft, f"the clock stepped {len(recent)} times within an hour")


def _latch_clock(draft: Draft, reason: str) -> None:
    latch = Latch(
        scope=ACCOUNT,
        state=TradingState.REDUCING,
        code=Code.CLOCK_UNSOUND,
        reason=reason,
        at=draft.now,
    )
    add_latch(draft, latch)


def _wake(draft: Draft) -> None:
    """End a suspension once every routed venue is reconciled and its feed believed again."""
    book, facts = draft.book, draft.facts
    if book.suspended_at is None or not facts.now > book.suspended_at:
        return
    venues = {venue for market in Market for venue in book.policy.limits(market).venues}
    wired = venues & set(facts.venue_modes)
    if wired <= book.rechecked and all(facts.feeds.get(v) is FeedHealth.HEALTHY for v in wired):
        draft.emit(Woke(at=facts.now))


def cash(command: c.ReportCash, book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """Fold a transfer by the venue's own record, once, at what it is worth."""
    draft = Draft(book, facts)
    if book.has_transfer(command.venue, command.transfer_id):
        return ()
    price = price_of(command.asset, Market.CRYPTO, facts, book.policy)
    if price is None or not is_change(command.amount):
        # What cannot be valued yet is reported again with the next reading; nothing is guessed.
        draft.refuse("cash", command.transfer_id, f"the price of {command.asset} is not known")
        return tuple(draft.events)
    draft.emit(
        CashMoved(
            at=facts.now,
            venue=command.venue,
            asset=command.asset,
            amount=command.amount,
            value=command.amount * price,
            transfer_id=command.transfer_id,
        )
    )
    return tuple(draft.events)


def adjustment(command: c.ReportAdjustment, book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """Fold what a venue did to the account without a trade, once; a figure no book can hold is only told."""
    if book.has_activity(command.venue, command.activity_id):
        return ()
    draft = Draft(book, facts)
    is_split = command.kind is Adjustment.SPLIT
    if not (is_amount(command.amount) if is_split else is_change(command.amount)):
        draft.refuse("adjustment", command.activity_id, f"{command.kind} of {command.amount} is no amount")
        return tuple(draft.events)
    asset = _split_asset(command, book) if is_split else command.asset
    if is_split and not _can_split(command, asset, book):
        draft.refuse("adjustment", command.activity_id, f"a split by {command.amount} leaves no amounts")
        return tuple(draft.events)
    event = Adjusted(
        at=facts.now,
        kind=command.kind,
        venue=command.venue,
        asset=asset,
        amount=command.amount,
        note=command.note,
        activity_id=command.activity_id,
    )
    draft.emit(event)
    for working in tuple(book.working.values()) if is_split else ():
        # What rests there is for other units at another price than those of now.
        if working.order.venue == command.venue and asset_of(working.order.pair) == asset:
            protecting.doubted(draft, working.order)
            closing.let_go(draft, working, f"{command.asset} was split")
    return tuple(draft.events)


def _split_asset(command: c.ReportAdjustment, book: Book) -> str:
    """Return the asset that a venue split: where it shows a stock of that name there, it is the stock."""
    shown_there = {item.order.pair for item in book.working.values() if item.order.venue == command.venue}
    shown_there |= {item.pair for item in book.portfolio.positions.values() if item.venue == command.venue}
    return asset_of(command.asset) if command.asset in shown_there else command.asset


def _can_split(command: c.ReportAdjustment, asset: str, book: Book) -> bool:
    """Say whether what is held could still be counted after a split."""
    return all(
        is_change(item.quantity * command.amount) and is_change(item.average / command.amount)
        for item in book.portfolio.positions.values()
        if item.venue == command.venue and asset_of(item.pair) == asset
    )


def reconcile(command: c.Reconcile, book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """Compare what a venue holds with the book: what nothing explains reduces that venue alone."""
    draft = Draft(book, facts)
    found = list(command.differences)
    ours: dict[str, Decimal] = {}
    for position in book.portfolio.positions.values():
        if position.venue == command.venue:
            ours[position.pair] = ours.get(position.pair, ZERO) + position.quantity
    for pair in sorted(ours.keys() | command.holdings.keys()):
        held, theirs = ours.get(pair, ZERO), command.holdings.get(pair, ZERO)
        instrument = facts.instrument(f"{command.venue}/{pair}")
        step = ZERO if instrument is None else instrument.quantity_step
        # A difference below one step is noise of the venue's own rounding.
        if not theirs.is_finite():
            found.append(f"{pair}: what the venue holds is no amount")
        elif theirs != held and not abs(theirs - held) < step:
            found.append(f"{pair}: the book holds {shown(held)}, the venue {shown(theirs)}")
    draft.emit(Reconciled(at=facts.now, venue=command.venue, differences=(*found, *command.noted)))
    if found:
        latch = Latch(
            scope=Scope(kind=ScopeKind.VENUE, name=command.venue),
            state=TradingState.REDUCING,
            code=Code.RECONCILIATION_DIFFERENCE,
            reason="; ".join(found)[:500],
            at=facts.now,
        )
        add_latch(draft, latch)
    return tuple(draft.events)

"""Folds of what happens to orders: judged, cleared, sent, answered, filled."""

from typing import Any, Final

from msgspec.structs import replace

from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.book import Book, IntentRecord
from trading_mcp.core.domain.money import ZERO
from trading_mcp.core.domain.orders import ENDED, OrderState, Working
from trading_mcp.core.domain.portfolio import after_fill
from trading_mcp.core.domain.recall import remember
from trading_mcp.core.domain.tallies import ACCOUNT_TALLY, Content, Tally, after_clearing
from trading_mcp.core.domain.verdict import Code, Finding

_NOT_REMEMBERED: Final = (Code.INTENT_CONFLICT, Code.FIELD_INVALID)


def counted(book: Book, findings: tuple[Finding, ...]) -> dict[Code, int]:
    triggers = dict(book.triggers)
    for finding in findings:
        triggers[finding.code] = triggers.get(finding.code, 0) + 1
    return triggers


def judged(book: Book, event: e.IntentJudged) -> Book:
    findings = event.verdict.findings
    triggers = counted(book, findings) if findings else book.triggers
    if any(finding.code in _NOT_REMEMBERED for finding in findings):
        # The id belongs to another intent, or to none: what is malformed must not keep a name from its owner.
        return replace(book, at=event.at, triggers=triggers)
    record = IntentRecord(intent=event.intent, verdict=event.verdict, at=event.at)
    before = book.intent(event.intent.id)
    if before is not None:
        record = replace(record, order_ids=before.order_ids, proposal_id=before.proposal_id)
    return replace(
        book,
        at=event.at,
        triggers=triggers,
        intents=remember(book.intents, event.intent.id, record, event.at),
    )


def cleared(book: Book, event: e.OrderCleared) -> Book:
    order = event.order
    working = Working(order=order, state=OrderState.CLEARED, since=event.at)
    record = book.intent(order.intent_id)
    intents = book.intents
    if record is not None:
        record = replace(record, order_ids=(*record.order_ids, order.id))
        intents = remember(intents, order.intent_id, record, event.at)
    tallies, unattended, unattended_day = book.tallies, book.unattended, book.unattended_day
    if event.counted_at is not None:
        content = Content(order.pair, order.side, order.quantity, order.limit_price)
        # A book counts by the tick its order was due; the account by the desk's own clock.
        counted = {order.book: event.counted_at}
        if book.policy.account.account_counts:
            counted[ACCOUNT_TALLY] = event.at
        tallies = dict(tallies)
        for name, at in counted.items():
            tallies[name] = after_clearing(tallies.get(name) or Tally(), content, event.notional, at, event.day)
        if order.book not in book.algorithms:
            # Where money is real only a signature starts this count again; elsewhere each day does.
            is_new = event.day != book.unattended_day and not book.home.mode.is_guarded
            counts = {} if is_new else book.unattended
            unattended = {**counts, order.door: counts.get(order.door, 0) + 1}
            unattended_day = event.day
    return replace(
        book,
        at=event.at,
        working={**book.working, order.id: working},
        intents=intents,
        tallies=tallies,
        unattended=unattended,
        unattended_day=unattended_day,
    )


def moved(book: Book, order_id: str, state: OrderState, at: int, **changes: Any) -> Book:  # noqa: ANN401
    """Move one order to another state, and out of the working orders when that is an end."""
    before = book.order(order_id)
    if before is None:
        return replace(book, at=at)
    after = replace(before, **{"state": state, "since": at} | changes)
    if state in ENDED:
        if before.order.reduces and before.state is not OrderState.CLEARED:
            # What an exit held is free again; a balance read before that must not trap the next one.
            venue = before.order.venue
            book = replace(
                book, local_fill_at={**book.local_fill_at, venue: max(at, book.local_fill_at.get(venue, at))}
            )
        working = {key: value for key, value in book.working.items() if key != order_id}
        return replace(book, at=at, working=working, closed=remember(book.closed, order_id, after, at))
    return replace(book, at=at, working={**book.working, order_id: after})


def voided(book: Book, event: e.ClearanceVoided) -> Book:
    after = moved(book, event.order_id, OrderState.VOID, event.at)
    return replace(after, triggers=counted(book, (event.finding,)))


def sending(book: Book, event: e.OrderSending) -> Book:
    return moved(book, event.order_id, OrderState.SENDING, event.at)


def accepted(book: Book, event: e.OrderAccepted) -> Book:
    before = book.working.get(event.order_id)
    if before is None:
        return replace(book, at=event.at)
    state = OrderState.PARTIAL if before.filled > ZERO else OrderState.LIVE
    return moved(book, event.order_id, state, event.at, venue_order_id=event.venue_order_id)


def rejected(book: Book, event: e.OrderRejected) -> Book:
    return moved(book, event.order_id, OrderState.REJECTED, event.at)


def unknown(book: Book, event: e.OrderUnknown) -> Book:
    return moved(book, event.order_id, OrderState.UNKNOWN, event.at)


def cancel_requested(book: Book, event: e.OrderCancelRequested) -> Book:
    before = book.working.get(event.order_id)
    if before is None:
        return replace(book, at=event.at)
    # An order on its way or of unknown fate stays so: wanting it gone tells nothing about where it is.
    is_there = before.state in (OrderState.LIVE, OrderState.PARTIAL, OrderState.CANCEL_PENDING)
    state = OrderState.CANCEL_PENDING if is_there else before.state
    # Nothing has moved at the venue yet: a balance read before still shows what the order holds.
    return moved(book, event.order_id, state, event.at, since=before.since, cancel_reason=event.reason)


def cancelled(book: Book, event: e.OrderCancelled) -> Book:
    return moved(book, event.order_id, OrderState.CANCELLED, event.at)


def lapsed(book: Book, event: e.OrderLapsed) -> Book:
    return moved(book, event.order_id, OrderState.LAPSED, event.at)


def filled(book: Book, event: e.FillRecorded) -> Book:
    fill = event.fill
    portfolio = after_fill(book.portfolio, fill, event.book, event.multiplier)
    trades = remember(book.trades, f"{fill.venue}/{fill.trade_id}", fill.order_id or "", event.at)
    before = book.order(fill.order_id) if fill.order_id is not None else None
    if before is not None and fill.order_id is not None:
        filled = before.filled + fill.quantity
        if filled >= before.order.quantity:
            state = OrderState.FILLED
        elif before.state in ENDED or before.state is OrderState.CANCEL_PENDING:
            state = before.state
        else:
            state = OrderState.PARTIAL
        book = moved(book, fill.order_id, state, event.at, filled=filled)
    return replace(
        book,
        at=event.at,
        portfolio=portfolio,
        trades=trades,
        local_fill_at={**book.local_fill_at, fill.venue: event.at},
    )

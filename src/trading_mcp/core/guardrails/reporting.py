"""What venues report becomes events; a report that cannot be true freezes the account and is folded all the same."""

from typing import Final, assert_never

from msgspec.structs import replace

from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.events import (
    AnyEvent,
    FillRecorded,
    OrderAccepted,
    OrderCancelled,
    OrderCancelRequested,
    OrderLapsed,
    OrderRejected,
    OrderUnknown,
)
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.latches import ACCOUNT, Latch, TradingState
from trading_mcp.core.domain.money import ONE, ZERO, is_amount, is_change
from trading_mcp.core.domain.orders import ENDED, EXTERNAL, Fill, OrderState, Purpose, Working, may_become
from trading_mcp.core.domain.portfolio import position_key
from trading_mcp.core.domain.verdict import Code
from trading_mcp.core.guardrails import closing, protecting
from trading_mcp.core.guardrails.draft import Draft
from trading_mcp.core.guardrails.marks import add_latch

_SEEN: Final = frozenset(
    {
        OrderState.LIVE,
        OrderState.PARTIAL,
        OrderState.CANCEL_PENDING,
        OrderState.FILLED,
        OrderState.CANCELLED,
        OrderState.LAPSED,
    }
)
Report = c.ReportAccepted | c.ReportRejected | c.ReportUnknown | c.ReportCancelled | c.ReportLapsed


def report(command: Report, book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """Decide what a report means for its order and for what hangs on it."""
    draft = Draft(book, facts)
    working = book.order(command.order_id)
    if working is None:
        draft.refuse("report", command.order_id, "no such order is known to this book")
        return tuple(draft.events)
    match command:
        case c.ReportAccepted():
            _accepted(draft, working, command)
        case c.ReportRejected():
            event = OrderRejected(at=draft.now, order_id=command.order_id, reason=command.reason)
            _ended(draft, working, OrderState.REJECTED, event)
        case c.ReportUnknown():
            if _step(draft, working, OrderState.UNKNOWN):
                draft.emit(OrderUnknown(at=draft.now, order_id=command.order_id, reason=command.reason))
                protecting.doubted(draft, working.order)
        case c.ReportCancelled():
            event = OrderCancelled(at=draft.now, order_id=command.order_id)
            _ended(draft, working, OrderState.CANCELLED, event)
        case c.ReportLapsed():
            event = OrderLapsed(at=draft.now, order_id=command.order_id, reason=command.reason)
            _ended(draft, working, OrderState.LAPSED, event)
        case _:
            assert_never(command)
    return tuple(draft.events)


def _step(draft: Draft, working: Working, state: OrderState) -> bool:
    """Say whether a report is news; one that the table does not allow freezes."""
    if working.state is state:
        return False
    if working.state in ENDED and state in (OrderState.CANCELLED, OrderState.LAPSED, OrderState.UNKNOWN):
        # Venues repeat themselves and answers overtake each other: after the end neither is news.
        return False
    is_refused_late = state is OrderState.REJECTED and working.filled > ZERO
    if may_become(working.state, state) and not is_refused_late:
        return True
    freeze(
        draft,
        Code.TRANSITION_IMPOSSIBLE,
        f"the venue reports {state} for order {working.order.id}, which is {working.state}",
    )
    return False


def freeze(draft: Draft, code: Code, reason: str) -> None:
    """Stop everything but cancels: the world and the book contradict each other."""
    latch = Latch(scope=ACCOUNT, state=TradingState.FROZEN, code=code, reason=reason, at=draft.now)
    add_latch(draft, latch)


def _accepted(draft: Draft, working: Working, command: c.ReportAccepted) -> None:
    state = OrderState.PARTIAL if working.filled > ZERO else OrderState.LIVE
    if working.state in _SEEN:
        # The venue has shown the order already; an acknowledgement that comes after is late, not impossible.
        return
    if not _step(draft, working, state):
        return
    draft.emit(OrderAccepted(at=draft.now, order_id=command.order_id, venue_order_id=command.venue_order_id))
    if working.cancel_reason:
        draft.emit(OrderCancelRequested(at=draft.now, order_id=command.order_id, reason=working.cancel_reason))
    elif working.order.purpose is Purpose.PROTECTION:
        protecting.accepted(draft, working)


def _ended(
    draft: Draft, working: Working, state: OrderState, event: OrderRejected | OrderCancelled | OrderLapsed
) -> None:
    if not _step(draft, working, state):
        return
    draft.emit(event)
    closing.after_end(draft, replace(working, state=state))


def fill(command: c.ReportFill, book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """Fold one execution, once; whatever it is, it happened."""
    made: Fill = command.fill
    draft = Draft(book, facts)
    if book.has_trade(made.venue, made.trade_id):
        return ()
    if not (is_amount(made.quantity) and is_amount(made.price) and is_change(made.fee)):
        freeze(draft, Code.TRANSITION_IMPOSSIBLE, f"fill {made.trade_id} has figures that are no amounts")
        return tuple(draft.events)
    working = book.order(made.order_id) if made.order_id is not None else None
    order = None if working is None else working.order
    instrument = facts.instrument(f"{made.venue}/{made.pair}")
    multiplier = order.multiplier if order is not None else ONE if instrument is None else instrument.multiplier
    owner = EXTERNAL if order is None else order.book
    draft.emit(FillRecorded(at=facts.now, fill=made, book=owner, multiplier=multiplier))
    if working is None or order is None:
        return tuple(draft.events)
    if working.state in (OrderState.CLEARED, OrderState.REJECTED, OrderState.VOID):
        freeze(draft, Code.TRANSITION_IMPOSSIBLE, f"order {order.id} was {working.state} and has a fill")
    if (made.pair, made.side, made.venue) != (order.pair, order.side, order.venue):
        freeze(draft, Code.TRANSITION_IMPOSSIBLE, f"fill {made.trade_id} is not of order {order.id}'s kind")
    if working.filled + made.quantity > order.quantity:
        freeze(draft, Code.OVERFILL, f"order {order.id} is filled beyond its quantity")
    key = position_key(order.book, made.venue, made.pair)
    if not order.reduces:
        protecting.entered(draft, order, key)
    closing.filled(draft, key, order.id, made.quantity)
    protecting.settle(draft, key)
    after = draft.book.order(order.id)
    if after is not None and after.state is OrderState.FILLED and working.state not in ENDED:
        closing.after_end(draft, after)
    else:
        protecting.guard(draft, key)
    return tuple(draft.events)

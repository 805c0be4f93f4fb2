"""Orders that already rest: judged again when limits or latches change, and taken back where they no longer fit."""

from collections.abc import Callable

from msgspec.structs import replace

from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.events import ClearanceVoided, OrderCancelRequested
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.orders import Intent, OrderState, OrderType, Quantity, Working
from trading_mcp.core.domain.verdict import Code, Finding
from trading_mcp.core.guardrails.case import case_of
from trading_mcp.core.guardrails.draft import Draft
from trading_mcp.core.guardrails.finding import deny
from trading_mcp.core.guardrails.gate import objection_to_resting


def objection(working: Working, book: Book, facts: Facts) -> Finding | None:
    """Return what would deny a working order now, its own reservation and counts left out."""
    order = working.order
    rest = {key: value for key, value in book.working.items() if key != order.id}
    without = replace(book, working=rest)
    case = case_of(intent_of(working), without, facts, book.policy, order.venue, sent=working)
    if order.reduces:
        case = replace(case, reduces=True, risk=None)
    elif case.problem:
        return deny(Code.FIELD_INVALID, case.problem)
    return objection_to_resting(case, signed=order.signed)


def intent_of(working: Working) -> Intent:
    """Return what an order says by itself; its intent may be forgotten long before a resting order ends."""
    order = working.order
    trails = order.type is OrderType.TRAILING_STOP
    return Intent(
        id=order.intent_id,
        door=order.door,
        pair=order.pair,
        side=order.side,
        amount=Quantity(working.remaining),
        book=order.book,
        type=order.type,
        limit_price=order.limit_price,
        stop_price=None if trails else order.stop_price,
        trail=order.trail,
        time_in_force=order.time_in_force,
        venue=order.venue,
        purpose=order.purpose,
    )


def take_back(draft: Draft, working: Working, reason: str) -> None:
    """Want an order gone: before the wire its clearance is void, after it the venue is asked."""
    order = working.order
    if working.state is OrderState.CLEARED:
        finding = deny(Code.CLEARANCE_VOID, reason)
        draft.emit(ClearanceVoided(at=draft.now, order_id=order.id, finding=finding))
    elif not working.cancel_reason:
        draft.emit(OrderCancelRequested(at=draft.now, order_id=order.id, reason=reason))


def review_resting(draft: Draft, covers: Callable[[Working], bool]) -> None:
    """Judge every working order that adds risk again, newest first, so that the oldest keep their place."""
    newest = sorted(draft.book.working.values(), key=lambda item: (item.order.cleared_at, item.order.id))
    for working in reversed(newest):
        if working.order.reduces or working.cancel_reason or not covers(working):
            continue
        found = objection(working, _without_leaving(draft.book), draft.facts)
        if found is not None:
            take_back(draft, working, f"{found.code}: {found.reason}")


def _without_leaving(book: Book) -> Book:
    """Leave out what is already on its way out, so that the rest is not judged by it twice."""
    if not any(working.cancel_reason for working in book.working.values()):
        return book
    return replace(book, working={key: value for key, value in book.working.items() if not value.cancel_reason})

"""Leave a position: free what is reserved of it, send the exit, re-quote until flat, then guard what is left."""

from decimal import Decimal

from msgspec.structs import replace

from trading_mcp.core.domain.closing import Closing, Stage
from trading_mcp.core.domain.events import CloseEnded, CloseMoved, IntentJudged, Protected
from trading_mcp.core.domain.money import ZERO, lesser
from trading_mcp.core.domain.orders import Door, Intent, Purpose, Quantity, Side, Working
from trading_mcp.core.domain.portfolio import position_key
from trading_mcp.core.domain.protection import Kept
from trading_mcp.core.domain.verdict import Code, Outcome
from trading_mcp.core.guardrails import protecting
from trading_mcp.core.guardrails.case import case_of
from trading_mcp.core.guardrails.clearing import cleared, judged
from trading_mcp.core.guardrails.draft import Draft
from trading_mcp.core.guardrails.gate import judge
from trading_mcp.core.guardrails.resting import take_back


def begin(draft: Draft, key: str, intent: Intent, quantity: Decimal) -> None:
    """Begin to leave a position; what is under way for it already gives place."""
    closing = Closing(position=key, intent=intent, left=quantity, stage=Stage.CANCELLING, started_at=draft.now)
    draft.emit(CloseMoved(at=draft.now, closing=closing))
    for working in _claims(draft, key, intent.side):
        take_back(draft, working, f"its place is taken by {intent.id}")
    go_on(draft, key)


def _claims(draft: Draft, key: str, side: Side) -> list[Working]:
    """Return the working orders that hold a part of the position."""
    return [
        working
        for working in draft.book.working.values()
        if working.order.side is side
        and position_key(working.order.book, working.order.venue, working.order.pair) == key
    ]


def go_on(draft: Draft, key: str) -> None:
    """Take the next step of a close, if nothing it waits for is still in flight."""
    closing = draft.book.closings.get(key)
    if closing is None:
        return
    position = draft.book.portfolio.positions.get(key)
    held = ZERO if position is None else abs(position.quantity)
    left = lesser(closing.left, held)
    if left == ZERO:
        end(draft, key, "nothing is left to close")
        return
    if _claims(draft, key, closing.intent.side):
        return
    _send(draft, key, replace(closing, left=left))


def _send(draft: Draft, key: str, closing: Closing) -> None:
    first = closing.intent
    intent = replace(first, amount=Quantity(closing.left), venue=key.split("/")[1], protect=None)
    is_first = closing.tries == 0 and closing.intent.purpose is Purpose.TRADE
    if not is_first:
        suffix = f"/exit.{closing.tries}" if closing.tries else ""
        intent = replace(intent, id=f"{first.id}{suffix}")
    book = draft.book
    case = case_of(first if is_first else intent, book, draft.facts, draft.policy, intent.venue, size=closing.left)
    verdict = judge(case)
    if verdict.outcome is Outcome.ALLOW and case.reduces:
        if not is_first:
            draft.emit(judged(case, verdict))
        clearance = cleared(case, draft.next_ordinal())
        draft.emit(clearance)
        moved = replace(closing, stage=Stage.EXITING, tries=closing.tries + 1, order_id=clearance.order.id)
        draft.emit(CloseMoved(at=draft.now, closing=moved))
        return
    codes = verdict.codes()
    if Code.SESSION_CLOSED in codes:
        _wait(draft, closing, Stage.QUEUED, judged(case, verdict))
    elif Code.INSTRUMENT_RULES in codes:
        end(draft, key, f"dust of {closing.left} stays: the venue takes no order that small")
    elif closing.tries == 0 and closing.intent.purpose is not Purpose.PROTECTION:
        draft.emit(judged(case, verdict))
        end(draft, key, f"denied: {', '.join(codes)}")
    else:
        _wait(draft, closing, Stage.EXITING, judged(case, verdict))


def _wait(draft: Draft, closing: Closing, stage: Stage, answer: IntentJudged) -> None:
    """Try again with every look at the market; only the first refusal is worth an entry."""
    if closing.stage is not stage or closing.order_id:
        draft.emit(answer)
        draft.emit(CloseMoved(at=draft.now, closing=replace(closing, stage=stage, order_id="")))


def order_ended(draft: Draft, working: Working) -> None:
    """Go on after an order of a closing position has ended."""
    order = working.order
    key = position_key(order.book, order.venue, order.pair)
    closing = draft.book.closings.get(key)
    if closing is None:
        return
    if closing.order_id == order.id:
        if closing.left > ZERO and closing.intent.purpose is Purpose.TRADE:
            end(draft, key, f"the exit ended {working.state.lower()}")
            return
        draft.emit(CloseMoved(at=draft.now, closing=replace(closing, order_id="")))
        if closing.left <= ZERO:
            end(draft, key, "closed")
        return
    if closing.stage is Stage.CANCELLING:
        go_on(draft, key)


def filled(draft: Draft, key: str, order_id: str, quantity: Decimal) -> None:
    """Count a fill of the exit."""
    closing = draft.book.closings.get(key)
    if closing is not None and closing.order_id == order_id:
        left = closing.left - quantity
        draft.emit(CloseMoved(at=draft.now, closing=replace(closing, left=left)))


def end(draft: Draft, key: str, reason: str) -> None:
    """End a close and guard again what is left of the position."""
    draft.emit(CloseEnded(at=draft.now, position=key, reason=reason))
    protecting.guard(draft, key)


def clear_again(draft: Draft, working: Working) -> None:
    """Judge an exit whose clearance grew too old for the wire once more, at once."""
    order = working.order
    key = position_key(order.book, order.venue, order.pair)
    closing = draft.book.closings.get(key)
    if closing is not None and closing.order_id == order.id:
        draft.emit(CloseMoved(at=draft.now, closing=replace(closing, order_id="")))
        go_on(draft, key)
        return
    guard = draft.book.protections.get(key)
    if guard is not None and guard.order_id == order.id:
        draft.emit(Protected(at=draft.now, protection=replace(guard, kept=Kept.DESK, order_id="")))
        protecting.guard(draft, key)
        return
    record = draft.book.intent(order.intent_id)
    if record is None:
        return
    intent = replace(record.intent, id=f"{record.intent.id}/again", door=Door.DESK)
    case = case_of(intent, draft.book, draft.facts, draft.policy, order.venue, size=order.quantity)
    verdict = judge(case)
    draft.emit(judged(case, verdict))
    if verdict.outcome is Outcome.ALLOW and case.reduces:
        draft.emit(cleared(case, draft.next_ordinal()))

"""Leave a position: free what is reserved of it, send the exit, re-quote until flat, then guard what is left."""

from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.closing import Closing, Stage
from trading_mcp.core.domain.events import CloseEnded, CloseMoved, IntentJudged, Protected, ProtectionEnded
from trading_mcp.core.domain.market import Market, market_of
from trading_mcp.core.domain.money import ZERO, greater, lesser
from trading_mcp.core.domain.orders import Door, Intent, OrderState, Purpose, Quantity, Side, Working
from trading_mcp.core.domain.portfolio import position_key
from trading_mcp.core.domain.protection import Kept
from trading_mcp.core.domain.verdict import Code, Outcome, Verdict
from trading_mcp.core.guardrails import protecting
from trading_mcp.core.guardrails.case import Case, case_of
from trading_mcp.core.guardrails.clearing import cleared, judged
from trading_mcp.core.guardrails.draft import Draft
from trading_mcp.core.guardrails.finding import shown
from trading_mcp.core.guardrails.gate import judge
from trading_mcp.core.guardrails.resting import intent_of, take_back

# What a close waits out, or settles by freeing what it holds itself; all else is told before anything is touched.
_PASSING: Final = frozenset({Code.SESSION_CLOSED, Code.BALANCE_INSUFFICIENT, Code.INSTRUMENT_RULES})


def refusal(draft: Draft, key: str, intent: Intent) -> IntentJudged | None:
    """Return why a close cannot even begin, so that no stop at a venue is given up for it."""
    sells = [item.order for item in claims(draft, key, intent.side)]
    claimed = {order.id for order in sells if order.purpose is not Purpose.PROTECTION}
    rest = {name: working for name, working in draft.book.working.items() if name not in claimed}
    book = replace(draft.book, working=rest)
    case, verdict = _judge(draft, key, intent, held(draft, key, intent.side), book)
    if verdict.outcome is Outcome.ALLOW or _PASSING.issuperset(verdict.codes()):
        return None
    return judged(case, verdict)


def begin(draft: Draft, key: str, intent: Intent, quantity: Decimal) -> None:
    """Begin to leave a position; what is under way for it already gives place."""
    closing = Closing(position=key, intent=intent, left=quantity, stage=Stage.QUEUED, started_at=draft.now)
    if intent.purpose is Purpose.TRADE or not _is_shut(draft, intent.pair):
        _free(draft, closing)
    else:
        case, verdict = _judge(draft, key, intent, quantity)
        draft.emit(judged(case, verdict))
        draft.emit(CloseMoved(at=draft.now, closing=replace(closing, tries=1)))
    go_on(draft, key)


def _is_shut(draft: Draft, pair: str) -> bool:
    session = draft.facts.sessions.get(Market.STOCKS)
    return market_of(pair) is Market.STOCKS and session is not None and not session.is_open


def _free(draft: Draft, closing: Closing) -> None:
    """Take back what holds the position; a plain sell frees only the stop and stands beside other sells."""
    key, intent = closing.position, closing.intent
    draft.emit(CloseMoved(at=draft.now, closing=replace(closing, stage=Stage.CANCELLING)))
    for working in tuple(draft.book.working.values()):
        order = working.order
        if _key(working) != key:
            continue
        if intent.purpose is not Purpose.TRADE or order.purpose is Purpose.PROTECTION:
            take_back(draft, working, f"its place is taken by {intent.id}")


def _key(working: Working) -> str:
    return position_key(working.order.book, working.order.venue, working.order.pair)


def claims(draft: Draft, key: str, side: Side) -> list[Working]:
    """Return the working orders that hold a part of the position."""
    return [working for working in draft.book.working.values() if working.order.side is side and _key(working) == key]


def held(draft: Draft, key: str, side: Side) -> Decimal:
    """Return what an exit on one side could still give up of a position; one that went through zero has nothing."""
    position = draft.book.portfolio.positions.get(key)
    if position is None:
        return ZERO
    return greater(position.quantity if side is Side.SELL else -position.quantity, ZERO)


def go_on(draft: Draft, key: str) -> None:
    """Take the next step of a close, if nothing it waits for is still in flight."""
    closing = draft.book.closings.get(key)
    if closing is None or closing.order_id in draft.book.working:
        return
    intent = closing.intent
    left = lesser(closing.left, held(draft, key, intent.side))
    if left == ZERO:
        end(draft, key, "nothing is left to close")
        return
    if closing.stage is Stage.QUEUED:
        if _is_shut(draft, intent.pair):
            return
        _free(draft, closing)
        closing = draft.book.closings[key]
    is_plain = intent.purpose is Purpose.TRADE
    if any(not is_plain or item.order.purpose is Purpose.PROTECTION for item in claims(draft, key, intent.side)):
        return
    _send(draft, replace(closing, left=left))


def _judge(draft: Draft, key: str, intent: Intent, size: Decimal, book: Book | None = None) -> tuple[Case, Verdict]:
    """Judge an exit, made no larger than one order at its venue may be."""
    book, venue = draft.book if book is None else book, key.split("/")[1]
    case = case_of(intent, book, draft.facts, draft.policy, venue, size=size)
    largest = _largest(case)
    if intent.purpose is not Purpose.TRADE and largest is not None and ZERO < largest < size:
        case = case_of(intent, book, draft.facts, draft.policy, venue, size=largest)
    return case, judge(case)


def _largest(case: Case) -> Decimal | None:
    """Return the most that one exit may carry: what all three scopes can give up, and what the venue takes."""
    bounds: list[Decimal] = []
    if case.scopes is not None:
        bounds += [case.scopes.book, case.scopes.venue, case.scopes.account]
    if case.instrument is not None:
        bounds.append(case.instrument.quantity_max)
        price = case.limit_price or case.price_worst
        if price is not None:
            bounds.append(case.instrument.notional_max / (price * case.instrument.multiplier))
    return min(bounds, default=None)


def _send(draft: Draft, closing: Closing) -> None:
    first, key = closing.intent, closing.position
    is_plain = first.purpose is Purpose.TRADE
    intent = first
    if not is_plain:
        suffix = f"/exit.{closing.tries}" if closing.tries else ""
        intent = replace(first, id=f"{first.id}{suffix}", amount=Quantity(closing.left))
    case, verdict = _judge(draft, key, intent, closing.left)
    if not is_plain and verdict.codes() == (Code.BALANCE_INSUFFICIENT,):
        # What the venue does not call free yet waits; the rest need not wait for it.
        case, verdict = _of_the_free(draft, key, intent, case, verdict)
    codes = verdict.codes()
    if verdict.outcome is Outcome.ALLOW and case.reduces:
        if not is_plain:
            draft.emit(judged(case, verdict))
        clearance = cleared(case, draft.next_ordinal())
        draft.emit(clearance)
        moved = replace(closing, stage=Stage.EXITING, tries=closing.tries + 1, order_id=clearance.order.id)
        draft.emit(CloseMoved(at=draft.now, closing=moved))
    elif is_plain:
        draft.emit(judged(case, verdict))
        end(draft, key, f"denied: {', '.join(codes)}")
    elif Code.SESSION_CLOSED in codes:
        _wait(draft, closing, Stage.QUEUED, judged(case, verdict))
    elif Code.INSTRUMENT_RULES in codes and _is_all(case, closing.left):
        draft.emit(judged(case, verdict))
        _leave_dust(draft, key, closing.left)
    else:
        _wait(draft, closing, Stage.EXITING, judged(case, verdict))


def _of_the_free(draft: Draft, key: str, intent: Intent, case: Case, verdict: Verdict) -> tuple[Case, Verdict]:
    """Return an exit for what the venue calls free, if it takes an order that small; else the one there was."""
    if case.free is None or not case.free > ZERO:
        return case, verdict
    fewer, answer = _judge(draft, key, intent, case.free)
    return (fewer, answer) if answer.outcome is Outcome.ALLOW else (case, verdict)


def _is_all(case: Case, left: Decimal) -> bool:
    largest = _largest(case)
    return largest is None or largest >= left


def _leave_dust(draft: Draft, key: str, left: Decimal) -> None:
    """End a close over a rest that no venue takes, and the guard that could never sell it."""
    reason = f"dust of {shown(left)} stays: the venue takes no order that small"
    draft.emit(CloseEnded(at=draft.now, position=key, reason=reason))
    if key in draft.book.protections:
        draft.emit(ProtectionEnded(at=draft.now, position=key, reason=reason))


def _wait(draft: Draft, closing: Closing, stage: Stage, answer: IntentJudged) -> None:
    """Try again with every look at the market; only the first refusal is worth an entry."""
    if closing.stage is not stage or closing.order_id:
        draft.emit(answer)
        # The next try has an id of its own: by then another quantity may be left.
        moved = replace(closing, stage=stage, order_id="", tries=closing.tries + 1)
        draft.emit(CloseMoved(at=draft.now, closing=moved))


def let_go(draft: Draft, working: Working, reason: str) -> None:
    """Take an order back, and go on at once with what hung on it if it never left."""
    take_back(draft, working, reason)
    if working.state is OrderState.CLEARED:
        after_end(draft, replace(working, state=OrderState.VOID))


def after_end(draft: Draft, working: Working) -> None:
    """Let closes and guards go on after an order has ended."""
    _order_ended(draft, working)
    if working.order.purpose is Purpose.PROTECTION:
        protecting.lost(draft, working)
    protecting.guard(draft, _key(working))


def _order_ended(draft: Draft, working: Working) -> None:
    key = _key(working)
    closing = draft.book.closings.get(key)
    if closing is None:
        return
    if closing.order_id == working.order.id:
        if lesser(closing.left, held(draft, key, closing.intent.side)) <= ZERO:
            end(draft, key, "closed")
        elif closing.intent.purpose is Purpose.TRADE:
            end(draft, key, f"the exit ended {working.state.lower()}")
        else:
            draft.emit(CloseMoved(at=draft.now, closing=replace(closing, order_id="")))
    elif closing.stage is Stage.CANCELLING:
        go_on(draft, key)


def filled(draft: Draft, key: str, order_id: str, quantity: Decimal) -> None:
    """Count a fill of the exit, and take back what a late fill has made too large."""
    closing = draft.book.closings.get(key)
    if closing is not None and closing.order_id == order_id:
        left = closing.left - quantity
        draft.emit(CloseMoved(at=draft.now, closing=replace(closing, left=left)))
    guard = draft.book.protections.get(key)
    for side in Side:
        room = held(draft, key, side)
        for working in sorted(claims(draft, key, side), key=lambda item: item.order.cleared_at):
            if not working.order.reduces or (guard is not None and guard.order_id == working.order.id):
                continue
            if working.remaining <= room:
                room -= working.remaining
            else:
                let_go(draft, working, "an earlier order has filled what it would sell")


def end(draft: Draft, key: str, reason: str) -> None:
    """End a close and guard again what is left of the position."""
    draft.emit(CloseEnded(at=draft.now, position=key, reason=reason))
    protecting.guard(draft, key)


def clear_again(draft: Draft, working: Working) -> None:
    """Judge an exit whose clearance grew too old for the wire once more, at once."""
    order, key = working.order, _key(working)
    closing, guard = draft.book.closings.get(key), draft.book.protections.get(key)
    is_closing = closing is not None and closing.order_id == order.id
    if guard is not None and guard.order_id == order.id:
        draft.emit(Protected(at=draft.now, protection=replace(guard, kept=Kept.DESK, order_id="")))
        protecting.guard(draft, key)
        return
    if closing is not None and is_closing and order.purpose is not Purpose.TRADE:
        draft.emit(CloseMoved(at=draft.now, closing=replace(closing, order_id="")))
        go_on(draft, key)
        return
    record = draft.book.intent(order.intent_id)
    intent = intent_of(working) if record is None else record.intent
    parent, _, tries = intent.id.partition("/again.")
    intent = replace(intent, id=f"{parent}/again.{int(tries or 0) + 1}", door=Door.DESK)
    case = case_of(intent, draft.book, draft.facts, draft.policy, order.venue, size=order.quantity)
    verdict = judge(case)
    draft.emit(judged(case, verdict))
    if not (verdict.outcome is Outcome.ALLOW and case.reduces):
        if is_closing:
            end(draft, key, f"denied: {', '.join(verdict.codes())}")
        return
    clearance = cleared(case, draft.next_ordinal())
    draft.emit(clearance)
    if closing is not None and is_closing:
        draft.emit(CloseMoved(at=draft.now, closing=replace(closing, order_id=clearance.order.id)))

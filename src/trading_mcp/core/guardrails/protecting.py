"""Guard positions: place the stop at the venue where it can rest, and know who keeps it."""

from typing import Final

from msgspec.structs import replace

from trading_mcp.core.domain.events import Protected, ProtectionEnded
from trading_mcp.core.domain.instruments import Instrument
from trading_mcp.core.domain.market import MINUTE
from trading_mcp.core.domain.money import ONE, ZERO, floor_to
from trading_mcp.core.domain.orders import (
    Door,
    Intent,
    Order,
    OrderState,
    OrderType,
    Protect,
    Purpose,
    Quantity,
    Side,
    TimeInForce,
    Working,
)
from trading_mcp.core.domain.portfolio import Position, position_key
from trading_mcp.core.domain.protection import (
    Kept,
    Protection,
    Trigger,
    protection_for,
)
from trading_mcp.core.domain.verdict import Outcome
from trading_mcp.core.guardrails.case import case_of
from trading_mcp.core.guardrails.clearing import cleared, judged
from trading_mcp.core.guardrails.draft import Draft
from trading_mcp.core.guardrails.gate import judge
from trading_mcp.core.guardrails.resting import take_back

# How long a venue that has refused a stop is left in peace; meanwhile the desk keeps it.
RETRY_AFTER: Final = MINUTE


def child_id(draft: Draft, found: Protection, what: str) -> tuple[str, int]:
    """Return an id that no earlier guard of the same entry has used."""
    serial = found.serial
    while draft.book.intent(f"{found.parent}/{what}.{serial}") is not None:
        serial += 1
    return f"{found.parent}/{what}.{serial}", serial


def guard(draft: Draft, key: str) -> None:
    """Place a position's stop at the venue, for all of it, unless something else is under way."""
    found, position = draft.book.protections.get(key), draft.book.portfolio.positions.get(key)
    if found is None or found.stop is None or position is None:
        return
    if key in draft.book.closings or found.wanted is Kept.DESK or _is_busy(draft, found):
        return
    instrument = draft.facts.instrument(f"{position.venue}/{position.pair}")
    if instrument is None or not instrument.stops_rest:
        return
    resting = draft.book.working.get(found.order_id)
    if resting is not None and (resting.cancel_reason or _fits(draft, resting, position)):
        return
    if resting is not None:
        # The rest of it follows when the venue has confirmed the cancel; until then the desk watches.
        found = replace(found, kept=Kept.DESK)
        draft.emit(Protected(at=draft.now, protection=found))
        take_back(draft, resting, "the position changed its size")
        if resting.state is not OrderState.CLEARED:
            return
    if found.refused_at is None or not 0 <= draft.now - found.refused_at < RETRY_AFTER:
        _place(draft, found, position, instrument)


def _is_busy(draft: Draft, found: Protection) -> bool:
    """Say whether an entry still fills or another exit holds the position; the stop follows once that is known."""
    return any(
        working.order.id != found.order_id
        and position_key(working.order.book, working.order.venue, working.order.pair) == found.position
        for working in draft.book.working.values()
    )


def _fits(draft: Draft, resting: Working, position: Position) -> bool:
    """Say whether a resting stop is for all of a position that the venue can sell."""
    instrument = draft.facts.instrument(f"{position.venue}/{position.pair}")
    quantity = abs(position.quantity)
    return resting.remaining == (quantity if instrument is None else floor_to(quantity, instrument.quantity_step))


def _place(draft: Draft, found: Protection, position: Position, instrument: Instrument) -> None:
    is_long = position.quantity > ZERO
    stop = found.stop
    assert stop is not None, "only a stop rests at a venue"  # noqa: S101 - us being wrong
    kind, limit = OrderType.STOP, None
    if kind not in instrument.order_types:
        kind = OrderType.STOP_LIMIT
        slippage = draft.policy.limits(instrument.market).exit_slippage_max
        limit = stop * (ONE - slippage if is_long else ONE + slippage)
    tif = TimeInForce.GTC if TimeInForce.GTC in instrument.times_in_force else TimeInForce.DAY
    intent_id, serial = child_id(draft, found, Trigger.STOP)
    intent = Intent(
        id=intent_id,
        door=Door.DESK,
        pair=position.pair,
        side=Side.SELL if is_long else Side.BUY,
        amount=Quantity(abs(position.quantity)),
        book=position.book,
        venue=position.venue,
        type=kind,
        stop_price=stop,
        limit_price=limit,
        time_in_force=tif,
        reason="the stop of a position",
        purpose=Purpose.PROTECTION,
    )
    case = case_of(intent, draft.book, draft.facts, draft.policy, position.venue)
    verdict = judge(case)
    if verdict.outcome is not Outcome.ALLOW or not case.reduces:
        return
    draft.emit(judged(case, verdict))
    clearance = cleared(case, draft.next_ordinal())
    draft.emit(clearance)
    placed = replace(found, kept=Kept.DESK, order_id=clearance.order.id, serial=serial + 1, refused_at=None)
    draft.emit(Protected(at=draft.now, protection=placed))


def entered(draft: Draft, order: Order, key: str) -> None:
    """Guard what an entry has filled so far, as the entry asked."""
    position = draft.book.portfolio.positions.get(key)
    if position is None:
        return
    before = draft.book.protections.get(key)
    wish: Protect | None = order.protect
    if wish is None:
        if before is not None:
            # The stop at the venue is for less than is held now: until it is placed anew the desk watches.
            held = replace(before, entry=position.average, kept=Kept.DESK)
            draft.emit(Protected(at=draft.now, protection=held))
        return
    fresh = protection_for(key, wish, position.average, order.intent_id, is_long=position.quantity > ZERO)
    if before is not None:
        fresh = replace(fresh, order_id=before.order_id, serial=before.serial)
        fresh = _no_looser(fresh, before)
    draft.emit(Protected(at=draft.now, protection=fresh))


def _no_looser(fresh: Protection, before: Protection) -> Protection:
    """Keep of an earlier guard what a later entry did not ask for or would loosen: only a person takes it away."""
    stops = [stop for stop in (fresh.stop, before.stop) if stop is not None]
    bests = (before.best, fresh.best) if before.parent != fresh.parent else (before.best,)
    nearest = max if fresh.is_long else min
    return replace(
        fresh,
        best=nearest(bests),
        stop=nearest(stops, default=None),
        target=before.target if fresh.target is None else fresh.target,
        trailing=before.trailing if fresh.trailing is None else fresh.trailing,
    )


def settle(draft: Draft, key: str) -> None:
    """After a fill: what guards a position that is gone, or has changed its sign, goes with it."""
    position, found = draft.book.portfolio.positions.get(key), draft.book.protections.get(key)
    if found is None or (position is not None and (position.quantity > ZERO) == found.is_long):
        return
    resting = draft.book.working.get(found.order_id)
    if resting is not None:
        take_back(draft, resting, "the position is closed")
    draft.emit(ProtectionEnded(at=draft.now, position=key, reason="the position is closed"))


def accepted(draft: Draft, working: Working) -> None:
    """Know that the venue keeps the stop now, if it is still for the whole position."""
    order = working.order
    key = position_key(order.book, order.venue, order.pair)
    found, position = draft.book.protections.get(key), draft.book.portfolio.positions.get(key)
    if found is None or found.order_id != order.id or position is None or key in draft.book.closings:
        return
    if _fits(draft, working, position):
        draft.emit(Protected(at=draft.now, protection=replace(found, kept=Kept.VENUE)))
    else:
        guard(draft, key)


def doubted(draft: Draft, order: Order) -> None:
    """Keep at the desk a stop of which nobody can say whether the venue has it."""
    found = draft.book.protections.get(position_key(order.book, order.venue, order.pair))
    if found is not None and found.order_id == order.id and found.kept is Kept.VENUE:
        draft.emit(Protected(at=draft.now, protection=replace(found, kept=Kept.DESK)))


def lost(draft: Draft, working: Working) -> None:
    """Know that the venue keeps the stop no longer: the desk does, until it is placed again."""
    order = working.order
    found = draft.book.protections.get(position_key(order.book, order.venue, order.pair))
    if found is None or found.order_id != order.id:
        return
    # A venue that refuses a stop, or drops it unasked, is not asked again in the same breath.
    unasked = working.state is not OrderState.VOID and not working.cancel_reason
    refused_at = draft.now if unasked else found.refused_at
    kept = replace(found, kept=Kept.DESK, order_id="", refused_at=refused_at)
    draft.emit(Protected(at=draft.now, protection=kept))

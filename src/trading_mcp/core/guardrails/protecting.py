"""Guard positions: place the stop at the venue where it can rest, watch the rest, and fire through a close."""

from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.commands import Watch
from trading_mcp.core.domain.events import AnyEvent, Protected, ProtectionEnded
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.instruments import Instrument
from trading_mcp.core.domain.market import market_of
from trading_mcp.core.domain.money import ONE, ZERO
from trading_mcp.core.domain.orders import (
    Door,
    Intent,
    Order,
    OrderType,
    Protect,
    Purpose,
    Quantity,
    Side,
    TimeInForce,
)
from trading_mcp.core.domain.portfolio import Position, position_key
from trading_mcp.core.domain.protection import Kept, Protection, improved, protection_for, triggered
from trading_mcp.core.domain.verdict import Outcome
from trading_mcp.core.guardrails import closing
from trading_mcp.core.guardrails.case import case_of
from trading_mcp.core.guardrails.clearing import cleared, judged
from trading_mcp.core.guardrails.draft import Draft
from trading_mcp.core.guardrails.gate import judge
from trading_mcp.core.guardrails.resting import take_back

_FRESH_FOR_EXITS: Final = 6


def watch(command: Watch, book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """Look at the price of every guarded position, and go on with every close that waits."""
    del command
    draft = Draft(book, facts)
    for key in sorted(book.closings):
        closing.go_on(draft, key)
    for key in sorted(book.protections):
        _watch_one(draft, key)
    return tuple(draft.events)


def _watch_one(draft: Draft, key: str) -> None:
    found, position = draft.book.protections.get(key), draft.book.portfolio.positions.get(key)
    if found is None or position is None or position.quantity == ZERO:
        return
    price = _exit_price(draft, position)
    if price is None:
        return
    better = improved(found, price)
    if better is not found:
        draft.emit(Protected(at=draft.now, protection=better))
    trigger = triggered(better, price)
    at_venue = better.kept is Kept.VENUE
    if trigger is None:
        if not at_venue and better.wanted is Kept.VENUE:
            guard(draft, key)
        return
    under_way = draft.book.closings.get(key)
    if under_way is not None and under_way.intent.purpose is not Purpose.TRADE:
        return
    if trigger == "stop" and at_venue:
        return
    exit_intent = Intent(
        id=f"{better.parent}/{trigger}.{better.serial}",
        door=Door.DESK,
        pair=position.pair,
        side=Side.SELL if position.quantity > ZERO else Side.BUY,
        amount=Quantity(abs(position.quantity)),
        book=position.book,
        venue=position.venue,
        reason=f"{trigger} of {key} at {price}",
        purpose=Purpose.PROTECTION,
    )
    draft.emit(Protected(at=draft.now, protection=replace(better, kept=Kept.DESK, serial=better.serial + 1)))
    closing.begin(draft, key, exit_intent, abs(position.quantity))


def _exit_price(draft: Draft, position: Position) -> Decimal | None:
    """Return the price an exit would meet, if there is one that can be believed."""
    quote = draft.facts.quotes.get(f"{position.venue}/{position.pair}")
    if quote is None:
        return None
    most = draft.policy.limits(market_of(position.pair)).price_age_max * _FRESH_FOR_EXITS
    price = quote.bid if position.quantity > ZERO else quote.ask
    is_sane = price.is_finite() and price > ZERO
    return price if is_sane and draft.now - quote.confirmed_at <= most else None


def guard(draft: Draft, key: str) -> None:
    """Place a position's stop at the venue, for all of it, unless something else is under way."""
    found, position = draft.book.protections.get(key), draft.book.portfolio.positions.get(key)
    if found is None or found.stop is None or position is None or position.quantity == ZERO:
        return
    if key in draft.book.closings or found.wanted is Kept.DESK or _is_entering(draft, key):
        return
    resting = draft.book.working.get(found.order_id)
    if resting is not None:
        if resting.remaining != abs(position.quantity):
            # The rest of it follows when the venue has confirmed the cancel; until then the desk watches.
            draft.emit(Protected(at=draft.now, protection=replace(found, kept=Kept.DESK)))
            take_back(draft, resting, "the position changed its size")
        return
    instrument = draft.facts.instruments.get(f"{position.venue}/{position.pair}")
    if instrument is None or not instrument.stops_rest:
        return
    _place(draft, found, position, instrument)


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
    intent = Intent(
        id=f"{found.parent}/stop.{found.serial}",
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
    draft.emit(
        Protected(
            at=draft.now,
            protection=replace(found, kept=Kept.DESK, order_id=clearance.order.id, serial=found.serial + 1),
        )
    )


def _is_entering(draft: Draft, key: str) -> bool:
    """Say whether an entry is still filling; the stop is placed once its size is known."""
    return any(
        not working.order.reduces and position_key(working.order.book, working.order.venue, working.order.pair) == key
        for working in draft.book.working.values()
    )


def entered(draft: Draft, order: Order, key: str) -> None:
    """Guard what an entry has filled so far, as the entry asked."""
    position = draft.book.portfolio.positions.get(key)
    if position is None:
        return
    before = draft.book.protections.get(key)
    wish: Protect | None = order.protect
    if wish is None:
        if before is not None:
            draft.emit(Protected(at=draft.now, protection=replace(before, entry=position.average)))
        return
    fresh = protection_for(key, wish, position.average, order.intent_id, is_long=position.quantity > ZERO)
    if before is not None:
        fresh = replace(fresh, kept=before.kept, order_id=before.order_id, serial=before.serial)
        if before.parent == fresh.parent:
            fresh = replace(fresh, best=before.best)
    draft.emit(Protected(at=draft.now, protection=fresh))


def settle(draft: Draft, key: str) -> None:
    """After a fill: what guards a position that is gone goes with it."""
    position, found = draft.book.portfolio.positions.get(key), draft.book.protections.get(key)
    if found is None or (position is not None and position.quantity != ZERO):
        return
    resting = draft.book.working.get(found.order_id)
    if resting is not None:
        take_back(draft, resting, "the position is closed")
    draft.emit(ProtectionEnded(at=draft.now, position=key, reason="the position is closed"))


def accepted(draft: Draft, order: Order) -> None:
    """Know that the venue keeps the stop now."""
    key = position_key(order.book, order.venue, order.pair)
    found = draft.book.protections.get(key)
    if found is not None and found.order_id == order.id and key not in draft.book.closings:
        draft.emit(Protected(at=draft.now, protection=replace(found, kept=Kept.VENUE)))


def lost(draft: Draft, order: Order) -> None:
    """Know that the venue keeps the stop no longer: the desk does, until it is placed again."""
    key = position_key(order.book, order.venue, order.pair)
    found = draft.book.protections.get(key)
    if found is None or found.order_id != order.id:
        return
    draft.emit(Protected(at=draft.now, protection=replace(found, kept=Kept.DESK, order_id="")))
    guard(draft, key)

"""The matching engine: an order and a look at the market in, fills and the order's new state out.

It knows two views. A book has prices and quantities: an order that takes walks it. A bar has four prices, and
what happened inside it is assumed to our disadvantage. Whatever is not known is never filled.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from trading_mcp.core.domain.market import Candle, Depth, Level
from trading_mcp.core.domain.money import ZERO, floor_to
from trading_mcp.core.domain.orders import OrderState, OrderType, Side, TimeInForce
from trading_mcp.core.simulation.resting import (
    DAY_OVER,
    NO_ROOM,
    Look,
    Matched,
    Resting,
    Taken,
    ended,
    fired,
    settle,
    still,
    trailed,
    wanted,
)

# Inside one look everything that hurts comes first: markets, then stops, then targets.
_TURN: Final = {
    OrderType.MARKET: 0,
    OrderType.STOP: 1,
    OrderType.TRAILING_STOP: 1,
    OrderType.STOP_LIMIT: 1,
    OrderType.LIMIT: 2,
}
_NOTHING: Final = {Side.BUY: ZERO, Side.SELL: ZERO}


def match_bar(resting: Resting, bar: Candle, look: Look) -> Matched:
    """Match an order against one bar; one that arrived inside the bar waits for the next."""
    done = _before(resting, bar.start, look.room)
    if done is not None:
        return done
    order, side, costs = resting.order, resting.order.side, look.costs
    first = costs.seen(bar.open, side)
    if resting.stop is not None:
        worst = costs.seen(bar.low if side is Side.SELL else bar.high, side)
        if not fired(order, resting.stop, worst):
            return _trail_bar(resting, bar, look)
        # A gap opens beyond the trigger and is paid; otherwise the trigger is where it happens.
        first = min(first, resting.stop) if side is Side.SELL else max(first, resting.stop)
        return _fire(resting, first, bar, look)
    limit = resting.limit
    if limit is None or (not resting.booked and _reaches(side, first, limit)):
        return _take_bar(resting, first, bar, look)
    if resting.at_once:
        return settle(resting, [], look)
    best = costs.seen(bar.low if side is Side.BUY else bar.high, side)
    if not _reaches(side, best, limit):
        return settle(resting, [], look)
    share = costs.touch_share if best == limit else costs.volume_share
    quantity = _limited(wanted(resting, look.room), bar.volume, share, look)
    taken = [Taken(quantity=quantity, price=limit, takes=False)] if quantity > ZERO else []
    return settle(resting, taken, look)


def match_depth(resting: Resting, depth: Depth, look: Look) -> Matched:
    """Match an order against one book; the same book never fills it twice."""
    done = _before(resting, look.at, look.room)
    if done is not None:
        return done
    if resting.seen_at is not None and depth.at <= resting.seen_at:
        return still(resting)
    resting = replace(resting, seen_at=depth.at)
    levels = depth.asks if resting.order.side is Side.BUY else depth.bids
    if resting.stop is not None:
        if not levels:
            return still(resting)
        best = levels[0].price
        if not fired(resting.order, resting.stop, best):
            return still(_trail(resting, best, look))
        resting = replace(resting, stop=None)
    return settle(resting, _walk(resting, levels, look), look)


def match_all(
    orders: Sequence[Resting],
    view: Candle | Depth,
    held: Mapping[str, Decimal],
    look: Look,
    gone: Mapping[Side, Decimal] = _NOTHING,
) -> list[Matched]:
    """Match the orders of one pair in the pessimistic order, sharing what is offered and what is held.

    `held` is the signed position of each book, `gone` what we took of this view before. The answers stand in the
    order of matching.
    """
    position = dict(held)
    used = dict(gone)
    results: list[Matched] = []
    for resting in sorted(orders, key=_turn):
        order = resting.order
        before = position.get(order.book, ZERO)
        room = max(ZERO, before if order.side is Side.SELL else -before)
        mine = replace(look, room=room, used=used[order.side])
        matched = match_bar(resting, view, mine) if isinstance(view, Candle) else match_depth(resting, view, mine)
        quantity = matched.resting.filled - resting.filled
        used[order.side] += quantity
        position[order.book] = before + (quantity if order.side is Side.BUY else -quantity)
        results.append(matched)
    return results


def _turn(resting: Resting) -> tuple[int, int, str]:
    return _TURN[resting.order.type], resting.since, resting.order.id


def _before(resting: Resting, at: int, room: Decimal | None) -> Matched | None:
    """What ends or defers an order before anything is matched."""
    if resting.expires_at is not None and at >= resting.expires_at:
        return ended(resting, OrderState.LAPSED, DAY_OVER)
    if room is not None and room <= ZERO and resting.order.reduces:
        return ended(resting, OrderState.CANCELLED, NO_ROOM)
    if at < resting.since:
        return still(resting)
    return None


def _reaches(side: Side, price: Decimal, limit: Decimal) -> bool:
    """Whether a price is at the limit or better."""
    return price <= limit if side is Side.BUY else price >= limit


def _trail_bar(resting: Resting, bar: Candle, look: Look) -> Matched:
    """Move a trail by a bar that did not fire it; only the close is known to come after the best price."""
    side, costs = resting.order.side, look.costs
    moved = _trail(resting, costs.seen(bar.high if side is Side.SELL else bar.low, side), look)
    if moved.stop is not None and fired(moved.order, moved.stop, costs.seen(bar.close, side)):
        return _fire(moved, moved.stop, bar, look)
    return still(moved)


def _trail(resting: Resting, best: Decimal, look: Look) -> Resting:
    """The order after its best price so far; only a trailing stop minds."""
    if resting.order.type is not OrderType.TRAILING_STOP:
        return resting
    return replace(resting, stop=trailed(resting.order, resting.stop, best, look.instrument.price_step))


def _fire(resting: Resting, price: Decimal, bar: Candle, look: Look) -> Matched:
    """Make a stop a market or limit order at the price that fired it."""
    active = replace(resting, stop=None)
    limit = resting.limit
    if limit is not None and not _reaches(resting.order.side, price, limit):
        # The price jumped over the limit. Whether it came back within this bar is not known.
        return settle(active, [], look)
    return _take_bar(active, price, bar, look)


def _take_bar(resting: Resting, price: Decimal, bar: Candle, look: Look) -> Matched:
    """Take from the market at one price of a bar, as much of its volume as we may have."""
    order, costs = resting.order, look.costs
    quantity = _limited(wanted(resting, look.room), bar.volume, costs.volume_share, look)
    if quantity <= ZERO or (order.time_in_force is TimeInForce.FOK and quantity < resting.remaining):
        return settle(resting, [], look)
    paid = costs.paid(price, order.side, look.instrument.price_step, resting.limit)
    return settle(resting, [Taken(quantity=quantity, price=paid, takes=True)], look)


def _limited(quantity: Decimal, volume: Decimal, share: Decimal | None, look: Look) -> Decimal:
    """As much of a quantity as our share of a volume leaves after what others used."""
    if share is None:
        return quantity
    return min(quantity, max(ZERO, floor_to(volume * share, look.instrument.quantity_step) - look.used))


def _offers(levels: tuple[Level, ...], resting: Resting, look: Look) -> Iterator[tuple[Decimal, Decimal]]:
    """What a book offers within the limit: our share of each level, best first, without what others used."""
    costs, side, limit, used = look.costs, resting.order.side, resting.limit, look.used
    for level in levels:
        if limit is not None and not _reaches(side, level.price, limit):
            return
        touched = resting.booked and level.price == limit
        share = costs.touch_share if touched else costs.volume_share
        offered = level.quantity if share is None else level.quantity * share
        offered = floor_to(offered, look.instrument.quantity_step)
        gone = min(used, offered)
        used -= gone
        if offered > gone:
            yield level.price, offered - gone


def _walk(resting: Resting, levels: tuple[Level, ...], look: Look) -> list[Taken]:
    """What a book gives: an arriving order takes its prices, a booked one is crossed at its limit."""
    order, limit = resting.order, resting.limit
    booked_at = limit if resting.booked else None
    left = wanted(resting, look.room)
    taken: list[Taken] = []
    for price, offered in _offers(levels, resting, look):
        quantity = min(left, offered)
        paid = booked_at or look.costs.paid(price, order.side, look.instrument.price_step, limit)
        taken.append(Taken(quantity=quantity, price=paid, takes=booked_at is None))
        left -= quantity
        if left <= ZERO:
            break
    if order.time_in_force is TimeInForce.FOK and sum([part.quantity for part in taken]) < resting.remaining:
        return []
    return taken

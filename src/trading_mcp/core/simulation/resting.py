"""An order inside a simulated market, from its arrival to its end: the state the matching engine hands on."""

from decimal import Decimal

import msgspec

from trading_mcp.core.domain.instruments import Instrument
from trading_mcp.core.domain.money import ONE, ZERO, ceil_to, floor_to
from trading_mcp.core.domain.orders import Fill, Order, OrderState, OrderType, Side, TimeInForce
from trading_mcp.core.simulation.costs import Costs

_AT_ONCE = frozenset({TimeInForce.IOC, TimeInForce.FOK})
_WITH_STOP = frozenset({OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP})
NO_ROOM = "nothing left to reduce"
NOT_AT_ONCE = "could not be filled at once"
DAY_OVER = "the session it was good for is over"


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One look at the market: when, at which steps and costs, and what is left for the order that looks."""

    instrument: Instrument
    costs: Costs
    at: int
    room: Decimal | None = None  # what a reducing order may still reduce; None is not known to be limited
    used: Decimal = ZERO  # what others of ours took of the same volume or side of the book


class Resting(msgspec.Struct, frozen=True, kw_only=True):
    """An order in the market: `stop` is its trigger while it waits, `booked` says that it met the market."""

    order: Order
    since: int
    expires_at: int | None = None
    stop: Decimal | None = None
    booked: bool = False
    filled: Decimal = ZERO
    fills: int = 0
    seen_at: int | None = None  # the book it was last matched against: one book fills an order once

    @property
    def remaining(self) -> Decimal:
        return self.order.quantity - self.filled

    @property
    def limit(self) -> Decimal | None:
        """The worst price it accepts once it is active; None is any."""
        order = self.order
        if order.limit_price is not None:
            return order.limit_price
        # What is cleared as a market order travels as a limit at its worst price. A stop that has fired does
        # not: it must get out, whatever the gap.
        return order.price_worst or None if order.type is OrderType.MARKET else None

    @property
    def at_once(self) -> bool:
        """Whether what is not filled on the first look is cancelled."""
        return self.order.type is OrderType.MARKET or self.order.time_in_force in _AT_ONCE


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A quantity at a price, before it becomes a fill."""

    quantity: Decimal
    price: Decimal
    takes: bool


class Matched(msgspec.Struct, frozen=True, kw_only=True):
    """What one look at the market did to an order."""

    resting: Resting
    fills: tuple[Fill, ...] = ()
    state: OrderState = OrderState.LIVE
    reason: str = ""

    @property
    def ended(self) -> bool:
        return self.state not in (OrderState.LIVE, OrderState.PARTIAL)


def arrive(order: Order, look: Look, *, price: Decimal, expires_at: int | None = None) -> Resting:
    """Send an order; `price` is where a trail starts, `expires_at` the end of a day order's session."""
    stop = order.stop_price
    if order.type is OrderType.TRAILING_STOP:
        stop = trailed(order, stop, price, look.instrument.price_step)
    if order.lapses_at is not None or order.time_in_force is not TimeInForce.DAY:
        expires_at = order.lapses_at
    return Resting(
        order=order,
        since=look.at + look.costs.latency,
        expires_at=expires_at,
        stop=stop if order.type in _WITH_STOP else None,
    )


def until(resting: Resting, moment: int | None) -> Resting:
    """An order that ends at a moment unless it ends before."""
    if moment is None or (resting.expires_at is not None and resting.expires_at <= moment):
        return resting
    return msgspec.structs.replace(resting, expires_at=moment)


def trailed(order: Order, stop: Decimal | None, price: Decimal, step: Decimal) -> Decimal:
    """The trigger of a trailing stop after a price: `trail` is a share of the best one; it never loosens."""
    distance = order.trail if order.trail is not None else ZERO
    if order.side is Side.SELL:
        new = floor_to(price * (ONE - distance), step)
        return new if stop is None or new > stop else stop
    new = ceil_to(price * (ONE + distance), step)
    return new if stop is None or new < stop else stop


def fired(order: Order, stop: Decimal, price: Decimal) -> bool:
    """Whether a price that works against the position has reached the trigger."""
    return price <= stop if order.side is Side.SELL else price >= stop


def wanted(resting: Resting, room: Decimal | None) -> Decimal:
    """The quantity that may still be filled: an order that reduces takes no more than there is to reduce."""
    remaining = resting.remaining
    if room is None or not resting.order.reduces:
        return remaining
    return min(remaining, max(ZERO, room))


def settle(resting: Resting, taken: list[Taken], look: Look) -> Matched:
    """Turn what was taken into fills with their fees and say what became of the order, booked from now on."""
    order, costs, instrument, room = resting.order, look.costs, look.instrument, look.room
    fills: list[Fill] = []
    filled = resting.filled
    for count, part in enumerate(taken, resting.fills + 1):
        fee, asset = costs.fee(instrument, order.side, part.quantity, part.price, takes=part.takes)
        filled += part.quantity
        fills.append(
            Fill(
                trade_id=f"{order.id}:{count}",
                venue=order.venue,
                pair=order.pair,
                side=order.side,
                quantity=part.quantity,
                price=part.price,
                fee=fee,
                fee_asset=asset,
                at=look.at,
                order_id=order.id,
            )
        )
    after = Resting(
        order=order,
        since=resting.since,
        expires_at=resting.expires_at,
        stop=resting.stop,
        booked=True,
        filled=filled,
        fills=resting.fills + len(fills),
        seen_at=resting.seen_at,
    )
    if filled >= order.quantity:
        return Matched(resting=after, fills=tuple(fills), state=OrderState.FILLED)
    if resting.at_once:
        return Matched(resting=after, fills=tuple(fills), state=OrderState.CANCELLED, reason=NOT_AT_ONCE)
    if room is not None and order.reduces and room <= filled - resting.filled:
        return Matched(resting=after, fills=tuple(fills), state=OrderState.CANCELLED, reason=NO_ROOM)
    state = OrderState.PARTIAL if filled else OrderState.LIVE
    return Matched(resting=after, fills=tuple(fills), state=state)


def still(resting: Resting) -> Matched:
    """An order to which nothing happened."""
    return Matched(resting=resting, state=OrderState.PARTIAL if resting.filled else OrderState.LIVE)


def ended(resting: Resting, state: OrderState, reason: str) -> Matched:
    """An order that ended without trading any more."""
    return Matched(resting=resting, state=state, reason=reason)

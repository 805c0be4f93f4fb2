"""What the paper venue refuses at its door, and the one sentence it says then."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

from trading_mcp.core.domain.instruments import Instrument
from trading_mcp.core.domain.market import Depth, Session
from trading_mcp.core.domain.money import ONE, ZERO, is_amount, plain
from trading_mcp.core.domain.orders import Order, OrderType, Side, TimeInForce
from trading_mcp.core.simulation.resting import Resting
from trading_mcp.core.simulation.sessions import day_ends

_AT_ONCE: Final = frozenset({TimeInForce.IOC, TimeInForce.FOK})
_WITH_LIMIT: Final = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})
_WITH_STOP: Final = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})
_WITH_TRAIL: Final = frozenset({OrderType.TRAILING_STOP})


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What the venue knows of a pair at the moment an order arrives."""

    instrument: Instrument
    session: Session | None
    depth: Depth | None
    now: int

    @property
    def is_open(self) -> bool:
        return self.session is not None and self.session.is_open

    def best(self, side: Side) -> Decimal | None:
        """The price a side would trade at first; None is not known."""
        levels = () if self.depth is None else self.depth.asks if side is Side.BUY else self.depth.bids
        return levels[0].price if levels else None


def objection(order: Order, seen: Seen) -> str | None:
    """The first reason not to take an order; money is counted elsewhere."""
    return (
        _form(order, seen.instrument) or _steps(order, seen.instrument) or _time(order, seen) or _worth(order, seen)
    )


def wash_trade(order: Order, working: Sequence[Resting]) -> str | None:
    """Why an order is refused where one account may work on one side of a pair only."""
    for resting in working:
        if resting.order.side is not order.side:
            return f"potential wash trade: order {resting.order.id} works on the other side of {order.pair}"
    return None


def _form(order: Order, instrument: Instrument) -> str | None:
    if order.type not in instrument.order_types:
        return f"{order.pair} takes no {order.type} orders"
    if order.time_in_force not in instrument.times_in_force:
        return f"{order.pair} takes no orders that are good for {order.time_in_force}"
    for name, value, kinds in (
        ("limit price", order.limit_price, _WITH_LIMIT),
        ("stop price", order.stop_price, _WITH_STOP),
        ("trail", order.trail, _WITH_TRAIL),
    ):
        if (order.type in kinds) is not (value is not None):
            return f"a {order.type} order comes with{'' if order.type in kinds else 'out'} a {name}"
    return None


def _steps(order: Order, instrument: Instrument) -> str | None:
    quantity = order.quantity
    if not is_amount(quantity):
        return "the quantity is not an amount"
    if quantity % instrument.quantity_step != ZERO:
        return f"the quantity {plain(quantity)} is not in steps of {plain(instrument.quantity_step)}"
    if not instrument.quantity_min <= quantity <= instrument.quantity_max:
        smallest, largest = plain(instrument.quantity_min), plain(instrument.quantity_max)
        return f"the quantity {plain(quantity)} is not between {smallest} and {largest}"
    for name, price in (("limit", order.limit_price), ("stop", order.stop_price)):
        if price is not None and (not is_amount(price) or price % instrument.price_step != ZERO):
            return f"the {name} price {price} is not in steps of {plain(instrument.price_step)}"
    if order.trail is not None and not (is_amount(order.trail) and order.trail < ONE):
        return f"the trail {order.trail} is not a share of the price"
    if order.side is Side.BUY and order.limit_price is None and not is_amount(order.price_worst):
        return "a buy without a limit comes with its worst price"
    return None


def _time(order: Order, seen: Seen) -> str | None:
    if order.lapses_at is not None and order.lapses_at <= seen.now:
        return "the order lapsed before it arrived"
    if order.time_in_force is TimeInForce.DAY and day_ends(seen.session) is None:
        return f"no session of {order.pair} is known for an order of the day"
    if order.time_in_force in _AT_ONCE and not seen.is_open:
        return f"the market of {order.pair} is closed: nothing can be filled at once"
    return None


def _worth(order: Order, seen: Seen) -> str | None:
    needs_price = order.time_in_force in _AT_ONCE or order.type in (OrderType.MARKET, OrderType.TRAILING_STOP)
    best = seen.best(order.side)
    if needs_price and best is None:
        return f"no price of {order.pair} is known now"
    price = order.limit_price or order.stop_price or best or order.price_worst
    notional = seen.instrument.exposure(order.quantity, price)
    if not seen.instrument.notional_min <= notional <= seen.instrument.notional_max:
        smallest, largest = plain(seen.instrument.notional_min), plain(seen.instrument.notional_max)
        return f"an order worth {plain(notional)} is not between {smallest} and {largest}"
    return None

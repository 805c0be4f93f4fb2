"""Short spellings for orders, bars and books in the tables of these tests."""

from decimal import Decimal
from typing import Any

from trading_mcp.core.domain.instruments import Instrument, Kind
from trading_mcp.core.domain.market import Candle, Depth, Level, Market
from trading_mcp.core.domain.orders import Door, Order, OrderType, Purpose, Side, TimeInForce
from trading_mcp.core.simulation.costs import FREE, Costs
from trading_mcp.core.simulation.resting import Look, Resting, arrive

PAIR = Instrument(
    venue="paper",
    pair="BTC-USDT",
    kind=Kind.CRYPTO,
    market=Market.CRYPTO,
    base="BTC",
    quote="USDT",
    price_step=Decimal("0.01"),
    quantity_step=Decimal("0.001"),
    quantity_min=Decimal("0.001"),
    quantity_max=Decimal(1000),
    notional_min=Decimal(1),
    notional_max=Decimal(10_000_000),
)


def d(text: str | int) -> Decimal:
    return Decimal(text)


def order(side: str = "buy", kind: str = "market", quantity: str = "1", **given: Any) -> Order:
    numbers = {key: Decimal(value) for key, value in given.items() if key in _NUMBERS and value is not None}
    others = {key: value for key, value in given.items() if key not in _NUMBERS}
    fields: dict[str, Any] = {
        "id": "o1",
        "intent_id": "i1",
        "book": "manual",
        "venue": "paper",
        "pair": "BTC-USDT",
        "side": Side(side),
        "type": OrderType(kind),
        "quantity": Decimal(quantity),
        "time_in_force": TimeInForce(others.pop("tif", "gtc")),
        "reduces": False,
        "purpose": Purpose.TRADE,
        "price_worst": Decimal(1_000_000 if side == "buy" else 0),
        "cleared_at": 0,
        "door": Door.MCP,
    }
    fields |= numbers | others
    return Order(**fields)


_NUMBERS = {"limit_price", "stop_price", "trail", "price_worst"}


def look(at: int = 0, costs: Costs = FREE, room: str | None = None, used: str = "0") -> Look:
    return Look(
        instrument=PAIR,
        costs=costs,
        at=at,
        room=None if room is None else Decimal(room),
        used=Decimal(used),
    )


def resting(value: Order, price: str = "100", costs: Costs = FREE, **given: Any) -> Resting:
    return arrive(value, look(costs=costs), price=Decimal(price), **given)


def bar(prices: str = "100 101 99 100", volume: str = "10", start: int = 0) -> Candle:
    first, high, low, close = (Decimal(text) for text in prices.split())
    return Candle(start=start, open=first, high=high, low=low, close=close, volume=Decimal(volume))


def book(bids: str = "99x1 98x2", asks: str = "101x1 102x2", at: int = 0) -> Depth:
    return Depth(venue="paper", pair="BTC-USDT", bids=_levels(bids), asks=_levels(asks), at=at, simulated=True)


def _levels(text: str) -> tuple[Level, ...]:
    pairs = (level.split("x") for level in text.split())
    return tuple(Level(price=Decimal(price), quantity=Decimal(quantity)) for price, quantity in pairs)

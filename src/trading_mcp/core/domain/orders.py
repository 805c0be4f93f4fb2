"""Intents, orders, fills, and the one table of what an order in flight may become."""

from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from trading_mcp.core.domain.money import ONE, ZERO

MANUAL: Final = "manual"
EXTERNAL: Final = "external"


class Side(StrEnum):
    """Which way an order trades."""

    BUY = "buy"
    SELL = "sell"


class OrderType(StrEnum):
    """The forms an order can take."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TRAILING_STOP = "trailing_stop"


class TimeInForce(StrEnum):
    """How long an order waits to be filled."""

    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    DAY = "day"


class Door(StrEnum):
    """Where a command came in; the only part of an identity that the gate believes."""

    MCP = "mcp"
    CLI = "cli"
    WEB = "web"
    HTTP = "http"
    RUNNER = "runner"
    DESK = "desk"


class Purpose(StrEnum):
    """Why an order exists; it decides who may cancel it and which states let it through."""

    TRADE = "trade"
    CLOSE = "close"
    PROTECTION = "protection"


class Fit(StrEnum):
    """Whether the desk may make an order smaller to fit the limits."""

    NEVER = "never"
    SHRINK = "shrink"
    EXACT = "exact"


class Quantity(msgspec.Struct, frozen=True, tag="quantity"):
    """An amount of the base asset."""

    value: Decimal


class Notional(msgspec.Struct, frozen=True, tag="notional"):
    """An amount of the quote currency, turned into a quantity before anything is judged."""

    value: Decimal


class Everything(msgspec.Struct, frozen=True, tag="everything"):
    """All that the owning book holds of the pair and no other order has claimed."""


class Trailing(msgspec.Struct, frozen=True, kw_only=True):
    """A trailing exit: armed once the profit reaches `activate`, then `distance` behind the best price."""

    activate: Decimal
    distance: Decimal


class Protect(msgspec.Struct, frozen=True, kw_only=True):
    """The exits an entry asks for: prices for stop and target, shares for a trail."""

    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    trailing: Trailing | None = None


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """What an assistant, a strategy or a person wants; untrusted, and never sent anywhere as it is."""

    id: str
    door: Door
    pair: str
    side: Side
    amount: Quantity | Notional | Everything
    book: str = MANUAL
    client: str = ""
    type: OrderType = OrderType.MARKET
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    protect: Protect | None = None
    venue: str | None = None
    reason: str = ""
    signal_seq: int | None = None
    due_at: int | None = None
    fit: Fit = Fit.NEVER
    purpose: Purpose = Purpose.TRADE

    @property
    def algorithm(self) -> str | None:
        """Return the algorithm that owns the order, if one does."""
        return None if self.book in (MANUAL, EXTERNAL) else self.book


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Exactly what a venue is told; built by the gate alone, and what was judged is what is sent."""

    id: str
    intent_id: str
    book: str
    venue: str
    pair: str
    side: Side
    type: OrderType
    quantity: Decimal
    time_in_force: TimeInForce
    reduces: bool
    purpose: Purpose
    price_worst: Decimal
    cleared_at: int
    door: Door
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail: Decimal | None = None
    protect: Protect | None = None
    lapses_at: int | None = None
    signed: bool = False
    multiplier: Decimal = ONE


class OrderState(StrEnum):
    """Where an order is between the gate and its end."""

    CLEARED = "CLEARED"
    SENDING = "SENDING"
    LIVE = "LIVE"
    UNKNOWN = "UNKNOWN"
    PARTIAL = "PARTIAL"
    CANCEL_PENDING = "CANCEL_PENDING"
    REJECTED = "REJECTED"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    LAPSED = "LAPSED"
    VOID = "VOID"


_S = OrderState
TRANSITIONS: Final[dict[OrderState, frozenset[OrderState]]] = {
    _S.CLEARED: frozenset({_S.SENDING, _S.VOID}),
    # A crash or a time-out while sending leaves UNKNOWN; a stop before the wire is never SENDING.
    _S.SENDING: frozenset({_S.LIVE, _S.UNKNOWN, _S.REJECTED, _S.PARTIAL, _S.FILLED, _S.CANCELLED, _S.LAPSED}),
    _S.LIVE: frozenset({_S.PARTIAL, _S.FILLED, _S.CANCEL_PENDING, _S.CANCELLED, _S.LAPSED, _S.UNKNOWN, _S.REJECTED}),
    _S.UNKNOWN: frozenset({_S.LIVE, _S.PARTIAL, _S.FILLED, _S.CANCEL_PENDING, _S.CANCELLED, _S.LAPSED, _S.REJECTED}),
    _S.PARTIAL: frozenset({_S.PARTIAL, _S.FILLED, _S.CANCEL_PENDING, _S.CANCELLED, _S.LAPSED, _S.UNKNOWN}),
    # A cancel may lose the race: the order fills, or the venue says it is still alive.
    _S.CANCEL_PENDING: frozenset(
        {_S.CANCEL_PENDING, _S.LIVE, _S.PARTIAL, _S.FILLED, _S.CANCELLED, _S.LAPSED, _S.UNKNOWN, _S.REJECTED}
    ),
    # Fills may arrive after the end; nothing else may.
    _S.CANCELLED: frozenset({_S.CANCELLED, _S.FILLED}),
    _S.LAPSED: frozenset({_S.LAPSED, _S.FILLED}),
    _S.REJECTED: frozenset(),
    _S.FILLED: frozenset(),
    _S.VOID: frozenset(),
}
ENDED: Final = frozenset({_S.REJECTED, _S.FILLED, _S.CANCELLED, _S.LAPSED, _S.VOID})


def may_become(before: OrderState, after: OrderState) -> bool:
    """Say whether the table allows a step; a step it does not allow is a defect, not a case."""
    return after in TRANSITIONS[before]


class Working(msgspec.Struct, frozen=True, kw_only=True):
    """An order in flight: its state, what is filled, and therefore what it still reserves."""

    order: Order
    state: OrderState
    since: int
    filled: Decimal = ZERO
    venue_order_id: str = ""
    cancel_reason: str = ""

    @property
    def remaining(self) -> Decimal:
        """Return the quantity that may still be filled."""
        return self.order.quantity - self.filled

    @property
    def reserved(self) -> Decimal:
        """Return what the unfilled rest would cost at its worst price, in the quote currency."""
        order = self.order
        return (order.quantity - self.filled) * order.price_worst * order.multiplier


class ForeignOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order that works at a venue and that the desk did not make: what is left of it, or of several as one."""

    venue_order_id: str
    pair: str
    side: Side
    remaining: Decimal
    count: int = 1


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """One execution as the venue reported it."""

    trade_id: str
    venue: str
    pair: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    at: int
    order_id: str | None = None

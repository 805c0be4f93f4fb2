"""What a market shows: quotes, depth, candles, sessions and the health of the feed that told us."""

from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Final

import msgspec
from msgspec.structs import force_setattr

from trading_mcp.core.domain.money import is_price

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR


class Market(StrEnum):
    """The kind of market a pair belongs to; each has its own table of limits."""

    CRYPTO = "crypto"
    STOCKS = "stocks"


@lru_cache(maxsize=4096)
def market_of(pair: str) -> Market:
    """Tell the market from the spelling: a crypto pair names its quote (BTC-USDT), a stock does not (AAPL)."""
    return Market.CRYPTO if "-" in pair else Market.STOCKS


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """The best prices of one pair at one venue; `confirmed_at` is when the venue last vouched for them."""

    venue: str
    pair: str
    bid: Decimal
    ask: Decimal
    bid_size: Decimal
    ask_size: Decimal
    at: int
    confirmed_at: int
    source: str
    simulated: bool = False
    # Worked out once where a quote is read, and never again for an order; what is passed in is ignored.
    is_sane: bool = False

    def __post_init__(self) -> None:
        """See whether both sides are prices, and stand the right way round."""
        bid, ask = self.bid, self.ask
        force_setattr(self, "is_sane", is_price(bid) and is_price(ask) and bid <= ask)


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """One price of an order book and the quantity that rests there."""

    price: Decimal
    quantity: Decimal


class Depth(msgspec.Struct, frozen=True, kw_only=True):
    """An order book, best prices first on both sides."""

    venue: str
    pair: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    at: int
    simulated: bool = False


class Candle(msgspec.Struct, frozen=True, kw_only=True):
    """Prices of one pair over one span of time that begins at `start`."""

    start: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


class FeedHealth(StrEnum):
    """How far a feed can be believed right now."""

    HEALTHY = "HEALTHY"
    DEGRADED = "DEGRADED"
    DOWN = "DOWN"


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a market trades now, the day it calls today, and when that changes."""

    market: Market
    is_open: bool
    day: str
    opens_at: int | None = None
    closes_at: int | None = None


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """The worth of one unit of an asset in the base currency, and when that was last confirmed."""

    value: Decimal
    confirmed_at: int
    # As with a quote: worked out once.
    is_sane: bool = False

    def __post_init__(self) -> None:
        """See whether the worth is one that can be counted with."""
        force_setattr(self, "is_sane", is_price(self.value))

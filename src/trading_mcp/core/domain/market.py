"""What a market shows: quotes, depth, candles, sessions and the health of the feed that told us."""

from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Final

import msgspec

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

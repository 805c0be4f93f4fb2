"""What the shell needs of the world, in domain words; each port ships with a real in-memory fake."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec

from trading_mcp.core.domain.events import AnyEvent
from trading_mcp.core.domain.instruments import Instrument
from trading_mcp.core.domain.market import Candle, Depth, FeedHealth, Market, Quote, Session


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a journal: how many entries, and the hash that commits to all of them."""

    seq: int
    hash: bytes


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One event as it stands in the journal."""

    seq: int
    at: int
    event: AnyEvent
    prev: bytes
    hash: bytes


class Clock(Protocol):
    """Tells the time twice: as people do, and as the machine counts it since it booted, sleep included."""

    def now(self) -> int:
        """Return the wall clock in microseconds since the epoch."""
        ...

    def boot(self) -> int:
        """Return the microseconds since the machine booted."""
        ...


class Feed(Protocol):
    """Tells what markets show; None is not known."""

    def quote(self, venue: str, pair: str) -> Quote | None:
        """Return the best prices of now."""
        ...

    def depth(self, venue: str, pair: str) -> Depth | None:
        """Return the order book of now."""
        ...

    def candles(self, pair: str, timeframe: str, limit: int) -> tuple[Candle, ...]:
        """Return the latest ended candles, oldest first."""
        ...

    def session(self, market: Market) -> Session | None:
        """Return whether a market trades now."""
        ...

    def instruments(self) -> tuple[Instrument, ...]:
        """Return what can be traded."""
        ...

    def health(self) -> FeedHealth:
        """Return how far the feed can be believed."""
        ...


class Journal(Protocol):
    """The only truth on disk."""

    def head(self) -> Head:
        """Return the end of the chain."""
        ...

    def append(self, at: int, events: Sequence[AnyEvent]) -> tuple[Entry, ...]:
        """Add events, all or none; durable when it returns."""
        ...

    def queue(self, at: int, events: Sequence[AnyEvent]) -> None:
        """Add events in order that cause nothing; durable within milliseconds."""
        ...

    def entries(self, since: int = 0) -> Iterator[Entry]:
        """Return the entries after a sequence number."""
        ...

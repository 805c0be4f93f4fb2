"""What the shell needs of the world, in domain words; each port ships with a real in-memory fake."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Protocol

import msgspec

from trading_mcp.core.domain.events import AnyEvent
from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.instruments import Instrument
from trading_mcp.core.domain.market import Candle, Depth, FeedHealth, Market, Quote, Session
from trading_mcp.core.domain.orders import Fill, Order, OrderState, Side
from trading_mcp.core.domain.portfolio import Adjustment
from trading_mcp.core.domain.proposals import Statement


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


class VenueOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order as a venue tells of it; `order_id` is our own id where the venue knows it."""

    order_id: str
    venue_order_id: str
    pair: str
    side: Side
    quantity: Decimal
    filled: Decimal
    state: OrderState
    at: int


class VenueBalance(msgspec.Struct, frozen=True, kw_only=True):
    """What a venue holds for us of one asset, and how much of that no order claims."""

    asset: str
    total: Decimal
    free: Decimal


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """Money that came or went, by the venue's own record."""

    id: str
    asset: str
    amount: Decimal
    at: int


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """What a venue did to the account without a trade, by its own record; a split's amount is its ratio."""

    id: str
    kind: Adjustment
    asset: str
    amount: Decimal
    at: int
    note: str = ""


class Refusal(Exception):
    """A parsed, known, definite no of a venue: the order does not exist there and never did.

    Everything else that `submit` raises, a time-out above all, leaves the order's fate unknown.
    """


class Duplicate(Exception):
    """A venue refused an id that it knows: proof that the order exists, to be looked up."""


class NotFound(Exception):
    """An endpoint that can show closed orders does not know the order, or there is nothing left to cancel."""


class Broker(Protocol):
    """One account at one venue; it sends each request once and believes nothing it cannot parse."""

    venue: str
    mode: Mode
    account: str
    # Whether a cancel by our own id proves that no order of that id can come to life any more.
    can_fence: bool

    async def submit(self, order: Order) -> str:
        """Send one order with our id, once; return the venue's id. Raise Refusal only on a definite no."""
        ...

    async def cancel(self, order_id: str) -> None:
        """Ask for an order's end; the end itself is read, never assumed. Raise NotFound where nothing is open."""
        ...

    async def order(self, order_id: str) -> VenueOrder:
        """Return an order, closed ones too. Raise NotFound only where the venue would show a closed one."""
        ...

    async def open_orders(self) -> tuple[VenueOrder, ...]:
        """Return every order that still works at the venue, also those we did not make."""
        ...

    async def fills(self, since: int) -> tuple[Fill, ...]:
        """Return the executions since a moment, oldest first."""
        ...

    async def balances(self) -> tuple[VenueBalance, ...]:
        """Return what the venue holds for us."""
        ...

    async def transfers(self, since: int) -> tuple[Transfer, ...]:
        """Return the movements of money since a moment."""
        ...

    async def instruments(self) -> tuple[Instrument, ...]:
        """Return what the venue offers."""
        ...

    async def close(self) -> None:
        """Let go of connections; nothing is cancelled by it."""
        ...


class Verifier(Protocol):
    """Says whether the one enrolled key signed a statement."""

    def verified(self, statement: bytes, signature: bytes) -> Statement | None:
        """Return the statement if its signature holds, else None."""
        ...


class Notifier(Protocol):
    """Tells the owner who is away; it may fail, and nothing waits for it."""

    def notify(self, subject: str, text: str, *, is_urgent: bool = False) -> None:
        """Hand over one message; never raises, never blocks, and what is urgent waits behind nothing else."""
        ...

"""Whose turn it is at a venue: places, requests and the two sides of a pair, and exits come first in all three."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final, Protocol

from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.events import AnyEvent
from trading_mcp.core.domain.market import SECOND
from trading_mcp.core.domain.orders import Door as Actor
from trading_mcp.core.domain.orders import Order, OrderState, Working
from trading_mcp.core.ports import Clock
from trading_mcp.desk.gather import Gatherer
from trading_mcp.desk.ports import Pace, Ports

# Exits have a lane of their own at each venue: entries that hang there keep none of them waiting.
ENTRIES_AT_ONCE: Final = 4
EXITS_AT_ONCE: Final = 16
# How long an order stands behind one of the other side; an exit then goes all the same, an entry never does.
EXIT_WAITS: Final = SECOND
ENTRY_WAITS: Final = SECOND * 3 // 2
# A wait shorter than a clock's step would never end.
SHORTEST: Final = 0.001


class Door(Protocol):
    """The part of the desk that a turn needs."""

    book: Book
    gatherer: Gatherer

    def commit(self, command: c.AnyCommand) -> tuple[AnyEvent, ...]:
        """Decide, record, fold and act."""
        ...

    async def changed(self, seconds: float) -> None:
        """Wait until anything was recorded, and no longer than that."""
        ...


class Budget:
    """Requests to one venue, evenly over time; a part is kept for exits and cancels, which nothing else may use."""

    def __init__(self, clock: Clock, pace: Pace) -> None:
        self._clock = clock
        self._pace = pace
        self._left = float(pace.at_once)
        self._at = clock.boot()
        self._lines = {True: asyncio.Lock(), False: asyncio.Lock()}

    async def take(self, *, first: bool) -> None:
        """Wait for one request; whoever came first in a line goes first, and `first` is a line of its own."""
        # Never more than there can be: a venue that takes one at a time is read as well.
        wanted = 1.0 if first else min(1.0 + self._pace.at_once * self._pace.kept, float(self._pace.at_once))
        async with self._lines[first]:
            while (missing := wanted - self._now_left()) > 0:  # noqa: ASYNC110 - time itself is waited for
                await asyncio.sleep(max(SHORTEST, missing / self._pace.a_second))
            self._left -= 1.0

    def give_back(self) -> None:
        """Take back a request that was not made."""
        self._left = min(float(self._pace.at_once), self._left + 1.0)

    def _now_left(self) -> float:
        now = self._clock.boot()
        more = (now - self._at) / SECOND * self._pace.a_second
        self._left, self._at = min(float(self._pace.at_once), self._left + more), now
        # A wait that was rounded down must not be waited for again.
        return self._left + 1e-6


class Turns:
    """Gives each order its turn, and nothing can wait after it has one."""

    def __init__(self, ports: Ports, desk: Door) -> None:
        self._desk = desk
        self._clock = ports.clock
        self._entries = {venue: asyncio.Semaphore(ENTRIES_AT_ONCE) for venue in ports.brokers}
        self._exits = {venue: asyncio.Semaphore(EXITS_AT_ONCE) for venue in ports.brokers}
        self._budgets = {venue: Budget(ports.clock, ports.paces.get(venue, Pace())) for venue in ports.brokers}

    async def request(self, venue: str, *, first: bool) -> None:
        """Wait for one request to a venue."""
        await self._budgets[venue].take(first=first)

    def unused(self, venue: str) -> None:
        """Give a request back that was waited for and not made."""
        # Exits whose clearance grew old in a long line would use up all of them by being cleared anew.
        self._budgets[venue].give_back()

    @asynccontextmanager
    async def taken(self, order: Order) -> AsyncGenerator[str]:
        """Hold a place for one submission; yields the order of the other side that was waited for in vain."""
        lane = (self._exits if order.reduces else self._entries)[order.venue]
        while True:
            behind = await self._behind(order)
            async with lane:
                await self.request(order.venue, first=order.reduces)
                if behind or self._opposed(order) is None:
                    yield "" if order.reduces else behind
                    return
                self.unused(order.venue)

    async def _behind(self, order: Order) -> str:
        """Wait for the other side of a pair to be free; an exit asks an entry that rests there to go."""
        until = self._clock.boot() + (EXIT_WAITS if order.reduces else ENTRY_WAITS)
        while (found := self._opposed(order)) is not None:
            left = until - self._clock.boot()
            if left <= 0:
                return found.order.id
            if order.reduces and not found.order.reduces and not found.cancel_reason:
                reason = f"the exit {order.id} goes first: {order.venue} takes one side of {order.pair} at a time"
                self._desk.commit(c.Cancel(door=Actor.DESK, order_id=found.order.id, reason=reason))
                continue
            await self._desk.changed(left / SECOND)
        return ""

    def _opposed(self, order: Order) -> Working | None:
        """Return an order of ours that the venue would not take this one beside."""
        instrument = self._desk.gatherer.instrument(order.venue, order.pair)
        if instrument is None or instrument.both_sides:
            return None
        for working in self._desk.book.working.values():
            other = working.order
            if (other.venue, other.pair) != (order.venue, order.pair) or other.side is order.side:
                continue
            # What is only cleared is in nobody's way yet, but an exit that waits comes before an entry.
            if working.state is not OrderState.CLEARED or (other.reduces and not order.reduces):
                return working
        return None

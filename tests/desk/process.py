"""What stands between a desk of the tests and its world: a process that can end, its journal, its way to a venue."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

from trading_mcp.adapters.journal.memory import MemoryJournal
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.orders import Order
from trading_mcp.core.ports import Entry, Head
from trading_mcp.errors import JournalUnwritable

WRITTEN_AFTER = 0.002


class Life:
    """One process of a desk; once it has ended nothing of it reaches the journal or a venue any more."""

    def __init__(self) -> None:
        self.is_over = False
        self.crash_at: tuple[str, int] | None = None
        self.reached: list[str] = []

    def reach(self, name: str) -> None:
        self.reached.append(name)
        if self.crash_at is not None and self.crash_at[0] == name:
            left = self.crash_at[1] - 1
            self.crash_at = (name, left)
            if left <= 0:
                self.crash_at, self.is_over = None, True
        self.require()

    def require(self) -> None:
        if self.is_over:
            raise JournalUnwritable("This process is over.", "Start another.")


class Pages:
    """The journal as one process of the desk writes it; it can become unwritable."""

    def __init__(self, inner: MemoryJournal, life: Life, seen: Callable[[Sequence[e.AnyEvent]], None]) -> None:
        self.inner = inner
        self.error: Exception | None = None
        self.room: int | None = None
        self._life = life
        self._seen = seen
        self.commits: list[tuple[e.AnyEvent, ...]] = []
        self._queued: tuple[e.AnyEvent, ...] = ()
        self._durable = inner.head().seq

    def left(self) -> MemoryJournal:
        """Return what the next process finds on the disk: what was only queued is gone with this one."""
        if self._durable == self.inner.head().seq or not isinstance(self.inner, MemoryJournal):  # pyright: ignore[reportUnnecessaryIsInstance]
            return self.inner  # a real file knows itself what it has
        disk = MemoryJournal()
        for entry in islice(self.inner.entries(), self._durable):
            disk.append(entry.at, [entry.event])
        return disk

    def head(self) -> Head:
        return self.inner.head()

    def append(self, at: int, events: Sequence[e.AnyEvent]) -> tuple[Entry, ...]:
        written = self._chained(at, events)
        self.commits.append((*self._queued, *events))
        self._queued, self._durable = (), self.inner.head().seq
        return written

    def _chained(self, at: int, events: Sequence[e.AnyEvent]) -> tuple[Entry, ...]:
        self._life.require()
        if self.room is not None:
            self.room -= 1
            if self.room < 0:
                self.error = OSError(28, "No space left on device")
        if self.error is not None:
            raise self.error
        written = self.inner.append(at, events)
        self._seen(events)
        return written

    def queue(self, at: int, events: Sequence[e.AnyEvent]) -> None:
        self._chained(at, events)
        self._queued = (*self._queued, *events)
        asyncio.get_running_loop().call_later(WRITTEN_AFTER, self._write, self.inner.head().seq)

    def _write(self, seq: int) -> None:
        if seq > self._durable and not self._life.is_over:
            self.commits.append(self._queued)
            self._queued, self._durable = (), self.inner.head().seq

    def entries(self, since: int = 0) -> Iterator[Entry]:
        return self.inner.entries(since)


class Line:
    """The way to a venue; a process that is over asks nothing more, and each submission is looked at."""

    def __init__(self, inner: Any, life: Life, sending: Callable[[Order], None]) -> None:
        self.venue, self.mode, self.account, self.can_fence = inner.venue, inner.mode, inner.account, inner.can_fence
        self._inner = inner
        self._life = life
        self._sending = sending
        for name in ("advance", "activities"):
            # From Python 3.12 on, isinstance with a protocol does not see what __getattr__ would give.
            if hasattr(inner, name):
                setattr(self, name, partial(self._asked, name))

    def __getattr__(self, name: str) -> Any:
        self._life.require()
        return getattr(self._inner, name)

    async def _asked(self, name: str, *given: Any) -> Any:
        self._life.require()
        return await getattr(self._inner, name)(*given)

    async def submit(self, order: Order) -> str:
        self._life.require()
        self._sending(order)
        return await self._inner.submit(order)

"""A home's views and archive: kept while nothing is in flight, in a thread, and never read to decide anything."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import msgspec

from trading_mcp.adapters.journal.entries import read
from trading_mcp.adapters.journal.files import shown
from trading_mcp.adapters.journal.retention import SEGMENT_ENTRIES
from trading_mcp.bootstrap.homes import Opened, keep_snapshot
from trading_mcp.core.domain.book import FOLD_VERSION, Book
from trading_mcp.core.domain.market import DAY
from trading_mcp.core.domain.money import exactly, is_change
from trading_mcp.core.domain.orders import OrderState
from trading_mcp.core.ports import Entry
from trading_mcp.core.snapshot import UnknownSnapshot, thaw
from trading_mcp.desk.earning import ROWS_MAX as EARNED_MAX
from trading_mcp.desk.earning import Closed, DayEnd, Earned, Flow, nothing
from trading_mcp.desk.searching import Found
from trading_mcp.errors import TradingMcpError

if TYPE_CHECKING:
    from trading_mcp.adapters.journal.views import Views

RETENTION: Final = 7 * DAY
# A slice keeps the interpreter for some milliseconds; between two of them the desk has its turn.
SLICE: Final = 100
PAUSE_BETWEEN: Final = 0.01
AFTER_START: Final = 5.0
LOOK_EVERY: Final = 2.0
AFTER_TROUBLE: Final = 60.0
ARCHIVE_EVERY: Final = 3600.0
ASKED_WITHIN: Final = 2.0
AT_THE_END: Final = 5_000
_ON_THE_WAY: Final = frozenset({OrderState.CLEARED, OrderState.SENDING})
# The year 5138: beyond it no calendar of ours goes.
_AT_END: Final = 10**17
_log: Final = logging.getLogger("trading_mcp.records")


def is_idle(book: Book) -> bool:
    """Say whether nothing is on its way to a venue."""
    return not any(working.state in _ON_THE_WAY for working in book.working.values())


class Records:
    """Shows the journal in tables and puts old entries away; losing either costs time and nothing else."""

    def __init__(self, opened: Opened, *, retention: int = RETENTION, segment: int = SEGMENT_ENTRIES) -> None:
        self._opened = opened
        self._retention = retention
        self._segment = segment
        self._views: Views | None = None
        self._book: Book | None = None
        self._seq = 0
        # Not asyncio's: a thread goes on after the task that waited for it was cancelled.
        self._lock = threading.Lock()

    async def keep(self, book: Callable[[], Book], now: Callable[[], int]) -> None:
        """Go on for as long as the desk runs."""
        archive_at = 0.0
        await asyncio.sleep(AFTER_START)
        while True:
            pause = LOOK_EVERY
            try:
                await self.catch_up(lambda: is_idle(book()))
                if is_idle(book()) and time.monotonic() >= archive_at:
                    archive_at = time.monotonic() + ARCHIVE_EVERY
                    await self.archive(book, now())
            except Exception as error:  # noqa: BLE001 - the desk goes on without them, whatever it was
                _log.warning("the records are behind: %s", error)
                await asyncio.to_thread(self._let_go)
                pause = AFTER_TROUBLE
            await asyncio.sleep(pause)

    async def catch_up(self, may_go_on: Callable[[], bool], pause: float = PAUSE_BETWEEN) -> None:
        """Show what is not shown yet, a slice at a time."""
        while may_go_on():
            if not await asyncio.to_thread(self._step):
                return
            await asyncio.sleep(pause)

    async def archive(self, book: Callable[[], Book], now: int) -> int:
        """Put entries past their retention away, once a signed snapshot covers them; return how many files."""
        journal, before = self._opened.journal, now - self._retention
        end = await asyncio.to_thread(journal.file.last_before, before, journal.file.durable.seq)
        if end - journal.file.archive.last < self._segment:
            return 0
        # The desk went on while a thread looked: only the book of this very moment is the fold up to the head.
        keep_snapshot(self._opened, book())
        made = await asyncio.to_thread(journal.archive, before, self._opened.trust, size=self._segment)
        _log.info("%d files of old entries were archived", len(made))
        return len(made)

    async def found(self, text: str, kind: str, before: int, limit: int) -> Found:
        """Search the events; what happened a moment ago is shown first, as far as that takes no time."""
        deadline = time.monotonic() + ASKED_WITHIN
        await self.catch_up(lambda: time.monotonic() < deadline, 0)
        try:
            return await asyncio.to_thread(self._found, text, kind, before, limit)
        except _ViewsOdd as error:
            await self._make_anew(error)
        await self.catch_up(lambda: time.monotonic() < deadline, 0)
        return await asyncio.to_thread(self._found, text, kind, before, limit)

    async def earned(self, first: int) -> Earned:
        """Return what fills since an entry realised, and how each day ended for the account."""
        deadline = time.monotonic() + ASKED_WITHIN
        try:
            await self.catch_up(lambda: time.monotonic() < deadline, 0)
            return await asyncio.to_thread(self._earned, first)
        except _ViewsOdd as error:
            await self._make_anew(error)
            return await nothing(first)
        except Exception as error:  # noqa: BLE001 - the rest of the answer is true without it
            _log.warning("what was earned cannot be told: %s", error)
            return await nothing(first)

    def close(self, *, is_here: bool) -> None:
        """Show the last entries, if they are few, and let go: the next start then goes on from a snapshot."""
        try:
            left = self._opened.journal.file.durable.seq - self._seq
            while is_here and self._views is not None and left <= AT_THE_END and self._step():
                pass
        except TradingMcpError as error:
            _log.warning("the records were left behind: %s", error)
        self._let_go()

    async def _make_anew(self, error: _ViewsOdd) -> None:
        _log.warning("the views say what no desk writes, and are made anew: %s", error)
        await asyncio.to_thread(self._let_go, anew=True)

    def _let_go(self, *, anew: bool = False) -> None:
        with self._lock:
            views, self._views = self._views, None
            if views is not None:
                views.close()
                if anew:
                    views.path.unlink(missing_ok=True)

    def _step(self) -> bool:
        """Show the next few entries; say whether there may be more."""
        with self._lock, exactly():
            views = self._opened_views()
            entries = self._next()
            if not entries:
                return False
            self._show(views, entries)
        return True

    def _next(self) -> list[Entry]:
        file = self._opened.journal.file
        end = file.durable.seq
        if self._seq >= end:
            return []
        batches = file.batches(self._seq, min(end, self._seq + SLICE), SLICE)
        return list(read(batches, self._seq, shown(file.path)))

    def _show(self, views: Views, entries: list[Entry]) -> None:
        from trading_mcp.adapters.journal.views import replayed  # noqa: PLC0415 - see `_opened_views`

        self._book = replayed(views, entries, self._book)
        self._seq = entries[-1].seq

    def _opened_views(self) -> Views:
        if self._views is None:
            # sqlite-utils takes longer to load than a start may take.
            from trading_mcp.adapters.journal.views import Views  # noqa: PLC0415

            self._views = Views(self._opened.folder.path / "views.db", self._opened.journal.file.hash_at)
            self._seq, self._book = self._base(self._views.seq)
        return self._views

    def _base(self, seq: int) -> tuple[int, Book | None]:
        """Return from where the book has to be folded again to go on after an entry."""
        resumed = self._opened.journal.resume(self._opened.snapshots, FOLD_VERSION, self._opened.trust)
        if resumed is None or resumed.start.seq > seq:
            return 0, None
        try:
            return resumed.start.seq, thaw(resumed.book)
        except UnknownSnapshot:
            return 0, None

    def _earned(self, first: int) -> Earned:
        with self._lock, exactly():
            views = self._opened_views()
            rows, values = views.earned(first, EARNED_MAX), views.closing_values()
            try:
                fills = tuple(_closed(row) for row in rows)
                days = tuple(
                    DayEnd(_figure(value), tuple(Flow(_figure(before), _figure(amount)) for before, amount in flows))
                    for value, flows in values
                )
            except (ArithmeticError, TypeError, ValueError, msgspec.ValidationError) as error:
                raise _ViewsOdd(shown(error)) from error
            return Earned(fills, days, views.seq)

    def _found(self, text: str, kind: str, before: int, limit: int) -> Found:
        asked = {"before": before} if before else {}
        with self._lock:
            views = self._opened_views()
            rows = views.events(name=kind, query=text, limit=limit, **asked)
        if not all(1 <= row["seq"] <= views.seq for row in rows.rows):
            raise _ViewsOdd("an entry that the journal does not have")
        return Found(tuple(row["seq"] for row in rows.rows), rows.next_before or 0, views.seq)


class _ViewsOdd(Exception):
    """Somebody else wrote there: any program of this user can."""


def _closed(row: Mapping[str, Any]) -> Closed:
    told = {
        **row,
        "order_id": row["order_id"] or "",
        "fee": _figure(row["fee"]),
        "realised": _figure(row["realised"]),
    }
    if not 0 <= row["at"] < _AT_END:
        raise ValueError("a moment that no calendar has")
    return msgspec.convert([told[name] for name in Closed._fields], Closed)


def _figure(text: str) -> Decimal:
    value = Decimal(text)
    if not is_change(value):
        raise ValueError("a figure that no desk writes")
    return value

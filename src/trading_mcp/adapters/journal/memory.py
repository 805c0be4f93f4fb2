"""The Journal port in memory: the same chain and promises but for one, that it outlives the process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trading_mcp.adapters.journal.chain import GENESIS, Row, head_after, link
from trading_mcp.adapters.journal.entries import drafts_of, entries_of, read
from trading_mcp.core.domain.events import AnyEvent
from trading_mcp.core.ports import Entry, Head


class MemoryJournal:
    """For tests, backtests and anyone who wants a desk that leaves nothing behind."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._head = GENESIS

    def head(self) -> Head:
        return self._head

    def append(self, at: int, events: Sequence[AnyEvent]) -> tuple[Entry, ...]:
        rows = link(self._head, at, drafts_of(events))
        self._rows.extend(rows)
        self._head = head_after(self._head, rows)
        return entries_of(rows, events)

    def queue(self, at: int, events: Sequence[AnyEvent]) -> None:
        self.append(at, events)

    def entries(self, since: int = 0) -> Iterator[Entry]:
        # A copy: the iteration ends where the journal ended when it began, as it does on disk.
        rows = [row.raw for row in self._rows[since:]]
        yield from read([rows] if rows else [], since, "the journal in memory")

"""The story's journal: made with the day's first entry, written before every effect, then verified and replayed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from trading_mcp.adapters.journal.chain import GENESIS
from trading_mcp.adapters.journal.sqlite import SqliteJournal
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.events import AnyEvent
from trading_mcp.core.domain.evolve import replay
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.ports import Head
from trading_mcp.errors import HomeUnusable

NAME: Final = "journal.db"
_ELSEWHERE: Final = "Name a folder that is new or empty."


class Scribe:
    """Writes one day into one journal."""

    def __init__(self, home: Path) -> None:
        self.path = home / NAME
        self._journal: SqliteJournal | None = None

    def record(self, at: int, events: Sequence[AnyEvent]) -> Head:
        """Make events durable; the first of them make the journal."""
        if self._journal is None:
            self._journal = SqliteJournal.create(self.path, at, events)
        else:
            self._journal.append(at, events)
        return self._journal.head()

    def verified(self) -> tuple[bool, Head]:
        """Walk the whole chain and read every event in it."""
        if self._journal is None:
            return False, GENESIS
        report = self._journal.verify(is_deep=True)
        return report.holds, report.head

    def replays_to(self, book: Book) -> bool:
        """Whether what is on disk, folded again from nothing, is the book the day ended with."""
        if self._journal is None:
            return False
        with exactly():
            return replay(entry.event for entry in self._journal.entries()) == book

    def close(self) -> None:
        if self._journal is not None:
            self._journal.close()


def empty_home(home: Path) -> Path:
    """Return a private folder with nothing in it, or say in one sentence why there is none."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(home.iterdir()):
            raise HomeUnusable(f"{home} is not empty, and a story begins with a new journal.", _ELSEWHERE)
        if not os.access(home, os.W_OK | os.X_OK):
            raise HomeUnusable(f"{home} cannot be written to.", _ELSEWHERE)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise HomeUnusable(f"{home} cannot be used as a home: {reason}.", _ELSEWHERE) from error
    return home

"""The views: tables a person may open with any SQLite tool, rebuilt by replay, never read to decide anything."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlite_utils import Database

from trading_mcp.adapters.journal.files import shown
from trading_mcp.adapters.journal.projection import Step, rows_of
from trading_mcp.core.domain.book import FOLD_VERSION, Book
from trading_mcp.core.domain.events import DeskCreated
from trading_mcp.core.domain.evolve import evolve, first_book
from trading_mcp.core.ports import Entry
from trading_mcp.errors import JournalError
from trading_mcp.redact import plain

# Whatever changes the tables, or the fold they show, makes them anew.
MADE_BY: Final = f"2.{FOLD_VERSION}"
ROWS_MAX: Final = 500
BATCH: Final = 1000

_WHEN: Final = {"seq": int, "at": int}
_TRADE: Final = {
    **_WHEN,
    **dict.fromkeys(("trade_id", "order_id", "book", "venue", "pair", "side"), str),
    **dict.fromkeys(("quantity", "price", "fee", "fee_asset"), str),
}
_TABLES: Final[dict[str, tuple[dict[str, type], str | tuple[str, ...]]]] = {
    "events": ({**_WHEN, "kind": str, "actor": str, "names": str, "body": str}, "seq"),
    "event_names": ({"name": str, "seq": int}, ("name", "seq")),
    "orders": (
        {
            "id": str,
            "seq": int,
            "cleared_at": int,
            "changed_at": int,
            "intent_id": str,
            "book": str,
            **dict.fromkeys(("venue", "pair", "side", "type", "quantity", "filled"), str),
            **dict.fromkeys(("limit_price", "stop_price", "state", "venue_order_id"), str),
        },
        "id",
    ),
    "fills": (_TRADE, "seq"),
    "trades": ({**_TRADE, "realised": str}, "seq"),
    "positions": (
        {
            "id": str,
            "seq": int,
            "book": str,
            "venue": str,
            "pair": str,
            "quantity": str,
            "average": str,
            "realised": str,
            "fees": str,
            "opened_at": int,
            "changed_at": int,
        },
        "id",
    ),
    "algorithms": (
        {
            "name": str,
            "seq": int,
            "version": str,
            "pairs": str,
            "venues": str,
            "capital": str,
            "is_enabled": int,
            "has_mandate": int,
            "changed_at": int,
        },
        "name",
    ),
    "snapshots": ({"id": str, **_WHEN, "scope": str, "value": str}, "id"),
    "flows": ({**_WHEN, "before": str, "amount": str}, "seq"),
    "system_state": ({"key": str, "value": str, **_WHEN}, "key"),
    "experiments": ({"id": str, **_WHEN, "subject": str, "parameters": str, "metrics": str}, "id"),
    "applied": ({"id": int, "version": str, "seq": int, "hash": bytes}, "id"),
}
_INDEXES: Final = (
    ("orders", ("seq",)),
    ("positions", ("seq",)),
    ("snapshots", ("scope", "seq")),
    ("experiments", ("seq",)),
)

# A page goes on from a row number: rows changed by one entry share its seq, and none may fall between two pages.
_BEFORE: Final = "rowid < :before"
_NAMED: Final = (
    "seq < :before AND (kind = :name OR seq IN "
    "(SELECT seq FROM event_names WHERE name = :name AND seq < :before ORDER BY seq DESC LIMIT :limit))"
)
_FOUND: Final = (
    "seq < :before AND seq IN (SELECT rowid FROM events_fts WHERE events_fts MATCH :query AND rowid < :before "
    "ORDER BY rowid DESC LIMIT :limit)"
)
_OF_PAIR: Final = "rowid < :before AND (:pair = '' OR pair = :pair) AND (:book = '' OR book = :book)"
_OF_SCOPE: Final = "rowid < :before AND (:scope = '' OR scope = :scope)"
# Beside a max() SQLite gives the other columns of that very row.
_CLOSING: Final = (
    "SELECT at / 86400000000 AS day, max(seq), value FROM snapshots WHERE scope = 'account' GROUP BY 1 ORDER BY 1"
)
_FLOWS: Final = "SELECT seq, before, amount FROM flows ORDER BY seq"
_END: Final = 2**63 - 1


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Rows, newest first, and where to go on: `next_before` is None on the last page."""

    rows: list[dict[str, Any]]
    next_before: int | None


class Views:
    """One home's views. Losing them, or finding them odd, costs a rebuild."""

    def __init__(self, path: Path, hash_at: Callable[[int], bytes | None]) -> None:
        """Open what is there if it was made from this very journal; else begin anew, at entry 0."""
        self.path = path
        self._lock = threading.Lock()
        self._database, self.seq = _opened(path, hash_at) or (_fresh(path), 0)

    def apply(self, steps: Sequence[Step]) -> None:
        """Show these steps, all or none. What is shown already is passed over; a gap is refused."""
        fresh = [step for step in steps if step.entry.seq > self.seq]
        if not fresh:
            return
        if fresh[0].entry.seq != self.seq + 1:
            raise ValueError(f"the views stand at entry {self.seq}, entry {fresh[0].entry.seq} cannot follow")
        tables: dict[str, dict[Any, dict[str, Any]]] = {}
        for step in fresh:
            for table, row in rows_of(step):
                key = _TABLES[table][1]
                identity = row[key] if isinstance(key, str) else tuple(row[part] for part in key)
                tables.setdefault(table, {})[identity] = row
        last = fresh[-1].entry
        with self._lock, _explained(self.path), self._database.atomic():
            for table, rows in tables.items():
                self._database.table(table).insert_all(rows.values(), replace=True)
            row = {"id": 1, "version": MADE_BY, "seq": last.seq, "hash": last.hash}
            self._database.table("applied").insert(row, replace=True)
        self.seq = last.seq

    def events(self, *, name: str = "", query: str = "", before: int = _END, limit: int = 50) -> Page:
        """Events, newest first: all, those of a kind or another system's name for it, or those with words."""
        if words := plain(query).split():
            # In quotes every word is only a word: what a caller types is never a query language.
            quoted = " ".join('"' + word.replace('"', '""') + '"' for word in words)
            return self._page("events", _FOUND, {"query": quoted}, before, limit)
        if name:
            return self._page("events", _NAMED, {"name": name}, before, limit)
        return self._page("events", _BEFORE, {}, before, limit)

    def orders(self, *, pair: str = "", book: str = "", before: int = _END, limit: int = 50) -> Page:
        return self._page("orders", _OF_PAIR, {"pair": pair, "book": book}, before, limit)

    def fills(self, *, pair: str = "", book: str = "", before: int = _END, limit: int = 50) -> Page:
        return self._page("fills", _OF_PAIR, {"pair": pair, "book": book}, before, limit)

    def trades(self, *, pair: str = "", book: str = "", before: int = _END, limit: int = 50) -> Page:
        return self._page("trades", _OF_PAIR, {"pair": pair, "book": book}, before, limit)

    def positions(self, *, pair: str = "", book: str = "", before: int = _END, limit: int = 50) -> Page:
        return self._page("positions", _OF_PAIR, {"pair": pair, "book": book}, before, limit)

    def snapshots(self, *, scope: str = "", before: int = _END, limit: int = 50) -> Page:
        return self._page("snapshots", _OF_SCOPE, {"scope": scope}, before, limit)

    def algorithms(self, *, before: int = _END, limit: int = 50) -> Page:
        return self._page("algorithms", _BEFORE, {}, before, limit)

    def experiments(self, *, before: int = _END, limit: int = 50) -> Page:
        return self._page("experiments", _BEFORE, {}, before, limit)

    def earned(self, first: int, limit: int) -> list[dict[str, Any]]:
        """Trades since an entry with what each realised, newest first."""
        with self._lock:
            found = self._database.table("trades").rows_where(  # pyright: ignore[reportUnknownMemberType]
                "seq >= ?", [first], order_by="seq desc", limit=limit
            )
            return list(found)

    def closing_values(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """The last value of the account on each day there is one, oldest first, and what came and went before it.

        Each of those as the value it met, and the amount.
        """
        with self._lock:
            closings = list(self._database.execute(_CLOSING))  # pyright: ignore[reportUnknownMemberType]
            flows = deque(self._database.execute(_FLOWS))  # pyright: ignore[reportUnknownMemberType]
        found: list[tuple[str, list[tuple[str, str]]]] = []
        for _, closed, value in closings:
            since: list[tuple[str, str]] = []
            while flows and flows[0][0] < closed:
                _, before, amount = flows.popleft()
                since.append((before, amount))
            found.append((value, since))
        return found

    def system_state(self) -> dict[str, str]:
        with self._lock:
            return {row["key"]: row["value"] for row in self._database["system_state"].rows}

    def _page(self, table: str, where: str, values: Mapping[str, str], before: int, limit: int) -> Page:
        size = max(1, min(limit, ROWS_MAX))
        given: dict[str, Any] = {key: plain(value) for key, value in values.items()}
        # One more than asked for tells whether there is a next page.
        given |= {"before": max(0, min(before, _END)), "limit": size + 1}
        with self._lock:
            found = list(
                self._database.table(table).rows_where(  # pyright: ignore[reportUnknownMemberType] - a bare Sequence
                    where, given, select="rowid AS cursor, *", order_by="rowid desc", limit=size + 1
                )
            )
        cursors = [row.pop("cursor") for row in found]
        return Page(rows=found[:size], next_before=cursors[size - 1] if len(found) > size else None)

    def close(self) -> None:
        with self._lock:
            self._database.close()


def _connected(path: Path) -> Database:
    connection = sqlite3.connect(path, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        connection.execute("PRAGMA synchronous = NORMAL").fetchall()
    except sqlite3.Error:
        connection.close()
        raise
    return Database(connection, execute_plugins=False)


def _opened(path: Path, hash_at: Callable[[int], bytes | None]) -> tuple[Database, int] | None:
    """The views at `path` and the entry they stand at, if they were made from this journal by this version."""
    if not path.exists():
        return None
    try:
        database = _connected(path)
    except sqlite3.Error:
        return None
    try:
        (row,) = database.table("applied").rows
        if row["version"] == MADE_BY and hash_at(row["seq"]) == row["hash"]:
            return database, row["seq"]
    except (sqlite3.Error, ValueError):
        pass
    database.close()
    return None


def _fresh(path: Path) -> Database:
    with _explained(path):
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        path.touch(mode=0o600)
        database = _connected(path)
        for name, (columns, key) in _TABLES.items():
            database.table(name).create(columns, pk=key)
        for name, index in _INDEXES:
            database.table(name).create_index(index)
        database.table("events").enable_fts(["kind", "actor", "names", "body"], create_triggers=True)
        return database


@contextlib.contextmanager
def _explained(path: Path) -> Generator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise JournalError(
            f"The views {shown(path)} cannot be written: {shown(error)}.",
            "Free space on its disk or remove what stands there; they are made again from the journal.",
        ) from error


def replayed(views: Views, entries: Iterable[Entry], book: Book | None = None) -> Book | None:
    """Fold `entries` on from `book` and show each step; the book they end in. Runs under the money context."""
    rest = iter(entries)
    while chunk := list(islice(rest, BATCH)):
        steps: list[Step] = []
        for entry in chunk:
            before = book
            book = _after(book, entry)
            steps.append(Step(entry=entry, before=before, after=book))
        views.apply(steps)
    return book


def _after(book: Book | None, entry: Entry) -> Book:
    if book is not None:
        return evolve(book, entry.event)
    if not isinstance(entry.event, DeskCreated):
        raise ValueError(f"entry {entry.seq} cannot be the first")  # noqa: TRY004 - the journal is wrong, not the type
    return first_book(entry.event)

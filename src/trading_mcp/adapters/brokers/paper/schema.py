"""The paper venue's file: its tables, every statement ever sent to it, and how one is made and opened."""

import os
import sqlite3
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec

from trading_mcp.core.domain.home import Mode
from trading_mcp.errors import VenueUnusable

APPLICATION: Final = 0x746D7631  # "tmv1", in the file's header
VERSION: Final = 1

_TABLES: Final = (
    "CREATE TABLE venue (name TEXT NOT NULL, account TEXT NOT NULL, mode TEXT NOT NULL, at INTEGER NOT NULL) STRICT",
    "CREATE TABLE balances (asset TEXT PRIMARY KEY, total TEXT NOT NULL) STRICT",
    (
        "CREATE TABLE orders (number INTEGER PRIMARY KEY AUTOINCREMENT, order_id TEXT NOT NULL UNIQUE, "
        "at INTEGER NOT NULL, cleared BLOB NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, "
        "hold_asset TEXT NOT NULL, hold TEXT NOT NULL, since INTEGER NOT NULL, expires_at INTEGER, stop TEXT, "
        "booked INTEGER NOT NULL, filled TEXT NOT NULL, fills INTEGER NOT NULL, seen_at INTEGER, "
        "is_open INTEGER NOT NULL) STRICT"
    ),
    "CREATE INDEX orders_open ON orders (number) WHERE is_open = 1",
    (
        "CREATE TABLE fills (number INTEGER PRIMARY KEY AUTOINCREMENT, trade_id TEXT NOT NULL UNIQUE, "
        "at INTEGER NOT NULL, body BLOB NOT NULL) STRICT"
    ),
    "CREATE INDEX fills_at ON fills (at, number)",
    (
        "CREATE TABLE transfers (number INTEGER PRIMARY KEY AUTOINCREMENT, asset TEXT NOT NULL, "
        "amount TEXT NOT NULL, at INTEGER NOT NULL) STRICT"
    ),
    (
        "CREATE TABLE looks (pair TEXT PRIMARY KEY, bar INTEGER NOT NULL, book_at INTEGER NOT NULL, "
        "bought TEXT NOT NULL, sold TEXT NOT NULL) STRICT"
    ),
)
# Small pages: an order touches ten of them, and all of each goes through the log.
# EXCLUSIVE keeps a second desk out for as long as this one lives. NORMAL does not sync each commit: a killed
# process loses nothing, a power cut may lose the last moments, and the desk reconciles as at any venue.
_PRAGMAS: Final = (
    "PRAGMA page_size = 1024",
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA journal_size_limit = 8388608",
)

BEGIN: Final = "BEGIN IMMEDIATE"
COMMIT: Final = "COMMIT"
ROLLBACK: Final = "ROLLBACK"
_INSERT_VENUE: Final = "INSERT INTO venue (name, account, mode, at) VALUES (?, ?, ?, ?)"
_SELECT_VENUE: Final = "SELECT name, account, mode FROM venue"
SELECT_BALANCES: Final = "SELECT asset, total FROM balances ORDER BY asset"
SET_BALANCE: Final = (
    "INSERT INTO balances (asset, total) VALUES (?, ?) ON CONFLICT (asset) DO UPDATE SET total = excluded.total"
)
INSERT_ORDER: Final = (
    "INSERT INTO orders (order_id, at, cleared, state, reason, hold_asset, hold, since, expires_at, stop, booked, "
    "filled, fills, seen_at, is_open) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
UPDATE_ORDER: Final = (
    "UPDATE orders SET state = ?, reason = ?, hold_asset = ?, hold = ?, since = ?, expires_at = ?, stop = ?, "
    "booked = ?, filled = ?, fills = ?, seen_at = ?, is_open = ? WHERE number = ?"
)
SELECT_OPEN: Final = (
    "SELECT number, order_id, at, cleared, state, reason, hold_asset, hold, since, expires_at, stop, booked, filled, "
    "fills, seen_at FROM orders WHERE is_open = 1 ORDER BY number"
)
SELECT_ORDER: Final = (
    "SELECT number, order_id, at, cleared, state, reason, hold_asset, hold, since, expires_at, stop, booked, filled, "
    "fills, seen_at FROM orders WHERE order_id = ?"
)
INSERT_FILL: Final = "INSERT INTO fills (trade_id, at, body) VALUES (?, ?, ?)"
SELECT_FILLS: Final = "SELECT body FROM fills WHERE at >= ? ORDER BY at, number"
INSERT_TRANSFER: Final = "INSERT INTO transfers (asset, amount, at) VALUES (?, ?, ?)"
SELECT_TRANSFERS: Final = "SELECT number, asset, amount, at FROM transfers WHERE at >= ? ORDER BY number"
SELECT_LOOK: Final = "SELECT bar, book_at, bought, sold FROM looks WHERE pair = ?"
SET_LOOK: Final = (
    "INSERT INTO looks (pair, bar, book_at, bought, sold) VALUES (?, ?, ?, ?, ?) ON CONFLICT (pair) DO UPDATE SET "
    "bar = excluded.bar, book_at = excluded.book_at, bought = excluded.bought, sold = excluded.sold"
)


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who a paper venue is, for life."""

    name: str
    account: str
    mode: Mode


def create(path: Path, identity: Identity, cash: Mapping[str, Decimal], at: int) -> None:
    """Make a venue's file with its starting cash: after a crash it is there whole, or not at all."""
    if os.path.lexists(path):
        raise VenueUnusable(f"A file stands at {path} already.", "Open that venue, or choose another name.")
    draft = path.with_name(path.name + ".new")
    for suffix in ("", "-wal", "-journal"):
        # Left by a crash in here; no desk has seen it.
        draft.with_name(draft.name + suffix).unlink(missing_ok=True)
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    connection = sqlite3.connect(draft, timeout=0, isolation_level=None)
    try:
        _prepare(connection)
        connection.execute(BEGIN)
        for table in _TABLES:
            connection.execute(table)
        connection.execute("PRAGMA application_id = 1953330737")
        connection.execute("PRAGMA user_version = 1")
        connection.execute(_INSERT_VENUE, (identity.name, identity.account, identity.mode.value, at))
        connection.executemany(SET_BALANCE, [(asset, str(amount)) for asset, amount in sorted(cash.items())])
        connection.execute(COMMIT)
    finally:
        connection.close()
    draft.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def open_venue(path: Path) -> tuple[sqlite3.Connection, Identity]:
    """A connection that no other can be beside, and who the venue is."""
    if not path.exists():
        raise VenueUnusable(f"There is no venue at {path}.", "Restore it from a backup with its home.")
    connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        # Looked at before anything is set: a foreign file stays as it is.
        _require_ours(connection, path)
        _prepare(connection)
        connection.execute(BEGIN)
        connection.execute(COMMIT)
        name, account, mode = connection.execute(_SELECT_VENUE).fetchone()
    except sqlite3.Error as error:
        connection.close()
        raise _explained(path, error) from error
    except VenueUnusable:
        connection.close()
        raise
    return connection, Identity(name=name, account=account, mode=Mode(mode))


def _require_ours(connection: sqlite3.Connection, path: Path) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if (application, version) != (APPLICATION, VERSION):
        raise VenueUnusable(
            f"{path} is no paper venue of format {VERSION}.",
            "Name the home's own venue.db, or upgrade trading-mcp; nothing was changed.",
        )


def _prepare(connection: sqlite3.Connection) -> None:
    for pragma in _PRAGMAS:
        connection.execute(pragma).fetchall()


def _explained(path: Path, error: sqlite3.Error) -> VenueUnusable:
    """What SQLite's error means for the owner of the home."""
    if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
        return VenueUnusable(
            f"{path} is held by another process.", "Stop the other desk of this home, or use it: trading-mcp status."
        )
    return VenueUnusable(f"{path} cannot be used: {error}.", "Restore it from a backup with its home.")

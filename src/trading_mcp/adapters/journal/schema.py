"""The journal's file: its tables, every statement ever sent to it, and how one is made and opened."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from struct import Struct as Layout
from typing import Any, Final, Protocol

from trading_mcp.adapters.journal.files import require_private, shown, sync_folder
from trading_mcp.errors import JournalDamaged, JournalError, JournalForeign, JournalNewer, JournalUnwritable

APPLICATION: Final = 0x746D6A31  # "tmj1", in the file's header, where `file` and we can see it
VERSION: Final = 1
ROW_BYTES_MAX: Final = 8 * 1024 * 1024

_ENTRIES: Final = (
    "CREATE TABLE entries (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, "
    "body BLOB NOT NULL, prev BLOB NOT NULL, hash BLOB NOT NULL) STRICT"
)
_CHECKPOINTS: Final = (
    "CREATE TABLE checkpoints (size INTEGER PRIMARY KEY, head BLOB NOT NULL, at INTEGER NOT NULL, "
    "key BLOB NOT NULL, signature BLOB NOT NULL) STRICT"
)
_SEGMENTS: Final = (
    "CREATE TABLE segments (last INTEGER PRIMARY KEY, first INTEGER NOT NULL, prev BLOB NOT NULL, "
    "head BLOB NOT NULL, name TEXT NOT NULL, digest BLOB NOT NULL) STRICT"
)
_TABLES: Final = (_ENTRIES, _CHECKPOINTS, _SEGMENTS)

# EXCLUSIVE comes first: set before the first read, no shared-memory file is ever made. FULL syncs the log at
# each commit; the two fullfsync make macOS carry that past the drive's own cache.
_PRAGMAS: Final = (
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA fullfsync = ON",
    "PRAGMA checkpoint_fullfsync = ON",
    "PRAGMA journal_size_limit = 8388608",
)

# SQLite carries the log back into the file every thousand frames, each a page and its header of 24 bytes.
_LOG_BYTES: Final = 1_040 * (4_096 + 24)
_ZEROS: Final = bytes(1 << 18)

BEGIN: Final = "BEGIN IMMEDIATE"
COMMIT: Final = "COMMIT"
ROLLBACK: Final = "ROLLBACK"
INSERT_ENTRY: Final = "INSERT INTO entries (seq, at, kind, body, prev, hash) VALUES (?, ?, ?, ?, ?, ?)"
INSERT_CHECKPOINT: Final = "INSERT INTO checkpoints (size, head, at, key, signature) VALUES (?, ?, ?, ?, ?)"
INSERT_SEGMENT: Final = "INSERT INTO segments (last, first, prev, head, name, digest) VALUES (?, ?, ?, ?, ?, ?)"
DELETE_ENTRIES: Final = "DELETE FROM entries WHERE seq <= ?"
SELECT_HEAD: Final = "SELECT seq, hash FROM entries ORDER BY seq DESC LIMIT 1"
SELECT_TIP: Final = "SELECT seq, at, kind, body, prev, hash FROM entries ORDER BY seq DESC LIMIT 1"
SELECT_ENTRIES: Final = (
    "SELECT seq, at, kind, body, prev, hash FROM entries WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?"
)
SELECT_BEFORE: Final = "SELECT max(seq) FROM entries WHERE at < ? AND seq <= ?"
SELECT_LAST_OF_KIND: Final = (
    "SELECT seq, at, kind, body, prev, hash FROM entries WHERE seq <= ? AND kind = ? ORDER BY seq DESC LIMIT 1"
)

SELECT_CHECKPOINTS: Final = (
    "SELECT size, head, at, key, signature FROM checkpoints WHERE size > ? ORDER BY size LIMIT ?"
)
SELECT_CHECKPOINT_LAST: Final = "SELECT size, head, at, key, signature FROM checkpoints ORDER BY size DESC LIMIT 1"
SELECT_SEGMENTS: Final = "SELECT last, first, prev, head, name, digest FROM segments ORDER BY last"
_SELECT_SCHEMA: Final = "SELECT sql FROM sqlite_schema ORDER BY name"

_MAGIC: Final = b"SQLite format 3\x00"
_HEADER_BYTES: Final = 100
_PAGES: Final = Layout(">H10xI")  # at 16: the page size, then at 28 the number of pages
_IDENTITY: Final = Layout(">I4xI")  # at 60: the user version, then at 68 the application id
RESTORE: Final = (
    "Keep it as it is and restore the home from a backup; trading-mcp audit verify says how far it holds."
)


class Cursor(Protocol):
    def fetchone(self) -> Any: ...  # noqa: ANN401 - a row is what the statement selects
    def fetchall(self) -> list[Any]: ...


class Connection(Protocol):
    """What the writer asks of a database: the stdlib's sqlite3, or in tests apsw, which can lose power."""

    @property
    def in_transaction(self) -> bool: ...
    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Cursor: ...
    def executemany(self, sql: str, parameters: Iterable[Any], /) -> object: ...
    def close(self) -> None: ...


def prepare(connection: Connection) -> None:
    """Set how this connection writes, and refuse one that would not write so."""
    for pragma in _PRAGMAS:
        connection.execute(pragma).fetchall()
    mode = connection.execute("PRAGMA journal_mode").fetchone()
    synchronous = connection.execute("PRAGMA synchronous").fetchone()
    if (mode[0], synchronous[0]) != ("wal", 2):
        raise JournalUnwritable(
            "This file system does not let the journal keep a write-ahead log.",
            "Put the home on a local disk.",
        )


def build(connection: Connection) -> None:
    """Make the tables of a new journal, in one transaction."""
    prepare(connection)
    connection.execute(BEGIN)
    for table in _TABLES:
        connection.execute(table)
    connection.execute("PRAGMA application_id = 1953327665")
    connection.execute("PRAGMA user_version = 1")
    connection.execute(COMMIT)


def fold_back(connection: Connection) -> None:
    """Bring what a crash left in the log into the main file, and begin the log anew.

    A sync that failed may have left frames that the system shows us but the disk does not have. Entries written
    after such a hole would be lost with it, acknowledged or not; written again from here they are not.
    """
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def lay_out_log(path: Path, size: int = _LOG_BYTES) -> None:
    """Give the empty log of an open journal the size it grows to between two of SQLite's own checkpoints.

    To sync a file that grew, the system also has to record its new size: a commit into a log that is large enough
    already takes half the time. SQLite reads zeros as a log without a header, in which there is nothing; the
    first commit syncs them.
    """
    with contextlib.suppress(OSError):
        # Only speed hangs on it: what is wrong with the disk shows at the first entry, and is handled there.
        log = os.open(f"{path}-wal", os.O_WRONLY | os.O_NOFOLLOW)
        try:
            if os.fstat(log).st_size == 0:
                try:
                    for start in range(0, size, len(_ZEROS)):
                        os.pwrite(log, _ZEROS, start)
                except OSError:
                    os.ftruncate(log, 0)  # the last of a disk is not taken for speed
        finally:
            os.close(log)


def begin(connection: Connection, rows: Sequence[Sequence[Any]], checkpoints: Sequence[Sequence[Any]] = ()) -> None:
    """Put the first entries into a new journal. Nobody relies on it yet, so a failure here stops no desk."""
    connection.execute(BEGIN)
    connection.executemany(INSERT_ENTRY, rows)
    connection.executemany(INSERT_CHECKPOINT, checkpoints)
    connection.execute(COMMIT)
    # Closing would do it too, but would not say if it could not.
    fold_back(connection)


def connect(path: Path) -> sqlite3.Connection:
    # The lock that makes one connection safe for several threads is the writer's own; autocommit (None)
    # leaves every BEGIN and COMMIT to it; no time-out, since whoever else holds this file will not let go.
    connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    # A forged row of a gigabyte is refused, not read.
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, ROW_BYTES_MAX)
    return connection


def open_connection(path: Path) -> sqlite3.Connection:
    """A connection to the journal at `path`, after what can be wrong with the file is ruled out."""
    inspect(path)
    connection = connect(path)
    try:
        prepare(connection)
        found = {row[0] for row in connection.execute(_SELECT_SCHEMA).fetchall()}
        if found != set(_TABLES):
            raise JournalDamaged(
                f"{shown(path)} has tables, indexes or triggers that a journal does not have, or lacks its own.",
                RESTORE,
            )
        # Proves that it can be written, and by nobody else, before the first order depends on it.
        connection.execute(BEGIN)
        connection.execute(COMMIT)
    except sqlite3.Error as error:
        connection.close()
        raise explained(path, error) from error
    except JournalError:
        connection.close()
        raise
    return connection


def inspect(path: Path) -> None:
    """Look at the first bytes before SQLite touches the file: a foreign one stays untouched."""
    try:
        require_private(path)
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        raise JournalForeign(
            f"There is no journal at {shown(path)}.", "Make a home first: trading-mcp home new NAME."
        ) from None
    except (OSError, ValueError) as error:
        raise JournalUnwritable(
            f"{shown(path)} cannot be opened: {shown(error)}.",
            "Check the name of the home and the permissions of its folder.",
        ) from error
    if not header:
        raise JournalDamaged(f"{shown(path)} is empty: every entry it had is gone.", RESTORE)
    if not header.startswith(_MAGIC[: len(header)]):
        raise JournalForeign(f"{shown(path)} is not a database.", "Name the home's own journal.db.")
    if len(header) < _HEADER_BYTES:
        raise JournalDamaged(f"{shown(path)} is cut short inside its first {_HEADER_BYTES} bytes.", RESTORE)
    version, application = _IDENTITY.unpack_from(header, 60)
    if application != APPLICATION:
        raise JournalForeign(
            f"{shown(path)} is a database, but no journal of a desk.", "Name the home's own journal.db."
        )
    if version > VERSION:
        raise JournalNewer(
            f"{shown(path)} was written by a later trading-mcp: format {version}, this one reads {VERSION}.",
            "Upgrade trading-mcp; nothing was changed.",
        )


def explained(path: Path, error: sqlite3.Error) -> JournalError:
    """What SQLite's error means for the person who owns the journal."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return JournalUnwritable(
            f"{shown(path)} is held by another process.",
            "Stop the other desk of this home, or use it: trading-mcp status.",
        )
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return JournalDamaged(f"{shown(path)} is damaged: {_cut_short(path) or shown(error)}.", RESTORE)
    return JournalUnwritable(
        f"{shown(path)} cannot be written: {shown(error)}.",
        "Free space on its disk and check its permissions, then start again.",
    )


def _cut_short(path: Path) -> str | None:
    """Says by how much the file is shorter than its own header claims, if it is."""
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    page, pages = _PAGES.unpack_from(header, 16)
    claimed = (65536 if page == 1 else page) * pages
    size = path.stat().st_size
    return f"it is cut short, {size} of {claimed} bytes" if size < claimed else None


def clear(draft: Path, path: Path) -> None:
    """Begin an empty `draft` of a journal at `path`; what may be another's stays there, and is a refusal."""
    if os.path.lexists(path):
        raise JournalForeign(f"A file stands at {shown(path)} already.", "Open that home, or choose another name.")
    for place in _beside(path):
        if os.path.lexists(place):
            # SQLite would read its entries into the new journal.
            raise JournalForeign(
                f"{shown(place)} is left of a journal that was here.",
                "Move it to where that journal is now, or choose another name.",
            )
    for place in (draft, *_beside(draft)):
        # Left by a crash in here; nothing in it was ever acknowledged.
        place.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def publish(draft: Path, path: Path) -> None:
    """Give a finished new journal its name: it exists whole or not at all."""
    if path.exists():
        raise FileExistsError(errno.EEXIST, "a journal stands here already", str(path))
    draft.rename(path)
    sync_folder(path.parent)


def _beside(path: Path) -> list[Path]:
    """The files that SQLite keeps next to a database and reads back into it."""
    return [path.with_name(path.name + suffix) for suffix in ("-wal", "-journal")]

"""The writer: rows go into one SQLite file in the order they were chained, durable when it says so."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Final

from trading_mcp.adapters.journal import schema
from trading_mcp.adapters.journal.archive import Archive, Segment
from trading_mcp.adapters.journal.chain import Draft, Raw, Row, head_after, is_hash, link, row_of
from trading_mcp.adapters.journal.checkpoint import Checkpoint, Checkpointer, checkpoint_of, values_of
from trading_mcp.adapters.journal.files import raise_halt, shown
from trading_mcp.core.ports import Head
from trading_mcp.errors import JournalDamaged, JournalUnwritable

LINGER: Final = 0.002
QUEUE_MAX: Final = 4096
BATCH: Final = 1000

_VERIFY: Final = "Keep the file as it is; trading-mcp audit verify shows how far it holds."


class EntryFile:
    """One open journal file: its only writer, and its only reader.

    Two locks. `_tip_lock` is held for microseconds, to chain; `_disk_lock` while the disk works, and always
    taken first. So queueing a read's entries never waits for anybody's fsync.
    """

    def __init__(
        self,
        connection: schema.Connection,
        path: Path,
        *,
        checkpointer: Checkpointer | None = None,
        linger: float = LINGER,
    ) -> None:
        self.path = path
        self._connection = connection
        self._checkpointer = checkpointer
        self._linger = linger
        self._disk_lock = threading.Lock()
        self._tip_lock = threading.Lock()
        self._queued: list[Row] = []
        self._failure: JournalUnwritable | None = None
        self._is_closed = False
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._flusher: threading.Thread | None = None
        segments = connection.execute(schema.SELECT_SEGMENTS).fetchall()
        self.archive = Archive(path.parent / "archive", [Segment.of(raw) for raw in segments])
        self._tip = self._durable = self._read_tip()
        if checkpointer is not None:
            checkpointer.resume(self._last_checkpoint())

    def _read_tip(self) -> Head:
        seq, mark = self._connection.execute(schema.SELECT_HEAD).fetchone() or (0, b"")
        head = Head(seq=seq, hash=mark) if seq > self.archive.last else self.archive.head
        # Whatever stands there is what the next entry will commit to; whether it is right, verify says.
        if not is_hash(head.hash):
            raise JournalDamaged(f"Entry {head.seq} of {shown(self.path)}, the last, has no hash.", schema.RESTORE)
        return head

    @property
    def head(self) -> Head:
        """The end of the chain as the next entry will see it, queued entries included."""
        return self._tip if self._failure is None else self._durable

    @property
    def durable(self) -> Head:
        """The end of what is on disk."""
        return self._durable

    @property
    def failure(self) -> JournalUnwritable | None:
        """Why nothing more can be written, once that is so; only a new opening, and verifying, ends it."""
        return self._failure

    def refuse(self, error: BaseException) -> JournalUnwritable:
        """Stop writing for good, and trading with it; the reason, to be raised."""
        stands = raise_halt(self.path.parent)
        self._failure = failure = JournalUnwritable(
            f"{shown(self.path)} could not be written after entry {self._durable.seq}: {error!r}.",
            "HALT stands in the home. Free space on its disk and start the desk again: it verifies first."
            if stands
            else "HALT could not be put up: stop the desk, free space on its disk, then start it again.",
        )
        return failure

    def append(self, at: int, drafts: Sequence[Draft]) -> tuple[Row, ...]:
        """Record all of `drafts` or none, after what is queued, in one commit; durable when it returns."""
        with self._disk_lock:
            with self._tip_lock:
                self._require_usable()
                made = link(self._tip, at, drafts)
                rows = (*self._queued, *made)
                self._queued = []
                self._tip = head_after(self._tip, made)
            self._commit(rows)
        return made

    def queue(self, at: int, drafts: Sequence[Draft]) -> None:
        """Chain `drafts` now and write them within milliseconds, out of the caller's way."""
        with self._tip_lock:
            self._require_usable()
            if self._closing.is_set():
                # The flusher has gone, or is about to: what came now might never be written.
                raise self._closed()
            if self._flusher is None:
                flusher = threading.Thread(target=self._flush_on_wake, name="journal-flusher", daemon=True)
                flusher.start()
                self._flusher = flusher
            made = link(self._tip, at, drafts)
            self._queued.extend(made)
            self._tip = head_after(self._tip, made)
            is_crowded = len(self._queued) >= QUEUE_MAX
        self._wake.set()
        if is_crowded:
            self.flush()

    def flush(self) -> None:
        """Make everything queued durable."""
        with self._disk_lock:
            with self._tip_lock:
                self._require_usable()
                rows = tuple(self._queued)
                self._queued = []
            self._commit(rows)

    def checkpoint(self) -> None:
        """Sign the head as it is now, unless it is signed already."""
        self.flush()
        with self._disk_lock:
            self._require_usable()
            with self._reading(self._durable.seq - 1):
                raw = self._connection.execute(schema.SELECT_TIP).fetchone()
                last = self._last_checkpoint()
            if self._checkpointer is None or raw is None or (last is not None and last.size >= raw[0]):
                return
            self._write((), (row_of(raw),), anyway=True)

    def close(self) -> None:
        """Write what is queued, sign the head, and let go of the file. A second close does nothing."""
        with self._tip_lock:
            if self._closing.is_set():
                return
            self._closing.set()
        self._wake.set()
        if self._flusher is not None:
            self._flusher.join()
        try:
            if self._failure is None:
                self.checkpoint()
        finally:
            with self._disk_lock, self._tip_lock:
                self._is_closed = True
                self._connection.close()

    def batches(self, since: int = 0, until: int | None = None, size: int = BATCH) -> Iterator[list[Raw]]:
        """Rows `since` < seq ≤ `until` as they stand on disk, wherever they are kept, a batch at a time.

        The lock is let go between batches, so that a long read never keeps an order waiting.
        """
        if self._failure is None:
            self.flush()
        durable = self._durable
        end = durable.seq if until is None else min(until, durable.seq)
        while since < end:
            batch = self._batch(since, end, size)
            if not batch:
                raise JournalDamaged(f"{shown(self.path)} lacks entry {since + 1}, which was there.", _VERIFY)
            if batch[-1][0] == durable.seq and batch[-1][5] != durable.hash:
                # The last hash commits to all before it: what is read now is what was opened, and verified.
                raise JournalDamaged(
                    f"Entry {durable.seq} of {shown(self.path)} is not the one that was there.", _VERIFY
                )
            yield batch
            since = batch[-1][0]

    def _batch(self, since: int, end: int, size: int) -> list[Raw]:
        with self._disk_lock, self._reading(since):
            self._require_open()
            if since >= self.archive.last:
                return self._connection.execute(schema.SELECT_ENTRIES, (since, end, size)).fetchall()
        # Outside the lock, since a segment never changes.
        return self.archive.rows(since, end)

    def remains(self, since: int, until: int) -> Iterator[list[Raw]]:
        """What can be made out beyond `since` where `batches` failed, one by one, to find the damage."""
        if since < self.archive.last:
            yield from ([raw] for raw in self.archive.salvaged(since))
        else:
            yield from self.batches(since, until, 1)

    def row(self, seq: int) -> Raw | None:
        """The row with that number, unchecked."""
        batches = self.batches(max(seq - 1, 0), seq, 1)
        return next((batch[0] for batch in batches), None)

    def hash_at(self, seq: int) -> bytes | None:
        """The hash that stands in an entry; None if there is no such entry."""
        raw = self.row(seq)
        return None if raw is None else raw[5]

    def last_of(self, kind: str, until: int) -> Raw | None:
        """The newest hot row of that kind up to `until`."""
        with self._disk_lock, self._reading(until):
            self._require_open()
            return self._connection.execute(schema.SELECT_LAST_OF_KIND, (until, kind)).fetchone()

    def last_before(self, at: int, until: int) -> int:
        """The last hot row up to `until` that is older than `at`; 0 if there is none."""
        with self._disk_lock, self._reading(0):
            self._require_open()
            return self._connection.execute(schema.SELECT_BEFORE, (at, until)).fetchone()[0] or 0

    def checkpoints(self, since: int = 0) -> Iterator[Checkpoint]:
        while True:
            with self._disk_lock, self._reading(since):
                self._require_open()
                batch = self._connection.execute(schema.SELECT_CHECKPOINTS, (since, BATCH)).fetchall()
            yield from map(checkpoint_of, batch)
            if len(batch) < BATCH:
                return
            since = batch[-1][0]

    def last_checkpoint(self) -> Checkpoint | None:
        with self._disk_lock, self._reading(self.archive.last):
            self._require_open()
            return self._last_checkpoint()

    def _last_checkpoint(self) -> Checkpoint | None:
        raw = self._connection.execute(schema.SELECT_CHECKPOINT_LAST).fetchone()
        return None if raw is None else checkpoint_of(raw)

    def move_to(self, segment: Segment) -> None:
        """Record a segment that is on disk, and take its rows out of the hot table, in one commit."""
        with self._disk_lock:
            self._require_usable()
            with self._fatal():
                self._connection.execute(schema.BEGIN)
                self._connection.execute(schema.INSERT_SEGMENT, segment.raw)
                self._connection.execute(schema.DELETE_ENTRIES, (segment.last,))
                self._connection.execute(schema.COMMIT)
            self.archive.add(segment)

    def _flush_on_wake(self) -> None:
        while not self._closing.is_set():
            self._wake.wait()
            self._wake.clear()
            # A read's two entries come a moment apart; waiting for the second halves the fsyncs.
            self._closing.wait(self._linger)
            try:
                self.flush()
            except JournalUnwritable:
                return  # HALT stands, and every later call raises the same: nobody has to be told here
            except Exception as error:  # noqa: BLE001 - whatever it was, nobody else would write what is queued
                self.refuse(error)
                return

    def _commit(self, rows: Sequence[Row]) -> None:
        if rows:
            self._write(rows, rows, anyway=False)

    def _write(self, rows: Sequence[Row], covered: Sequence[Row], *, anyway: bool) -> None:
        """Commit `rows`, and with them the checkpoint of `covered` if one is due."""
        with self._fatal():
            # An interrupt between chaining and writing leaves a gap; better no journal than a broken one.
            if rows and rows[0].prev != self._durable.hash:
                raise RuntimeError(f"entry {rows[0].seq} does not follow what is on disk")
            signer = self._checkpointer
            checkpoint = None if signer is None else signer.due(covered, anyway=anyway)
            connection = self._connection
            connection.execute(schema.BEGIN)
            connection.executemany(schema.INSERT_ENTRY, [row.raw for row in rows])
            if checkpoint is not None:
                connection.execute(schema.INSERT_CHECKPOINT, values_of(checkpoint))
            connection.execute(schema.COMMIT)
            self._durable = head_after(self._durable, rows)
        if signer is not None and checkpoint is not None:
            signer.committed(checkpoint)

    @contextlib.contextmanager
    def _fatal(self) -> Generator[None]:
        """Whatever interrupts a write ends this writer: its chain may no longer be the one on disk."""
        try:
            yield
        except BaseException as error:
            with contextlib.suppress(Exception):
                if self._connection.in_transaction:
                    self._connection.execute(schema.ROLLBACK)
            failure = self.refuse(error)
            if isinstance(error, Exception):
                raise failure from error
            raise

    @contextlib.contextmanager
    def _reading(self, since: int) -> Generator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise JournalDamaged(
                f"{shown(self.path)} cannot be read after entry {since}: {shown(error)}.",
                _VERIFY,
            ) from error

    def _require_usable(self) -> None:
        if self._failure is not None:
            # A new one each time: an exception raised twice from two threads would mix their tracebacks.
            raise JournalUnwritable(self._failure.message, self._failure.next_step)
        self._require_open()

    def _require_open(self) -> None:
        if self._is_closed:
            raise self._closed()

    def _closed(self) -> JournalUnwritable:
        return JournalUnwritable(f"{shown(self.path)} is closed.", "Open the journal again.")

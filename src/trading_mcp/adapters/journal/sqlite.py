"""The Journal port on disk: events in, events out, with file, checkpoints, anchor and archive behind it."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from trading_mcp.adapters.journal import schema
from trading_mcp.adapters.journal.anchor import AnchorFile, AnchorState, AnchorVerdict
from trading_mcp.adapters.journal.archive import Segment
from trading_mcp.adapters.journal.chain import GENESIS, link
from trading_mcp.adapters.journal.checkpoint import Checkpointer, flaw, values_of
from trading_mcp.adapters.journal.entries import drafts_of, entries_of, read
from trading_mcp.adapters.journal.entryfile import EntryFile
from trading_mcp.adapters.journal.files import DRAFT, shown
from trading_mcp.adapters.journal.retention import SEGMENT_ENTRIES, archive_older
from trading_mcp.adapters.journal.snapshot import Snapshots
from trading_mcp.adapters.journal.verify import Report, Trust, verify
from trading_mcp.core import codec
from trading_mcp.core.domain.events import AnyEvent, SnapshotTaken
from trading_mcp.core.ports import Entry, Head
from trading_mcp.errors import JournalDamaged, JournalError, JournalUnwritable

CLAIMS_TRIED: Final = 2


class Resumed(msgspec.Struct, frozen=True, kw_only=True):
    """Where a start may go on from: the book after entry `start`, and what verifying from there found."""

    start: Head
    book: bytes
    report: Report


class SqliteJournal:
    """One home's journal. The only holder of its file."""

    def __init__(self, file: EntryFile) -> None:
        self.file = file

    @classmethod
    def create(
        cls, path: Path, at: int, events: Sequence[AnyEvent], *, checkpointer: Checkpointer | None = None
    ) -> SqliteJournal:
        """Make a journal that begins with `events`: after a crash it has all of them, or is not there."""
        rows = link(GENESIS, at, drafts_of(events))
        mark = None if checkpointer is None else checkpointer.due(rows, anyway=True)
        draft = path.with_name(path.name + DRAFT)
        try:
            schema.clear(draft, path)
            with contextlib.closing(schema.connect(draft)) as connection:
                schema.build(connection)
                schema.begin(connection, [row.raw for row in rows], [] if mark is None else [values_of(mark)])
            schema.publish(draft, path)
        except sqlite3.Error as error:
            raise schema.explained(draft, error) from error
        except OSError as error:
            raise JournalUnwritable(
                f"{shown(path)} cannot be made: {error.strerror}.",
                "Check the folder and its permissions, and free space on its disk.",
            ) from error
        journal = cls.open(path, checkpointer=checkpointer)
        if checkpointer is not None and mark is not None:
            checkpointer.committed(mark)
        return journal

    @classmethod
    def open(cls, path: Path, *, checkpointer: Checkpointer | None = None) -> SqliteJournal:
        """Open the journal at `path`; one sentence says what is wrong with it, if anything is."""
        connection = schema.open_connection(path)
        try:
            file = EntryFile(connection, path, checkpointer=checkpointer)
        except sqlite3.Error as error:
            connection.close()
            raise schema.explained(path, error) from error
        except JournalError:
            connection.close()
            raise
        if file.head == GENESIS:
            connection.close()
            raise JournalDamaged(
                f"{shown(path)} has no entry 1, though a journal is made with one: its entries were removed.",
                schema.RESTORE,
            )
        try:
            schema.fold_back(connection)
            schema.lay_out_log(path)
        except sqlite3.Error as error:
            # A full disk: what is there can be read, and orders cancelled, but nothing more be recorded.
            file.refuse(error)
        return cls(file)

    def head(self) -> Head:
        return self.file.head

    def append(self, at: int, events: Sequence[AnyEvent]) -> tuple[Entry, ...]:
        return entries_of(self.file.append(at, drafts_of(events)), events)

    def queue(self, at: int, events: Sequence[AnyEvent]) -> None:
        self.file.queue(at, drafts_of(events))

    def entries(self, since: int = 0) -> Iterator[Entry]:
        yield from read(self.file.batches(since), since, shown(self.file.path))

    def checkpoint(self) -> None:
        self.file.checkpoint()

    def close(self) -> None:
        self.file.close()

    def verify(
        self,
        trust: Trust | None = None,
        *,
        start: Head = GENESIS,
        until: int | None = None,
        is_deep: bool = False,
    ) -> Report:
        """Walk the chain and say where it stops holding; a deep walk also reads every event."""
        return verify(self.file, trust, start=start, until=until, decode=codec.decode if is_deep else None)

    def anchored(self, anchor: AnchorFile, trust: Trust, now: int) -> AnchorVerdict:
        """How the journal compares with its anchor; for the start, before anything is appended."""
        verdict = anchor.compare(self.file.durable, self.file.hash_at, trust.key, now, trust.domain)
        if verdict.state is AnchorState.MISSING and len(list(islice(self.file.checkpoints(), 2))) <= 1:
            # Made a moment ago: the first checkpoint is durable, and a crash kept it from the anchor.
            return AnchorVerdict(state=AnchorState.NEW, sentence="The journal is new, and so is its anchor.")
        return verdict

    def snapshot(self, snapshots: Snapshots, at: int, fold_version: int, seq: int, book: bytes) -> Entry:
        """Keep `book`, which is the fold of the entries up to `seq`, and say so in the chain.

        `SnapshotTaken` is among the kinds that carry a checkpoint: the claim is signed in the same commit.
        """
        previous = self._claim(self.file.durable.seq)
        digest = snapshots.store(fold_version, seq, book)
        taken = SnapshotTaken(at=at, fold_version=fold_version, seq=seq, digest=digest)
        (entry,) = self.append(at, (taken,))
        if previous is not None:
            snapshots.drop_before(previous[1].seq)
        return entry

    def resume(self, snapshots: Snapshots, fold_version: int, trust: Trust) -> Resumed | None:
        """The newest snapshot that a signed entry vouches for, verified from there; None: replay it all."""
        until = self.file.durable.seq
        for _ in range(CLAIMS_TRIED):
            found = self._claim(until)
            if found is None:
                return None
            until, claim = found[0] - 1, found[1]
            resumed = self._resumed(found[0], claim, snapshots, fold_version, trust)
            if resumed is not None:
                return resumed
        return None

    def archive(self, before: int, trust: Trust, *, size: int = SEGMENT_ENTRIES) -> list[Segment]:
        """Archive what is older than `before` and covered by a signed snapshot."""
        found = self._claim(self.file.durable.seq)
        if found is None or not self._is_signed(found[0], trust):
            return []
        return archive_older(self.file, before=before, until=found[1].seq, size=size)

    def _resumed(
        self, seq: int, claim: SnapshotTaken, snapshots: Snapshots, fold_version: int, trust: Trust
    ) -> Resumed | None:
        if claim.fold_version != fold_version or claim.seq >= seq or not self._is_signed(seq, trust):
            return None
        book = snapshots.load(claim.fold_version, claim.seq, claim.digest)
        mark = self.file.hash_at(claim.seq)
        if book is None or mark is None:
            return None
        start = Head(seq=claim.seq, hash=mark)
        # From `start` over the claim to a signature, which so commits to the claim and to `start` alike.
        return Resumed(start=start, book=book, report=self.verify(trust, start=start))

    def _claim(self, until: int) -> tuple[int, SnapshotTaken] | None:
        """The newest entry up to `until` that speaks of a snapshot, and what it says."""
        raw = self.file.last_of(SnapshotTaken.__name__, until)
        if raw is None:
            return None
        try:
            event = codec.decode(raw[2], raw[3])
        except codec.UnknownEvent:
            return None
        return (raw[0], event) if isinstance(event, SnapshotTaken) else None

    def _is_signed(self, seq: int, trust: Trust) -> bool:
        """Whether a genuine checkpoint covers entry `seq`."""
        mark = next(self.file.checkpoints(seq - 1), None)
        return mark is not None and flaw(mark, trust.key, trust.domain) is None

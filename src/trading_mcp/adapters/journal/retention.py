"""Moves entries past their retention from the hot table to the archive; no crash loses or doubles one."""

from __future__ import annotations

from typing import Final

from trading_mcp.adapters.journal.archive import Segment
from trading_mcp.adapters.journal.chain import Raw, Walk
from trading_mcp.adapters.journal.entryfile import EntryFile
from trading_mcp.adapters.journal.files import shown
from trading_mcp.errors import JournalDamaged

# Removing a segment's rows keeps an append waiting for as long as it takes: two milliseconds for so many.
SEGMENT_ENTRIES: Final = 2_000
SEGMENT_BODY_BYTES: Final = 16 * 1024 * 1024


def archive_older(file: EntryFile, *, before: int, until: int, size: int = SEGMENT_ENTRIES) -> list[Segment]:
    """Archive what is older than `before`, up to `until`, which a signed snapshot covers, in full segments.

    A segment holds `size` entries, or fewer where they are large. For each: check the chain, write the file, read
    it back, then record it and remove its rows in one commit. A crash before that commit leaves a file nobody
    refers to, which is written again; after it, all is done.
    """
    made: list[Segment] = []
    end = file.last_before(before, until)
    while end - file.archive.last >= size:
        since = file.archive.last
        rows = _segment_of(file, since, size)
        walk = Walk(file.archive.head)
        if not walk.over(rows):
            raise JournalDamaged(
                f"{shown(file.path)} is damaged at {walk.broken}; nothing from there on was archived.",
                "Keep the home as it is, and run trading-mcp audit verify.",
            )
        segment = file.archive.write(rows)
        if file.archive.read(segment) != rows:
            raise JournalDamaged(
                f"{shown(file.archive.folder / segment.name)} does not read back as it was written.",
                "Check the disk; the entries are still in the journal.",
            )
        file.move_to(segment)
        made.append(segment)
    return made


def _segment_of(file: EntryFile, since: int, size: int) -> list[Raw]:
    """The next `size` entries, or as many as stay readable in one piece."""
    rows: list[Raw] = []
    held = 0
    for batch in file.batches(since, since + size):
        for raw in batch:
            held += len(raw[3] or b"")
            if rows and held > SEGMENT_BODY_BYTES:
                return rows
            rows.append(raw)
    return rows

"""Moves entries past their retention from the hot table to the archive; no crash loses or doubles one."""

from __future__ import annotations

from typing import Final

from trading_mcp.adapters.journal.archive import Segment
from trading_mcp.adapters.journal.chain import Raw, Walk
from trading_mcp.adapters.journal.entryfile import EntryFile
from trading_mcp.errors import JournalDamaged

SEGMENT_ENTRIES: Final = 10_000


def archive_older(file: EntryFile, *, before: int, until: int, size: int = SEGMENT_ENTRIES) -> list[Segment]:
    """Archive full segments of what is older than `before`, up to `until`, which a signed snapshot covers.

    Each: check the chain, write the file, read it back, then record it and remove its rows in one commit.
    A crash before that commit leaves a file nobody refers to, which is written again; after it, all is done.
    """
    made: list[Segment] = []
    end = file.last_before(before, until)
    while end - file.archive.last >= size:
        since = file.archive.last
        rows: list[Raw] = [raw for batch in file.batches(since, since + size) for raw in batch]
        walk = Walk(file.archive.head)
        if not walk.over(rows):
            raise JournalDamaged(
                f"{file.path} is damaged at {walk.broken}; nothing from there on was archived.",
                "Keep the home as it is, and run trading-mcp audit verify.",
            )
        segment = file.archive.write(rows)
        if file.archive.read(segment) != rows:
            raise JournalDamaged(
                f"{file.archive.folder / segment.name} does not read back as it was written.",
                "Check the disk; the entries are still in the journal.",
            )
        file.move_to(segment)
        made.append(segment)
    return made

"""The archive: old entries in compressed files that never change again and that the chain runs on through."""

from __future__ import annotations

import contextlib
import gzip
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec

from trading_mcp.adapters.journal.chain import GENESIS, Raw
from trading_mcp.adapters.journal.export import lines_of, raws_of
from trading_mcp.adapters.journal.files import read_whole, shown, write_whole
from trading_mcp.core.ports import Head
from trading_mcp.errors import JournalDamaged

TEXT_BYTES_MAX: Final = 128 * 1024 * 1024
"""No segment of ours comes near it; one that does was made to fill the memory."""


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the archive: its entries, what they follow, what they end in, and its own SHA-256."""

    first: int
    last: int
    prev: bytes
    head: bytes
    name: str
    digest: bytes

    @classmethod
    def of(cls, raw: Sequence[Any]) -> Segment:
        last, first, prev, head, name, digest = raw
        return cls(first=first, last=last, prev=prev, head=head, name=name, digest=digest)

    @property
    def raw(self) -> tuple[int, int, bytes, bytes, str, bytes]:
        return (self.last, self.first, self.prev, self.head, self.name, self.digest)


class Archive:
    """The segments of one journal, oldest first."""

    def __init__(self, folder: Path, segments: Sequence[Segment]) -> None:
        self.folder = folder
        self.segments = list(segments)

    @property
    def last(self) -> int:
        """The newest archived entry; 0 if there is none."""
        return self.segments[-1].last if self.segments else 0

    @property
    def head(self) -> Head:
        return Head(seq=self.last, hash=self.segments[-1].head) if self.segments else GENESIS

    def add(self, segment: Segment) -> None:
        self.segments.append(segment)

    def write(self, rows: Sequence[Raw]) -> Segment:
        """Put `rows` into a file, for good. Nothing refers to it yet, so a crash here costs nothing.

        The same rows always give the same file, so that doing it again after a crash changes nothing.
        """
        first, last = rows[0], rows[-1]
        content = gzip.compress(b"".join(lines_of([list(rows)])), mtime=0)
        name = _name(first[0], last[0])
        write_whole(self.folder / name, content)
        return Segment(
            first=first[0],
            last=last[0],
            prev=first[4],
            head=last[5],
            name=name,
            digest=sha256(content).digest(),
        )

    def rows(self, since: int, until: int) -> list[Raw]:
        """The entries `since` < seq ≤ `until` of the one segment where they begin."""
        return [raw for raw in self.read(self._holding(since + 1)) if since < raw[0] <= until]

    def read(self, segment: Segment) -> list[Raw]:
        """All entries of one segment, which has to be the file that was recorded."""
        content = self._content(segment)
        if sha256(content).digest() != segment.digest:
            raise self._damaged(segment, "was changed or cut short")
        try:
            return raws_of(_decompressed(content, is_whole=True))
        except (ValueError, zlib.error) as error:
            raise self._damaged(segment, "does not hold entries, and its own digest was changed with it") from error

    def salvaged(self, since: int) -> Iterator[Raw]:
        """What can still be read after entry `since` of a damaged segment, up to the first bad line."""
        content = self._content(self._holding(since + 1))
        with contextlib.suppress(ValueError, zlib.error):
            for line in _decompressed(content, is_whole=False).split(b"\n")[:-1]:
                yield from (raw for raw in raws_of(line) if raw[0] > since)

    def _holding(self, seq: int) -> Segment:
        index = bisect_right(self.segments, seq - 1, key=lambda segment: segment.last)
        return self.segments[index]

    def _content(self, segment: Segment) -> bytes:
        if segment.name != _name(segment.first, segment.last):
            # A name is never followed to where a forger wants to lead.
            raise self._damaged(segment, "is listed under a name that is none of ours")
        try:
            return read_whole(self.folder / segment.name, TEXT_BYTES_MAX)
        except OSError as error:
            raise self._damaged(segment, f"cannot be read: {error.strerror}") from error

    def _damaged(self, segment: Segment, what: str) -> JournalDamaged:
        place = shown(self.folder / _name(segment.first, segment.last))
        return JournalDamaged(f"{place}, which holds entries {segment.first} to {segment.last}, {what}.", _RESTORE)


def _name(first: int, last: int) -> str:
    return f"{first:012d}-{last:012d}.jsonl.gz"


def _decompressed(content: bytes, *, is_whole: bool) -> bytes:
    """The text in `content`, up to what any segment may hold."""
    stream = zlib.decompressobj(wbits=31)
    text = stream.decompress(content, TEXT_BYTES_MAX)
    if is_whole and not stream.eof:
        raise ValueError("cut short, or larger than any segment")
    return text


_RESTORE = "Put the file back from a backup; nothing else has to be restored."

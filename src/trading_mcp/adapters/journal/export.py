"""Entries as JSON lines with every field: what a person takes away, and what an archive segment holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import msgspec

from trading_mcp.adapters.journal.chain import Raw
from trading_mcp.errors import JournalDamaged


class _Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """One entry as text. The body is a string of its exact bytes, so that anyone can recompute the hash."""

    seq: int
    at: int
    kind: str
    body: str
    prev: str
    hash: str


_DECODER = msgspec.json.Decoder(_Line)


def line_of(raw: Raw) -> bytes:
    seq, at, kind, body, prev, mark = raw
    fields = {
        "seq": seq,
        "at": at,
        "kind": kind,
        "body": body.decode(),
        "prev": prev.hex(),
        "hash": mark.hex(),
    }
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def raws_of(text: bytes) -> list[Raw]:
    """The entries in whole lines; ValueError if one of them is none."""
    raws: list[Raw] = []
    before, mark = "", b""
    for entry in _DECODER.decode_lines(text):
        # What an entry follows is nearly always what the last one ended in: the same bytes need no second look.
        prev = mark if entry.prev == before else bytes.fromhex(entry.prev)
        before, mark = entry.hash, bytes.fromhex(entry.hash)
        raws.append((entry.seq, entry.at, entry.kind, entry.body.encode(), prev, mark))
    return raws


def lines_of(batches: Iterable[list[Raw]]) -> Iterator[bytes]:
    """Every entry as a line, in order; an entry whose fields are not what they should be is named."""
    for batch in batches:
        for raw in batch:
            try:
                yield line_of(raw) + b"\n"
            except (AttributeError, TypeError, ValueError) as error:
                raise JournalDamaged(
                    f"Entry {raw[0]} cannot be written as text: {error}.",
                    "Find out how far the journal holds: trading-mcp audit verify.",
                ) from error


def export(batches: Iterable[list[Raw]], out: BinaryIO) -> int:
    """Write every entry to `out` as a line; how many there were."""
    count = 0
    for line in lines_of(batches):
        out.write(line)
        count += 1
    return count

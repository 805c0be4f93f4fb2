"""The chain: what an entry is as bytes, how it follows the one before it, how a break is named."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final, TypeAlias

import msgspec

from trading_mcp.core.ports import Head

DOMAIN: Final = b"trading-mcp/journal/1"
HASH_BYTES: Final = 32
BODY_BYTES_MAX: Final = 4 * 1024 * 1024
BACKWARD_MAX: Final = 100

# Every field carries its length, so that no two different entries can ever be the same bytes.
_FRONT: Final = struct.Struct(">I21sIQI32sI")  # domain, seq, prev, then the length of the kind
_MIDDLE: Final = struct.Struct(">IqI")  # at, then the length of the body

Raw: TypeAlias = tuple[int, int, str, bytes, bytes, bytes]
"""A row as the database gives it: seq, at, kind, body, prev, hash. Nothing about it has been checked."""

Draft: TypeAlias = tuple[str, bytes]
"""What is to be recorded: kind and canonical body."""


GENESIS: Final = Head(seq=0, hash=bytes(HASH_BYTES))


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One entry before its body is read: `at` is microseconds since the epoch, UTC."""

    seq: int
    at: int
    kind: str
    body: bytes
    prev: bytes
    hash: bytes

    @property
    def raw(self) -> Raw:
        return (self.seq, self.at, self.kind, self.body, self.prev, self.hash)


class Break(msgspec.Struct, frozen=True, kw_only=True):
    """The first entry that cannot be believed, and why."""

    seq: int
    reason: str

    def __str__(self) -> str:
        return f"entry {self.seq}: {self.reason}"


def is_hash(mark: object) -> bool:
    return isinstance(mark, bytes) and len(mark) == HASH_BYTES


def row_of(raw: Raw) -> Row:
    seq, at, kind, body, prev, mark = raw
    return Row(seq=seq, at=at, kind=kind, body=body, prev=prev, hash=mark)


def hash_of(seq: int, at: int, kind: str, body: bytes, prev: bytes) -> bytes:
    name = kind.encode()
    front = _FRONT.pack(len(DOMAIN), DOMAIN, 8, seq, HASH_BYTES, prev, len(name))
    return sha256(b"".join((front, name, _MIDDLE.pack(8, at, len(body)), body))).digest()


def link(head: Head, at: int, drafts: Sequence[Draft]) -> tuple[Row, ...]:
    """The rows that follow `head`. What cannot be an entry raises here, before anything has changed."""
    seq, prev = head.seq, head.hash
    rows: list[Row] = []
    for kind, body in drafts:
        if len(body) > BODY_BYTES_MAX:
            raise ValueError(f"{kind} is {len(body)} bytes; an entry holds at most {BODY_BYTES_MAX}")
        seq += 1
        mark = hash_of(seq, at, kind, body, prev)
        rows.append(Row(seq=seq, at=at, kind=kind, body=body, prev=prev, hash=mark))
        prev = mark
    return tuple(rows)


def head_after(head: Head, rows: Sequence[Row]) -> Head:
    return Head(seq=rows[-1].seq, hash=rows[-1].hash) if rows else head


class Walk:
    """A walk along the chain, a batch at a time, that stops at the first entry it cannot believe."""

    def __init__(self, start: Head) -> None:
        self.head = start
        self.broken: Break | None = None
        self.backward: list[int] = []
        self._at: int | None = None

    def over(self, batch: Iterable[Raw]) -> bool:
        """Whether every entry of `batch` follows from the one before."""
        if self.broken is not None:
            return False
        seq, prev = self.head.seq, self.head.hash
        # None before the first entry of the walk: there is nothing yet that it could be earlier than.
        last_at = self._at
        for raw in batch:
            at = raw[1]
            try:
                mark = hash_of(seq + 1, at, raw[2], raw[3], prev)
                good = raw[5] == mark and raw[4] == prev and raw[0] == seq + 1
            except (TypeError, AttributeError, struct.error, UnicodeError):
                good = False
            if not good:
                self.broken = _diagnosed(seq, prev, raw)
                break
            seq, prev = raw[0], raw[5]
            if last_at is not None and at < last_at and len(self.backward) < BACKWARD_MAX:
                self.backward.append(seq)
            last_at = at
        self.head = Head(seq=seq, hash=prev)
        self._at = last_at
        return self.broken is None


def _diagnosed(seq: int, prev: bytes, raw: Raw) -> Break:
    """Why `raw` does not follow entry `seq`, most telling reason first."""
    due = seq + 1
    if raw[0] != due:
        return Break(seq=due, reason=f"is missing, the next one on disk is {raw[0]!r}")
    try:
        expected = hash_of(raw[0], raw[1], raw[2], raw[3], raw[4])
    except (TypeError, AttributeError, struct.error, UnicodeError):
        return Break(seq=due, reason="is not made of the fields an entry has")
    if raw[4] != prev:
        content = "although its own content is whole" if expected == raw[5] else "and its content was changed"
        return Break(seq=due, reason=f"does not follow entry {seq} as it stands, {content}")
    return Break(seq=due, reason="its content does not give its hash: one of the two was changed")

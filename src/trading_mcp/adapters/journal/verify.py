"""Verification: walks all entries and checkpoints, and names the first that cannot be believed, and why."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import msgspec

from trading_mcp.adapters.journal.chain import GENESIS, Break, Raw, Walk
from trading_mcp.adapters.journal.checkpoint import REAL, Cadence, flaw
from trading_mcp.adapters.journal.entryfile import EntryFile
from trading_mcp.core.ports import Head
from trading_mcp.errors import JournalDamaged

Decode = Callable[[str, bytes], object]


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """What signatures are checked against: the desk's public key, and the domain of its home."""

    key: bytes
    domain: bytes = REAL
    cadence: Cadence = Cadence()


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """How far the journal holds. `broken` is the first entry that cannot be believed."""

    entries: int
    checkpoints: int
    head: Head
    broken: Break | None
    backward: tuple[int, ...]
    """Entries dated before the one they follow: a clock that was turned back, or that corrected itself."""

    @property
    def holds(self) -> bool:
        return self.broken is None


class _Marks:
    """The checkpoints of a journal, each compared with the entry it speaks of as the walk goes by."""

    def __init__(self, file: EntryFile, trust: Trust, start: int) -> None:
        self._rest = file.checkpoints(start)
        self._trust = trust
        self._next = next(self._rest, None)
        self.count = 0
        # What was signed before the walk began, of which only the time matters here.
        last = file.last_checkpoint() if self._next is None else None
        self._size = start
        self._at = None if last is None or flaw(last, trust.key, trust.domain) else last.at

    def over(self, batch: list[Raw]) -> Break | None:
        """The first disagreement of a checkpoint with this batch, which the chain has vouched for."""
        first, last = batch[0][0], batch[-1][0]
        while self._next is not None and self._next.size <= last:
            mark = self._next
            reason = flaw(mark, self._trust.key, self._trust.domain)
            if reason is not None:
                return Break(seq=mark.size, reason=f"the checkpoint there {reason}")
            if batch[mark.size - first][5] != mark.head:
                return Break(seq=mark.size, reason="is not the entry that was signed: the chain was rewritten")
            self.count += 1
            self._size, self._at = mark.size, mark.at
            self._next = next(self._rest, None)
        return self._unsigned(batch) if self._next is None else None

    def _unsigned(self, batch: list[Raw]) -> Break | None:
        """The first entry behind the last checkpoint that the desk would not have left unsigned."""
        for seq, at, kind, *_ in batch[max(self._size + 1 - batch[0][0], 0) :]:
            if self._trust.cadence.is_due(self._size, self._at, seq, at, kind):
                return Break(seq=seq, reason="is not signed, although the desk signs one like it at once")
        return None

    def at_end(self, head: Head, durable: Head) -> Break | None:
        """What checkpoints say about the end: nothing signed may be missing, but for what was written meanwhile."""
        if self._next is None or self._next.size <= durable.seq:
            return None
        return Break(seq=head.seq + 1, reason=f"is missing, although the desk has signed {self._next.size} entries")


def verify(
    file: EntryFile,
    trust: Trust | None = None,
    *,
    start: Head = GENESIS,
    until: int | None = None,
    decode: Decode | None = None,
) -> Report:
    """Walk from `start`, a head already believed; with `trust` signatures too, with `decode` meanings."""
    walk = Walk(start)
    end = file.durable.seq if until is None else min(until, file.durable.seq)
    marks = None if trust is None else _Marks(file, trust, start.seq)
    broken: Break | None = None
    for batch in _tolerant(file, walk, end):
        before = walk.head.seq
        walk.over(batch)
        # Up to where the chain breaks, a signature may have been broken earlier.
        believed = batch[: walk.head.seq - before]
        if believed and marks is not None:
            broken = marks.over(believed)
        if broken is None and decode is not None:
            broken = _undecodable(believed, decode)
        if broken is not None or walk.broken is not None:
            break
    broken = broken or walk.broken
    if broken is None and marks is not None and until is None:
        broken = marks.at_end(walk.head, file.durable)
    return Report(
        entries=walk.head.seq - start.seq,
        checkpoints=0 if marks is None else marks.count,
        head=walk.head,
        broken=broken,
        backward=tuple(walk.backward),
    )


def _tolerant(file: EntryFile, walk: Walk, end: int) -> Iterator[list[Raw]]:
    """Batches as far as anything can be read, so that the first bad entry is found, not only its batch."""
    try:
        yield from file.batches(walk.head.seq, end)
    except JournalDamaged as error:
        # Even where every entry can still be made out, a file that is not what it was is damage.
        with contextlib.suppress(JournalDamaged):
            yield from file.remains(walk.head.seq, end)
        walk.broken = Break(seq=walk.head.seq + 1, reason=f"cannot be read: {error.message}")


def _undecodable(batch: list[Raw], decode: Decode) -> Break | None:
    for seq, _, kind, body, _, _ in batch:
        try:
            decode(kind, body)
        except ValueError as error:
            return Break(seq=seq, reason=f"is in the chain, but {error}")
    return None

"""Between rows and entries: the one place where the journal's bytes meet the meaning the core gives them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from trading_mcp.adapters.journal.chain import Draft, Raw, Row, Walk
from trading_mcp.core import codec
from trading_mcp.core.domain.events import AnyEvent, Event
from trading_mcp.core.ports import Entry, Head
from trading_mcp.errors import JournalDamaged


def drafts_of(events: Sequence[Event]) -> list[Draft]:
    """The bytes of events, each read back once: what no restart could read must never be recorded."""
    drafts = [codec.encode(event) for event in events]
    for kind, body in drafts:
        codec.decode(kind, body)
    return drafts


def entries_of(rows: Sequence[Row], events: Sequence[AnyEvent]) -> tuple[Entry, ...]:
    """What was just recorded, with the events as they were given."""
    return tuple(
        Entry(seq=row.seq, at=row.at, event=event, prev=row.prev, hash=row.hash)
        for row, event in zip(rows, events, strict=True)
    )


def read(batches: Iterable[list[Raw]], since: int, name: str) -> Iterator[Entry]:
    """Entries from rows, each believed only if it follows from the one before."""
    walk: Walk | None = None
    for batch in batches:
        if walk is None:
            # What the first one follows is not in these rows; whoever verified up to there knows.
            walk = Walk(Head(seq=since, hash=batch[0][4]))
        holds = walk.over(batch)
        for raw in batch[: walk.head.seq - since]:
            yield _entry_of(raw, name)
        since = walk.head.seq
        if not holds:
            raise JournalDamaged(f"{name} is damaged: {walk.broken}.", _VERIFY)


_VERIFY = "Keep the home as it is, and run trading-mcp audit verify."


def _entry_of(raw: Raw, name: str) -> Entry:
    seq, at, kind, body, prev, mark = raw
    try:
        event = codec.decode(kind, body)
    except codec.UnknownEvent as error:
        raise JournalDamaged(
            f"Entry {seq} of {name} is in the chain, but {error}.",
            "If a later version wrote it, upgrade; else keep the home as it is and verify it.",
        ) from error
    return Entry(seq=seq, at=at, event=event, prev=prev, hash=mark)

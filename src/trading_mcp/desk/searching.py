"""Searching the journal: the views say where words stand, the journal itself what was recorded there."""

from __future__ import annotations

from typing import NamedTuple

from trading_mcp.core.ports import Journal
from trading_mcp.desk.answers import Answer, EntryShown
from trading_mcp.desk.past import show


class Found(NamedTuple):
    """Entries by number, newest first; `next_before` is 0 on the last page, `as_of` is how far was searched."""

    seqs: tuple[int, ...]
    next_before: int
    as_of: int


class FoundAnswer(Answer, frozen=True, kw_only=True):
    """What a search found, newest first; go on before `next_before`, which is 0 at the end."""

    entries: tuple[EntryShown, ...]
    next_before: int
    as_of: int


def told(found: Found, journal: Journal) -> FoundAnswer:
    """Return the entries that were found, as the journal has them."""
    return FoundAnswer(
        entries=tuple(show(journal, seq) for seq in found.seqs), next_before=found.next_before, as_of=found.as_of
    )

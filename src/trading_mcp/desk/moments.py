"""This moment, for whoever asks: book, facts and journal as one value, the same for every door."""

from __future__ import annotations

from collections.abc import Sequence

from trading_mcp import __version__
from trading_mcp.desk.desk import Desk
from trading_mcp.desk.earning import Earnings, nothing
from trading_mcp.desk.queries import Reader, Since


class Moments:
    """Knows of the desk what every answer tells beside its own: since when it runs, and what was noted then."""

    def __init__(self, desk: Desk, since: Since, notes: Sequence[str] = (), earned: Earnings = nothing) -> None:
        self._desk = desk
        self._since = since
        self._notes = tuple(notes)
        self.earned = earned

    def now(self, pairs: frozenset[str] = frozenset()) -> Reader:
        """Return this moment, with the prices of some pairs beside those of what is held."""
        desk = self._desk
        return Reader(
            book=desk.book,
            facts=desk.gatherer.facts(desk.book, pairs, keep=False),
            head=desk.ports.journal.head(),
            since=self._since,
            version=__version__,
            notes=self._notes,
            told=(*desk.told, *desk.unreached),
        )

    def of_all_pairs(self) -> Reader:
        """Return this moment with the prices of everything that is offered."""
        offered = self.now().facts.instruments
        return self.now(frozenset(key.split("/", 1)[1] for key in offered))

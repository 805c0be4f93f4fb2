"""What an owner who is away is told of by how things stand: patience and limits nearly spent, lone stops, others."""

import logging
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.market import MINUTE, Market, market_of
from trading_mcp.core.domain.money import ZERO, exactly
from trading_mcp.core.domain.protection import Kept
from trading_mcp.core.guardrails.valuation import value_all
from trading_mcp.desk.desk import Desk
from trading_mcp.desk.limits import share_of, used
from trading_mcp.desk.notices import about
from trading_mcp.desk.wording import span_text

_LOG: Final = logging.getLogger("trading_mcp.desk")
NEARLY: Final = Decimal("0.8")
# A stop is moved from the desk to its venue within seconds; one that is not there after this long is told of.
UNGUARDED_MAX: Final = MINUTE


class Watchman:
    """Looks once a minute; each thing is told once, also across starts, and again only after it had passed."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._told = desk.ports.told_before
        self._unguarded: dict[str, int] = {}

    def look(self) -> None:
        """Tell what is new."""
        facts = self._desk.gatherer.facts(self._desk.book, frozenset(), keep=False)
        with exactly():
            naked = {key: words for key, *words in self._positions(facts)}
            seen = naked | {key: words for key, *words in (*self._proposals(), *self._limits(facts), *self._others())}
        for key in sorted(seen.keys() - self._told):
            self._desk.tell(*seen[key], is_urgent=key in naked)
        if frozenset(seen) != self._told:
            self._told = frozenset(seen)
            self._remember()

    def _remember(self) -> None:
        try:
            self._desk.ports.remember_told(self._told)
        except Exception:  # noqa: BLE001 - logged; after the next start it is told again
            _LOG.exception("what was told could not be kept")

    def _proposals(self) -> Iterator[tuple[str, str, str]]:
        now = self._desk.ports.clock.now()
        for proposal in self._desk.book.proposals.values():
            if now - proposal.opened_at >= (proposal.expires_at - proposal.opened_at) // 2:
                left = span_text(max(0, proposal.expires_at - now))
                yield proposal.id, "A proposal has waited half its time", f"{about(proposal)} It expires in {left}."

    def _others(self) -> Iterator[tuple[str, str, str]]:
        # Who trades there by hand or program changes them all the time: that there are some is the news.
        for venue, orders in self._desk.book.foreign.items():
            text = f"{sum(each.count for each in orders)} at {venue}: counted as exposure, and cancelled only by you."
            yield f"others/{venue}", "Orders work that the desk did not make", text

    def _limits(self, facts: Facts) -> Iterator[tuple[str, str, str]]:
        desk = self._desk
        worth = value_all(desk.book, facts, desk.book.policy)
        for row in used(desk.book, facts, worth.gross, worth.equity or ZERO):
            share = share_of(row)
            key = f"{row.limit}/{facts.day}"
            # One that hovers about the mark is told once a day.
            if key in self._told or (share is not None and share >= NEARLY):
                yield key, "A limit is nearly used up", f"{row.limit}: {row.used} of {row.allowed}."

    def _positions(self, facts: Facts) -> Iterator[tuple[str, str, str]]:
        book, now = self._desk.book, self._desk.ports.clock.boot()
        stocks = facts.sessions.get(Market.STOCKS)
        lone: dict[str, int] = {}
        for key, guard in book.protections.items():
            is_shut = market_of(key.rsplit("/", 1)[1]) is Market.STOCKS and (stocks is None or not stocks.is_open)
            if guard.stop is None or guard.wanted is Kept.DESK or guard.kept is Kept.VENUE or is_shut:
                continue
            if key not in book.closings:
                lone[key] = self._unguarded.get(key, now)
        self._unguarded = lone
        for key, since in lone.items():
            if now - since >= UNGUARDED_MAX or f"stop/{key}" in self._told:
                yield f"stop/{key}", "A position has no stop at its venue", f"{key}: the desk alone watches its stop."

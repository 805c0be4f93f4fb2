"""Read what is true now from every port; what is late, missing or fails is not known."""

import logging
from collections.abc import Callable
from typing import Final, NamedTuple, ParamSpec, TypeVar

from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.facts import Balance, Facts
from trading_mcp.core.domain.instruments import Instrument
from trading_mcp.core.domain.market import FeedHealth, Market, Price, Quote
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.portfolio import assets_held, cash_key
from trading_mcp.core.domain.sight import prices_of, stables_of, took, wanted_pairs
from trading_mcp.core.ports import VenueBalance
from trading_mcp.desk.ports import Ports

P = ParamSpec("P")
T = TypeVar("T")
_LOG: Final = logging.getLogger("trading_mcp.desk")


# A trade asks several times within a few milliseconds; each quote says itself when it was last confirmed.
SAME_LOOK: Final = 2_000


class Look(NamedTuple):
    """What one look at the feed has shown of some pairs, and when that was by the clock nobody sets."""

    pairs: set[str]
    stables: frozenset[str]
    boot: int
    quotes: dict[str, Quote]
    quotes_before: dict[str, Quote]
    prices: dict[str, Price]


class Gatherer:
    """Keeps the last reading of everything slow, and reads everything fast when it is asked."""

    def __init__(self, ports: Ports, uptime: int = 0) -> None:
        self._ports = ports
        self._quotes: dict[str, Quote] = {}
        self._quotes_before: dict[str, Quote] = {}
        self._instruments: dict[str, Instrument] = {}
        self._balances: dict[str, Balance] = {}
        self._priced: set[str] = set()
        self._look: Look | None = None
        self._wall = ports.clock.now()
        self._boot = ports.clock.boot()
        self._ran_since = self._boot - uptime

    def offered(self, venue: str, instruments: tuple[Instrument, ...]) -> None:
        """Take a venue's list; one that does not answer keeps its last."""
        kept = {key: item for key, item in self._instruments.items() if item.venue != venue}
        self._instruments = kept | {f"{venue}/{item.pair}": item for item in instruments}

    def held(self, venue: str, balances: tuple[VenueBalance, ...], at: int) -> None:
        """Take a venue's balances, as of the moment before they were asked for."""
        kept = {key: item for key, item in self._balances.items() if not key.startswith(f"{venue}/")}
        self._balances = kept | {cash_key(venue, item.asset): Balance(free=item.free, at=at) for item in balances}

    def instrument(self, venue: str, pair: str) -> Instrument | None:
        """Return what a venue offers under a pair."""
        return self._instruments.get(f"{venue}/{pair}")

    def pairs_of(self, venue: str, asset: str) -> list[str]:
        """Return the pairs under which a venue trades an asset."""
        return [item.pair for item in self._instruments.values() if item.venue == venue and item.base == asset]

    def ticked(self) -> None:
        """Take the clocks' baseline anew."""
        self._wall, self._boot = self._ports.clock.now(), self._ports.clock.boot()

    def facts(self, book: Book, pairs: frozenset[str], *, keep: bool = True) -> Facts:
        """Return what is known now about some pairs, about everything held, and about the clocks."""
        ports, feed = self._ports, self._ports.feed
        venues = tuple(ports.brokers)
        look = self._looked(book, wanted_pairs(book, pairs))
        if keep:
            # A preview looks, and leaves nothing behind that the next order would be judged by.
            self._look, self._quotes, self._quotes_before = look, look.quotes, look.quotes_before
        sessions = {market: found for market in Market if (found := self._asked(feed.session, market)) is not None}
        crypto = sessions.get(Market.CRYPTO)
        self._priced |= look.prices.keys()
        health = self._asked(feed.health)
        head = ports.journal.head()
        # The clocks come last: what was read before is as old as it is now.
        now, boot = ports.clock.now(), ports.clock.boot()
        return Facts(
            now=now,
            day="" if crypto is None else crypto.day,
            quotes=look.quotes,
            quotes_before=look.quotes_before,
            instruments=self._instruments,
            prices=look.prices,
            unpriced=self._unpriced(book),
            sessions=sessions,
            feeds=dict.fromkeys(venues, FeedHealth.DOWN if health is None else health),
            balances=self._balances,
            venue_modes={venue: broker.mode for venue, broker in ports.brokers.items()},
            is_live_enabled=ports.is_live_enabled,
            is_halt_file_present=ports.is_halted_by_file(),
            wall_elapsed=now - self._wall,
            boot_elapsed=boot - self._boot,
            uptime=boot - self._ran_since,
            order_id_seed=head.hash,
            order_id_seq=head.seq,
        )

    def _looked(self, book: Book, wanted: set[str]) -> Look:
        """Look at the feed, or go by the look of a moment ago if it covers what is wanted."""
        last, boot, stables = self._look, self._ports.clock.boot(), stables_of(book)
        if last is not None and boot - last.boot < SAME_LOOK and (wanted, stables) == (last.pairs, last.stables):
            return last
        quotes, quotes_before = dict(self._quotes), dict(self._quotes_before)
        for venue in self._ports.brokers:
            for pair in sorted(wanted):
                quote = self._asked(self._ports.feed.quote, venue, pair)
                if quote is not None:
                    took(quote, f"{venue}/{pair}", quotes, quotes_before)
        return Look(wanted, stables, boot, quotes, quotes_before, self._prices(book, wanted, quotes))

    def _unpriced(self, book: Book) -> frozenset[str]:
        """Return the held assets that no feed lists: they count nothing; one whose price is lost is not known."""
        missing = assets_held(book.portfolio) - self._priced - {book.home.base_currency}
        if not missing:
            return frozenset()
        listed = self._asked(self._ports.feed.instruments) or ()
        return missing - {item.base for item in listed} if listed else frozenset()

    def _asked(self, question: Callable[P, T], *args: P.args, **named: P.kwargs) -> T | None:
        """Ask a feed; one that fails knows nothing."""
        try:
            return question(*args, **named)
        except Exception as error:  # noqa: BLE001 - a feed's trouble is a missing fact, and that denies
            _LOG.info("the feed failed: %s", type(error).__name__)
            return None

    def _prices(self, book: Book, pairs: set[str], quotes: dict[str, Quote]) -> dict[str, Price]:
        base = book.home.base_currency
        stable_quotes = [
            (stable, quote)
            for stable in sorted(stables_of(book))
            for venue in self._ports.brokers
            if (quote := self._asked(self._ports.feed.quote, venue, f"{stable}-{base}")) is not None
        ]
        with exactly():
            return prices_of(book, pairs, quotes, stable_quotes)

"""Read what is true now from every port; what is late, missing or fails is not known."""

import logging
from collections.abc import Callable
from decimal import Decimal
from typing import Final, ParamSpec, TypeVar

from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.facts import Balance, Facts
from trading_mcp.core.domain.instruments import Instrument, asset_of
from trading_mcp.core.domain.market import FeedHealth, Market, Price, Quote
from trading_mcp.core.domain.money import ONE, exactly, is_amount
from trading_mcp.core.domain.portfolio import assets_held, cash_key
from trading_mcp.core.ports import VenueBalance
from trading_mcp.desk.ports import Ports

P = ParamSpec("P")
T = TypeVar("T")
_LOG: Final = logging.getLogger("trading_mcp.desk")
_TWO: Final = Decimal(2)
_STABLE: Final = frozenset({"USDT", "USDC"})


class Gatherer:
    """Keeps the last reading of everything slow, and reads everything fast when it is asked."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._quotes: dict[str, Quote] = {}
        self._quotes_before: dict[str, Quote] = {}
        self._instruments: dict[str, Instrument] = {}
        self._balances: dict[str, Balance] = {}
        self._wall = ports.clock.now()
        self._boot = ports.clock.boot()

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

    def ticked(self) -> None:
        """Take the clocks' baseline anew."""
        self._wall, self._boot = self._ports.clock.now(), self._ports.clock.boot()

    def facts(self, book: Book, pairs: frozenset[str], *, keep: bool = True) -> Facts:
        """Return what is known now about some pairs, about everything held, and about the clocks."""
        ports, feed = self._ports, self._ports.feed
        wanted = pairs | {position.pair for position in book.portfolio.positions.values()}
        wanted |= {working.order.pair for working in book.working.values()}
        wanted |= self._paid_in(book)
        venues = tuple(ports.brokers)
        quotes, quotes_before = dict(self._quotes), dict(self._quotes_before)
        for venue in venues:
            for pair in wanted:
                self._look(venue, pair, quotes, quotes_before)
        if keep:
            # A preview looks, and leaves nothing behind that the next order would be judged by.
            self._quotes, self._quotes_before = quotes, quotes_before
        sessions = {market: found for market in Market if (found := self._asked(feed.session, market)) is not None}
        crypto = sessions.get(Market.CRYPTO)
        prices = self._prices(book, wanted, quotes)
        health = self._asked(feed.health)
        head = ports.journal.head()
        # The clocks come last: what was read before is as old as it is now.
        now, boot = ports.clock.now(), ports.clock.boot()
        return Facts(
            now=now,
            day="" if crypto is None else crypto.day,
            quotes=quotes,
            quotes_before=quotes_before,
            instruments=self._instruments,
            prices=prices,
            unpriced=self._unpriced(book, prices),
            sessions=sessions,
            feeds=dict.fromkeys(venues, FeedHealth.DOWN if health is None else health),
            balances=self._balances,
            venue_modes={venue: broker.mode for venue, broker in ports.brokers.items()},
            is_live_enabled=ports.is_live_enabled,
            is_halt_file_present=ports.is_halted_by_file(),
            wall_elapsed=now - self._wall,
            boot_elapsed=boot - self._boot,
            order_id_seed=head.hash,
            order_id_seq=head.seq,
        )

    @staticmethod
    def _paid_in(book: Book) -> set[str]:
        """Return the pairs that price coins held as cash."""
        known = book.policy.account.stablecoins | _STABLE | {book.home.base_currency}
        held = {key.split("/", 1)[1] for key, amount in book.portfolio.cash.items() if amount}
        return {f"{asset}-{quote}" for asset in held - known for quote in ("USDT", book.home.base_currency)}

    def _unpriced(self, book: Book, prices: dict[str, Price]) -> frozenset[str]:
        """Return the held assets that no feed lists: they count nothing; one whose price is lost is not known."""
        missing = assets_held(book.portfolio) - prices.keys() - {book.home.base_currency}
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

    def _look(self, venue: str, pair: str, quotes: dict[str, Quote], quotes_before: dict[str, Quote]) -> None:
        """Look at a pair; two looks at one and the same quote are one."""
        quote = self._asked(self._ports.feed.quote, venue, pair)
        if quote is None:
            return
        key = f"{venue}/{pair}"
        before = quotes.get(key)
        if before is not None and quote.at > before.at:
            quotes_before[key] = before
        quotes[key] = quote

    def _prices(self, book: Book, pairs: frozenset[str], quotes: dict[str, Quote]) -> dict[str, Price]:
        """Value each asset by the freshest of its pairs at the venues, stablecoins at market."""
        base = book.home.base_currency
        prices: dict[str, Price] = {}
        stables = book.policy.account.stablecoins | _STABLE
        with exactly():
            for stable in sorted(stables):
                for venue in self._ports.brokers:
                    quote = self._asked(self._ports.feed.quote, venue, f"{stable}-{base}")
                    if quote is not None:
                        _value(prices, stable, quote, ONE, quote.confirmed_at)
            for key, quote in quotes.items():
                pair = key.split("/", 1)[1]
                if pair in pairs and asset_of(pair) not in stables:
                    rate, at = self._rate(pair, prices, base, quote.confirmed_at)
                    if rate is not None:
                        _value(prices, asset_of(pair), quote, rate, at)
        return prices

    @staticmethod
    def _rate(pair: str, prices: dict[str, Price], base: str, at: int) -> tuple[Decimal | None, int]:
        currency = pair.split("-", 1)[1] if "-" in pair else "USD"
        if currency == base:
            return ONE, at
        price = prices.get(currency)
        return (None, at) if price is None else (price.value, min(at, price.confirmed_at))


def _value(prices: dict[str, Price], asset: str, quote: Quote, rate: Decimal, at: int) -> None:
    """Take the middle of a quote as an asset's price, unless a fresher one is known or the quote is none."""
    known = prices.get(asset)
    if (known is None or known.confirmed_at < at) and is_amount(quote.bid) and is_amount(quote.ask):
        prices[asset] = Price(value=(quote.bid + quote.ask) / _TWO * rate, confirmed_at=at)

"""Read what is true now from every port, with a deadline; what is late or missing is not known."""

from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.facts import Balance, Facts
from trading_mcp.core.domain.instruments import Instrument, asset_of
from trading_mcp.core.domain.market import Market, Price, Quote
from trading_mcp.core.domain.money import ONE, ZERO, exactly
from trading_mcp.core.domain.portfolio import cash_key
from trading_mcp.core.ports import VenueBalance
from trading_mcp.desk.ports import Ports

_TWO: Final = Decimal(2)


class Gatherer:
    """Keeps the last reading of everything slow, and reads everything fast when it is asked."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._quotes: dict[str, Quote] = {}
        self._quotes_before: dict[str, Quote] = {}
        self._instruments: dict[str, Instrument] = {}
        self._balances: dict[str, Balance] = {}
        self._ever_priced: set[str] = set()
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

    def facts(self, book: Book, pairs: frozenset[str]) -> Facts:
        """Return what is known now about some pairs, about everything held, and about the clocks."""
        ports = self._ports
        now, boot = ports.clock.now(), ports.clock.boot()
        wanted = pairs | {position.pair for position in book.portfolio.positions.values()}
        wanted |= {working.order.pair for working in book.working.values()}
        venues = tuple(ports.brokers)
        for venue in venues:
            for pair in wanted:
                self._look(venue, pair)
        sessions = {market: found for market in Market if (found := ports.feed.session(market)) is not None}
        crypto = sessions.get(Market.CRYPTO)
        return Facts(
            now=now,
            day="" if crypto is None else crypto.day,
            quotes=dict(self._quotes),
            quotes_before=dict(self._quotes_before),
            instruments=self._instruments,
            prices=self._prices(book, wanted),
            unpriced=frozenset(),
            sessions=sessions,
            feeds=dict.fromkeys(venues, ports.feed.health()),
            balances=self._balances,
            venue_modes={venue: broker.mode for venue, broker in ports.brokers.items()},
            is_live_enabled=ports.is_live_enabled,
            is_halt_file_present=ports.is_halted_by_file(),
            wall_elapsed=now - self._wall,
            boot_elapsed=boot - self._boot,
        )

    def aged(self, facts: Facts) -> Facts:
        """Measure the age of every fact again, at the moment of the decision."""
        ports = self._ports
        now = ports.clock.now()
        head = ports.journal.head()
        return replace(
            facts,
            now=now,
            is_halt_file_present=ports.is_halted_by_file(),
            wall_elapsed=now - self._wall,
            boot_elapsed=ports.clock.boot() - self._boot,
            order_id_seed=head.hash,
            order_id_seq=head.seq,
        )

    def _look(self, venue: str, pair: str) -> None:
        quote = self._ports.feed.quote(venue, pair)
        key = f"{venue}/{pair}"
        before = self._quotes.get(key)
        if quote is None:
            return
        if before is not None and quote.at > before.at:
            self._quotes_before[key] = before
        self._quotes[key] = quote

    def _prices(self, book: Book, pairs: frozenset[str]) -> dict[str, Price]:
        """Value each asset by its pairs at the venues, stablecoins at market."""
        base = book.home.base_currency
        prices: dict[str, Price] = {}
        with exactly():
            for stable in sorted(book.policy.account.stablecoins | {"USDT", "USDC"}):
                quote = next(
                    (
                        found
                        for venue in self._ports.brokers
                        if (found := self._ports.feed.quote(venue, f"{stable}-{base}"))
                    ),
                    None,
                )
                if quote is not None:
                    prices[stable] = Price(value=(quote.bid + quote.ask) / _TWO, confirmed_at=quote.confirmed_at)
            for key, quote in self._quotes.items():
                pair = key.split("/", 1)[1]
                if pair not in pairs or asset_of(pair) in prices:
                    continue
                rate, at = self._rate(pair, prices, base, quote.confirmed_at)
                if rate is not None and quote.bid.is_finite() and quote.ask.is_finite():
                    middle = (quote.bid + quote.ask) / _TWO
                    if middle > ZERO:
                        prices[asset_of(pair)] = Price(value=middle * rate, confirmed_at=at)
        return prices

    @staticmethod
    def _rate(pair: str, prices: dict[str, Price], base: str, at: int) -> tuple[Decimal | None, int]:
        currency = pair.split("-", 1)[1] if "-" in pair else "USD"
        if currency == base:
            return ONE, at
        price = prices.get(currency)
        return (None, at) if price is None else (price.value, min(at, price.confirmed_at))

"""A paper venue on a tape, and a faulty one around it: books and bars that a test writes, a clock it moves."""

import weakref
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.core.simulation.making import PAIR, bar, book, order
from trading_mcp.adapters.brokers.faulty import FaultyVenue
from trading_mcp.adapters.brokers.paper.venue import PaperVenue, Terms
from trading_mcp.adapters.feeds.tape import TapeFeed
from trading_mcp.adapters.system.clock import VirtualClock
from trading_mcp.core.domain.instruments import Instrument, Kind
from trading_mcp.core.domain.market import MINUTE, SECOND, Depth, Market, Session
from trading_mcp.core.domain.money import plain
from trading_mcp.core.domain.orders import Order
from trading_mcp.core.simulation.costs import FREE

NOON = 1_763_467_200 * SECOND  # 2025-11-18 12:00:00 UTC, a Tuesday
STOCK = Instrument(
    venue="paper",
    pair="AAPL",
    kind=Kind.STOCK,
    market=Market.STOCKS,
    base="AAPL",
    quote="USD",
    price_step=Decimal("0.01"),
    quantity_step=Decimal("0.001"),
    quantity_min=Decimal("0.001"),
    quantity_max=Decimal(1000),
    notional_min=Decimal(1),
    notional_max=Decimal(10_000_000),
    fee_rate=Decimal(0),
)
CASH = {"USDT": Decimal(10_000), "USD": Decimal(10_000), "BTC": Decimal(5)}
OPEN = Session(market=Market.STOCKS, is_open=True, day="2025-11-18", opens_at=NOON, closes_at=NOON + 90 * SECOND)
SHUT = Session(market=Market.STOCKS, is_open=False, day="2025-11-18", opens_at=NOON + 60 * SECOND)
LIMIT: dict[str, Any] = {"kind": "limit", "limit_price": "90"}


class Tape(TapeFeed):
    """A tape that tests go on writing while it plays."""

    offered = (PAIR, STOCK)
    stocks: Session | None = OPEN

    def show(self, bids: str = "99x1 98x2", asks: str = "101x1 102x2", *, pair: str = "BTC-USDT") -> None:
        """A book from now on."""
        given = book(bids, asks, at=self._clock.now())
        self._depths.setdefault(("paper", pair), []).append(
            Depth(venue="paper", pair=pair, bids=given.bids, asks=given.asks, at=given.at, simulated=True)
        )

    def went(self, prices: str, volume: str = "10", *, minute: int = 0, pair: str = "BTC-USDT") -> None:
        """A bar of one minute after noon."""
        self._candles.setdefault((pair, "1m"), []).append(bar(prices, volume, NOON + minute * MINUTE))

    def offer(self, *instruments: Instrument) -> None:
        self._instruments = instruments

    def trade(self, session: Session | None) -> None:
        """Say when stocks trade, from now on."""
        self.stocks = session

    def session(self, market: Market) -> Session | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Stocks as told; None is not known."""
        return self.stocks if market is Market.STOCKS else super().session(market)


def let_go(venue: PaperVenue) -> PaperVenue:
    """The venue; its file is closed when nobody has it any more, since one left open is a warning."""
    weakref.finalize(venue, venue._records.close)
    return venue


class World:
    """A venue, its tape and its clock."""

    def __init__(
        self,
        path: Path,
        *,
        cash: dict[str, Decimal] | None = None,
        terms: Terms = lambda _: FREE,
        instruments: Iterable[Instrument] = Tape.offered,
    ) -> None:
        self.path = path
        self.terms = terms
        self.clock = VirtualClock(NOON)
        self.tape = Tape(self.clock, instruments=instruments)
        self.tape.show()
        self.tape.show(pair="AAPL")
        PaperVenue.create(path, cash=CASH if cash is None else cash, at=NOON)
        self.venue = self.reopened()

    def reopened(self) -> PaperVenue:
        return let_go(PaperVenue(self.path, self.tape, self.clock, terms=self.terms))

    async def again(self) -> PaperVenue:
        """Close the venue and open it anew, as a desk does that starts again."""
        await self.venue.close()
        self.venue = self.reopened()
        return self.venue

    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds * SECOND)

    async def money(self) -> dict[str, str]:
        """Each asset as `free/total`."""
        return {row.asset: f"{plain(row.free)}/{plain(row.total)}" for row in await self.venue.balances()}


def want(side: str = "buy", kind: str = "market", quantity: str = "1", **given: Any) -> Order:
    """An order as the gate clears it; a market order travels with its worst price."""
    if "trail" in given:
        given["trail"] = Decimal(given["trail"])
    given.setdefault("price_worst", "200" if side == "buy" else "1")
    return order(side, kind, quantity, **given)


class Stage:
    """A faulty venue around a paper one; waiting moves the clock, and says so."""

    def __init__(self, world: World, **given: Any) -> None:
        self.world = world
        self.slept: list[int] = []
        self.venue = FaultyVenue(world.venue, world.clock, sleep=self.sleep, **given)

    async def sleep(self, microseconds: int) -> None:
        self.slept.append(microseconds)
        self.world.clock.advance(microseconds)

    async def crossed(self) -> None:
        """Let a minute's worth of the market come to whatever rests at 90."""
        self.world.wait(1)
        self.world.tape.show(bids="88x9", asks="89x9")
        await self.venue.advance()

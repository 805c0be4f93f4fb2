"""The feed of the synthetic market: what its clock says has happened by now, and never more."""

from typing import Final, Protocol

from trading_mcp.adapters.feeds.timeframe import last_ended, minutes_of
from trading_mcp.core.domain.instruments import Instrument
from trading_mcp.core.domain.market import Candle, Depth, FeedHealth, Market, Quote, Session, market_of
from trading_mcp.core.simulation.listing import SOURCE, VENUE
from trading_mcp.core.simulation.market import SyntheticMarket

HISTORY: Final = 30 * 1440  # minutes of history from the first moment, and what one question may cost at most
# Stocks trade a fifth of the time; looking this many times further back still finds the candles asked for.
_CLOSED: Final = 6


class _Now(Protocol):
    def now(self) -> int: ...


class SimulatedFeed:
    """Quotes, books and candles of one seed; healthy by construction, SIMULATED wherever it shows."""

    source: Final = SOURCE

    def __init__(self, market: SyntheticMarket, clock: _Now) -> None:
        self._market = market
        self._clock = clock

    def quote(self, venue: str, pair: str) -> Quote | None:
        return self._market.quote(pair, self._clock.now()) if venue == VENUE else None

    def depth(self, venue: str, pair: str) -> Depth | None:
        return self._market.depth(pair, self._clock.now()) if venue == VENUE else None

    def candles(self, pair: str, timeframe: str, limit: int) -> tuple[Candle, ...]:
        """The newest candles that have ended, oldest first, from at most 30 days."""
        width = minutes_of(timeframe)
        if limit < 1 or not self._market.lists(pair):
            return ()
        end = last_ended(self._clock.now(), width)
        reach = limit * width
        if market_of(pair) is Market.STOCKS:
            reach = reach * _CLOSED + 5 * 1440
        reach = min(reach, HISTORY)
        reach -= reach % width
        return tuple(self._market.candles(pair, end - reach, reach, width, newest=limit))

    def session(self, market: Market) -> Session:
        return self._market.session(market, self._clock.now())

    def instruments(self) -> tuple[Instrument, ...]:
        return self._market.instruments()

    def health(self) -> FeedHealth:
        return FeedHealth.HEALTHY

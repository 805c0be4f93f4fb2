"""The simulated feed shows what has happened by its clock, and nothing that has not."""

import itertools
from datetime import UTC, datetime

import pytest

from trading_mcp.adapters.feeds.simulated import SimulatedFeed
from trading_mcp.adapters.feeds.timeframe import MINUTES
from trading_mcp.adapters.system.clock import VirtualClock
from trading_mcp.core.domain.market import DAY, HOUR, MINUTE, SECOND, FeedHealth, Market
from trading_mcp.core.simulation.market import SyntheticMarket

WEDNESDAY = int(datetime(2026, 11, 18, 15, tzinfo=UTC).timestamp()) * SECOND


def feed(at: int = WEDNESDAY) -> tuple[SimulatedFeed, VirtualClock]:
    clock = VirtualClock(at)
    return SimulatedFeed(SyntheticMarket(1), clock), clock


def test_it_is_labelled_wherever_it_shows() -> None:
    source, _ = feed()
    quote, depth = source.quote("paper", "BTC-USDT"), source.depth("paper", "BTC-USDT")
    assert quote is not None
    assert depth is not None
    assert (quote.simulated, quote.source, depth.simulated, source.source) == (
        True,
        "SIMULATED",
        True,
        "SIMULATED",
    )
    assert source.health() is FeedHealth.HEALTHY


def test_it_is_never_the_price_of_another_venue() -> None:
    source, _ = feed()
    assert source.quote("coinbase", "BTC-USDT") is None
    assert source.depth("coinbase", "BTC-USDT") is None
    assert source.quote("paper", "ELON-USDT") is None


def test_quotes_follow_the_clock_and_return_with_it() -> None:
    source, clock = feed()
    first = source.quote("paper", "ETH-USDT")
    clock.advance(5 * SECOND)
    assert source.quote("paper", "ETH-USDT") != first
    clock.set_wall(WEDNESDAY)
    assert source.quote("paper", "ETH-USDT") == first


@pytest.mark.parametrize("timeframe", MINUTES)
@pytest.mark.parametrize("pair", ["BTC-USDT", "AAPL"])
def test_candles_have_ended_and_are_the_newest(pair: str, timeframe: str) -> None:
    source, clock = feed(WEDNESDAY + 17 * SECOND)
    width = MINUTES[timeframe] * MINUTE
    candles = source.candles(pair, timeframe, 10)
    assert len(candles) == 10
    assert all(before.start < after.start for before, after in itertools.pairwise(candles))
    assert candles[-1].start + width <= clock.now()
    clock.advance(width)
    later = source.candles(pair, timeframe, 11)
    assert set(candles[1:]) <= set(later)


def test_there_are_thirty_days_of_history_from_the_first_moment_and_one_question_gets_no_more() -> None:
    source, _ = feed()
    assert len(source.candles("BTC-USDT", "1h", 10_000)) == 720
    assert len(source.candles("BTC-USDT", "1d", 200)) == 30


def test_nothing_is_asked_of_an_unknown_pair_or_for_no_candles() -> None:
    source, _ = feed()
    assert source.candles("ELON-USDT", "1m", 5) == ()
    assert source.candles("BTC-USDT", "1m", 0) == ()
    with pytest.raises(ValueError, match="choose one of 1m, 5m"):
        source.candles("BTC-USDT", "7m", 5)


def test_it_knows_its_sessions_and_instruments() -> None:
    source, clock = feed()
    assert source.session(Market.STOCKS).is_open
    clock.advance(8 * HOUR)
    assert not source.session(Market.STOCKS).is_open
    assert source.session(Market.CRYPTO).is_open
    assert len(source.instruments()) == 13


def test_a_closed_market_shows_its_last_quote_with_its_own_date() -> None:
    source, clock = feed(WEDNESDAY + 8 * HOUR)
    quote = source.quote("paper", "SPY")
    assert quote is not None
    assert clock.now() - quote.confirmed_at > HOUR
    assert quote.confirmed_at % DAY == 21 * HOUR - SECOND

"""A tape shows each row from its own time on."""

from decimal import Decimal

from trading_mcp.adapters.feeds.tape import TapeFeed
from trading_mcp.adapters.system.clock import VirtualClock
from trading_mcp.core.domain.market import (
    MINUTE,
    Candle,
    Depth,
    FeedHealth,
    Level,
    Market,
    Quote,
    Session,
)
from trading_mcp.core.simulation.listing import LISTINGS


def quote(at: int, bid: int = 100) -> Quote:
    return Quote(
        venue="paper",
        pair="BTC-USDT",
        bid=Decimal(bid),
        ask=Decimal(bid + 1),
        bid_size=Decimal(2),
        ask_size=Decimal(3),
        at=at,
        confirmed_at=at,
        source="tape",
    )


def candle(minute: int) -> Candle:
    one = Decimal(1)
    return Candle(start=minute * MINUTE, open=one, high=one, low=one, close=one, volume=one)


def test_a_quote_shows_from_its_time_until_the_next() -> None:
    clock = VirtualClock(9)
    feed = TapeFeed(clock, quotes=[quote(20, 102), quote(10, 101)])
    seen: list[Quote | None] = []
    for _ in range(3):
        seen.append(feed.quote("paper", "BTC-USDT"))
        clock.advance(10)
    assert seen == [None, quote(10, 101), quote(20, 102)]
    assert feed.quote("other", "BTC-USDT") is None


def test_a_quote_can_be_added_and_replaces_one_of_its_time() -> None:
    feed = TapeFeed(VirtualClock(10), quotes=[quote(10, 101)])
    feed.add(quote(10, 90))
    feed.add(quote(5, 80))
    assert feed.quote("paper", "BTC-USDT") == quote(10, 90)
    empty = TapeFeed(VirtualClock(10))
    empty.add(quote(10, 90))
    assert empty.quote("paper", "BTC-USDT") == quote(10, 90)


def test_a_book_is_the_given_one_or_the_quote_as_one_level() -> None:
    given = Depth(venue="paper", pair="BTC-USDT", bids=(), asks=(), at=20)
    clock = VirtualClock(9)
    feed = TapeFeed(clock, quotes=[quote(10)], depths=[given])
    assert feed.depth("paper", "BTC-USDT") is None
    clock.advance(1)
    depth = feed.depth("paper", "BTC-USDT")
    assert depth is not None
    assert depth.bids == (Level(price=Decimal(100), quantity=Decimal(2)),)
    assert depth.asks == (Level(price=Decimal(101), quantity=Decimal(3)),)
    clock.advance(10)
    assert feed.depth("paper", "BTC-USDT") == given


def test_candles_show_when_they_have_ended() -> None:
    clock = VirtualClock(3 * MINUTE - 1)
    feed = TapeFeed(clock, candles={("BTC-USDT", "1m"): [candle(2), candle(0), candle(1)]})
    assert feed.candles("BTC-USDT", "1m", 5) == (candle(0), candle(1))
    clock.advance(1)
    assert feed.candles("BTC-USDT", "1m", 2) == (candle(1), candle(2))
    assert feed.candles("BTC-USDT", "5m", 2) == ()
    assert feed.candles("BTC-USDT", "1m", 0) == ()


def test_a_tape_that_is_down_shows_nothing() -> None:
    feed = TapeFeed(VirtualClock(MINUTE), quotes=[quote(10)], candles={("BTC-USDT", "1m"): [candle(0)]})
    assert feed.health() is FeedHealth.HEALTHY
    feed.become(FeedHealth.DOWN)
    assert feed.health() is FeedHealth.DOWN
    assert feed.quote("paper", "BTC-USDT") is None
    assert feed.depth("paper", "BTC-USDT") is None
    assert feed.candles("BTC-USDT", "1m", 5) == ()


def test_sessions_and_instruments_are_the_given_ones() -> None:
    closed = Session(market=Market.STOCKS, is_open=False, day="never")
    instruments = [LISTINGS[0].instrument()]
    feed = TapeFeed(VirtualClock(10), sessions={Market.STOCKS: closed}, instruments=instruments)
    assert feed.session(Market.STOCKS) == closed
    assert feed.session(Market.CRYPTO).day == "1970-01-01"
    assert feed.instruments() == tuple(instruments)

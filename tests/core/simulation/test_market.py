"""The synthetic market: a function of seed and moment, and close enough to a market to try ideas on."""

import hashlib
import itertools
from datetime import UTC, datetime
from decimal import Decimal
from statistics import correlation, pstdev

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_mcp.core.domain.instruments import Kind
from trading_mcp.core.domain.market import DAY, HOUR, MINUTE, SECOND, Market, Quote
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.simulation.listing import LISTINGS
from trading_mcp.core.simulation.market import SyntheticMarket
from trading_mcp.core.simulation.noise import Regime
from trading_mcp.core.simulation.path import Minute

START = int(datetime(2026, 11, 2, tzinfo=UTC).timestamp()) * SECOND  # a Monday
FIRST = START // MINUTE
CRYPTO = [listing.pair for listing in LISTINGS if listing.pair.endswith("-USDT")]
STOCKS = [listing.pair for listing in LISTINGS if listing.market is Market.STOCKS]
ALL = st.sampled_from([listing.pair for listing in LISTINGS])
MOMENTS = st.integers(0, 40 * 365 * 86_400 * SECOND)


def quoted(market: SyntheticMarket, pair: str, at: int) -> Quote:
    quote = market.quote(pair, at)
    assert quote is not None
    return quote


def returns(market: SyntheticMarket, pair: str, days: int) -> list[float]:
    closes = market.closes(pair, FIRST, days * 1440)
    return [after / before - 1 for before, after in itertools.pairwise(closes)]


def test_it_lists_ten_pairs_and_three_stocks() -> None:
    found = SyntheticMarket(1).instruments()
    assert [one.pair for one in found] == [*CRYPTO, "SPY", "AAPL", "TSLA"]
    assert len(CRYPTO) == 10
    assert {(one.kind, one.market, one.quote) for one in found} == {
        (Kind.CRYPTO, Market.CRYPTO, "USDT"),
        (Kind.STOCK, Market.STOCKS, "USD"),
    }
    assert all(one.venue == "paper" for one in found)


@settings(max_examples=40)
@given(ALL, MOMENTS, st.lists(st.tuples(ALL, MOMENTS), max_size=8))
def test_an_answer_does_not_depend_on_what_else_was_asked(pair: str, at: int, others: list[tuple[str, int]]) -> None:
    used = SyntheticMarket(7)
    before = used.quote(pair, at)
    for other, moment in others:
        used.quote(other, moment)
        used.candle(other, moment // MINUTE)
    restarted = SyntheticMarket(7)
    assert before == used.quote(pair, at) == restarted.quote(pair, at)
    assert used.depth(pair, at) == restarted.depth(pair, at)
    assert used.candle(pair, at // MINUTE) == restarted.candle(pair, at // MINUTE)


@settings(max_examples=60)
@given(ALL, MOMENTS)
def test_a_quote_is_the_top_of_its_book_and_says_that_it_is_simulated(pair: str, at: int) -> None:
    market = SyntheticMarket(7)
    quote, depth = quoted(market, pair, at), market.depth(pair, at)
    assert depth is not None
    assert (depth.bids[0].price, depth.asks[0].price) == (quote.bid, quote.ask)
    assert (depth.bids[0].quantity, depth.asks[0].quantity) == (quote.bid_size, quote.ask_size)
    assert 0 < quote.bid < quote.ask
    assert quote.at <= quote.confirmed_at <= at
    assert (quote.source, quote.simulated, depth.simulated, quote.venue) == ("SIMULATED", True, True, "paper")
    bids, asks = [level.price for level in depth.bids], [level.price for level in depth.asks]
    assert len(bids) == len(asks) == 12
    assert bids == sorted(set(bids), reverse=True)
    assert asks == sorted(set(asks))
    assert all(level.quantity > 0 for level in (*depth.bids, *depth.asks))


@settings(max_examples=30)
@given(ALL, st.integers(FIRST, FIRST + 10**6))
def test_a_candle_is_made_of_the_quotes_seen_in_it(pair: str, minute: int) -> None:
    market = SyntheticMarket(7)
    candle = market.candle(pair, minute)
    if candle is None:
        assert not market.session(Market.STOCKS, minute * MINUTE).is_open
        return
    quotes = [quoted(market, pair, minute * MINUTE + second * SECOND) for second in range(60)]
    assert all(quote.bid <= candle.high and quote.ask > candle.low for quote in quotes)
    assert quotes[0].bid <= candle.open <= quotes[0].ask
    assert quotes[59].bid <= candle.close <= quotes[59].ask
    assert any(quote.bid <= candle.high <= quote.ask for quote in quotes)
    assert any(quote.bid <= candle.low <= quote.ask for quote in quotes)
    assert candle.low <= min(candle.open, candle.close) <= max(candle.open, candle.close) <= candle.high
    assert candle.volume >= 0


@pytest.mark.parametrize("pair", ["BTC-USDT", "TSLA"])
def test_a_scan_in_order_finds_what_single_questions_find(pair: str) -> None:
    market = SyntheticMarket(3)
    scan = market.candles(pair, FIRST, 1440)
    single = [SyntheticMarket(3).candle(pair, minute) for minute in range(FIRST, FIRST + 1440, 37)]
    assert [one for one in scan if (one.start // MINUTE - FIRST) % 37 == 0] == [one for one in single if one]
    step = next(listing.step for listing in LISTINGS if listing.pair == pair)
    assert [ticks * step for ticks in market.closes(pair, FIRST, 1440)] == [one.close for one in scan]


@pytest.mark.parametrize("width", [5, 60, 1440])
@pytest.mark.parametrize("pair", ["ETH-USDT", "SPY"])
def test_longer_candles_are_made_of_the_minutes_in_them(pair: str, width: int) -> None:
    market = SyntheticMarket(3)
    minutes = market.candles(pair, FIRST, 2880)
    for candle in market.candles(pair, FIRST, 2880, width):
        inside = [one for one in minutes if candle.start <= one.start < candle.start + width * MINUTE]
        assert (candle.open, candle.close) == (inside[0].open, inside[-1].close)
        assert candle.high == max(one.high for one in inside)
        assert candle.low == min(one.low for one in inside)
        assert candle.volume == sum(one.volume for one in inside)


@pytest.mark.parametrize("width", [1, 60, 1440])
@pytest.mark.parametrize("pair", ["ETH-USDT", "SPY"])
def test_the_newest_candles_are_the_last_of_all(pair: str, width: int) -> None:
    for days in (6, 8):  # it ends in a weekend, and in the middle of a session
        count = days * 1440 + 15 * 60
        of_all = SyntheticMarket(3).candles(pair, FIRST, count, width)
        for newest in (1, 7, 500):
            assert SyntheticMarket(3).candles(pair, FIRST, count, width, newest=newest) == of_all[-newest:]


def test_the_newest_candle_of_a_stock_costs_no_look_at_the_days_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    market = SyntheticMarket(3)
    looked: list[int] = []
    path = market._paths["SPY"]  # pyright: ignore[reportPrivateUsage]
    whole = path.minute

    def looking(minute: int) -> Minute:
        looked.append(minute)
        return whole(minute)

    monkeypatch.setattr(path, "minute", looking)
    assert len(market.candles("SPY", FIRST, 5 * 1440, newest=3)) == len(looked) == 3


def test_crypto_candles_open_where_the_last_one_closed() -> None:
    candles = SyntheticMarket(3).candles("SOL-USDT", FIRST, 500)
    assert len(candles) == 500
    assert all(before.close == after.open for before, after in itertools.pairwise(candles))


def test_stocks_trade_in_their_sessions_and_gap_between_them() -> None:
    market = SyntheticMarket(3)
    candles = market.candles("AAPL", FIRST, 7 * 1440)
    assert len(candles) == 5 * 390
    gaps = [after for before, after in itertools.pairwise(candles) if before.close != after.open]
    assert [gap.start % DAY for gap in gaps] == [14 * HOUR + 30 * MINUTE] * 4
    saturday = START + 5 * DAY
    quote = quoted(market, "AAPL", saturday)
    assert quote.confirmed_at == START + 4 * DAY + 21 * HOUR - SECOND
    assert quote == quoted(market, "AAPL", saturday + DAY)
    assert market.candle("AAPL", saturday // MINUTE) is None
    assert quote.bid <= candles[-1].close <= quote.ask


def test_an_unknown_pair_has_no_quote_and_no_book() -> None:
    market = SyntheticMarket(3)
    assert market.quote("ELON-USDT", START) is None
    assert market.depth("ELON-USDT", START) is None
    assert not market.lists("ELON-USDT")


def test_seeds_are_different_markets() -> None:
    assert quoted(SyntheticMarket(1), "BTC-USDT", START).bid != quoted(SyntheticMarket(2), "BTC-USDT", START).bid


def test_a_book_shows_as_many_levels_as_asked() -> None:
    depth = SyntheticMarket(3).depth("BTC-USDT", START, levels=3)
    assert depth is not None
    assert (len(depth.bids), len(depth.asks)) == (3, 3)


def test_quotes_move_from_second_to_second() -> None:
    market = SyntheticMarket(3)
    quotes = [quoted(market, "BTC-USDT", START + second * SECOND) for second in range(600)]
    moved = sum(1 for before, after in itertools.pairwise(quotes) if before.bid != after.bid)
    assert moved > 550


@pytest.mark.parametrize("pair", CRYPTO)
def test_a_minute_moves_as_much_as_crypto_does(pair: str) -> None:
    assert 0.0004 < pstdev(returns(SyntheticMarket(7), pair, 14)) < 0.0015


def test_pairs_move_together() -> None:
    market = SyntheticMarket(7)
    moves = [returns(market, pair, 14) for pair in CRYPTO]
    found = [correlation(one, other) for place, one in enumerate(moves) for other in moves[:place]]
    assert all(0.45 < value < 0.85 for value in found)
    assert 0.55 < sum(found) / len(found) < 0.75


def test_tails_are_fatter_than_a_bell() -> None:
    moves = returns(SyntheticMarket(7), "BTC-USDT", 14)
    deviation = pstdev(moves)
    assert sum(move**4 for move in moves) / len(moves) / deviation**4 > 4


def test_averages_cross_as_often_as_in_a_market() -> None:
    market, crossings = SyntheticMarket(7), 0
    for pair in CRYPTO:
        closes = market.closes(pair, FIRST, 7 * 1440)
        above = [3 * sum(closes[end - 10 : end]) > sum(closes[end - 30 : end]) for end in range(30, len(closes))]
        crossings += sum(1 for before, after in itertools.pairwise(above) if after and not before)
    assert 22 < crossings / 70 < 34


@pytest.mark.parametrize("pair", ["BTC-USDT", "DOGE-USDT", "TSLA", "SPY"])
def test_no_pair_wanders_off_within_decades(pair: str) -> None:
    listing = next(one for one in LISTINGS if one.pair == pair)
    market = SyntheticMarket(11)
    prices = [quoted(market, pair, year * 365 * DAY + START).bid for year in range(-20, 60)]
    assert all(listing.level * listing.step / 8 < price < listing.level * listing.step * 8 for price in prices)


def test_the_stablecoin_is_worth_a_dollar_give_or_take() -> None:
    market = SyntheticMarket(7)
    quotes = [quoted(market, "USDT-USD", START + day * DAY) for day in range(0, 3000, 30)]
    assert all(abs(quote.bid - 1) < Decimal("0.005") for quote in quotes)


def test_volume_follows_movement_and_has_a_fat_tail() -> None:
    candles = SyntheticMarket(7).candles("BTC-USDT", FIRST, 7 * 1440)
    volumes = [float(one.volume) for one in candles]
    assert correlation(volumes, [float(one.high - one.low) for one in candles]) > 0.2
    assert max(volumes) > 6 * sum(volumes) / len(volumes)


def test_the_spread_widens_when_it_is_hot() -> None:
    market = SyntheticMarket(7)
    spreads: dict[Regime, list[float]] = {regime: [] for regime in Regime}
    for hour in range(600):
        at = START + hour * HOUR
        quote = quoted(market, "SOL-USDT", at)
        spreads[market.regime("SOL-USDT", at)].append(float((quote.ask - quote.bid) / quote.bid))
    mean = {regime: sum(values) / len(values) for regime, values in spreads.items()}
    assert mean[Regime.WILD] > mean[Regime.RANGE] * 1.1


def test_the_context_it_is_asked_in_changes_nothing() -> None:
    plain = SyntheticMarket(7).quote("DOGE-USDT", START)
    with exactly():
        assert SyntheticMarket(7).quote("DOGE-USDT", START) == plain


def test_a_day_of_prices_is_the_same_on_every_machine_and_version() -> None:
    """Changing this digest changes the past of every simulated home: bump it on purpose or not at all."""
    market = SyntheticMarket(20_260_101)
    digest = hashlib.sha256()
    for listing in LISTINGS:
        digest.update(msgspec.json.encode(market.candles(listing.pair, FIRST, 1440)))
        digest.update(msgspec.json.encode(market.depth(listing.pair, START + 12_345 * SECOND)))
        quote = market.quote(listing.pair, START + 54_321 * SECOND)
        assert quote is not None
        told = msgspec.structs.asdict(quote)
        assert told.pop("is_sane")
        digest.update(msgspec.json.encode(told))
    assert digest.hexdigest() == "1262bc824752bbc0154abad661dda69919fe4b42bed9b43b8755b8571bc133b2"

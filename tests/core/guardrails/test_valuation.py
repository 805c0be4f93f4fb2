"""What everything is worth: unknown where a price is missing, odd or too old, never guessed."""

from typing import Any

import pytest
from msgspec.structs import replace

from tests.core.guardrails.world import (
    AAPL,
    BTC,
    ETH,
    NOW,
    TODAY,
    VENUE,
    D,
    World,
    algorithm,
    position,
    quiet,
)
from trading_mcp.core.domain.market import DAY, MINUTE, SECOND, Market, Price, Session
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import EXTERNAL
from trading_mcp.core.domain.portfolio import Portfolio, Position
from trading_mcp.core.guardrails.valuation import Valuation, price_of, profit_of, profits, value_all


def valued(there: World, asset: str = "") -> Valuation:
    with exactly():
        return value_all(there.book, there.facts, there.policy, asset)


def priced(there: World, asset: str, value: str, age: int = 0) -> World:
    price = Price(value=D(value), confirmed_at=NOW - age)
    return there.with_facts(prices={**there.facts.prices, asset: price})


def unit(there: World, asset: str, market: Market = Market.CRYPTO) -> Any:
    with exactly():
        return price_of(asset, market, there.facts, there.policy)


def night(there: World, *, is_open: bool = False) -> World:
    session = Session(market=Market.STOCKS, is_open=is_open, day=TODAY)
    return there.with_facts(sessions={Market.STOCKS: session})


def test_cash_and_positions_are_worth_what_they_would_fetch() -> None:
    found = valued(quiet().holding(position("1"), position("2", ETH, book="sma"), position("3", AAPL)), "ETH")
    assert found == Valuation(equity=D(100_000), missing="", gross=D(54_600), own=D(4000))


def test_a_stablecoin_counts_at_the_market() -> None:
    assert valued(priced(quiet(), "USDT", "0.9")).equity == D(95_000)


def test_a_short_is_owed_and_is_exposure_all_the_same() -> None:
    found = valued(priced(quiet().holding(position("-1")), "BTC", "60000"), "BTC")
    assert found == Valuation(equity=D(90_000), missing="", gross=D(60_000), own=D(60_000))


def test_a_contract_counts_its_multiplier() -> None:
    held = position("1", multiplier=D(3))
    assert valued(quiet().holding(held, paid=False), "BTC").gross == D(150_000)


def test_a_renamed_asset_is_one_asset() -> None:
    there = quiet().holding(position("100", "POL-USDT", average=D("0.5")), position("100", "MATIC-USDT"))
    assert valued(there, "MATIC").own == D(100)


def test_what_ended_hides_nothing_that_is_held() -> None:
    assert valued(quiet().holding(position("0"), position("1", ETH))).gross == D(2000)
    unpriced = valued(quiet().holding(position("0", "DOGE-USDT"), position("1", ETH)))
    assert (unpriced.equity, unpriced.gross) == (D(100_000), D(2000))


def test_what_is_not_held_needs_no_price() -> None:
    there = quiet().holding(position("0", "DOGE-USDT"))
    there = there.with_book(
        portfolio=Portfolio(cash={f"{VENUE}/XYZ": D(0)}, positions=there.book.portfolio.positions)
    )
    assert valued(there).equity == D(0)


@pytest.mark.parametrize("odd", ["NaN", "Infinity", "-Infinity", "0", "-1"])
def test_an_odd_price_makes_the_whole_unknown(odd: str) -> None:
    assert valued(priced(quiet().holding(position("1")), "BTC", odd)).missing == "BTC"
    assert valued(priced(quiet().holding(position("1")), "BTC", odd)).equity is None
    assert valued(priced(quiet(), "USDT", odd)).equity is None
    assert valued(priced(quiet(), "USDT", odd)).missing == "USDT"


def test_a_price_that_was_lost_is_unknown_and_one_that_never_was_is_nothing() -> None:
    there = quiet().holding(position("5", "DOGE-USDT"))
    assert valued(there).missing == "DOGE"
    assert valued(there).equity is None
    never = there.with_facts(unpriced=frozenset({"DOGE"}))
    assert valued(never).equity == D(99_995)
    assert valued(never).missing == ""


@pytest.mark.parametrize(
    ("age", "is_known"),
    [(5 * MINUTE, True), (5 * MINUTE + 1, False), (-2 * SECOND, True), (-2 * SECOND - 1, False)],
)
def test_a_price_has_an_age_within_which_it_counts(age: int, is_known: bool) -> None:
    there = priced(quiet().holding(position("1")), "BTC", "50000", age)
    assert (valued(there).equity is not None) is is_known
    assert (unit(there, "BTC") is not None) is is_known
    assert (valued(priced(quiet(), "USDT", "1", age)).equity is not None) is is_known


@pytest.mark.parametrize(("age", "is_known"), [(4 * DAY, True), (4 * DAY + 1, False)])
def test_a_stock_has_an_age_of_its_own_and_none_at_night(age: int, is_known: bool) -> None:
    there = priced(quiet().holding(position("1", AAPL)), "stock:AAPL", "200", age)
    assert (valued(there).equity is not None) is is_known
    assert (unit(there, "stock:AAPL", Market.STOCKS) is not None) is is_known
    assert valued(night(there)).equity is not None
    assert (valued(night(there, is_open=True)).equity is not None) is is_known
    assert (valued(there.with_facts(sessions={})).equity is not None) is is_known


def test_night_makes_no_coin_fresh_and_no_future_price_true() -> None:
    assert valued(night(priced(quiet().holding(position("1")), "BTC", "1", DAY))).equity is None
    assert valued(night(priced(quiet().holding(position("1", AAPL)), "stock:AAPL", "1", -DAY))).equity is None


def test_the_base_currency_is_one() -> None:
    assert unit(quiet(), "USD") == D(1)
    assert unit(quiet(), "NONE") is None


def earned(held: Position, there: World) -> Any:
    with exactly():
        return profit_of(held, there.facts, there.policy)


def test_a_position_has_earned_what_it_realised_and_what_it_would() -> None:
    held = position("2", average=D(45_000), realised=D(100), fees=D(7))
    assert earned(held, quiet()) == D(10_093)
    assert earned(replace(held, quantity=D(0)), quiet().priced(BTC=None)) == D(93)
    assert earned(held, quiet().priced(BTC=None)) is None
    assert earned(held, quiet().priced(USDT=None)) is None
    assert earned(held, priced(quiet(), "USDT", "0.5")) == D("55046.5")
    assert earned(replace(held, multiplier=D(3)), quiet()) == D(30_093)
    assert earned(position("-2", average=D(45_000)), quiet()) == D(-10_000)


def test_what_a_coin_has_earned_needs_a_fresh_price_of_it_and_of_its_currency() -> None:
    held = position("2", average=D(45_000))
    assert earned(held, priced(quiet(), "BTC", "50000", 6 * MINUTE)) is None
    assert earned(held, priced(quiet(), "USDT", "1", 6 * MINUTE)) is None
    assert earned(position("1", AAPL, average=D(190)), priced(quiet(), "stock:AAPL", "200", 6 * MINUTE)) == D(10)


def test_profits_are_kept_per_algorithm_and_per_market() -> None:
    there = quiet().run_by(algorithm()).run_by(algorithm("rsi"))
    there = there.holding(
        position("1", average=D(49_000), book="sma"),
        position("1", average=D(48_000)),
        position("1", AAPL, average=D(190), book="rsi"),
        position("1", ETH, average=D(1990), book=EXTERNAL),
    )
    with exactly():
        found, is_whole = profits(there.book, there.facts, there.policy)
        assert is_whole
        assert found == {
            "algorithm/sma": D(11_000),
            "algorithm/rsi": D(10_010),
            "market/crypto": D(3010),
            "market/stocks": D(10),
        }
        lost = there.priced(BTC=None)
        found, is_whole = profits(lost.book, lost.facts, lost.policy)
        assert not is_whole
        assert found == {"algorithm/rsi": D(10_010), "market/stocks": D(10)}


def test_what_ended_has_still_earned() -> None:
    there = quiet().run_by(algorithm())
    ended = position("0", book="sma", realised=D(50), fees=D(2))
    portfolio = replace(there.book.portfolio, flat={ended.key: ended})
    with exactly():
        found, _ = profits(there.with_book(portfolio=portfolio).book, there.facts, there.policy)
    assert found["algorithm/sma"] == D(10_048)
    assert ended.pair == BTC

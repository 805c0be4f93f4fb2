"""What is derived once: prices as they would be sent, the worst of them, the quantity, and what is measured."""

from typing import Any, Final

import pytest

from tests.core.guardrails.world import (
    AAPL,
    BTC,
    ETH,
    NOW,
    VENUE,
    D,
    World,
    buy,
    limit_at,
    position,
    quiet,
    resting,
    sell,
    worth,
)
from trading_mcp.core.domain.latches import TradingState
from trading_mcp.core.domain.market import SECOND, Market, Price
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import OrderType, Purpose
from trading_mcp.core.guardrails.case import Case, Risk, case_of


def case(there: World, **changes: Any) -> Case:
    with exactly():
        return there.case(**changes)


def risk(there: World) -> Risk:
    found = case(there).risk
    assert found is not None
    return found


def of(kind: OrderType, **prices: str) -> dict[str, Any]:
    return {"type": kind, **{name: D(price) for name, price in prices.items()}}


def prices(there: World) -> tuple[str, ...]:
    found = case(there)
    return tuple(
        "" if one is None else f"{one.normalize():f}"
        for one in (found.limit_price, found.stop_price, found.price_worst)
    )


def leaving(**changes: Any) -> World:
    return quiet(sell("0.1", **changes)).holding(position("1"))


DOGE: Final = "DOGE-USDT"
PRICES: Final = (
    ("a buy at market", quiet(), ("50500.00", "", "50500.00")),
    ("a sell at market", leaving(), ("49490.10", "", "49990")),
    ("a close", leaving(purpose=Purpose.CLOSE), ("47490.50", "", "49990")),
    ("protection", leaving(purpose=Purpose.PROTECTION), ("47490.50", "", "49990")),
    ("a buy's limit rounds down", quiet(buy(**limit_at("50000.019"))), ("50000.01", "", "50000.01")),
    ("a sell's limit rounds up", leaving(**limit_at("50000.011")), ("50000.02", "", "50000.02")),
    ("a buy's limit below the market", quiet(buy(**limit_at("40000"))), ("40000.00", "", "50000")),
    ("a sell's limit below the market", leaving(**limit_at("49000")), ("49000.00", "", "49990")),
    ("a buy's stop", quiet(buy(**of(OrderType.STOP, stop_price="52000.019"))), ("", "52000.01", "52520.0101")),
    (
        "a buy's stop that fires at once",
        quiet(buy(**of(OrderType.STOP, stop_price="49000"))),
        ("", "49000.00", "50000"),
    ),
    ("a sell's stop", leaving(**of(OrderType.STOP, stop_price="45000.011")), ("", "45000.02", "49990")),
    (
        "a buy's stop limit is bounded by its limit",
        quiet(buy(**of(OrderType.STOP_LIMIT, stop_price="52000", limit_price="52100"))),
        ("52100.00", "52000.00", "52100.00"),
    ),
    ("a buy's trail", quiet(buy(**of(OrderType.TRAILING_STOP, trail="0.1"))), ("", "55000.00", "55550.0000")),
    ("a sell's trail", leaving(**of(OrderType.TRAILING_STOP, trail="0.1")), ("", "44991.00", "49990")),
    ("a stock", quiet(buy("1", AAPL)), ("202.00", "", "202.00")),
    ("no quote", quiet().with_facts(quotes={}), ("", "", "")),
    ("no quote, a limit", quiet(buy(**limit_at("1"))).with_facts(quotes={}), ("1.00", "", "")),
    ("no rules", quiet().with_facts(instruments={}), ("50500.00", "", "50500.00")),
    (
        "no rules, a limit and a stop",
        quiet(buy(**of(OrderType.STOP_LIMIT, stop_price="1.001", limit_price="2.001"))).with_facts(instruments={}),
        ("2.001", "1.001", "50000"),
    ),
    (
        "a limited exit without a quote rounds up",
        leaving(**limit_at("49000.011")).with_facts(quotes={}),
        ("49000.02", "", ""),
    ),
    ("an exit without a quote", leaving().with_facts(quotes={}), ("", "", "")),
    (
        "a stopping exit without a quote rounds up",
        leaving(**of(OrderType.STOP, stop_price="45000.011")).with_facts(quotes={}),
        ("", "45000.02", ""),
    ),
    (
        "a trailing exit without a quote",
        leaving(**of(OrderType.TRAILING_STOP, trail="0.1")).with_facts(quotes={}),
        ("", "", ""),
    ),
    (
        "an exit at a price 10 s old",
        leaving().quoted(BTC, "49990", "50000", at=NOW - 10 * SECOND),
        ("49490.10", "", "49990"),
    ),
    ("an exit at an older price", leaving().quoted(BTC, "49990", "50000", at=NOW - 10 * SECOND - 1), ("", "", "")),
    (
        "an entry keeps the older price, and is denied",
        quiet().quoted(BTC, "49990", "50000", at=NOW - 10 * SECOND - 1),
        ("50500.00", "", "50500.00"),
    ),
    (
        "an exit at a price from the future",
        leaving().quoted(BTC, "49990", "50000", at=NOW + 2 * SECOND + 1),
        ("", "", ""),
    ),
)


@pytest.mark.parametrize(("name", "there", "expected"), PRICES, ids=[one[0] for one in PRICES])
def test_prices_are_ours_and_rounded_to_the_safe_side(name: str, there: World, expected: tuple[str, ...]) -> None:
    assert prices(there) == tuple(text and f"{D(text).normalize():f}" for text in expected)


QUANTITIES: Final = (
    ("a quantity rounds down", quiet(buy("0.0020099")), "0.002"),
    ("without rules it stays", quiet(buy("0.0020099")).with_facts(instruments={}), "0.0020099"),
    ("a notional at the worst price", quiet(buy(amount=worth("101"))), "0.002"),
    ("a cent less is a step less", quiet(buy(amount=worth("100.99"))), "0.00199"),
    ("a notional of contracts", quiet(buy(amount=worth("101"))).listed(BTC, multiplier=D(2)), "0.001"),
    ("a notional without a price", quiet(buy(amount=worth("101"))).with_facts(quotes={}), None),
    ("a notional without rules", quiet(buy(amount=worth("101"))).with_facts(instruments={}), None),
    ("all", quiet(sell("all")).holding(position("0.0123456")), "0.01234"),
    (
        "all that is not claimed",
        quiet(sell("all")).holding(position("1")).working(resting("a", sell().side, "0.4")),
        "0.6",
    ),
    ("all of the own book", quiet(sell("all")).holding(position("1"), position("2", book="sma")), "1"),
    (
        "all that the venue's books leave",
        quiet(sell("all")).holding(position("1"), position("-0.4", book="sma")),
        "0.6",
    ),
    ("all that the account leaves", quiet(sell("all")).holding(position("1"), position("-0.7", venue="x")), "0.3"),
    ("all of nothing", quiet(sell("all")), "0"),
    ("all of a short", quiet(sell("all")).holding(position("-1")), "0"),
    (
        "too much to be rounded",
        quiet(buy(amount=worth("100"), **limit_at("1E-13")))
        .quoted(BTC, "1E-13", "1E-13")
        .listed(BTC, price_step=D("1E-13"), quantity_step=D(3)),
        "1E+15",
    ),
)


@pytest.mark.parametrize(("name", "there", "expected"), QUANTITIES, ids=[one[0] for one in QUANTITIES])
def test_a_quantity_is_ours_and_rounded_down(name: str, there: World, expected: str | None) -> None:
    assert case(there).quantity == (None if expected is None else D(expected))


def test_all_of_nothing_is_recorded_as_a_plain_nothing() -> None:
    assert str(case(quiet(sell("all"))).quantity) == "0"


def test_a_size_that_was_given_is_rounded_too() -> None:
    assert case(quiet(), size=D("0.0012399")).quantity == D("0.00123")
    assert case(quiet().with_facts(instruments={}), size=D("0.0012399")).quantity == D("0.0012399")


def test_what_it_is_worth_counts_multiplier_and_currency() -> None:
    assert risk(quiet()).notional == D(101)
    assert risk(quiet().listed(BTC, multiplier=D(3))).notional == D(303)
    assert risk(quiet().priced(USDT="0.5")).notional == D("50.5")
    assert risk(quiet().priced(USDT=None)).notional is None
    assert risk(quiet().priced(USDT=None).with_facts(unpriced=frozenset({"USDT"}))).notional is None
    assert risk(quiet().with_facts(instruments={})).notional == D(101)


def test_the_currency_an_order_is_paid_in_needs_a_price_of_now() -> None:
    def aged(age: int) -> World:
        usdt = Price(value=D(1), confirmed_at=NOW - age)
        return quiet().with_facts(prices={**quiet().facts.prices, "USDT": usdt})

    assert risk(aged(300 * SECOND)).notional == D(101)
    assert risk(aged(301 * SECOND)).notional is None


def test_an_order_that_was_sent_is_judged_as_it_stands() -> None:
    there = quiet(buy("0.002", **limit_at("48000")))
    sent = resting(
        "a", quantity="0.002", filled="0.0005", price_worst=D(51_000), limit_price=D(48_000), stop_price=D(7)
    )
    with exactly():
        found = case_of(there.intent, there.book, there.facts, there.policy, VENUE, sent=sent)
    assert (found.limit_price, found.stop_price, found.price_worst) == (D(48_000), D(7), D(51_000))
    assert found.reference == D(50_000), "a buy meets the ask"
    assert found.quantity == D("0.0015")
    assert found.risk is not None
    assert found.risk.notional == D("76.5")


def test_an_exit_that_was_sent_keeps_its_price() -> None:
    there = leaving().quoted(BTC, "1", "2", at=NOW - 99 * SECOND)
    sent = resting("a", sell().side, "0.1", limit_price=D(48_000))
    with exactly():
        found = case_of(there.intent, there.book, there.facts, there.policy, VENUE, sent=sent)
    assert found.reduces
    assert (found.limit_price, found.reference) == (D(48_000), D(1))


def test_a_broken_intent_is_derived_no_further() -> None:
    found = case(quiet(buy(amount=worth("NaN"))))
    assert found.problem
    assert (found.risk, found.scopes, found.quantity, found.reference, found.free) == (None, None, None, None, None)
    assert not found.reduces


def test_the_case_knows_market_venue_and_state() -> None:
    found = case(quiet(buy("1", AAPL)).latched(TradingState.REDUCING))
    assert (found.market, found.asset, found.venue) == (Market.STOCKS, "stock:AAPL", VENUE)
    assert found.limits is found.policy.stocks
    assert found.state is TradingState.REDUCING
    assert found.latch is not None
    assert case(quiet()).limits is case(quiet()).policy.crypto
    assert case(quiet()).state is TradingState.ACTIVE
    assert case(quiet()).latch is None


@pytest.mark.parametrize(
    ("there", "free"),
    [
        (quiet(), "50000"),
        (quiet().working(resting("a")), "49899"),
        (quiet().working(resting("a", since=NOW)), "49899"),
        (quiet().working(resting("x", venue="x"), resting("s", sell().side), resting("a")), "49899"),
        (quiet().balance("USDT", "40000").working(resting("a")), "40000"),
        (quiet().balance("USDT", "40000").working(resting("a", since=NOW)), "39899"),
        (quiet().working(resting("a", sell().side)), "50000"),
        (quiet().working(resting("a", sell().side, reduces=False)), "49899"),
        (quiet(buy("1", AAPL)), "50000"),
        (quiet(buy("1", AAPL)).balance("USD", "7"), "7"),
        (quiet().with_facts(balances={}), None),
        (leaving(), None),
        (leaving().balance("BTC", "0.7"), "0.7"),
        (leaving().balance("BTC", "0.7").working(resting("a", sell().side, "0.2")), "0.7"),
        (leaving().balance("BTC", "0.7").working(resting("a", sell().side, "0.2", since=NOW)), "0.5"),
        (leaving().balance("BTC", "0.7").working(resting("a", sell().side, "0.2", "BTC-USD", since=NOW)), "0.5"),
        (leaving().balance("BTC", "0.7").working(resting("a", sell().side, "0.2", ETH, since=NOW)), "0.7"),
        (leaving().balance("BTC", "0.7").working(resting("a", sell().side, "0.2", venue="x", since=NOW)), "0.7"),
        (leaving().balance("BTC", "0.7").working(resting("a", quantity="0.2", since=NOW)), "0.7"),
        (leaving().balance("BTC", "0").working(resting("a", sell().side, "1", purpose=Purpose.PROTECTION)), "1"),
        (
            leaving()
            .balance("BTC", "0")
            .working(resting("a", sell().side, "1", purpose=Purpose.PROTECTION, since=NOW)),
            "0",
        ),
        (
            leaving()
            .balance("BTC", "0")
            .working(resting("a", sell().side, "1", "BTC-USD", purpose=Purpose.PROTECTION)),
            "0",
        ),
        (
            leaving()
            .balance("BTC", "0")
            .working(resting("a", sell().side, "1", book="sma", purpose=Purpose.PROTECTION)),
            "0",
        ),
        (
            leaving()
            .balance("BTC", "1")
            .working(resting("a", sell().side, "1", book="sma", purpose=Purpose.PROTECTION, since=NOW)),
            "0",
        ),
        (quiet(buy("0.1")).holding(position("-1")), None),
        (
            leaving()
            .balance("BTC", "0.5")
            .working(
                resting("a", quantity="1", since=NOW),
                resting("b", sell().side, "0.2", purpose=Purpose.PROTECTION),
                resting("c", sell().side, "0.3", since=NOW),
            ),
            "0.4",
        ),
        (quiet(sell("1", "DOGE")).holding(position("5", "DOGE"), position("1", DOGE)).balance("DOGE", "4"), None),
        (
            quiet(sell("1", "DOGE"))
            .holding(position("5", "DOGE"), position("1", DOGE, venue="x"), position("1"))
            .balance("DOGE", "4"),
            "4",
        ),
        (quiet(sell("1", "USDT")).holding(position("5", "USDT")).balance("USDT", "4"), None),
        (quiet(sell("1", AAPL)).holding(position("5", AAPL)).balance("AAPL", "4"), "4"),
        (
            quiet(sell("1", AAPL))
            .holding(position("5", AAPL))
            .balance("AAPL", "4")
            .working(resting("a", sell().side, "2", AAPL, since=NOW)),
            "2",
        ),
    ],
)
def test_what_is_free_is_the_least_that_both_counts_allow(there: World, free: str | None) -> None:
    assert case(there).free == (None if free is None else D(free))

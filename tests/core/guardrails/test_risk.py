"""What only an order that adds risk is measured by: what works, what is held, what others may buy, and the pace."""

from typing import Final

from tests.core.guardrails.world import (
    BTC,
    ETH,
    NOW,
    TODAY,
    VENUE,
    D,
    World,
    algorithm,
    live,
    position,
    quiet,
    resting,
    sell,
)
from trading_mcp.core.domain.market import SECOND, Price
from trading_mcp.core.domain.measures import first_measure
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import Door, ForeignOrder, OrderState, Purpose, Side
from trading_mcp.core.domain.tallies import ACCOUNT_TALLY, Tally
from trading_mcp.core.guardrails.case import Risk


def risk(there: World) -> Risk:
    with exactly():
        found = there.case().risk
    assert found is not None
    return found


DOGE: Final = "DOGE-USDT"


def test_what_is_risked_counts_what_works_and_what_is_held() -> None:
    there = (
        quiet()
        .run_by(algorithm())
        .holding(position("0.1", book="sma"), position("-1", ETH, book="sma"), position("0.2"))
    )
    there = there.working(
        resting("a", book="sma"),
        resting("b", pair=ETH, quantity="0.5", book="sma", state=OrderState.UNKNOWN),
        resting("c", quantity="0.004"),
        resting("d", sell().side, "0.1", book="sma"),
    )
    found = risk(there)
    assert found.exposure == D(15_000 + 2000 + 100 + 1000 + 200)
    assert found.exposure_asset == D(15_000 + 100 + 200)
    assert found.budget_used == D(5000 + 2000 + 100 + 1000)
    assert found.orders_open == 2
    assert found.equity == D(100_000)
    assert found.missing == ""
    assert risk(there.with_account(account_counts=True)).orders_open == 3


def test_a_currency_without_a_price_makes_what_is_risked_unknown() -> None:
    working = quiet().working(resting("a", pair="BTC-EUR"))
    assert (risk(working).equity, risk(working).missing) == (None, "EUR")
    never = working.with_facts(unpriced=frozenset({"EUR"}))
    assert (risk(never).equity, risk(never).missing) == (None, "EUR")
    held = quiet().run_by(algorithm()).holding(position("1", "BTC-EUR", book="sma"), paid=False)
    assert (risk(held).equity, risk(held).missing) == (None, "EUR")
    others = quiet().run_by(algorithm()).holding(position("1", "BTC-EUR"), paid=False)
    assert risk(others).equity == D(150_000)


def test_what_is_risked_in_another_currency_counts_by_that_ones_price_of_now() -> None:
    bought = position("1", "BTC-EUR", book="sma", average=D(10))
    there = quiet().run_by(algorithm()).holding(bought, position("0.1", book="sma"), paid=False)
    there = there.working(
        resting("a", sell().side, book="sma"),
        resting("b", quantity="3", pair="BTC-EUR", book="sma"),
        resting("c", book="sma"),
    )
    found = risk(there.priced(EUR="2"))
    assert found.exposure == D(50_000 + 5000 + 6 + 100)
    assert found.budget_used == D(20 + 5000 + 6 + 100)
    assert found.orders_open == 2
    euro = Price(value=D(2), confirmed_at=NOW - 301 * SECOND)
    late = risk(there.with_facts(prices={**there.facts.prices, "EUR": euro}))
    assert (late.equity, late.missing, late.orders_open) == (None, "EUR", 2)
    assert late.exposure == D(50_000 + 5000 + 100), "what can be valued still counts"
    assert late.budget_used == D(5000 + 100)
    held = risk(there.with_book(working={}).with_facts(prices={**there.facts.prices, "EUR": euro}))
    assert (held.equity, held.missing, held.budget_used) == (None, "EUR", D(5000))


def test_what_others_may_yet_buy_here_is_exposure_too() -> None:
    def theirs(name: str, pair: str, remaining: str, side: Side = Side.BUY) -> ForeignOrder:
        return ForeignOrder(venue_order_id=name, pair=pair, side=side, remaining=D(remaining))

    orders = (theirs("a", BTC, "5", Side.SELL), theirs("b", ETH, "1"), theirs("c", BTC, "0.1"))
    there = quiet().holding(position("0.2")).with_book(foreign={VENUE: orders})
    found = risk(there)
    assert (found.exposure, found.exposure_asset) == (D(10_000 + 2000 + 5000), D(10_000 + 5000))
    assert (found.equity, found.missing) == (D(100_000), "")
    lost = risk(there.priced(ETH=None))
    assert (lost.equity, lost.missing) == (None, "ETH")
    assert lost.exposure == D(10_000 + 5000)
    other = risk(there.holding(position("1", DOGE)))
    assert (other.equity, other.missing) == (None, "DOGE")


def test_a_tick_is_counted_by_when_it_was_due_and_the_account_by_the_clock() -> None:
    there = quiet().run_by(algorithm(), due_at=NOW - 5 * SECOND)
    assert risk(there).tempo_now == NOW - 5 * SECOND
    assert risk(there.with_intent(due_at=NOW - 5 * SECOND - 1)).tempo_now == NOW
    assert risk(there.with_intent(due_at=None)).tempo_now == NOW
    assert risk(there.with_intent(door=Door.DESK, purpose=Purpose.CLOSE)).tempo_now == NOW
    tallies = {"sma": Tally(orders_day=1), ACCOUNT_TALLY: Tally(orders_day=2)}
    there = there.with_book(tallies=tallies)
    assert risk(there).tallies == ((tallies["sma"], NOW - 5 * SECOND),)
    both = risk(there.with_account(account_counts=True))
    assert both.tallies == ((tallies["sma"], NOW - 5 * SECOND), (tallies[ACCOUNT_TALLY], NOW))
    assert both.tally is tallies["sma"]
    assert risk(live()).tallies == ((Tally(), NOW), (Tally(), NOW))


def test_the_measures_are_those_of_the_account_and_of_the_algorithm() -> None:
    found = risk(quiet().run_by(algorithm()))
    assert found.measure == first_measure(D(100_000), NOW, TODAY)
    assert found.own == first_measure(D(10_000), NOW, TODAY)
    assert found.algorithm == algorithm()
    assert risk(quiet()).own is None
    assert risk(quiet()).algorithm is None

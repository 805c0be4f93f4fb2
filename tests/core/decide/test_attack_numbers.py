"""No figure of an assistant, a market or a venue makes the desk raise, and none buys what a limit forbids."""

from typing import Any

import pytest
from msgspec.structs import replace

from tests.core.decide.desk import MINE, D, Desk, only
from tests.core.guardrails.world import AAPL, BTC, ETH, VENUE, buy, sell, worth
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.facts import Balance
from trading_mcp.core.domain.market import Price
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import Quantity
from trading_mcp.core.domain.verdict import Code, Outcome, Verdict
from trading_mcp.core.guardrails.decide import decide

STRANGE = (
    "NaN",
    "sNaN",
    "-NaN",
    "Infinity",
    "-Infinity",
    "0",
    "-0",
    "0E+400",
    "1E-400",
    "1E+400",
    "9E+990",
    "-1",
    "-1E+900",
)
STEPS = (
    "price_step",
    "quantity_step",
    "multiplier",
    "quantity_min",
    "quantity_max",
    "notional_min",
    "notional_max",
    "fee_rate",
)


def told(desk: Desk, command: c.AnyCommand, **facts: Any) -> tuple[e.AnyEvent, ...]:
    """Decide in a world with lies in it, and fold what comes of it."""
    with exactly():
        events = decide(command, desk.book, replace(desk.facts(), **facts))
    desk.take(events)
    return events


def verdict_of(events: tuple[e.AnyEvent, ...]) -> Verdict:
    (event,) = only(events, e.IntentJudged)
    return event.verdict


def everything(desk: Desk, **facts: Any) -> Verdict:
    """Do whatever a desk does in a lying world; return what it says about one more buy."""
    for command in (c.Mark(), c.Watch(), c.Tick(), c.Reconcile(venue=VENUE, holdings={})):
        told(desk, command, **facts)
    verdict = verdict_of(told(desk, c.Execute(intent=buy("0.003", id="more")), **facts))
    told(desk, c.Execute(intent=buy("1", id="worth", amount=worth("400"))), **facts)
    told(desk, c.Execute(intent=sell("0.001", id="out")), **facts)
    told(desk, c.Close(intent_id="all", door=buy().door), **facts)
    told(desk, c.Watch(), **facts)
    return verdict


@pytest.mark.parametrize("figure", STRANGE)
@pytest.mark.parametrize("field", ["bid", "ask"])
@pytest.mark.parametrize("which", ["quotes", "quotes_before"])
def test_a_price_that_makes_no_sense_denies_and_never_raises(which: str, field: str, figure: str) -> None:
    desk = Desk()
    desk.hold()
    quotes = desk.facts().quotes
    lied = {key: replace(quote, **{field: D(figure)}) for key, quote in quotes.items()}
    assert everything(desk, **{which: lied}).outcome is Outcome.DENY


def test_two_infinite_prices_that_cancel_out_are_no_price() -> None:
    desk = Desk()
    lied = {key: replace(quote, bid=D("-Infinity"), ask=D("Infinity")) for key, quote in desk.facts().quotes.items()}
    assert Code.PRICE_IMPLAUSIBLE in everything(desk, quotes_before=lied).codes()


@pytest.mark.parametrize("figure", STRANGE)
def test_a_worth_that_makes_no_sense_denies_and_never_raises(figure: str) -> None:
    desk = Desk()
    desk.hold()
    lied = {asset: Price(value=D(figure), confirmed_at=desk.now) for asset in desk.facts().prices}
    assert everything(desk, prices=lied).outcome is Outcome.DENY


@pytest.mark.parametrize("figure", STRANGE)
def test_a_balance_that_makes_no_sense_never_raises(figure: str) -> None:
    desk = Desk()
    desk.hold()
    lied = {key: Balance(free=D(figure), at=desk.now) for key in desk.facts().balances}
    everything(desk, balances=lied)


@pytest.mark.parametrize("figure", STRANGE)
@pytest.mark.parametrize("field", STEPS)
def test_an_instrument_that_makes_no_sense_adds_no_risk_and_traps_no_exit(field: str, figure: str) -> None:
    desk = Desk()
    desk.hold(stop=None)
    lied = {key: replace(item, **{field: D(figure)}) for key, item in desk.facts().instruments.items()}
    bought = verdict_of(told(desk, c.Execute(intent=buy("0.1", ETH, id="more")), instruments=lied))
    is_harmless = field in ("quantity_min", "notional_min", "fee_rate") and figure in ("0", "-0", "0E+400", "1E-400")
    assert (bought.outcome is Outcome.ALLOW) is is_harmless
    assert (
        verdict_of(told(desk, c.Execute(intent=sell("0.004", id="out")), instruments=lied)).outcome is Outcome.ALLOW
    )


def test_an_instrument_whose_least_is_above_its_most_is_none() -> None:
    desk = Desk()
    desk.hold(stop=None)
    for least, most in (("quantity_min", "quantity_max"), ("notional_min", "notional_max")):
        lied = {key: replace(item, **{least: D(9), most: D(8)}) for key, item in desk.facts().instruments.items()}
        events = told(desk, c.Execute(intent=buy("0.003", id=least)), instruments=lied)
        assert Code.INSTRUMENT_RULES in verdict_of(events).codes()
    assert (
        verdict_of(told(desk, c.Execute(intent=sell("0.004", id="out")), instruments=lied)).outcome is Outcome.ALLOW
    )


def test_all_the_money_there_is_for_almost_nothing_apiece_is_denied_and_never_raises() -> None:
    desk = Desk()
    quotes = {key: replace(quote, bid=D("1E-18"), ask=D("1E-18")) for key, quote in desk.facts().quotes.items()}
    finest = {
        key: replace(
            item, quantity_step=D("1E-18"), price_step=D("1E-18"), notional_min=D("1E+14"), notional_max=D("1E+15")
        )
        for key, item in desk.facts().instruments.items()
    }
    for number, amount in enumerate(("1", "999999999999999")):
        wish = buy("1", id=f"all-{number}", amount=worth(amount))
        assert (
            verdict_of(told(desk, c.Execute(intent=wish), quotes=quotes, instruments=finest)).outcome is Outcome.DENY
        )


@pytest.mark.parametrize("figure", STRANGE)
def test_an_id_told_again_with_an_amount_that_is_none_is_denied_and_never_raises(figure: str) -> None:
    desk = Desk()
    desk.execute(buy("0.002", id="one"))
    before = {*desk.book.working}
    told(desk, c.Execute(intent=buy("0.002", id="one", amount=Quantity(D(figure)))))
    assert {*desk.book.working} == before


@pytest.mark.parametrize("figure", ["NaN", "sNaN", "Infinity", "-1"])
def test_a_confidence_that_is_no_number_is_a_weak_one(figure: str) -> None:
    desk = Desk()
    wish = buy("0.002", id="cited", signal_seq=1)
    verdict = verdict_of(told(desk, c.Execute(intent=wish), signal_confidence=D(figure)))
    assert verdict.codes() == (Code.APPROVAL_REQUIRED,)


def test_a_split_where_a_pair_has_a_slash_is_folded() -> None:
    desk = Desk()
    entry = desk.ack(desk.enter())
    order = desk.order(entry).order
    fill = desk.fill(entry, "0.001")
    (recorded,) = only(fill, e.FillRecorded)
    odd = replace(recorded.fill, trade_id="odd", pair="BRK/B")
    desk.do(c.ReportFill(fill=odd))
    desk.do(c.ReportAdjustment(kind=e.Adjustment.SPLIT, venue=VENUE, asset=AAPL, amount=D(2)))
    assert desk.replayed() == desk.book
    assert order.pair == BTC
    assert MINE in desk.book.portfolio.positions

"""Algorithms and their leave to trade: what enabling grants, what an edit takes away, and what a latch survives."""

from typing import Any

import pytest
from msgspec.structs import replace

from tests.core.decide.desk import D, Desk, at, buy, names, only
from tests.core.guardrails.shipped import SIMULATED
from tests.core.guardrails.world import AAPL, BTC, ETH, VENUE
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.latches import Scope, ScopeKind, TradingState
from trading_mcp.core.domain.market import DAY, MINUTE, Market
from trading_mcp.core.domain.orders import Door, OrderState
from trading_mcp.core.domain.policy import Policy
from trading_mcp.core.domain.proposals import ProposedMandate
from trading_mcp.core.domain.verdict import Code

OWN = Scope(kind=ScopeKind.ALGORITHM, name="sma")


def signed_mandates() -> Policy:
    return replace(SIMULATED, account=replace(SIMULATED.account, mandate_signed=True))


def its(quantity: str = "0.002", name: str = "its", **changes: Any) -> Any:
    return buy(quantity, id=name, door=Door.RUNNER, book="sma", **changes)


def test_enabling_on_paper_grants_a_leave_that_is_no_wider_than_the_limits() -> None:
    desk = Desk()
    made = desk.employ()
    assert made.mandate is not None
    assert made.mandate.order_notional_max == D(500)
    assert made.mandate.loss_max == D(2_000)
    assert made.mandate.expires_at is None
    small = desk.employ("small", capital=D(100), pairs=frozenset({AAPL}))
    assert small.mandate is not None
    assert small.mandate.order_notional_max == D(100)
    none = desk.employ("none", pairs=frozenset())
    assert none.mandate is not None
    assert none.mandate.order_notional_max == D(10_000)


@pytest.mark.parametrize(
    "edit", [{"version": "v2"}, {"pairs": frozenset({ETH})}, {"venues": ("other",)}, {"capital": D(9_000)}]
)
def test_an_edit_of_anything_the_leave_names_takes_entries_back_and_grants_a_new_leave(edit: dict[str, Any]) -> None:
    desk = Desk()
    made = desk.employ()
    order = desk.ack(desk.execute(its(**at("49000"))))
    desk.do(c.SetAlgorithm(algorithm=replace(made, **edit), door=Door.MCP))
    assert only(desk.events, e.MandateVoided)
    assert desk.state(order) is OrderState.CANCEL_PENDING
    assert desk.book.algorithms["sma"].mandate is not None


def test_setting_what_is_set_already_keeps_the_leave_and_the_orders() -> None:
    desk = Desk()
    made = desk.employ()
    order = desk.ack(desk.execute(its(**at("49000"))))
    desk.do(c.SetAlgorithm(algorithm=replace(made, mandate=None), door=Door.MCP))
    assert desk.book.algorithms["sma"] == made
    assert desk.state(order) is OrderState.LIVE


def test_an_edit_of_one_that_never_had_a_leave_voids_none() -> None:
    desk = Desk()
    made = desk.employ(enabled=False)
    desk.do(c.SetAlgorithm(algorithm=replace(made, version="v2"), door=Door.MCP))
    assert not only(desk.events, e.MandateVoided)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "a/b"},
        {"name": "manual"},
        {"name": "external"},
        {"name": "account"},
        {"name": "naïve"},
        {"name": "-sma"},
        {"name": "s" * 65},
        {"capital": D(0)},
        {"capital": D("NaN")},
        {"capital": D("Infinity")},
        {"venues": ()},
        {"pairs": frozenset({"a pair"})},
    ],
)
def test_what_is_no_algorithm_is_refused(wrong: dict[str, Any]) -> None:
    desk = Desk()
    made = desk.employ()
    assert names(desk.do(c.SetAlgorithm(algorithm=replace(made, **wrong), door=Door.CLI))) == ["Refused"]


def test_where_it_must_be_signed_the_leave_is_a_proposal() -> None:
    desk = Desk(policy=signed_mandates())
    desk.employ()
    assert desk.denies(its())
    assert isinstance(desk.proposal().body, ProposedMandate)
    desk.sign()
    mandate = desk.book.algorithms["sma"].mandate
    assert mandate is not None
    assert mandate.expires_at == desk.now + 7 * DAY
    assert desk.execute(its(name="now"))


@pytest.mark.parametrize("edit", [{"version": "v2"}, {"capital": D(20_000)}, {"pairs": frozenset({BTC})}])
def test_a_leave_that_was_signed_for_another_content_is_void(edit: dict[str, Any]) -> None:
    desk = Desk(policy=signed_mandates())
    made = desk.employ()
    proposal = desk.proposal()
    desk.now += 1
    desk.do(c.SetAlgorithm(algorithm=replace(made, **edit), door=Door.MCP))
    desk.sign(proposal)
    assert desk.book.algorithms["sma"].mandate is None


def test_a_leave_for_one_that_was_switched_off_meanwhile_is_void() -> None:
    desk = Desk(policy=signed_mandates())
    made = desk.employ()
    desk.do(c.SetAlgorithm(algorithm=replace(made, enabled=False), door=Door.MCP))
    desk.sign()
    assert desk.book.algorithms["sma"].mandate is None
    gone = replace(desk.book, algorithms={})
    other = Desk(policy=signed_mandates())
    other.employ()
    other.book = replace(other.book, algorithms=gone.algorithms)
    assert names(other.sign())[-1] == "ProposalEnded"


def test_a_signed_leave_that_waits_is_granted_after_the_delay_and_measures_from_then() -> None:
    policy = signed_mandates()
    desk = Desk(policy=replace(policy, account=replace(policy.account, loosening_delay=60_000_000)))
    desk.employ()
    desk.book = replace(desk.book, measures={})
    desk.sign()
    desk.now += 60_000_000
    desk.ticked_at = desk.now - 60_000_000
    desk.tick()
    mandate = desk.book.algorithms["sma"].mandate
    assert mandate is not None
    assert (mandate.issued_at, mandate.value_at_issue) == (desk.now, D(10_000))
    assert desk.book.changes == {}


@pytest.mark.parametrize(("door", "released"), [(Door.CLI, True), (Door.WEB, True), (Door.MCP, False)])
def test_on_paper_a_person_who_switches_an_algorithm_on_again_has_said_enough(door: Door, released: bool) -> None:
    desk = Desk()
    made = desk.employ()
    desk.latch(TradingState.REDUCING, OWN)
    desk.do(c.SetAlgorithm(algorithm=replace(made, enabled=False), door=Door.CLI))
    desk.do(c.SetAlgorithm(algorithm=replace(made, enabled=True), door=door))
    assert (desk.book.latches == {}) is released


@pytest.mark.parametrize("capital", ["20000", "5000"])
def test_more_or_less_capital_forgives_nothing_that_was_lost_and_lifts_no_latch(capital: str) -> None:
    """An assistant may set it where no money is real; the account's own limits stand above it all the while."""
    desk = Desk()
    made = desk.employ()
    desk.fill(desk.ack(desk.execute(its())))
    desk.price("49000")
    desk.do(c.Mark())
    before, account = desk.book.measures["algorithm/sma"], desk.book.measures["account"]
    assert before.day_loss > 0
    desk.latch(TradingState.REDUCING, OWN)
    desk.do(c.SetAlgorithm(algorithm=replace(made, capital=D(capital)), door=Door.MCP))
    desk.do(c.Mark())
    after = desk.book.measures["algorithm/sma"]
    assert after.day_loss == before.day_loss
    assert after.high_water - after.value == before.high_water - before.value
    assert desk.book.measures["account"] == account
    assert desk.book.state(Market.CRYPTO, VENUE, "sma")[0] is TradingState.REDUCING
    assert Code.STATE_REDUCING in desk.denies(its(name="more"))


def test_where_money_is_guarded_only_a_signature_ends_an_algorithms_latch() -> None:
    desk = Desk(mode=Mode.DRY)
    made = desk.employ()
    desk.latch(TradingState.REDUCING, OWN)
    desk.do(c.SetAlgorithm(algorithm=replace(made, version="v2"), door=Door.CLI))
    assert desk.book.latches


def test_an_algorithm_trades_inside_its_leave_and_is_denied_outside() -> None:
    desk = Desk()
    desk.employ(pairs=frozenset({BTC}))
    assert desk.execute(its())
    assert Code.APPROVAL_REQUIRED in desk.denies(its("0.1", "ether", pair=ETH))
    assert desk.book.proposals == {}


def test_a_venue_outside_the_leave_is_outside() -> None:
    desk = Desk()
    desk.employ(venues=("other",))
    assert Code.APPROVAL_REQUIRED in desk.denies(its(venue=VENUE))


def test_an_edit_takes_back_what_somebody_signed_too_and_no_order_of_anybody_else() -> None:
    desk = Desk()
    made = desk.employ()
    mine = desk.ack(desk.enter("0.002", None, id="mine", **at("49000")))
    desk.wait(2 * MINUTE)
    order = desk.ack(desk.execute(its(**at("49000"))))
    working = desk.order(order)
    # No leave speaks for an order with a signature of its own, so none that ends takes it along.
    signed = replace(working, order=replace(working.order, signed=True))
    desk.book = replace(desk.book, working={**desk.book.working, order: signed})
    desk.do(c.SetAlgorithm(algorithm=replace(made, version="v2"), door=Door.MCP))
    assert desk.state(order) is OrderState.CANCEL_PENDING
    assert desk.state(mine) is OrderState.LIVE

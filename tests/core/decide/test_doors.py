"""What an intent from outside may not say about itself, and why saying it gains nothing."""

from typing import Any

import pytest

from tests.core.decide.desk import D, Desk, at, buy, names, sell
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.orders import Door, Fit, OrderState, Purpose, Quantity
from trading_mcp.core.domain.verdict import Code

CLAIMS: dict[str, dict[str, Any]] = {
    "that it protects": {"purpose": Purpose.PROTECTION},
    "that it closes": {"purpose": Purpose.CLOSE},
    "that it is the desk": {"door": Door.DESK},
    "a name of the desk's": {"id": "buy-1/stop.0"},
    "an algorithm that is not its own": {"book": "sma"},
    "what belongs to others": {"book": "external"},
    "what belongs to others, as the runner": {"book": "external", "door": Door.RUNNER},
    "when it was due": {"due_at": 1},
}


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS.keys())
@pytest.mark.parametrize("side", [buy, sell], ids=["buy", "sell"])
def test_an_intent_from_outside_may_not_claim(claim: dict[str, Any], side: Any) -> None:
    desk = Desk()
    desk.employ()
    desk.hold(stop=None)
    desk.hold("0.001", None, id="its", door=Door.RUNNER, book="sma")
    wanted = side("0.001", **{"id": "claim", **claim})
    assert Code.FIELD_INVALID in desk.denies(wanted)
    assert desk.book.intent(wanted.id) is None


@pytest.mark.parametrize("purpose", [Purpose.PROTECTION, Purpose.CLOSE])
@pytest.mark.parametrize("door", [Door.CLI, Door.MCP, Door.DESK])
def test_no_claim_gets_an_order_through_a_halted_desk(purpose: Purpose, door: Door) -> None:
    desk = Desk()
    desk.hold(stop=None)
    desk.do(c.Halt(door=Door.MCP, reason="enough"))
    assert Code.FIELD_INVALID in desk.denies(sell(id="x", purpose=purpose, door=door))


def test_the_same_intent_twice_is_one_order_and_another_content_is_a_conflict() -> None:
    desk = Desk()
    entry = desk.execute(buy())
    assert desk.do(c.Execute(intent=buy())) == ()
    assert Code.INTENT_CONFLICT in desk.denies(buy("0.003"))
    record = desk.book.intent("buy-1")
    assert record is not None
    assert record.order_ids == (entry,)
    assert record.intent.amount == Quantity(D("0.004"))


def test_an_intent_that_was_malformed_may_be_told_again_rightly_under_its_id() -> None:
    desk = Desk()
    assert Code.FIELD_INVALID in desk.denies(buy("0"))
    assert desk.execute(buy())


def test_a_proposal_asked_for_twice_waits_once() -> None:
    desk = Desk()
    desk.judged(buy("0.006"))
    assert desk.do(c.Execute(intent=buy("0.006"))) == ()
    assert len(desk.book.proposals) == 1


def test_only_so_many_orders_wait_for_a_person() -> None:
    desk = Desk()
    for index in range(5):
        desk.judged(buy("0.006", id=f"large-{index}"))
    assert Code.PROPOSALS_OPEN_MAX in desk.denies(buy("0.006", id="one-more"))
    for door in (Door.CLI, Door.WEB, Door.HTTP):
        for index in range(5):
            desk.judged(buy("0.006", id=f"{door}-{index}", door=door))
    assert len(desk.book.proposals) == 20
    assert Code.PROPOSALS_OPEN_MAX in desk.denies(buy("0.006", id="runner", door=Door.RUNNER))


def test_what_waits_for_a_person_reserves_nothing_and_sends_nothing() -> None:
    desk = Desk()
    happened = desk.do(c.Execute(intent=buy("0.006")))
    assert names(happened) == ["IntentJudged", "ProposalOpened"]
    assert desk.book.working == {}


def test_a_wish_of_an_algorithm_is_made_to_fit_and_says_which_limit_did_it() -> None:
    desk = Desk()
    desk.employ()
    wish = buy("0.015", id="its", door=Door.RUNNER, book="sma", fit=Fit.SHRINK, **at("50000"))
    order = desk.order(desk.execute(wish)).order
    assert order.quantity < D("0.015")
    assert order.quantity * D(50_000) <= 500


def test_a_wish_that_leaves_too_little_is_denied() -> None:
    desk = Desk()
    desk.employ()
    wish = buy("0.5", id="its", door=Door.RUNNER, book="sma", fit=Fit.SHRINK, **at("50000"))
    assert Code.LIMITS_INFEASIBLE in desk.denies(wish)


def test_what_an_algorithm_would_be_asked_about_is_denied_and_never_a_proposal() -> None:
    desk = Desk()
    desk.employ(enabled=False)
    assert desk.denies(buy("0.001", id="its", door=Door.RUNNER, book="sma"))
    assert desk.book.proposals == {}


def test_the_days_opening_is_recorded_before_its_first_order() -> None:
    desk = Desk()
    desk.now += 12 * 60 * 60 * 1_000_000
    desk.ticked_at = desk.now
    for pair in desk.bids:
        desk.confirmed[pair] = desk.now
    desk.read()
    happened = desk.do(c.Execute(intent=buy()))
    assert names(happened)[:2] == ["Marked", "IntentJudged"]
    assert desk.book.working


def test_an_order_is_never_sent_without_being_looked_at_again() -> None:
    desk = Desk()
    entry = desk.execute(buy(), sends=False)
    assert desk.state(entry) is OrderState.CLEARED

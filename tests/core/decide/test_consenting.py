"""A person's yes binds one proposal in one world; everything that only looks like one comes to nothing."""

from typing import Any

import pytest
from msgspec.structs import replace

from tests.core.decide.desk import D, Desk, buy, names, only
from tests.core.guardrails.world import BTC, VENUE
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.latches import ACCOUNT, TradingState
from trading_mcp.core.domain.market import DAY, MINUTE
from trading_mcp.core.domain.orders import Door, Quantity
from trading_mcp.core.domain.portfolio import Position
from trading_mcp.core.domain.proposals import ProposalEnd, ProposedOrder


def asked(desk: Desk, name: str = "large", quantity: str = "0.006") -> ProposedOrder:
    desk.judged(buy(quantity, id=name))
    body = desk.proposal().body
    assert isinstance(body, ProposedOrder)
    return body


def test_a_signature_turns_one_proposal_into_exactly_one_order() -> None:
    desk = Desk()
    asked(desk)
    happened = desk.sign()
    assert names(happened) == ["ProposalApproved", "IntentJudged", "OrderCleared", "OrderSending"]
    (order,) = desk.working()
    assert (order.quantity, order.signed) == (D("0.006"), True)
    assert desk.book.proposals == {}
    record = desk.book.intent("large")
    assert record is not None
    assert record.order_ids == (order.id,)


def test_two_executions_at_once_of_one_proposal_are_one_order() -> None:
    desk = Desk()
    asked(desk)
    proposal = desk.proposal()
    statement = desk.statement(proposal)
    desk.hand_in(statement, proposal.id)
    assert names(desk.hand_in(statement, proposal.id)) == ["Refused"]
    assert len(desk.working()) == 1


FORGERIES: dict[str, dict[str, Any]] = {
    "another version": {"version": 2},
    "another kind": {"kind": "policy"},
    "another proposal": {"proposal_id": "order/other"},
    "another mode": {"mode": Mode.LIVE},
    "another account": {"account": "other"},
    "a home with fake venues": {"fake_venues": True},
    "other limits": {"policy_hash": "other"},
    "another body": {"body_hash": "0" * 64},
    "a time to come": {"created": 2**60, "expires": 2**60 + 1},
    "a time gone by": {"created": 1, "expires": 2},
    "no nonce": {"nonce": ""},
}


@pytest.mark.parametrize("forged", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_statement_is_refused_that_was_signed_for(forged: dict[str, Any]) -> None:
    desk = Desk()
    asked(desk)
    assert names(desk.sign(**forged)) == ["Refused"]
    assert desk.working() == []
    # It answers nothing, and the proposal goes on waiting for the real one.
    assert desk.proposal()


@pytest.mark.parametrize(("created", "expires", "good"), [(0, 5 * MINUTE, True), (0, 5 * MINUTE + 1, False)])
def test_a_statement_has_no_longer_life_than_the_policy_gives(created: int, expires: int, good: bool) -> None:
    desk = Desk()
    asked(desk)
    desk.sign(created=desk.now + created, expires=desk.now + expires)
    assert bool(desk.working()) is good


@pytest.mark.parametrize(("offset", "good"), [(-1, False), (0, True), (5 * MINUTE - 1, True), (5 * MINUTE, False)])
def test_a_statement_counts_from_its_first_to_before_its_last_moment(offset: int, good: bool) -> None:
    desk = Desk()
    asked(desk)
    proposal = desk.proposal()
    statement = desk.statement(proposal)
    desk.wait(offset, look=False)
    problem = only(desk.hand_in(statement, proposal.id), e.Refused)
    assert (not problem) is good


def test_without_a_signature_nothing_is_approved() -> None:
    desk = Desk()
    asked(desk)
    assert names(desk.hand_in(None, desk.proposal().id)) == ["Refused"]
    assert desk.working() == []


def test_a_body_that_was_edited_after_it_was_proposed_is_not_what_was_signed() -> None:
    desk = Desk()
    body = asked(desk)
    proposal = desk.proposal()
    statement = desk.statement(proposal)
    edited = replace(body, intent=replace(body.intent, amount=Quantity(D("0.009"))), quantity=D("0.009"))
    desk.book = replace(desk.book, proposals={proposal.id: replace(proposal, body=edited)})
    assert names(desk.hand_in(statement, proposal.id)) == ["Refused"]


def test_a_nonce_that_was_used_is_refused_for_anything_else() -> None:
    desk = Desk()
    asked(desk)
    desk.sign(nonce="once")
    desk.wait(2 * MINUTE)
    asked(desk, "another", "0.0061")
    assert names(desk.sign(nonce="once")) == ["Refused"]
    assert names(desk.sign(nonce="twice"))[0] == "ProposalApproved"


def test_a_used_nonce_is_remembered_over_a_restart() -> None:
    desk = Desk()
    asked(desk)
    desk.sign(nonce="once")
    desk.book = desk.replayed()
    desk.wait(2 * MINUTE)
    asked(desk, "another", "0.0061")
    assert names(desk.sign(nonce="once")) == ["Refused"]


@pytest.mark.parametrize(
    ("price", "good"), [("50250", True), ("50250.01", False), ("49750", True), ("49749.99", False)]
)
def test_the_price_may_move_as_far_as_was_signed_and_not_one_tick_further(price: str, good: bool) -> None:
    desk = Desk()
    asked(desk, quantity="0.0055")
    proposal = desk.proposal()
    statement = desk.statement(proposal)
    desk.price(str(D(price) - 10))
    desk.hand_in(statement, proposal.id)
    assert bool(desk.working()) is good
    # What has moved too far is over; a new proposal is needed.
    assert desk.book.proposals == {}


@pytest.mark.parametrize(
    "unknown", [{"reference_price": None}, {"move_max": None}, {"position": None}, {"position_change_max": None}]
)
def test_a_statement_that_says_nothing_to_compare_with_binds_nothing(unknown: dict[str, Any]) -> None:
    desk = Desk()
    asked(desk)
    assert names(desk.sign(**unknown)) == ["ProposalEnded"]
    assert desk.working() == []


def test_a_price_that_is_lost_cannot_be_compared() -> None:
    desk = Desk()
    asked(desk)
    proposal = desk.proposal()
    statement = desk.statement(proposal)
    desk.bids.pop(BTC)
    desk.hand_in(statement, proposal.id)
    assert desk.working() == []


def test_a_position_that_has_changed_since_is_another_world() -> None:
    desk = Desk()
    asked(desk)
    proposal = desk.proposal()
    statement = desk.statement(proposal)
    desk.hold("0.001", None)
    happened = desk.hand_in(statement, proposal.id)
    assert "position changed" in only(happened, e.ProposalEnded)[0].reason


def test_what_is_signed_is_judged_again_in_the_world_of_now() -> None:
    desk = Desk()
    asked(desk)
    proposal = desk.proposal()
    desk.latch(TradingState.REDUCING)
    happened = desk.sign(proposal)
    assert names(happened) == ["IntentJudged", "ProposalEnded"]
    assert only(happened, e.ProposalEnded)[0].reason.startswith("denied now: STATE_REDUCING")


def test_while_halted_nothing_is_approved_but_a_release() -> None:
    desk = Desk()
    desk.do(c.Halt(door=Door.MCP, reason="enough"))
    desk.change("market.crypto.ask_above", "250", "300")
    assert names(desk.sign()) == ["ProposalEnded"]
    assert desk.book.policy.crypto.ask_above == D(250)
    desk.do(c.Release(scope=ACCOUNT, target=TradingState.ACTIVE))
    desk.sign()
    assert desk.book.account_state is TradingState.ACTIVE


def test_a_proposal_that_waited_too_long_is_over_even_with_a_fresh_statement() -> None:
    desk = Desk()
    asked(desk)
    desk.wait(DAY, look=False)
    happened = desk.sign()
    assert only(happened, e.ProposalEnded)[0].end is ProposalEnd.EXPIRED
    assert desk.working() == []


def test_time_ends_a_proposal_that_nobody_answers() -> None:
    desk = Desk()
    asked(desk)
    desk.wait(DAY - 1, look=False)
    assert not only(desk.tick(), e.ProposalEnded)
    desk.now += 1
    assert only(desk.tick(), e.ProposalEnded)[0].end is ProposalEnd.EXPIRED


def test_after_midnight_the_opening_is_recorded_before_what_was_signed_is_judged() -> None:
    desk = Desk()
    desk.wait(DAY // 2 - MINUTE)
    asked(desk)
    desk.wait(MINUTE, look=False)
    assert names(desk.sign())[:2] == ["Marked", "ProposalApproved"]
    assert desk.working()


def test_a_person_declines_and_whoever_asked_withdraws() -> None:
    desk = Desk()
    asked(desk)
    (ended,) = desk.do(c.Decline(proposal_id=desk.proposal().id))
    assert isinstance(ended, e.ProposalEnded)
    assert ended.end is ProposalEnd.DECLINED
    desk.wait(MINUTE)
    asked(desk, "another")
    (ended,) = desk.do(c.Withdraw(proposal_id=desk.proposal().id, door=Door.MCP))
    assert isinstance(ended, e.ProposalEnded)
    assert ended.end is ProposalEnd.WITHDRAWN
    assert names(desk.do(c.Decline(proposal_id="never"))) == ["Refused"]
    assert names(desk.hand_in(None, "never")) == ["Refused"]


def test_attending_is_a_signature_and_starts_the_unattended_counts_again() -> None:
    desk = Desk()
    desk.execute(buy())
    assert desk.book.unattended == {Door.MCP: 1}
    assert names(desk.do(c.Attend())) == ["Refused"]
    desk.signed = desk.stated("attend", "attend")
    desk.do(c.Attend())
    assert desk.book.unattended == {}
    assert names(desk.do(c.Attend())) == ["Refused"]


def test_an_order_that_has_come_to_reduce_meanwhile_is_sent_as_one_that_reduces() -> None:
    desk = Desk()
    asked(desk)
    proposal = desk.proposal()
    short = Position(book="manual", venue=VENUE, pair=BTC, quantity=D("-0.01"), average=D(50_000))
    portfolio = replace(desk.book.portfolio, positions={short.key: short})
    desk.book = replace(desk.book, portfolio=portfolio)
    desk.sign(proposal)
    (order,) = desk.working()
    assert (order.reduces, order.quantity) == (True, D("0.006"))

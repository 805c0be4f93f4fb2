"""What makes a desk looser waits: for a signature, for its delay, and for a world that is still the same."""

import pytest
from msgspec.structs import replace

from tests.core.decide.desk import D, Desk, names, only
from tests.core.guardrails.shipped import SIMULATED
from tests.core.guardrails.world import VENUE
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.latches import ACCOUNT, Scope, ScopeKind, TradingState
from trading_mcp.core.domain.market import HOUR, MINUTE, SECOND
from trading_mcp.core.domain.orders import Door
from trading_mcp.core.domain.policy import Policy
from trading_mcp.core.domain.proposals import ProposalEnd


def test_a_release_is_proposed_once_and_signed_or_does_not_exist() -> None:
    desk = Desk()
    assert names(desk.do(c.Release(scope=ACCOUNT, target=TradingState.ACTIVE))) == ["Refused"]
    desk.do(c.Halt(door=Door.MCP, reason="enough"))
    desk.do(c.Release(scope=ACCOUNT, target=TradingState.ACTIVE))
    for _ in range(3):
        assert names(desk.do(c.Release(scope=ACCOUNT, target=TradingState.ACTIVE))) == ["Refused"]
    assert desk.book.account_state is TradingState.HALTED
    assert names(desk.hand_in(None, desk.proposal().id)) == ["Refused"]
    desk.sign()
    assert desk.book.account_state is TradingState.ACTIVE


def test_two_releases_of_one_scope_in_one_moment_are_two_proposals() -> None:
    desk = Desk()
    desk.latch(TradingState.FROZEN)
    desk.do(c.Release(scope=ACCOUNT, target=TradingState.ACTIVE))
    desk.do(c.Release(scope=ACCOUNT, target=TradingState.REDUCING))
    assert len(desk.book.proposals) == 2
    milder = next(item for item in desk.book.proposals.values() if "reducing" in item.id)
    desk.sign(milder)
    assert desk.book.account_state is TradingState.REDUCING


def test_one_release_ends_several_latches_of_its_scope_and_none_of_another() -> None:
    desk = Desk()
    venue = Scope(kind=ScopeKind.VENUE, name=VENUE)
    desk.latch(TradingState.FROZEN)
    desk.latch(TradingState.REDUCING, venue)
    desk.do(c.Halt(door=Door.MCP, reason="enough"))
    assert len(desk.book.latches) == 3
    desk.do(c.Release(scope=ACCOUNT, target=TradingState.ACTIVE))
    desk.sign()
    assert [latch.scope for latch in desk.book.latches.values()] == [venue]


def test_a_release_answers_only_what_had_latched_when_it_was_proposed() -> None:
    desk = Desk()
    desk.latch(TradingState.REDUCING)
    desk.do(c.Release(scope=ACCOUNT, target=TradingState.ACTIVE))
    desk.now += SECOND
    desk.latch(TradingState.FROZEN)
    happened = desk.sign()
    assert "latched since" in only(happened, e.ProposalEnded)[0].reason
    assert desk.book.account_state is TradingState.FROZEN


def delayed(span: int = 10 * MINUTE) -> Policy:
    return replace(SIMULATED, account=replace(SIMULATED.account, loosening_delay=span))


def test_a_kill_voids_a_release_that_was_signed_and_still_waits() -> None:
    desk = Desk(policy=delayed())
    desk.do(c.Halt(door=Door.MCP, reason="enough"))
    desk.do(c.Release(scope=ACCOUNT, target=TradingState.ACTIVE))
    desk.sign()
    assert desk.book.changes
    desk.wait(MINUTE)
    desk.do(c.Halt(door=Door.MCP, reason="again"))
    desk.wait(HOUR)
    assert desk.book.account_state is TradingState.HALTED


def test_a_release_to_reducing_does_not_wait_and_one_to_active_does() -> None:
    desk = Desk(policy=delayed())
    desk.do(c.Halt(door=Door.MCP, reason="enough"))
    desk.do(c.Release(scope=ACCOUNT, target=TradingState.REDUCING))
    desk.sign()
    assert desk.book.account_state is TradingState.REDUCING
    desk.do(c.Release(scope=ACCOUNT, target=TradingState.ACTIVE))
    desk.sign()
    desk.wait(10 * MINUTE - 1)
    assert desk.book.account_state is TradingState.REDUCING
    desk.wait(1)
    assert desk.book.account_state is TradingState.ACTIVE
    assert desk.book.changes == {}


def test_while_a_halt_file_stands_nothing_is_released() -> None:
    desk = Desk(policy=delayed())
    desk.do(c.Halt(door=Door.MCP, reason="enough"))
    desk.halt_file = True
    assert names(desk.do(c.Release(scope=ACCOUNT, target=TradingState.ACTIVE))) == ["Refused"]
    desk.halt_file = False
    desk.do(c.Release(scope=ACCOUNT, target=TradingState.ACTIVE))
    desk.halt_file = True
    assert names(desk.sign()) == ["Refused"]
    desk.halt_file = False
    desk.sign()
    desk.halt_file = True
    desk.wait(10 * MINUTE)
    assert desk.book.account_state is TradingState.HALTED
    assert desk.book.changes == {}


def test_a_loosening_waits_for_a_signature_and_then_for_its_delay() -> None:
    desk = Desk(policy=delayed())
    desk.change("market.crypto.ask_above", "250", "300")
    desk.sign()
    assert desk.book.policy.crypto.ask_above == D(250)
    desk.wait(10 * MINUTE - 1)
    assert desk.book.policy.crypto.ask_above == D(250)
    desk.wait(1)
    assert desk.book.policy.crypto.ask_above == D(300)
    assert desk.book.changes == {}


def test_a_clock_that_is_set_ahead_shortens_no_delay_and_one_that_is_set_back_lengthens_it() -> None:
    for ahead in (HOUR, -HOUR):
        desk = Desk(policy=delayed())
        desk.change("market.crypto.ask_above", "250", "300")
        desk.sign()
        desk.now, desk.ahead = desk.now + ahead, ahead
        desk.wait(10 * MINUTE - 1)
        assert desk.book.policy.crypto.ask_above == D(250)
        desk.wait(1)
        assert (desk.book.policy.crypto.ask_above == D(300)) is (ahead > 0), "both clocks must have come so far"


def test_a_loosening_that_waits_is_withdrawn_by_anyone() -> None:
    desk = Desk(policy=delayed())
    desk.change("market.crypto.ask_above", "250", "300")
    desk.sign()
    (waiting,) = desk.book.changes
    desk.do(c.Withdraw(proposal_id=waiting, door=Door.MCP))
    desk.wait(HOUR)
    assert desk.book.policy.crypto.ask_above == D(250)


def test_a_loosening_made_against_other_values_than_those_of_now_is_void() -> None:
    desk = Desk(policy=delayed())
    desk.change("market.crypto.ask_above", "250", "300")
    desk.sign()
    desk.change("market.crypto.ask_above", "250", "200", "change-2")
    desk.wait(10 * MINUTE)
    assert desk.book.policy.crypto.ask_above == D(200)
    assert only(desk.events, e.ProposalEnded)[-1].end is ProposalEnd.VOIDED


def test_a_desk_that_froze_meanwhile_loosens_nothing() -> None:
    desk = Desk(policy=delayed())
    desk.change("market.crypto.ask_above", "250", "300")
    desk.sign()
    desk.latch(TradingState.FROZEN)
    desk.wait(10 * MINUTE)
    assert desk.book.policy.crypto.ask_above == D(250)
    assert desk.book.changes == {}


def test_of_one_name_only_one_change_waits_and_of_all_only_ten() -> None:
    desk = Desk()
    desk.change("market.crypto.ask_above", "250", "300")
    assert names(desk.change("market.crypto.ask_above", "250", "400")) == ["Refused"]
    for index in range(9):
        assert names(desk.change("market.crypto.ask_above", "250", "300", f"c{index}")) == ["ProposalOpened"]
    assert names(desk.change("market.crypto.ask_above", "250", "300", "eleven")) == ["Refused"]


@pytest.mark.parametrize(("before", "after"), [("251", "200"), ("250", "not a number"), ("250", "250")])
def test_a_change_that_means_nothing_is_refused(before: str, after: str) -> None:
    desk = Desk()
    assert names(desk.change("market.crypto.ask_above", before, after)) == ["Refused"]


def test_a_key_that_binds_exits_is_a_persons_in_both_directions() -> None:
    desk = Desk()
    assert names(desk.change("market.crypto.fee_buffer", "1%", "0.9%")) == ["ProposalOpened"]
    desk.sign()
    assert desk.book.policy.crypto.fee_buffer == D("0.009")

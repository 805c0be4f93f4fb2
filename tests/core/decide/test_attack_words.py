"""What an assistant may say at any hour loosens nothing, fills nothing up, and takes back nobody else's words."""

from typing import Any

import pytest
from msgspec.structs import replace

from tests.core.decide.desk import D, Desk, only
from tests.core.guardrails.shipped import LIVE, SIMULATED
from tests.core.guardrails.world import BTC, ETH, VENUE, buy
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.latches import ACCOUNT, Scope, ScopeKind, TradingState
from trading_mcp.core.domain.mandates import Algorithm
from trading_mcp.core.domain.market import DAY, HOUR, MINUTE
from trading_mcp.core.domain.orders import Door
from trading_mcp.core.domain.policy import Policy
from trading_mcp.core.domain.proposals import ProposedMandate
from trading_mcp.core.domain.tallies import COOLDOWN_LONGEST, RATE_WINDOW_LONGEST
from trading_mcp.core.domain.verdict import Code
from trading_mcp.core.guardrails.changing import ALGORITHMS_MAX
from trading_mcp.core.guardrails.halting import LATCHES_MAX
from trading_mcp.core.guardrails.keys import BY_PATH
from trading_mcp.core.guardrails.schema import seal
from trading_mcp.core.guardrails.spelling import bounds


def changed(**account: int) -> Policy:
    return seal(replace(SIMULATED, account=replace(SIMULATED.account, **account)))


def test_no_policy_asks_for_a_longer_memory_of_orders_than_there_is() -> None:
    assert bounds(BY_PATH["account.pair_cooldown"])[1] <= COOLDOWN_LONGEST
    assert bounds(BY_PATH["account.rate_window"])[1] <= RATE_WINDOW_LONGEST


def test_a_cooldown_of_days_is_not_forgotten_because_another_pair_was_bought() -> None:
    desk = Desk(policy=changed(pair_cooldown=7 * DAY))
    desk.execute(buy("0.002", id="one"))
    desk.now += 25 * HOUR
    desk.wait(MINUTE)
    desk.execute(buy("0.1", ETH, id="other"))
    desk.wait(MINUTE)
    assert Code.PAIR_COOLDOWN in desk.denies(buy("0.002", id="two"))


def test_a_mandate_nobody_signed_ends_as_soon_as_mandates_must_be_signed() -> None:
    desk = Desk()
    desk.employ()
    due = {"book": "sma", "door": Door.RUNNER}
    resting = desk.ack(desk.enter("0.002", None, id="one", **due))
    desk.change("account.mandate_signed", "false", "true")
    assert desk.order(resting).cancel_reason
    desk.wait(2 * MINUTE)
    assert Code.APPROVAL_REQUIRED in desk.denies(buy("0.002", id="two", **due))


def named(name: str, **changes: Any) -> c.SetAlgorithm:
    plain: dict[str, Any] = {
        "version": "v1",
        "pairs": frozenset({BTC}),
        "venues": (VENUE,),
        "capital": D(1_000),
    }
    return c.SetAlgorithm(algorithm=Algorithm(name=name, **{**plain, **changes}), door=Door.MCP)


@pytest.mark.parametrize(
    "changes",
    [
        {"version": "v" * 10_000},
        {"venues": ("v" * 10_000,)},
        {"venues": ("",)},
        {"venues": tuple(f"v{number}" for number in range(1_000))},
        {"pairs": frozenset(f"A{number}-USD" for number in range(1_000))},
    ],
    ids=["version", "venue", "no venue", "venues", "pairs"],
)
def test_an_algorithm_of_endless_words_is_refused(changes: dict[str, Any]) -> None:
    desk = Desk()
    assert only(desk.do(named("sma", **changes)), e.Refused)
    assert not desk.book.algorithms


def test_algorithms_are_not_made_without_end_and_those_that_are_can_still_be_changed() -> None:
    desk = Desk()
    for number in range(ALGORITHMS_MAX):
        desk.do(named(f"a{number}"))
    assert only(desk.do(named("one-more")), e.Refused)
    assert only(desk.do(named("a0", capital=D(2))), e.AlgorithmSet)
    assert len(desk.book.algorithms) == ALGORITHMS_MAX


def test_an_algorithm_edited_over_and_over_does_not_fill_the_queue_of_changes() -> None:
    desk = Desk(mode=Mode.LIVE, policy=LIVE)
    for number in range(30):
        desk.do(named("sma", enabled=True, capital=D(100 + number)))
        desk.do(named("rsi", enabled=True, capital=D(100 + number)))
        desk.now += MINUTE
    assert len(desk.book.proposals) == 2
    bodies = [item.body for item in desk.book.proposals.values()]
    assert {body.mandate.capital for body in bodies if isinstance(body, ProposedMandate)} == {D(129)}


def test_a_latch_of_an_account_under_another_name_is_the_accounts() -> None:
    desk = Desk()
    desk.latch(TradingState.HALTED, Scope(kind=ScopeKind.ACCOUNT, name="x"))
    assert desk.book.account_state is TradingState.HALTED
    assert {latch.scope for latch in desk.book.latches.values()} == {ACCOUNT}


def test_latches_are_not_made_without_end_and_the_accounts_own_always() -> None:
    desk = Desk()
    for number in range(LATCHES_MAX + 5):
        desk.latch(TradingState.REDUCING, Scope(kind=ScopeKind.VENUE, name=f"v{number}"))
    assert len(desk.book.latches) == LATCHES_MAX
    desk.latch(TradingState.FROZEN, Scope(kind=ScopeKind.VENUE, name="v0"))
    desk.latch(TradingState.FROZEN)
    assert desk.book.account_state is TradingState.FROZEN
    assert desk.book.latches[f"venue/v0:{Code.OVERFILL}"].state is TradingState.FROZEN


def test_what_froze_again_while_its_release_waits_is_not_released() -> None:
    desk = Desk(policy=changed(loosening_delay=10 * MINUTE))
    desk.latch()
    desk.wait(MINUTE)
    desk.do(c.Release(scope=ACCOUNT, target=TradingState.ACTIVE))
    desk.sign()
    desk.wait(MINUTE)
    assert only(desk.latch(), e.Latched)
    assert not only(desk.latch(), e.Latched)
    desk.latch(TradingState.HALTED)
    desk.wait(HOUR)
    assert desk.book.account_state is TradingState.FROZEN


@pytest.mark.parametrize("door", [Door.MCP, Door.HTTP, Door.RUNNER])
def test_an_assistant_takes_back_only_what_came_through_its_own_door(door: Door) -> None:
    desk = Desk()
    desk.latch()
    desk.do(c.Release(scope=ACCOUNT, target=TradingState.REDUCING))
    waiting = desk.proposal().id
    assert only(desk.do(c.Withdraw(proposal_id=waiting, door=door)), e.Refused)
    assert desk.proposal().id == waiting
    assert only(desk.do(c.Withdraw(proposal_id=waiting, door=Door.WEB)), e.ProposalEnded)

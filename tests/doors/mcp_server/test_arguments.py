"""What a call may say: unknown names and numbers for amounts are refused with the call that would be right."""

from typing import Any

import pytest

from tests.desk.world import BTC, World
from tests.doors.mcp_server.conftest import Play, connected, door_of
from trading_mcp.core.domain import events as e
from trading_mcp.doors.mcp_server.arguments import arguments_of
from trading_mcp.doors.mcp_server.tools import TOOLS
from trading_mcp.errors import UsageInvalid

BY_NAME = {tool.name: tool for tool in TOOLS}
TRADE = {"pair": "BTC-USDT", "side": "buy"}


def refusal(tool: str, given: dict[str, Any]) -> UsageInvalid:
    with pytest.raises(UsageInvalid) as caught:
        arguments_of(BY_NAME[tool], given)
    return caught.value


@pytest.mark.parametrize(
    ("given", "corrected"),
    [
        ({**TRADE, "quantity": 0.5}, '{"pair":"BTC-USDT","side":"buy","quantity":"0.5"}'),
        ({**TRADE, "quantity": 1}, '{"pair":"BTC-USDT","side":"buy","quantity":"1"}'),
        ({**TRADE, "notional": 1e-7}, '{"pair":"BTC-USDT","side":"buy","notional":"0.0000001"}'),
        ({**TRADE, "notional": "100", "stop_los": "9"}, '"notional":"100","stop_loss":"9"}'),
        ({**TRADE, "notional": "100", "stop_los": 9.5}, '"notional":"100","stop_loss":"9.5"}'),
        ({**TRADE, "notional": "100", "force": True}, '{"pair":"BTC-USDT","side":"buy","notional":"100"}'),
    ],
)
def test_a_wrong_call_is_answered_with_the_right_one(given: dict[str, Any], corrected: str) -> None:
    error = refusal("execute_trade", given)
    assert error.next_step.startswith("Nothing was done. The corrected call: execute_trade {")
    assert error.next_step.endswith(corrected)


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 10**400, -(10**400), 1e308], ids=("nan", "inf", "big", "small", "float")
)
def test_a_number_that_nobody_could_mean_is_not_written_out(value: float) -> None:
    assert '"quantity":"…"' in refusal("execute_trade", {**TRADE, "quantity": value}).next_step


def test_values_of_limits_are_text_as_well() -> None:
    error = refusal("set_guardrails", {"changes": {"account.orders_open_max": 5, "account.short_allowed": False}})
    assert error.next_step.endswith('{"changes":{"account.orders_open_max":"5","account.short_allowed":"false"}}')


@pytest.mark.parametrize(
    ("tool", "given"),
    [
        ("execute_trade", {}),
        ("execute_trade", {**TRADE, "side": "hold"}),
        ("execute_trade", {**TRADE, "preview": "yes"}),
        ("execute_trade", {**TRADE, "quantity": None}),
        ("execute_trade", {**TRADE, "quantity": ["1"]}),
        ("execute_trade", {**TRADE, "reason": "x" * 5_000}),
        ("execute_trade", {f"a{index}": 1 for index in range(60)}),
        ("get_events", {"limit": "5"}),
        ("get_events", {"kinds": "Latched"}),
        ("get_agent_status", {"verbose": True}),
        ("manage_pairs", {"action": "approve"}),
    ],
)
def test_whatever_else_is_wrong_is_said_in_one_sentence_with_the_arguments(tool: str, given: dict[str, Any]) -> None:
    error = refusal(tool, given)
    assert error.message
    assert error.next_step
    assert "\n" not in f"{error}"
    assert "Traceback" not in f"{error}"


def test_a_wrong_call_does_nothing_and_is_journaled(play: Play, era: str) -> None:
    async def story(world: World) -> None:
        await world.ready()
        async with connected(door_of(world), era) as assistant:
            told = await assistant.fails("execute_trade", pair=BTC, side="buy", quantity=0.5)
            assert (told["code"], told["retry_safe"]) == ("UsageInvalid", True)
            told = await assistant.fails("execute_trade", pair=BTC, side="buy", quantity=10**400)
            assert '"quantity":"…"' in told["next_step"]
            told = await assistant.fails("execute_trade", pair=BTC, side="buy", quantity="0,5")
            assert "is not an amount" in told["message"]
            wrong: tuple[tuple[str, dict[str, Any]], ...] = (
                ("cancel_order", {}),
                ("close_positions", {}),
                ("close_positions", {"pair": BTC, "all": True}),
                ("manage_pairs", {"action": "add"}),
                ("explain_decision", {}),
                ("explain_decision", {"seq": 10**9}),
                ("explain_decision", {"intent_id": "nobody"}),
                ("get_events", {"kinds": ["Everything"]}),
                ("get_events", {"cursor": "x"}),
                ("get_events", {"since": "yesterday"}),
                ("get_market_data", {"pair": "NO-SUCH"}),
                ("get_market_data", {"pair": BTC, "venue": "nowhere"}),
                ("get_guardrails", {"key": "nothing"}),
                ("set_guardrails", {"changes": {}}),
                ("set_guardrails", {"changes": {"account.nothing": "1"}}),
            )
            for tool, given in wrong:
                told = await assistant.fails(tool, **given)
                assert told["next_step"], tool
        events = world.events()
        assert not any(
            isinstance(event, e.IntentJudged | e.PolicyChanged | e.OrderCancelRequested) for event in events
        )
        called = [event.call_id for event in events if isinstance(event, e.ToolCalled)]
        assert called == [event.call_id for event in events if isinstance(event, e.ToolAnswered)]
        assert len(called) == 18

    play(story)

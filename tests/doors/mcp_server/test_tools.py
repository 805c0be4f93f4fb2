"""Every tool, asked by a real client in both eras: what it answers, and what it leaves in the journal."""

from functools import partial
from typing import Any

import pytest

from tests.desk.world import BTC, ETH, World
from tests.doors.mcp_server.conftest import Play, connected, door_of
from trading_mcp.core.domain import events as e
from trading_mcp.desk.moments import Moments
from trading_mcp.desk.queries import Since
from trading_mcp.doors.mcp_server.door import McpDoor
from trading_mcp.doors.mcp_server.replies import CHARACTERS_MAX
from trading_mcp.doors.mcp_server.schemas import ENVELOPE
from trading_mcp.doors.mcp_server.tools import TOOLS
from trading_mcp.place import Place, spelled, typed

# One good call of each tool, in an order in which they make sense.
STORY: tuple[tuple[str, dict[str, Any]], ...] = (
    ("get_agent_status", {}),
    ("get_market_data", {"pair": "btc_usdt"}),
    ("get_market_data", {"pair": "BTC-USDT", "kind": "order_book", "limit": 5}),
    ("get_market_data", {"pair": "BTC-USDT", "kind": "candles", "timeframe": "5m", "limit": 3}),
    ("get_signals", {"pairs": ["BTC-USDT", "AAPL"]}),
    ("execute_trade", {"pair": BTC, "side": "buy", "notional": "100", "intent_id": "one", "reason": "a test"}),
    ("execute_trade", {"pair": ETH, "side": "buy", "notional": "280", "intent_id": "two"}),
    ("get_portfolio", {}),
    ("get_open_orders", {"pair": BTC, "ended": True}),
    ("get_trade_history", {"pair": BTC, "text": "a test"}),
    ("get_pnl_report", {"group_by": "algorithm"}),
    ("get_events", {"intent_id": "one", "limit": 50}),
    ("explain_decision", {"intent_id": "one"}),
    ("get_proposals", {}),
    ("withdraw_proposal", {"proposal_id": "order/two", "reason": "not needed"}),
    ("cancel_order", {"all": True}),
    ("close_positions", {"pair": BTC}),
    ("get_guardrails", {"key": "orders_open"}),
    ("set_guardrails", {"changes": {"account.orders_open_max": "3"}, "reason": "calm"}),
    ("manage_pairs", {"action": "list"}),
    ("kill_switch", {"reason": "enough"}),
)


@pytest.mark.proves("T17")
def test_every_tool_answers_and_is_journaled_before_and_after(play: Play, era: str) -> None:
    assert {name for name, _ in STORY} == {tool.name for tool in TOOLS}
    told: dict[str, dict[str, Any]] = {}

    async def story(world: World) -> None:
        await world.ready()
        async with connected(door_of(world), era) as assistant:
            for name, arguments in STORY:
                told[name] = await assistant.calls(name, **arguments)
                assert set(ENVELOPE) <= told[name].keys()
        events = world.events()
        called = [event for event in events if isinstance(event, e.ToolCalled)]
        answered = [event for event in events if isinstance(event, e.ToolAnswered)]
        assert [event.tool for event in called] == [name for name, _ in STORY]
        assert [event.call_id for event in called] == [event.call_id for event in answered]
        assert all(event.size < CHARACTERS_MAX for event in answered)

    play(story)
    assert told["get_portfolio"]["positions"][0]["pair"] == BTC
    assert told["execute_trade"]["status"] == "awaiting_approval"
    assert told["get_trade_history"]["trades"][0]["intent_id"] == "one"
    assert told["get_proposals"]["proposals"][0]["id"] == "order/two"
    assert told["close_positions"]["done"]
    assert told["set_guardrails"]["status"] == "changed"
    assert told["kill_switch"]["trading_state"] == "HALTED"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"notional": "900"}, "ORDER_NOTIONAL_MAX"),
        ({"notional": "100", "stop_loss": "1"}, "STOP_DISTANCE_MAX"),
    ],
)
def test_a_refusal_is_an_answer_that_says_what_would_pass(play: Play, arguments: dict[str, str], code: str) -> None:
    async def story(world: World) -> None:
        await world.ready()
        async with connected(door_of(world)) as assistant:
            told = await assistant.calls("execute_trade", pair=BTC, side="buy", **arguments)
            assert (told["status"], told["retry_safe"]) == ("denied", True)
            found = {each["code"]: each for each in told["findings"]}
            assert found[code]["would_pass"]
            assert told["next_step"]
            why = await assistant.calls("explain_decision", intent_id=told["intent_id"])
            assert why["findings"] == told["findings"]

    play(story)


def test_after_a_kill_every_answer_says_why_nothing_moves_and_who_can_change_it(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        await world.trade()
        async with connected(door_of(world)) as assistant:
            told = await assistant.calls("kill_switch", reason="a test")
            assert (told["done"], told["trading_state"]) == (True, "HALTED")
            assert "signature" in told["next_step"]
            status = await assistant.calls("get_agent_status")
            assert any("KILL_SWITCH (a test)" in line for line in status["blocked"])
            trade = await assistant.calls("execute_trade", pair=ETH, side="buy", notional="100")
            assert (trade["status"], trade["findings"][0]["code"]) == ("denied", "STATE_HALTED")
            assert trade["findings"][0]["would_pass"]
            assert "trading-mcp resume" in trade["next_step"]
            close = await assistant.calls("close_positions", all=True)
            assert "HALTED" in " ".join(close["sentences"])
            assert (close["done"], "trading-mcp close --all" in close["next_step"]) == (False, True)
            assert world.held() > 0
            cancel = await assistant.calls("cancel_order", all=True)
            assert cancel["sentences"] == ["There is no entry order to cancel."]
            again = await assistant.calls("kill_switch", reason="a test")
            assert (again["done"], again["trading_state"]) == (True, "HALTED")

    play(story)


def test_while_halted_every_tool_tells_why_nothing_moves_and_what_the_owner_types(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        async with connected(door_of(world)) as assistant:
            before = await assistant.calls("get_agent_status")
            assert (before["trading_state"], before["state_reason"]) == ("ACTIVE", "")
            await assistant.calls("kill_switch", reason="a test")
            for name, arguments in STORY:
                result = await assistant.client.call_tool(name, arguments)
                told = result.structured_content
                assert told is not None
                reason = told["state_reason"]
                assert reason.startswith("KILL_SWITCH (a test). "), name
                assert f"{typed('resume')}" in reason
                assert f"{typed('close --all')}" in reason

    play(story)


def test_the_same_id_tells_the_whole_state_of_the_first(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        async with connected(door_of(world)) as assistant:
            trade = {"pair": BTC, "side": "buy", "notional": "100", "intent_id": "one"}
            first = await assistant.calls("execute_trade", **trade)
            await assistant.calls("execute_trade", pair=ETH, side="buy", notional="100", intent_id="two")
            again = await assistant.calls("execute_trade", **trade)
            assert first["status"] == "filled"
            assert first["order"]["average_price"]
            assert first["order"]["fee"]
            assert first["seq"]
            for field in ("status", "order", "seq", "findings"):
                assert again[field] == first[field]
            why = await assistant.calls("explain_decision", intent_id="one")
            assert why["seq"] == first["seq"]
            by_seq = await assistant.calls("explain_decision", seq=why["seq"])
            assert by_seq["subject"] == "one"

    play(story)


def test_the_journal_tells_what_happened_and_what_was_asked_only_where_that_is_named(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        async with connected(door_of(world)) as assistant:
            for _ in range(5):
                await assistant.calls("get_portfolio")
            told = await assistant.calls("get_events", limit=200)
            kinds = {each["kind"] for each in told["events"]}
            assert "Reconciled" in kinds
            assert not kinds & {"ToolCalled", "ToolAnswered"}
            asked = await assistant.calls("get_events", kinds=["ToolCalled"])
            assert [each["kind"] for each in asked["events"]] == ["ToolCalled"] * 7

    play(story)


def test_a_next_step_names_the_home_it_is_for(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        since = Since(started_at=world.clock.now())
        spell = partial(spelled, place=Place("other", "/homes/other"))
        async with connected(McpDoor(world.desk, Moments(world.desk, since), spell=spell)) as assistant:
            told = await assistant.calls("execute_trade", pair=ETH, side="buy", notional="280", intent_id="two")
            assert told["next_step"].endswith("trading-mcp approve --home other order/two")

    play(story)


def test_loosening_waits_for_the_owner_and_tightening_does_not(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        key = "market.crypto.order_notional_max"
        async with connected(door_of(world)) as assistant:
            told = await assistant.calls("set_guardrails", changes={key: "900"}, reason="more")
            assert told["status"] == "awaiting_approval"
            (change,) = told["changes"]
            assert (change["before"], change["after"], change["at_once"]) == ("500", "900", False)
            assert change["binds"] == key
            assert told["proposal_id"] in told["next_step"]
            told = await assistant.calls("set_guardrails", changes={key: "400"})
            assert (told["status"], told["changes"][0]["effective_after"]) == ("changed", "400")
            assert world.desk.book.policy.crypto.order_notional_max == 400
            waiting = await assistant.calls("get_proposals")
            assert [each["kind"] for each in waiting["proposals"]] == ["policy"]
            taken = await assistant.calls("withdraw_proposal", proposal_id=waiting["proposals"][0]["id"])
            assert taken["done"]
            after = await assistant.calls("get_proposals")
            assert (after["proposals"], after["ended"]) == ([], [])
            after = await assistant.calls("get_proposals", ended=True)
            assert [each["end"] for each in after["ended"]] == ["withdrawn"]
            gone = await assistant.calls("withdraw_proposal", proposal_id="nothing")
            assert not gone["done"]

    play(story)


def test_pairs_are_removed_at_once_and_added_by_the_owner(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        async with connected(door_of(world)) as assistant:
            told = await assistant.calls("manage_pairs", action="remove", pairs=["btc_usdt", "AAPL"])
            assert told["status"] == "changed"
            assert {each["pair"]: each["why_not"] for each in told["pairs"]}[BTC] == "blocked by the owner"
            trade = await assistant.calls("execute_trade", pair=BTC, side="buy", notional="100")
            assert [found["code"] for found in trade["findings"]][:1] == ["SYMBOL_NOT_APPROVED"]
            told = await assistant.calls("manage_pairs", action="add", pairs=[BTC, "PEPE-EUR"])
            assert told["status"] == "awaiting_approval"
            assert BTC in world.desk.book.policy.crypto.pairs_blocked
            again = await assistant.fails("manage_pairs", action="remove", pairs=[BTC])
            assert "Nothing would change" in again["message"]
            wrong = await assistant.fails("manage_pairs", action="remove", pairs=["no pair at all"])
            assert wrong["next_step"]
            known = await assistant.fails("manage_pairs", action="add", pairs=[ETH])
            assert "Nothing would change" in known["message"]

    play(story)

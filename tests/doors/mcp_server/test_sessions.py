"""One connection each: the same trade never twice, a client that goes away, garbage, and what nobody foresaw."""

import asyncio
import json
from typing import Any

import pytest
from mcp import types

from tests.desk.world import BTC, World
from tests.doors.mcp_server.conftest import Play, connected, door_of, wired
from trading_mcp.core.domain import events as e
from trading_mcp.desk import queries
from trading_mcp.link import LINE_MAX

HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "raw", "version": "1"},
    },
}
READY = {"jsonrpc": "2.0", "method": "notifications/initialized"}


def call(number: int, tool: str, **arguments: Any) -> dict[str, Any]:
    params = {"name": tool, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


def lines(*messages: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(message).encode() + b"\n" for message in messages)


def test_the_same_id_trades_once_and_says_how_the_first_stands(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        door = door_of(world)
        trade = {"pair": BTC, "side": "buy", "notional": "100", "intent_id": "one"}
        async with connected(door) as assistant:
            first = await assistant.calls("execute_trade", **trade)
            again = await assistant.calls("execute_trade", **trade)
            assert (first["status"], again["status"]) == ("filled", "filled")
            assert again["order"]["id"] == first["order"]["id"]
            other = await assistant.calls("execute_trade", **{**trade, "notional": "200"})
            assert other["status"] == "denied"
            assert "INTENT_CONFLICT" in [found["code"] for found in other["findings"]]
        assert sum(isinstance(event, e.OrderCleared) for event in world.events()) == 1

    play(story)


def test_identical_calls_without_an_id_are_one_trade_for_ten_seconds(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        trade = {"pair": BTC, "side": "buy", "notional": "100"}
        async with connected(door_of(world)) as assistant:
            first = await assistant.calls("execute_trade", **trade)
            again = await assistant.calls("execute_trade", **trade)
            assert (first["possible_duplicate"], again["possible_duplicate"]) == (False, True)
            assert again["intent_id"] == first["intent_id"]
            other = await assistant.calls("execute_trade", **{**trade, "notional": "101"})
            assert not other["possible_duplicate"]
            await asyncio.sleep(11)
            late = await assistant.calls("execute_trade", **trade)
            assert not late["possible_duplicate"]
            assert late["intent_id"] != first["intent_id"]

    play(story)


def test_a_preview_changes_nothing(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        async with connected(door_of(world)) as assistant:
            told = await assistant.calls("execute_trade", pair=BTC, side="buy", notional="100", preview=True)
            assert (told["status"], told["findings"], told["retry_safe"]) == ("preview", [], True)
            assert world.desk.book.intent(told["intent_id"]) is None
        assert not any(isinstance(event, e.IntentJudged) for event in world.events())

    play(story)


@pytest.mark.parametrize("turns", range(12))
def test_a_client_that_goes_away_at_any_moment_loses_only_the_answer(play: Play, turns: int) -> None:
    async def story(world: World) -> None:
        await world.ready()
        door = door_of(world)
        trade = call(2, "execute_trade", pair=BTC, side="buy", notional="100", intent_id="lost")
        async with wired(door) as (_, writer):
            writer.write(lines(HELLO, READY, trade))
            for _ in range(turns):
                await asyncio.sleep(0)
            writer.close()
        await door.close()
        async with connected(door) as assistant:
            found = await assistant.calls("get_events", intent_id="lost", limit=50)
        kinds = [each["kind"] for each in found["events"]]
        if "ToolCalled" in [type(event).__name__ for event in world.events()][:-2]:
            assert world.desk.book.intent("lost") is not None
            assert "IntentJudged" in kinds
            assert world.held() > 0
        called = [event.call_id for event in world.events() if isinstance(event, e.ToolCalled)]
        assert called == [event.call_id for event in world.events() if isinstance(event, e.ToolAnswered)]

    play(story)


def test_a_cancelled_call_finishes_all_the_same(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        door = door_of(world)
        trade = call(2, "execute_trade", pair=BTC, side="buy", notional="100", intent_id="lost")
        cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 2}}
        async with wired(door) as (reader, writer):
            writer.write(lines(HELLO, READY, trade))
            await reader.readline()
            await world.until(lambda: world.desk.book.intent("lost") is not None)
            writer.write(lines(cancel))
            await world.until(lambda: world.held() > 0)
        await door.close()
        assert any(isinstance(event, e.ToolAnswered) and event.status == "filled" for event in world.events())

    play(story)


def test_what_was_asked_before_the_last_word_is_answered(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        async with wired(door_of(world)) as (reader, writer):
            trade = call(3, "execute_trade", pair=BTC, side="buy", notional="100")
            writer.write(lines(HELLO, READY, call(2, "get_agent_status"), trade))
            writer.write_eof()
            answers = [json.loads(line) async for line in reader]
        assert sorted(answer["id"] for answer in answers) == [1, 2, 3]

    play(story)


@pytest.mark.parametrize(
    "garbage", [b"hello\n", b"[]\n", b'{"jsonrpc":"2.0"}\n', b"\xff\xfe\n", b"[" * 5_000 + b"\n", b"\n"]
)
def test_garbage_is_answered_with_a_sentence_and_the_session_goes_on(play: Play, garbage: bytes) -> None:
    async def story(world: World) -> None:
        await world.ready()
        async with wired(door_of(world)) as (reader, writer):
            writer.write(lines(HELLO) + garbage + lines(READY, call(2, "get_agent_status")))
            writer.write_eof()
            answers = [json.loads(line) async for line in reader]
        assert {1, 2} <= {answer["id"] for answer in answers}
        errors = [answer["error"] for answer in answers if "error" in answer]
        assert [error["code"] for error in errors] == ([types.PARSE_ERROR] if garbage.strip() else [])

    play(story)


def test_a_line_that_is_too_long_is_refused_in_a_sentence_and_the_session_goes_on(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        door = door_of(world)
        async with wired(door) as (reader, writer):
            writer.write(lines(HELLO))
            writer.write(b"x" * (8 * LINE_MAX) + b"\n" + lines(READY, call(2, "get_agent_status")))
            writer.write_eof()
            answers = [json.loads(line) async for line in reader]
        assert [answer["id"] for answer in answers] == [1, None, 2]
        assert "longer than 1,048,576 bytes" in answers[1]["error"]["message"]
        async with connected(door) as assistant:
            assert (await assistant.calls("get_agent_status"))["trading_state"] == "ACTIVE"

    play(story)


def test_what_nobody_foresaw_is_one_sentence_with_a_reference(
    play: Play, era: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError("a secret inside")

    async def story(world: World) -> None:
        await world.ready()
        async with connected(door_of(world), era) as assistant:
            with monkeypatch.context() as patch:
                patch.setattr(queries, "status", broken)
                told = await assistant.fails("get_agent_status")
            assert "the reference is mcp-" in told["message"]
            assert "secret" not in json.dumps(told)
            assert not told["retry_safe"]
            assert (await assistant.calls("get_agent_status"))["trading_state"] == "ACTIVE"

    play(story)


def test_every_session_has_a_name_of_its_own_and_keeps_it(play: Play, era: str) -> None:
    async def story(world: World) -> None:
        await world.ready()
        door = door_of(world)
        async with connected(door, era) as one, connected(door, era) as two:
            for _ in range(3):
                await one.calls("get_agent_status")
                await two.calls("get_portfolio")
        called = [event for event in world.events() if isinstance(event, e.ToolCalled)]
        assert {(event.session, event.tool) for event in called} == {
            ("s1", "get_agent_status"),
            ("s2", "get_portfolio"),
        }
        assert len({event.client for event in called}) == 1

    play(story)

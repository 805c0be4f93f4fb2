"""Every tool's arguments from its own schema and far beyond: one sentence each time, never an order, no crash."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.desk.world import policy_with
from tests.doors.mcp_server.conftest import door_of
from tests.security.auditor import Auditor
from tests.security.wire import Ready, Watched, lived, raw, said
from trading_mcp.core.domain import events as e
from trading_mcp.doors.mcp_server.schemas import input_schema
from trading_mcp.doors.mcp_server.tools import TOOLS

Sampled = Callable[[int], tuple[random.Random, int]]
SCHEMAS: Final = {tool.name: input_schema(tool.arguments) for tool in TOOLS}
TEXTS: Final = (
    *("", "a", "BTC-USDT", "NaN", "-0", "1e400", "\u0661\u0662", "\uff11\uff10\uff10", "9" * 3_000, "\x00", "\ud800"),
    *("0." + "0" * 900 + "1", "all", "null", "x" * 5_000, "2026-13-45", "{}", "\u202egnp", "2026-11-21", "a/b", " "),
    *(
        "\x1b]0;t\x07",
        "1" + "0" * 400,
        "-1",
        "+1",
        "1_0",
        "\u0660",
        "\u2167",
        "\u00bd",
        "1\n2",
        "0x1F",
        "true",
        "\U0001d7cf\U0001d7ce",
        "$1",
        "1,5",
    ),
)
(TRADE,) = (tool for tool in TOOLS if tool.name == "execute_trade")
LIKELY: Final = ("BTC-USDT", "100", "200", "0.001", "", "ETH-USDT", "paper", "auto")
NUMBERS: Final = (0, -1, 1, 200, 10**9, 2**63, -(2**63) - 1, 10**400, 1.5, -0.0, 1e308, 5e-324)
# What Python writes and JSON does not know, what no parser should follow, and keys that come twice.
LITERALS: Final = (
    "NaN",
    "-Infinity",
    "1e999",
    "-1E-9999",
    "[" * 500 + "]" * 500,
    "[" * 100_000,
    '{"a":' * 3_000,
    "01",
    "'",
)
DEEP: Final = 200


class Drawn:
    """Draws arguments: right ones, wrong ones, and what is not JSON at all."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def arguments(self, tool: str) -> Any:
        rng, schema = self.rng, SCHEMAS[tool]
        required = schema.get("required", [])
        often, right = rng.choice((0.1, 0.4, 0.9)), rng.choice((0.8, 1))
        given = {
            name: self.value(part) if rng.random() < right else self.anything(3)
            for name, part in schema["properties"].items()
            if name in required or rng.random() < often
        }
        if rng.random() < 0.15 and right < 1:
            given[rng.choice(("force", "confirm", "\ud800", "", "x" * 3_000, "__proto__", "p\u0430ir"))] = (
                self.anything(2)
            )
        if given and right < 1 and rng.random() < 0.1:
            given.pop(rng.choice(tuple(given)))
        return given if rng.random() < 0.95 else rng.choice(([], "text", 5, None, [given]))

    def value(self, part: dict[str, Any]) -> Any:
        """Draw what a part of a schema allows."""
        rng = self.rng
        if "anyOf" in part:
            return self.value(rng.choice(part["anyOf"]))
        if "enum" in part:
            return rng.choice(part["enum"])
        match part.get("type"):
            case "string":
                return rng.choice(TEXTS if rng.random() < 0.3 else LIKELY)
            case "integer":
                return rng.choice(NUMBERS[:8])
            case "boolean":
                return rng.random() < 0.5
            case "array":
                return [self.value(part.get("items", {})) for _ in range(rng.choice((0, 1, 3, 60, 2_000)))]
            case "object":
                return {rng.choice(TEXTS): rng.choice(TEXTS) for _ in range(rng.choice((0, 1, 3, 60)))}
            case _:
                return None

    def anything(self, depth: int) -> Any:
        rng = self.rng
        if depth and rng.random() < 0.3:
            if rng.random() < 0.5:
                return [self.anything(depth - 1) for _ in range(rng.choice((0, 2, 5)))]
            return {rng.choice(TEXTS): self.anything(depth - 1) for _ in range(rng.choice((0, 2, 5)))}
        deep: Any = []
        for _ in range(DEEP):
            deep = [deep]
        return rng.choice((*TEXTS, *NUMBERS, None, True, False, deep, ["x"] * 5_000))


def test_no_arguments_bring_an_order_or_a_traceback(
    tmp_path: Path, sampled: Sampled, record_property: Callable[[str, object], None]
) -> None:
    rng, count = sampled(1_500)
    drawn = Drawn(rng)
    codes: dict[str, int] = {}

    async def story(world: Watched, _: Ready) -> None:
        await world.ready()
        door, auditor = door_of(world), Auditor(world)
        async with raw(door) as client:
            await client.hello()
            for number in range(count):
                tool = TRADE if number % 3 == 0 else TOOLS[number % len(TOOLS)]
                if tool.name == "kill_switch":
                    continue  # it takes any reason, and would end what is worth fuzzing
                body = said(await client.answer(client.send_call(tool.name, drawn.arguments(tool.name))))
                code = (
                    "protocol" if "protocol" in body else body.get("error", {"code": body.get("status", "")})["code"]
                )
                codes[code] = codes.get(code, 0) + 1
        await door.close()
        auditor.require_whole()
        assert not any(isinstance(event, e.OrderCleared) for event in world.events())

    # With these limits a well-formed trade waits for the owner: whatever is cleared was forced through.
    lived(tmp_path, story, policy=policy_with(approval_always="true"))
    record_property("sampled", f"of which {codes}")
    assert codes["UsageInvalid"] > count // 6
    # Some came as far as the gate.
    assert codes.get("denied", 0) + codes.get("awaiting_approval", 0) > 0


@pytest.mark.parametrize("literal", LITERALS, ids=range(len(LITERALS)))
def test_what_is_hardly_json_is_answered_and_the_next_call_as_well(literal: str, tmp_path: Path) -> None:
    async def story(world: Watched, _: Ready) -> None:
        await world.ready()
        door = door_of(world)
        head = '{"jsonrpc":"2.0","id":"odd","method":"tools/call","params":{"name":"execute_trade","arguments":'
        async with raw(door) as client:
            await client.hello()
            client.line(f'{head}{{"pair":"BTC-USDT","side":"buy","quantity":{literal}}}}}}}')
            asked = client.send_call("get_agent_status", {})
            told = {
                answer["id"]: said(answer) for answer in [json.loads(await client.reader.readline()) for _ in "ab"]
            }
            assert told.pop(asked)["trading_state"] == "ACTIVE"
            ((whose, body),) = told.items()
            assert "protocol" in body or body["error"]["code"] == "UsageInvalid"
            assert whose in ("odd", None)
        await door.close()
        assert not world.venue.asked

    lived(tmp_path, story)


@pytest.mark.parametrize("text", ['"\\ud800"', '{"pair":"\\udfff"}', '"a\\ud83d"'])
def test_a_line_that_is_no_message_is_answered_under_its_id_where_it_has_one(text: str, tmp_path: Path) -> None:
    async def story(world: Watched, _: Ready) -> None:
        await world.ready()
        door = door_of(world)
        async with raw(door) as client:
            await client.hello()
            client.line(
                f'{{"jsonrpc":"2.0","id":"mine","method":"tools/call","params":{{"name":"x","arguments":{text}}}}}'
            )
            assert (await client.answer("mine"))["error"]["message"]
        await door.close()

    lived(tmp_path, story)


def test_a_key_that_comes_twice_counts_once(tmp_path: Path) -> None:
    async def story(world: Watched, _: Ready) -> None:
        await world.ready()
        door = door_of(world)
        async with raw(door) as client:
            await client.hello()
            client.line(
                '{"jsonrpc":"2.0","id":"twice","method":"tools/call","params":{"name":"execute_trade","arguments":'
                '{"pair":"BTC-USDT","side":"buy","notional":"100","notional":"90000","notional":"100"}}}'
            )
            assert said(await client.answer("twice"))["status"] == "filled"
        await door.close()
        auditor = Auditor(world)
        auditor.require_whole()

    lived(tmp_path, story)

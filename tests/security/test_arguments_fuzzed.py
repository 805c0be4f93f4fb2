"""Every tool's arguments from its own schema and far beyond: one sentence each time, never an order, no crash."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.desk.world import policy_with
from tests.doors.mcp_server.conftest import door_of
from tests.security.attacker import RIGHT, Attacker
from tests.security.auditor import Auditor
from tests.security.wire import HANDSHAKE, MODERN, Raw, Ready, Watched, assisted, lived, raw, said
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
# The share of calls that somebody could mean; the others are far from it.
NEAR: Final = 0.65
CALLS_EACH: Final = 500
WIDE: Final = str.maketrans("0123456789", "".join(chr(0xFF10 + digit) for digit in range(10)))


class Drawn:
    """Draws arguments: nearly right ones, wrong ones, and what no schema knows."""

    def __init__(self, rng: random.Random, world: Watched) -> None:
        self.rng, self.world = rng, world
        self.attacker = Attacker(rng, world, "f")

    def arguments(self, tool: str) -> Any:
        return self.near(tool) if self.rng.random() < NEAR else self.beyond(tool)

    def near(self, tool: str) -> Any:
        """Draw a call that somebody could mean, and then bend at most two of its texts a little."""
        rng, schema = self.rng, SCHEMAS[tool]["properties"]
        given = self.attacker.trade()[1] if tool == TRADE.name else dict(RIGHT.get(tool, {}))
        if tool == "withdraw_proposal" and self.world.desk.book.proposals:
            given["proposal_id"] = rng.choice(tuple(self.world.desk.book.proposals))
        bendable = [name for name, value in given.items() if isinstance(value, str)]
        for name in rng.sample(bendable, min(len(bendable), rng.choice((0, 0, 1, 1, 2)))):
            if "enum" not in schema.get(name, {}) or rng.random() < 0.1:
                given[name] = self.bent(given[name])
        return given

    def bent(self, text: str) -> str:
        """Change a text where somebody who writes in a hurry does, or somebody who looks for a gap."""
        rng, at = self.rng, self.rng.randrange(len(text) + 1)
        return rng.choice(
            (
                text[:at] + rng.choice("0123456789.-+eE_, %/\u0660\x00\n") + text[at:],
                text[:at] + text[at + 1 :],
                text[:at] + text[at : at + 2][::-1] + text[at + 2 :],
                text + "0" * rng.choice((1, 9, 40)),
                "0" * rng.choice((1, 9, 40)) + text,
                text.swapcase(),
                text.translate(WIDE),
                text * 2,
                f" {text} ",
                rng.choice(TEXTS),
            )
        )

    def beyond(self, tool: str) -> Any:
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


class Fuzz:
    """One life of a desk that two clients, one of each era, tell whatever is drawn."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.codes: Counter[str] = Counter()
        self.trades = self.judged = self.calls = self.decided = 0
        self.found: set[str] = set()

    async def story(self, world: Watched, _: Ready) -> None:
        await world.ready()
        door, auditor, drawn = door_of(world), Auditor(world), Drawn(self.rng, world)
        async with raw(door, MODERN) as newer, raw(door, HANDSHAKE) as older:
            for number in range(CALLS_EACH):
                tool = TRADE if number % 3 == 0 else TOOLS[number % len(TOOLS)]
                if tool.name == "kill_switch":
                    continue  # it takes any reason, and would end what is worth fuzzing
                client = newer if self.rng.random() < 0.5 else older
                body = said(await client.answer(client.send_call(tool.name, drawn.arguments(tool.name))))
                self._count(tool is TRADE, body)
                await asyncio.sleep(self.rng.choice((*[0] * 9, 30)))
        await door.close()
        auditor.require_whole()
        assert not any(isinstance(event, e.OrderCleared) for event in world.events())
        self.decided = sum(isinstance(event, e.ToolAnswered) and bool(event.caused) for event in world.events())

    def _count(self, is_trade: bool, body: dict[str, Any]) -> None:
        self.calls += 1
        self.codes["protocol" if "protocol" in body else body.get("error", {}).get("code", "answered")] += 1
        if is_trade:
            self.trades += 1
            self.judged += body.get("status") in ("denied", "awaiting_approval", "preview")
            self.found |= {found["code"] for found in body.get("findings", ())}


@pytest.mark.slow
def test_no_arguments_bring_an_order_or_a_traceback(
    tmp_path: Path, sampled: Sampled, record_property: Callable[[str, object], None]
) -> None:
    rng, count = sampled(1_500)
    lives: list[Fuzz] = []
    for number in range(count // CALLS_EACH):
        fuzz = Fuzz(random.Random(rng.random()))
        place = tmp_path / str(number)
        place.mkdir()
        # With these limits a well-formed trade waits for the owner: whatever is cleared was forced through.
        lived(place, fuzz.story, policy=policy_with(approval_always="true"))
        lives.append(fuzz)
    calls, trades, judged, decided = (
        sum(getattr(fuzz, name) for fuzz in lives) for name in ("calls", "trades", "judged", "decided")
    )
    codes = sum((fuzz.codes for fuzz in lives), start=Counter[str]())
    found = set[str]().union(*(fuzz.found for fuzz in lives))
    record_property(
        "sampled",
        f"the gate judged {judged / trades:.0%} of {trades:,} trades by {len(found)} codes; "
        f"{decided / calls:.0%} of {calls:,} calls were decided upon; {dict(codes)}",
    )
    assert judged > trades // 3
    assert codes["UsageInvalid"] + codes["protocol"] > calls // 6


@pytest.mark.parametrize("literal", LITERALS, ids=range(len(LITERALS)))
def test_what_is_hardly_json_is_answered_and_the_next_call_as_well(literal: str, era: str, tmp_path: Path) -> None:
    async def told(world: Watched, client: Raw) -> None:
        client.send_text("odd", "execute_trade", f'{{"pair":"BTC-USDT","side":"buy","quantity":{literal}}}')
        asked = client.send_call("get_agent_status", {})
        heard = {answer["id"]: said(answer) for answer in [json.loads(await client.reader.readline()) for _ in "ab"]}
        assert heard.pop(asked)["trading_state"] == "ACTIVE"
        ((whose, body),) = heard.items()
        assert "protocol" in body or body["error"]["code"] == "UsageInvalid"
        assert whose in ("odd", None)
        assert not world.venue.asked

    assisted(tmp_path, era, told)


@pytest.mark.parametrize("text", ['"\\ud800"', '{"pair":"\\udfff"}', '"a\\ud83d"'])
def test_a_line_that_is_no_message_is_answered_under_its_id_where_it_has_one(
    text: str, era: str, tmp_path: Path
) -> None:
    async def told(_: Watched, client: Raw) -> None:
        client.send_text("mine", "x", text)
        assert (await client.answer("mine"))["error"]["message"]

    assisted(tmp_path, era, told)


def test_a_key_that_comes_twice_counts_once(era: str, tmp_path: Path) -> None:
    async def told(world: Watched, client: Raw) -> None:
        client.send_text(
            "twice",
            "execute_trade",
            '{"pair":"BTC-USDT","side":"buy","notional":"100","notional":"90000","notional":"100"}',
        )
        assert said(await client.answer("twice"))["status"] == "filled"
        Auditor(world).require_whole()

    assisted(tmp_path, era, told)

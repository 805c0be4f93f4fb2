"""Resources: what is read by address, journaled as a call, and only where the tool that tells the same is."""

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from mcp import Client, MCPError, types

from tests.desk.world import BTC, World
from tests.doors.mcp_server.conftest import Play, connected, door_of, wired
from tests.doors.mcp_server.test_sessions import HELLO, READY, lines
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.latches import TradingState
from trading_mcp.doors.mcp_server.prompts import PROMPTS
from trading_mcp.doors.mcp_server.resources import ADDRESS_MAX, RESOURCES
from trading_mcp.doors.mcp_server.schemas import ENVELOPE


async def told(client: Client, uri: str) -> dict[str, Any]:
    """What stands at an address, as a client reads it."""
    (content,) = (await client.read_resource(uri)).contents
    assert isinstance(content, types.TextResourceContents)
    assert (content.uri, content.mime_type) == (uri, "application/json")
    found = json.loads(content.text)
    assert set(ENVELOPE) <= found.keys()
    return found


@pytest.mark.proves("T17")
def test_every_resource_is_listed_read_and_journaled_before_and_after(play: Play, era: str) -> None:
    async def story(world: World) -> None:
        await world.ready()
        async with connected(door_of(world), era) as assistant:
            client = assistant.client
            listed = [each.uri for each in (await client.list_resources()).resources]
            templates = [each.uri_template for each in (await client.list_resource_templates()).resource_templates]
            assert listed + templates == [each.template for each in RESOURCES]
            await assistant.calls("execute_trade", pair=BTC, side="buy", notional="280", intent_id="one")
            before = len(world.events())
            assert (await told(client, "desk://status"))["proposals_open"] == 1
            assert (await told(client, "desk://policy"))["limits"]
            assert (await told(client, "desk://positions"))["cash"]
            for uri in ("desk://proposals/order/one", "desk://proposals/order%2Fone"):
                assert [each["id"] for each in (await told(client, uri))["proposals"]] == ["order/one"]
            assert (await told(client, "desk://journal/1"))["kind"] == "DeskCreated"
        after = world.events()[before:]
        called = [event for event in after if isinstance(event, e.ToolCalled)]
        answered = [event for event in after if isinstance(event, e.ToolAnswered)]
        assert [event.tool for event in called] == [
            "desk://status",
            "desk://policy",
            "desk://positions",
            "desk://proposals/{id}",
            "desk://proposals/{id}",
            "desk://journal/{seq}",
        ]
        assert [event.call_id for event in called] == [event.call_id for event in answered]
        assert json.loads(called[3].arguments) == {"id": "order/one"}

    play(story)


def test_a_proposal_that_has_ended_still_tells_how(play: Play, era: str) -> None:
    async def story(world: World) -> None:
        await world.ready()
        async with connected(door_of(world), era) as assistant:
            await assistant.calls("execute_trade", pair=BTC, side="buy", notional="280", intent_id="one")
            await assistant.calls("withdraw_proposal", proposal_id="order/one")
            found = await told(assistant.client, "desk://proposals/order/one")
            assert found["proposals"] == []
            assert [(each["id"], each["end"]) for each in found["ended"]] == [("order/one", "withdrawn")]

    play(story)


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("desk://nothing", "desk://journal/{seq}"),
        ("desk://proposals/", "There are:"),
        ("desk://proposals/none", "get_proposals"),
        ("desk://journal/0", "The journal goes from 1 to"),
        ("desk://journal/١", "is no entry's number"),  # noqa: RUF001 - a digit that only looks like one
        ("desk://journal/9" + "9" * 20, "is no entry's number"),
        ("file:///etc/passwd", "There are:"),
        ("desk://status/../policy", "There are:"),
        ("desk://proposals/" + "x" * ADDRESS_MAX, "There are:"),
    ],
)
def test_an_address_that_means_nothing_is_refused_with_what_would_pass(
    play: Play, era: str, uri: str, says: str
) -> None:
    async def story(world: World) -> None:
        await world.ready()
        async with connected(door_of(world), era) as assistant:
            with pytest.raises(MCPError) as refused:
                await assistant.client.read_resource(uri)
            assert refused.value.code == types.INVALID_PARAMS
            assert says in refused.value.message
            assert refused.value.data == {"uri": uri[:ADDRESS_MAX]} or len(uri) > ADDRESS_MAX
            assert (await assistant.calls("get_agent_status"))["trading_state"] == "ACTIVE"

    play(story)


def test_a_connection_reads_nothing_that_its_tools_would_not_tell(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        async with connected(door_of(world), tools=["get_guardrails"]) as assistant:
            listed = await assistant.client.list_resources()
            assert [each.uri for each in listed.resources] == ["desk://policy"]
            assert (await assistant.client.list_resource_templates()).resource_templates == []
            with pytest.raises(MCPError, match="There is no desk://positions here"):
                await assistant.client.read_resource("desk://positions")
            assert (await assistant.client.list_prompts()).prompts == []

    play(story)


PIECES = (
    *(
        "desk://",
        "proposals/",
        "journal/",
        "status",
        "policy",
        "order/",
        "%2F",
        "%00",
        "%ff",
        "{id}",
        "..",
        "/",
        "?x=1",
    ),
    *("1", "0", "-1", "9" * 30, "１", "\u0000", "\u202e", "é", "𝟙", " ", "", '"', "x" * 400, "mem://", "BTC-USDT"),  # noqa: RUF001
)


def test_whatever_is_asked_for_is_answered_or_refused(
    play: Play, sampled: Callable[[int], tuple[random.Random, int]]
) -> None:
    rng, count = sampled(400)

    def word() -> str:
        return "".join(rng.choices(PIECES, k=rng.randint(0, 4)))

    def request(number: int) -> dict[str, Any]:
        prompt = rng.choice((*(each.name for each in PROMPTS), word()))
        argument = rng.choice(("pair", "intent_id", "since", "id", "seq", word()))
        uri = rng.choice((*(each.template for each in RESOURCES), word()))
        ref = rng.choice(({"type": "ref/prompt", "name": prompt}, {"type": "ref/resource", "uri": uri}))
        method, params = rng.choice(
            (
                ("resources/read", {"uri": word()}),
                ("resources/subscribe", {"uri": word()}),
                ("prompts/get", {"name": prompt, "arguments": {argument: word()}}),
                ("completion/complete", {"ref": ref, "argument": {"name": argument, "value": word()}}),
            )
        )
        return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}

    async def story(world: World) -> None:
        await world.ready()
        async with wired(door_of(world)) as (reader, writer):
            writer.write(lines(HELLO, READY))
            await reader.readline()
            for number in range(2, count + 2):
                asked = request(number)
                writer.write(lines(asked))
                answer = json.loads(await reader.readline())
                assert answer["id"] == number
                assert "result" in answer or answer["error"]["code"] == types.INVALID_PARAMS, (asked, answer)
                assert "Traceback" not in json.dumps(answer)
        assert world.desk.book.account_state is TradingState.ACTIVE

    play(story)

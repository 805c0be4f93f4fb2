"""Resources: what is read by address, journaled as a call, and only where the tool that tells the same is."""

import json
from typing import Any

import pytest
from mcp import Client, MCPError, types

from tests.desk.world import BTC, World
from tests.doors.mcp_server.conftest import Play, connected, door_of
from trading_mcp.core.domain import events as e
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
            assert (await told(client, "desk://proposals/order/one"))["id"] == "order/one"
            assert (await told(client, "desk://proposals/order%2Fone"))["id"] == "order/one"
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

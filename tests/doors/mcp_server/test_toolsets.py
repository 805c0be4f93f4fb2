"""Which tools a connection has: what its flags name, never more than the ceiling, and no name that is not known."""

from typing import Any

import pytest
from mcp.shared.exceptions import MCPError

from tests.desk.world import BTC, World
from tests.doors.mcp_server.conftest import Play, connected, door_of
from trading_mcp.doors.mcp_server.tools import TOOLS
from trading_mcp.doors.mcp_server.toolsets import chosen
from trading_mcp.errors import UsageInvalid


def named(flags: dict[str, Any]) -> list[str]:
    return [tool.name for tool in chosen(TOOLS, flags)]


@pytest.mark.parametrize(
    ("flags", "tools"),
    [
        ({"toolsets": "market"}, ["get_market_data", "get_signals"]),
        ({"toolsets": ["market"], "tools": ["get_portfolio"]}, ["get_portfolio", "get_market_data", "get_signals"]),
        ({"toolsets": "market", "exclude_tools": "get_signals"}, ["get_market_data"]),
        ({"tools": "get_events, kill_switch"}, ["kill_switch", "get_events"]),
        ({"tools": "get_events, kill_switch", "read_only": True}, ["get_events"]),
    ],
)
def test_flags_choose(flags: dict[str, Any], tools: list[str]) -> None:
    assert named(flags) == tools


def test_without_flags_there_are_all_and_read_only_leaves_what_reads() -> None:
    assert named({}) == [tool.name for tool in TOOLS]
    assert named({"read_only": False, "toolsets": "", "tools": [], "exclude_tools": ""}) == named({})
    assert named({"read_only": True}) == [tool.name for tool in TOOLS if tool.reads]


@pytest.mark.parametrize(
    "flags",
    [
        {"toolsets": "lok"},
        {"tools": "get_everything"},
        {"exclude_tools": "execute_trades"},
        {"tools": [1]},
        {"read_only": "yes"},
        {"readonly": True},
        {"tools": "execute_trade", "read_only": True},
    ],
)
def test_what_is_not_known_is_an_error_that_says_what_is(flags: dict[str, Any]) -> None:
    with pytest.raises(UsageInvalid) as caught:
        named(flags)
    assert caught.value.next_step


def test_a_near_name_is_suggested() -> None:
    with pytest.raises(UsageInvalid, match="Did you mean execute_trade\\?"):
        named({"exclude_tools": "execute_trades"})


def test_a_tool_that_a_connection_has_not_is_not_listed_and_cannot_be_called(play: Play, era: str) -> None:
    async def story(world: World) -> None:
        await world.ready()
        door = door_of(world)
        async with connected(door, era, read_only=True) as assistant:
            listed = await assistant.client.list_tools()
            assert {tool.name for tool in listed.tools} == {tool.name for tool in TOOLS if tool.reads}
            with pytest.raises(MCPError, match="There is no tool execute_trade here"):
                await assistant.client.call_tool("execute_trade", {"pair": BTC, "side": "buy", "notional": "100"})
        async with connected(door, era) as assistant:
            assert len((await assistant.client.list_tools()).tools) == len(TOOLS)
        assert not world.held()

    play(story)


def test_no_connection_reaches_beyond_the_owners_ceiling(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        door = door_of(world, {"read_only": True})
        async with connected(door) as assistant:
            assert all(tool.annotations.read_only_hint for tool in (await assistant.client.list_tools()).tools)  # pyright: ignore[reportOptionalMemberAccess]
        with pytest.raises(UsageInvalid, match="There is no tool execute_trade"):
            door.require({"tools": "execute_trade"})
        assert door.server({}) is door.server({"exclude_tools": ""})

    play(story)

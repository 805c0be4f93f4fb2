"""A connection: both eras, the tools it gets, what is journaled of a call, and garbage on the line."""

from tests.desk.world import World
from tests.doors.mcp_server.conftest import Play, connected, door_of
from trading_mcp.core.domain import events as e


def test_an_assistant_asks_how_the_desk_stands(play: Play, era: str) -> None:
    async def story(world: World) -> None:
        await world.ready()
        async with connected(door_of(world), era) as assistant:
            told = await assistant.calls("get_agent_status")
        assert (told["mode"], told["venue"], told["trading_state"]) == ("SIMULATED", "paper", "ACTIVE")
        assert told["as_of"].endswith("Z")
        assert told["started_at"].startswith("2026-")
        called = next(event for event in world.events() if isinstance(event, e.ToolCalled))
        answered = next(event for event in world.events() if isinstance(event, e.ToolAnswered))
        assert (called.tool, called.door.value, called.session) == ("get_agent_status", "mcp", "s1")
        assert (answered.call_id, answered.status) == (called.call_id, "answered")

    play(story)

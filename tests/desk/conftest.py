"""A world for every test, on a loop of its own where no time is spent."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.desk.world import World
from tests.simulation.virtual import Jumping, VirtualLoop, run
from trading_mcp.core.domain.money import exactly

Story = Callable[[World], Coroutine[Any, Any, None]]
Play = Callable[..., World]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """`play(story, **of_the_world)`: live through a story; whatever it broke on the way fails the test."""

    def played(story: Story, selector: Jumping | None = None, **given: Any) -> World:
        loop = VirtualLoop(selector)
        asyncio.set_event_loop(loop)
        world = World(loop, tmp_path, **given)

        async def whole() -> None:
            await story(world)
            await world.crash()

        with exactly():
            run(loop, whole())
        world.require()
        world.require_chain()
        return world

    return played

"""What keeps a desk open that nobody is talking to: whatever only it can watch, finish or answer."""

from typing import Any

import pytest
from msgspec.structs import replace

from tests.desk.conftest import Play, play
from tests.desk.world import World
from trading_mcp.core.domain.home import Mode
from trading_mcp.desk.opening import needed_for

__all__ = ["play"]


def test_a_position_keeps_a_desk_open_only_where_it_is_live(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        assert needed_for(desk.book) == ""
        await world.trade()
        assert desk.book.portfolio.positions
        assert needed_for(desk.book) == ""
        live = replace(desk.book, home=replace(desk.book.home, mode=Mode.LIVE))
        assert needed_for(live) == "a live position is open"

    play(story)


class Enabled:
    def __init__(self, *, enabled: bool) -> None:
        self.enabled = enabled


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ("working", "an order works, or nobody knows what became of it"),
        ("protections", "it watches exits"),
        ("closings", "it closes a position"),
        ("proposals", "a proposal waits"),
        ("changes", "a proposal waits"),
    ],
)
def test_each_part_of_the_book_that_waits_is_named(play: Play, part: str, says: str) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        waiting: dict[str, Any] = {part: {"one": "whatever it is"}}
        assert needed_for(replace(desk.book, **waiting)) == says

    play(story)


def test_an_algorithm_needs_it_while_it_is_enabled(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        for enabled, says in ((True, "an algorithm is enabled"), (False, "")):
            algorithms: dict[str, Any] = {"one": Enabled(enabled=enabled)}
            assert needed_for(replace(desk.book, algorithms=algorithms)) == says

    play(story)

"""Why nothing moves and what the owner can do: the account comes first, and a free desk says nothing."""

from tests.desk.conftest import Play
from tests.desk.world import World
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.latches import Latch, Scope, ScopeKind, TradingState
from trading_mcp.core.domain.orders import Door
from trading_mcp.core.domain.verdict import Code
from trading_mcp.desk.standing import cause, way_out


def test_what_is_said_is_of_the_strictest_latch_of_the_account_before_any_other(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        assert (cause(desk.book), way_out(desk.book)) == ("", "")
        venue = Scope(kind=ScopeKind.VENUE, name="paper")
        latch = Latch(scope=venue, state=TradingState.FROZEN, code=Code.RECONCILIATION_DIFFERENCE, reason="x", at=0)
        await desk.handle(c.AddLatch(latch=latch))
        assert cause(desk.book) == "", "the account itself is free"
        assert way_out(desk.book).endswith("trading-mcp resume --scope venue/paper")
        await desk.handle(c.Halt(door=Door.CLI, reason="enough"))
        assert cause(desk.book) == "KILL_SWITCH (enough)."
        assert "trading-mcp close --all" in way_out(desk.book)
        assert way_out(desk.book).endswith("trading-mcp resume")

    play(story)

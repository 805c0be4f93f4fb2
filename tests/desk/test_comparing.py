"""What a venue shows and the book does not know: each venue answers for what is held there and for nothing else."""

import asyncio
from decimal import Decimal

from tests.desk.conftest import Play
from tests.desk.world import BTC, CASH, OTHER, World
from trading_mcp.desk.comparing import compared
from trading_mcp.desk.outcomes import Status


def test_what_another_venue_holds_is_missing_at_none(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.until(lambda: OTHER in desk.book.reconciled)
        assert (await world.trade()).status is Status.FILLED
        for venue, holdings in ((OTHER, {}), ("paper", {BTC: world.held()})):
            balances = await world.venues[venue].balances()
            told, found = compared(desk.book, venue, balances, (), desk.gatherer)
            assert (told, found.assets, found.crumbs) == (holdings, (), ())
        _, found = compared(desk.book, OTHER, (), (), desk.gatherer)
        assert found.assets == tuple((asset, CASH[asset], Decimal(0)) for asset in ("USD", "USDT"))
        await asyncio.sleep(150)
        assert not desk.book.latches

    play(story, second=True)

"""A venue that cancels by its own ids alone: absence proves nothing there, and an exit waits for its balance."""

import asyncio
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from tests.desk.conftest import Play
from tests.desk.world import BTC, ETH, World
from trading_mcp.adapters.brokers.faults import Call, Fault
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.orders import OrderState, Side
from trading_mcp.core.ports import VenueBalance
from trading_mcp.desk.courier import _is_free
from trading_mcp.desk.outcomes import Status


def lapsed(world: World) -> list[Any]:
    return [event for event in world.events() if isinstance(event, e.OrderLapsed)]


async def held_back(world: World, amount: str) -> None:
    """Let the venue call fewer bitcoins free than it holds."""
    genuine = world.paper.balances

    async def balances() -> tuple[VenueBalance, ...]:
        rows = await genuine()
        return tuple(replace(row, free=row.free - Decimal(amount)) if row.asset == "BTC" else row for row in rows)

    world.paper.balances = balances  # type: ignore[method-assign]


def test_an_exit_that_never_arrived_is_let_go_once_all_it_would_hold_is_free(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        await world.trade()
        world.venue.script(Fault.TIMEOUT_BEFORE, call=Call.SUBMIT)
        sold = await world.trade(BTC, Side.SELL)
        assert sold.status is Status.UNKNOWN
        await asyncio.sleep(200)
        assert [event.order_id for event in lapsed(world)] == [sold.order_id]
        assert (await world.trade(BTC, Side.SELL)).status is Status.FILLED

    play(story, can_fence=False)


def test_an_exit_whose_units_are_not_free_stays_unknown_and_the_owner_is_told(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        await world.trade()
        world.venue.script(Fault.TIMEOUT_BEFORE, call=Call.SUBMIT)
        sold = await world.trade(BTC, Side.SELL)
        await held_back(world, "0.00001")
        await asyncio.sleep(600)
        assert not lapsed(world)
        assert world.desk.book.working[sold.order_id].state is OrderState.UNKNOWN
        assert "An exit's fate is still unknown" in world.told.urgent

    play(story, can_fence=False)


def test_an_order_that_did_arrive_there_is_found_and_cancelled_by_the_id_the_venue_gave(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        world.venue.script(Fault.TIMEOUT_AFTER, call=Call.SUBMIT)
        bought = await world.trade()
        await asyncio.sleep(30)
        assert (await world.desk.settled(bought.intent_id)).status is Status.FILLED

    play(story, can_fence=False)


def test_an_exit_that_buys_back_is_never_let_go_by_a_balance(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade()
        await world.trade(ETH)
        world.venue.script(Fault.TIMEOUT_BEFORE, call=Call.SUBMIT)
        sold = await world.trade(BTC, Side.SELL)
        unknown = desk.book.working[sold.order_id]
        balances = await world.paper.balances()
        assert _is_free(desk.book, unknown.order, balances)
        assert not _is_free(desk.book, replace(unknown.order, side=Side.BUY), balances)
        assert not _is_free(desk.book, unknown.order, ())
        # What another order is to sell need not be free for this one.
        other = replace(unknown, order=replace(unknown.order, id="other", quantity=unknown.order.quantity))
        book = replace(desk.book, working={**desk.book.working, "other": other})
        assert _is_free(book, unknown.order, tuple(replace(row, free=Decimal(0)) for row in balances))

    play(story, can_fence=False)

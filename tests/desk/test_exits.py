"""Exits: one whose fate is unknown leaves no position naked, and none sells what another has sold."""

import asyncio
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from tests.desk.conftest import Play
from tests.desk.world import BTC, ETH, SOL, World, policy_with
from trading_mcp.adapters.brokers.faults import Call, Fault
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.market import SECOND
from trading_mcp.core.domain.orders import Door, Fill, Notional, OrderState, OrderType, Protect, Side
from trading_mcp.core.ports import VenueBalance, VenueOrder
from trading_mcp.desk.outcomes import Status

LOW: dict[str, Any] = {"type": OrderType.LIMIT, "limit_price": Decimal(80_000)}
LOST = (Fault.TIMEOUT_AFTER, Fault.BAD_GATEWAY, Fault.UNAVAILABLE, Fault.GATEWAY_TIMEOUT, Fault.ERROR_IN_200)


def only(world: World) -> Any:
    (working,) = world.desk.book.working.values()
    return working


async def lost_exit(world: World) -> str:
    """Hold a position whose exit got no answer and never arrived."""
    await world.ready()
    await world.trade()
    world.venue.script(Fault.TIMEOUT_BEFORE, call=Call.SUBMIT)
    await world.desk.handle(c.Close(intent_id="out", door=Door.CLI, pair=BTC))
    await world.until(lambda: [w.state for w in world.desk.book.working.values()] == [OrderState.UNKNOWN])
    return next(iter(world.desk.book.working))


def test_an_exit_of_unknown_fate_leaves_no_position_naked(play: Play) -> None:
    async def story(world: World) -> None:
        await lost_exit(world)
        began = world.clock.boot()
        await world.until(lambda: "An exit's fate is still unknown" in world.told.subjects())
        assert world.clock.boot() - began < 20 * SECOND
        await world.until(lambda: world.held() == 0)
        assert world.clock.boot() - began >= 60 * SECOND
        assert world.clock.boot() - began < 120 * SECOND

    play(story)


def test_the_new_exit_is_for_no_more_than_the_venue_calls_free_after_the_fence(play: Play) -> None:
    async def story(world: World) -> None:
        first = await lost_exit(world)
        held = world.held()
        few = Decimal("0.001")
        genuine = world.paper.balances

        async def balances() -> tuple[VenueBalance, ...]:
            rows = await genuine()
            return tuple(replace(row, free=few) if row.asset == "BTC" else row for row in rows)

        world.paper.balances = balances  # type: ignore[method-assign]
        await world.until(lambda: world.held() < held, 200)
        assert held - world.held() == few
        assert world.venue.asked[first] == 1

    play(story)


def test_a_fence_that_fails_or_balances_that_do_not_come_release_nothing(play: Play) -> None:
    async def story(world: World) -> None:
        first = await lost_exit(world)
        rates = {Fault.TIMEOUT_BEFORE: 1.0}
        world.venue._weather._rates.update(rates)
        await asyncio.sleep(300)
        assert first in world.desk.book.working
        world.venue.calm()
        for n in range(5):
            world.venue.script(Fault.TIMEOUT_BEFORE, call=(Call.CANCEL, Call.BALANCES)[n % 2])
        world.beating.cancel()
        await world.until(lambda: first not in world.desk.book.working, 900)

    play(story)


def test_nothing_is_released_by_balances_that_are_of_no_certain_moment(play: Play) -> None:
    async def story(world: World) -> None:
        first = await lost_exit(world)
        genuine, asked = world.paper.balances, list[int]()

        async def balances() -> tuple[VenueBalance, ...]:
            asked.append(world.clock.now())
            rows = await genuine()
            if len(asked) < 3:
                # Another order moves there between question and answer.
                await asyncio.sleep(1)
                world.desk.gatherer.ticked()  # as if the heart still beat: unwatched, nothing would add risk
                await world.trade(ETH, amount=Notional(Decimal(40)))
            return rows

        await world.until(lambda: world.clock.boot() > 50 * SECOND)
        world.beating.cancel()
        world.paper.balances = balances  # type: ignore[method-assign]
        await world.until(lambda: first not in world.desk.book.working, 300)
        assert len(asked) == 3

    play(story, policy=policy_with(pair_cooldown='"0s"'))


def test_an_order_found_while_its_fence_stands_is_not_released(play: Play) -> None:
    async def story(world: World) -> None:
        first = await lost_exit(world)
        genuine = world.paper.balances

        async def balances() -> tuple[VenueBalance, ...]:
            if "before-fence" in world.life.reached and first in world.desk.book.working:
                world.desk.commit(c.ReportAccepted(order_id=first, venue_order_id="late"))
            return await genuine()

        world.paper.balances = balances  # type: ignore[method-assign]
        await asyncio.sleep(90)
        lapsed = [event for event in world.events() if isinstance(event, e.OrderLapsed)]
        assert not any("absent" in event.reason for event in lapsed)

    play(story)


def test_an_order_that_the_look_after_its_fence_tells_nothing_of_is_not_released(play: Play) -> None:
    async def story(world: World) -> None:
        first = await lost_exit(world)
        look, fence = world.venue.order, world.venue.cancel
        fenced = list[int]()

        async def cancel(order_id: str) -> None:
            fenced.append(world.clock.boot())
            await fence(order_id)

        async def order(order_id: str) -> VenueOrder:
            if fenced and world.clock.boot() - fenced[0] < 10 * SECOND:
                raise OSError("the line is dead")
            return await look(order_id)

        world.venue.cancel = cancel  # type: ignore[method-assign]
        world.venue.order = order  # type: ignore[method-assign]
        await world.until(lambda: bool(fenced))
        await asyncio.sleep(9)
        assert world.desk.book.working[first].state is OrderState.UNKNOWN
        await world.until(lambda: world.held() == 0)

    play(story)


def test_a_fill_that_comes_after_the_release_is_folded_and_the_new_exit_taken_back(play: Play) -> None:
    async def story(world: World) -> None:
        first = await lost_exit(world)
        world.beating.cancel()
        order, held = world.desk.book.working[first].order, world.held()
        world.venue.script(Fault.HANG, call=Call.SUBMIT)
        world.desk.commit(c.ReportLapsed(order_id=first, reason="absent at the venue, released"))
        world.desk.commit(c.Watch())
        await asyncio.sleep(0.5)
        second = only(world)
        assert second.order.id != first
        late = Fill(
            trade_id="late", venue="paper", pair=BTC, side=Side.SELL, quantity=held, price=world.price(),
            fee=Decimal(0), fee_asset="USDT", at=world.clock.now(), order_id=first,
        )  # fmt: skip
        world.desk.courier.fold((late,))
        assert world.held() == 0
        found = world.desk.book.order(second.order.id)
        assert found is not None
        assert found.cancel_reason
        assert order.quantity == held

    play(story)


def test_an_exit_whose_clearance_grew_old_is_judged_again_and_its_caller_hears_of_that_one(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade(SOL)
        lane = desk.courier._turns._exits["paper"]
        for _ in range(16):
            await lane.acquire()
        desk.commit(c.Execute(intent=world.intent(SOL, Side.SELL, id="out")))
        await asyncio.sleep(3)
        for _ in range(16):
            lane.release()
        assert (await desk.settled("out")).status is Status.FILLED
        assert desk.book.intent("out/again.1") is not None

    play(story)


def test_a_stop_and_the_exit_that_takes_its_place_never_hold_the_same_coins_twice(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        low = (world.price() * Decimal("0.95")).quantize(Decimal(1))
        await world.trade(protect=Protect(stop_loss=low))
        await asyncio.sleep(2)
        world.venue.script(Fault.CANCEL_RACE, call=Call.CANCEL)
        outcome = await world.trade(side=Side.SELL)
        await asyncio.sleep(15)
        assert (await desk.settled(outcome.intent_id)).status is Status.FILLED
        assert not desk.book.working
        assert not await world.differences()

    play(story)

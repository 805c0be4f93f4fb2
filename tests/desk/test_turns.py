"""Whose turn it is at a venue: one side of a pair at a time where it wants that, requests paced, exits first."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.desk.conftest import Play
from tests.desk.world import BTC, ETH, SOL, World, policy_with
from trading_mcp.adapters.brokers.faults import Call, Fault
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.market import SECOND
from trading_mcp.core.domain.orders import Door, OrderState, OrderType, Protect, Side
from trading_mcp.core.domain.verdict import Code
from trading_mcp.desk import turns
from trading_mcp.desk.outcomes import Status
from trading_mcp.desk.ports import Pace
from trading_mcp.desk.turns import ENTRIES_AT_ONCE

LOW: dict[str, Any] = {"type": OrderType.LIMIT, "limit_price": Decimal(80_000)}
HIGH: dict[str, Any] = {"type": OrderType.LIMIT, "limit_price": Decimal(99000)}
QUICK = policy_with(rate_orders_max="1000", pair_cooldown='"0s"', duplicate_window='"1s"')


def high(world: World) -> dict[str, Any]:
    price = (world.price() * Decimal("1.02")).quantize(Decimal("0.01"))
    return {"type": OrderType.LIMIT, "limit_price": price}


def of(world: World, *kinds: type[e.Event]) -> list[Any]:
    return [event for event in world.events() if isinstance(event, kinds)]


def test_an_exit_asks_an_entry_of_the_other_side_to_go_and_then_goes_itself(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        await world.trade()
        await world.trade(**LOW)
        sold = await world.trade(BTC, Side.SELL)
        await asyncio.sleep(5)
        assert (await world.desk.settled(sold.intent_id)).status is Status.FILLED
        assert not world.desk.book.working
        (asked,) = of(world, e.OrderCancelRequested)
        assert "goes first" in asked.reason
        assert not of(world, e.OrderRejected), "the venue never saw both sides"

    play(story, both_sides=False, policy=QUICK)


def test_an_entry_waits_behind_an_exit_that_works_and_goes_when_that_has_ended(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade()
        resting = await world.trade(BTC, Side.SELL, **high(world))
        await asyncio.sleep(2)
        assert resting.status is Status.WORKING
        entry = world.intent(BTC)
        await desk.handle(c.Execute(intent=entry))
        await asyncio.sleep(0.5)
        assert world.venue.asked.total() == 2, "it waits"
        await desk.handle(c.Cancel(door=Door.MCP, order_id=resting.order_id))
        assert (await desk.settled(entry.id)).status is Status.FILLED
        assert not of(world, e.OrderRejected, e.ClearanceVoided)

    play(story, both_sides=False, policy=QUICK)


def test_an_entry_that_waited_in_vain_is_void_and_says_behind_which_order(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        await world.trade()
        resting = await world.trade(BTC, Side.SELL, **high(world))
        await asyncio.sleep(2)
        entry = await world.trade(BTC)
        assert entry.status is Status.DENIED
        (void,) = of(world, e.ClearanceVoided)
        assert resting.order_id in void.finding.reason
        assert (void.finding.code, void.finding.limit) == (Code.CLEARANCE_VOID, "one side at a time at paper")
        assert (await world.trade(ETH)).status is Status.FILLED, "another pair is another matter"

    play(story, both_sides=False, policy=QUICK)


def test_whoever_has_no_time_left_does_not_wait_at_all(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade()
        resting = await world.trade(BTC, Side.SELL, **high(world))
        await asyncio.sleep(2)
        began = world.clock.boot()
        entry = replace(desk.book.working[resting.order_id].order, id="y", side=Side.BUY, reduces=False)
        monkeypatch.setattr(turns, "ENTRY_WAITS", 0)
        assert await desk.courier._turns._behind(entry) == resting.order_id
        assert world.clock.boot() == began

    play(story, both_sides=False)


def test_an_exit_waits_a_second_for_an_entry_that_does_not_go_and_no_longer(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade()
        await world.trade(**LOW)
        for _ in range(3):
            world.venue.script(Fault.TIMEOUT_BEFORE, call=Call.CANCEL)
        began = world.clock.boot()
        desk.commit(c.Execute(intent=world.intent(BTC, Side.SELL, id="out")))
        await world.until(lambda: world.venue.asked.total() == 3)
        assert SECOND * 9 // 10 <= world.clock.boot() - began <= SECOND * 12 // 10
        await asyncio.sleep(20)
        assert of(world, e.OrderRejected)[0].reason.startswith("potential wash trade")

    play(story, both_sides=False, policy=QUICK)


def test_what_waits_in_the_queue_when_the_process_dies_is_void_at_the_start_and_never_sent(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade()
        await world.trade(BTC, Side.SELL, **high(world))
        await asyncio.sleep(2)
        desk.commit(c.Execute(intent=world.intent(BTC, id="queued")))
        await asyncio.sleep(0.5)
        await world.crash()
        desk = await world.ready()
        await asyncio.sleep(30)
        record = desk.book.intent("queued")
        assert record is not None
        order = desk.book.order(record.order_ids[0])
        assert order is not None
        assert order.state is OrderState.VOID
        assert world.venue.asked[order.order.id] == 0

    play(story, both_sides=False, policy=QUICK)


def test_a_venue_that_takes_both_sides_keeps_nobody_waiting(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        await world.trade()
        await world.trade(**LOW)
        assert (await world.trade(BTC, Side.SELL)).status is Status.FILLED
        assert len(world.desk.book.working) == 1

    play(story, policy=QUICK)


def test_entries_are_paced_and_an_exit_does_not_stand_in_their_line(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        low = (world.price(SOL) * Decimal("0.9")).quantize(Decimal("0.01"))
        await world.trade(
            ETH, protect=Protect(stop_loss=(world.price(ETH) * Decimal("0.9")).quantize(Decimal("0.01")))
        )
        await asyncio.sleep(30)
        began = world.clock.boot()
        for number in range(6):
            resting: dict[str, Any] = {"type": OrderType.LIMIT, "limit_price": low - number}
            desk.commit(c.Execute(intent=world.intent(SOL, id=f"e{number}", **resting)))
        desk.commit(c.Close(intent_id="out", door=Door.CLI, pair=ETH))
        await world.until(lambda: not world.held(ETH))
        assert world.clock.boot() - began <= 2 * SECOND, "the exit has a share of its own"
        waiting = [item for item in desk.book.working.values() if item.state is OrderState.CLEARED]
        assert waiting, "entries wait for the next request"

    play(story, policy=QUICK, paces={"paper": Pace(a_second=2.0, at_once=10, kept=0.5)})


def test_a_kill_is_not_kept_waiting_by_reads_that_have_used_up_their_share(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade(**LOW)
        await asyncio.sleep(5)
        began = world.clock.boot()
        await desk.handle(c.Halt(door=Door.CLI, reason="enough"))
        await world.until(lambda: world.venue.history == () and not desk.book.working)
        assert world.clock.boot() - began <= 2 * SECOND

    play(story, paces={"paper": Pace(a_second=4.0, at_once=12, kept=0.5)})


def test_whoever_finds_the_other_side_taken_once_a_place_is_free_waits_again(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade()
        await asyncio.sleep(2)
        lane = desk.courier._turns._entries["paper"]
        for _ in range(ENTRIES_AT_ONCE):
            await lane.acquire()
        entry = world.intent(BTC, id="entry")
        desk.commit(c.Execute(intent=entry))
        await asyncio.sleep(0.2)
        resting = await world.trade(BTC, Side.SELL, **high(world))
        for _ in range(ENTRIES_AT_ONCE):
            lane.release()
        await asyncio.sleep(0.2)
        assert world.venue.asked.total() == 2, "it found the exit there and stood back"
        await desk.handle(c.Cancel(door=Door.CLI, order_id=resting.order_id))
        assert (await desk.settled("entry")).status is Status.FILLED

    play(story, both_sides=False, policy=QUICK)


def test_two_entries_wait_for_nothing_that_only_waits_itself(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade(**LOW)
        (working,) = desk.book.working.values()
        cleared = replace(working, state=OrderState.CLEARED, order=replace(working.order, id="x"))
        desk.book = replace(desk.book, working={"x": cleared})
        entry = replace(working.order, id="y", side=Side.SELL)
        assert desk.courier._turns._opposed(entry) is None
        queued_exit = replace(cleared, order=replace(cleared.order, reduces=True))
        desk.book = replace(desk.book, working={"x": queued_exit})
        assert desk.courier._turns._opposed(entry) is queued_exit

    play(story, both_sides=False)


def test_exits_that_wait_long_for_a_slow_venue_all_get_there(play: Play) -> None:
    """A clearance that grew too old in the line is cleared anew; that must not cost the venue's next request."""

    async def story(world: World) -> None:
        desk = await world.ready()
        pairs = [BTC, ETH, SOL, "XRP-USDT", "ADA-USDT", "DOGE-USDT", "AVAX-USDT", "DOT-USDT"]
        for pair in pairs:
            await world.trade(pair)
        await world.until(lambda: len(desk.book.portfolio.positions) == len(pairs) and not desk.book.working)
        desk.commit(c.Close(intent_id="out", door=Door.CLI))
        await asyncio.sleep(60)
        assert not desk.book.portfolio.positions

    play(story, policy=QUICK, paces={"paper": Pace(a_second=1.0, at_once=4, kept=0.5)})


def test_a_venue_that_takes_one_request_at_a_time_is_read_at_all(play: Play) -> None:
    async def story(world: World) -> None:
        desk = world.start()
        await asyncio.sleep(60)
        assert "paper" in desk.book.reconciled

    play(story, paces={"paper": Pace(a_second=1.0, at_once=1)})

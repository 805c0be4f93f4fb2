"""Faults of what a venue tells after the fact: fills, cancels, streams and clocks."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.adapters.brokers.making import LIMIT, NOON, Stage, World, want
from trading_mcp.adapters.brokers.faults import Fault
from trading_mcp.core.domain.market import SECOND
from trading_mcp.core.domain.orders import OrderState
from trading_mcp.core.ports import NotFound


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    made = Stage(World(tmp_path / "venue.db"))
    yield made
    await made.venue.close()


async def test_fills_come_late_under_the_time_they_happened(stage: Stage) -> None:
    venue = stage.venue
    await venue.submit(want())
    [known] = await venue.fills(0)
    await venue.submit(want(id="o2", kind="limit", limit_price="102"))
    venue.script(Fault.FILLS_LATE)
    assert await venue.fills(0) == (known,)
    assert (await venue.order("o2")).filled == 1
    stage.world.wait(12)
    assert [(fill.order_id, fill.at) for fill in await venue.fills(0)] == [("o1", NOON), ("o2", NOON)]


async def test_fills_come_doubled_out_of_order_and_in_part(stage: Stage) -> None:
    venue = stage.venue
    await venue.submit(want(quantity="2"))
    venue.script(Fault.FILLS_PARTIAL)
    first = [fill.trade_id for fill in await venue.fills(0)]
    venue.script(Fault.FILLS_DOUBLED)
    doubled = [fill.trade_id for fill in await venue.fills(0)]
    venue.script(Fault.FILLS_UNORDERED)
    backwards = [fill.trade_id for fill in await venue.fills(0)]
    assert (first, doubled, backwards) == (
        ["o1:1"],
        ["o1:1", "o1:1", "o1:2", "o1:2"],
        ["o1:2", "o1:1"],
    )
    assert [fill.trade_id for fill in await venue.fills(0)] == ["o1:1", "o1:2"]


async def test_an_order_told_as_cancelled_turns_out_to_have_filled(stage: Stage) -> None:
    venue = stage.venue
    await venue.submit(want(quantity="2", **LIMIT))
    await stage.crossed()
    venue.script(Fault.FILLS_AFTER_CANCEL)
    await venue.cancel("o1")
    told = await venue.order("o1")
    assert (told.state, told.filled, await venue.fills(0)) == (OrderState.CANCELLED, 0, ())
    stage.world.wait(5)
    told = await venue.order("o1")
    assert (told.state, told.filled, len(await venue.fills(0))) == (OrderState.FILLED, 2, 1)


async def test_an_end_that_was_told_is_not_told_otherwise(stage: Stage) -> None:
    venue = stage.venue
    await venue.submit(want())
    assert (await venue.order("o1")).state is OrderState.FILLED
    venue.script(Fault.FILLS_AFTER_CANCEL)
    with pytest.raises(NotFound):
        await venue.cancel("o1")
    assert (await venue.order("o1")).state is OrderState.FILLED


@pytest.mark.parametrize("is_overtaken", [True, False])
async def test_a_cancel_may_be_overtaken_by_fills(stage: Stage, is_overtaken: bool) -> None:
    venue = stage.venue
    await venue.submit(want(quantity="20", **LIMIT))
    venue.script(Fault.CANCEL_RACE)
    await venue.cancel("o1")
    if is_overtaken:
        await stage.crossed()
    assert (await venue.order("o1")).state is (OrderState.PARTIAL if is_overtaken else OrderState.LIVE)
    stage.world.wait(3)
    told = await venue.order("o1")
    assert (told.state, told.filled) == (OrderState.CANCELLED, 9 if is_overtaken else 0)


async def test_a_cancel_that_comes_too_late_finds_nothing_and_harms_nothing(stage: Stage) -> None:
    venue = stage.venue
    await venue.submit(want(**LIMIT))
    venue.script(Fault.CANCEL_RACE)
    await venue.cancel("o1")
    await stage.crossed()
    stage.world.wait(3)
    await venue.advance()
    assert (await venue.order("o1")).state is OrderState.FILLED
    venue.script(Fault.CANCEL_RACE)
    with pytest.raises(NotFound):
        await venue.cancel("o1")


async def test_what_happened_in_a_gap_is_told_to_those_who_ask_from_before_it(stage: Stage) -> None:
    venue = stage.venue
    await venue.submit(want())
    stage.world.wait(1)
    stage.world.tape.show()
    venue.script(Fault.GAP)
    assert len(await venue.fills(0)) == 1
    await venue.submit(want(id="o2"))
    stage.world.wait(30)
    stage.world.tape.show()
    await venue.submit(want(id="o3"))
    after = [fill.order_id for fill in await venue.fills(NOON + SECOND + 1)]
    before = [fill.order_id for fill in await venue.fills(NOON)]
    assert (after, before) == (["o3"], ["o1", "o2", "o3"])


async def test_a_stream_stands_still_without_a_word_while_a_look_up_tells_the_truth(stage: Stage) -> None:
    venue = stage.venue
    await venue.submit(want(**LIMIT))
    before = await venue.open_orders()
    venue.script(Fault.STALL)
    assert await venue.fills(0) == ()
    await stage.crossed()
    assert (await venue.fills(0), await venue.open_orders()) == ((), before)
    assert (await venue.order("o1")).state is OrderState.FILLED
    stage.world.wait(30)
    assert (len(await venue.fills(0)), await venue.open_orders()) == (1, ())


async def test_a_skewed_clock_dates_everything_otherwise(stage: Stage) -> None:
    venue = stage.venue
    await stage.world.venue.deposit("USDT", Decimal(1))
    await venue.submit(want())
    venue.script(Fault.SKEW)
    there = NOON + 30 * SECOND
    assert [fill.at for fill in await venue.fills(there)] == [there]
    assert await venue.fills(there + 1) == ()
    assert (await venue.order("o1")).at == there
    assert [row.at for row in await venue.transfers(there)] == [there]
    stage.world.wait(90)
    assert (await venue.order("o1")).at == NOON

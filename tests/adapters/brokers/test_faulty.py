"""Every fault of the menu does what its name says, and stops when it is told to."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.brokers.making import LIMIT, NOON, Stage, World, want
from trading_mcp.adapters.brokers.faults import MENU, Call, Fault
from trading_mcp.adapters.brokers.faulty import FaultyVenue
from trading_mcp.adapters.brokers.paper.venue import PaperVenue
from trading_mcp.adapters.brokers.trouble import VenueTrouble
from trading_mcp.core.domain.market import MINUTE, SECOND
from trading_mcp.core.domain.orders import OrderState
from trading_mcp.core.ports import Broker, Duplicate, NotFound, Refusal

UNANSWERED = (
    (Fault.TIMEOUT_AFTER, TimeoutError, "had arrived"),
    (Fault.BAD_GATEWAY, VenueTrouble, "502"),
    (Fault.UNAVAILABLE, VenueTrouble, "503"),
    (Fault.GATEWAY_TIMEOUT, VenueTrouble, "504"),
    (Fault.ERROR_IN_200, VenueTrouble, "200 code 50001"),
    (Fault.DUPLICATE, Duplicate, "o1 exists"),
)
STOPPED = (
    (Fault.TIMEOUT_BEFORE, TimeoutError, "never arrived"),
    (Fault.RATE_LIMITED, VenueTrouble, "429"),
    (Fault.RATE_LIMITED_UNTIL, VenueTrouble, "429"),
    (Fault.MAINTENANCE, VenueTrouble, "503 the venue is under maintenance"),
    (Fault.KEY_REVOKED, Refusal, "401"),
)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    made = Stage(World(tmp_path / "venue.db"))
    yield made
    await made.venue.close()


async def exists(broker: Broker, order_id: str = "o1") -> bool:
    try:
        await broker.order(order_id)
    except NotFound:
        return False
    return True


@pytest.mark.parametrize(("fault", "error", "words"), UNANSWERED)
async def test_the_order_was_accepted_and_the_answer_does_not_say_so(
    stage: Stage, fault: Fault, error: type[Exception], words: str
) -> None:
    stage.venue.script(fault, call=Call.SUBMIT)
    with pytest.raises(error, match=words):
        await stage.venue.submit(want())
    told = await stage.venue.order("o1")
    assert told.state is OrderState.FILLED
    assert (stage.venue.asked["o1"], stage.venue.reached["o1"]) == (1, 1)
    assert [(call, what) for _, call, what in stage.venue.history] == [(Call.SUBMIT, fault)]


@pytest.mark.parametrize(("fault", "error", "words"), STOPPED)
async def test_the_order_never_reached_the_venue(
    stage: Stage, fault: Fault, error: type[Exception], words: str
) -> None:
    stage.venue.script(fault)
    with pytest.raises(error, match=words):
        await stage.venue.submit(want())
    stage.venue.calm()
    assert not await exists(stage.venue)
    assert (stage.venue.asked["o1"], stage.venue.reached["o1"]) == (1, 0)
    await stage.venue.submit(want())
    assert (stage.venue.asked["o1"], stage.venue.reached["o1"]) == (2, 1)


@pytest.mark.parametrize("fault", [Fault.TIMEOUT_AFTER, Fault.ERROR_IN_200])
async def test_an_answer_that_is_lost_may_have_been_a_refusal(stage: Stage, fault: Fault) -> None:
    stage.venue.script(fault)
    with pytest.raises((TimeoutError, VenueTrouble)):
        await stage.venue.submit(want(quantity="0.0001"))
    assert not await exists(stage.venue)


async def test_a_rate_limit_says_how_long_to_wait_or_does_not(stage: Stage) -> None:
    stage.venue.script(Fault.RATE_LIMITED)
    with pytest.raises(VenueTrouble) as silent:
        await stage.venue.balances()
    stage.venue.script(Fault.RATE_LIMITED_UNTIL, lasts=7 * SECOND)
    with pytest.raises(VenueTrouble) as told:
        await stage.venue.balances()
    assert (silent.value.retry_after, told.value.retry_after) == (None, 7 * SECOND)


@pytest.mark.parametrize("fault", [Fault.TIMEOUT_BEFORE, Fault.BAD_GATEWAY, Fault.RATE_LIMITED])
async def test_reads_fail_alike_and_succeed_the_next_time(stage: Stage, fault: Fault) -> None:
    venue = stage.venue
    await venue.submit(want(**LIMIT))
    reads = (
        lambda: venue.order("o1"),
        venue.open_orders,
        lambda: venue.fills(0),
        venue.balances,
        lambda: venue.transfers(0),
        venue.instruments,
    )
    for read in reads:
        venue.script(fault)
        with pytest.raises((TimeoutError, VenueTrouble)):
            await read()
        await read()


async def test_a_cancel_whose_answer_is_lost_was_carried_out(stage: Stage) -> None:
    await stage.venue.submit(want(**LIMIT))
    stage.venue.script(Fault.TIMEOUT_AFTER)
    with pytest.raises(TimeoutError):
        await stage.venue.cancel("o1")
    assert (await stage.venue.order("o1")).state is OrderState.CANCELLED


async def test_an_answer_that_hangs_comes_after_a_minute_on_the_given_clock(stage: Stage) -> None:
    stage.venue.script(Fault.HANG)
    assert await stage.venue.submit(want()) == "P00000001"
    stage.venue.script(Fault.HANG, lasts=SECOND)
    with pytest.raises(Duplicate):
        await stage.venue.submit(want())
    assert stage.slept == [MINUTE, SECOND]


async def test_a_duplicate_may_be_refused_or_silently_answered_with_what_exists(stage: Stage) -> None:
    first = await stage.venue.submit(want(**LIMIT))
    with pytest.raises(Duplicate):
        await stage.venue.submit(want(**LIMIT))
    stage.venue.script(Fault.REPLAY)
    assert await stage.venue.submit(want(**LIMIT)) == first
    assert len(await stage.world.venue.open_orders()) == 1
    assert stage.venue.reached["o1"] == 3


async def test_an_order_that_was_acknowledged_is_rejected_a_little_later(stage: Stage) -> None:
    venue = stage.venue
    venue.script(Fault.REJECTED_LATER)
    told_id = await venue.submit(want(**LIMIT))
    told = await venue.order("o1")
    assert (told.venue_order_id, told.state, told.at) == (told_id, OrderState.LIVE, NOON)
    assert await venue.open_orders() == (told,)
    with pytest.raises(Duplicate):
        await venue.submit(want(**LIMIT))
    stage.world.wait(2)
    assert (await venue.order("o1")).state is OrderState.REJECTED
    assert await venue.open_orders() == ()
    with pytest.raises(NotFound):
        await venue.cancel("o1")
    venue.calm()
    assert (await venue.order("o1")).state is OrderState.REJECTED
    assert not await exists(stage.world.venue)


async def test_what_will_be_rejected_can_be_cancelled_first_and_what_exists_is_not_rejected(stage: Stage) -> None:
    venue = stage.venue
    venue.script(Fault.REJECTED_LATER)
    await venue.submit(want(**LIMIT))
    await venue.cancel("o1")
    assert (await venue.order("o1")).state is OrderState.REJECTED
    await venue.submit(want(id="o2", **LIMIT))
    venue.script(Fault.REJECTED_LATER)
    with pytest.raises(Duplicate):
        await venue.submit(want(id="o2", **LIMIT))
    assert (await venue.order("o2")).state is OrderState.LIVE


async def test_an_accepted_order_is_not_found_for_a_while_nor_are_its_fills(stage: Stage) -> None:
    venue = stage.venue
    venue.script(Fault.NOT_FOUND)
    await venue.submit(want(quantity="2"))
    await venue.submit(want(id="o2", **LIMIT))
    assert not await exists(venue)
    with pytest.raises(NotFound):
        await venue.cancel("o1")
    assert await venue.fills(0) == ()
    assert [told.order_id for told in await venue.open_orders()] == ["o2"]
    stage.world.wait(10)
    assert (await venue.order("o1")).state is OrderState.FILLED
    assert len(await venue.fills(0)) == 2


async def test_an_order_whose_answer_is_lost_may_also_be_out_of_sight_for_a_while(stage: Stage) -> None:
    venue = stage.venue
    venue.script(Fault.LOST_AND_HIDDEN)
    with pytest.raises(TimeoutError, match="had arrived"):
        await venue.submit(want(quantity="2"))
    assert not await exists(venue)
    assert await venue.fills(0) == ()
    stage.world.wait(10)
    assert (await venue.order("o1")).state is OrderState.FILLED


async def test_numbers_may_be_none_and_fields_absent(stage: Stage) -> None:
    venue = stage.venue
    await venue.submit(want())
    await venue.submit(want(id="o2", **LIMIT))
    for fault in (Fault.NOT_A_NUMBER, Fault.ABSENT):
        for call in (Call.ORDER, Call.OPEN_ORDERS, Call.FILLS, Call.BALANCES):
            venue.script(fault, call=call)
        told, (opened,) = await venue.order("o1"), await venue.open_orders()
        (fill,), balances = await venue.fills(0), await venue.balances()
        if fault is Fault.NOT_A_NUMBER:
            numbers = [told.filled, opened.filled, fill.price, *(row.free for row in balances)]
            assert all(number.is_nan() for number in numbers)
        else:
            assert (told.order_id, opened.venue_order_id, fill.order_id, fill.fee_asset) == ("", "", None, "")
            assert [row.asset for row in balances] == ["USD", "USDT"]
    assert (await venue.order("o1")).filled == 1


async def test_maintenance_and_a_revoked_key_last_until_they_are_over(stage: Stage) -> None:
    venue = stage.venue
    venue.script(Fault.MAINTENANCE, lasts=10 * SECOND)
    for _ in range(2):
        with pytest.raises(VenueTrouble, match="maintenance"):
            await venue.balances()
    stage.world.wait(10)
    await venue.balances()
    venue.script(Fault.KEY_REVOKED, lasts=10 * SECOND)
    with pytest.raises(VenueTrouble, match="401"):
        await venue.balances()
    with pytest.raises(Refusal, match="401"):
        await venue.submit(want())
    stage.world.wait(10)
    await venue.submit(want())


async def test_balances_lag_behind_what_was_filled(stage: Stage) -> None:
    venue = stage.venue
    before = await venue.balances()
    await venue.submit(want())
    venue.script(Fault.BALANCE_LAG)
    assert await venue.balances() == before
    stage.world.wait(20)
    assert await venue.balances() != before


async def test_calm_ends_everything_at_once(stage: Stage) -> None:
    venue = stage.venue
    for fault in (Fault.NOT_FOUND, Fault.CANCEL_RACE, Fault.MAINTENANCE, Fault.TIMEOUT_BEFORE):
        venue.script(fault, call=Call.CANCEL if fault is Fault.CANCEL_RACE else Call.SUBMIT)
    await venue.submit(want(**LIMIT))
    venue.script(Fault.STALL, call=Call.OPEN_ORDERS)
    assert await venue.open_orders() == ()
    venue.calm()
    assert [told.order_id for told in await venue.open_orders()] == ["o1"]
    await venue.cancel("o1")
    assert (await venue.order("o1")).state is OrderState.CANCELLED


async def test_a_cancel_that_was_left_lying_is_carried_out_by_calm(stage: Stage) -> None:
    await stage.venue.submit(want(**LIMIT))
    stage.venue.script(Fault.CANCEL_RACE)
    await stage.venue.cancel("o1")
    stage.venue.calm()
    assert (await stage.venue.order("o1")).state is OrderState.CANCELLED


def test_a_fault_is_scripted_only_for_what_it_can_happen_to(stage: Stage) -> None:
    with pytest.raises(ValueError, match="does not happen to cancel"):
        stage.venue.script(Fault.NOT_FOUND, call=Call.CANCEL)


def test_the_whole_menu_is_on_offer() -> None:
    assert set(MENU) == set(Fault)


class Still:
    """A broker that knows nothing of time."""

    def __init__(self, inner: PaperVenue) -> None:
        self.venue, self.mode, self.account, self.can_fence = inner.venue, inner.mode, inner.account, True
        for name in ("submit", "cancel", "order", "open_orders", "fills", "balances", "transfers", "instruments"):
            setattr(self, name, getattr(inner, name))
        self.close = inner.close


async def test_it_wraps_a_venue_that_needs_no_advancing(tmp_path: Path) -> None:
    world = World(tmp_path / "venue.db")
    still: Any = Still(world.venue)
    stage = Stage(world)
    venue = FaultyVenue(still, world.clock, sleep=stage.sleep)
    await venue.advance()
    await venue.submit(want())
    await venue.close()

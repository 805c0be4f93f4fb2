"""Orders in flight: sent once, never given up, released only when their absence is certain, late fills folded."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.desk.conftest import Play
from tests.desk.world import BTC, ETH, World, policy_with
from trading_mcp.adapters.brokers.faults import Call, Fault
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.latches import TradingState
from trading_mcp.core.domain.market import SECOND
from trading_mcp.core.domain.orders import Door, Fill, Notional, OrderState, OrderType, Side
from trading_mcp.core.domain.verdict import Code
from trading_mcp.core.ports import VenueOrder
from trading_mcp.desk.courier import SENT_KEPT
from trading_mcp.desk.outcomes import Status
from trading_mcp.errors import JournalUnwritable

LOW: dict[str, Any] = {"type": OrderType.LIMIT, "limit_price": Decimal(80_000)}
LOST = (Fault.TIMEOUT_AFTER, Fault.BAD_GATEWAY, Fault.UNAVAILABLE, Fault.GATEWAY_TIMEOUT, Fault.ERROR_IN_200)


def only(world: World) -> Any:
    (working,) = world.desk.book.working.values()
    return working


def names(world: World) -> list[str]:
    return [type(event).__name__ for event in world.events()]


@pytest.mark.parametrize("fault", [*LOST, Fault.DUPLICATE, Fault.REPLAY, Fault.NOT_FOUND, Fault.LOST_AND_HIDDEN])
def test_an_order_whose_answer_was_lost_is_found_and_never_sent_again(play: Play, fault: Fault) -> None:
    async def story(world: World) -> None:
        await world.ready()
        world.venue.script(fault, call=Call.SUBMIT)
        outcome = await world.trade()
        await asyncio.sleep(40)
        assert (await world.desk.settled(outcome.intent_id)).status is Status.FILLED
        assert world.venue.asked.total() == 1

    play(story)


def test_an_order_that_never_arrived_is_let_go_after_a_minute_of_absence_and_a_fence(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        world.venue.script(Fault.TIMEOUT_BEFORE, call=Call.SUBMIT)
        began = world.clock.boot()
        outcome = await world.trade()
        assert outcome.status is Status.UNKNOWN
        assert "An order's fate is unknown" in world.told.urgent
        denied = await world.trade(amount=Notional(Decimal(50)))
        assert Code.STATE_ORDER_UNKNOWN in [finding.code for finding in denied.findings]
        await world.until(lambda: not world.desk.book.working)
        assert world.clock.boot() - began >= 60 * SECOND
        assert (await world.desk.settled(outcome.intent_id)).status is Status.CANCELLED
        assert "before-fence" in world.life.reached

    play(story)


def test_a_refusal_is_a_refusal(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        world.venue.script(Fault.KEY_REVOKED, call=Call.SUBMIT, lasts=SECOND)
        assert (await world.trade()).status is Status.REJECTED

    play(story)


def test_an_order_that_is_rejected_after_its_ack_ends_rejected(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        world.venue.script(Fault.REJECTED_LATER, call=Call.SUBMIT)
        outcome = await world.trade()
        await asyncio.sleep(5)
        assert (await world.desk.settled(outcome.intent_id)).status is Status.REJECTED

    play(story)


def test_with_real_money_absence_releases_no_entry(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        world.venue.script(Fault.TIMEOUT_BEFORE, call=Call.SUBMIT)
        await world.trade()
        book = world.desk.book
        world.desk.book = replace(book, home=replace(book.home, mode=Mode.LIVE))
        await asyncio.sleep(600)
        assert only(world).state is OrderState.UNKNOWN

    play(story)


def test_in_dry_nothing_leaves_the_machine(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        world.beating.cancel()
        await world.trade(**LOW)
        working = only(world)
        line: Any = world.ports.brokers["paper"]
        line.mode = Mode.DRY
        desk.book = replace(desk.book, home=replace(desk.book.home, mode=Mode.DRY))
        asked = world.venue.asked.total()
        desk.courier.abandon(working.order)
        desk.commit(c.ReportCancelled(order_id=working.order.id))
        cleared = replace(working.order, id="dry", intent_id=working.order.intent_id)
        event = e.OrderCleared(
            at=world.clock.now(), order=cleared, notional=Decimal(0), counted_at=None, day="", seed_seq=0, ordinal=0
        )
        desk.book = replace(desk.book, policy=desk.book.policy)
        desk.record((event,))
        await asyncio.sleep(100)
        assert world.venue.asked.total() == asked
        assert len(await world.paper.open_orders()) == 1
        found = desk.book.order("dry")
        assert found is not None
        assert found.state is OrderState.LAPSED
        assert (await desk.settled(cleared.intent_id)).status is Status.RECORDED

    play(story)


@pytest.mark.parametrize("fault", [Fault.NOT_A_NUMBER, Fault.ABSENT, Fault.FILLS_DOUBLED, Fault.FILLS_UNORDERED,
                                   Fault.FILLS_PARTIAL, Fault.FILLS_LATE, Fault.GAP])  # fmt: skip
def test_an_answer_with_holes_is_read_again_and_nothing_is_made_up(play: Play, fault: Fault) -> None:
    async def story(world: World) -> None:
        await world.ready()
        for call in (Call.FILLS, Call.ORDER):
            if fault in (Fault.NOT_A_NUMBER, Fault.ABSENT) or call is Call.FILLS:
                world.venue.script(fault, call=call)
        outcome = await world.trade()
        await asyncio.sleep(90)
        assert (await world.desk.settled(outcome.intent_id)).status is Status.FILLED
        assert not world.desk.book.latches
        assert not await world.differences()

    play(story)


def test_fills_dated_by_a_clock_far_behind_are_found_all_the_same(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        genuine = world.paper.fills

        async def fills(since: int) -> tuple[Fill, ...]:
            behind = 3600 * SECOND
            return tuple(replace(row, at=row.at - behind) for row in await genuine(since + behind if since else 0))

        world.paper.fills = fills  # type: ignore[method-assign]
        assert (await world.trade()).status is Status.FILLED

    play(story)


def test_a_cancel_is_asked_for_until_the_venue_has_told_the_end(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade(**LOW)
        for _ in range(12):
            world.venue.script(Fault.RATE_LIMITED, call=Call.CANCEL)
        await desk.handle(c.Cancel(door=Door.CLI))
        await world.until(lambda: not desk.book.working, 600)
        assert not await world.paper.open_orders()

    play(story)


def test_a_cancel_that_a_crash_interrupted_goes_on_after_the_next_start(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade(**LOW)
        world.venue.script(Fault.TIMEOUT_BEFORE, call=Call.CANCEL)
        await desk.handle(c.Cancel(door=Door.CLI))
        await asyncio.sleep(0.2)
        await world.crash()
        await world.ready()
        await asyncio.sleep(3)
        assert not await world.paper.open_orders()
        assert not world.desk.book.working

    play(story)


def test_a_kill_takes_back_what_is_still_being_sent(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        world.venue.script(Fault.HANG, call=Call.SUBMIT)
        desk.commit(c.Execute(intent=world.intent(**LOW)))
        await asyncio.sleep(1)
        assert only(world).state is OrderState.SENDING
        await desk.handle(c.Halt(door=Door.CLI, reason="enough"))
        await asyncio.sleep(1)
        assert not await world.paper.open_orders()
        await asyncio.sleep(30)
        assert not desk.book.working
        assert desk.book.account_state is TradingState.HALTED

    play(story)


def test_a_cancel_lets_go_of_what_was_never_sent(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        desk.courier.cancel("nothing")
        desk.courier.deliver("nothing")
        desk.courier.chase("nothing")
        assert await desk.courier.look("nothing") is None
        desk.commit(c.Execute(intent=world.intent()))
        order_id = only(world).order.id
        assert await desk.courier.look(order_id) is None
        desk.courier.deliver(order_id)
        await asyncio.sleep(3)
        assert world.venue.asked[order_id] == 1

    play(story)


def test_an_order_that_would_go_out_twice_freezes_before_the_wire(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        for n in range(SENT_KEPT):
            desk.courier._sent[str(n)] = None
        assert (await world.trade(ETH)).status is Status.FILLED
        assert "0" not in desk.courier._sent
        desk.commit(c.Execute(intent=world.intent()))
        order_id = only(world).order.id
        desk.courier._sent[order_id] = None
        await asyncio.sleep(2)
        assert desk.book.account_state is TradingState.FROZEN
        assert not world.venue.asked[order_id]

    play(story)


def test_no_more_entries_are_under_way_at_once_than_a_venue_bears_and_the_rest_waits_or_is_void(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        for _ in range(6):
            world.venue.script(Fault.HANG, call=Call.SUBMIT, lasts=5 * SECOND)
        for n in range(6):
            desk.commit(c.Execute(intent=world.intent(id=f"i{n}", amount=Notional(Decimal(30 + 5 * n)))))
        await asyncio.sleep(1)
        assert world.venue.asked.total() == 4
        await asyncio.sleep(20)
        assert [(await desk.settled(f"i{n}")).status for n in range(6)] == [Status.FILLED] * 4 + [Status.DENIED] * 2

    play(story, policy=policy_with(rate_orders_max="100", pair_cooldown='"0s"', duplicate_window='"1s"'))


def test_a_task_that_cannot_record_gives_up_in_a_sentence_and_freezes_nothing(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        desk.commit(c.Execute(intent=world.intent()))
        world.pages.error = JournalUnwritable("Full.", "Make room.")
        await asyncio.sleep(3)
        assert not world.venue.asked
        assert not desk.book.latches

    play(story)


def test_what_a_venue_says_of_another_order_is_not_believed(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade(**LOW)
        order = only(world).order

        async def wrong(order_id: str) -> VenueOrder:
            return VenueOrder(
                order_id=order_id, venue_order_id="v", pair=BTC, side=Side.BUY, quantity=order.quantity * 2,
                filled=Decimal(0), state=OrderState.CANCELLED, at=0,
            )  # fmt: skip

        world.paper.order = wrong  # type: ignore[method-assign]
        assert await desk.courier.look(order.id) is None
        assert only(world).state is OrderState.LIVE

    play(story)


def test_an_order_that_lapses_at_the_venue_lapses_here(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade(**LOW)
        order, genuine = only(world).order, world.paper.order

        async def lapsed(order_id: str) -> VenueOrder:
            return replace(await genuine(order_id), state=OrderState.LAPSED)

        world.paper.order = lapsed  # type: ignore[method-assign]
        assert await desk.courier.look(order.id)
        assert not desk.book.working
        assert await desk.courier.look(order.id)
        assert names(world)[-1] == "OrderLapsed"

    play(story)

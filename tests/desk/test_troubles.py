"""What goes on when something behind the door fails: views, the notifier, the journal, the desk itself."""

import asyncio
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from tests.desk.conftest import Play
from tests.desk.world import BTC, ETH, World, policy_with
from trading_mcp.adapters.brokers.faults import Call, Fault
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.latches import TradingState
from trading_mcp.core.domain.orders import Door, OrderType, Protect
from trading_mcp.desk.opening import closed, replayed
from trading_mcp.desk.outcomes import Status
from trading_mcp.errors import DeskFrozen, JournalUnwritable

QUICK = policy_with(rate_orders_max="1000", pair_cooldown='"1s"', duplicate_window='"1s"')
LOW: dict[str, Any] = {"type": OrderType.LIMIT, "limit_price": Decimal(80_000)}


def stop(world: World, pair: str = BTC, share: str = "0.95") -> Protect:
    return Protect(stop_loss=(world.price(pair) * Decimal(share)).quantize(Decimal("0.01")))


def test_neither_a_view_nor_a_notifier_that_fails_breaks_a_commit(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        world.told.is_broken = world.are_views_broken = True
        assert (await world.trade()).status is Status.FILLED
        await world.desk.handle(c.Halt(door=Door.MCP, reason="enough"))
        assert world.desk.book.account_state is TradingState.HALTED

    play(story)


@pytest.mark.parametrize("error", [JournalUnwritable("Full.", "Make room."), OSError(28, "No space left on device")])
def test_with_a_journal_that_cannot_be_written_entries_are_cancelled_unrecorded(play: Play, error: Exception) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade(ETH, protect=stop(world, ETH))
        await world.trade(**LOW)
        await asyncio.sleep(2)
        assert len(await world.paper.open_orders()) == 2
        head = world.journal.head()
        world.pages.error = error
        with pytest.raises(JournalUnwritable):
            await world.trade(ETH)
        assert world.is_halted_by_file
        assert "The journal cannot be written" in world.told.urgent
        await asyncio.sleep(3)
        (left,) = await world.paper.open_orders()
        assert left.pair == ETH
        with pytest.raises(JournalUnwritable):
            await desk.handle(c.Cancel(door=Door.CLI, order_id=left.order_id))
        await asyncio.sleep(60)
        assert not await world.paper.open_orders()
        await closed(desk, "no use")
        assert world.journal.head() == head
        # The disk has room again: the next start finds what was done, and the file goes on halting.
        await world.crash()
        await world.ready()
        await asyncio.sleep(60)
        assert not [w for w in world.desk.book.working.values() if w.order.pair == BTC]
        assert world.desk.book.account_state is TradingState.HALTED

    play(story)


@pytest.mark.parametrize(
    "command", [c.Halt(door=Door.CLI, reason=""), c.Cancel(door=Door.CLI), c.Cancel(door=Door.CLI, pair=BTC)]
)
def test_a_kill_or_a_cancel_reaches_the_venue_although_it_cannot_be_recorded(play: Play, command: Any) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade(**LOW)
        desk.is_unwritable = True
        world.venue.script(Fault.TIMEOUT_BEFORE, call=Call.CANCEL)
        with pytest.raises(JournalUnwritable):
            await desk.handle(command)
        with pytest.raises(JournalUnwritable):
            desk.record((e.Woke(at=world.clock.now()),))
        desk.freeze("nothing can be said")
        await asyncio.sleep(10)
        assert not await world.paper.open_orders()

    play(story)


def test_the_very_command_at_which_the_journal_fails_reaches_the_venue_too(play: Play) -> None:
    """A kill may be the first to find the disk full; nobody knows that it has to be said twice."""

    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade(ETH, protect=stop(world, ETH))
        await asyncio.sleep(2)
        (exit_,) = await world.paper.open_orders()
        world.pages.error = OSError(28, "No space left on device")
        with pytest.raises(JournalUnwritable):
            await desk.handle(c.Cancel(door=Door.CLI, order_id=exit_.order_id))
        await asyncio.sleep(10)
        assert not await world.paper.open_orders()

    play(story)


def test_what_cannot_be_decided_freezes_and_takes_entries_back(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade(**LOW)
        strange: Any = SimpleNamespace()
        with pytest.raises(DeskFrozen):
            desk.commit(strange)
        assert desk.book.account_state is TradingState.FROZEN
        latches = len(desk.book.latches)
        with pytest.raises(DeskFrozen):
            desk.commit(strange)
        assert len(desk.book.latches) == latches
        await asyncio.sleep(5)
        assert not await world.paper.open_orders()
        assert (await world.trade(ETH)).status is Status.DENIED

    play(story)


def test_an_event_that_no_book_can_hold_is_never_recorded(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        head = world.journal.head()
        created = next(iter(world.journal.entries())).event
        with pytest.raises(DeskFrozen):
            desk.record((created,))
        assert [type(entry.event).__name__ for entry in world.journal.entries(head.seq)] == ["Latched"]
        assert replayed(world.journal) == desk.book

    play(story)


def test_when_not_even_the_freeze_can_be_decided_it_is_recorded_all_the_same(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade(**LOW)
        desk.gatherer = SimpleNamespace(facts=None)  # type: ignore[assignment]
        with pytest.raises(DeskFrozen):
            desk.commit(c.Tick())
        assert desk.book.account_state is TradingState.FROZEN
        await asyncio.sleep(3)
        assert not await world.paper.open_orders()
        world.pages.error = OSError("gone")
        desk.book = replayed(world.journal)
        desk.freeze("again")

    play(story)


def test_a_frozen_desk_whose_journal_fails_as_well_says_so_and_goes_on_cancelling(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade(**LOW)
        world.pages.error = OSError("gone")
        desk.freeze("something")
        assert desk.is_unwritable
        await asyncio.sleep(3)
        assert not await world.paper.open_orders()

    play(story)


def test_a_halt_file_that_cannot_be_put_up_keeps_no_cancel_from_going_out(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade(**LOW)
        world.pages.error = OSError("gone")
        world._raise_halt_file = None  # type: ignore[assignment,method-assign]
        object.__setattr__(desk.ports, "raise_halt_file", None)
        with pytest.raises(JournalUnwritable):
            desk.commit(c.Halt(door=Door.CLI, reason=""))
        await asyncio.sleep(3)
        assert not await world.paper.open_orders()

    play(story)


def test_what_causes_nothing_is_queued_and_a_journal_that_cannot_even_do_that_halts(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        called = e.ToolCalled(at=world.clock.now(), call_id="1", tool="status", arguments="", door=Door.MCP)
        desk.note((called,))
        assert world.events()[-1] == called
        world.pages.error = OSError("gone")
        for _ in range(2):
            with pytest.raises(JournalUnwritable):
                desk.note((called,))
        assert world.is_halted_by_file

    play(story)


def test_a_task_that_dies_of_something_unforeseen_freezes(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        desk.ended("deliver x", DeskFrozen("It is frozen.", "Read the log."))
        assert not desk.book.latches
        desk.ended("deliver x", KeyError("x"))
        assert desk.book.account_state is TradingState.FROZEN

    play(story)

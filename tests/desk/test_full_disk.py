"""A disk that is full at each write of an order's whole way, one after the other, and what the next start finds."""

import asyncio
import contextlib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from random import Random

import apsw
import pytest

from tests.adapters.journal.disk import Disk
from tests.desk.world import BTC, ETH, START, World, policy_with
from tests.simulation.virtual import VirtualLoop, run
from trading_mcp.adapters.journal import schema
from trading_mcp.adapters.journal.entryfile import EntryFile
from trading_mcp.adapters.journal.sqlite import SqliteJournal
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.latches import TradingState
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import Door, OrderType, Protect, Side
from trading_mcp.desk.opening import replayed
from trading_mcp.errors import TradingMcpError

DISKS = 12
WRITES = 60


async def day(world: World) -> None:
    """Everything an order can go through: entry, stop, limit, cancel, an exit in the stop's place, close, kill."""
    low = Decimal(80_000)
    commands: list[c.AnyCommand] = [
        c.Execute(
            intent=world.intent(BTC, protect=Protect(stop_loss=(world.price() * Decimal("0.95")).quantize(low)))
        ),
        c.Execute(intent=world.intent(ETH)),
        c.Execute(intent=world.intent(BTC, type=OrderType.LIMIT, limit_price=low)),
        c.Cancel(door=Door.MCP),
        c.Execute(intent=world.intent(BTC, Side.SELL)),
        c.Close(intent_id="all", door=Door.CLI),
        c.Halt(door=Door.CLI, reason="enough"),
    ]
    for command in commands:
        await world.desk.handle(command)
        await asyncio.sleep(3)


async def story(world: World, room: int) -> bool:
    """Live through the day with room for so many writes; returns whether all of it fitted."""
    await world.ready()
    world.pages.room = room
    try:
        await day(world)
    except TradingMcpError:
        assert world.desk.is_unwritable
    is_whole = world.pages.error is None
    durable = replayed(world.journal)
    assert world.desk.book == durable, "the book has what the journal has not"
    if not is_whole:
        assert world.is_halted_by_file
        sent = world.venue.asked.total()
        await asyncio.sleep(60)
        assert world.venue.asked.total() == sent, "something was sent without a journal"
        entries = [order for order in await world.paper.open_orders() if order.side is Side.BUY]
        assert not entries, "an entry was left working"
    await world.crash()
    await world.ready()
    await asyncio.sleep(120)
    assert not await world.differences()
    assert world.desk.book.account_state is TradingState.HALTED
    assert replayed(world.journal) == world.desk.book
    await world.crash()
    world.require()
    world.require_chain()
    return is_whole


@pytest.mark.slow
def test_a_disk_that_is_full_at_any_write_loses_nothing_and_sends_nothing(tmp_path: Path) -> None:
    for room in range(200):
        folder = tmp_path / str(room)
        folder.mkdir()
        loop = VirtualLoop()
        asyncio.set_event_loop(loop)
        with exactly():
            world = World(loop, folder, policy=policy_with(pair_cooldown='"0s"'))
            if run(loop, story(world, room)):
                assert room >= 25
                return
    raise AssertionError("the day never ended")


async def on_disk(world: World, folder: Path, number: int, error: type[apsw.Error]) -> bool:
    """The same day with the real journal on a disk whose n-th write, sync or truncation and all later ones fail."""
    path, left = folder / "journal.db", number
    SqliteJournal.create(path, START, (world.events()[0],)).file.close()
    disk = Disk(f"desk-{error.__name__}-{number}")
    connection = disk.connect(path)
    schema.prepare(connection)
    journal = SqliteJournal(EntryFile(connection, path, checkpointer=None))
    world.journal = journal  # type: ignore[assignment]

    def full(_: str) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise error("disk full")

    await world.ready()
    disk.before = full
    with contextlib.suppress(TradingMcpError):
        await day(world)
    is_whole = not world.desk.is_unwritable
    assert is_whole or world.is_halted_by_file
    sent = world.venue.asked.total()
    await asyncio.sleep(60)
    assert is_whole or world.venue.asked.total() == sent, "something was sent without a journal"
    if not is_whole:
        assert not [order for order in await world.paper.open_orders() if order.side is Side.BUY]
    await world.crash()
    with contextlib.suppress(apsw.Error):  # it is still full, but closed all the same
        connection.close()
    # There is room again: what was acknowledged is there, and the venue explains the rest.
    again = SqliteJournal.open(path)
    assert again.verify(is_deep=True).holds
    world.journal = again  # type: ignore[assignment]
    await world.ready()
    await asyncio.sleep(120)
    assert not await world.differences()
    assert world.desk.book.account_state is TradingState.HALTED
    assert replayed(again) == world.desk.book
    await world.crash()
    world.require()
    again.file.close()
    return is_whole


@pytest.mark.slow
@pytest.mark.parametrize("error", [apsw.FullError, apsw.IOError], ids=["SQLITE_FULL", "SQLITE_IOERR"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_real_file_may_be_full_at_any_write_of_an_orders_way(
    tmp_path: Path, error: type[apsw.Error], sampled: Callable[[int], tuple[Random, int]]
) -> None:
    dice, count = sampled(DISKS)
    numbers = [*range(6), *(dice.randrange(WRITES) for _ in range(count)), 100 * WRITES]
    fitted: list[bool] = []
    for number in numbers:
        folder = tmp_path / f"{number}-{len(fitted)}"
        folder.mkdir(mode=0o700)
        loop = VirtualLoop()
        asyncio.set_event_loop(loop)
        with exactly():
            world = World(loop, folder, policy=policy_with(pair_cooldown='"0s"'))
            fitted.append(run(loop, on_disk(world, folder, number, error)))
    assert fitted[-1], "a disk with room takes the whole day"
    assert not any(fitted[:-1]), "every one of the others was full before the day was over"

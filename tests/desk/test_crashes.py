"""kill -9 at every named point of a real desk with a real journal and a real venue, then another start."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Final

import pytest

from tests.desk.world import BTC, CASH, ETH, SOL, START, Pen, Told, policy_with
from tests.simulation.virtual import LoopClock, VirtualLoop, run
from trading_mcp.adapters.brokers.faults import Call, Fault
from trading_mcp.adapters.brokers.faulty import FaultyVenue
from trading_mcp.adapters.brokers.paper.venue import PaperVenue
from trading_mcp.adapters.feeds.simulated import SimulatedFeed
from trading_mcp.adapters.journal.sqlite import SqliteJournal
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.home import Home, Mode
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import Door, Everything, Intent, Notional, OrderState, OrderType, Protect, Side
from trading_mcp.core.simulation.market import SyntheticMarket
from trading_mcp.desk.desk import Desk
from trading_mcp.desk.heart import Heart
from trading_mcp.desk.opening import closed, opened, replayed
from trading_mcp.desk.ports import Cadence, Ports

POINTS: Final = (
    "before-append", "after-append", "before-last-look", "after-sending", "after-answer", "after-report",
    "after-look", "after-fill", "before-cancel", "before-fence",
)  # fmt: skip
KILLS: Final = 3
QUICK: Final = Cadence(ladder=(0.5, 1.0, 2.0), absent_span=3_000_000)


class Home1:
    """A folder with a journal and a venue, and a process that works in it."""

    def __init__(self, folder: Path, loop: VirtualLoop, hour: int) -> None:
        self.clock = LoopClock(loop, START + hour * 3_600_000_000)
        self.feed = SimulatedFeed(SyntheticMarket(7), self.clock)
        self.folder = folder
        if not (folder / "journal.db").exists():
            home = Home(name="test", mode=Mode.SIMULATED, cash={f"paper/{key}": cash for key, cash in CASH.items()})
            PaperVenue.create(folder / "venue.db", cash=CASH, at=START)
            created = e.DeskCreated(at=START, home=home, policy=policy_with(pair_cooldown='"1s"'))
            SqliteJournal.create(folder / "journal.db", START, (created,)).file.close()
        self.journal = SqliteJournal.open(folder / "journal.db")
        self.venue = PaperVenue(folder / "venue.db", self.feed, self.clock)
        self.way = FaultyVenue(self.venue, self.clock, sleep=lambda us: asyncio.sleep(us / 1_000_000))

    def start(self, reach: Callable[[str], None]) -> tuple[Desk, Heart]:
        ports = Ports(
            journal=self.journal,
            clock=self.clock,
            feed=self.feed,
            brokers={"paper": self.way},
            verifier=Pen(),
            notifier=Told(),
            is_halted_by_file=lambda: False,
            raise_halt_file=lambda: None,
            reach=reach,
            cadence=QUICK,
        )
        desk = opened(ports, replayed(self.journal), "test")
        return desk, Heart(ports, desk)


async def day(desk: Desk, heart: Heart, home: Home1, said: Callable[[str], None]) -> None:
    """Entries with stops, a limit order that is cancelled, an exit in the place of a stop, a close, a lost order."""
    beating = asyncio.ensure_future(heart.run())
    await asyncio.sleep(2)
    quote = home.feed.quote("paper", BTC)
    assert quote is not None
    low = (quote.bid * Decimal("0.95")).quantize(Decimal(1))
    intents = (
        Intent(id="a", door=Door.MCP, pair=BTC, side=Side.BUY, amount=Notional(Decimal(200)),
               protect=Protect(stop_loss=low)),
        Intent(id="b", door=Door.MCP, pair=ETH, side=Side.BUY, amount=Notional(Decimal(200))),
        Intent(id="c", door=Door.CLI, pair=ETH, side=Side.BUY, amount=Notional(Decimal(50)), type=OrderType.LIMIT,
               limit_price=Decimal(1000)),
        Intent(id="d", door=Door.MCP, pair=BTC, side=Side.SELL, amount=Everything()),
    )  # fmt: skip
    for intent in intents:
        outcome = await desk.execute(c.Execute(intent=intent))
        said(f"{intent.id} {outcome.status} {outcome.filled}")
        await asyncio.sleep(3)
    await desk.handle(c.Cancel(door=Door.CLI))
    await desk.handle(c.Close(intent_id="e", door=Door.CLI))
    await asyncio.sleep(5)
    # It never arrives, so it is fenced and let go once its absence is certain.
    home.way.script(Fault.TIMEOUT_BEFORE, call=Call.SUBMIT)
    lost = Intent(id="f", door=Door.MCP, pair=SOL, side=Side.BUY, amount=Notional(Decimal(50)))
    outcome = await desk.execute(c.Execute(intent=lost))
    said(f"{lost.id} {outcome.status} {outcome.filled}")
    await asyncio.sleep(15)
    beating.cancel()


def child(folder: Path, point: str, count: int) -> None:
    """Live through the day and be killed when a point is reached for the nth time."""
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    home, left = Home1(folder, loop, 0), count

    def reach(name: str) -> None:
        nonlocal left
        left -= name == point
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def say(text: str) -> None:
        os.write(1, f"{text}\n".encode())

    async def live() -> None:
        desk, heart = home.start(reach)
        await day(desk, heart, home, say)

    with exactly():
        run(loop, live())


async def survives(home: Home1, acknowledged: list[str]) -> None:
    """Start again after the kill, wait for calm, and compare everything with everything."""
    before = {entry.event.order_id for entry in home.journal.entries() if isinstance(entry.event, e.OrderSending)}
    told = {order.order_id for order in await home.venue.open_orders()}
    told |= {fill.order_id or "" for fill in await home.venue.fills(0)}
    assert told <= before, "the venue has an order that the journal never sent"
    desk, heart = home.start(lambda _: None)
    for line in acknowledged:
        intent_id, status, filled = line.split()
        record = desk.book.intent(intent_id)
        assert record is not None, f"{line}: acknowledged and forgotten"
        orders = [found for order_id in record.order_ids if (found := desk.book.order(order_id)) is not None]
        assert status != "filled" or sum(order.filled for order in orders) == Decimal(filled), line
    beating = asyncio.ensure_future(heart.run())
    await asyncio.sleep(30)
    unsettled = {OrderState.UNKNOWN, OrderState.SENDING, OrderState.CLEARED, OrderState.CANCEL_PENDING}
    assert not [item for item in desk.book.working.values() if item.state in unsettled]
    assert {order.order_id for order in await home.venue.open_orders()} == set(desk.book.working)
    assert not desk.book.latches
    theirs = {row.asset: row.total for row in await home.venue.balances() if row.total}
    ours = {key.split("/")[1]: cash for key, cash in desk.book.portfolio.cash.items()}
    ours |= {item.pair.split("-")[0]: item.quantity for item in desk.book.portfolio.positions.values()}
    assert theirs == ours
    beating.cancel()
    await closed(desk, "done")
    assert replayed(home.journal) == desk.book
    assert home.journal.verify(is_deep=True).holds


def kill_and_start(folder: Path, point: str, count: int) -> bool:
    """Kill one life at a point and check the next; returns whether the point was reached at all."""
    command = [sys.executable, "-m", "tests.desk.test_crashes", str(folder), point, str(count)]
    ended = subprocess.run(command, capture_output=True, check=False, cwd=Path(__file__).parents[2])
    was_killed = ended.returncode == -signal.SIGKILL
    assert was_killed or ended.returncode == 0, ended.stderr.decode()
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    home = Home1(folder, loop, 1)
    try:
        with exactly():
            run(loop, survives(home, ended.stdout.decode().splitlines()))
    finally:
        home.journal.file.close()
        asyncio.run(home.venue.close())
    return was_killed


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_a_desk_killed_at_any_named_point_finds_the_same_book_again(
    point: str, tmp_path: Path, request: pytest.FixtureRequest, sampled: Callable[[int], tuple[Random, int]]
) -> None:
    dice, _ = sampled(KILLS)
    kills = 20 if request.config.getoption("--long") else KILLS
    most = {"before-append": 35, "after-append": 35, "after-look": 20, "before-fence": 1}.get(point, 4)
    reached = 0
    for turn in range(kills * 3):
        folder = tmp_path / str(turn)
        folder.mkdir()
        reached += kill_and_start(folder, point, dice.randint(1, most))
        if reached == kills:
            return
    raise AssertionError(f"{point} was reached {reached} times only")


if __name__ == "__main__":
    child(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))

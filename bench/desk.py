"""An order through the whole desk on paper, beside three durable appends of the same disk: `python -m bench.desk`."""

import asyncio
import resource
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path

from bench.journal import POLICY, called, made
from bench.measure import Result, percentile, report
from trading_mcp.adapters.brokers.paper.venue import PaperVenue
from trading_mcp.adapters.feeds.simulated import SimulatedFeed
from trading_mcp.adapters.journal.sqlite import SqliteJournal
from trading_mcp.adapters.system.clock import VirtualClock
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.events import DeskCreated
from trading_mcp.core.domain.home import Home, Mode
from trading_mcp.core.domain.market import MINUTE
from trading_mcp.core.domain.orders import Door, Everything, Intent, Notional, Side
from trading_mcp.core.domain.proposals import Statement
from trading_mcp.core.simulation.market import SyntheticMarket
from trading_mcp.desk.desk import Desk
from trading_mcp.desk.heart import Heart
from trading_mcp.desk.opening import closed, opened, replayed
from trading_mcp.desk.outcomes import Status
from trading_mcp.desk.ports import Cadence, Ports

START = 1_795_050_000_000_000
CASH = Decimal(50_000)
ORDERS = 10_000 if "--long" in sys.argv else 1_000
# Half an hour between orders keeps every limit of pace far away, so that each of them is filled.
APART = 30 * MINUTE
DAY = 1440
MONTH = 30 * DAY


class Nobody:
    """No key is enrolled, and nobody is told."""

    def verified(self, statement: bytes, signature: bytes) -> Statement | None:
        del statement, signature
        return None

    def notify(self, subject: str, text: str, *, is_urgent: bool = False) -> None:
        del subject, text, is_urgent


def wired(folder: Path, clock: VirtualClock) -> tuple[Desk, Heart]:
    """A desk as bootstrap wires it, on the simulated market and real files."""
    home = Home(name="bench", mode=Mode.SIMULATED, cash={"paper/USDT": CASH, "paper/USD": CASH})
    feed = SimulatedFeed(SyntheticMarket(7), clock)
    PaperVenue.create(folder / "venue.db", cash={"USDT": CASH, "USD": CASH}, at=clock.now())
    journal = SqliteJournal.create(
        folder / "journal.db", clock.now(), [DeskCreated(at=clock.now(), home=home, policy=POLICY)]
    )
    ports = Ports(
        journal=journal,
        clock=clock,
        feed=feed,
        brokers={"paper": PaperVenue(folder / "venue.db", feed, clock)},
        verifier=Nobody(),
        notifier=Nobody(),
        is_halted_by_file=lambda: False,
        raise_halt_file=lambda: None,
        cadence=Cadence(tick=0.0),
    )
    desk = opened(ports, replayed(journal), "bench")
    return desk, Heart(ports, desk)


def appends(journal: SqliteJournal, number: int) -> float:
    """Three commits in a row, as a trade needs them; returns what they took."""
    begun = time.perf_counter()
    for part in range(3):
        journal.append(START, [called(number * 3 + part)])
    return time.perf_counter() - begun


def intent(number: int) -> Intent:
    sell = number % 2 == 1
    return Intent(
        id=f"bench-{number}",
        door=Door.MCP,
        pair="BTC-USDT",
        side=Side.SELL if sell else Side.BUY,
        amount=Everything() if sell else Notional(Decimal(200)),
    )


async def orders(
    desk: Desk, heart: Heart, clock: VirtualClock, reference: SqliteJournal
) -> tuple[list[float], list[float]]:
    """Buy and sell in turn, three appends beside each; every one of them must be filled."""
    heart.beat()
    await heart.settle()
    spent, three = list[float](), list[float]()
    for number in range(ORDERS):
        clock.advance(APART)
        desk.gatherer.ticked()
        begun = time.perf_counter()
        outcome = await desk.execute(c.Execute(intent=intent(number)))
        spent.append(time.perf_counter() - begun)
        assert outcome.status is Status.FILLED, outcome
        three.append(appends(reference, number))
    return spent, three


async def month(desk: Desk, heart: Heart, clock: VirtualClock) -> tuple[int, int]:
    """Beat once for every minute of a month; return what memory and file handles grew by after the first day."""
    kept = (0, 0)
    for minute in range(MONTH):
        clock.advance(MINUTE)
        desk.gatherer.ticked()
        heart.beat()
        await heart.settle()
        if minute == DAY:
            kept = (resident(), handles())
    return resident() - kept[0], handles() - kept[1]


def resident() -> int:
    """The most memory this process has held, in KiB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most // 1024 if sys.platform == "darwin" else most


def handles() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())


async def run(folder: Path) -> list[Result]:
    clock = VirtualClock(now=START, boot=0)
    desk, heart = wired(folder, clock)
    journal = made(folder, "reference")
    spent, three = await orders(desk, heart, clock, journal)
    journal.close()
    reference = percentile(three, 0.5)
    p50, p99 = percentile(spent, 0.5), percentile(spent, 0.99)
    grown, opened_files = await month(desk, heart, clock)
    await closed(desk, "the bench is over")
    return [
        Result(name="three durable appends, p50", value=reference * 1e3, unit="ms"),
        Result(name="an order on paper, p50", value=p50 * 1e3, unit="ms", ratio=p50 / reference, against="three"),
        Result(name="an order on paper, p99", value=p99 * 1e3, unit="ms", ratio=p99 / reference, against="three"),
        Result(name="orders filled", value=len(spent), unit="orders"),
        Result(name="memory grown in a month of marks", value=grown / 1024, unit="MiB", aim="flat"),
        Result(name="file handles grown in a month of marks", value=opened_files, unit="handles", aim="0"),
    ]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        report(asyncio.run(run(Path(folder))))


if __name__ == "__main__":
    main()

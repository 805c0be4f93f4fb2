"""The whole desk against a venue that does everything wrong that venues are known to do, from seeds."""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.core.simulation.making import order
from tests.desk.world import BTC, ETH, OTHER, SOL, START, XRP, World, policy_with
from tests.simulation.virtual import VirtualLoop, run
from trading_mcp.adapters.brokers.faults import Fault
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.latches import TradingState
from trading_mcp.core.domain.mandates import Algorithm
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import Door, Intent, Notional, Order, OrderType, Protect, Side
from trading_mcp.core.domain.verdict import Code
from trading_mcp.core.ports import NotFound, Refusal
from trading_mcp.desk.opening import replayed
from trading_mcp.desk.ports import Cadence, Pace
from trading_mcp.errors import TradingMcpError

SHORT = "/dev/shm"  # noqa: S108 - as a folder's place, never as its name
PARTS = 8
SEEDS = 300
STEPS = 30
PAIRS = (BTC, ETH, SOL, XRP, "SPY", "TSLA")
# New York opens, closes, or is shut for a holiday while they trade.
STARTS = (START, 1_767_364_080_000_000, 1_767_387_360_000_000)
POINTS = (
    "before-append", "after-append", "before-last-look", "after-sending", "after-answer", "after-report",
    "after-look", "after-fill", "before-cancel", "before-fence",
)  # fmt: skip
POLICY = policy_with(
    rate_orders_max="1000", pair_cooldown='"1s"', duplicate_window='"1s"', unattended_actor_max="1000",
    unattended_total_max="1000",
)  # fmt: skip

BOTH = policy_with(
    rate_orders_max="1000", pair_cooldown='"1s"', duplicate_window='"1s"', unattended_actor_max="1000",
    unattended_total_max="1000", venues='["paper", "other"]',
)  # fmt: skip


def rounded(price: Decimal) -> Decimal:
    return price.quantize(Decimal("0.01") if price > 10 else Decimal("0.0001"))


class Run:
    """One seed: people, algorithms, crashes and weather, then calm, then the account is settled."""

    def __init__(self, seed: int, folder: Path, loop: VirtualLoop) -> None:
        self.dice = random.Random(seed)
        rates = {fault: self.dice.choice((0.0, 0.0, 0.0, 0.01, 0.04)) for fault in Fault}
        # A revoked key or maintenance stops everything for minutes; more of that would hide the rest.
        rates[Fault.KEY_REVOKED] = rates[Fault.MAINTENANCE] = self.dice.choice((0.0, 0.002))
        start, second = self.dice.choice(STARTS), self.dice.random() < 0.5
        policy = BOTH if second else POLICY
        both_sides = self.dice.random() < 0.7
        paces = self.dice.choice(({}, {"paper": Pace(a_second=5.0, at_once=30)}))
        self.world = World(
            loop, folder, seed=seed, rates=rates, policy=policy, start=start, second=second, both_sides=both_sides,
            paces=paces,
        )  # fmt: skip
        self.jobs: set[asyncio.Task[object]] = set()

    async def play(self) -> None:
        world, dice = self.world, self.dice
        world.start()
        await asyncio.sleep(2)
        self.start(c.SetAlgorithm(algorithm=ALGORITHM, door=Door.CLI))
        for _ in range(STEPS):
            if world.life.is_over or dice.random() < 0.04:
                await world.crash()
                await asyncio.sleep(dice.choice((0.0, 3.0, 45.0)))
                world.start()
            self.act()
            await asyncio.sleep(dice.choice((0.0, 0.05, 0.5, 2.0, 7.0, 20.0)))
            world.require()
        await self.settle()

    def act(self) -> None:
        acts = (self.buy,) * 6 + (self.limit,) * 2 + (self.algorithm,) * 3
        acts += (self.sell, self.close, self.close_all, self.cancel, self.cancel_all, self.halt)
        acts += (self.signed, self.crash, self.clock, self.deposit, self.others)
        self.dice.choice(acts)(self.dice.choice(PAIRS))

    def buy(self, pair: str) -> None:
        self.trade(self.world.intent(pair, amount=self.amount(), protect=self.protect(pair), **self.place()))

    def place(self) -> dict[str, Any]:
        return {"venue": self.dice.choice((None, *self.world.venues))}

    def limit(self, pair: str) -> None:
        price = rounded(self.world.price(pair) * Decimal(self.dice.choice(("0.999", "1.001", "0.98"))))
        form: dict[str, Any] = {"type": OrderType.LIMIT, "limit_price": price} | self.place()
        self.trade(self.world.intent(pair, amount=self.amount(), protect=self.protect(pair), **form))

    def algorithm(self, pair: str) -> None:
        if self.dice.random() < 0.1:
            self.start(c.SetAlgorithm(algorithm=ALGORITHM, door=Door.CLI))
        form: dict[str, Any] = {"book": "sma", "door": Door.RUNNER, "due_at": self.world.clock.now()}
        self.trade(self.world.intent(pair, amount=self.amount(), protect=self.protect(pair), **form))

    def sell(self, pair: str) -> None:
        self.trade(self.world.intent(pair, Side.SELL, book=self.dice.choice(("manual", "sma"))))

    def close(self, pair: str) -> None:
        self.start(c.Close(intent_id=self.world.intent().id, door=Door.MCP, pair=pair))

    def close_all(self, _: str) -> None:
        self.start(c.Close(intent_id=self.world.intent().id, door=Door.CLI))

    def cancel(self, _: str) -> None:
        working = sorted(self.world.desk.book.working)
        if working:
            self.start(c.Cancel(door=Door.MCP, order_id=self.dice.choice(working)))

    def cancel_all(self, _: str) -> None:
        self.start(c.Cancel(door=Door.CLI))

    def halt(self, _: str) -> None:
        if self.dice.random() < 0.4:
            self.start(c.Halt(door=Door.WEB, reason="seen enough"))

    def signed(self, _: str) -> None:
        self.job(self.release())

    def crash(self, _: str) -> None:
        self.world.life.crash_at = (self.dice.choice(POINTS), self.dice.randint(1, 6))

    def clock(self, _: str) -> None:
        self.world.clock.shift += self.dice.choice((300_000, -300_000, 1_500_000))

    def deposit(self, _: str) -> None:
        self.job(self.world.paper.deposit("USDT", Decimal(self.dice.randint(1, 500))))

    def others(self, pair: str) -> None:
        """Somebody else trades on the same account, past the desk."""
        limit = rounded(self.world.price(pair) * Decimal("1.01"))
        quantity = (Decimal(50) / limit).quantize(Decimal("0.1") if limit < 10 else Decimal("0.001"))
        if quantity:
            self.job(self.past_the_desk(order("buy", "limit", str(quantity), pair=pair, limit_price=limit,
                                              id=f"theirs-{self.dice.random()}")))  # fmt: skip

    async def past_the_desk(self, theirs: Order) -> None:
        with suppress(Refusal, NotFound):
            await self.world.paper.submit(theirs)
            await self.world.paper.cancel(theirs.id)

    def amount(self) -> Notional:
        return Notional(Decimal(self.dice.randint(30, 248)))

    def protect(self, pair: str) -> Protect | None:
        price, dice = self.world.price(pair), self.dice
        near = Decimal(dice.choice(("0.999", "0.998", "0.99")))
        if dice.random() < 0.4:
            return None
        return Protect(stop_loss=rounded(price * near), take_profit=rounded(price / near))

    def trade(self, intent: Intent) -> None:
        self.job(self.tried(lambda: c.Execute(intent=intent)))

    def start(self, command: c.AnyCommand) -> None:
        self.job(self.tried(lambda: command))

    def job(self, work: Coroutine[object, object, object]) -> None:
        task: asyncio.Task[object] = asyncio.ensure_future(work)
        self.jobs.add(task)
        task.add_done_callback(self.over)

    def over(self, task: asyncio.Task[object]) -> None:
        self.jobs.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.world.problems.append(f"a caller got {task.exception()!r}")

    async def tried(self, make: Callable[[], c.AnyCommand]) -> None:
        try:
            await self.world.desk.handle(make())
        except TradingMcpError:
            assert self.world.life.is_over

    async def release(self) -> None:
        try:
            for latch in tuple(self.world.desk.book.latches.values()):
                await self.world.release(latch.scope)
        except TradingMcpError:
            assert self.world.life.is_over

    async def settle(self) -> None:
        """Once faults stop every order reaches the venue's true state, and the book is the account."""
        world = self.world
        if world.life.is_over:
            await world.crash()
            world.start()
        world.life.crash_at = None
        for venue in world.venues.values():
            venue.calm()
        await self.release()
        await self.tried(lambda: c.Cancel(door=Door.CLI))
        for _ in range(40):
            await asyncio.sleep(10)
            if not self.unsettled() and not await world.differences():
                break
        world.require()
        assert not await world.differences()
        assert not self.unsettled()
        frozen = [latch for latch in world.desk.book.latches.values() if latch.state is TradingState.FROZEN]
        assert not frozen, frozen
        # Whoever shows balances of now beside fills of a minute ago is rightly suspected, or balances of long ago.
        stood_still = any(has_stood_still(venue.history) for venue in world.venues.values())
        assert stood_still or Code.RECONCILIATION_DIFFERENCE not in world.desk.book.triggers
        world.require_chain()
        assert replayed(world.journal) == world.desk.book
        await world.crash()

    def unsettled(self) -> list[str]:
        """What still has to come to an end: entries, which were all cancelled, and what is between two answers."""
        working = self.world.desk.book.working.values()
        return [item.order.id for item in working if not item.order.reduces or item.state in UNSETTLED]


def has_stood_still(history: Sequence[tuple[int, object, Fault]]) -> bool:
    """Say whether a venue showed the same for longer than a start is patient: stalled, or lagging twice on end."""
    lags = [at for at, _, fault in history if fault is Fault.BALANCE_LAG]
    return any(fault is Fault.STALL for _, _, fault in history) or any(
        later - earlier < Cadence().confirm_opening for earlier, later in pairwise(lags)
    )


ALGORITHM = Algorithm(
    name="sma", version="1", pairs=frozenset(PAIRS), venues=("paper", OTHER), capital=Decimal(5000), enabled=True
)
UNSETTLED = frozenset({"UNKNOWN", "SENDING", "CLEARED", "CANCEL_PENDING"})


def play(seed: int, folder: Path) -> int:
    """Play one seed; returns how many entries its journal came to."""
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    with exactly():
        played = Run(seed, folder, loop)
        run(loop, played.play())
        return played.world.journal.head().seq


def scratch() -> "TemporaryDirectory[str]":
    """A folder for venues' files that goes away; in memory where there is one, since they need no disk here."""
    return TemporaryDirectory(dir=SHORT if Path(SHORT).is_dir() else None, prefix="seeds-")


def again(seed: int) -> str:
    """What somebody says to see a seed once more."""
    return f".venv/bin/python -m tests.simulation.seeds {seed}"


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_no_fault_doubles_an_order_loses_one_or_leaves_the_book_wrong(
    part: int,
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL, "trading_mcp")
    first = int(request.config.getoption("--seed", default=0) or 0) + part * SEEDS
    record_property("sampled", f"seeds {first} to {first + SEEDS - 1}")
    for seed in range(first, first + SEEDS):
        with scratch() as folder:
            try:
                play(seed, Path(folder))
            except BaseException:
                print(f"repeat it: {again(seed)}")  # noqa: T201
                raise

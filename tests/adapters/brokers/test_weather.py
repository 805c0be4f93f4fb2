"""A small courier in bad weather: whatever happens, one intent is one order, and calm shows the truth."""

import asyncio
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.adapters.brokers.making import World, want
from trading_mcp.adapters.brokers.faults import MENU, Fault
from trading_mcp.adapters.brokers.faulty import FaultyVenue
from trading_mcp.core.domain.orders import ENDED, Order, OrderState, may_become
from trading_mcp.core.ports import NotFound, Refusal

# NaN and absent fields are the reader's to notice; this courier reads states alone.
KINDS: tuple[dict[str, Any], ...] = (
    {},
    {"kind": "limit", "limit_price": "100"},
    {"kind": "limit", "limit_price": "90"},
)


class Courier:
    """Sends each intent once, and asks for it until calm says what became of it."""

    def __init__(self, folder: Path, seed: int, rate: float) -> None:
        self.world = World(folder / "venue.db")
        self.dice = random.Random(seed)
        self.venue = FaultyVenue(
            self.world.venue, self.world.clock, sleep=self.sleep, seed=seed, rates=dict.fromkeys(Fault, rate)
        )
        self.states: dict[str, OrderState] = {}
        self.refused: set[str] = set()

    async def sleep(self, microseconds: int) -> None:
        self.world.clock.advance(microseconds)

    async def send(self, order: Order) -> None:
        self.states[order.id] = OrderState.SENDING
        try:
            await self.venue.submit(order)
        except Refusal:
            self.refused.add(order.id)
        except Exception:  # noqa: BLE001 - whatever it was, the order may be alive
            self.states[order.id] = OrderState.UNKNOWN

    async def look(self, order_id: str) -> None:
        try:
            told = await self.venue.order(order_id)
        except Exception:  # noqa: BLE001 - nothing was learned
            return
        before = self.states[order_id]
        assert before is told.state or may_become(before, told.state), (order_id, before, told.state)
        self.states[order_id] = told.state

    async def meddle(self, order_id: str) -> None:
        try:
            await self.dice.choice(
                (
                    lambda: self.venue.cancel(order_id),
                    lambda: self.venue.fills(0),
                    self.venue.open_orders,
                    self.venue.balances,
                )
            )()
        except Exception:  # noqa: BLE001 - as above
            return

    async def live(self, count: int) -> None:
        for number in range(count):
            side = "sell" if number % 5 == 4 else "buy"
            await self.send(want(side, quantity="0.05", **{"id": f"i{number}", **KINDS[number % 3]}))
            for _ in range(3):
                self.world.clock.advance(self.dice.randrange(4_000_000))
                middle = self.dice.randrange(88, 112)
                self.world.tape.show(f"{middle - 1}x1", f"{middle + 1}x1")
                other = self.dice.choice(sorted(self.states))
                await self.meddle(other)
                await self.look(other)


def lived(seed: int, rate: float, count: int) -> tuple[Courier, list[str]]:
    async def run(folder: Path) -> tuple[Courier, list[str]]:
        courier = Courier(folder, seed, rate)
        await courier.live(count)
        venue = courier.venue
        venue.calm()
        assert max(venue.reached.values(), default=0) <= 1
        truth: list[str] = []
        for order_id in courier.states:
            await courier.look(order_id)
            try:
                told = await venue.order(order_id)
            except NotFound:
                assert order_id in courier.refused or courier.states[order_id] is OrderState.UNKNOWN
                truth.append(f"{order_id} absent")
                continue
            assert courier.states[order_id] is told.state
            fills = [fill for fill in await venue.fills(0) if fill.order_id == order_id]
            assert sum(fill.quantity for fill in fills) == told.filled <= told.quantity
            assert told.state in ENDED or told in await venue.open_orders()
            truth.append(f"{order_id} {told.state} {told.filled}")
        await venue.close()
        return courier, truth

    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(run(Path(folder)))


def test_one_intent_is_at_most_one_order_and_calm_shows_what_became_of_it(
    sampled: Callable[[int], tuple[random.Random, int]],
) -> None:
    rng, count = sampled(25)
    happened: set[Fault] = set()
    for _ in range(count):
        seed = rng.randrange(10**9)
        courier, _ = lived(seed, rng.choice((0.01, 0.05, 0.2)), 25)
        happened |= {fault for _, _, fault in courier.venue.history}
    assert happened == set(MENU), "every fault of the menu happened"


def test_the_same_seed_is_the_same_weather() -> None:
    first, truth = lived(7, 0.1, 40)
    again, repeated = lived(7, 0.1, 40)
    assert (first.venue.history, truth) == (again.venue.history, repeated)
    other, _ = lived(8, 0.1, 40)
    assert other.venue.history != first.venue.history

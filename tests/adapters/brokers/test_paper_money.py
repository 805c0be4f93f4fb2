"""What holds at the paper venue for every sequence of orders, markets and restarts."""

import asyncio
import tempfile
from decimal import Decimal
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.adapters.brokers.making import CASH, NOON, World, want
from trading_mcp.adapters.brokers.paper.venue import PaperVenue
from trading_mcp.adapters.feeds.simulated import SimulatedFeed
from trading_mcp.adapters.system.clock import VirtualClock
from trading_mcp.core.canonical import canonical
from trading_mcp.core.domain.market import MINUTE
from trading_mcp.core.domain.money import ZERO, exactly
from trading_mcp.core.domain.orders import ENDED, Order, Side
from trading_mcp.core.ports import Duplicate, NotFound, Refusal
from trading_mcp.core.simulation.costs import Costs, FeeIn
from trading_mcp.core.simulation.market import SyntheticMarket


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happens: a number says what."""

    kind: str
    side: str
    cents: int
    lots: int
    number: int


STEPS = st.lists(
    st.builds(
        Step,
        kind=st.sampled_from(
            [
                "market",
                "limit",
                "stop",
                "stop_limit",
                "trailing_stop",
                "ioc",
                "fok",
                "cancel",
                "book",
                "bar",
                "again",
                "deposit",
                "withdraw",
            ]
        ),
        side=st.sampled_from(["buy", "sell"]),
        cents=st.integers(9_000, 11_000),
        lots=st.integers(1, 6_000),
        number=st.integers(0, 12),
    ),
    max_size=25,
)
TERMS = st.builds(
    Costs,
    fee_taker=st.sampled_from([ZERO, Decimal("0.001"), Decimal("0.0175")]),
    fee_maker=st.sampled_from([ZERO, Decimal("0.002")]),
    fee_in=st.sampled_from(FeeIn),
    slippage=st.sampled_from([ZERO, Decimal("0.003")]),
    volume_share=st.sampled_from([None, Decimal(1), Decimal("0.25")]),
    touch_share=st.sampled_from([ZERO, Decimal(1)]),
    latency=st.sampled_from([0, 1_500_000]),
)


async def play(folder: Path, steps: list[Step], costs: Costs) -> bytes:
    """Play steps on a new venue, check it after each, and return everything it tells at the end."""
    world = World(folder / "venue.db", terms=lambda _: costs)
    moved = dict.fromkeys(CASH, ZERO)
    for step in steps:
        await take(world, step, moved)
        await check(world, moved)
    venue = world.venue
    told = [await venue.fills(0), await venue.open_orders(), await venue.balances(), await venue.transfers(0)]
    await venue.close()
    return b"\n".join(canonical(rows) for rows in told)


async def take(world: World, step: Step, moved: dict[str, Decimal]) -> None:
    price, quantity = Decimal(step.cents) / 100, Decimal(step.lots) / 1000
    try:
        match step.kind:
            case "book":
                world.wait(1)
                below, above = price - Decimal("0.5"), price + Decimal("0.5")
                world.tape.show(f"{price}x{quantity} {below}x2", f"{price + Decimal('0.1')}x{quantity} {above}x2")
            case "bar":
                minute = (world.clock.now() - NOON) // 60_000_000
                high, low = max(price, Decimal(100)), min(price, Decimal(100))
                world.tape.went(f"100 {high} {low} {price}", str(quantity), minute=minute)
                world.wait(60)
            case "cancel":
                await world.venue.cancel(f"o{step.number}")
            case "again":
                await world.again()
            case "deposit":
                await world.venue.deposit("USDT", quantity)
                moved["USDT"] += quantity
            case "withdraw":
                await world.venue.withdraw("BTC", quantity)
                moved["BTC"] -= quantity
            case kind:
                await world.venue.submit(wanted(kind, step, price, quantity))
    except (Duplicate, NotFound, Refusal):
        pass


def wanted(kind: str, step: Step, price: Decimal, quantity: Decimal) -> Order:
    limit = str(price) if kind in ("limit", "stop_limit", "ioc", "fok") else None
    stop = str(price) if kind in ("stop", "stop_limit") else None
    return want(
        step.side,
        "limit" if kind in ("ioc", "fok") else kind,
        str(quantity),
        id=f"o{step.number}",
        tif=kind if kind in ("ioc", "fok") else "gtc",
        limit_price=limit,
        stop_price=stop,
        reduces=step.number % 3 == 0 and step.side == "sell",
        **({"trail": "0.02"} if kind == "trailing_stop" else {}),
    )


async def check(world: World, moved: dict[str, Decimal]) -> None:
    fills = await world.venue.fills(0)
    with exactly():
        expected = {asset: CASH[asset] + moved[asset] for asset in CASH}
        for fill in fills:
            sign = 1 if fill.side is Side.BUY else -1
            expected["BTC"] += sign * fill.quantity
            expected["USDT"] -= sign * fill.quantity * fill.price
            expected[fill.fee_asset] -= fill.fee
        balances = await world.venue.balances()
        assert {row.asset: row.total for row in balances} == expected
        assert all(ZERO <= row.free <= row.total for row in balances)
        assert len({fill.trade_id for fill in fills}) == len(fills)
        working = await world.venue.open_orders()
        assert all(told.state not in ENDED for told in working)
        if not working:
            assert all(row.free == row.total for row in balances)
        for order_id in {fill.order_id for fill in fills if fill.order_id is not None}:
            told = await world.venue.order(order_id)
            assert told.filled == sum(fill.quantity for fill in fills if fill.order_id == order_id) <= told.quantity


@given(STEPS, TERMS)
@settings(max_examples=settings().max_examples)
def test_money_is_conserved_and_nothing_fills_beyond_its_quantity(steps: list[Step], costs: Costs) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder), steps, costs))


@given(STEPS, TERMS)
@settings(max_examples=settings().max_examples // 4)
def test_the_same_steps_give_the_same_bytes(steps: list[Step], costs: Costs) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        assert asyncio.run(play(Path(one), steps, costs)) == asyncio.run(play(Path(other), steps, costs))


async def day_of(folder: Path) -> tuple[bytes, int]:
    """A day on the simulated market: buy, protect, and let what rests meet a thousand minutes."""
    clock = VirtualClock(NOON)
    feed = SimulatedFeed(SyntheticMarket(11), clock)
    PaperVenue.create(folder / "venue.db", cash=CASH, at=NOON)
    venue = PaperVenue(folder / "venue.db", feed, clock)
    for number, pair in enumerate(("ETH-USDT", "SOL-USDT", "AAPL")):
        depth = feed.depth("paper", pair)
        assert depth is not None
        below = depth.bids[0].price - 3 * (depth.asks[-1].price - depth.bids[-1].price)
        entry = {"pair": pair, "quantity": "0.5", "price_worst": str(depth.asks[-1].price)}
        await venue.submit(want(id=f"m{number}", **entry))
        await venue.submit(want(kind="limit", id=f"l{number}", limit_price=str(below), **entry))
    clock.advance(1000 * MINUTE)
    told = [await venue.fills(0), await venue.open_orders(), await venue.balances()]
    await venue.close()
    return b"".join(canonical(rows) for rows in told), len(told[0])


def test_a_day_on_the_simulated_market_is_the_same_every_time() -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        first, fills = asyncio.run(day_of(Path(one)))
        assert asyncio.run(day_of(Path(other))) == (first, fills)
    assert fills >= 4

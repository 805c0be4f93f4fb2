"""What every venue promises its desk: the paper venue, and one that goes wrong while it is calm."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.adapters.brokers.making import NOON, World, want
from trading_mcp.adapters.brokers.faulty import FaultyVenue
from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.market import SECOND
from trading_mcp.core.domain.orders import OrderState
from trading_mcp.core.ports import Broker, Duplicate, NotFound, Refusal


class Subject:
    """A broker under test and the world it stands in."""

    def __init__(self, world: World, broker: Broker) -> None:
        self.world = world
        self.broker = broker


@pytest.fixture(params=["paper", "faulty"])
async def subject(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Subject]:
    world = World(tmp_path / "venue.db")

    async def never(_: int) -> None:
        raise AssertionError("a calm venue waits for nothing")

    faulty = FaultyVenue(world.venue, world.clock, sleep=never)
    yield Subject(world, world.venue if request.param == "paper" else faulty)
    await faulty.close()


async def test_it_says_who_it_is(subject: Subject) -> None:
    broker = subject.broker
    assert (broker.venue, broker.mode, broker.account) == ("paper", Mode.SIMULATED, "")


async def test_an_accepted_order_is_known_by_our_id_and_by_its_own(subject: Subject) -> None:
    broker = subject.broker
    venue_order_id = await broker.submit(want(kind="limit", limit_price="90"))
    told = await broker.order("o1")
    assert (told.venue_order_id, told.state, told.filled, told.at) == (venue_order_id, OrderState.LIVE, 0, NOON)
    assert await broker.open_orders() == (told,)


async def test_what_crosses_fills_and_is_told_as_fills_balances_and_state_alike(subject: Subject) -> None:
    broker = subject.broker
    await broker.submit(want(quantity="2"))
    told = await broker.order("o1")
    fills = await broker.fills(0)
    assert (told.state, told.filled) == (OrderState.FILLED, 2)
    assert [(fill.quantity, fill.price, fill.order_id) for fill in fills] == [(1, 101, "o1"), (1, 102, "o1")]
    assert len({fill.trade_id for fill in fills}) == 2
    balances = {row.asset: (row.free, row.total) for row in await broker.balances()}
    assert balances["BTC"] == (7, 7)
    assert balances["USDT"] == (10_000 - 203, 10_000 - 203)
    assert await broker.open_orders() == ()


async def test_an_id_it_knows_is_never_a_second_order(subject: Subject) -> None:
    broker = subject.broker
    await broker.submit(want(kind="limit", limit_price="90"))
    for again in (want(kind="limit", limit_price="90"), want("sell", quantity="3")):
        with pytest.raises(Duplicate, match="o1"):
            await broker.submit(again)
    assert len(await broker.open_orders()) == 1


async def test_a_refused_order_does_not_exist(subject: Subject) -> None:
    broker = subject.broker
    with pytest.raises(Refusal):
        await broker.submit(want(quantity="0.0001"))
    with pytest.raises(NotFound):
        await broker.order("o1")
    await broker.submit(want())


async def test_a_cancelled_order_is_told_as_such_and_gives_back_what_it_held(subject: Subject) -> None:
    broker = subject.broker
    await broker.submit(want(kind="limit", limit_price="90"))
    await broker.cancel("o1")
    assert (await broker.order("o1")).state is OrderState.CANCELLED
    assert all(row.free == row.total for row in await broker.balances())


async def test_nothing_open_cannot_be_cancelled(subject: Subject) -> None:
    broker = subject.broker
    with pytest.raises(NotFound):
        await broker.cancel("o1")
    await broker.submit(want())
    with pytest.raises(NotFound):
        await broker.cancel("o1")


async def test_fills_are_told_from_a_moment_on_and_that_moment_counts(subject: Subject) -> None:
    broker, world = subject.broker, subject.world
    await broker.submit(want())
    world.wait(5)
    world.tape.show()
    await broker.submit(want(id="o2"))
    assert [fill.order_id for fill in await broker.fills(NOON)] == ["o1", "o2"]
    assert [fill.order_id for fill in await broker.fills(NOON + 1)] == ["o2"]
    assert [fill.order_id for fill in await broker.fills(NOON + 5 * SECOND)] == ["o2"]
    assert await broker.fills(NOON + 5 * SECOND + 1) == ()


async def test_money_that_moved_is_told_once_each_with_an_id(subject: Subject) -> None:
    broker, world = subject.broker, subject.world
    assert await broker.transfers(0) == ()
    first = await world.venue.deposit("USDT", Decimal(50))
    world.wait(1)
    second = await world.venue.withdraw("USDT", Decimal(20))
    rows = await broker.transfers(0)
    assert [(row.id, row.asset, row.amount) for row in rows] == [(first, "USDT", 50), (second, "USDT", -20)]
    assert [row.id for row in await broker.transfers(NOON + 1)] == [second]


async def test_what_it_offers_carries_its_name(subject: Subject) -> None:
    offered = await subject.broker.instruments()
    assert [(item.venue, item.pair) for item in offered] == [("paper", "BTC-USDT"), ("paper", "AAPL")]

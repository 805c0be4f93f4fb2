"""The paper venue's own file: made whole or not at all, held by one, and true after any crash."""

import asyncio
import sqlite3
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from tests.adapters.brokers.making import CASH, NOON, Tape, World, let_go, want
from trading_mcp.adapters.brokers.paper import schema
from trading_mcp.adapters.brokers.paper.venue import PaperVenue, ordinary
from trading_mcp.adapters.system.clock import VirtualClock
from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import OrderState, Side
from trading_mcp.core.ports import NotFound
from trading_mcp.errors import VenueUnusable


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "venue.db"


def opened(path: Path) -> PaperVenue:
    clock = VirtualClock(NOON)
    return let_go(PaperVenue(path, Tape(clock), clock))


async def test_it_begins_with_the_cash_it_was_given(path: Path) -> None:
    PaperVenue.create(path, cash={"USD": Decimal(7)}, at=NOON, mode=Mode.PAPER, venue="mine", account="a1")
    venue = opened(path)
    assert (venue.venue, venue.mode, venue.account) == ("mine", Mode.PAPER, "a1")
    assert [(row.asset, row.free, row.total) for row in await venue.balances()] == [("USD", 7, 7)]
    assert await venue.transfers(0) == ()
    await venue.close()


def test_it_is_for_its_owner_alone(path: Path) -> None:
    PaperVenue.create(path, cash=CASH, at=NOON)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [Mode.LIVE, Mode.DRY, Mode.BACKTEST])
@pytest.mark.proves("T10")
def test_it_is_never_made_for_real_money(path: Path, mode: Mode) -> None:
    with pytest.raises(ValueError, match="without real money"):
        PaperVenue.create(path, cash=CASH, at=NOON, mode=mode)
    assert not path.exists()


def test_what_it_begins_with_is_money(path: Path) -> None:
    with pytest.raises(ValueError, match="positive amounts"):
        PaperVenue.create(path, cash={"USD": Decimal(-1)}, at=NOON)


def test_its_cash_is_given_once(path: Path) -> None:
    PaperVenue.create(path, cash=CASH, at=NOON)
    with pytest.raises(VenueUnusable, match="stands at"):
        PaperVenue.create(path, cash=CASH, at=NOON)


async def test_what_a_crash_left_of_making_one_does_no_harm(path: Path) -> None:
    path.with_name("venue.db.new").write_bytes(b"half of it")
    path.with_name("venue.db.new-wal").write_bytes(b"and more")
    PaperVenue.create(path, cash=CASH, at=NOON)
    venue = opened(path)
    assert len(await venue.balances()) == 3
    await venue.close()


def test_a_venue_that_is_gone_is_not_made_anew(path: Path) -> None:
    with pytest.raises(VenueUnusable, match="no venue at"):
        opened(path)
    assert not path.exists()


def test_a_foreign_file_stays_as_it_is(path: Path) -> None:
    foreign = sqlite3.connect(path)
    foreign.execute("CREATE TABLE notes (text TEXT)")
    foreign.close()
    before = path.read_bytes()
    with pytest.raises(VenueUnusable, match="no paper venue of format 1"):
        opened(path)
    assert path.read_bytes() == before
    path.write_bytes(b"a letter to somebody, long enough to be looked at" * 30)
    with pytest.raises(VenueUnusable, match="cannot be used"):
        opened(path)


async def test_two_desks_cannot_hold_it(path: Path) -> None:
    PaperVenue.create(path, cash=CASH, at=NOON)
    venue = opened(path)
    with pytest.raises(VenueUnusable, match="held by another process"):
        opened(path)
    await venue.close()
    await opened(path).close()


async def test_everything_is_the_same_after_a_restart(path: Path) -> None:
    world = World(path)
    await world.venue.submit(want(quantity="2"))
    await world.venue.submit(want("sell", "trailing_stop", trail="0.1", id="o2"))
    await world.venue.submit(want(kind="stop_limit", limit_price="130", stop_price="120", id="o3"))
    await world.venue.submit(want(kind="limit", limit_price="90", quantity="3", id="o4"))
    world.wait(1)
    world.tape.show(bids="88x1", asks="89x1")
    await world.venue.deposit("USDT", Decimal(5))

    async def told() -> list[object]:
        venue = world.venue
        orders = [await venue.order(f"o{number}") for number in (1, 2, 3, 4)]
        return [
            orders,
            await venue.open_orders(),
            await venue.fills(0),
            await venue.transfers(0),
            await world.money(),
        ]

    before = await told()
    await world.again()
    assert await told() == before
    assert [order.state for order in await world.venue.open_orders()] == [OrderState.LIVE, OrderState.PARTIAL]


async def test_what_cannot_be_written_was_never_accepted(path: Path) -> None:
    world = World(path)
    await world.venue.submit(want(kind="limit", limit_price="90", id="o0"))
    connection = world.venue._records._connection
    connection.execute("CREATE TRIGGER full BEFORE INSERT ON fills BEGIN SELECT raise(ROLLBACK, 'disk full'); END")
    with pytest.raises(sqlite3.IntegrityError, match="disk full"):
        await world.venue.submit(want())
    with pytest.raises(NotFound):
        await world.venue.order("o1")
    assert await world.money() == {"BTC": "5/5", "USD": "10000/10000", "USDT": "9910/10000"}
    connection.execute("DROP TRIGGER full")
    connection.execute("CREATE TRIGGER full BEFORE INSERT ON fills BEGIN SELECT raise(ABORT, 'disk full'); END")
    with pytest.raises(sqlite3.IntegrityError, match="disk full"):
        await world.venue.submit(want())
    connection.execute("DROP TRIGGER full")
    await world.venue.submit(want())
    assert len(await world.venue.fills(0)) == 1


async def test_a_trade_id_is_unique_for_ever(path: Path) -> None:
    world = World(path)
    await world.venue.submit(want())
    [fill] = await world.venue.fills(0)
    with pytest.raises(sqlite3.IntegrityError):
        world.venue._records.add_fills((fill,))


@pytest.mark.proves("T10")
def test_it_loads_nothing_that_could_open_a_connection() -> None:
    look = (
        "import sys\nimport trading_mcp.adapters.brokers.paper.venue\n"
        "print(sorted({'socket', 'ssl', 'http', 'httpx2', 'asyncio', 'subprocess'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_header_of_its_file_says_what_it_is() -> None:
    assert schema.APPLICATION.to_bytes(4, "big") == b"tmv1"


async def money_adds_up(path: Path) -> set[str]:
    """Check a venue's records against each other; returns the ids of its orders."""
    clock = VirtualClock(NOON)
    tape = Tape(clock, instruments=Tape.offered)
    venue = PaperVenue(path, tape, clock, terms=ordinary)
    fills, opened, balances = await venue.fills(0), await venue.open_orders(), await venue.balances()
    rows = venue._records._all("SELECT order_id FROM orders")
    with exactly():
        for asset, at_first in CASH.items():
            worth = at_first
            for fill in fills:
                sign = 1 if fill.side is Side.BUY else -1
                worth += {"BTC": sign * fill.quantity, "USDT": -sign * fill.quantity * fill.price}.get(asset, 0)
                worth -= fill.fee if fill.fee_asset == asset else 0
            [balance] = [row for row in balances if row.asset == asset]
            assert balance.total == worth
            assert 0 <= balance.free <= balance.total
        for (order_id,) in rows:
            told = await venue.order(order_id)
            of_it = [fill.quantity for fill in fills if fill.order_id == order_id]
            assert told.filled == sum(of_it) <= told.quantity
            assert (told in opened) is (told.state in (OrderState.LIVE, OrderState.PARTIAL))
    await venue.close()
    return {order_id for (order_id,) in rows}


def test_killed_mid_submit_five_times_over_nothing_it_answered_is_lost_and_money_adds_up(path: Path) -> None:
    PaperVenue.create(path, cash=CASH, at=NOON)
    command = [sys.executable, "-m", "tests.adapters.brokers.submitter", str(path)]
    answered: set[str] = set()
    for lines in (1, 5, 20, 60, 90):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            answered |= {process.stdout.readline().strip() for _ in range(lines)}
            process.kill()
            answered |= set(process.stdout.read().split("\n")[:-1])
        known = asyncio.run(money_adds_up(path))
        assert answered <= known
        # The last order of each life may have been accepted without anybody hearing of it.
        assert len(known) <= len(answered) + 5

"""What the smaller parts of the desk promise: gathering, comparing, beating, and the words for a fate."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.desk.conftest import Play
from tests.desk.world import BTC, CASH, START, World
from trading_mcp.adapters.brokers.faults import Call, Fault
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.latches import TradingState
from trading_mcp.core.domain.market import DAY, HOUR, MINUTE, SECOND
from trading_mcp.core.domain.orders import Notional, OrderState, OrderType
from trading_mcp.core.domain.recall import RECALL_DAYS
from trading_mcp.core.domain.verdict import Code
from trading_mcp.core.ports import VenueBalance
from trading_mcp.desk.heart import Heart
from trading_mcp.desk.outcomes import Status
from trading_mcp.desk.reconcile import Reconciler
from trading_mcp.desk.telling import OVERLAP, memory_begins, read_from
from trading_mcp.errors import DeskFrozen

LOW: dict[str, Any] = {"type": OrderType.LIMIT, "limit_price": Decimal(80_000)}


# How far back records are read.


def test_records_are_never_read_from_before_what_is_remembered(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        book = desk.book
        born = START - HOUR
        assert (memory_begins(book), read_from(book, 0)) == (born, born)
        assert read_from(book, START + 3 * OVERLAP) == START + 2 * OVERLAP
        first = START // DAY + 9
        full = replace(book, trades={first + day: {"x": "y"} for day in range(RECALL_DAYS)})
        assert memory_begins(full) == first * DAY + HOUR
        assert read_from(full, 0) == first * DAY + HOUR
        old = replace(book, trades={100 + day: {"x": "y"} for day in range(RECALL_DAYS)})
        assert memory_begins(old) == born

    play(story)


@pytest.mark.parametrize("days", [12])
def test_a_start_after_many_days_folds_no_old_fill_again(play: Play, days: int) -> None:
    async def story(world: World) -> None:
        await world.ready()
        for _ in range(days):
            assert (await world.trade(amount=Notional(Decimal(50)))).status is Status.FILLED
            await world.crash()
            await asyncio.sleep(DAY / SECOND)
            await world.ready()
        assert not await world.differences()
        assert not world.desk.book.latches

    play(story)


# Comparing.


async def seen(world: World, **changes: Any) -> None:
    """Let the venue tell other balances than it has."""
    genuine = world.paper.balances

    async def balances() -> tuple[VenueBalance, ...]:
        rows = [row for row in await genuine() if row.asset not in changes]
        return (*rows, *(VenueBalance(asset=key, total=value, free=value) for key, value in changes.items()))

    world.paper.balances = balances  # type: ignore[method-assign]


def test_a_difference_that_lasts_reduces_the_venue_and_one_that_passes_does_not(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        genuine = world.paper.balances
        await seen(world, USDT=Decimal(1))
        await asyncio.sleep(100)
        assert not desk.book.latches
        world.paper.balances = genuine  # type: ignore[method-assign]
        await asyncio.sleep(100)
        assert not desk.book.latches
        await seen(world, USDT=Decimal(1))
        await asyncio.sleep(200)
        (latch,) = desk.book.latches.values()
        assert (latch.code, latch.state, latch.scope.key) == (
            Code.RECONCILIATION_DIFFERENCE, TradingState.REDUCING, "venue/paper",
        )  # fmt: skip

    play(story)


def test_differences_with_a_reading_between_them_that_agrees_confirm_nothing(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        for n in range(1, 20):
            genuine = world.paper.balances
            await seen(world, USDT=Decimal(n))
            await asyncio.sleep(20)
            world.paper.balances = genuine  # type: ignore[method-assign]
            await asyncio.sleep(10)
        assert not desk.book.latches

    play(story)


def test_at_the_start_a_difference_is_confirmed_before_anything_is_sent(play: Play) -> None:
    async def story(world: World) -> None:
        await seen(world, USDT=Decimal(1))
        desk = world.start()
        await asyncio.sleep(10)
        assert not desk.book.reconciled
        await asyncio.sleep(30)
        assert desk.book.reconciled
        assert desk.book.latches

    play(story)


def test_a_failed_query_is_never_empty(play: Play) -> None:
    async def story(world: World) -> None:
        for call in (Call.INSTRUMENTS, Call.FILLS, Call.OPEN_ORDERS, Call.BALANCES, Call.TRANSFERS):
            world.venue.script(Fault.UNAVAILABLE, call=call)
        world.venue.script(Fault.NOT_A_NUMBER, call=Call.BALANCES)
        desk = world.start()
        await asyncio.sleep(2.5)
        assert not desk.book.reconciled
        assert (await world.trade()).status is Status.DENIED
        await asyncio.sleep(10)
        assert desk.book.reconciled
        assert desk.gatherer.instrument("paper", BTC) is not None

    play(story)


def test_a_deposit_is_found_once(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.paper.deposit("USDT", Decimal(100))
        await asyncio.sleep(200)
        assert desk.book.portfolio.cash["paper/USDT"] == CASH["USDT"] + 100
        assert [type(event).__name__ for event in world.events()].count("CashMoved") == 1

    play(story)


def test_an_order_in_flight_is_left_to_its_own_task(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        world.venue.script(Fault.HANG, call=Call.SUBMIT, lasts=8 * SECOND)
        desk.commit(c.Execute(intent=world.intent(id="slow")))
        await asyncio.sleep(1)
        world.paper.order = None  # type: ignore[assignment,method-assign]
        world.paper.fills = lambda since: asyncio.sleep(0, ())  # type: ignore[assignment,method-assign]
        await seen(world, **CASH, BTC=Decimal(0))
        assert await Reconciler(world.ports, desk).venue("paper")
        (working,) = desk.book.working.values()
        assert working.state is OrderState.SENDING

    play(story)


# Beating.


def test_the_first_look_that_sees_the_file_halts_for_good(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        world.is_halted_by_file = True
        await asyncio.sleep(2)
        world.is_halted_by_file = False
        await asyncio.sleep(2)
        assert desk.book.account_state is TradingState.HALTED

    play(story)


def test_what_fails_in_one_beat_keeps_nothing_else_from_its_turn(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        genuine = desk.commit

        def commit(command: Any, **given: Any) -> Any:
            if isinstance(command, c.Tick):
                raise DeskFrozen("It is frozen.", "Read the log.")
            return genuine(command, **given)

        desk.commit = commit  # type: ignore[method-assign]
        marks = len([event for event in world.events() if isinstance(event, e.Marked)])
        await asyncio.sleep(130)
        assert len([event for event in world.events() if isinstance(event, e.Marked)]) > marks

    play(story)


def test_a_venue_that_breaks_is_visited_again(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        genuine, asked = world.paper.advance, list[int]()

        async def advance() -> None:
            asked.append(1)
            if len(asked) < 4:
                raise RuntimeError("broken")
            await genuine()

        world.paper.advance = advance  # type: ignore[method-assign]
        await asyncio.sleep(10)
        assert len(asked) > 4
        await world.heart.settle()

    play(story)


def test_a_visit_that_hangs_is_not_doubled(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        genuine, under_way = world.paper.advance, list[int]()

        async def advance() -> None:
            under_way.append(1)
            assert len(under_way) == 1
            await asyncio.sleep(5)
            under_way.pop()
            await genuine()

        world.paper.advance = advance  # type: ignore[method-assign]
        await asyncio.sleep(3)
        world.paper.advance = genuine  # type: ignore[method-assign]
        await asyncio.sleep(3)
        assert not under_way

    play(story)


def test_a_venue_that_only_answers_needs_no_pushing(play: Play) -> None:
    class Plain:
        def __init__(self, inner: Any) -> None:
            self.venue, self.mode, self.account = inner.venue, inner.mode, inner.account
            for name in ("submit", "cancel", "order", "open_orders", "fills", "balances", "transfers", "instruments"):
                setattr(self, name, getattr(inner, name))

    async def story(world: World) -> None:
        inner: Any = world.venue
        world.venue = inner
        desk = world.start()
        world.beating.cancel()
        brokers: Any = world.ports.brokers
        brokers["paper"] = Plain(brokers["paper"])
        # Another heart, since one asks what its venues can do when it is made.
        beating = asyncio.ensure_future(Heart(world.ports, desk).run())
        await world.until(lambda: "paper" in desk.book.reconciled)
        beating.cancel()

    play(story)


def test_a_closed_lid_suspends_until_venues_were_asked_again(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        world.clock.shift += 10 * MINUTE
        denied = await world.trade()
        assert Code.CLOCK_UNSOUND in [finding.code for finding in denied.findings]
        await asyncio.sleep(10)
        names = [type(event).__name__ for event in world.events()]
        assert "Suspended" in names
        assert "Woke" in names
        assert (await world.trade()).status is Status.FILLED
        assert not desk.book.latches

    play(story)

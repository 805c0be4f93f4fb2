"""What a venue shows that the desk did not make: counted, told, left alone; what nothing explains reduces."""

import asyncio
from decimal import Decimal
from typing import Any

import msgspec

from tests.core.simulation.making import order as made
from tests.desk.conftest import Play
from tests.desk.world import BTC, CASH, ETH, World, policy_with
from trading_mcp.adapters.brokers.faults import Call, Fault
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.latches import Scope, ScopeKind, TradingState
from trading_mcp.core.domain.market import HOUR
from trading_mcp.core.domain.orders import EXTERNAL, Door, OrderType, Side
from trading_mcp.core.domain.portfolio import Adjustment, position_key
from trading_mcp.core.domain.verdict import Code
from trading_mcp.core.ports import Activity, VenueBalance
from trading_mcp.desk.comparing import Found
from trading_mcp.desk.opening import replayed
from trading_mcp.desk.outcomes import Status
from trading_mcp.desk.reconcile import Reconciler

LATER = 150
KEY = position_key(EXTERNAL, "paper", BTC)


async def shown(world: World, **changes: Decimal) -> None:
    """Let the venue tell of units that no record explains."""
    genuine = world.paper.balances

    async def balances() -> tuple[VenueBalance, ...]:
        rows = {row.asset: row for row in await genuine()}
        for asset, more in changes.items():
            row = rows.get(asset, VenueBalance(asset=asset, total=Decimal(0), free=Decimal(0)))
            rows[asset] = VenueBalance(asset=asset, total=row.total + more, free=row.free + more)
        return tuple(rows.values())

    world.paper.balances = balances  # type: ignore[method-assign]


def of(world: World, *kinds: type[e.Event]) -> list[Any]:
    return [event for event in world.events() if isinstance(event, kinds)]


def test_an_order_of_others_counts_as_exposure_is_told_once_and_survives_the_kill_switch(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        theirs = made("buy", "limit", "0.29", pair=BTC, limit_price="80000", id="theirs")
        await world.paper.submit(theirs)
        await asyncio.sleep(LATER)
        (ordered,) = of(world, e.ForeignOrdered)
        assert [(o.pair, o.side, o.remaining) for o in ordered.orders] == [(BTC, Side.BUY, Decimal("0.29"))]
        await asyncio.sleep(60)  # the next look for what stands
        assert world.told.subjects().count("Orders work that the desk did not make") == 1
        assert not desk.book.latches, "what is known and counted is no difference"
        # A quarter of the account may be in one asset: with theirs the next one is too much.
        denied = await world.trade(BTC)
        assert (denied.status, denied.findings[0].code) == (Status.DENIED, Code.POSITION_CONCENTRATION_MAX)
        assert (await world.trade(ETH)).status is Status.FILLED
        await desk.handle(c.Halt(door=Door.CLI, reason="enough"))
        await desk.handle(c.Cancel(door=Door.CLI))
        await asyncio.sleep(LATER)
        assert [order.order_id for order in await world.paper.open_orders()] == ["theirs"]
        await world.paper.cancel("theirs")
        await asyncio.sleep(LATER)
        assert not desk.book.foreign
        assert len(of(world, e.ForeignOrdered)) == 2

    play(story, policy=policy_with(order_notional_max='"5000"'))


def test_what_others_trade_is_a_holding_of_theirs_and_is_not_in_close_all(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        price = (world.price() * Decimal("1.01")).quantize(Decimal("0.01"))
        await world.paper.submit(made("buy", "limit", "0.01", pair=BTC, limit_price=str(price), id="x"))
        await asyncio.sleep(LATER)
        assert desk.book.portfolio.positions[KEY].quantity == Decimal("0.01")
        await desk.handle(c.Close(intent_id="all", door=Door.CLI))
        await asyncio.sleep(LATER)
        assert desk.book.portfolio.positions[KEY].quantity == Decimal("0.01")
        assert not desk.book.latches
        assert not await world.differences()

    play(story)


def test_units_that_no_record_explains_are_counted_as_others_and_are_no_profit(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade()
        await asyncio.sleep(LATER)
        ours = desk.book.portfolio.held("manual", "paper", BTC)
        await shown(world, BTC=Decimal("0.05"))
        await asyncio.sleep(LATER)
        (held,) = of(world, e.ForeignHeld)
        assert held.position.quantity == Decimal("0.05")
        assert abs(held.value / (world.price() * Decimal("0.05")) - 1) < Decimal("0.01")
        assert desk.book.portfolio.held("manual", "paper", BTC) == ours
        measure = desk.book.measures["account"]
        assert abs(measure.value - measure.day_open) < 50, "what others brought is neither gain nor loss"
        assert "The account holds what the desk did not make" in world.told.subjects()
        # Others take a part of it away again: theirs shrinks, ours does not.
        await shown(world, BTC=Decimal("-0.02"))
        await asyncio.sleep(LATER)
        assert desk.book.portfolio.positions[KEY].quantity == Decimal("0.03")
        assert not desk.book.latches
        assert replayed(world.journal) == desk.book

    play(story)


def test_units_that_are_missing_and_money_that_nobody_sent_reduce_the_venue(play: Play) -> None:
    async def missing(world: World) -> None:
        desk = await world.ready()
        await world.trade()
        await asyncio.sleep(LATER)
        await shown(world, BTC=Decimal("-0.001"))
        await asyncio.sleep(LATER)
        (latch,) = desk.book.latches.values()
        assert (latch.code, latch.state) == (Code.RECONCILIATION_DIFFERENCE, TradingState.REDUCING)
        assert "BTC: the book holds" in latch.reason

    async def half_a_story(world: World) -> None:
        """Coins came and money went: a trade that nobody has told yet, and nobody's gift."""
        desk = await world.ready()
        await shown(world, BTC=Decimal("0.001"), USDT=Decimal(-90))
        await asyncio.sleep(LATER)
        assert desk.book.latches
        assert not of(world, e.ForeignHeld)

    play(missing)
    play(half_a_story, seed=8)


def test_less_than_one_step_is_journaled_once_and_latches_nothing(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade()
        await shown(world, BTC=Decimal("-0.000001"))
        await asyncio.sleep(300)
        told = [event.differences for event in of(world, e.Reconciled) if event.differences]
        assert len(told) == 1
        assert told[0][0].startswith("BTC: the book holds")
        assert not desk.book.latches

    play(story)


def test_reconciling_twice_says_nothing_new(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade()
        await shown(world, BTC=Decimal("0.05"))
        await asyncio.sleep(LATER)
        head, reconciler = world.journal.head(), Reconciler(world.ports, desk)
        # What is compared for the first time is noted once more, and never again.
        for _ in range(3):
            assert await reconciler.venue("paper")
        assert [type(entry.event).__name__ for entry in world.journal.entries(head.seq)] == []

    play(story)


def test_a_difference_that_stays_is_recorded_once_and_again_when_it_changes_goes_or_was_released(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        quiet = len(of(world, e.Reconciled))
        genuine = world.paper.balances

        async def recorded(minutes: int) -> list[str]:
            await asyncio.sleep(60 * minutes)
            return ["; ".join(event.differences) for event in of(world, e.Reconciled)[quiet:]]

        await shown(world, USDT=Decimal(-100))
        (first,) = await recorded(30)
        assert "USDT: the book holds" in first
        assert desk.book.latches
        # The same difference latches again once somebody let it go.
        await world.release(Scope(kind=ScopeKind.VENUE, name="paper"))
        assert not desk.book.latches
        assert await recorded(30) == [first, first]
        assert desk.book.latches
        await shown(world, USDT=Decimal(-1))
        *_, changed = await recorded(30)
        assert changed != first
        world.paper.balances = genuine  # type: ignore[method-assign]
        assert await recorded(30) == [first, first, changed, ""]
        assert desk.book.latches, "only a signature removes it"

    play(story)


class Payer:
    """A venue that also tells of what it did to the account; money it pays is money it holds."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.done: list[Activity] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def activities(self, since: int) -> tuple[Activity, ...]:
        return tuple(each for each in self.done if each.at >= since)

    async def balances(self) -> tuple[VenueBalance, ...]:
        paid = {each.asset: each.amount for each in self.done}
        rows = await self.inner.balances()
        return tuple(msgspec.structs.replace(row, total=row.total + paid.get(row.asset, 0)) for row in rows)


def test_a_dividend_is_folded_once_and_explains_what_the_venue_holds(play: Play) -> None:
    async def story(world: World) -> None:
        payer = Payer(world.venue)
        world.venue = payer  # type: ignore[assignment]
        desk = await world.ready()
        paid = Activity(id="d1", kind=Adjustment.DIVIDEND, asset="USD", amount=Decimal(7), at=world.clock.now())
        payer.done.append(paid)
        await asyncio.sleep(HOUR / 1_000_000)
        assert desk.book.portfolio.cash["paper/USD"] == CASH["USD"] + 7
        assert len(of(world, e.Adjusted)) == 1
        assert not desk.book.latches
        await world.crash()
        await world.ready()
        await asyncio.sleep(LATER)
        assert len(of(world, e.Adjusted)) == 1

    play(story)


def test_at_a_start_with_a_difference_exits_go_that_both_sides_agree_on_and_nothing_else(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        await world.trade()
        await world.trade(ETH)
        await asyncio.sleep(LATER)
        await world.crash()
        await shown(world, USDT=Decimal(-100), ETH=Decimal("-0.01"))
        desk = world.start()
        await asyncio.sleep(3)
        assert not desk.book.reconciled
        denied = await world.trade(BTC)
        assert Code.STATE_NOT_RECONCILED in {finding.code for finding in denied.findings}
        # The venue holds less of it than the book: no more than that may be given up yet.
        denied = await world.trade(ETH, Side.SELL)
        assert [finding.code for finding in denied.findings] == [Code.BALANCE_INSUFFICIENT]
        assert (await world.trade(BTC, Side.SELL)).status is Status.FILLED
        await asyncio.sleep(LATER)
        assert desk.book.reconciled
        assert desk.book.latches

    play(story)


def test_a_desk_that_reads_again_lets_no_exit_go_before_it_has_read(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        await world.trade()
        await asyncio.sleep(LATER)
        await world.crash()
        await shown(world, USDT=Decimal(-100))
        world.start()
        await world.crash()
        desk = world.start()
        assert not desk.book.legible
        assert (await world.trade(BTC, Side.SELL)).status is Status.DENIED

    play(story)


def test_a_limit_order_of_ours_is_never_taken_for_one_of_others(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        await world.trade(type=OrderType.LIMIT, limit_price=Decimal(80_000))
        await asyncio.sleep(LATER)
        assert not of(world, e.ForeignOrdered)

    play(story)


def test_while_an_order_of_ours_may_explain_it_nothing_is_adopted(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        world.venue.script(Fault.TIMEOUT_BEFORE, call=Call.SUBMIT)
        assert (await world.trade()).status is Status.UNKNOWN
        reconciler = Reconciler(world.ports, desk)
        found = Found(assets=(("ETH", Decimal(0), Decimal(1)),))
        assert not reconciler._adopt("paper", found, frozenset({"ETH"}))
        await asyncio.sleep(LATER)
        assert not desk.book.working
        assert reconciler._adopt("paper", found, frozenset({"ETH"}))
        assert [held.position.pair for held in of(world, e.ForeignHeld)] == [ETH]

    play(story)


def test_a_key_that_nobody_signed_for_is_told_of(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        for name in ("old", "odd"):
            policy = desk.book.policy
            desk.commit(c.Enroll(fingerprint=name, public_key=name, is_successor=False, shipped=policy))
        assert "The approver was replaced; it signs here in a day" in world.told.subjects()

    play(story)

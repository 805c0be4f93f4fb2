"""What the smaller parts of the desk promise: gathering, comparing, beating, and the words for a fate."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.desk.conftest import Play
from tests.desk.world import BTC, CASH, ETH, START, World
from trading_mcp.adapters.brokers.faults import Call, Fault
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.latches import ACCOUNT, TradingState
from trading_mcp.core.domain.market import DAY, HOUR, MINUTE, SECOND, FeedHealth, Quote
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import Door, Notional, OrderState, OrderType, Protect, Side
from trading_mcp.core.domain.recall import RECALL_DAYS
from trading_mcp.core.domain.verdict import Code
from trading_mcp.core.ports import VenueBalance, VenueOrder
from trading_mcp.desk.crew import Crew
from trading_mcp.desk.gather import Gatherer
from trading_mcp.desk.notices import notice_of
from trading_mcp.desk.outcomes import Status, outcome_of
from trading_mcp.desk.reconcile import Reconciler, differences_of
from trading_mcp.desk.telling import OVERLAP, memory_begins, read_from
from trading_mcp.errors import DeskFrozen

LOW: dict[str, Any] = {"type": OrderType.LIMIT, "limit_price": Decimal(80_000)}


# Gathering.


def test_a_feed_that_fails_is_a_missing_fact_and_no_reason_to_freeze(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()

        def fail(*_: object) -> Any:
            raise ConnectionError("the feed is gone")

        for name in ("quote", "session", "health"):
            setattr(world.feed, name, fail)
        facts = desk.gatherer.facts(desk.book, frozenset({ETH}))
        assert (facts.sessions, facts.feeds) == ({}, {"paper": FeedHealth.DOWN})
        assert (await world.trade()).status is Status.DENIED
        assert not desk.book.latches

    play(story)


def test_the_quote_before_is_another_quote_however_often_one_is_looked_at(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        world.beating.cancel()
        gatherer = Gatherer(world.ports)
        first = gatherer.facts(desk.book, frozenset({BTC}))
        again = gatherer.facts(desk.book, frozenset({BTC}))
        assert not again.quotes_before
        await asyncio.sleep(30)
        later = gatherer.facts(desk.book, frozenset({BTC}))
        assert later.quotes_before == first.quotes
        assert later.quotes["paper/BTC-USDT"].at > first.quotes["paper/BTC-USDT"].at

    play(story)


def test_what_a_feed_no_longer_tells_grows_old_and_is_not_forgotten(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        known = desk.gatherer.facts(desk.book, frozenset({BTC})).quotes
        world.feed.quote = lambda venue, pair: None  # type: ignore[method-assign]
        await asyncio.sleep(20)
        assert desk.gatherer.facts(desk.book, frozenset({BTC})).quotes == known
        assert Code.PRICE_STALE in [finding.code for finding in (await world.trade()).findings]

    play(story)


def test_the_freshest_pair_prices_an_asset_and_a_quote_without_figures_prices_nothing(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        genuine, now = world.feed.quote, world.clock.now()

        def quote(venue: str, pair: str) -> Quote | None:
            found = genuine(venue, "BTC-USDT" if pair.startswith("BTC") else pair.replace("USDC-", "USDT-"))
            if found is None or not pair.startswith("BTC"):
                return found
            price, age = {"BTC-USDT": ("1", 90), "BTC-USDC": ("2", 0), "BTC-EUR": ("3", 0), "BTC-USD": ("NaN", 0)}[
                pair
            ]
            at = now - age * SECOND
            return replace(found, pair=pair, bid=Decimal(price), ask=Decimal(price), at=at, confirmed_at=at)

        world.feed.quote = quote  # type: ignore[method-assign]
        with exactly():
            prices = desk.gatherer.facts(desk.book, frozenset({"BTC-USDT", "BTC-USDC", "BTC-EUR", "BTC-USD"})).prices
        assert Decimal("1.9") < prices["BTC"].value < Decimal("2.1")

    play(story)


def test_coins_that_were_paid_in_are_worth_their_price_and_those_no_feed_lists_nothing(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        cash = {
            **desk.book.portfolio.cash,
            "paper/BTC": Decimal(1),
            "paper/JUNK": Decimal(5),
            "paper/DUST": Decimal(0),
        }
        desk.book = replace(desk.book, portfolio=replace(desk.book.portfolio, cash=cash))
        facts = desk.gatherer.facts(desk.book, frozenset())
        assert facts.unpriced == {"JUNK"}
        assert facts.prices["BTC"].value > 1000
        world.feed.instruments = lambda: ()  # type: ignore[method-assign]
        assert not desk.gatherer.facts(desk.book, frozenset()).unpriced

    play(story)


def test_a_venue_that_lists_nothing_new_keeps_the_lists_of_others(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        desk.gatherer.offered("other", ())
        assert desk.gatherer.instrument("paper", BTC) is not None

    play(story)


# How far back records are read.


def test_records_are_never_read_from_before_what_is_remembered(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        book = desk.book
        assert (memory_begins(book), read_from(book, 3 * OVERLAP)) == (0, 2 * OVERLAP)
        days = {100 + day: {"x": "y"} for day in range(RECALL_DAYS)}
        full = replace(book, trades=days)
        assert memory_begins(full) == 100 * DAY + HOUR
        assert read_from(full, 0) == 100 * DAY + HOUR

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


def test_two_readings_that_differ_from_each_other_confirm_nothing(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        for n in range(20):
            genuine = world.paper.balances
            await seen(world, USDT=Decimal(n))
            await asyncio.sleep(20)
            world.paper.balances = genuine  # type: ignore[method-assign]
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


def test_an_order_that_is_not_ours_is_told_and_not_touched(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        genuine = world.paper.open_orders
        foreign = VenueOrder(order_id="", venue_order_id="v9", pair=ETH, side=Side.BUY, quantity=Decimal(1),
                             filled=Decimal(0), state=OrderState.LIVE, at=0)  # fmt: skip

        async def opened() -> tuple[VenueOrder, ...]:
            return (*await genuine(), foreign)

        world.paper.open_orders = opened  # type: ignore[method-assign]
        await asyncio.sleep(300)
        (latch,) = desk.book.latches.values()
        assert "v9 on ETH-USDT is not ours" in latch.reason

    play(story)


def test_less_than_one_step_is_no_difference(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade()
        rows = tuple(
            replace(row, total=row.total - Decimal("0.000001")) if row.asset == "BTC" else row
            for row in await world.paper.balances()
        )
        assert differences_of(desk.book, "paper", rows, desk.gatherer)[1] == []
        assert differences_of(desk.book, "elsewhere", (), desk.gatherer) == ({}, [])
        assert len(differences_of(desk.book, "paper", (), desk.gatherer)[1]) == 3

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
        beating = asyncio.ensure_future(world.heart.run())
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


# Words for a fate.


@pytest.mark.parametrize("what", ["decline", "withdraw", "expire", "void"])
def test_whoever_asked_hears_how_a_proposal_ended(play: Play, what: str) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        asked = await world.trade(amount=Notional(Decimal(300)))
        key = asked.proposal_id
        match what:
            case "decline":
                await desk.handle(c.Decline(proposal_id=key))
            case "withdraw":
                await desk.handle(c.Withdraw(proposal_id=key, door=Door.MCP))
            case "expire":
                await asyncio.sleep(10)
                desk.book = replace(desk.book, proposals={
                    name: replace(item, expires_at=world.clock.now()) for name, item in desk.book.proposals.items()
                })  # fmt: skip
                await asyncio.sleep(2)
            case _:
                await desk.handle(c.Halt(door=Door.MCP, reason="enough"))
        words = {"decline": Status.DECLINED, "withdraw": Status.CANCELLED, "expire": Status.EXPIRED,
                 "void": Status.DENIED}  # fmt: skip
        assert outcome_of(desk.book, asked.intent_id).status is words[what]

    play(story)


def test_nobody_has_heard_of_it(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        assert outcome_of(desk.book, "x").status is None

    play(story)


def test_a_proposal_that_is_gone_without_an_end_is_still_under_way(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        asked = await world.trade(amount=Notional(Decimal(300)))
        desk.book = replace(desk.book, proposals={})
        assert outcome_of(desk.book, asked.intent_id).status is Status.WORKING

    play(story)


def test_an_exit_that_was_given_up_before_it_was_sent_is_cancelled(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade(protect=Protect(stop_loss=Decimal(110_000) if world.price() > 115_000 else Decimal(80_000)))
        await asyncio.sleep(3)
        for _ in range(3):
            world.venue.script(Fault.TIMEOUT_BEFORE, call=Call.CANCEL)
        sold = world.intent(side=Side.SELL)
        await desk.handle(c.Execute(intent=sold))
        assert outcome_of(desk.book, sold.id).status is Status.WORKING
        await desk.handle(c.Halt(door=Door.CLI, reason="enough"))
        assert outcome_of(desk.book, sold.id).status is Status.CANCELLED

    play(story)


def test_the_owner_is_told_what_matters_and_nothing_else(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade(amount=Notional(Decimal(300)))
        await desk.handle(c.Halt(door=Door.CLI, reason="enough"))
        await world.release(ACCOUNT)
        subjects = world.told.subjects()
        assert subjects[:3] == ["The desk started", "A proposal waits for you", "account is HALTED"]
        assert subjects[-1] == "account is ACTIVE again"
        assert notice_of(e.DeskStopped(at=START, reason="x")) == ("The desk stopped", "x")
        assert notice_of(e.Woke(at=START)) is None

    play(story)


# Tasks.


async def test_a_crew_runs_one_task_of_a_name_and_hears_of_every_end() -> None:
    ends: list[tuple[str, BaseException | None]] = []
    crew = Crew(lambda name, error: ends.append((name, error)))
    turns: list[int] = []

    async def wait() -> None:
        turns.append(1)
        await crew.pause("a", 1000)
        raise KeyError("a")

    crew.start("a", wait)
    crew.start("b", lambda: asyncio.sleep(1000))
    await asyncio.sleep(0)
    crew.start("a", wait)
    assert not await crew.finish("b", 0.01)
    assert await crew.finish("a", 1)
    assert await crew.finish("nothing", 1)
    await crew.stop()
    assert turns == [1]
    assert [(name, type(error)) for name, error in ends] == [("a", KeyError), ("b", type(None))]
    assert not crew.has("b")

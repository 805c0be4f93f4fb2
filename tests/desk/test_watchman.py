"""What an owner who is away is told of although nothing happens, once, and what the next status leads with."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.desk.conftest import Play
from tests.desk.world import BTC, ETH, World, policy_with
from trading_mcp.adapters.brokers.faults import Call, Fault
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.latches import TradingState
from trading_mcp.core.domain.market import DAY, HOUR, SECOND
from trading_mcp.core.domain.orders import Door, Notional, Protect
from trading_mcp.core.domain.protection import Kept
from trading_mcp.desk import queries
from trading_mcp.desk.answers import UseShown
from trading_mcp.desk.limits import share_of
from trading_mcp.desk.moments import Moments
from trading_mcp.desk.notices import NOTICES_KEPT, UNREACHED, Notice
from trading_mcp.desk.outcomes import Status
from trading_mcp.desk.ports import Cadence
from trading_mcp.desk.queries import Since
from trading_mcp.desk.watchman import Watchman

SLOW = Cadence(tick=30.0)
FREQUENT = policy_with(rate_orders_max="5", pair_cooldown='"1s"', duplicate_window='"1s"')


def count(world: World, subject: str) -> int:
    return world.told.subjects().count(subject)


async def again(world: World, subject: str) -> int:
    """Let the process end and another one look for some minutes; return how often the owner was told by then."""
    await world.crash()
    await world.ready()
    await asyncio.sleep(240)
    return count(world, subject)


def test_a_proposal_is_told_of_when_it_opens_and_once_more_when_half_its_time_is_gone(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        outcome = await world.trade(amount=Notional(Decimal(300)), reason="sell the house", id="call-0800-now")
        assert outcome.status is Status.AWAITING_APPROVAL
        assert count(world, "A proposal waits for you") == 1
        await asyncio.sleep(11 * HOUR / SECOND)
        assert count(world, "A proposal has waited half its time") == 0
        await asyncio.sleep(3 * HOUR / SECOND)
        assert count(world, "A proposal has waited half its time") == 1
        assert await again(world, "A proposal has waited half its time") == 1

    play(story, cadence=SLOW)


def test_a_limit_that_is_four_fifths_used_is_told_of_once_a_day(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        for amount in (50, 60, 70):
            assert (await world.trade(amount=Notional(Decimal(amount)))).status is Status.FILLED
            await asyncio.sleep(2)
        await asyncio.sleep(70)
        assert count(world, "A limit is nearly used up") == 0
        assert (await world.trade(ETH)).status is Status.FILLED
        await asyncio.sleep(600)
        assert count(world, "A limit is nearly used up") == 1
        assert ("A limit is nearly used up", "account.rate_orders_max: 4 of 5.") in world.told.texts
        assert await again(world, "A limit is nearly used up") == 1

    play(story, policy=FREQUENT)


def test_a_position_whose_stop_its_venue_does_not_hold_is_told_of(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        stop = (world.price() * Decimal("0.9")).quantize(Decimal("0.01"))
        assert (await world.trade(BTC, protect=Protect(stop_loss=stop))).status is Status.FILLED
        await asyncio.sleep(180)
        assert count(world, "A position has no stop at its venue") == 0
        for _ in range(40):
            world.venue.script(Fault.KEY_REVOKED, call=Call.SUBMIT, lasts=300 * SECOND)
        (order_id,) = world.desk.book.working
        await world.paper.cancel(order_id)
        await asyncio.sleep(240)
        assert count(world, "A position has no stop at its venue") == 1
        for _ in range(40):
            world.venue.script(Fault.KEY_REVOKED, call=Call.SUBMIT, lasts=600 * SECOND)
        assert await again(world, "A position has no stop at its venue") == 1
        world.remembered = frozenset()
        assert await again(world, "A position has no stop at its venue") == 2
        assert "A position has no stop at its venue" in world.told.urgent

    play(story)


def test_the_next_status_leads_with_what_was_told_for_a_day(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        moments = Moments(desk, Since(started_at=0))
        assert queries.status(moments.now()).notices == ()
        await desk.handle(c.Halt(door=Door.MCP, reason="enough"))
        (notice,) = queries.status(moments.now()).notices
        assert notice.subject == f"account is {TradingState.HALTED.name}"
        for number in range(NOTICES_KEPT + 5):
            desk.tell("Again", str(number))
        assert [each.text for each in queries.status(moments.now()).notices] == ["24", "23", "22", "21", "20"]
        assert len(desk.told) == NOTICES_KEPT
        # What did not reach the owner is said nowhere else: no flood pushes it out.
        desk.unreached.append(Notice(at=world.clock.now(), subject=UNREACHED, text="By ntfy://: no."))
        for number in range(NOTICES_KEPT):
            desk.tell("Again", str(number))
        assert [each.text for each in queries.status(moments.now()).notices[:2]] == ["By ntfy://: no.", "19"]
        await asyncio.sleep(DAY / SECOND + 60)
        assert queries.status(moments.now()).notices == ()

    play(story, cadence=SLOW)


@pytest.mark.parametrize(
    ("used", "allowed", "share"),
    [("4", "5", "0.8"), ("2.50%", "5%", "0.5"), ("not known", "5%", None), ("1", "0", None)],
)
def test_how_much_of_a_limit_is_used(used: str, allowed: str, share: str | None) -> None:
    found = share_of(UseShown(limit="x", used=used, allowed=allowed))
    assert found == (None if share is None else Decimal(share))


def test_what_cannot_be_remembered_is_told_all_the_same(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        assert (await world.trade(amount=Notional(Decimal(300)))).status is Status.AWAITING_APPROVAL
        world.told.is_broken = True
        await asyncio.sleep(14 * HOUR / SECOND)
        assert "A proposal has waited half its time" in {each.subject for each in world.desk.told}
        assert not world.beating.done()
        assert not world.desk.book.latches

    play(story, cadence=SLOW)


def test_a_feed_that_cannot_tell_the_session_freezes_nothing(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()

        def session(_market: object) -> None:
            raise OSError("the feed is down")

        world.feed.session = session  # type: ignore[method-assign,assignment]
        await asyncio.sleep(180)
        assert not world.beating.done()
        assert not desk.book.latches

    play(story)


def test_a_position_that_is_being_closed_is_not_called_unguarded(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        stop = (world.price() * Decimal("0.9")).quantize(Decimal("0.01"))
        await world.trade(BTC, protect=Protect(stop_loss=stop))
        await world.until(lambda: bool(desk.book.working))
        (key,) = desk.book.protections
        watchman = Watchman(desk)
        naked = replace(desk.book.protections[key], wanted=Kept.VENUE, kept=Kept.DESK)
        cases: tuple[tuple[dict[str, Any], int], ...] = (({key: "under way"}, 0), ({}, 1))
        for closings, told in cases:
            desk.book = replace(desk.book, protections={key: naked}, closings=closings)
            watchman._unguarded = {key: world.clock.boot() - HOUR}
            watchman.look()
            assert count(world, "A position has no stop at its venue") == told

    play(story)

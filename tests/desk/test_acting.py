"""What a client's command comes to: average price and fee are told of all that was filled, or not at all."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from tests.core.domain.making import fill
from tests.desk.conftest import Play
from tests.desk.world import ETH, World
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.orders import Door, OrderState, OrderType, Working
from trading_mcp.desk import acting
from trading_mcp.desk.desk import Desk
from trading_mcp.desk.outcomes import outcome_of
from trading_mcp.desk.past import older_than


def test_what_was_filled_in_parts_is_told_of_all_parts_or_not_at_all(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        price = (world.price() * Decimal("0.97")).quantize(Decimal("0.01"))
        resting = await world.trade(type=OrderType.LIMIT, limit_price=price)
        of_order: dict[str, Any] = {"order_id": resting.order_id, "at": world.clock.now()}
        for trade, paid, fee in (("first", price, "0.5"), ("second", price - 10, "0.25")):
            half = fill("buy", str(resting.quantity / 2), str(paid), fee, trade_id=trade, **of_order)
            desk.commit(c.ReportFill(fill=half))
        before = e.ToolCalled(at=world.clock.now(), call_id="1", tool="t", arguments="", door=Door.MCP)
        client, outcome = acting.Acting(desk, before), outcome_of(desk.book, resting.intent_id)
        told = client.traded(outcome, 0)
        assert (Decimal(told.average), told.fee) == (price - 5, "0.75 USDT")
        desk.recent_fills.clear()  # as after a restart: only the journal knows
        assert client.traded(outcome, 0).fee == "0.75 USDT"
        # The second fill is further from the order's beginning than is searched: half of a fee is a wrong fee.
        order = desk.book.order(resting.order_id)
        assert order is not None
        begins = older_than(world.journal, order.order.cleared_at)
        (last,) = (
            entry.seq
            for entry in world.journal.entries()
            if isinstance(entry.event, e.FillRecorded) and entry.event.fill.trade_id == "second"
        )
        monkeypatch.setattr(acting, "FILLS_SEARCHED", last - begins - 1)
        told = client.traded(outcome, 0)
        assert (told.filled, told.average, told.fee) == (str(resting.quantity), "", "")
        monkeypatch.setattr(acting, "FILLS_SEARCHED", last - begins)
        assert client.traded(outcome, 0).fee == "0.75 USDT"

    play(story)


@pytest.mark.parametrize("kept", [2, 1_000])
def test_fees_in_two_assets_are_told_apart(play: Play, monkeypatch: pytest.MonkeyPatch, kept: int) -> None:
    """An order that fills in parts without number is kept so far, and read from the journal after that."""
    monkeypatch.setattr("trading_mcp.desk.desk.PARTS_KEPT", kept)

    async def story(world: World) -> None:
        desk = await world.ready()
        price = (world.price() * Decimal("0.97")).quantize(Decimal("0.01"))
        resting = await world.trade(type=OrderType.LIMIT, limit_price=price)
        of_order: dict[str, Any] = {"order_id": resting.order_id, "at": world.clock.now()}
        for trade, fee, asset in (("first", "0.5", "USDT"), ("second", "0.001", "BTC"), ("third", "0.25", "USDT")):
            part = fill("buy", str(resting.quantity / 4), str(price), fee, asset, trade_id=trade, **of_order)
            desk.commit(c.ReportFill(fill=part))
        before = e.ToolCalled(at=world.clock.now(), call_id="1", tool="t", arguments="", door=Door.MCP)
        told = acting.Acting(desk, before).traded(outcome_of(desk.book, resting.intent_id), 0)
        assert told.fee == "0.75 USDT + 0.001 BTC"
        assert len(desk.recent_fills[resting.order_id]) == min(kept, 3)

    play(story)


def test_of_what_filled_lately_a_few_orders_are_kept_and_what_left_is_read_from_the_journal(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trading_mcp.desk.desk.FILLED_KEPT", 1)

    async def story(world: World) -> None:
        desk = await world.ready()
        first = await world.trade()
        before = e.ToolCalled(at=world.clock.now(), call_id="1", tool="t", arguments="", door=Door.MCP)
        client = acting.Acting(desk, before)
        told = client.traded(first, 0)
        second = await world.trade(ETH)
        assert [*desk.recent_fills] == [second.order_id]
        again = client.traded(first, 0)
        assert (told.average, told.fee) != ("", "")
        assert (again.average, again.fee) == (told.average, told.fee)

    play(story)


def test_a_trade_is_three_durable_commits_and_what_the_venue_tells_again_waits_for_the_last(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        world.pages.commits.clear()
        await world.trade()
        kinds = [[type(event).__name__ for event in events] for events in world.pages.commits]
        assert kinds == [
            ["IntentJudged", "OrderCleared"],
            ["OrderSending"],
            ["OrderAccepted", "FillRecorded"],
        ]

    play(story)


def test_an_acceptance_that_a_crash_lost_is_told_again_by_the_venue(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        price = (world.price() * Decimal("0.97")).quantize(Decimal("0.01"))
        world.life.crash_at = ("after-report", 1)
        await world.desk.handle(c.Execute(intent=world.intent(type=OrderType.LIMIT, limit_price=price)))
        await asyncio.sleep(0.001)
        assert world.life.is_over
        accepted = [event for event in world.events() if isinstance(event, e.OrderAccepted)]
        await world.crash()
        desk = world.start()
        (working,) = desk.book.working.values()
        assert (len(accepted), working.state) == (1, OrderState.UNKNOWN)
        await world.until(lambda: working.order.id in desk.book.working and _state(desk, working) is OrderState.LIVE)
        assert len(await world.paper.open_orders()) == 1

    play(story)


def _state(desk: Desk, working: Working) -> OrderState:
    return desk.book.working[working.order.id].state

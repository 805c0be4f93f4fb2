"""What a client's command comes to: average price and fee are told of all that was filled, or not at all."""

from decimal import Decimal
from typing import Any

import pytest

from tests.core.domain.making import fill
from tests.desk.conftest import Play
from tests.desk.world import World
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.orders import Door, OrderType
from trading_mcp.desk import acting
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

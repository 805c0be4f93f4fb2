"""Protection cannot be talked away: not by a later entry, nor by a close whose name grows too long to be sent."""

import pytest

from tests.core.decide.desk import MINE, D, Desk, only
from tests.core.guardrails.world import BTC
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.market import MINUTE
from trading_mcp.core.domain.orders import Door, Protect, Trailing


def later(desk: Desk, wish: Protect) -> None:
    """Let an assistant buy a crumb more with another wish, all of it filled."""
    desk.wait(2 * MINUTE)
    desk.fill(desk.ack(desk.enter("0.001", None, id="crumb", protect=wish)))


@pytest.mark.parametrize(
    "wish", [Protect(), Protect(take_profit=D(60_000)), Protect(stop_loss=D(40_000))], ids=["none", "target", "far"]
)
def test_a_crumb_bought_later_neither_moves_a_stop_away_nor_takes_it(wish: Protect) -> None:
    desk = Desk(rested=False)
    desk.hold()
    later(desk, wish)
    assert desk.guard().stop == D(49_000)
    assert desk.guard().target == wish.take_profit
    desk.price("48000")
    assert only(desk.do(c.Watch()), e.OrderCleared)


def test_a_crumb_bought_later_takes_no_target_and_no_trail_and_arms_none_anew() -> None:
    desk = Desk(rested=False)
    trail = Trailing(activate=D("0.01"), distance=D("0.02"))
    desk.hold(protect=Protect(stop_loss=D(49_000), take_profit=D(70_000), trailing=trail))
    desk.price("52000")
    desk.do(c.Watch())
    before = desk.guard()
    later(desk, Protect(stop_loss=D(49_500)))
    after = desk.guard()
    assert (after.stop, after.target, after.trailing) == (D(49_500), D(70_000), trail)
    assert after.best >= before.best == D(52_000)


@pytest.mark.parametrize("intent_id", ["", "a b", "a/b", "é", "x" * 65, "x" * 10_000, "a\n"])
def test_a_close_under_a_name_that_could_not_grow_frees_nothing(intent_id: str) -> None:
    desk = Desk()
    desk.hold()
    before = desk.book.working
    (refused,) = desk.close(intent_id)
    assert isinstance(refused, e.Refused)
    assert (desk.book.working, desk.book.closings) == (before, {})


def test_a_close_of_the_longest_name_goes_on_through_every_try() -> None:
    desk = Desk()
    desk.hold()
    desk.close("x" * 64, door=Door.MCP)
    desk.cancelled(desk.guard().order_id)
    for _ in range(12):
        (order,) = [item.order for item in desk.book.working.values() if item.order.pair == BTC]
        desk.ack(order.id)
        desk.lapsed(order.id)
        desk.wait()
    assert desk.book.closings[MINE].order_id in desk.book.working

"""A protected position stays protected: at the venue, at the desk, or on its way out, whatever the venue does."""

import pytest

from tests.core.decide.desk import MINE, D, Desk, at, buy
from tests.core.guardrails.world import BTC, VENUE, instrument
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.market import MINUTE, SECOND
from trading_mcp.core.domain.orders import (
    Door,
    OrderState,
    OrderType,
    Protect,
    Purpose,
    Side,
    TimeInForce,
    Trailing,
)
from trading_mcp.core.domain.portfolio import Position
from trading_mcp.core.domain.protection import Kept, Protection


def with_exits(desk: Desk, stop: str | None = "49000", **exits: object) -> None:
    wish = Protect(stop_loss=None if stop is None else D(stop), **exits)  # type: ignore[arg-type]
    desk.fill(desk.ack(desk.execute(buy(protect=wish))))
    desk.now += SECOND
    if stop is not None and desk.instruments[BTC].stops_rest:
        desk.ack(desk.stop())
    desk.now += SECOND
    desk.read()


def test_one_order_of_a_position_rests_and_its_target_fires_through_a_close() -> None:
    desk = Desk()
    with_exits(desk, take_profit=D(52_000))
    stop = desk.stop()
    assert desk.working() == [desk.book.working[stop].order]
    desk.price("52100")
    desk.do(c.Watch())
    assert desk.state(stop) is OrderState.CANCEL_PENDING
    assert desk.guard().kept is Kept.DESK
    desk.cancelled(stop)
    exit_order = desk.exit()
    assert desk.book.working[exit_order].order.purpose is Purpose.PROTECTION
    assert desk.book.working[exit_order].order.intent_id == "buy-1/target.1"
    desk.fill(desk.ack(exit_order))
    assert (desk.held(), desk.book.closings, desk.book.protections) == (0, {}, {})


def test_the_venues_own_stop_is_left_to_fire() -> None:
    desk = Desk()
    desk.hold()
    stop = desk.stop()
    desk.price("48900")
    assert desk.do(c.Watch()) == ()
    desk.fill(stop)
    assert (desk.held(), desk.book.protections, desk.book.working) == (0, {}, {})


def test_the_desk_takes_over_when_the_market_has_left_a_stop_with_a_limit_behind() -> None:
    desk = Desk()
    desk.instruments[BTC] = instrument(BTC, order_types=frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT}))
    desk.hold()
    stop = desk.stop()
    order = desk.book.working[stop].order
    assert (order.type, order.limit_price) == (OrderType.STOP_LIMIT, D("46550"))
    desk.price("46550")
    assert desk.do(c.Watch()) == ()
    desk.price("46549")
    desk.do(c.Watch())
    assert desk.state(stop) is OrderState.CANCEL_PENDING
    desk.cancelled(stop)
    assert desk.exit()


def test_the_stop_of_a_short_is_a_buy_above() -> None:
    desk = Desk()
    desk.instruments[BTC] = instrument(BTC, order_types=frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT}))
    key = f"external/{VENUE}/{BTC}"
    short = Position(book="external", venue=VENUE, pair=BTC, quantity=D("-0.004"), average=D(50_000))
    desk.do(c.AdoptForeign(position=short))
    guard = Protection(position=key, is_long=False, entry=D(50_000), best=D(50_000), stop=D(51_000), parent="p")
    desk.take((e.Protected(at=desk.now, protection=guard),))
    desk.do(c.Watch())
    order = desk.book.working[desk.ack(desk.stop(key))].order
    assert (order.side, order.stop_price, order.limit_price) == (Side.BUY, D(51_000), D(53_550))
    desk.price("53530")
    assert desk.do(c.Watch()) == ()
    desk.price("53550")
    desk.do(c.Watch())
    desk.cancelled(desk.guard(key).order_id)
    assert desk.book.working[desk.exit(key)].order.side is Side.BUY


@pytest.mark.parametrize(
    ("forms", "wanted"),
    [(frozenset(TimeInForce), TimeInForce.GTC), (frozenset({TimeInForce.DAY}), TimeInForce.DAY)],
)
def test_a_stop_rests_as_long_as_the_venue_lets_it(forms: frozenset[TimeInForce], wanted: TimeInForce) -> None:
    desk = Desk()
    desk.fill(desk.ack(desk.enter(stop=None)))
    desk.now += SECOND
    desk.instruments[BTC] = instrument(BTC, times_in_force=forms)
    guard = Protection(position=MINE, is_long=True, entry=D(50_000), best=D(50_000), stop=D(49_000), parent="p")
    desk.take((e.Protected(at=desk.now, protection=guard),))
    desk.do(c.Watch())
    assert desk.book.working[desk.stop()].order.time_in_force is wanted


def test_a_trail_is_armed_by_a_gain_and_fires_behind_the_best_price() -> None:
    desk = Desk()
    with_exits(desk, stop=None, trailing=Trailing(activate=D("0.01"), distance=D("0.02")))
    for price in ("50000", "50900"):
        desk.price(price)
        desk.do(c.Watch())
    assert desk.book.closings == {}
    desk.price("51500")
    desk.do(c.Watch())
    assert desk.guard().best == D(51_500)
    desk.price("50470")
    desk.do(c.Watch())
    assert desk.book.working[desk.exit()].order.intent_id == "buy-1/trail.0"


def test_a_stop_covers_what_an_entry_has_filled_before_it_was_cancelled() -> None:
    desk = Desk()
    entry = desk.ack(desk.enter(**at("50500")))
    desk.fill(entry, "0.001")
    assert desk.guard().kept is Kept.DESK
    assert desk.working() == [desk.book.working[entry].order]
    desk.do(c.Cancel(door=Door.MCP, order_id=entry))
    desk.cancelled(entry)
    assert desk.book.working[desk.stop()].order.quantity == D("0.001")
    desk.fill(entry, "0.001")
    # A fill after the cancel happened all the same: the stop grows with the position.
    first = desk.guard().order_id
    assert desk.state(first) in (OrderState.SENDING, OrderState.CANCEL_PENDING)
    desk.ack(first)
    desk.cancelled(first)
    assert desk.book.working[desk.stop()].order.quantity == D("0.002")


def test_while_an_entry_still_fills_the_desk_keeps_the_stop() -> None:
    desk = Desk()
    entry = desk.ack(desk.enter(**at("50500")))
    desk.fill(entry, "0.001")
    desk.price("48900")
    desk.do(c.Watch())
    # The rest of the entry would only buy back what the stop sells.
    assert desk.state(entry) is OrderState.CANCEL_PENDING
    assert desk.book.working[desk.exit()].order.quantity == D("0.001")


def test_a_second_entry_puts_the_whole_position_under_the_newest_stop() -> None:
    desk = Desk()
    desk.hold()
    stop = desk.stop()
    desk.wait(2 * MINUTE)
    entry = desk.ack(desk.enter("0.003", "49500", id="more"))
    desk.fill(entry, "0.001")
    # The stop at the venue is for less than is held now.
    assert (desk.guard().kept, desk.guard().stop) == (Kept.DESK, D(49_500))
    assert desk.state(stop) is OrderState.LIVE
    desk.fill(entry)
    assert desk.state(stop) is OrderState.CANCEL_PENDING
    desk.cancelled(stop)
    order = desk.book.working[desk.ack(desk.stop())].order
    assert (order.quantity, order.stop_price) == (D("0.007"), D(49_500))


def test_a_second_entry_without_a_wish_of_its_own_is_guarded_by_the_stop_that_is_there() -> None:
    desk = Desk()
    desk.hold()
    stop = desk.stop()
    desk.wait(2 * MINUTE)
    desk.fill(desk.ack(desk.enter("0.001", None, id="more")))
    desk.cancelled(stop)
    order = desk.book.working[desk.stop()].order
    assert (order.quantity, order.stop_price) == (D("0.005"), D(49_000))

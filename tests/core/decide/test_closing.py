"""Leaving a position: every sequence in which an exit was doubled, trapped, displaced or forgotten somewhere."""

import pytest
from msgspec.structs import replace

from tests.core.decide.desk import D, Desk, at, names, only, sell
from tests.core.guardrails.world import AAPL, BTC, VENUE, instrument
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.closing import Stage
from trading_mcp.core.domain.market import HOUR, MINUTE, SECOND
from trading_mcp.core.domain.orders import Door, OrderState, Purpose, Side
from trading_mcp.core.domain.protection import Kept
from trading_mcp.core.domain.verdict import Code


def test_selling_everything_works_although_a_stop_rests_on_all_of_it() -> None:
    desk = Desk()
    desk.hold()
    stop = desk.stop()
    assert desk.execute(sell()) not in desk.book.working
    assert desk.state(stop) is OrderState.CANCEL_PENDING
    assert desk.guard().kept is Kept.DESK
    # The balance was read while the stop held it all; that must not trap the sell.
    assert only(desk.cancelled(stop), e.OrderSending)
    order = desk.book.working[desk.exit()].order
    assert (order.quantity, order.side, order.purpose) == (D("0.004"), Side.SELL, Purpose.TRADE)
    desk.fill(desk.ack(desk.exit()))
    assert (desk.held(), desk.book.closings, desk.book.protections) == (0, {}, {})


def test_selling_a_part_leaves_the_rest_under_a_stop_of_its_size() -> None:
    desk = Desk()
    desk.hold()
    stop = desk.stop()
    desk.execute(sell("0.001"))
    desk.cancelled(stop)
    desk.fill(desk.ack(desk.exit()))
    assert desk.held() == D("0.003")
    desk.ack(desk.stop())
    assert desk.book.working[desk.stop()].order.quantity == D("0.003")
    assert desk.guard().kept is Kept.VENUE


def test_a_plain_sell_is_not_quoted_again_when_the_venue_ends_it() -> None:
    desk = Desk()
    desk.hold()
    stop = desk.stop()
    desk.execute(sell())
    desk.cancelled(stop)
    desk.lapsed(desk.ack(desk.exit()))
    assert desk.book.closings == {}
    assert desk.book.working[desk.stop()].order.quantity == D("0.004")


def test_a_sell_that_was_allowed_and_is_denied_once_the_stop_is_gone_gives_the_stop_back() -> None:
    desk = Desk()
    desk.hold()
    stop = desk.stop()
    desk.execute(sell())
    desk.latch()
    happened = desk.cancelled(stop)
    assert only(happened, e.CloseEnded)[0].reason == "denied: STATE_FROZEN"
    assert desk.guard().kept is Kept.DESK
    assert desk.book.working == {}


def test_a_close_is_quoted_again_until_flat() -> None:
    desk = Desk()
    desk.hold(stop=None)
    desk.close()
    first = desk.exit()
    desk.fill(desk.ack(first), "0.001")
    desk.lapsed(first)
    assert desk.book.working == {}
    desk.wait()
    second = desk.exit()
    assert second != first
    assert desk.book.working[second].order.quantity == D("0.003")
    desk.lapsed(desk.ack(second))
    desk.wait()
    happened = desk.fill(desk.ack(desk.exit()))
    assert names(happened)[-1] == "CloseEnded"
    assert desk.book.closings == {}


def test_an_exit_of_unknown_fate_keeps_its_reservation_and_is_never_sent_twice() -> None:
    desk = Desk()
    desk.hold(stop=None)
    desk.close()
    exit_order = desk.exit()
    desk.unknown(exit_order)
    for _ in range(5):
        desk.wait()
    assert list(desk.book.working) == [exit_order]
    assert Code.SHORT_NOT_ALLOWED in desk.denies(sell("0.001", id="again"))
    # The ladder releases it: only then does the close go on.
    desk.lapsed(exit_order)
    desk.wait()
    assert desk.exit() != exit_order


def test_a_late_fill_of_a_released_exit_takes_the_next_one_back() -> None:
    desk = Desk()
    desk.hold(stop=None)
    desk.close()
    first = desk.exit()
    desk.unknown(first)
    desk.lapsed(first)
    desk.wait()
    second = desk.ack(desk.exit())
    desk.fill(first, "0.004")
    assert desk.held() == 0
    assert desk.state(second) is OrderState.CANCEL_PENDING
    desk.cancelled(second)
    assert desk.book.closings == {}
    assert desk.book.latches == {}


def test_a_late_part_of_a_released_exit_lets_the_next_one_sell_the_rest_only() -> None:
    desk = Desk()
    desk.hold(stop=None)
    desk.close()
    first = desk.exit()
    desk.unknown(first)
    desk.lapsed(first)
    desk.wait()
    second = desk.ack(desk.exit())
    desk.fill(first, "0.001")
    assert desk.state(second) is OrderState.CANCEL_PENDING
    desk.cancelled(second)
    desk.wait()
    assert desk.book.working[desk.exit()].order.quantity == D("0.003")


def test_a_late_fill_before_the_wire_voids_an_exit_that_is_too_large() -> None:
    desk = Desk()
    desk.hold(stop=None)
    desk.close()
    first = desk.exit()
    desk.unknown(first)
    desk.lapsed(first)
    desk.now += MINUTE
    desk.do(c.Watch(), sends=False)
    second = desk.exit()
    assert desk.state(second) is OrderState.CLEARED
    desk.fill(first, "0.001")
    assert desk.state(second) is OrderState.VOID
    desk.wait()
    assert desk.book.working[desk.exit()].order.quantity == D("0.003")


def test_a_stop_fires_while_a_sell_of_the_users_own_rests() -> None:
    desk = Desk(rested=False)
    desk.hold()
    mine = desk.ack(desk.execute(sell(**at("55000"))))
    desk.wait()
    desk.price("48900")
    desk.do(c.Watch())
    assert desk.state(mine) is OrderState.CANCEL_PENDING
    assert desk.closing().purpose is Purpose.PROTECTION
    # The venue fills a part of it before the cancel arrives.
    desk.fill(mine, "0.001")
    desk.cancelled(mine)
    assert desk.book.working[desk.exit()].order.quantity == D("0.003")
    desk.fill(desk.ack(desk.exit()))
    assert (desk.held(), desk.book.closings, desk.book.protections) == (0, {}, {})


def test_a_sell_of_the_users_own_cannot_displace_a_stop_that_has_fired() -> None:
    desk = Desk(rested=False)
    desk.hold()
    desk.wait()
    desk.price("48900")
    desk.do(c.Watch())
    exit_order = desk.exit()
    assert desk.denies(sell(**at("55000"))) == (Code.REDUCE_WOULD_FLIP,)
    assert list(desk.book.working) == [exit_order]


def test_two_sells_of_one_position_stand_side_by_side() -> None:
    desk = Desk()
    desk.hold()
    stop = desk.stop()
    desk.execute(sell("0.001", id="one", **at("52000")))
    desk.now += SECOND
    desk.read()
    assert desk.denies(sell("0.001", id="two", **at("53000"))) == (Code.REDUCE_WOULD_FLIP,)
    desk.cancelled(stop)
    first = desk.ack(desk.exit())
    second = desk.ack(desk.execute(sell("0.001", id="three", **at("53000"))))
    assert {first, second} == {*desk.book.working}
    desk.cancelled(first)
    # While the second rests, the venue has not all of it free for a stop: the desk keeps it.
    assert list(desk.book.working) == [second]
    assert desk.guard().kept is Kept.DESK
    desk.cancelled(second)
    assert desk.book.working[desk.stop()].order.quantity == D("0.004")


def test_what_the_venue_calls_free_is_sold_and_the_rest_waits() -> None:
    desk = Desk()
    desk.hold(stop=None)
    desk.now += SECOND
    desk.read()
    desk.free[f"{VENUE}/BTC"] = D("0.001")
    desk.close()
    assert desk.book.working[desk.exit()].order.quantity == D("0.001")
    desk.fill(desk.ack(desk.exit()))
    desk.wait()
    assert desk.book.working[desk.exit()].order.quantity == D("0.003")


def test_an_exit_that_finds_nothing_free_waits_without_a_word_and_goes_when_it_is() -> None:
    desk = Desk()
    desk.hold(stop=None)
    desk.now += SECOND
    desk.read()
    desk.free[f"{VENUE}/BTC"] = D(0)
    happened = desk.close()
    assert only(happened, e.IntentJudged)[0].verdict.codes() == (Code.BALANCE_INSUFFICIENT,)
    assert desk.closing().stage is Stage.EXITING
    desk.now += SECOND
    assert desk.do(c.Watch()) == ()
    desk.wait()
    assert desk.exit()


def test_an_exit_of_next_to_nothing_free_is_no_dust() -> None:
    desk = Desk()
    desk.hold(stop=None)
    desk.now += SECOND
    desk.read()
    desk.free[f"{VENUE}/BTC"] = D("0.00000001")
    desk.close()
    assert desk.closing().order_id == ""
    desk.wait()
    assert desk.book.working[desk.exit()].order.quantity == D("0.004")


def test_a_position_larger_than_one_order_leaves_in_several() -> None:
    desk = Desk()
    desk.hold(stop=None)
    desk.instruments[BTC] = instrument(BTC, quantity_max=D("0.003"))
    desk.close()
    assert desk.book.working[desk.exit()].order.quantity == D("0.003")
    desk.fill(desk.ack(desk.exit()))
    desk.wait()
    assert desk.book.working[desk.exit()].order.quantity == D("0.001")


def test_an_exit_keeps_below_the_largest_notional_of_the_venue() -> None:
    desk = Desk()
    desk.hold(stop=None)
    desk.instruments[BTC] = instrument(BTC, notional_max=D(100))
    desk.close()
    assert desk.book.working[desk.exit()].order.quantity == D("0.0021")
    assert desk.exit()


def test_dust_stays_is_said_once_and_nothing_watches_it_any_more() -> None:
    desk = Desk(rested=False)
    desk.hold()
    desk.instruments[BTC] = instrument(BTC, quantity_min=D("0.01"), stops_rest=False)
    desk.price("48900")
    happened = desk.do(c.Watch())
    assert "dust of 0.004 stays" in only(happened, e.CloseEnded)[0].reason
    assert desk.book.protections == {}
    assert desk.do(c.Watch()) == ()


def test_closing_dust_that_nobody_guards_says_so() -> None:
    desk = Desk()
    desk.hold(stop=None)
    desk.instruments[BTC] = instrument(BTC, quantity_min=D("0.01"))
    happened = desk.close()
    assert names(happened) == ["CloseMoved", "IntentJudged", "CloseEnded"]
    assert desk.held() == D("0.004")


def test_what_is_left_below_one_step_is_dust_and_the_exit_is_in_whole_steps() -> None:
    desk = Desk()
    desk.hold(stop=None)
    fill = only(desk.events, e.FillRecorded)[0].fill
    fee = replace(fill, trade_id="fee", quantity=D("0.000004"), side=Side.SELL, order_id=fill.order_id, fee=D(0))
    desk.take((e.FillRecorded(at=desk.now, fill=fee, book="manual", multiplier=D(1)),))
    desk.wait()
    desk.close()
    assert desk.book.working[desk.exit()].order.quantity == D("0.00399")
    desk.fill(desk.ack(desk.exit()))
    desk.wait()
    assert "dust" in only(desk.events, e.CloseEnded)[-1].reason
    assert desk.book.closings == {}


def test_while_the_market_is_closed_a_close_waits_for_the_open_and_says_so() -> None:
    desk = Desk()
    desk.hold("1", "190", AAPL)
    key = f"manual/{VENUE}/{AAPL}"
    stop = desk.stop(key)
    desk.is_open = False
    happened = desk.close()
    assert only(happened, e.IntentJudged)[0].verdict.codes() == (Code.SESSION_CLOSED,)
    assert desk.closing(key).stage is Stage.QUEUED
    # Its stop stays where it is until there is something better.
    assert desk.state(stop) is OrderState.LIVE
    assert desk.guard(key).kept is Kept.VENUE
    desk.wait(HOUR, look=False)
    assert desk.do(c.Watch()) == ()
    desk.is_open = True
    desk.do(c.Watch())
    assert desk.state(stop) is OrderState.CANCEL_PENDING
    desk.cancelled(stop)
    desk.fill(desk.ack(desk.exit(key)))
    assert desk.held(key) == 0


def test_a_market_that_closes_while_an_exit_waits_queues_it() -> None:
    desk = Desk()
    desk.hold("1", None, AAPL)
    key = f"manual/{VENUE}/{AAPL}"
    desk.close()
    desk.lapsed(desk.ack(desk.exit(key)))
    desk.is_open = False
    desk.do(c.Watch())
    assert desk.closing(key).stage is Stage.QUEUED
    desk.is_open = True
    desk.do(c.Watch())
    assert desk.exit(key)


def test_a_close_that_would_be_denied_does_not_touch_the_stop() -> None:
    desk = Desk()
    desk.hold()
    stop = desk.stop()
    desk.do(c.Halt(door=Door.MCP, reason="enough"))
    happened = desk.close()
    assert names(happened) == ["IntentJudged"]
    assert happened[0].verdict.codes() == (Code.STATE_HALTED,)  # type: ignore[union-attr]
    assert desk.state(stop) is OrderState.LIVE
    assert desk.guard().kept is Kept.VENUE


@pytest.mark.parametrize("door", [Door.CLI, Door.WEB])
def test_while_halted_a_person_closes_at_the_terminal_or_the_dashboard(door: Door) -> None:
    desk = Desk()
    desk.hold()
    stop = desk.stop()
    desk.do(c.Halt(door=Door.MCP, reason="enough"))
    desk.close(door=door)
    desk.cancelled(stop)
    desk.fill(desk.ack(desk.exit()))
    assert desk.held() == 0


def test_a_target_that_is_reached_while_frozen_leaves_the_stop_at_the_venue() -> None:
    desk = Desk()
    desk.hold()
    guard = replace(desk.guard(), target=D(51_000))
    desk.take((e.Protected(at=desk.now, protection=guard),))
    stop = desk.stop()
    desk.latch()
    desk.price("51100")
    assert desk.do(c.Watch()) == ()
    assert desk.state(stop) is OrderState.LIVE

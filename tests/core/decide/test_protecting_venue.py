"""What becomes of a stop that a venue refuses, drops, loses, resizes or never had."""

from msgspec.structs import replace

from tests.core.decide.desk import MINE, D, Desk, at, buy, names, only, sell
from tests.core.guardrails.world import AAPL, BTC, VENUE
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.market import MINUTE, SECOND
from trading_mcp.core.domain.orders import (
    Door,
    OrderState,
    Purpose,
    Side,
)
from trading_mcp.core.domain.portfolio import Adjustment
from trading_mcp.core.domain.protection import Kept, Protection
from trading_mcp.core.domain.verdict import Code


def test_cancelling_a_protective_order_replaces_it() -> None:
    desk = Desk()
    desk.hold()
    stop = desk.stop()
    desk.do(c.Cancel(door=Door.MCP, order_id=stop))
    assert desk.guard().kept is Kept.DESK
    desk.cancelled(stop)
    assert desk.stop() != stop
    desk.ack(desk.stop())
    assert desk.guard().kept is Kept.VENUE


def test_cancelling_a_protective_order_before_the_wire_replaces_it_at_once() -> None:
    desk = Desk()
    entry = desk.ack(desk.enter())
    desk.take(desk.decide(c.ReportFill(fill=fill_of(desk, entry))))
    stop = desk.stop()
    assert desk.state(stop) is OrderState.CLEARED
    desk.do(c.Cancel(door=Door.MCP, order_id=stop))
    assert desk.state(stop) is OrderState.VOID
    assert desk.stop() != stop


def fill_of(desk: Desk, order_id: str) -> e.Fill:
    before = list(desk.events), desk.book
    desk.fill(order_id)
    fill = only(desk.events, e.FillRecorded)[-1].fill
    desk.events, desk.book = before
    return fill


def test_the_desk_watches_while_a_cancelled_stop_is_being_replaced() -> None:
    desk = Desk()
    desk.hold()
    stop = desk.stop()
    desk.do(c.Cancel(door=Door.MCP, order_id=stop))
    desk.price("48900")
    desk.do(c.Watch())
    assert desk.closing().purpose is Purpose.PROTECTION
    desk.cancelled(stop)
    assert desk.book.working[desk.exit()].order.quantity == D("0.004")


def test_a_stop_whose_clearance_grew_old_is_placed_again() -> None:
    desk = Desk()
    entry = desk.ack(desk.enter())
    desk.take(desk.decide(c.ReportFill(fill=fill_of(desk, entry))))
    stop = desk.stop()
    desk.now += 3 * SECOND
    desk.do(c.LookAgain(order_id=stop))
    assert desk.state(stop) is OrderState.VOID
    assert desk.state(desk.stop()) is OrderState.SENDING


def test_a_venue_that_refuses_a_stop_is_left_in_peace_for_a_minute() -> None:
    desk = Desk()
    desk.fill(desk.ack(desk.enter()))
    first = desk.stop()
    assert names(desk.rejected(first)) == ["OrderRejected", "Protected"]
    assert desk.guard().kept is Kept.DESK
    desk.wait(MINUTE - 1)
    assert desk.book.working == {}
    desk.wait(1)
    assert desk.stop() != first


def test_a_stop_the_venue_drops_by_itself_comes_back_without_a_storm() -> None:
    desk = Desk()
    desk.hold()
    stop = desk.stop()
    desk.lapsed(stop)
    assert desk.book.working == {}
    desk.wait()
    assert desk.stop() != stop


def test_a_stop_that_lapses_every_evening_is_armed_again_at_the_open() -> None:
    desk = Desk()
    desk.hold("1", "190", AAPL)
    key = f"manual/{VENUE}/{AAPL}"
    stop = desk.stop(key)
    desk.is_open = False
    desk.lapsed(stop)
    desk.wait()
    desk.wait()
    assert desk.book.working == {}
    assert desk.guard(key).kept is Kept.DESK
    desk.is_open = True
    desk.wait()
    assert desk.stop(key) != stop


def test_a_stop_of_which_nobody_knows_is_kept_at_the_desk_until_it_is_found() -> None:
    desk = Desk()
    desk.hold()
    stop = desk.stop()
    desk.unknown(stop)
    assert desk.guard().kept is Kept.DESK
    assert desk.do(c.Watch()) == ()
    desk.ack(stop)
    assert desk.guard().kept is Kept.VENUE
    desk.unknown(stop)
    desk.price("48900")
    desk.do(c.Watch())
    # It may be there: nothing is sold beside it until its fate is known.
    assert list(desk.book.working) == [stop]
    desk.lapsed(stop)
    assert desk.book.working[desk.exit()].order.quantity == D("0.004")


def test_a_stop_the_venue_confirms_late_for_a_smaller_position_is_resized() -> None:
    desk = Desk()
    desk.fill(desk.ack(desk.enter()))
    stop = desk.stop()
    position = desk.book.portfolio.positions[MINE]
    smaller = replace(position, quantity=D("0.003"))
    portfolio = replace(desk.book.portfolio, positions={MINE: smaller})
    desk.book = replace(desk.book, portfolio=portfolio)
    desk.ack(stop)
    assert desk.guard().kept is Kept.DESK
    assert desk.state(stop) is OrderState.CANCEL_PENDING
    desk.cancelled(stop)
    assert desk.book.working[desk.stop()].order.quantity == D("0.003")


def test_a_stop_before_the_wire_is_resized_without_waiting() -> None:
    desk = Desk()
    entry = desk.ack(desk.enter(**at("50500")))
    desk.fill(entry, "0.003")
    desk.take(desk.decide(c.ReportCancelled(order_id=entry)))
    stop = desk.stop()
    desk.fill(entry, "0.001")
    assert desk.state(stop) is OrderState.VOID
    assert desk.book.working[desk.stop()].order.quantity == D("0.004")


def test_a_fee_taken_in_units_leaves_a_stop_in_whole_steps_that_is_not_placed_over_and_over() -> None:
    desk = Desk()
    entry = desk.ack(desk.enter())
    fill = replace(fill_of(desk, entry), fee=D("0.000004"), fee_asset="BTC")
    desk.do(c.ReportFill(fill=fill))
    stop = desk.ack(desk.stop())
    assert desk.book.working[stop].order.quantity == D("0.00399")
    assert desk.guard().kept is Kept.VENUE
    for _ in range(3):
        desk.wait()
    assert desk.stop() == stop


def test_a_position_that_is_sold_takes_its_stop_along() -> None:
    desk = Desk()
    desk.hold()
    stop = desk.stop()
    sold = replace(only(desk.events, e.FillRecorded)[0].fill, trade_id="elsewhere", side=Side.SELL)
    desk.take(desk.decide(c.ReportAccepted(order_id=stop)))
    desk.do(c.ReportFill(fill=replace(sold, order_id=desk.book.working[stop].order.id, quantity=D("0.004"))))
    assert (desk.held(), desk.book.protections, desk.book.working) == (0, {}, {})


def test_a_stop_still_resting_when_its_position_is_gone_is_taken_back() -> None:
    desk = Desk()
    desk.hold()
    stop = desk.stop()
    entry = only(desk.events, e.OrderCleared)[0].order.id
    gone = replace(only(desk.events, e.FillRecorded)[0].fill, trade_id="x", side=Side.SELL, order_id=entry)
    desk.do(c.ReportFill(fill=gone))
    assert desk.held() == 0
    assert desk.state(stop) is OrderState.CANCEL_PENDING
    assert desk.book.protections == {}


def test_a_price_too_old_to_believe_fires_nothing() -> None:
    desk = Desk(rested=False)
    desk.hold()
    desk.price("48900")
    desk.wait(MINUTE, look=False, lost=(BTC,))
    desk.do(c.Watch())
    assert desk.exit()
    other = Desk(rested=False)
    other.hold()
    other.price("48900")
    other.wait(MINUTE + 1, look=False, lost=(BTC,))
    assert other.do(c.Watch()) == ()


def test_a_stop_is_placed_again_even_while_there_is_no_price() -> None:
    desk = Desk()
    desk.fill(desk.ack(desk.enter()))
    desk.rejected(desk.stop())
    desk.bids.pop(BTC)
    desk.now += MINUTE
    desk.do(c.Watch())
    assert desk.stop()


def test_a_price_that_makes_no_sense_fires_nothing() -> None:
    desk = Desk(rested=False)
    desk.hold()
    desk.bids[BTC] = D("-1")
    assert desk.do(c.Watch()) == ()
    desk.bids[BTC] = D("NaN")
    assert desk.do(c.Watch()) == ()


def test_a_guard_without_a_position_or_an_instrument_does_nothing() -> None:
    desk = Desk()
    ghost = Protection(position=MINE, is_long=True, entry=D(1), best=D(1), stop=D(49_000), parent="p")
    desk.take((e.Protected(at=desk.now, protection=ghost),))
    assert desk.do(c.Watch()) == ()
    desk.hold(stop=None)
    desk.now += MINUTE
    desk.rejected(desk.stop())
    desk.instruments.pop(BTC)
    desk.now += MINUTE
    assert desk.do(c.Watch()) == ()


def test_an_entry_that_fills_again_after_its_stop_sold_it_is_guarded_under_a_new_id() -> None:
    desk = Desk()
    entry = desk.ack(desk.enter(**at("50500")))
    desk.fill(entry, "0.002")
    desk.do(c.Cancel(door=Door.MCP, order_id=entry))
    desk.cancelled(entry)
    desk.fill(desk.ack(desk.stop()))
    assert desk.book.protections == {}
    desk.fill(entry, "0.002")
    order = desk.book.working[desk.stop()].order
    assert (order.intent_id, order.quantity) == ("buy-1/stop.1", D("0.002"))


def test_nobody_can_take_the_name_of_a_stop_that_is_still_to_come() -> None:
    desk = Desk()
    for wrong in (buy(id="buy-1/stop.0"), buy(id="buy-1/stop.0", purpose=Purpose.PROTECTION)):
        assert Code.FIELD_INVALID in desk.denies(wrong)
    desk.fill(desk.ack(desk.enter()))
    assert desk.book.working[desk.stop()].order.intent_id == "buy-1/stop.0"


def test_a_split_takes_back_every_order_at_the_old_price_and_guards_at_the_new_one() -> None:
    desk = Desk()
    desk.hold("1", "190", AAPL)
    key = f"manual/{VENUE}/{AAPL}"
    desk.wait(2 * MINUTE)
    entry = desk.ack(desk.enter("0.5", None, AAPL, id="more", **at("195")))
    stop = desk.stop(key)
    desk.price("49.97", AAPL)
    desk.do(c.ReportAdjustment(kind=Adjustment.SPLIT, venue=VENUE, asset=AAPL, amount=D(4)))
    assert {desk.state(entry), desk.state(stop)} == {OrderState.CANCEL_PENDING}
    assert desk.guard(key).kept is Kept.DESK
    assert desk.held(key) == D(4)
    desk.cancelled(stop)
    desk.cancelled(entry)
    order = desk.book.working[desk.stop(key)].order
    assert (order.quantity, order.stop_price) == (D(4), D("47.5"))


def test_a_split_elsewhere_leaves_orders_alone() -> None:
    desk = Desk()
    desk.hold()
    stop = desk.stop()
    desk.do(c.ReportAdjustment(kind=Adjustment.SPLIT, venue=VENUE, asset=AAPL, amount=D(4)))
    desk.do(c.ReportAdjustment(kind=Adjustment.DIVIDEND, venue=VENUE, asset="USD", amount=D(4)))
    assert desk.state(stop) is OrderState.LIVE


def test_an_entry_of_the_desk_kept_kind_places_nothing() -> None:
    desk = Desk(rested=False)
    desk.hold()
    for _ in range(3):
        assert not only(desk.wait(), e.OrderCleared)
    assert desk.guard().kept is Kept.DESK


def test_a_sell_leaves_the_stop_at_the_desk_where_it_never_rested() -> None:
    desk = Desk(rested=False)
    desk.hold()
    desk.fill(desk.ack(desk.execute(sell("0.001"))))
    assert desk.held() == D("0.003")
    assert desk.guard().kept is Kept.DESK

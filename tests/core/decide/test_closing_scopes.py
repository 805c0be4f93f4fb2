"""Which position an exit is for, how often it may be asked for, and what becomes of a clearance that grew old."""

from msgspec.structs import replace

from tests.core.decide.desk import D, Desk, at, buy, names, only, sell
from tests.core.guardrails.world import AAPL, BTC, ETH, VENUE, instrument
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.latches import TradingState
from trading_mcp.core.domain.market import DAY, HOUR, MINUTE, SECOND
from trading_mcp.core.domain.orders import Door, OrderState, OrderType, Side
from trading_mcp.core.domain.portfolio import Adjustment, Position
from trading_mcp.core.domain.verdict import Code


def test_a_close_asked_for_twice_under_one_id_is_one_close() -> None:
    desk = Desk()
    desk.hold(stop=None)
    desk.close()
    exit_order = desk.exit()
    assert desk.close() == ()
    assert list(desk.book.working) == [exit_order]
    desk.fill(desk.ack(exit_order))
    desk.wait(2 * MINUTE)
    desk.hold(id="later", stop=None)
    assert names(desk.close()) == ["Refused"]
    assert desk.held() == D("0.004")
    desk.close("close-2")
    assert desk.exit()


def test_a_close_that_has_come_to_a_stand_gives_place_to_a_new_one() -> None:
    desk = Desk()
    desk.hold(stop=None)
    desk.close()
    desk.lapsed(desk.ack(desk.exit()))
    desk.close("close-2")
    assert desk.closing().intent.id.startswith("close-2/")
    assert desk.exit()


def test_closing_takes_the_place_of_a_plain_sell_and_of_an_entry_that_still_fills() -> None:
    desk = Desk()
    desk.hold()
    desk.wait(2 * MINUTE)
    entry = desk.ack(desk.enter("0.001", None, id="more", **at("45000")))
    desk.execute(sell("0.001", **at("55000")))
    desk.cancelled(desk.guard().order_id)
    plain = desk.ack(desk.exit())
    desk.close()
    assert {desk.state(entry), desk.state(plain)} == {OrderState.CANCEL_PENDING}
    desk.cancelled(plain)
    assert desk.book.working[desk.exit()].order.quantity == D("0.004")


def test_closing_nothing_says_so() -> None:
    desk = Desk()
    assert only(desk.close(), e.Refused)[0].reason == "the desk holds nothing there"


def test_closing_everything_withdraws_the_orders_that_wait_for_a_person() -> None:
    desk = Desk()
    desk.hold(stop=None)
    desk.wait(2 * MINUTE)
    desk.judged(buy("0.006", id="large"))
    assert desk.proposal()
    desk.close()
    assert desk.book.proposals == {}


def test_closing_one_pair_leaves_the_others_and_the_proposals_alone() -> None:
    desk = Desk()
    desk.hold(stop=None)
    desk.hold("0.1", None, ETH, id="ether")
    desk.wait(2 * MINUTE)
    desk.judged(buy("0.006", id="large"))
    desk.close(pair=ETH)
    assert list(desk.book.closings) == [f"manual/{VENUE}/{ETH}"]
    assert desk.proposal()


def test_each_owning_book_has_an_exit_of_its_own() -> None:
    desk = Desk()
    desk.hold(stop=None)
    desk.employ()
    desk.hold("0.002", None, id="its", door=Door.RUNNER, book="sma")
    desk.close(pair=BTC)
    assert {(order.book, order.quantity) for order in desk.working()} == {
        ("manual", D("0.004")),
        ("sma", D("0.002")),
    }


def test_a_sell_that_reduces_the_account_but_flips_an_algorithm_is_denied() -> None:
    desk = Desk()
    desk.hold("0.004", None)
    desk.employ()
    desk.hold("0.002", None, id="its", door=Door.RUNNER, book="sma")
    assert Code.REDUCE_WOULD_FLIP in desk.denies(sell("0.003", id="s1", door=Door.RUNNER, book="sma"))
    assert Code.REDUCE_WOULD_FLIP in desk.denies(sell("0.005", id="s2"))
    assert desk.execute(sell("0.002", id="s3", door=Door.RUNNER, book="sma"))


def test_a_sell_that_reduces_the_account_but_flips_a_venue_is_denied() -> None:
    desk = Desk()
    desk.hold("0.004", None)
    elsewhere = Position(book="external", venue="other", pair=BTC, quantity=D("0.01"), average=D(50_000))
    desk.do(c.AdoptForeign(position=elsewhere))
    assert Code.REDUCE_WOULD_FLIP in desk.denies(sell("0.005"))


def test_what_somebody_else_has_sold_already_is_not_sold_again() -> None:
    desk = Desk()
    desk.hold("0.004", None)
    sold = Position(book="external", venue=VENUE, pair=BTC, quantity=D("-0.003"), average=D(50_000))
    desk.do(c.AdoptForeign(position=sold))
    desk.close()
    assert desk.book.working[desk.exit()].order.quantity == D("0.001")


def test_what_the_desk_did_not_make_is_closed_by_a_signature_where_money_is_guarded() -> None:
    desk = Desk(mode=Mode.DRY)
    foreign = Position(book="external", venue=VENUE, pair=BTC, quantity=D("0.004"), average=D(50_000))
    desk.do(c.AdoptForeign(position=foreign))
    assert only(desk.close(), e.Refused)
    assert names(desk.close(book="external")) == ["ProposalOpened"]
    # The same wish under any id waits already: an assistant cannot fill the screen with it.
    assert names(desk.close("close-2", book="external")) == ["Refused"]
    desk.sign()
    key = f"external/{VENUE}/{BTC}"
    desk.fill(desk.ack(desk.exit(key)))
    assert desk.held(key) == 0


def test_a_signed_close_of_a_position_that_has_changed_is_void() -> None:
    desk = Desk(mode=Mode.DRY)
    foreign = Position(book="external", venue=VENUE, pair=BTC, quantity=D("0.004"), average=D(50_000))
    desk.do(c.AdoptForeign(position=foreign))
    desk.close(book="external")
    desk.do(c.AdoptForeign(position=replace(foreign, quantity=D("0.005"))))
    assert names(desk.sign()) == ["ProposalEnded"]
    desk.close("close-2", book="external")
    desk.do(c.AdoptForeign(position=replace(foreign, quantity=D(0))))
    assert names(desk.sign()) == ["ProposalEnded"]
    assert desk.book.closings == {}


def test_on_paper_what_the_desk_did_not_make_is_closed_on_request_only() -> None:
    desk = Desk()
    foreign = Position(book="external", venue=VENUE, pair=BTC, quantity=D("0.004"), average=D(50_000))
    desk.do(c.AdoptForeign(position=foreign))
    assert only(desk.close(), e.Refused)
    desk.close("close-2", book="external")
    assert desk.exit(f"external/{VENUE}/{BTC}")


def test_a_short_is_closed_by_buying_it_back() -> None:
    desk = Desk()
    short = Position(book="external", venue=VENUE, pair=BTC, quantity=D("-0.004"), average=D(50_000))
    desk.do(c.AdoptForeign(position=short))
    desk.close(book="external")
    order = desk.book.working[desk.exit(f"external/{VENUE}/{BTC}")].order
    assert (order.side, order.quantity, order.reduces) == (Side.BUY, D("0.004"), True)


def test_a_position_that_went_through_zero_is_not_sold_any_further() -> None:
    desk = Desk()
    desk.hold(stop=None)
    desk.close()
    exit_order = desk.ack(desk.exit())
    desk.fill(exit_order, "0.005")
    assert desk.book.account_state is TradingState.FROZEN
    assert desk.held() == D("-0.001")
    desk.wait()
    assert desk.book.closings == {}
    assert desk.book.working == {}


def test_an_exit_whose_clearance_grew_old_is_judged_again_at_once() -> None:
    desk = Desk()
    desk.hold(stop=None)
    desk.do(c.Close(intent_id="close-1", door=Door.MCP), sends=False)
    first = desk.exit()
    desk.now += 3 * SECOND
    happened = desk.do(c.LookAgain(order_id=first))
    assert names(happened)[:3] == ["ClearanceVoided", "CloseMoved", "IntentJudged"]
    assert desk.exit() != first
    assert desk.state(desk.exit()) is OrderState.SENDING


def test_a_plain_sell_whose_clearance_grew_old_goes_under_an_id_of_the_desk() -> None:
    desk = Desk()
    desk.hold(stop=None)
    order_id = desk.execute(sell(), sends=False)
    for attempt in range(1, 4):
        desk.now += 3 * SECOND
        events = desk.decide(c.LookAgain(order_id=order_id))
        desk.take(events)
        (cleared,) = only(events, e.OrderCleared)
        order_id = cleared.order.id
        assert cleared.order.intent_id == f"sell-1/again.{attempt}"
    assert list(desk.book.working) == [order_id]


def test_a_sell_beside_a_stop_whose_clearance_grew_old_is_not_forgotten() -> None:
    desk = Desk()
    desk.hold()
    stop = desk.stop()
    desk.execute(sell())
    desk.take(desk.decide(c.ReportCancelled(order_id=stop)))
    desk.now += 3 * SECOND
    first = desk.exit()
    desk.do(c.LookAgain(order_id=first))
    assert desk.exit() != first
    desk.fill(desk.ack(desk.exit()))
    assert (desk.held(), desk.book.closings) == (0, {})


def test_a_sell_whose_old_clearance_cannot_be_renewed_ends_and_the_stop_comes_back() -> None:
    desk = Desk()
    desk.hold()
    stop = desk.stop()
    desk.execute(sell())
    desk.take(desk.decide(c.ReportCancelled(order_id=stop)))
    desk.now += 3 * SECOND
    desk.instruments[BTC] = instrument(BTC, quantity_min=D("0.01"))
    desk.do(c.LookAgain(order_id=desk.exit()))
    assert desk.book.closings == {}
    desk.instruments[BTC] = instrument(BTC)
    desk.wait()
    assert desk.stop()


def test_a_plain_sell_that_cannot_be_renewed_is_denied_and_nothing_more() -> None:
    desk = Desk()
    desk.hold(stop=None)
    order_id = desk.execute(sell(), sends=False)
    desk.now += 3 * SECOND
    desk.instruments[BTC] = instrument(BTC, quantity_min=D("0.01"))
    happened = desk.do(c.LookAgain(order_id=order_id))
    assert names(happened) == ["ClearanceVoided", "IntentJudged"]
    assert desk.book.working == {}


def test_an_exit_is_judged_again_even_if_its_intent_is_forgotten() -> None:
    desk = Desk()
    desk.hold(stop=None)
    order_id = desk.execute(sell("0.001", **at("55000")), sends=False)
    desk.book = replace(desk.book, intents={})
    desk.now += 3 * SECOND
    happened = desk.do(c.LookAgain(order_id=order_id))
    (cleared,) = only(happened, e.OrderCleared)
    assert (cleared.order.quantity, cleared.order.limit_price) == (D("0.001"), D(55_000))


def test_an_exit_that_is_voided_for_the_state_is_not_cleared_in_the_same_breath() -> None:
    desk = Desk()
    desk.hold(stop=None)
    desk.do(c.Close(intent_id="close-1", door=Door.MCP), sends=False)
    first = desk.exit()
    desk.latch()
    assert names(desk.do(c.LookAgain(order_id=first))) == ["ClearanceVoided", "CloseMoved"]
    for _ in range(3):
        assert desk.do(c.Watch()) == ()


def test_without_any_price_an_exit_goes_as_the_venues_own_market_order() -> None:
    desk = Desk()
    desk.hold(stop=None)
    desk.now += HOUR
    desk.bids.pop(BTC)
    desk.close()
    order = desk.book.working[desk.exit()].order
    assert (order.type, order.limit_price) == (OrderType.MARKET, None)


def test_a_pair_the_venue_no_longer_lists_is_still_sold() -> None:
    desk = Desk()
    desk.hold(stop=None)
    desk.now += SECOND
    desk.instruments.pop(BTC)
    desk.close()
    assert desk.book.working[desk.exit()].order.quantity == D("0.004")


def test_a_sell_is_refused_when_nothing_is_there_and_a_close_ends_when_it_has_gone() -> None:
    desk = Desk()
    desk.hold(stop=None)
    desk.close()
    first = desk.ack(desk.exit())
    desk.fill(first, "0.001")
    desk.lapsed(first)
    rest = only(desk.events, e.FillRecorded)[-1].fill
    desk.do(c.ReportFill(fill=replace(rest, trade_id="late", quantity=D("0.003"))))
    assert desk.held() == 0
    desk.do(c.Watch())
    assert only(desk.events, e.CloseEnded)[-1].reason == "nothing is left to close"


def test_closes_are_forgotten_when_they_end() -> None:
    desk = Desk()
    sizes: list[int] = []
    for index in range(6):
        desk.wait(DAY)
        desk.hold(stop=None, id=f"in-{index}")
        desk.close(f"out-{index}")
        desk.fill(desk.ack(desk.exit()))
        sizes.append(len(desk.book.closings) + len(desk.book.protections) + len(desk.book.working))
    assert sizes == [0] * 6
    assert desk.replayed() == desk.book


def test_a_plain_sell_under_way_is_not_sent_again_by_a_look_at_the_market() -> None:
    desk = Desk()
    desk.hold()
    stop = desk.stop()
    desk.execute(sell("0.001", **at("55000")))
    desk.cancelled(stop)
    order_id = desk.ack(desk.exit())
    for _ in range(3):
        desk.wait()
    assert list(desk.book.working) == [order_id]


def test_a_plain_sell_that_is_voided_for_the_state_is_over_and_the_stop_comes_back() -> None:
    desk = Desk()
    desk.hold()
    stop = desk.stop()
    desk.execute(sell())
    desk.take(desk.decide(c.ReportCancelled(order_id=stop)))
    order_id = desk.exit()
    desk.latch(TradingState.HALTED)
    desk.do(c.LookAgain(order_id=order_id))
    assert desk.book.closings == {}
    assert desk.book.working[desk.stop()].order.quantity == D("0.004")


def test_a_close_that_waits_may_find_another_quantity_left_than_it_was_asked_for() -> None:
    desk = Desk()
    desk.hold("1", None, AAPL)
    key = f"manual/{VENUE}/{AAPL}"
    desk.is_open = False
    desk.close()
    desk.do(c.ReportAdjustment(kind=Adjustment.SPLIT, venue=VENUE, asset=AAPL, amount=D(4)))
    desk.is_open = True
    desk.wait()
    assert desk.book.working[desk.exit(key)].order.quantity == D(4)


def test_a_close_of_what_no_order_can_name_is_denied_with_the_reason() -> None:
    desk = Desk()
    entry = desk.ack(desk.enter(stop=None))
    (recorded,) = only(desk.fill(entry, "0.001"), e.FillRecorded)
    desk.do(c.ReportFill(fill=replace(recorded.fill, trade_id="odd", pair="BRK/B")))
    odd = f"manual/{VENUE}/BRK/B"
    assert desk.held(odd) == D("0.001")
    (judged,) = only(desk.close(pair="BRK/B"), e.IntentJudged)
    assert Code.FIELD_INVALID in judged.verdict.codes()
    assert desk.held(odd) == D("0.001")


def test_closing_everything_leaves_the_changes_that_wait_for_a_person() -> None:
    desk = Desk()
    desk.hold(stop=None)
    desk.change("market.crypto.ask_above", "250", "300")
    waiting = desk.proposal()
    desk.close()
    assert list(desk.book.proposals) == [waiting.id]


def test_a_venue_is_compared_with_what_the_book_holds_there_and_nowhere_else() -> None:
    desk = Desk()
    desk.hold()
    elsewhere = Position(book="external", venue="other", pair=BTC, quantity=D("0.01"), average=D(50_000))
    desk.do(c.AdoptForeign(position=elsewhere))
    (compared,) = only(desk.do(c.Reconcile(venue=VENUE, holdings={BTC: desk.held()})), e.Reconciled)
    assert compared.differences == ()

"""What a decision writes down beside its outcome: ids, reasons, owners and worths that are read much later."""

import pytest
from msgspec.structs import replace

from tests.core.decide.desk import MINE, D, Desk, at, buy, names, only, sell
from tests.core.decide.test_algorithms import its, signed_mandates
from tests.core.decide.test_consenting import asked
from tests.core.decide.test_loosening import delayed
from tests.core.decide.test_sentences import ASK_ABOVE, foreign, released, told
from tests.core.decide.test_time import fall
from tests.core.guardrails.shipped import SIMULATED
from tests.core.guardrails.world import AAPL, BTC, ETH, VENUE, instrument
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.latches import ACCOUNT, Latch, TradingState
from trading_mcp.core.domain.market import MINUTE, SECOND, FeedHealth
from trading_mcp.core.domain.orders import Door, Intent, OrderType, Protect, Side
from trading_mcp.core.domain.protection import Kept
from trading_mcp.core.domain.verdict import Code
from trading_mcp.core.guardrails import changing
from trading_mcp.core.guardrails.draft import Draft


def intent_of(desk: Desk, intent_id: str) -> Intent:
    record = desk.book.intent(intent_id)
    assert record is not None
    return record.intent


@pytest.mark.parametrize(
    ("most_each", "most", "doors", "whose"),
    [(3, 9, [Door.MCP], "mcp"), (9, 3, [Door.MCP, Door.CLI], "everyone together")],
)
def test_too_many_orders_that_wait_say_how_many_there_are(
    most_each: int, most: int, doors: list[Door], whose: str
) -> None:
    account = replace(SIMULATED.account, proposals_actor_max=most_each, proposals_open_max=most)
    desk = Desk(policy=replace(SIMULATED, account=account))
    for number in range(3):
        desk.judged(buy("0.006", id=f"b{number}", door=doors[number % len(doors)]))
        desk.wait(2 * MINUTE)
    assert told(desk.do(c.Execute(intent=buy("0.006", id="last"))))[-1].split(" | ") == [
        f"PROPOSALS_OPEN_MAX: {whose} has 3 orders waiting for the owner",
        "3",
        "4",
        "the same order once the owner has answered one, or one was withdrawn",
    ]


def test_orders_of_one_decision_are_numbered_from_nothing() -> None:
    desk = Desk()
    draft = Draft(desk.book, desk.facts())
    assert [draft.next_ordinal() for _ in range(3)] == [0, 1, 2]


def test_an_algorithm_may_have_an_underscore_and_its_orders_are_bounded_by_its_own_market() -> None:
    desk = Desk()
    mandate = desk.employ("in_stocks", pairs=frozenset({AAPL}), capital=D(1_000_000)).mandate
    assert mandate is not None
    assert mandate.order_notional_max == desk.book.policy.stocks.order_notional_max
    assert mandate.order_notional_max != desk.book.policy.crypto.order_notional_max


def test_an_order_of_an_algorithm_that_was_valued_today_needs_no_other_valuation() -> None:
    desk = Desk()
    desk.employ()
    assert names(desk.do(c.Execute(intent=its()))) == ["IntentJudged", "OrderCleared", "OrderSending"]


def test_a_valuation_says_which_session_of_the_stocks_it_was_made_in() -> None:
    desk = Desk()
    (mark,) = only(desk.do(c.Mark()), e.Marked)
    assert mark.market_days == {"market/stocks": mark.day}


def test_a_leave_that_is_signed_measures_from_what_the_algorithm_is_worth_then() -> None:
    desk = Desk(policy=signed_mandates())
    made = desk.employ()
    desk.sign()
    desk.hold("0.004", None, id="its", door=Door.RUNNER, book="sma")
    desk.do(c.SetAlgorithm(algorithm=replace(made, version="v2"), door=Door.CLI))
    fall(desk, "49000")
    desk.sign()
    mandate = desk.book.algorithms["sma"].mandate
    assert mandate is not None
    assert mandate.value_at_issue == desk.book.measures["algorithm/sma"].value < made.capital


def test_an_exit_that_is_tried_again_has_an_id_of_its_own() -> None:
    desk = Desk()
    desk.hold(stop=None)
    desk.close()
    desk.lapsed(desk.ack(desk.exit()))
    desk.wait()
    desk.lapsed(desk.ack(desk.exit()))
    desk.wait()
    ids = [event.order.intent_id for event in only(desk.events, e.OrderCleared)]
    assert ids[1:] == [f"close-1/{MINE}", f"close-1/{MINE}/exit.1", f"close-1/{MINE}/exit.2"]


def test_a_plain_exit_that_waited_too_long_is_sent_again_as_it_was_meant() -> None:
    desk = Desk()
    desk.hold()
    first = desk.execute(sell("0.001", id="first"))
    desk.cancelled(desk.guard().order_id)
    first = desk.exit()
    second = desk.execute(sell("0.002", id="second", reason="enough"), sends=False)
    desk.now += 3 * SECOND
    desk.price("49000")
    desk.do(c.LookAgain(order_id=second))
    assert desk.exit() == first
    (again,) = [order for order in desk.working() if order.intent_id == "second/again.1"]
    before = desk.order(second).order
    assert again.quantity == before.quantity
    assert again.limit_price is not None
    assert before.limit_price is not None
    assert again.limit_price < before.limit_price
    assert (intent_of(desk, "second/again.1").reason, intent_of(desk, "second/again.1").door) == ("enough", Door.DESK)


def test_all_that_was_meant_is_all_that_was_held_when_it_was_meant() -> None:
    desk = Desk()
    desk.hold(stop=None)
    desk.wait(2 * MINUTE)
    more = desk.ack(desk.enter("0.002", None, id="more", **at("49000")))
    exit_order = desk.execute(sell(), sends=False)
    desk.fill(more)
    desk.now += 3 * SECOND
    desk.confirmed[BTC] = desk.now
    desk.do(c.LookAgain(order_id=exit_order))
    (again,) = [order for order in desk.working() if order.intent_id == "sell-1/again.1"]
    assert again.quantity == D("0.004")


def test_a_proposal_whose_order_was_cleared_before_is_void_whatever_signature_it_bears() -> None:
    desk = Desk()
    asked(desk)
    proposal = desk.proposal()
    desk.sign()
    (order,) = desk.working()
    desk.book = replace(desk.book, proposals={proposal.id: proposal})
    assert told(desk.sign(nonce="another")) == [f"voided order/large: its order was cleared before: {order.id}"]


def test_a_signed_close_goes_to_the_venue_that_holds_the_position() -> None:
    desk = Desk(mode=Mode.DRY)
    desk.do(foreign("0.1"))
    desk.close(book="external", reason="sell it")
    desk.sign()
    wanted = desk.closing(f"external/{VENUE}/{BTC}").intent
    assert (wanted.venue, wanted.reason, wanted.id) == (VENUE, "sell it", f"close/close-1/{VENUE}/{BTC}/signed")


def test_a_signed_change_of_limits_that_were_changed_since_is_void() -> None:
    desk = Desk(policy=delayed())
    desk.change(*ASK_ABOVE)
    desk.sign()
    desk.change("market.crypto.ask_above", "250", "200", "tighter")
    assert told(desk.wait(10 * MINUTE)) == [
        "voided change/change-1: the limits are not what they were when it was proposed"
    ]


def test_a_release_names_all_that_latched_since() -> None:
    desk = Desk()
    desk.latch(TradingState.REDUCING)
    released(desk)
    desk.now += SECOND
    for code in (Code.LOSS_DAY_MAX, Code.OVERFILL):
        latch = Latch(scope=ACCOUNT, state=TradingState.HALTED, code=code, reason="a test", at=0)
        desk.do(c.AddLatch(latch=latch))
    assert told(desk.sign())[-1].endswith(": latched since it was proposed: OVERFILL, LOSS_DAY_MAX")


def test_the_kill_switch_says_what_it_ended() -> None:
    desk = Desk()
    desk.employ()
    desk.hold("0.1", None, ETH, id="ether")
    desk.close(pair=ETH)
    desk.ack(desk.exit(f"manual/{VENUE}/{ETH}"))
    assert told(desk.do(c.Halt(door=Door.MCP, reason="enough"))) == [
        f"KILL_SWITCH at {desk.now}: enough",
        "OrderCancelRequested: the kill switch",
        "MandateVoided: the kill switch",
        "CloseEnded: the kill switch",
    ]


def test_halting_everything_says_that_it_ended_even_what_protects() -> None:
    desk = Desk(rested=False)
    desk.hold()
    desk.price("48900")
    desk.do(c.Watch())
    desk.signed = desk.stated("halt", "everything")
    said = told(desk.do(c.Halt(door=Door.CLI, reason="", everything=True)))
    assert said[-1] == "CloseEnded: halt of everything"


def test_a_target_that_fires_takes_the_stop_from_the_venue_to_the_desk_and_says_why() -> None:
    desk = Desk()
    desk.fill(desk.ack(desk.enter(protect=Protect(stop_loss=D(49_000), take_profit=D(52_000)))))
    desk.ack(desk.stop())
    assert desk.guard().kept is Kept.VENUE
    desk.price("52100")
    desk.do(c.Watch())
    assert desk.guard().kept is Kept.DESK
    wanted = desk.closing().intent
    assert (wanted.venue, wanted.reason) == (VENUE, f"target of {MINE} at 52100")


def test_a_stop_of_a_stock_has_the_slippage_of_stocks() -> None:
    desk = Desk(policy=replace(SIMULATED, stocks=replace(SIMULATED.stocks, exit_slippage_max=D("0.02"))))
    kinds = frozenset({OrderType.LIMIT, OrderType.MARKET, OrderType.STOP_LIMIT})
    desk.instruments[AAPL] = instrument(AAPL, stops_rest=True, order_types=kinds)
    desk.fill(desk.ack(desk.enter("1", "190", AAPL)))
    order = desk.book.working[desk.stop(f"manual/{VENUE}/{AAPL}")].order
    assert order.limit_price == D(190) * D("0.98")


def test_a_position_that_is_gone_takes_its_resting_stop_back_and_says_why() -> None:
    desk = Desk()
    desk.hold(stop=None)
    late = desk.ack(desk.execute(sell("0.004", id="late", **at("55000"))))
    desk.do(c.Cancel(door=Door.MCP, order_id=late))
    desk.cancelled(late)
    desk.wait(2 * MINUTE)
    desk.fill(desk.ack(desk.enter("0.001", id="more")))
    desk.ack(desk.stop())
    assert told(desk.fill(late, "0.005"))[1:] == [
        "OrderCancelRequested: the position is closed",
        "ProtectionEnded: the position is closed",
    ]


def test_a_close_that_another_book_leaves_nothing_for_is_judged_for_all_that_was_asked() -> None:
    desk = Desk()
    desk.hold(stop=None)
    desk.do(foreign("-0.004"))
    desk.wait(2 * MINUTE)
    assert told(desk.close())[0].split(" | ")[1:3] == ["0", "0.004"]


def test_a_proposal_keeps_what_it_was_asked_about_at() -> None:
    desk = Desk()
    body = asked(desk)
    assert (body.reference, body.price_worst, body.venue) == (D(50_000), D(50_500), VENUE)
    assert [found.code for found in desk.proposal().findings] == [Code.APPROVAL_REQUIRED]


def test_one_algorithm_more_than_there_may_be_is_refused() -> None:
    desk = Desk()
    made = desk.employ()
    crowd = {f"a{number}": replace(made, name=f"a{number}") for number in range(changing.ALGORITHMS_MAX)}
    desk.book = replace(desk.book, algorithms=crowd)
    refused = desk.do(c.SetAlgorithm(algorithm=made, door=Door.CLI))
    assert told(refused) == [f"algorithm sma: there are {changing.ALGORITHMS_MAX} algorithms already"]


def test_a_leave_that_is_granted_anew_measures_from_what_is_left() -> None:
    desk = Desk()
    made = desk.employ()
    desk.hold("0.004", None, id="its", door=Door.RUNNER, book="sma")
    fall(desk, "49000")
    desk.do(c.SetAlgorithm(algorithm=replace(made, version="v2"), door=Door.CLI))
    mandate = desk.book.algorithms["sma"].mandate
    assert mandate is not None
    assert mandate.value_at_issue == desk.book.measures["algorithm/sma"].value < made.capital


def test_a_signed_close_of_a_short_buys() -> None:
    desk = Desk(mode=Mode.DRY)
    desk.do(foreign("-0.1"))
    desk.close(book="external")
    desk.sign()
    assert desk.closing(f"external/{VENUE}/{BTC}").intent.side is Side.BUY


def test_what_is_denied_now_is_named_in_full() -> None:
    desk = Desk()
    asked(desk)
    desk.latch(TradingState.REDUCING)
    desk.health = FeedHealth.DOWN
    assert told(desk.sign())[-1] == "voided order/large: denied now: STATE_REDUCING, FEED_DOWN"

"""Stopping: the kill switch, latches and tightenings, and what they leave working."""

import pytest
from msgspec.structs import replace

from tests.core.decide.desk import MINE, D, Desk, at, buy, names, only, sell
from tests.core.guardrails.world import BTC, ETH, VENUE
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.latches import Scope, ScopeKind, TradingState
from trading_mcp.core.domain.market import DAY, MINUTE, SECOND, Market
from trading_mcp.core.domain.orders import Door, OrderState, OrderType, Purpose
from trading_mcp.core.domain.protection import Kept
from trading_mcp.core.domain.verdict import Code


def resting(desk: Desk, name: str, quantity: str = "0.002", price: str = "49000") -> str:
    desk.wait(2 * MINUTE)
    return desk.ack(desk.enter(quantity, None, id=name, **at(price)))


def kill(desk: Desk) -> tuple[e.AnyEvent, ...]:
    return desk.do(c.Halt(door=Door.MCP, reason="enough"))


def test_a_tightening_takes_the_newest_resting_buys_first_and_keeps_those_that_fit() -> None:
    desk = Desk()
    orders = [resting(desk, f"b{index}") for index in range(4)]
    # Four times 0.002 at the worst price of 50,000 are 400; the limit leaves room for two of them.
    desk.change("market.crypto.position_share_max", "25%", "0.2%")
    states = [desk.state(order) for order in orders]
    assert states == [OrderState.LIVE] * 2 + [OrderState.CANCEL_PENDING] * 2


def test_a_tightening_that_everything_fits_takes_nothing_back() -> None:
    desk = Desk()
    order = resting(desk, "b")
    assert names(desk.change("market.crypto.position_share_max", "25%", "20%")) == ["PolicyChanged"]
    assert desk.state(order) is OrderState.LIVE


def test_a_pair_that_is_removed_takes_its_resting_buys_along_and_leaves_stops() -> None:
    desk = Desk()
    desk.hold()
    stop = desk.stop()
    order = resting(desk, "b")
    desk.change("market.crypto.pairs_blocked", "none", BTC)
    assert desk.state(order) is OrderState.CANCEL_PENDING
    assert desk.state(stop) is OrderState.LIVE


def test_an_order_that_rests_longer_than_its_intent_is_remembered_can_still_be_judged() -> None:
    desk = Desk()
    order = resting(desk, "b")
    trail = desk.ack(desk.execute(buy("0.02", ETH, id="t", type=OrderType.TRAILING_STOP, trail=D("0.05"))))
    for _ in range(9):
        desk.wait(DAY)
        desk.execute(buy("0.01", ETH, id=f"daily-{desk.now}"))
    assert desk.book.intent("b") is None
    kill(desk)
    assert {desk.state(order), desk.state(trail)} == {OrderState.CANCEL_PENDING}


def test_an_order_whose_own_words_make_no_sense_does_not_stay() -> None:
    desk = Desk()
    order = resting(desk, "b")
    working = desk.book.working[order]
    odd = replace(working, order=replace(working.order, limit_price=None))
    desk.book = replace(desk.book, working={order: odd})
    desk.change("market.crypto.position_share_max", "25%", "20%")
    assert desk.state(order) is OrderState.CANCEL_PENDING
    assert desk.order(order).cancel_reason.startswith("FIELD_INVALID")


def test_the_kill_switch_leaves_stops_at_the_venue_and_stops_at_the_desk() -> None:
    desk = Desk()
    desk.hold()
    stop = desk.stop()
    order = resting(desk, "b")
    kill(desk)
    assert desk.state(order) is OrderState.CANCEL_PENDING
    assert desk.state(stop) is OrderState.LIVE
    assert Code.STATE_HALTED in desk.denies(buy(id="after"))
    assert Code.STATE_HALTED in desk.denies(sell(id="after-too"))
    desk.fill(stop)
    assert desk.held() == 0


def test_a_stop_kept_at_the_desk_fires_after_the_kill() -> None:
    desk = Desk(rested=False)
    desk.hold()
    kill(desk)
    desk.price("48900")
    desk.do(c.Watch())
    desk.fill(desk.ack(desk.exit()))
    assert desk.held() == 0


def test_a_stop_that_is_firing_is_not_stopped_by_the_kill() -> None:
    desk = Desk(rested=False)
    desk.hold()
    desk.price("48900")
    desk.do(c.Watch())
    exit_order = desk.ack(desk.exit())
    kill(desk)
    assert desk.state(exit_order) is OrderState.LIVE
    desk.lapsed(exit_order)
    desk.wait()
    assert desk.exit()


def test_the_kill_switch_voids_clearances_mandates_proposals_and_changes_that_wait() -> None:
    desk = Desk()
    desk.employ()
    desk.judged(buy("0.006", id="large"))
    desk.change("market.crypto.ask_above", "250", "300")
    entry = desk.execute(buy(), sends=False)
    kill(desk)
    assert desk.state(entry) is OrderState.VOID
    assert desk.book.algorithms["sma"].mandate is None
    assert (desk.book.proposals, desk.book.changes) == ({}, {})


def test_the_kill_switch_ends_a_close_and_its_exit_but_puts_the_stop_back() -> None:
    desk = Desk()
    desk.hold()
    desk.close()
    desk.cancelled(desk.guard().order_id)
    exit_order = desk.ack(desk.exit())
    kill(desk)
    assert desk.book.closings == {}
    assert desk.state(exit_order) is OrderState.CANCEL_PENDING
    desk.cancelled(exit_order)
    assert desk.book.working[desk.stop()].order.purpose is Purpose.PROTECTION


def test_the_kill_switch_twice_is_the_kill_switch_once() -> None:
    desk = Desk()
    desk.hold()
    kill(desk)
    assert kill(desk) == ()


def test_halting_everything_needs_a_signature_and_without_one_is_an_ordinary_kill() -> None:
    desk = Desk()
    desk.hold()
    stop = desk.stop()
    happened = desk.do(c.Halt(door=Door.CLI, reason="all of it", everything=True))
    assert only(happened, e.Refused)
    assert desk.book.account_state is TradingState.HALTED
    assert desk.state(stop) is OrderState.LIVE


def test_halting_everything_takes_the_stops_as_well_and_the_desk_goes_on_watching() -> None:
    desk = Desk()
    desk.hold()
    stop = desk.stop()
    desk.hold("0.1", None, "ETH-USDT", id="ether")
    desk.close(pair=ETH)
    exit_order = desk.ack(desk.exit(f"manual/{VENUE}/{ETH}"))
    desk.signed = desk.stated("halt", "everything")
    desk.do(c.Halt(door=Door.CLI, reason="all of it", everything=True))
    desk.signed = None
    assert {desk.state(stop), desk.state(exit_order)} == {OrderState.CANCEL_PENDING}
    desk.cancelled(stop)
    assert (desk.guard().kept, desk.guard().wanted) == (Kept.DESK, Kept.DESK)
    desk.wait()
    assert MINE not in desk.book.closings
    desk.price("48900")
    desk.do(c.Watch())
    assert desk.exit()


def test_halting_everything_ends_even_a_stop_that_is_firing() -> None:
    desk = Desk(rested=False)
    desk.hold()
    desk.price("48900")
    desk.do(c.Watch())
    desk.signed = desk.stated("halt", "everything")
    desk.do(c.Halt(door=Door.CLI, reason="", everything=True))
    assert desk.book.closings == {}


def test_a_limit_that_latches_between_clearance_and_wire_stops_the_entry_and_lets_the_exit_go() -> None:
    desk = Desk()
    desk.hold("0.1", None, ETH, id="ether")
    entry = desk.execute(buy(), sends=False)
    exit_order = desk.execute(sell(pair=ETH), sends=False)
    desk.latch(TradingState.REDUCING)
    assert desk.state(entry) is OrderState.VOID
    desk.do(c.LookAgain(order_id=entry))
    desk.do(c.LookAgain(order_id=exit_order))
    assert desk.state(entry) is OrderState.VOID
    assert desk.state(exit_order) is OrderState.SENDING


@pytest.mark.parametrize(("age", "goes"), [(2 * SECOND, True), (2 * SECOND + 1, False), (-2 * SECOND - 1, False)])
def test_an_entry_cleared_too_long_ago_is_void(age: int, goes: bool) -> None:
    desk = Desk()
    entry = desk.execute(buy(), sends=False)
    desk.now += age
    desk.do(c.LookAgain(order_id=entry))
    assert desk.state(entry) is (OrderState.SENDING if goes else OrderState.VOID)


def test_a_halt_file_stops_the_entry_at_the_last_look_and_no_exit() -> None:
    desk = Desk()
    desk.hold("0.1", None, ETH, id="ether")
    desk.halt_file = True
    entry = desk.execute(buy())
    assert desk.state(entry) is OrderState.VOID
    assert desk.state(desk.execute(sell(pair=ETH))) is OrderState.SENDING


def test_a_limit_tightened_after_the_clearance_is_seen_at_the_last_look() -> None:
    desk = Desk()
    entry = desk.execute(buy(), sends=False)
    policy = desk.book.policy
    desk.book = replace(desk.book, policy=replace(policy, crypto=replace(policy.crypto, order_notional_max=D(1))))
    assert names(desk.do(c.LookAgain(order_id=entry))) == ["ClearanceVoided"]


def test_a_last_look_at_what_is_not_cleared_is_nothing() -> None:
    desk = Desk()
    entry = desk.execute(buy())
    assert desk.do(c.LookAgain(order_id=entry)) == ()
    assert desk.do(c.LookAgain(order_id="never")) == ()


@pytest.mark.parametrize(
    ("scope", "stays"),
    [
        (Scope(kind=ScopeKind.ACCOUNT), False),
        (Scope(kind=ScopeKind.MARKET, name=Market.CRYPTO), False),
        (Scope(kind=ScopeKind.MARKET, name=Market.STOCKS), True),
        (Scope(kind=ScopeKind.VENUE, name=VENUE), False),
        (Scope(kind=ScopeKind.VENUE, name="other"), True),
        (Scope(kind=ScopeKind.ALGORITHM, name="manual"), True),
        (Scope(kind=ScopeKind.ALGORITHM, name="sma"), True),
    ],
    ids=lambda value: getattr(value, "key", ""),
)
def test_a_latch_takes_back_the_entries_it_covers(scope: Scope, stays: bool) -> None:
    desk = Desk()
    order = resting(desk, "b")
    desk.latch(TradingState.REDUCING, scope)
    assert (desk.state(order) is OrderState.LIVE) is stays


def test_a_latch_of_an_algorithm_takes_back_its_entries_alone() -> None:
    desk = Desk()
    desk.employ()
    mine = resting(desk, "b")
    its = desk.ack(desk.enter("0.002", None, id="its", door=Door.RUNNER, book="sma", **at("49000")))
    desk.latch(TradingState.REDUCING, Scope(kind=ScopeKind.ALGORITHM, name="sma"))
    assert (desk.state(mine), desk.state(its)) == (OrderState.LIVE, OrderState.CANCEL_PENDING)


def test_a_latch_never_becomes_milder_and_one_that_restricts_nothing_is_none() -> None:
    desk = Desk()
    desk.latch(TradingState.HALTED)
    assert desk.latch(TradingState.REDUCING) == ()
    assert desk.latch(TradingState.HALTED) == ()
    assert names(desk.latch(TradingState.FROZEN)) == ["Latched"]
    assert Desk().latch(TradingState.ACTIVE) == ()


def test_cancels_pass_in_every_state() -> None:
    for state in TradingState:
        desk = Desk()
        order = resting(desk, "b")
        desk.latch(state)
        desk.do(c.Cancel(door=Door.MCP, order_id=order))
        assert desk.state(order) is OrderState.CANCEL_PENDING


def test_cancelling_a_pair_or_all_takes_entries_and_leaves_stops() -> None:
    desk = Desk()
    desk.hold()
    stop = desk.stop()
    bitcoin = resting(desk, "b")
    ether = desk.ack(desk.enter("0.1", None, ETH, id="ether", **at("1900")))
    desk.do(c.Cancel(door=Door.MCP, pair=ETH))
    assert (desk.state(ether), desk.state(bitcoin)) == (OrderState.CANCEL_PENDING, OrderState.LIVE)
    desk.do(c.Cancel(door=Door.MCP, reason="enough"))
    assert (desk.state(bitcoin), desk.state(stop)) == (OrderState.CANCEL_PENDING, OrderState.LIVE)
    assert desk.order(bitcoin).cancel_reason == "enough"


def test_cancelling_what_is_not_there_says_so_and_twice_is_once() -> None:
    desk = Desk()
    assert names(desk.do(c.Cancel(door=Door.MCP, order_id="never"))) == ["Refused"]
    order = resting(desk, "b")
    desk.do(c.Cancel(door=Door.MCP, order_id=order))
    assert desk.do(c.Cancel(door=Door.MCP, order_id=order)) == ()


def test_disabling_an_algorithm_takes_its_entries_while_its_exits_go_on() -> None:
    desk = Desk()
    made = desk.employ()
    desk.hold("0.002", None, id="its", door=Door.RUNNER, book="sma")
    desk.wait(2 * MINUTE)
    entry = desk.ack(desk.enter("0.002", None, id="more", door=Door.RUNNER, book="sma", **at("49000")))
    exit_order = desk.ack(desk.execute(sell("0.001", id="out", door=Door.RUNNER, book="sma", **at("55000"))))
    desk.do(c.SetAlgorithm(algorithm=replace(made, enabled=False), door=Door.MCP))
    assert (desk.state(entry), desk.state(exit_order)) == (OrderState.CANCEL_PENDING, OrderState.LIVE)
    assert desk.book.algorithms["sma"].mandate is None
    assert Code.ALGORITHM_BUDGET in desk.denies(buy("0.001", id="no", door=Door.RUNNER, book="sma"))
    assert desk.execute(sell("0.001", id="yes", door=Door.RUNNER, book="sma"))


def test_a_market_order_without_an_end_of_its_own_is_cancelled_after_its_life() -> None:
    desk = Desk()
    entry = desk.enter(stop=None)
    working = desk.book.working[entry]
    mortal = replace(working, order=replace(working.order, lapses_at=desk.now + 5 * SECOND))
    desk.book = replace(desk.book, working={entry: mortal})
    desk.now += 5 * SECOND - 1
    desk.tick()
    assert desk.state(entry) is OrderState.SENDING
    desk.now += 1
    assert names(desk.tick()) == ["OrderCancelRequested"]
    desk.ack(entry)
    assert desk.state(entry) is OrderState.CANCEL_PENDING

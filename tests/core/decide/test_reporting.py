"""What a venue may report: late, twice, out of order, too much, about nothing it was asked, or impossible."""

import pytest
from msgspec.structs import replace

from tests.core.decide.desk import MINE, D, Desk, at, buy, names, only
from tests.core.guardrails.world import BTC, ETH, VENUE
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.latches import TradingState
from trading_mcp.core.domain.market import MINUTE
from trading_mcp.core.domain.orders import Door, Fill, OrderState, Side
from trading_mcp.core.domain.verdict import Code


def some_fill(**changes: object) -> Fill:
    plain = Fill(
        trade_id="foreign-1",
        venue=VENUE,
        pair=BTC,
        side=Side.BUY,
        quantity=D("0.001"),
        price=D(50_000),
        fee=D(1),
        fee_asset="USDT",
        at=0,
    )
    return replace(plain, **changes)


def is_frozen(desk: Desk, code: Code) -> bool:
    return desk.book.account_state is TradingState.FROZEN and f"account:{code}" in desk.book.latches


def test_a_fill_that_is_told_twice_is_folded_once() -> None:
    desk = Desk()
    entry = desk.ack(desk.enter(stop=None))
    desk.fill(entry, "0.001", trade="same")
    assert desk.fill(entry, "0.001", trade="same") == ()
    assert desk.held() == D("0.001")


def test_a_fill_may_come_before_the_acknowledgement() -> None:
    desk = Desk()
    entry = desk.enter(stop=None)
    desk.fill(entry, "0.001")
    assert desk.state(entry) is OrderState.PARTIAL
    assert desk.do(c.ReportAccepted(order_id=entry)) == ()
    desk.fill(entry)
    assert desk.do(c.ReportAccepted(order_id=entry)) == ()
    assert desk.book.latches == {}


@pytest.mark.parametrize("ends", ["cancelled", "lapsed"])
def test_an_acknowledgement_that_comes_after_the_end_is_late_not_impossible(ends: str) -> None:
    desk = Desk()
    entry = desk.enter(stop=None)
    getattr(desk, ends)(entry)
    assert desk.do(c.ReportAccepted(order_id=entry)) == ()
    assert desk.book.latches == {}


def test_a_time_out_that_comes_after_the_fill_is_no_news() -> None:
    desk = Desk()
    entry = desk.enter(stop=None)
    desk.fill(entry)
    assert desk.unknown(entry) == ()
    assert desk.book.latches == {}


def test_a_fill_after_a_cancel_is_folded_and_guarded() -> None:
    desk = Desk()
    entry = desk.ack(desk.enter(**at("50500")))
    desk.do(c.Cancel(door=Door.MCP, order_id=entry))
    desk.cancelled(entry)
    desk.fill(entry)
    assert desk.held() == D("0.004")
    assert desk.state(entry) is OrderState.FILLED
    assert desk.book.working[desk.stop()].order.quantity == D("0.004")
    assert desk.book.latches == {}


def test_an_overfill_freezes_and_is_folded_all_the_same() -> None:
    desk = Desk()
    entry = desk.ack(desk.enter(stop=None))
    desk.fill(entry, "0.005")
    assert is_frozen(desk, Code.OVERFILL)
    assert desk.held() == D("0.005")


def test_freezing_takes_back_what_still_adds_risk() -> None:
    desk = Desk()
    other = desk.ack(desk.enter("0.1", None, ETH, id="ether", **at("1900")))
    entry = desk.ack(desk.enter(stop=None))
    desk.fill(entry, "0.005")
    assert desk.state(other) is OrderState.CANCEL_PENDING


@pytest.mark.parametrize("state", ["rejected", "void", "cleared"])
def test_a_fill_of_an_order_that_never_was_freezes_and_is_folded(state: str) -> None:
    desk = Desk()
    entry = desk.execute(buy(), sends=False)
    if state == "void":
        desk.do(c.Cancel(door=Door.MCP, order_id=entry))
    if state == "rejected":
        desk.do(c.LookAgain(order_id=entry))
        desk.rejected(entry)
    desk.fill(entry, "0.001")
    assert is_frozen(desk, Code.TRANSITION_IMPOSSIBLE)
    assert desk.held() == D("0.001")


def test_a_refusal_of_what_is_partly_filled_freezes() -> None:
    desk = Desk()
    entry = desk.ack(desk.enter(stop=None))
    desk.fill(entry, "0.001")
    assert names(desk.rejected(entry)) == ["Latched", "OrderCancelRequested"]
    assert is_frozen(desk, Code.TRANSITION_IMPOSSIBLE)
    assert desk.rejected(entry) == ()


@pytest.mark.parametrize("report", ["ack", "cancelled"])
def test_news_of_an_order_before_it_was_sent_freezes(report: str) -> None:
    desk = Desk()
    entry = desk.execute(buy(), sends=False)
    getattr(desk, report)(entry)
    assert is_frozen(desk, Code.TRANSITION_IMPOSSIBLE)
    # What was only cleared is never sent after that.
    assert desk.state(entry) is OrderState.VOID
    assert desk.do(c.LookAgain(order_id=entry)) == ()


def test_a_fill_of_another_kind_than_its_order_freezes_and_is_folded_where_it_happened() -> None:
    desk = Desk()
    entry = desk.ack(desk.enter())
    desk.do(c.ReportFill(fill=some_fill(order_id=entry, pair=ETH, quantity=D("0.1"), price=D(2_000))))
    assert is_frozen(desk, Code.TRANSITION_IMPOSSIBLE)
    assert desk.held(f"manual/{VENUE}/{ETH}") == D("0.1")
    assert desk.held() == 0
    desk.do(c.ReportFill(fill=some_fill(trade_id="x", order_id=entry, side=Side.SELL)))
    assert desk.held() == D("-0.001")


def test_a_stop_of_a_position_that_went_through_zero_is_taken_back() -> None:
    desk = Desk()
    desk.hold()
    stop = desk.stop()
    desk.fill(stop, "0.003")
    desk.do(c.ReportFill(fill=some_fill(order_id=stop, side=Side.SELL, quantity=D("0.003"))))
    assert is_frozen(desk, Code.OVERFILL)
    assert desk.held() == D("-0.002")
    assert desk.book.protections == {}


@pytest.mark.parametrize("wrong", [{"quantity": D("NaN")}, {"price": D(0)}, {"fee": D("Infinity")}])
def test_figures_that_are_no_amounts_freeze_and_are_not_folded(wrong: dict[str, object]) -> None:
    desk = Desk()
    desk.do(c.ReportFill(fill=some_fill(**wrong)))
    assert is_frozen(desk, Code.TRANSITION_IMPOSSIBLE)
    assert desk.book.portfolio.positions == {}
    assert desk.do(c.ReportFill(fill=some_fill(**wrong))) == ()


def test_a_fill_nobody_here_asked_for_belongs_to_nobody_here() -> None:
    desk = Desk()
    desk.do(c.ReportFill(fill=some_fill()))
    desk.do(c.ReportFill(fill=some_fill(trade_id="2", order_id="never-heard-of")))
    desk.instruments.clear()
    desk.do(c.ReportFill(fill=some_fill(trade_id="3")))
    assert desk.held(f"external/{VENUE}/{BTC}") == D("0.003")
    assert desk.book.latches == {}


def test_news_of_an_order_that_is_not_known_says_so() -> None:
    desk = Desk()
    assert names(desk.do(c.ReportAccepted(order_id="never-heard-of"))) == ["Refused"]


def test_an_order_of_unknown_fate_blocks_its_symbol_and_keeps_what_it_reserves() -> None:
    desk = Desk()
    entry = desk.enter(stop=None)
    desk.unknown(entry)
    assert desk.unknown(entry) == ()
    desk.wait(2 * MINUTE)
    assert Code.STATE_ORDER_UNKNOWN in desk.denies(buy("0.002", id="more"))
    assert desk.enter("0.1", None, ETH, id="ether")
    desk.fill(entry)
    assert desk.enter("0.002", None, id="now")


def test_an_order_found_alive_that_was_to_be_cancelled_is_cancelled_again() -> None:
    desk = Desk()
    entry = desk.enter(stop=None)
    desk.do(c.Cancel(door=Door.MCP, order_id=entry))
    desk.unknown(entry)
    assert names(desk.do(c.ReportAccepted(order_id=entry))) == ["OrderAccepted", "OrderCancelRequested"]
    assert desk.state(entry) is OrderState.CANCEL_PENDING


def test_a_cancel_that_loses_the_race_is_filled() -> None:
    desk = Desk()
    entry = desk.ack(desk.enter(stop=None))
    desk.do(c.Cancel(door=Door.MCP, order_id=entry))
    desk.fill(entry)
    assert desk.cancelled(entry) == ()
    assert desk.held() == D("0.004")
    assert desk.book.latches == {}


def test_two_books_of_one_pair_are_filled_apart() -> None:
    desk = Desk()
    desk.employ()
    desk.hold(stop=None)
    desk.hold("0.001", None, id="its", door=Door.RUNNER, book="sma")
    assert desk.held(MINE) == D("0.004")
    assert desk.held(f"sma/{VENUE}/{BTC}") == D("0.001")
    assert len(only(desk.events, e.FillRecorded)) == 2

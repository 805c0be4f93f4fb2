"""A bound itself is still inside, or already outside: each at the very figure where it is decided."""

from typing import Any

import pytest
from msgspec.structs import replace

from tests.core.decide.desk import MINE, D, Desk, at, buy, names, only, sell
from tests.core.decide.test_time import fall, rich
from tests.core.guardrails.shipped import SIMULATED
from tests.core.guardrails.world import AAPL, BTC, ETH, VENUE
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.latches import ACCOUNT, Latch, TradingState
from trading_mcp.core.domain.market import DAY, HOUR, MINUTE, SECOND
from trading_mcp.core.domain.measures import CONFIRM_AFTER
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import Door, OrderState, Protect, Trailing
from trading_mcp.core.domain.portfolio import Adjustment, Position
from trading_mcp.core.domain.protection import Protection
from trading_mcp.core.domain.verdict import Code
from trading_mcp.core.guardrails import changing
from trading_mcp.core.guardrails.draft import Draft
from trading_mcp.core.guardrails.marks import marked
from trading_mcp.core.guardrails.watching import _is_past_its_limit


@pytest.mark.parametrize(
    "most",
    [
        {"venues": (VENUE,) * changing.VENUES_MAX},
        {"pairs": frozenset(f"X{number}-USD" for number in range(changing.PAIRS_MAX))},
        {"version": "v" * changing.VERSION_LENGTH_MAX},
    ],
)
def test_an_algorithm_may_be_as_large_as_its_bounds(most: dict[str, Any]) -> None:
    assert names(Desk().decide(c.SetAlgorithm(algorithm=replace(Desk().employ(), **most), door=Door.CLI)))[0] == (
        "AlgorithmSet"
    )


def test_a_partial_fill_of_the_exit_leaves_less_to_close_and_a_fill_of_an_entry_does_not() -> None:
    desk = Desk()
    desk.hold(stop=None)
    desk.wait(2 * MINUTE)
    entry = desk.ack(desk.enter("0.002", None, id="more", **at("49000")))
    desk.close()
    exit_order = desk.ack(desk.exit())
    desk.fill(exit_order, "0.001")
    assert (desk.closing().left, desk.exit()) == (D("0.003"), exit_order)
    desk.fill(entry)
    assert desk.closing().left == D("0.003")


def test_an_exit_that_still_fits_what_is_held_stays() -> None:
    desk = Desk()
    desk.hold(stop=None)
    first, second = (desk.ack(desk.execute(sell("0.002", id=name, **at("55000")))) for name in ("first", "second"))
    desk.fill(first)
    assert desk.state(second) is OrderState.LIVE
    assert desk.order(second).cancel_reason == ""


def test_a_stop_that_fills_late_takes_the_exit_in_its_place_back() -> None:
    desk = Desk()
    desk.hold()
    stop = desk.stop()
    desk.close()
    desk.cancelled(stop)
    exit_order = desk.ack(desk.exit())
    desk.fill(stop, "0.002")
    assert desk.order(exit_order).cancel_reason == "an earlier order has filled what it would sell"


@pytest.mark.parametrize(("age", "goes"), [(-2 * SECOND, True), (-2 * SECOND - 1, False)])
def test_a_clearance_from_a_clock_slightly_ahead_still_goes(age: int, goes: bool) -> None:
    desk = Desk()
    entry = desk.execute(buy(), sends=False)
    desk.now += age
    desk.do(c.LookAgain(order_id=entry))
    assert (desk.state(entry) is OrderState.SENDING) is goes


def test_a_release_answers_what_is_stricter_than_its_target_alone() -> None:
    desk = Desk()
    desk.latch(TradingState.REDUCING)
    assert names(desk.do(c.Release(scope=ACCOUNT, target=TradingState.REDUCING))) == ["Refused"]
    desk.do(c.Halt(door=Door.MCP, reason="enough"))
    desk.do(c.Release(scope=ACCOUNT, target=TradingState.REDUCING))
    desk.now += SECOND
    mild = Latch(scope=ACCOUNT, state=TradingState.REDUCING, code=Code.LOSS_DAY_MAX, reason="a test", at=0)
    desk.do(c.AddLatch(latch=mild))
    assert only(desk.sign(), e.Released)


@pytest.mark.parametrize(
    ("first", "second", "news"),
    [
        (TradingState.HALTED, TradingState.HALTED, True),
        (TradingState.FROZEN, TradingState.FROZEN, True),
        (TradingState.FROZEN, TradingState.HALTED, False),
        (TradingState.REDUCING, TradingState.REDUCING, False),
    ],
)
def test_what_halts_again_in_the_moment_its_release_was_proposed_is_news(
    first: TradingState, second: TradingState, news: bool
) -> None:
    desk = Desk()
    desk.latch(first)
    assert desk.latch(second) == ()
    desk.do(c.Release(scope=ACCOUNT, target=TradingState.ACTIVE))
    assert bool(desk.latch(second)) is news


def breached(desk: Desk, key: str = "account") -> tuple[Code, ...]:
    with exactly():
        return marked(desk.book, desk.facts()).breached.get(key, ())


@pytest.mark.parametrize(
    ("code", "worth", "since"),
    [
        (Code.LOSS_DAY_MAX, "142500", "day_open"),
        (Code.DRAWDOWN_ROLLING_MAX, "135000", "peaks"),
        (Code.DRAWDOWN_HIGH_WATER_MAX, "120000", "high_water"),
        (Code.LOSS_RATE_MAX, "147000", "window"),
    ],
)
def test_a_loss_of_exactly_the_limit_is_none(code: Code, worth: str, since: str) -> None:
    desk = rich()
    desk.now += CONFIRM_AFTER
    all_of_it = D(150_000)
    points: dict[str, Any] = {
        "day_open": D(worth),
        "high_water": D(worth),
        "peaks": (),
        "window": (),
        "value": D(worth),
    }
    points[since] = {"peaks": ((desk.now // DAY, all_of_it),), "window": ((desk.now // MINUTE, all_of_it),)}.get(
        since, all_of_it
    )
    # A pause that ends in this very moment is over.
    measure = replace(desk.book.measures["account"], **points, paused_until=desk.now)
    desk.book = replace(desk.book, measures={"account": measure})
    desk.price(str(D(worth) - 100_000))
    assert breached(desk) == ()
    desk.price(str(D(worth) - 100_000 - D("0.01")))
    assert breached(desk) == (code,)


def test_a_loss_of_exactly_the_limit_of_a_market_is_none() -> None:
    desk = Desk()
    desk.do(
        c.AdoptForeign(position=Position(book="external", venue=VENUE, pair=AAPL, quantity=D(100), average=D(200)))
    )
    desk.do(c.Mark())
    desk.wait()
    measure = desk.book.measures["market/stocks"]
    account = replace(desk.book.measures["account"], day_open=D(100_000))
    desk.book = replace(desk.book, measures={"market/stocks": replace(measure, day_open=D(0)), "account": account})
    desk.now += CONFIRM_AFTER
    desk.price("180", AAPL)
    assert breached(desk, "market/stocks") == ()
    desk.price("179.99", AAPL)
    assert breached(desk, "market/stocks") == (Code.LOSS_DAY_MAX,)


def test_a_mandate_may_lose_as_much_as_it_says() -> None:
    desk = Desk()
    desk.employ(capital=D(400))
    desk.hold("0.004", None, id="its", door=Door.RUNNER, book="sma")
    bought = desk.book.portfolio.positions[f"sma/{VENUE}/{BTC}"].average
    fall(desk, str(bought - 20_000))
    assert desk.book.algorithms["sma"].mandate is not None
    fall(desk, str(bought - 20_000 - D("0.01")))
    assert desk.book.algorithms["sma"].mandate is None


def test_two_valuations_of_one_moment_confirm_nothing() -> None:
    desk = rich()
    fall(desk, "40000")
    desk.do(c.Mark())
    assert desk.book.latches == {}


def test_a_second_entry_at_a_better_price_moves_the_best_and_more_of_the_same_entry_does_not() -> None:
    desk = Desk(rested=False)
    trail = Protect(trailing=Trailing(activate=D("0.1"), distance=D("0.1")))
    entry = desk.ack(desk.enter("0.004", protect=trail))
    desk.fill(entry, "0.001", price="49000")
    desk.fill(entry, "0.001", price="49900")
    assert desk.guard().best == D(49_000)
    desk.fill(entry, price="49900")
    desk.wait(2 * MINUTE, look=False)
    desk.fill(desk.ack(desk.enter("0.004", id="more", protect=trail)), price="50000")
    assert desk.guard().best == desk.guard().entry > D(49_000)


def test_an_order_that_never_left_and_is_acknowledged_is_called_live() -> None:
    desk = Desk()
    entry = desk.execute(buy(), sends=False)
    assert only(desk.do(c.ReportAccepted(order_id=entry, venue_order_id="v")), e.Latched)[0].latch.reason == (
        f"the venue reports LIVE for order {entry}, which is CLEARED"
    )


def test_two_ticks_in_one_moment_are_no_step_of_the_clock() -> None:
    desk = Desk()
    desk.tick()
    assert desk.tick() == ()


@pytest.mark.parametrize(("drift", "suspends"), [(2 * SECOND, False), (2 * SECOND + 1, True)])
def test_a_clock_may_drift_as_far_as_its_bound(drift: int, suspends: bool) -> None:
    desk = Desk()
    desk.drift = drift
    assert bool(only(desk.wait(), e.Suspended)) is suspends


@pytest.mark.parametrize(("span", "latches"), [(HOUR, False), (HOUR - 1, True)])
def test_steps_of_the_clock_count_for_an_hour(span: int, latches: bool) -> None:
    desk = Desk()
    for wait in (MINUTE, span - MINUTE, MINUTE):
        desk.drift = 3 * SECOND
        desk.wait(wait, asleep=True)
    assert bool(desk.book.latches) is latches


def test_a_lid_closed_for_long_is_no_step_of_the_clock_whatever_it_drifts_within_its_bound() -> None:
    desk = Desk()
    for _ in range(4):
        desk.drift = 2 * SECOND
        desk.wait(5 * MINUTE, asleep=True)
    assert len(desk.book.suspensions) == 3
    assert desk.book.latches == {}


def test_what_was_reconciled_in_the_moment_of_a_suspension_does_not_end_it() -> None:
    desk = Desk()
    desk.wait(HOUR, asleep=True)
    desk.do(c.Reconcile(venue=VENUE, holdings={}))
    assert not only(desk.tick(), e.Woke)
    desk.now += 1
    assert only(desk.tick(), e.Woke)


def test_the_desk_wakes_by_the_venues_it_trades_at_and_that_are_wired() -> None:
    crypto = replace(SIMULATED.crypto, venues=(VENUE, "unwired"))
    stocks = replace(SIMULATED.stocks, venues=("unwired",))
    desk = Desk(policy=replace(SIMULATED, crypto=crypto, stocks=stocks))
    desk.wait(HOUR, asleep=True)
    desk.now += 1
    assert not only(desk.tick(), e.Woke)
    desk.do(c.Reconcile(venue=VENUE, holdings={}))
    assert only(desk.tick(), e.Woke)


def test_a_venue_is_compared_with_what_all_books_hold_there() -> None:
    desk = Desk()
    held = Position(book="external", venue=VENUE, pair=BTC, quantity=D("0.01"), average=D(50_000))
    desk.do(c.AdoptForeign(position=held))
    desk.hold(stop=None)
    for holding in ("0.014", "0.014000001"):
        (same,) = only(desk.do(c.Reconcile(venue=VENUE, holdings={BTC: D(holding)})), e.Reconciled)
        assert same.differences == ()
    (other,) = only(desk.do(c.Reconcile(venue=VENUE, holdings={BTC: D("0.01")})), e.Reconciled)
    assert len(other.differences) == 1


def test_a_coin_that_is_paid_in_waits_for_a_price_of_now() -> None:
    desk = Desk()
    desk.now += 6 * MINUTE
    assert names(desk.do(c.ReportCash(venue=VENUE, asset="BTC", amount=D("0.1"), transfer_id="t"))) == ["Refused"]


def test_a_coin_that_is_paid_in_is_worth_its_price() -> None:
    desk = Desk()
    (moved,) = desk.do(c.ReportCash(venue=VENUE, asset="BTC", amount=D("0.1"), transfer_id="t"))
    assert isinstance(moved, e.CashMoved)
    assert moved.value == D(4_999)


def adjusted(desk: Desk, kind: Adjustment, asset: str, amount: str) -> tuple[e.AnyEvent, ...]:
    return desk.do(
        c.ReportAdjustment(
            kind=kind, venue=VENUE, asset=asset, amount=D(amount), note="as of today", activity_id=f"a{amount}"
        )
    )


def test_an_adjustment_may_take_away_and_keeps_its_note() -> None:
    (event,) = adjusted(Desk(), Adjustment.FEE, "USDT", "-1")
    assert isinstance(event, e.Adjusted)
    assert (event.amount, event.note) == (D(-1), "as of today")


def test_what_is_paid_or_taken_in_an_asset_leaves_its_name_and_its_orders_alone() -> None:
    desk = Desk()
    coin = desk.ack(desk.enter("0.004", None, **at("49000")))
    stock = desk.ack(desk.enter("1", None, AAPL, id="stock", **at("190")))
    for asset in ("BTC", AAPL):
        (event,) = adjusted(desk, Adjustment.REWARD, asset, "0.5" if asset == AAPL else "0.01")
        assert isinstance(event, e.Adjusted)
        assert event.asset == asset
    assert [desk.state(order) for order in (coin, stock)] == [OrderState.LIVE, OrderState.LIVE]


def test_a_stock_of_which_only_an_order_rests_is_split_as_a_stock() -> None:
    desk = Desk()
    order = desk.ack(desk.enter("1", None, AAPL, **at("190")))
    desk.hold("0.1", None, ETH, id="ether")
    adjusted(desk, Adjustment.SPLIT, AAPL, "4")
    assert desk.state(order) is OrderState.CANCEL_PENDING


def test_a_split_is_stopped_only_by_what_it_splits() -> None:
    desk = Desk()
    desk.hold(stop=None)
    desk.wait(2 * MINUTE)
    desk.hold("0.1", None, ETH, id="ether")
    # A price of 50,000 would be beyond all figures; one of 2,000 is not.
    assert names(adjusted(desk, Adjustment.SPLIT, "ETH", "1E-11")) == ["Adjusted"]


@pytest.mark.parametrize(
    ("is_long", "price", "past"),
    [(True, "99", True), (True, "100", False), (False, "101", True), (False, "100", False)],
)
def test_a_market_at_the_limit_of_a_stop_has_not_left_it_behind(is_long: bool, price: str, past: bool) -> None:
    desk = Desk()
    order = desk.ack(desk.enter(stop=None, **at("49000")))
    resting = desk.book.working[order]
    resting = replace(resting, order=replace(resting.order, limit_price=D(100)))
    draft = Draft(replace(desk.book, working={order: resting}), desk.facts())
    guard = Protection(position=MINE, is_long=is_long, entry=D(100), best=D(100), order_id=order)
    assert _is_past_its_limit(draft, guard, D(price)) is past

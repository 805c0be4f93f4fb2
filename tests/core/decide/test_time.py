"""Losses, days, clocks and starts: what latches, what only waits, and what a new day never forgives."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.core.decide.desk import MINE, D, Desk, at, buy, names, only, sell
from tests.core.guardrails.shipped import SIMULATED
from tests.core.guardrails.world import BTC, ETH, VENUE
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.latches import TradingState
from trading_mcp.core.domain.market import DAY, HOUR, MINUTE, SECOND, FeedHealth
from trading_mcp.core.domain.orders import Door, OrderState
from trading_mcp.core.domain.portfolio import Position
from trading_mcp.core.domain.verdict import Code


def rich(quantity: str = "1") -> Desk:
    """Hold a foreign bitcoin beside 100,000 in cash: a fall of a fifth is a loss of 7 % of all."""
    desk = Desk()
    held = Position(book="external", venue=VENUE, pair=BTC, quantity=D(quantity), average=D(50_000))
    desk.do(c.AdoptForeign(position=held))
    desk.do(c.Mark())
    desk.wait()
    day = desk.book.measures["account"]
    desk.book = replace(
        desk.book, measures={"account": replace(day, day_open=D(149_990), high_water=D(149_990), peaks=(), window=())}
    )
    return desk


def fall(desk: Desk, price: str, span: int = MINUTE) -> tuple[e.AnyEvent, ...]:
    desk.price(price)
    return desk.wait(span)


def test_two_valuations_latch_and_one_does_not() -> None:
    desk = rich()
    fall(desk, "40000")
    assert desk.book.latches == {}
    assert Code.LOSS_DAY_MAX in desk.denies(buy())
    fall(desk, "49990")
    fall(desk, "40000")
    assert desk.book.latches == {}
    fall(desk, "40000")
    assert "account:LOSS_DAY_MAX" in desk.book.latches


def test_two_valuations_in_one_breath_are_one() -> None:
    desk = rich()
    fall(desk, "40000")
    for _ in range(4):
        desk.now += SECOND
        desk.do(c.Mark())
    assert desk.book.latches == {}
    desk.now += SECOND
    desk.do(c.Mark())
    assert "account:LOSS_DAY_MAX" in desk.book.latches


def test_marks_that_come_all_the_time_do_not_put_a_latch_off() -> None:
    desk = rich()
    desk.price("40000")
    for _ in range(8):
        desk.now += 4 * SECOND
        desk.do(c.Mark())
    assert "account:LOSS_DAY_MAX" in desk.book.latches


def test_a_price_that_is_lost_confirms_nothing_clears_nothing_and_leaves_what_rests() -> None:
    desk = rich()
    order = desk.ack(desk.enter("0.1", None, ETH, id="ether", **at("1900")))
    fall(desk, "40000")
    desk.bids.pop(BTC)
    desk.wait()
    desk.wait()
    assert desk.book.latches == {}
    assert desk.state(order) is OrderState.LIVE
    assert Code.PRICE_UNKNOWN in desk.denies(buy())
    desk.bids[BTC] = D(40_000)
    desk.wait()
    assert "account:LOSS_DAY_MAX" in desk.book.latches
    desk.bids.pop(BTC)
    desk.wait()
    assert "account:LOSS_DAY_MAX" in desk.book.latches


def test_a_feed_that_is_down_denies_while_it_lasts_and_latches_nothing() -> None:
    desk = Desk()
    order = desk.ack(desk.enter("0.1", None, ETH, id="ether", **at("1900")))
    desk.health = FeedHealth.DOWN
    desk.wait(2 * MINUTE)
    assert Code.FEED_DOWN in desk.denies(buy())
    assert desk.state(order) is OrderState.LIVE
    assert desk.book.latches == {}
    desk.health = FeedHealth.HEALTHY
    assert desk.execute(buy(id="again"))


def test_a_mark_on_a_fill_is_recorded_only_if_it_latches() -> None:
    desk = rich()
    assert desk.do(c.Mark(on_fill=True)) == ()
    fall(desk, "40000")
    desk.now += 5 * SECOND
    assert only(desk.do(c.Mark(on_fill=True)), e.Latched)


def test_a_new_day_resets_the_measure_and_never_the_latch() -> None:
    desk = rich()
    fall(desk, "41000")
    fall(desk, "41000")
    assert "account:LOSS_DAY_MAX" in desk.book.latches
    desk.wait(DAY)
    desk.wait()
    assert desk.book.measures["account"].day_loss == 0
    assert "account:LOSS_DAY_MAX" in desk.book.latches
    assert Code.STATE_REDUCING in desk.denies(buy())


def test_what_latches_takes_resting_entries_back_and_lets_exits_go() -> None:
    desk = rich()
    desk.hold("0.1", None, ETH, id="mine")
    desk.wait(2 * MINUTE)
    order = desk.ack(desk.enter("0.1", None, ETH, id="ether", **at("1900")))
    fall(desk, "40000")
    fall(desk, "40000")
    assert desk.state(order) is OrderState.CANCEL_PENDING
    assert desk.execute(sell(pair=ETH))


def test_a_fast_loss_pauses_and_the_second_pause_of_a_day_latches() -> None:
    desk = rich()
    fall(desk, "49990")
    fall(desk, "46500")
    fall(desk, "46500")
    assert desk.book.latches == {}
    assert Code.LOSS_RATE_MAX in desk.denies(buy(id="paused"))
    desk.wait(15 * MINUTE)
    desk.wait()
    fall(desk, "43200")
    fall(desk, "43200")
    assert "account:LOSS_RATE_MAX" in desk.book.latches


@pytest.mark.parametrize("amount", [D(20_000), D(-20_000)])
def test_money_that_comes_or_goes_neither_hides_nor_fakes_a_loss(amount: Decimal) -> None:
    desk = rich()
    desk.do(c.ReportCash(venue=VENUE, asset="USDT", amount=amount, transfer_id="t"))
    fall(desk, "49990")
    fall(desk, "49990")
    assert desk.book.latches == {}
    assert desk.book.measures["account"].day_loss <= 10
    fall(desk, "40000")
    fall(desk, "40000")
    assert "account:LOSS_DAY_MAX" in desk.book.latches


def test_a_balance_read_before_a_fill_is_not_used() -> None:
    desk = Desk()
    desk.hold(stop=None)
    desk.wait(2 * MINUTE)
    desk.free[f"{VENUE}/BTC"] = D("0.001")
    exit_order = desk.ack(desk.execute(sell("0.0005", id="one")))
    desk.now += SECOND
    desk.fill(exit_order)
    # The reading is older than the fill: the book's own count holds.
    assert desk.execute(sell("0.003", id="two"))


def test_a_mandate_ends_with_its_time() -> None:
    policy = replace(SIMULATED, account=replace(SIMULATED.account, mandate_signed=True))
    desk = Desk(policy=policy)
    desk.employ()
    assert desk.book.algorithms["sma"].mandate is None
    desk.sign()
    assert desk.book.algorithms["sma"].mandate is not None
    order = desk.ack(desk.enter("0.002", None, id="its", door=Door.RUNNER, book="sma", **at("49000")))
    desk.wait(7 * DAY - 1)
    assert desk.state(order) is OrderState.LIVE
    desk.wait(1)
    assert desk.book.algorithms["sma"].mandate is None
    assert desk.state(order) is OrderState.CANCEL_PENDING


def test_a_mandate_ends_with_its_loss() -> None:
    desk = Desk()
    desk.employ(capital=D(400))
    desk.hold("0.007", None, id="its", door=Door.RUNNER, book="sma")
    fall(desk, "39000")
    assert desk.book.algorithms["sma"].mandate is None
    assert "its loss has passed 80" in only(desk.events, e.MandateVoided)[0].reason
    fall(desk, "39000")
    assert "algorithm/sma:LOSS_DAY_MAX" in desk.book.latches
    assert "account:LOSS_DAY_MAX" not in desk.book.latches


def test_what_an_algorithm_nobody_knows_loses_does_not_stop_the_valuation() -> None:
    desk = Desk()
    lost = Position(book="gone", venue=VENUE, pair=BTC, quantity=D("0.001"), average=D(60_000))
    portfolio = replace(desk.book.portfolio, positions={lost.key: lost})
    desk.book = replace(desk.book, portfolio=portfolio)
    desk.wait()
    desk.wait(DAY)
    fall(desk, "45000")
    fall(desk, "45000")
    assert "algorithm/gone:LOSS_DAY_MAX" in desk.book.latches


def test_a_closed_lid_sleeps_wakes_and_trades_and_latches_nothing() -> None:
    desk = Desk()
    desk.hold()
    stop = desk.stop()
    desk.wait(HOUR, asleep=True)
    assert only(desk.events, e.Suspended)
    assert Code.CLOCK_UNSOUND in desk.denies(buy(id="asleep"))
    # Exits wait for nothing.
    desk.do(c.Close(intent_id="out", door=Door.MCP))
    desk.cancelled(stop)
    assert desk.exit()
    desk.do(c.Reconcile(venue=VENUE, holdings={BTC: desk.held()}))
    desk.wait()
    assert only(desk.events, e.Woke)
    assert desk.book.latches == {}
    assert desk.execute(buy("0.1", ETH, id="awake"))


def test_the_desk_wakes_only_on_a_healthy_feed() -> None:
    desk = Desk()
    desk.wait(HOUR, asleep=True)
    desk.do(c.Reconcile(venue=VENUE, holdings={}))
    desk.health = FeedHealth.DEGRADED
    desk.wait()
    assert not only(desk.events, e.Woke)
    desk.health = FeedHealth.HEALTHY
    desk.wait()
    assert only(desk.events, e.Woke)


def test_a_clock_that_jumps_ahead_past_a_cooldown_waits_until_it_was_checked() -> None:
    desk = Desk()
    desk.hold("0.001", None)
    desk.now += HOUR
    desk.drift = HOUR
    for pair in desk.bids:
        desk.confirmed[pair] = desk.now
    desk.read()
    assert Code.CLOCK_UNSOUND in desk.denies(buy(id="soon"))
    desk.tick()
    assert Code.CLOCK_UNSOUND in desk.denies(buy(id="still"))
    desk.do(c.Reconcile(venue=VENUE, holdings={BTC: desk.held()}))
    desk.wait()
    assert desk.execute(buy(id="now"))
    assert desk.book.latches == {}


def test_three_steps_ahead_in_an_hour_latch() -> None:
    desk = Desk()
    for _ in range(3):
        assert desk.book.latches == {}
        desk.drift = 3 * SECOND
        desk.wait()
    assert "account:CLOCK_UNSOUND" in desk.book.latches


def test_three_closed_lids_in_an_hour_do_not_latch() -> None:
    desk = Desk()
    for _ in range(4):
        desk.wait(5 * MINUTE, asleep=True)
    assert desk.book.latches == {}


@pytest.mark.parametrize(("drift", "latches"), [(-2 * SECOND, False), (-2 * SECOND - 1, True)])
def test_a_clock_that_steps_back_latches(drift: int, latches: bool) -> None:
    desk = Desk()
    desk.drift = drift
    desk.wait()
    assert bool(desk.book.latches) is latches


def test_a_clock_set_back_is_not_sound_again_because_something_was_recorded_since() -> None:
    desk = Desk()
    desk.wait(HOUR)
    desk.now -= 30 * MINUTE
    desk.ticked_at = desk.now
    for pair in desk.bids:
        desk.confirmed[pair] = desk.now
    for attempt in range(3):
        assert Code.CLOCK_UNSOUND in desk.denies(buy(id=f"back-{attempt}"))
    desk.tick()
    assert "account:CLOCK_UNSOUND" in desk.book.latches


def test_a_person_who_releases_a_clock_that_was_put_right_starts_the_time_anew() -> None:
    desk = Desk()
    desk.wait(HOUR)
    desk.now -= 30 * MINUTE
    desk.ticked_at = desk.now
    desk.tick()
    desk.do(c.Release(scope=only(desk.events, e.Latched)[0].latch.scope, target=TradingState.ACTIVE))
    desk.sign()
    desk.wait()
    assert desk.book.latches == {}
    assert desk.execute(buy())


def test_a_start_calls_unknown_what_was_on_its_way_and_never_sends_what_was_only_cleared() -> None:
    desk = Desk()
    desk.hold()
    desk.wait(2 * MINUTE)
    sent = desk.enter("0.1", None, ETH, id="ether")
    cleared = desk.execute(buy("0.001", id="more"), sends=False)
    desk.book = desk.replayed()
    desk.do(c.Start(version="test"))
    assert (desk.state(sent), desk.state(cleared)) == (OrderState.UNKNOWN, OrderState.VOID)
    assert desk.state(desk.stop()) is OrderState.LIVE
    assert Code.STATE_NOT_RECONCILED in desk.denies(buy("0.001", id="early"))
    assert desk.do(c.LookAgain(order_id=cleared)) == ()


def test_a_close_that_a_crash_interrupted_goes_on_after_the_venue_was_reconciled() -> None:
    desk = Desk()
    desk.hold()
    desk.close()
    stop = desk.guard().order_id
    desk.book = desk.replayed()
    desk.do(c.Start(version="test"))
    desk.cancelled(stop)
    desk.wait()
    assert desk.book.working == {}
    desk.do(c.Reconcile(venue=VENUE, holdings={BTC: desk.held()}))
    desk.wait()
    desk.fill(desk.ack(desk.exit()))
    assert desk.held() == 0


def test_exits_and_stops_that_a_crash_left_only_cleared_are_made_anew() -> None:
    desk = Desk()
    entry = desk.ack(desk.enter())
    working = desk.order(entry)
    fill = e.Fill(
        trade_id="f",
        venue=VENUE,
        pair=BTC,
        side=working.order.side,
        quantity=D("0.004"),
        price=D(50_000),
        fee=D(0),
        fee_asset="USDT",
        at=desk.now,
        order_id=entry,
    )
    desk.do(c.ReportFill(fill=fill), sends=False)
    first = desk.stop()
    desk.do(c.Start(version="test"))
    assert desk.state(first) is OrderState.VOID
    desk.do(c.Reconcile(venue=VENUE, holdings={BTC: desk.held()}))
    desk.wait()
    second = desk.ack(desk.stop())
    desk.now += SECOND
    desk.close()
    desk.take(desk.decide(c.ReportCancelled(order_id=second)))
    exit_order = desk.exit()
    assert desk.state(exit_order) is OrderState.CLEARED
    desk.do(c.Start(version="test"))
    desk.do(c.Reconcile(venue=VENUE, holdings={BTC: desk.held()}))
    desk.wait()
    assert desk.exit() != exit_order


def test_a_venue_that_holds_something_else_reduces_that_venue_alone() -> None:
    desk = Desk()
    desk.do(c.Reconcile(venue=VENUE, holdings={BTC: D("0.000009")}))
    assert desk.book.latches == {}
    desk.do(c.Reconcile(venue=VENUE, holdings={BTC: D("0.00001")}))
    assert [latch.scope.key for latch in desk.book.latches.values()] == [f"venue/{VENUE}"]
    assert desk.do(c.Reconcile(venue=VENUE, holdings={BTC: D("0.00001")}))[1:] == ()


def test_what_a_venue_holds_that_is_no_amount_is_a_difference() -> None:
    desk = Desk()
    desk.do(c.Reconcile(venue=VENUE, holdings={BTC: D("NaN"), "ODD-USDT": D(1)}, differences=("a loan",)))
    (latch,) = desk.book.latches.values()
    assert latch.reason.startswith("a loan; BTC-USDT: what the venue holds is no amount; ODD-USDT")


def test_the_journal_tells_the_same_book_at_every_point() -> None:
    desk = Desk()
    desk.hold()
    desk.close()
    desk.cancelled(desk.guard().order_id)
    desk.fill(desk.ack(desk.exit()))
    desk.do(c.Halt(door=Door.MCP, reason="enough"))
    assert desk.replayed() == desk.book
    assert names(desk.events)[0] == "DeskCreated"
    assert MINE not in desk.book.portfolio.positions

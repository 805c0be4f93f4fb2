"""Orders against bars: tables drawn by hand, every doubt decided against us."""

from typing import Any

import pytest

from tests.core.simulation.making import bar, d, look, order, resting
from trading_mcp.core.domain.money import plain
from trading_mcp.core.domain.orders import OrderState, OrderType
from trading_mcp.core.simulation.costs import FREE, Costs
from trading_mcp.core.simulation.matching import match_all, match_bar
from trading_mcp.core.simulation.resting import DAY_OVER, NO_ROOM, NOT_AT_ONCE, Matched


def told(matched: Matched) -> str:
    """`FILLED 1@100` in one line: the state, then each fill."""
    fills = [f"{plain(fill.quantity)}@{plain(fill.price)}" for fill in matched.fills]
    return " ".join([matched.state.value, *fills])


# The bar opens at 100, goes up to 110, down to 90, closes at 105; ten traded.
BAR = bar("100 110 90 105")
ORDERS: list[tuple[str, str, dict[str, Any], str]] = [
    ("buy", "market", {}, "FILLED 1@100"),
    ("sell", "market", {}, "FILLED 1@100"),
    ("buy", "market", {"price_worst": "99.99"}, "CANCELLED"),
    ("buy", "market", {"price_worst": "0"}, "FILLED 1@100"),
    ("sell", "market", {"price_worst": "100.01"}, "CANCELLED"),
    ("buy", "limit", {"limit_price": "101"}, "FILLED 1@100"),
    ("buy", "limit", {"limit_price": "95"}, "FILLED 1@95"),
    ("buy", "limit", {"limit_price": "90"}, "LIVE"),  # touched, not crossed
    ("buy", "limit", {"limit_price": "89"}, "LIVE"),
    ("sell", "limit", {"limit_price": "99"}, "FILLED 1@100"),
    ("sell", "limit", {"limit_price": "108"}, "FILLED 1@108"),
    ("sell", "limit", {"limit_price": "110"}, "LIVE"),
    ("sell", "limit", {"limit_price": "111"}, "LIVE"),
    ("buy", "limit", {"limit_price": "95", "tif": "ioc"}, "CANCELLED"),
    ("buy", "limit", {"limit_price": "100", "tif": "ioc"}, "FILLED 1@100"),
    ("sell", "stop", {"stop_price": "95"}, "FILLED 1@95"),
    ("sell", "stop", {"stop_price": "90"}, "FILLED 1@90"),
    ("sell", "stop", {"stop_price": "89"}, "LIVE"),
    ("sell", "stop", {"stop_price": "103"}, "FILLED 1@100"),  # opened beyond it
    ("buy", "stop", {"stop_price": "104"}, "FILLED 1@104"),
    ("buy", "stop", {"stop_price": "97"}, "FILLED 1@100"),
    ("buy", "stop", {"stop_price": "111"}, "LIVE"),
    ("sell", "stop_limit", {"stop_price": "95", "limit_price": "94"}, "FILLED 1@95"),
    ("sell", "stop_limit", {"stop_price": "103", "limit_price": "101"}, "LIVE"),  # jumped over the limit
    ("sell", "stop_limit", {"stop_price": "103", "limit_price": "101", "tif": "ioc"}, "CANCELLED"),
    ("buy", "stop_limit", {"stop_price": "104", "limit_price": "106"}, "FILLED 1@104"),
    ("sell", "trailing_stop", {"trail": "0.05"}, "FILLED 1@95"),  # 100 less 5 %
    ("sell", "trailing_stop", {"trail": "0.2"}, "LIVE"),
    ("buy", "trailing_stop", {"trail": "0.05"}, "FILLED 1@105"),
    ("buy", "trailing_stop", {"trail": "0.2"}, "LIVE"),
]


@pytest.mark.parametrize(("side", "kind", "given", "expected"), ORDERS)
def test_an_order_meets_a_bar(side: str, kind: str, given: dict[str, Any], expected: str) -> None:
    assert told(match_bar(resting(order(side, kind, **given)), BAR, look())) == expected


def test_a_limit_that_rests_is_filled_at_its_price_even_when_the_market_gaps_past_it() -> None:
    waiting = match_bar(resting(order("buy", "limit", limit_price="95")), bar("100 101 99 100"), look())
    assert told(waiting) == "LIVE"
    assert told(match_bar(waiting.resting, bar("80 81 79 80"), look())) == "FILLED 1@95"


def test_a_touch_gives_its_share_and_a_crossing_the_share_of_volume() -> None:
    costs = Costs(volume_share=d("0.05"), touch_share=d("0.02"))
    touched = match_bar(resting(order("buy", "limit", limit_price="90")), BAR, look(costs=costs))
    assert told(touched) == "PARTIAL 0.2@90"
    crossed = match_bar(touched.resting, bar("95 96 80 85"), look(costs=costs))
    assert told(crossed) == "PARTIAL 0.5@90"
    assert told(match_bar(crossed.resting, bar("95 96 80 85"), look(costs=costs))) == "FILLED 0.3@90"
    assert [fill.trade_id for fill in (*touched.fills, *crossed.fills)] == ["o1:1", "o1:2"]


def test_a_market_order_gets_its_share_of_volume_and_the_rest_is_cancelled() -> None:
    matched = match_bar(resting(order(quantity="3")), BAR, look(costs=Costs(volume_share=d("0.1"))))
    assert (told(matched), matched.reason, matched.ended) == ("CANCELLED 1@100", NOT_AT_ONCE, True)


def test_fill_or_kill_is_all_or_nothing() -> None:
    costs = Costs(volume_share=d("0.1"))
    kill = order("buy", "limit", quantity="2", limit_price="101", tif="fok")
    assert told(match_bar(resting(kill), BAR, look(costs=costs))) == "CANCELLED"
    fill = order("buy", "limit", quantity="1", limit_price="101", tif="fok")
    assert told(match_bar(resting(fill), BAR, look(costs=costs))) == "FILLED 1@100"


def test_a_stop_that_fired_goes_on_until_it_is_out() -> None:
    costs = Costs(volume_share=d("0.1"))
    first = match_bar(resting(order("sell", "stop", quantity="2", stop_price="95")), BAR, look(costs=costs))
    assert told(first) == "PARTIAL 1@95"
    assert told(match_bar(first.resting, bar("102 103 101 102"), look(costs=costs))) == "FILLED 1@102"


def test_a_stop_limit_that_jumped_over_its_limit_rests_there() -> None:
    value = order("sell", "stop_limit", stop_price="103", limit_price="101")
    jumped = match_bar(resting(value), bar("100 102 99 100"), look())
    assert told(match_bar(jumped.resting, bar("100 102 99 100"), look())) == "FILLED 1@101"


def test_a_trail_follows_the_high_and_never_loosens() -> None:
    value = resting(order("sell", "trailing_stop", trail="0.05"))
    assert value.stop == d("95.00")
    risen = match_bar(value, bar("100 120 96 118"), look())
    assert (told(risen), risen.resting.stop) == ("LIVE", d("114.00"))
    fallen = match_bar(risen.resting, bar("117 118 115 116"), look())
    assert fallen.resting.stop == d("114.00")
    assert told(match_bar(fallen.resting, bar("116 117 110 112"), look())) == "FILLED 1@114"


def test_a_trail_fires_in_the_bar_that_moved_it_only_if_the_close_says_so() -> None:
    value = resting(order("sell", "trailing_stop", trail="0.05"))
    assert told(match_bar(value, bar("100 120 99 113"), look())) == "FILLED 1@114"
    assert told(match_bar(value, bar("100 120 99 115"), look())) == "LIVE"


def test_a_trail_that_starts_from_a_given_stop_keeps_the_tighter_one() -> None:
    value = resting(order("sell", "trailing_stop", trail="0.05", stop_price="98"))
    assert value.stop == d(98)
    assert resting(order("buy", "trailing_stop", trail="0.05", stop_price="102")).stop == d(102)
    assert resting(order("sell", "trailing_stop")).stop == d("100.00")


def test_the_stop_comes_before_the_target_when_a_bar_touches_both() -> None:
    target = order("sell", "limit", id="target", reduces=True, limit_price="108")
    stop = order("sell", "stop", id="stop", reduces=True, stop_price="92")
    results = match_all([resting(target), resting(stop)], BAR, {"manual": d(1)}, look())
    assert [(one.resting.order.id, told(one)) for one in results] == [
        ("stop", "FILLED 1@92"),
        ("target", "CANCELLED"),
    ]
    assert results[1].reason == NO_ROOM


def test_orders_of_one_side_share_the_volume() -> None:
    costs = Costs(volume_share=d("0.15"))
    values = [resting(order(id=f"o{number}", quantity="1")) for number in (2, 1)]
    results = match_all(values, BAR, {}, look(costs=costs))
    assert [told(one) for one in results] == ["FILLED 1@100", "CANCELLED 0.5@100"]
    assert [one.resting.order.id for one in results] == ["o1", "o2"]
    other = match_all([*values, resting(order("sell", id="s"))], BAR, {}, look(costs=costs))
    assert told(other[2]) == "FILLED 1@100"


def test_what_reduces_a_short_buys_no_more_than_it() -> None:
    value = resting(order("buy", quantity="3", reduces=True))
    [matched] = match_all([value], BAR, {"manual": d(-2)}, look())
    assert told(matched) == "CANCELLED 2@100"


@pytest.mark.parametrize(
    ("kind", "given"), [("market", {}), ("limit", {"limit_price": "95"}), ("stop", {"stop_price": "95"})]
)
def test_what_reduces_never_flips(kind: str, given: dict[str, Any]) -> None:
    value = resting(order("sell", kind, quantity="3", reduces=True, **given))
    for room, sold in (("1", d(1)), ("0", d(0)), ("-1", d(0))):
        matched = match_bar(value, BAR, look(room=room))
        assert matched.state is OrderState.CANCELLED
        assert matched.resting.filled == sold


def test_room_binds_only_what_reduces() -> None:
    assert told(match_bar(resting(order("sell", quantity="3")), BAR, look(room="1"))) == "FILLED 3@100"


def test_an_order_waits_for_its_latency() -> None:
    costs = Costs(latency=100)
    value = resting(order(), costs=costs)
    assert told(match_bar(value, bar(start=99), look(costs=costs))) == "LIVE"
    assert told(match_bar(value, bar(start=100), look(costs=costs))) == "FILLED 1@100"


def test_a_day_order_lapses_with_its_session_and_others_do_not() -> None:
    day = resting(order("buy", "limit", limit_price="95", tif="day"), expires_at=50)
    lapsed = match_bar(day, bar(start=50), look())
    assert (lapsed.state, lapsed.reason, lapsed.fills) == (OrderState.LAPSED, DAY_OVER, ())
    assert told(match_bar(day, bar(start=49), look())) == "LIVE"
    assert resting(order(), expires_at=50).expires_at is None
    assert resting(order(lapses_at=40), expires_at=50).expires_at == 40


def test_the_spread_moves_triggers_and_prices_against_us() -> None:
    costs = Costs(spread=d("0.02"))
    assert told(match_bar(resting(order()), BAR, look(costs=costs))) == "FILLED 1@101"
    assert told(match_bar(resting(order("sell")), BAR, look(costs=costs))) == "FILLED 1@99"
    stop = resting(order("sell", "stop", stop_price="89.5"))
    assert told(match_bar(stop, BAR, look())) == "LIVE"
    assert told(match_bar(stop, BAR, look(costs=costs))) == "FILLED 1@89.5"
    target = resting(order("sell", "limit", limit_price="109"))
    assert told(match_bar(target, BAR, look())) == "FILLED 1@109"
    assert told(match_bar(target, BAR, look(costs=costs))) == "LIVE"


def test_slippage_is_paid_by_what_takes_and_never_beyond_the_limit() -> None:
    costs = Costs(slippage=d("0.001"))
    assert told(match_bar(resting(order()), BAR, look(costs=costs))) == "FILLED 1@100.1"
    assert told(match_bar(resting(order("sell")), BAR, look(costs=costs))) == "FILLED 1@99.9"
    for side, limit in (("buy", "100.05"), ("sell", "99.95")):
        value = resting(order(side, "limit", limit_price=limit))
        assert told(match_bar(value, BAR, look(costs=costs))) == f"FILLED 1@{limit}"
    maker = resting(order("buy", "limit", limit_price="95"))
    assert told(match_bar(maker, BAR, look(costs=costs))) == "FILLED 1@95"


def test_every_form_has_its_turn() -> None:
    values = [
        resting(order("buy", kind.value, id=kind.value, limit_price="1", stop_price="999", trail="0.5"))
        for kind in OrderType
    ]
    turns = [one.resting.order.type for one in match_all(values, BAR, {}, look())]
    assert turns == [
        OrderType.MARKET,
        OrderType.STOP,
        OrderType.STOP_LIMIT,
        OrderType.TRAILING_STOP,
        OrderType.LIMIT,
    ]
    assert Costs() == FREE

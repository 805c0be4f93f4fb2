"""Orders against books: walked level by level, triggered on the side that hurts."""

import pytest

from tests.core.simulation.making import PAIR, book, d, look, order, resting
from tests.core.simulation.test_matching_bar import told
from trading_mcp.core.domain.orders import Side
from trading_mcp.core.simulation.costs import Costs, FeeIn
from trading_mcp.core.simulation.matching import match_all, match_depth

BOOK = book("99x1 98x2", "101x1 102x2")


@pytest.mark.proves("T10")
@pytest.mark.parametrize(
    ("side", "kind", "quantity", "given", "expected"),
    [
        ("buy", "market", "1", {}, "FILLED 1@101"),
        ("buy", "market", "2.5", {}, "FILLED 1@101 1.5@102"),
        ("buy", "market", "5", {}, "CANCELLED 1@101 2@102"),
        ("buy", "market", "2", {"price_worst": "101.5"}, "CANCELLED 1@101"),
        ("sell", "market", "2", {}, "FILLED 1@99 1@98"),
        ("buy", "limit", "2", {"limit_price": "101"}, "PARTIAL 1@101"),
        ("buy", "limit", "2", {"limit_price": "100"}, "LIVE"),
        ("sell", "limit", "2", {"limit_price": "98"}, "FILLED 1@99 1@98"),
        ("buy", "limit", "2", {"limit_price": "101", "tif": "ioc"}, "CANCELLED 1@101"),
        ("buy", "limit", "2", {"limit_price": "101", "tif": "fok"}, "CANCELLED"),
        ("buy", "limit", "2", {"limit_price": "102", "tif": "fok"}, "FILLED 1@101 1@102"),
        ("sell", "stop", "1", {"stop_price": "99"}, "FILLED 1@99"),
        ("sell", "stop", "1", {"stop_price": "98.99"}, "LIVE"),
        ("buy", "stop", "1", {"stop_price": "101"}, "FILLED 1@101"),
        ("buy", "stop", "1", {"stop_price": "101.01"}, "LIVE"),
        ("sell", "stop_limit", "2", {"stop_price": "99", "limit_price": "98.5"}, "PARTIAL 1@99"),
    ],
)
def test_an_order_meets_a_book(side: str, kind: str, quantity: str, given: dict[str, str], expected: str) -> None:
    assert told(match_depth(resting(order(side, kind, quantity, **given)), BOOK, look())) == expected


def test_a_resting_limit_is_crossed_at_its_own_price_and_touched_by_a_share() -> None:
    costs = Costs(touch_share=d("0.1"))
    value = match_depth(resting(order("buy", "limit", "3", limit_price="100")), BOOK, look(costs=costs))
    touched = match_depth(value.resting, book("98x1", "100x5 101x9", at=1), look(costs=costs))
    assert told(touched) == "PARTIAL 0.5@100"
    crossed = match_depth(touched.resting, book("98x1", "99x1 100x5", at=2), look(costs=costs))
    assert told(crossed) == "PARTIAL 1@100 0.5@100"
    assert not any(fill.fee for fill in crossed.fills)
    untouched = match_depth(crossed.resting, book("98x1", "100x5", at=3), look())
    assert told(untouched) == "PARTIAL"


def test_a_book_fills_an_order_once() -> None:
    first = match_depth(resting(order("buy", "limit", "3", limit_price="101")), BOOK, look())
    again = match_depth(first.resting, BOOK, look())
    assert (told(again), again.resting) == ("PARTIAL", first.resting)


def test_orders_of_one_side_walk_on_where_the_other_stopped() -> None:
    values = [resting(order(id="a", quantity="1.5")), resting(order(id="b", quantity="1"))]
    results = match_all(values, BOOK, {}, look())
    assert [told(one) for one in results] == ["FILLED 1@101 0.5@102", "FILLED 1@102"]


@pytest.mark.proves("T10")
def test_a_share_of_the_book_is_all_one_gets() -> None:
    costs = Costs(volume_share=d("0.5"))
    assert told(match_depth(resting(order(quantity="3")), BOOK, look(costs=costs))) == ("CANCELLED 0.5@101 1@102")


def test_a_trail_follows_the_bid() -> None:
    value = resting(order("sell", "trailing_stop", trail="0.05"))
    risen = match_depth(value, book("120x1", "121x1", at=1), look())
    assert risen.resting.stop == d("114.00")
    assert told(match_depth(risen.resting, book("114x1", "115x1", at=2), look())) == "FILLED 1@114"


def test_an_empty_side_fills_nothing_and_fires_nothing() -> None:
    empty = book("", "")
    assert told(match_depth(resting(order()), empty, look())) == "CANCELLED"
    assert told(match_depth(resting(order("sell", "stop", stop_price="99")), empty, look())) == "LIVE"
    assert told(match_depth(resting(order("buy", "limit", limit_price="99")), empty, look())) == "LIVE"


def test_what_reduces_takes_what_is_held() -> None:
    value = resting(order("sell", quantity="3", reduces=True))
    assert told(match_depth(value, BOOK, look(room="1.5"))) == "CANCELLED 1@99 0.5@98"
    limit = resting(order("sell", "limit", "3", limit_price="98", reduces=True))
    assert told(match_depth(limit, BOOK, look(room="2"))) == "CANCELLED 1@99 1@98"


def test_latency_holds_back() -> None:
    costs = Costs(latency=10)
    value = resting(order(), costs=costs)
    assert told(match_depth(value, BOOK, look(at=9, costs=costs))) == "LIVE"


def test_fees_are_taken_in_the_asset_the_model_says() -> None:
    costs = Costs(fee_taker=d("0.001"), fee_maker=d("0.0005"), fee_in=FeeIn.RECEIVED)
    [bought] = match_depth(resting(order()), BOOK, look(costs=costs)).fills
    assert (bought.fee, bought.fee_asset) == (d("0.001"), "BTC")
    [sold] = match_depth(resting(order("sell")), BOOK, look(costs=costs)).fills
    assert (sold.fee, sold.fee_asset) == (d("0.099"), "USDT")
    assert costs.fee(PAIR, Side.SELL, d(2), d(100), takes=False) == (d("0.1"), "USDT")
    quote = Costs(fee_taker=d("0.001"))
    assert quote.fee(PAIR, Side.BUY, d(2), d(100), takes=True) == (d("0.2"), "USDT")

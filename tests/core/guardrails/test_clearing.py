"""From an allowed case to an order: what was judged is what is sent, under an id that bears witness."""

import re
from typing import Any, Final

import pytest
from msgspec.structs import replace

from tests.core.guardrails.world import (
    BTC,
    NOW,
    TODAY,
    VENUE,
    D,
    World,
    algorithm,
    buy,
    limit_at,
    position,
    quiet,
    sell,
)
from trading_mcp.core.domain.events import OrderCleared
from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.market import SECOND
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import Door, Order, OrderType, Protect, Purpose, TimeInForce
from trading_mcp.core.guardrails.clearing import cleared, id_for, judged, order_id

SEED: Final = b"\x01" * 32


def clearance(there: World, ordinal: int = 0, *, signed: bool = False) -> OrderCleared:
    with exactly():
        return cleared(there.case(), ordinal, signed=signed)


def order(there: World) -> Order:
    return clearance(there).order


def taking(*times: TimeInForce) -> World:
    return quiet().listed(BTC, times_in_force=frozenset(times))


def leaving(**changes: Any) -> World:
    return quiet(sell("0.1", **changes)).holding(position("1", multiplier=D(3)))


def test_what_was_judged_is_what_is_sent() -> None:
    there = quiet(buy("0.0020099", **limit_at("48000.019"), time_in_force=TimeInForce.FOK))
    assert order(there) == Order(
        id=order_id(SEED, there.intent, 0),
        intent_id="intent-1",
        book="manual",
        venue=VENUE,
        pair=BTC,
        side=there.intent.side,
        type=OrderType.LIMIT,
        quantity=D("0.002"),
        time_in_force=TimeInForce.FOK,
        reduces=False,
        purpose=Purpose.TRADE,
        price_worst=D(50_000),
        cleared_at=NOW,
        door=Door.MCP,
        limit_price=D("48000.01"),
    )


def test_a_clearance_counts_what_adds_risk() -> None:
    found = clearance(quiet(), 3, signed=True)
    assert (found.at, found.day, found.seed_seq, found.ordinal) == (NOW, TODAY, 7, 3)
    assert (found.notional, found.counted_at) == (D(101), NOW)
    assert found.order.signed
    assert found.order.id == order_id(SEED, quiet().intent, 3)
    there = quiet().run_by(algorithm(), due_at=NOW - SECOND)
    assert clearance(there).counted_at == NOW - SECOND


def test_an_exit_counts_nothing_and_brings_no_guard() -> None:
    found = clearance(leaving(protect=Protect(stop_loss=D(1))))
    assert (found.notional, found.counted_at) == (D(0), None)
    assert found.order.reduces
    assert found.order.protect is None
    assert not found.order.signed


def test_an_entry_brings_its_guard_unless_it_is_a_guard_itself() -> None:
    guard = Protect(stop_loss=D(48_000))
    assert order(quiet(buy(protect=guard))).protect == guard
    assert order(quiet(buy(protect=guard, purpose=Purpose.CLOSE))).protect is None


@pytest.mark.parametrize(
    ("there", "time", "lapses"),
    [
        (quiet(), TimeInForce.IOC, None),
        (taking(TimeInForce.GTC, TimeInForce.DAY), TimeInForce.GTC, NOW + 5 * SECOND),
        (taking(TimeInForce.DAY), TimeInForce.DAY, NOW + 5 * SECOND),
        (quiet().with_facts(instruments={}), TimeInForce.IOC, None),
    ],
)
def test_a_market_order_travels_as_a_limit_that_does_not_stay(
    there: World, time: TimeInForce, lapses: int | None
) -> None:
    found = order(there)
    assert (found.type, found.limit_price) == (OrderType.LIMIT, D(50_500))
    assert (found.time_in_force, found.lapses_at) == (time, lapses)


def test_an_exit_without_a_price_travels_as_the_venues_own_market_order() -> None:
    found = order(leaving().with_facts(quotes={}))
    assert (found.type, found.limit_price, found.price_worst) == (OrderType.MARKET, None, D(0))
    assert found.time_in_force is TimeInForce.IOC


def test_a_trailing_order_keeps_its_trail() -> None:
    found = order(quiet(buy(type=OrderType.TRAILING_STOP, trail=D("0.1"))))
    assert (found.type, found.trail, found.stop_price) == (OrderType.TRAILING_STOP, D("0.1"), D(55_000))


def test_the_multiplier_is_the_venues_or_that_of_what_is_held() -> None:
    assert order(quiet().listed(BTC, multiplier=D(2))).multiplier == D(2)
    assert order(leaving()).multiplier == D(1)
    assert order(leaving().with_facts(instruments={})).multiplier == D(3)
    other = leaving().holding(position("1", "ETH-USDT", multiplier=D(5)))
    assert order(other.with_facts(instruments={})).multiplier == D(3)
    assert order(quiet().with_facts(instruments={})).multiplier == D(1)
    ended = quiet().holding(position("0", multiplier=D(3)), position("1", "ETH-USDT", multiplier=D(5)))
    assert order(ended.with_facts(instruments={})).multiplier == D(1)


def test_an_id_is_a_uuid_of_version_8_and_moves_with_all_it_commits_to() -> None:
    intent = quiet().intent
    found = order_id(SEED, intent, 0)
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", found)
    assert found == order_id(SEED, replace(intent), 0)
    others = {
        order_id(b"\x02" * 32, intent, 0),
        order_id(SEED, replace(intent, reason="other"), 0),
        order_id(SEED, intent, 1),
        found,
    }
    assert len(others) == 4


def test_the_id_of_one_intent_is_what_it_always_was() -> None:
    assert order_id(SEED, quiet().intent, 0) == "32882591-e468-86f1-8217-2470022a063c"


def test_a_backtest_counts_and_nothing_else_may() -> None:
    facts = replace(quiet().facts, order_id_seed=b"")
    assert id_for(Mode.BACKTEST, facts, quiet().intent, 2) == "7.2"
    book = replace(quiet().book, home=replace(quiet().book.home, mode=Mode.BACKTEST))
    assert order(quiet().with_facts(order_id_seed=b"").with_book(home=book.home)).id == "7.0"
    with pytest.raises(AssertionError, match=r"^an order outside a backtest needs the journal's head$"):
        id_for(Mode.SIMULATED, facts, quiet().intent, 0)


def test_the_gates_answer_is_recorded_with_what_it_saw() -> None:
    with exactly():
        case = quiet().case()
        found = judged(case, quiet().verdict())
        nowhere = quiet().with_crypto(venues=()).case()
        blind = judged(nowhere, quiet().verdict())
        left = judged(leaving().case(), leaving().verdict())
    assert (found.at, found.intent, found.venue) == (NOW, quiet().intent, VENUE)
    assert (found.quantity, found.reference, found.equity) == (D("0.002"), D(50_000), D(100_000))
    with exactly():
        assert found.verdict == quiet().verdict()
        assert not cleared(case, 0).order.signed
    assert blind.venue == ""
    assert left.equity is None
    assert left.reference == D(49_990)


def test_an_order_needs_a_quantity_and_a_venue() -> None:
    with exactly():
        case = quiet().case()
        with pytest.raises(AssertionError, match=r"^an order without a quantity$"):
            cleared(replace(case, quantity=None), 0)
        with pytest.raises(AssertionError, match=r"^an order without a venue$"):
            cleared(replace(case, venue=None), 0)

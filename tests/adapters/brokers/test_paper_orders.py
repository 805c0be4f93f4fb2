"""What the paper venue takes, what it refuses and in which words, and how what rests is filled."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.adapters.brokers.making import NOON, OPEN, PAIR, SHUT, World, want
from trading_mcp.adapters.brokers.paper.venue import ordinary
from trading_mcp.core.domain.market import MINUTE, SECOND, FeedHealth, Market, Session
from trading_mcp.core.domain.money import plain
from trading_mcp.core.domain.orders import OrderType, TimeInForce
from trading_mcp.core.ports import NotFound, Refusal
from trading_mcp.core.simulation.costs import Costs, FeeIn
from trading_mcp.core.simulation.resting import DAY_OVER, NOT_AT_ONCE


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "venue.db")


async def end(world: World, order_id: str = "o1") -> tuple[str, str, str]:
    """State, filled quantity and reason of an order."""
    told = await world.venue.order(order_id)
    kept = world.venue._records.order(order_id)
    assert kept is not None
    return told.state.value, plain(told.filled), kept.reason


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"venue": "coinbase"}, "offers no BTC-USDT to an order for coinbase"),
        ({"pair": "ELON-USDT"}, "offers no ELON-USDT"),
        ({"quantity": "0.0005"}, "steps of 0.001"),
        ({"quantity": "0"}, "not an amount"),
        ({"quantity": "NaN"}, "not an amount"),
        ({"quantity": "-1"}, "not an amount"),
        ({"quantity": "1001"}, "not between 0.001 and 1000"),
        ({"kind": "limit"}, "a limit order comes with a limit price"),
        ({"limit_price": "90"}, "a market order comes without a limit price"),
        ({"kind": "stop"}, "a stop order comes with a stop price"),
        ({"kind": "trailing_stop"}, "a trailing_stop order comes with a trail"),
        ({"kind": "limit", "limit_price": "90.001"}, "the limit price 90.001 is not in steps of 0.01"),
        ({"kind": "limit", "limit_price": "NaN"}, "the limit price NaN"),
        ({"kind": "stop", "stop_price": "110.001"}, "the stop price 110.001"),
        ({"kind": "trailing_stop", "trail": "1"}, "the trail 1 is not a share"),
        ({"kind": "trailing_stop", "trail": "0"}, "the trail 0 is not a share"),
        ({"price_worst": "0"}, "comes with its worst price"),
        ({"tif": "day"}, "good for day"),
        ({"lapses_at": NOON}, "lapsed before it arrived"),
        ({"quantity": "0.001"}, "worth 0.101 is not between 1 and"),
        ({"kind": "limit", "limit_price": "100", "quantity": "101"}, "10100 USDT needed, 10000 free"),
        ({"side": "sell", "quantity": "5.001"}, "5.001 BTC needed, 5 free"),
        ({"price_worst": "10001"}, "10001 USDT needed"),
    ],
)
async def test_a_refusal_is_definite_and_says_why(world: World, given: dict[str, Any], reason: str) -> None:
    world.tape.offer(
        *world.tape.instruments()[1:],
        replace(PAIR, times_in_force=frozenset(TimeInForce) - {TimeInForce.DAY}),
    )
    with pytest.raises(Refusal, match=reason):
        await world.venue.submit(want(**given))
    with pytest.raises(NotFound):
        await world.venue.order("o1")
    assert await world.money() == {"BTC": "5/5", "USD": "10000/10000", "USDT": "10000/10000"}


async def test_a_form_that_the_pair_does_not_know_is_refused(world: World) -> None:
    world.tape.offer(replace(PAIR, order_types=frozenset({OrderType.LIMIT})))
    with pytest.raises(Refusal, match="takes no market orders"):
        await world.venue.submit(want())


@pytest.mark.parametrize("asks", ["down", "empty"])
async def test_what_needs_a_price_of_now_is_refused_without_one_and_what_rests_is_not(
    world: World, asks: str
) -> None:
    if asks == "down":
        world.tape.become(FeedHealth.DOWN)
    else:
        world.wait(1)
        world.tape.show(asks="")
    for given in (
        {},
        {"kind": "trailing_stop", "trail": "0.1"},
        {"kind": "limit", "limit_price": "90", "tif": "ioc"},
    ):
        with pytest.raises(Refusal, match="no price of BTC-USDT is known now"):
            await world.venue.submit(want(**given))
    await world.venue.submit(want(kind="limit", limit_price="90"))
    assert (await end(world))[0] == "LIVE"


@pytest.mark.proves("T10")
async def test_a_market_order_walks_the_book_up_to_its_worst_price_and_is_not_left_lying(world: World) -> None:
    await world.venue.submit(want(quantity="5", price_worst="101.5"))
    assert await end(world) == ("CANCELLED", "1", NOT_AT_ONCE)
    assert await world.money() == {"BTC": "6/6", "USD": "10000/10000", "USDT": "9899/9899"}


async def test_fill_or_kill_fills_whole_or_not_at_all(world: World) -> None:
    await world.venue.submit(want(kind="limit", limit_price="102", quantity="4", tif="fok"))
    assert await end(world) == ("CANCELLED", "0", NOT_AT_ONCE)
    await world.venue.submit(want(kind="limit", limit_price="102", quantity="3", tif="fok", id="o2"))
    assert (await end(world, "o2"))[:2] == ("FILLED", "3")


async def test_one_book_is_taken_once_however_many_orders_take_from_it(world: World) -> None:
    await world.venue.submit(want(quantity="2"))
    await world.venue.submit(want(quantity="2", id="o2"))
    await world.venue.submit(want(quantity="2", id="o3"))
    assert (await end(world, "o2"))[:2] == ("CANCELLED", "1")
    assert (await end(world, "o3"))[:2] == ("CANCELLED", "0")
    world.wait(1)
    world.tape.show()
    await world.venue.submit(want(quantity="2", id="o4"))
    assert (await end(world, "o4"))[0] == "FILLED"


@pytest.mark.proves("T10")
async def test_a_resting_order_fills_in_parts_as_books_come_and_holds_less_each_time(world: World) -> None:
    await world.venue.submit(want(kind="limit", limit_price="100", quantity="3"))
    assert (await world.money())["USDT"] == "9700/10000"
    for second, asks in enumerate(("99x1", "99x1", "99x1"), 1):
        world.wait(1)
        world.tape.show(bids="98x1", asks=asks)
        await world.venue.advance()
        assert (await end(world))[1] == str(second)
    # Booked at 100, it is crossed at its limit.
    assert (await world.money())["USDT"] == "9700/9700"
    assert len({fill.trade_id for fill in await world.venue.fills(0)}) == 3


async def test_the_minutes_since_the_last_look_fill_what_the_books_did_not_show(world: World) -> None:
    await world.venue.submit(want(kind="limit", limit_price="90", quantity="3"))
    world.tape.went("100 100 95 100", minute=0)
    world.tape.went("100 100 80 100", minute=1)
    world.wait(60)
    assert (await end(world))[:2] == ("LIVE", "0")
    world.wait(60)
    assert (await end(world))[:2] == ("FILLED", "3")
    [fill] = await world.venue.fills(0)
    assert (fill.price, fill.at) == (90, NOON + 2 * MINUTE)


async def test_a_bar_gives_no_more_than_traded_in_it_and_none_is_used_twice(tmp_path: Path) -> None:
    world = World(tmp_path / "venue.db", terms=lambda _: Costs(volume_share=Decimal(1)))
    await world.venue.submit(want(kind="limit", limit_price="90", quantity="5"))
    world.tape.went("100 100 80 100", "2", minute=0)
    world.wait(70)
    assert (await end(world))[:2] == ("PARTIAL", "2")
    world.wait(10)
    await world.again()
    assert (await end(world))[:2] == ("PARTIAL", "2")
    world.tape.went("100 100 80 100", "9", minute=1)
    world.wait(60)
    assert (await end(world))[:2] == ("FILLED", "5")
    first, second = await world.venue.fills(0)
    # The first was seen ten seconds after its minute; the second is dated no earlier than the look before it.
    assert (first.at, second.at) == (NOON + MINUTE, NOON + 2 * MINUTE)


async def test_a_bar_that_arrives_late_is_dated_no_earlier_than_what_was_told(world: World) -> None:
    await world.venue.submit(want(kind="limit", limit_price="90"))
    world.wait(70)
    assert await world.venue.fills(0) == ()
    world.tape.went("100 100 80 100", minute=0)
    world.wait(5)
    [fill] = await world.venue.fills(NOON + 70 * SECOND)
    assert fill.at == NOON + 70 * SECOND


async def test_bars_of_several_pairs_are_played_in_the_order_of_time(world: World) -> None:
    await world.venue.submit(want(kind="limit", limit_price="90"))
    await world.venue.submit(want(kind="limit", limit_price="90", pair="AAPL", id="o2"))
    world.tape.went("100 100 80 100", minute=1)
    world.tape.went("100 100 80 100", minute=0, pair="AAPL")
    world.wait(180)
    assert [fill.order_id for fill in await world.venue.fills(0)] == ["o2", "o1"]


async def test_an_order_that_lapses_within_a_minute_is_not_filled_by_that_minute(world: World) -> None:
    await world.venue.submit(want(kind="limit", limit_price="90", lapses_at=NOON + 30 * SECOND))
    world.tape.went("100 100 80 100", minute=0)
    world.wait(61)
    assert await end(world) == ("LAPSED", "0", DAY_OVER)
    assert (await world.money())["USDT"] == "10000/10000"


async def test_a_pair_that_is_no_longer_offered_is_neither_filled_nor_forgotten(world: World) -> None:
    await world.venue.submit(want(kind="limit", limit_price="90"))
    world.tape.offer()
    world.tape.went("100 100 80 100", minute=0)
    world.wait(61)
    world.tape.show(bids="79x1", asks="80x5")
    assert (await end(world))[0] == "LIVE"
    await world.venue.cancel("o1")


async def test_nothing_is_filled_while_the_feed_is_down_and_what_was_missed_is_made_good(world: World) -> None:
    await world.venue.submit(want(kind="limit", limit_price="90"))
    world.tape.become(FeedHealth.DOWN)
    world.tape.went("100 100 80 100", minute=0)
    world.wait(61)
    assert (await end(world))[0] == "LIVE"
    world.tape.become(FeedHealth.HEALTHY)
    assert (await end(world))[0] == "FILLED"


async def test_a_stop_waits_fires_and_gets_out_below_its_trigger(world: World) -> None:
    await world.venue.submit(want("sell", "stop", "2", stop_price="95"))
    assert (await world.money())["BTC"] == "3/5"
    assert (await end(world))[0] == "LIVE"
    world.wait(1)
    world.tape.show(bids="94x1 93x9", asks="96x1")
    assert (await end(world))[:2] == ("FILLED", "2")
    assert [fill.price for fill in await world.venue.fills(0)] == [94, 93]


async def test_a_trailing_stop_follows_the_best_price_over_a_restart(world: World) -> None:
    await world.venue.submit(want("sell", "trailing_stop", trail="0.1"))
    for bid in ("120", "110"):
        world.wait(1)
        world.tape.show(bids=f"{bid}x9", asks="130x1")
        await world.again()
        assert (await end(world))[0] == "LIVE"
    world.wait(1)
    world.tape.show(bids="107.99x9", asks="130x1")
    assert (await end(world))[0] == "FILLED"


async def test_a_stop_that_fires_beyond_the_money_there_is_ends_without_a_fill(world: World) -> None:
    await world.venue.submit(want(kind="stop", stop_price="110", quantity="50"))
    assert (await world.money())["USDT"] == "0/10000"
    world.wait(1)
    world.tape.show(bids="299x1", asks="300x99")
    assert await end(world) == ("CANCELLED", "0", "not enough money when its price came")
    assert (await world.money())["USDT"] == "10000/10000"


async def test_what_a_second_order_claims_is_no_longer_free(world: World) -> None:
    await world.venue.submit(want("sell", "limit", "3", limit_price="150"))
    with pytest.raises(Refusal, match="3 BTC needed, 2 free"):
        await world.venue.submit(want("sell", "stop", "3", stop_price="90", id="o2"))


async def test_an_order_of_the_day_ends_with_its_session(world: World) -> None:
    await world.venue.submit(want(kind="limit", limit_price="90", pair="AAPL", tif="day"))
    world.wait(89)
    assert (await end(world))[0] == "LIVE"
    world.wait(1)
    assert await end(world) == ("LAPSED", "0", DAY_OVER)


async def test_an_order_of_the_day_that_waited_for_the_open_ends_with_that_session(world: World) -> None:
    world.tape.trade(SHUT)
    await world.venue.submit(want(kind="limit", limit_price="105", pair="AAPL", tif="day"))
    # The closed market still shows its last book, at which nobody trades.
    assert (await end(world))[0] == "LIVE"
    world.wait(61)
    world.tape.trade(OPEN)
    world.tape.show(asks="", pair="AAPL")
    assert (await end(world))[0] == "LIVE"
    await world.again()
    world.tape.trade(SHUT)
    world.wait(29)
    assert (await end(world))[0] == "LAPSED"


async def test_an_order_of_the_day_whose_session_nobody_watched_has_lapsed_too(world: World) -> None:
    world.tape.trade(SHUT)
    await world.venue.submit(want(kind="limit", limit_price="90", pair="AAPL", tif="day"))
    world.wait(16 * 3600 + 60)
    assert (await end(world))[0] == "LAPSED"


async def test_an_order_of_the_day_that_says_an_earlier_moment_ends_then(world: World) -> None:
    await world.venue.submit(
        want(kind="limit", limit_price="90", pair="AAPL", tif="day", lapses_at=NOON + 10 * SECOND)
    )
    world.wait(10)
    assert (await end(world))[0] == "LAPSED"


async def test_a_closed_market_queues_what_can_wait_and_refuses_what_cannot(world: World) -> None:
    world.tape.trade(SHUT)
    await world.venue.submit(want(pair="AAPL"))
    assert (await end(world))[0] == "LIVE"
    with pytest.raises(Refusal, match="closed"):
        await world.venue.submit(want(kind="limit", limit_price="101", pair="AAPL", tif="ioc", id="o2"))
    world.wait(60)
    world.tape.trade(OPEN)
    world.tape.show(asks="104x9", pair="AAPL")
    assert (await end(world))[0] == "FILLED"
    assert [fill.price for fill in await world.venue.fills(0)] == [104]


@pytest.mark.parametrize("session", [None, Session(market=Market.STOCKS, is_open=False, day="")])
async def test_without_a_known_session_there_is_no_order_of_the_day(world: World, session: Session | None) -> None:
    world.tape.trade(session)
    with pytest.raises(Refusal, match="no session of AAPL is known"):
        await world.venue.submit(want(kind="limit", limit_price="90", pair="AAPL", tif="day"))
    await world.venue.submit(want(kind="limit", limit_price="90", pair="AAPL"))
    assert (await end(world))[0] == "LIVE"


async def test_a_closed_market_is_asked_for_its_last_minutes_once(world: World) -> None:
    await world.venue.submit(want(kind="limit", limit_price="90", pair="AAPL"))
    world.tape.went("100 100 95 100", minute=0, pair="AAPL")
    world.tape.trade(SHUT)
    world.wait(60)
    assert (await end(world))[0] == "LIVE"
    world.tape.went("100 100 80 100", minute=1, pair="AAPL")
    world.wait(3600)
    assert (await end(world))[0] == "LIVE"
    world.tape.trade(OPEN)
    assert (await end(world))[0] == "FILLED"


@pytest.mark.parametrize(
    ("fee_in", "money"),
    [
        (FeeIn.QUOTE, {"BTC": "6/6", "USDT": "9898.899/9898.899"}),
        (FeeIn.RECEIVED, {"BTC": "5.999/5.999", "USDT": "9899/9899"}),
    ],
)
@pytest.mark.proves("T10")
async def test_fees_are_taken_from_the_quote_or_from_what_was_bought(
    tmp_path: Path, fee_in: FeeIn, money: dict[str, str]
) -> None:
    world = World(tmp_path / "venue.db", terms=lambda _: Costs(fee_taker=Decimal("0.001"), fee_in=fee_in))
    await world.venue.submit(want())
    assert await world.money() == {"USD": "10000/10000", **money}


async def test_ordinary_terms_are_the_fee_of_the_pair_and_the_volume_there_was() -> None:
    costs = ordinary(PAIR)
    assert (costs.fee_taker, costs.fee_maker, costs.volume_share) == (PAIR.fee_rate, PAIR.fee_rate, 1)


async def test_an_order_on_its_way_is_not_yet_in_the_market(tmp_path: Path) -> None:
    world = World(tmp_path / "venue.db", terms=lambda _: Costs(latency=2 * SECOND))
    await world.venue.submit(want())
    assert (await end(world))[0] == "LIVE"
    world.wait(2)
    world.tape.show()
    assert (await end(world))[0] == "FILLED"


async def test_no_more_is_withdrawn_than_is_free(world: World) -> None:
    await world.venue.submit(want(kind="limit", limit_price="90"))
    with pytest.raises(Refusal, match="9911 USDT asked for, 9910 free"):
        await world.venue.withdraw("USDT", Decimal(9911))
    with pytest.raises(Refusal, match="not an amount"):
        await world.venue.deposit("USDT", Decimal("NaN"))
    await world.venue.deposit("EUR", Decimal(5))
    assert (await world.money())["EUR"] == "5/5"

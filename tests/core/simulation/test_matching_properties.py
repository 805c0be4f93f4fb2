"""What holds for every order, every market and every cost model."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.core.simulation.making import d, look, order
from trading_mcp.core.domain.market import Candle, Depth, Level
from trading_mcp.core.domain.orders import Order, OrderState, OrderType, Side, TimeInForce
from trading_mcp.core.simulation.costs import FREE, Costs
from trading_mcp.core.simulation.matching import match_bar, match_depth
from trading_mcp.core.simulation.resting import Matched, Resting, arrive

CENTS = st.integers(9_000, 11_000).map(lambda cents: Decimal(cents) / 100)
QUANTITIES = st.integers(1, 5_000).map(lambda lots: Decimal(lots) / 1000)
SHARES = st.integers(0, 300).map(lambda share: Decimal(share) / 10_000)


@st.composite
def orders(draw: st.DrawFn) -> Order:
    kind = draw(st.sampled_from(OrderType))
    given: dict[str, Any] = {}
    if kind in (OrderType.LIMIT, OrderType.STOP_LIMIT):
        given["limit_price"] = draw(CENTS)
    if kind in (OrderType.STOP, OrderType.STOP_LIMIT):
        given["stop_price"] = draw(CENTS)
    if kind is OrderType.TRAILING_STOP:
        given["trail"] = draw(SHARES)
    return order(
        draw(st.sampled_from(["buy", "sell"])),
        kind.value,
        str(draw(QUANTITIES)),
        tif=draw(st.sampled_from([TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK])).value,
        reduces=draw(st.booleans()),
        **given,
    )


@st.composite
def bars(draw: st.DrawFn) -> list[Candle]:
    rows: list[Candle] = []
    for start in range(draw(st.integers(1, 6))):
        prices = sorted(draw(st.tuples(CENTS, CENTS, CENTS, CENTS)))
        first, last = draw(st.permutations(prices[1:3]))
        rows.append(
            Candle(start=start, open=first, high=prices[3], low=prices[0], close=last, volume=draw(QUANTITIES))
        )
    return rows


@st.composite
def books(draw: st.DrawFn) -> list[Depth]:
    rows: list[Depth] = []
    for at in range(draw(st.integers(1, 6))):
        middle = draw(st.integers(9_000, 11_000))
        gaps = draw(st.lists(st.integers(1, 50), min_size=1, max_size=4))
        sizes = draw(st.lists(QUANTITIES, min_size=4, max_size=4))
        asks = [middle + sum(gaps[: place + 1]) for place in range(len(gaps))]
        bids = [middle - sum(gaps[: place + 1]) + 1 for place in range(len(gaps))]
        rows.append(
            Depth(
                venue="paper",
                pair="BTC-USDT",
                bids=tuple(Level(price=d(p) / 100, quantity=q) for p, q in zip(bids, sizes, strict=False)),
                asks=tuple(Level(price=d(p) / 100, quantity=q) for p, q in zip(asks, sizes, strict=False)),
                at=at,
            )
        )
    return rows


@st.composite
def models(draw: st.DrawFn) -> Costs:
    return Costs(
        fee_taker=draw(SHARES),
        fee_maker=draw(SHARES),
        spread=draw(SHARES),
        slippage=draw(SHARES),
        volume_share=draw(st.none() | st.just(d("0.5"))),
        touch_share=draw(st.sampled_from([d(0), d("0.1")])),
    )


def played(value: Order, views: list[Candle] | list[Depth], costs: Costs, held: Decimal) -> list[Matched]:
    """The order's life in these views, ended where it ends."""
    resting: Resting = arrive(value, look(costs=costs), price=d(100))
    life: list[Matched] = []
    for at, view in enumerate(views):
        now = look(at=at, costs=costs, room=str(held - resting.filled))
        matched = match_bar(resting, view, now) if isinstance(view, Candle) else match_depth(resting, view, now)
        life.append(matched)
        if matched.ended:
            break
        resting = matched.resting
    return life


@given(orders(), st.one_of(bars(), books()), models(), QUANTITIES)
def test_fills_stay_within_the_order(
    value: Order, views: list[Candle] | list[Depth], costs: Costs, held: Decimal
) -> None:
    life = played(value, views, costs, held)
    fills = [fill for matched in life for fill in matched.fills]
    filled = sum((fill.quantity for fill in fills), d(0))
    assert filled == life[-1].resting.filled <= value.quantity
    assert (filled == value.quantity) is (life[-1].state is OrderState.FILLED)
    assert all(fill.quantity > 0 and fill.fee >= 0 for fill in fills)
    assert [fill.trade_id for fill in fills] == [f"o1:{number}" for number in range(1, len(fills) + 1)]
    if value.reduces:
        assert filled <= held
    if value.limit_price is not None:
        assert all(
            fill.price <= value.limit_price if value.side is Side.BUY else fill.price >= value.limit_price
            for fill in fills
        )
    if value.time_in_force is TimeInForce.FOK:
        assert filled in (0, value.quantity)
    assert life == played(value, views, costs, held)


@given(orders(), bars(), QUANTITIES)
def test_without_costs_every_price_was_in_the_bar(value: Order, rows: list[Candle], held: Decimal) -> None:
    for matched, row in zip(played(value, rows, FREE, held), rows, strict=False):
        assert all(row.low <= fill.price <= row.high for fill in matched.fills)


@given(orders(), books(), QUANTITIES)
def test_without_costs_every_price_was_in_the_book_or_is_the_limit(
    value: Order, rows: list[Depth], held: Decimal
) -> None:
    for matched, row in zip(played(value, rows, FREE, held), rows, strict=False):
        side = row.asks if value.side is Side.BUY else row.bids
        known = {level.price for level in side} | {value.limit_price}
        assert all(fill.price in known for fill in matched.fills)
        assert sum(fill.quantity for fill in matched.fills) <= sum(level.quantity for level in side)


@given(orders(), bars(), models(), SHARES, SHARES)
def test_more_costs_never_bring_a_better_price(
    value: Order, rows: list[Candle], costs: Costs, slippage: Decimal, fee: Decimal
) -> None:
    """Triggers depend on the spread, so only what does not change when an order fires is compared."""
    dearer = Costs(
        fee_taker=costs.fee_taker + fee,
        fee_maker=costs.fee_maker + fee,
        spread=costs.spread,
        slippage=costs.slippage + slippage,
        volume_share=costs.volume_share,
        touch_share=costs.touch_share,
    )
    cheap = [fill for matched in played(value, rows, costs, d(9)) for fill in matched.fills]
    dear = [fill for matched in played(value, rows, dearer, d(9)) for fill in matched.fills]
    assert len(cheap) == len(dear)
    for one, other in zip(cheap, dear, strict=True):
        sign = 1 if value.side is Side.BUY else -1
        assert sign * other.price >= sign * one.price
        paid = sign * one.price * one.quantity + one.fee
        assert sign * other.price * other.quantity + other.fee >= paid - d("0.03") * fee


@given(orders(), bars(), books())
def test_a_trail_never_loosens(value: Order, rows: list[Candle], views: list[Depth]) -> None:
    for life in (played(value, rows, FREE, d(9)), played(value, views, FREE, d(9))):
        stops = [matched.resting.stop for matched in life if matched.resting.stop is not None]
        assert stops == sorted(stops, reverse=value.side is Side.BUY)

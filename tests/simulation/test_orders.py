"""Orders from the gate to their end at the simulated venue: partial, cancelled, remembered, and never for free."""

from decimal import Decimal

import pytest

from tests.core.guardrails.shipped import SIMULATED
from tests.simulation.averages import HOME, START, crypto_pairs
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.events import FillRecorded
from trading_mcp.core.domain.market import HOUR
from trading_mcp.core.domain.money import ZERO, exactly
from trading_mcp.core.domain.orders import (
    Door,
    Everything,
    Fill,
    Intent,
    Notional,
    OrderState,
    OrderType,
    Quantity,
    Side,
)
from trading_mcp.core.simulation.costs import Costs
from trading_mcp.core.simulation.market import SyntheticMarket
from trading_mcp.core.simulation.rehearsal import Rehearsal

BTC = "BTC-USDT"
FEE = Decimal("0.001")


def opened(costs: Costs, seed: int = 5) -> Rehearsal:
    market = SyntheticMarket(seed)
    return Rehearsal(
        home=HOME, policy=SIMULATED, market=market, pairs=crypto_pairs(market), start=START + 9 * HOUR, costs=costs
    )


def fills_of(desk: Rehearsal, pair: str = BTC) -> list[Fill]:
    fills = (event.fill for event in desk.events if isinstance(event, FillRecorded))
    return [fill for fill in fills if fill.pair == pair]


@pytest.mark.proves("T4")
def test_a_partial_fill_stays_open_fills_on_and_is_remembered_when_it_ends() -> None:
    desk = opened(Costs(fee_taker=FEE, fee_maker=FEE, volume_share=Decimal("0.0001")))
    quote = desk.facts().quotes[f"paper/{BTC}"]
    with exactly():
        wish = Quantity((240 / quote.ask).quantize(Decimal("0.00001")))
    desk.do(
        c.Execute(
            intent=Intent(
                id="part",
                door=Door.MCP,
                pair=BTC,
                side=Side.BUY,
                amount=wish,
                type=OrderType.LIMIT,
                limit_price=quote.ask,
            )
        )
    )
    (working,) = desk.book.working.values()
    assert (working.state, working.order.pair) == (OrderState.PARTIAL, BTC)
    assert ZERO < working.filled < wish.value
    desk.do(c.Cancel(door=Door.MCP, pair="ETH-USDT"))
    assert list(desk.book.working) == [working.order.id], "another pair is another matter"
    desk.do(c.Cancel(door=Door.MCP, order_id=working.order.id))
    assert not desk.book.working
    ended = desk.book.order(working.order.id)
    assert ended is not None
    assert ended.state is OrderState.CANCELLED
    with exactly():
        assert ended.filled == sum(fill.quantity for fill in fills_of(desk))
        assert desk.book.portfolio.held("manual", "paper", BTC) == ended.filled
        for fill in fills_of(desk):
            assert (fill.fee, fill.fee_asset) == (fill.quantity * fill.price * FEE, "USDT")


@pytest.mark.proves("T10")
@pytest.mark.parametrize("seed", range(5))
def test_what_takes_pays_the_ask_gets_the_bid_and_a_fee_each_time(seed: int) -> None:
    desk = opened(Costs(fee_taker=FEE, fee_maker=FEE), seed)
    ask = desk.facts().quotes[f"paper/{BTC}"].ask
    desk.do(c.Execute(intent=Intent(id="in", door=Door.MCP, pair=BTC, side=Side.BUY, amount=Notional(Decimal(200)))))
    desk.do(c.Execute(intent=Intent(id="out", door=Door.MCP, pair=BTC, side=Side.SELL, amount=Everything())))
    bid = desk.facts().quotes[f"paper/{BTC}"].bid
    fills = fills_of(desk)
    assert {fill.side for fill in fills} == {Side.BUY, Side.SELL}
    with exactly():
        for fill in fills:
            assert fill.price >= ask if fill.side is Side.BUY else fill.price <= bid
            assert fill.fee == fill.quantity * fill.price * FEE
        cash = desk.book.portfolio.cash["paper/USDT"]
        assert cash < HOME.cash["paper/USDT"] - sum(fill.fee for fill in fills)

"""What the synthetic market and the matching engine cost: `python -m bench.simulation`."""

import time
from collections.abc import Callable
from decimal import Decimal

from trading_mcp.core.domain.market import MINUTE, SECOND
from trading_mcp.core.domain.orders import Door, Order, OrderType, Purpose, Side, TimeInForce
from trading_mcp.core.simulation.costs import Costs
from trading_mcp.core.simulation.listing import LISTINGS
from trading_mcp.core.simulation.market import SyntheticMarket
from trading_mcp.core.simulation.matching import match_bar, match_depth
from trading_mcp.core.simulation.resting import Look, arrive

NOW = 1_795_000_000 * SECOND
FIRST = NOW // MINUTE - 30 * 1440
PAIRS = [listing.pair for listing in LISTINGS if listing.pair.endswith("-USDT")]


def timed(name: str, count: int, run: Callable[[SyntheticMarket], object]) -> None:
    """The best of three runs, each on a market that has answered nothing yet."""
    best = min(_once(run) for _ in range(3))
    print(f"{name:<48}{best * 1e3:10.1f} ms {best / count * 1e6:10.2f} µs each")


def _once(run: Callable[[SyntheticMarket], object]) -> float:
    market = SyntheticMarket(7)
    begun = time.perf_counter()
    run(market)
    return time.perf_counter() - begun


def matching() -> None:
    instrument = LISTINGS[0].instrument()
    look = Look(instrument=instrument, costs=Costs(fee_taker=Decimal("0.001"), slippage=Decimal("0.0005")), at=NOW)
    order = Order(
        id="o",
        intent_id="i",
        book="manual",
        venue="paper",
        pair="BTC-USDT",
        side=Side.BUY,
        type=OrderType.MARKET,
        quantity=Decimal("0.01"),
        time_in_force=TimeInForce.IOC,
        reduces=False,
        purpose=Purpose.TRADE,
        price_worst=Decimal(1_000_000),
        cleared_at=0,
        door=Door.MCP,
    )
    market = SyntheticMarket(7)
    bar, depth = market.candle("BTC-USDT", NOW // MINUTE + 1), market.depth("BTC-USDT", NOW + SECOND)
    assert bar is not None
    assert depth is not None
    resting = arrive(order, look, price=bar.open)
    timed("market order against a bar", 10_000, lambda _: [match_bar(resting, bar, look) for _ in range(10_000)])
    timed(
        "market order against a book",
        10_000,
        lambda _: [match_depth(resting, depth, look) for _ in range(10_000)],
    )


def main() -> None:
    timed("a market, from nothing to its first quote", 1, lambda market: market.quote("BTC-USDT", NOW))
    timed("a quote at each of 20,000 seconds", 20_000, lambda market: _quotes(market, 20_000, SECOND))
    timed("a quote at 1,000 moments far apart", 1_000, lambda market: _quotes(market, 1_000, 9_999 * MINUTE))
    timed("a book at each of 5,000 seconds", 5_000, _books)
    timed(
        "30 days of minute candles, one pair",
        43_200,
        lambda market: market.candles("BTC-USDT", FIRST, 43_200),
    )
    timed("30 days of minute closes, one pair", 43_200, lambda market: market.closes("BTC-USDT", FIRST, 43_200))
    timed("14 days of minute quotes, ten pairs", 201_600, _fortnight)
    matching()


def _quotes(market: SyntheticMarket, count: int, apart: int) -> None:
    for place in range(count):
        market.quote("BTC-USDT", NOW + place * apart)


def _books(market: SyntheticMarket) -> None:
    for place in range(5_000):
        market.depth("BTC-USDT", NOW + place * SECOND)


def _fortnight(market: SyntheticMarket) -> None:
    for minute in range(FIRST, FIRST + 14 * 1440):
        for pair in PAIRS:
            market.quote(pair, minute * MINUTE)


if __name__ == "__main__":
    main()

"""The algorithm of the story: in when a quick average of closing prices crosses above a calm one, out when below."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from trading_mcp.core.domain.mandates import Algorithm
from trading_mcp.core.domain.market import MINUTE
from trading_mcp.core.simulation.listing import VENUE
from trading_mcp.core.simulation.market import SyntheticMarket

NAME: Final = "sma-20-60"
QUICK: Final = 20
CALM: Final = 60
PAIRS: Final = ("BTC-USDT", "DOGE-USDT", "ETH-USDT", "SOL-USDT", "XRP-USDT")
CAPITAL: Final = Decimal(10_000)
WISH: Final = Decimal(200)  # two per cent of its capital


def algorithm() -> Algorithm:
    return Algorithm(name=NAME, version="1", pairs=frozenset(PAIRS), venues=(VENUE,), capital=CAPITAL, enabled=True)


def crossings(market: SyntheticMarket, start: int, minutes: int) -> dict[int, list[tuple[str, bool]]]:
    """Every crossing of the day by the minute at whose end it is known: the pair, and whether it is upwards."""
    found: dict[int, list[tuple[str, bool]]] = {}
    for pair in PAIRS:
        for minute, is_up in _crossings_of(market, pair, start, minutes):
            found.setdefault(minute, []).append((pair, is_up))
    return found


def _crossings_of(market: SyntheticMarket, pair: str, start: int, minutes: int) -> Iterator[tuple[int, bool]]:
    # The whole day's prices are a function of the seed; each is used no earlier than its minute has ended.
    closes = market.closes(pair, start // MINUTE - CALM, minutes + CALM)
    quick, calm = sum(closes[CALM - QUICK : CALM]), sum(closes[:CALM])
    was_above = quick * CALM > calm * QUICK
    for index in range(CALM, len(closes)):
        quick += closes[index] - closes[index - QUICK]
        calm += closes[index] - closes[index - CALM]
        is_above = quick * CALM > calm * QUICK
        if is_above != was_above:
            yield index - CALM + 1, is_above
        was_above = is_above

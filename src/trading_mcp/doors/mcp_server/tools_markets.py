"""Tools that look at the markets: prices, order books, candles, and what indicators make of them."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta

from trading_mcp.desk import markets
from trading_mcp.desk.answers_past import MarketAnswer, SignalsAnswer
from trading_mcp.doors.mcp_server.tool import Arguments, Call, Tool

SET: Final = "market"


class GetMarketData(Arguments, frozen=True, kw_only=True):
    """What of which market."""

    pair: str
    kind: Literal["ticker", "order_book", "candles"] = "ticker"
    timeframe: Literal["1m", "5m", "15m", "30m", "1h", "4h", "1d"] = "1h"
    limit: Annotated[int, Meta(description="Candles, or levels of a side, at most")] = 20
    venue: str = ""


class GetSignals(Arguments, frozen=True, kw_only=True):
    """Of which pairs."""

    pairs: Annotated[tuple[str, ...], Meta(description="Empty: all that may be traded")] = ()


def get_market_data(call: Call, given: GetMarketData) -> MarketAnswer:
    return markets.market(
        call.desk,
        call.moments.now(),
        given.pair,
        given.kind,
        timeframe=given.timeframe,
        limit=given.limit,
        venue=given.venue,
    )


def get_signals(call: Call, given: GetSignals) -> SignalsAnswer:
    return markets.signals(call.desk, call.moments.now(), given.pairs)


MARKETS: Final = (
    Tool(
        name="get_market_data",
        title="Market data",
        toolset=SET,
        description="What a market shows of one pair at one venue: best prices with their age and the feed's health, "
        "the order book, or ended candles, oldest first. Which pairs there are: manage_pairs.",
        arguments=GetMarketData,
        answer=MarketAnswer,
        run=get_market_data,
        reaches_out=True,
    ),
    Tool(
        name="get_signals",
        title="Signals",
        toolset=SET,
        description="BUY, SELL or HOLD per pair with confidence, every indicator with its value and vote, and what "
        "would change it. Simple averages and strength: evidence, not advice. Name signal_seq in a trade on it.",
        arguments=GetSignals,
        answer=SignalsAnswer,
        run=get_signals,
        reaches_out=True,
    ),
)

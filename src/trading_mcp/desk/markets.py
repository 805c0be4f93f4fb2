"""Reads of the markets: prices, order books and candles as the feed tells them, and what indicators make of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from trading_mcp.core.domain.events import SignalsRecorded
from trading_mcp.core.domain.instruments import normalise
from trading_mcp.core.domain.market import Candle, Level, market_of
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.strategies.technical import CANDLES, Signal, signal_of
from trading_mcp.desk import queries
from trading_mcp.desk.answers_past import (
    CandleShown,
    LevelShown,
    MarketAnswer,
    SignalsAnswer,
    SignalShown,
    VoteShown,
)
from trading_mcp.desk.desk import Desk
from trading_mcp.desk.queries import Reader
from trading_mcp.desk.wording import amount_text
from trading_mcp.errors import UsageInvalid
from trading_mcp.redact import redacted

SIGNALS_FRAME: Final = "5m"
LEVELS_MAX: Final = 50
CANDLES_MAX: Final = 200
PAIRS_MAX: Final = 25


def market(
    desk: Desk, read: Reader, pair: str, kind: str, *, timeframe: str, limit: int, venue: str = ""
) -> MarketAnswer:
    """Tell what a market shows of one pair now."""
    name, where = _offered(read, pair, venue)
    feed, now = desk.ports.feed, read.facts.now
    quote = feed.quote(where, name)
    depth = feed.depth(where, name) if kind == "order_book" else None
    candles = feed.candles(name, timeframe, max(1, min(limit, CANDLES_MAX))) if kind == "candles" else ()
    session = read.facts.sessions.get(market_of(name))
    size = max(1, min(limit, LEVELS_MAX))
    health = read.facts.feeds.get(where)
    return MarketAnswer(
        pair=name,
        at_venue=where,
        kind=kind,
        feed="" if health is None else health.value,
        simulated=quote is not None and quote.simulated,
        open=session is not None and session.is_open,
        bid="" if quote is None else amount_text(quote.bid),
        ask="" if quote is None else amount_text(quote.ask),
        age_seconds="" if quote is None else f"{max(0, now - quote.confirmed_at) // 1_000 / 1_000:.3f}",
        bids=() if depth is None else _levels(depth.bids[:size]),
        asks=() if depth is None else _levels(depth.asks[:size]),
        candles=tuple(map(_candle, candles)),
    )


def _offered(read: Reader, pair: str, venue: str) -> tuple[str, str]:
    """Return the pair in its one spelling, and a venue that offers it."""
    name = normalise(redacted(pair, 32))
    venues = sorted(item.venue for item in read.facts.instruments.values() if item.pair == name)
    if venue and venue not in venues:
        raise UsageInvalid(
            f"{redacted(venue, 32)} does not offer {name}.",
            f"It is offered by {', '.join(venues)}." if venues else "List what is offered: manage_pairs.",
        )
    if not venues:
        raise UsageInvalid(f"No venue offers {name}.", "List what is offered: manage_pairs, or trading-mcp pairs.")
    return name, venue or venues[0]


def _levels(levels: Sequence[Level]) -> tuple[LevelShown, ...]:
    return tuple(LevelShown(price=amount_text(level.price), quantity=amount_text(level.quantity)) for level in levels)


def _candle(candle: Candle) -> CandleShown:
    return CandleShown(
        start=candle.start,
        open=amount_text(candle.open),
        high=amount_text(candle.high),
        low=amount_text(candle.low),
        close=amount_text(candle.close),
        volume=amount_text(candle.volume),
    )


def signals(desk: Desk, read: Reader, pairs: Sequence[str]) -> SignalsAnswer:
    """Tell what the indicators say of some pairs, or of all that may be traded, and record it."""
    if pairs:
        wanted = [_offered(read, pair, "")[0] for pair in pairs[:PAIRS_MAX]]
    else:
        wanted = [each.pair for each in queries.pairs(read).pairs if each.active]
    names = tuple(dict.fromkeys(wanted))[:PAIRS_MAX]
    with exactly():
        found = {name: signal_of(desk.ports.feed.candles(name, SIGNALS_FRAME, CANDLES)) for name in names}
    rows = tuple((name, each.word.value, f"{each.confidence:f}", each.regime) for name, each in found.items())
    desk.note((SignalsRecorded(at=read.facts.now, signals=rows),))
    return SignalsAnswer(
        timeframe=SIGNALS_FRAME,
        signals=tuple(_signal(name, each) for name, each in found.items()),
        signal_seq=desk.ports.journal.head().seq,
        left_out=max(0, len(pairs or wanted) - PAIRS_MAX),
    )


def _signal(name: str, signal: Signal) -> SignalShown:
    return SignalShown(
        pair=name,
        signal=signal.word.value,
        confidence=f"{signal.confidence:f}",
        regime=signal.regime,
        votes=tuple(
            VoteShown(name=vote.name, value=amount_text(vote.value), vote=vote.word.value) for vote in signal.votes
        ),
        would_change=signal.would_change,
    )

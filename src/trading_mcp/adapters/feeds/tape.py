"""A feed that replays what it was given, for tests and for people who bring their own prices."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar

from trading_mcp.adapters.feeds.timeframe import minutes_of
from trading_mcp.core.domain.instruments import Instrument
from trading_mcp.core.domain.market import MINUTE, Candle, Depth, FeedHealth, Level, Market, Quote, Session
from trading_mcp.core.simulation.sessions import session

Row = TypeVar("Row", Quote, Depth)


class _Now(Protocol):
    def now(self) -> int: ...


class TapeFeed:
    """Given quotes, books and candles, each shown from its own time on; what was not given is not known."""

    def __init__(
        self,
        clock: _Now,
        *,
        quotes: Iterable[Quote] = (),
        depths: Iterable[Depth] = (),
        candles: Mapping[tuple[str, str], Iterable[Candle]] | None = None,
        instruments: Iterable[Instrument] = (),
        sessions: Mapping[Market, Session] | None = None,
    ) -> None:
        self._clock = clock
        self._quotes = _by_pair(quotes)
        self._depths = _by_pair(depths)
        self._candles = {key: sorted(rows, key=_start) for key, rows in (candles or {}).items()}
        self._instruments = tuple(instruments)
        self._sessions = dict(sessions or {})
        self._health = FeedHealth.HEALTHY

    def add(self, quote: Quote) -> None:
        """Put one more quote on the tape; one of the same time replaces what was shown."""
        rows = self._quotes.setdefault((quote.venue, quote.pair), [])
        rows.insert(bisect_right(rows, quote.at, key=_at), quote)

    def become(self, health: FeedHealth) -> None:
        """Say how far to believe the tape from now on; a feed that is down shows nothing."""
        self._health = health

    def quote(self, venue: str, pair: str) -> Quote | None:
        return self._newest(self._quotes.get((venue, pair), []))

    def depth(self, venue: str, pair: str) -> Depth | None:
        """The newest book given, or the newest quote as a book of one level."""
        depth = self._newest(self._depths.get((venue, pair), []))
        quote = self.quote(venue, pair)
        if depth is not None or quote is None:
            return depth
        return Depth(
            venue=venue,
            pair=pair,
            bids=(Level(price=quote.bid, quantity=quote.bid_size),),
            asks=(Level(price=quote.ask, quantity=quote.ask_size),),
            at=quote.at,
            simulated=quote.simulated,
        )

    def candles(self, pair: str, timeframe: str, limit: int) -> tuple[Candle, ...]:
        """The newest candles that have ended, oldest first."""
        if limit < 1 or self._health is FeedHealth.DOWN:
            return ()
        rows = self._candles.get((pair, timeframe), [])
        ended = bisect_right(rows, self._clock.now() - minutes_of(timeframe) * MINUTE, key=_start)
        return tuple(rows[max(0, ended - limit) : ended])

    def session(self, market: Market) -> Session:
        return self._sessions.get(market) or session(market, self._clock.now())

    def instruments(self) -> tuple[Instrument, ...]:
        return self._instruments

    def health(self) -> FeedHealth:
        return self._health

    def _newest(self, rows: list[Row]) -> Row | None:
        if self._health is FeedHealth.DOWN:
            return None
        shown = bisect_right(rows, self._clock.now(), key=_at)
        return rows[shown - 1] if shown else None


def _by_pair(rows: Iterable[Row]) -> dict[tuple[str, str], list[Row]]:
    found: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(rows, key=_at):
        found.setdefault((row.venue, row.pair), []).append(row)
    return found


def _at(row: Quote | Depth) -> int:
    return row.at


def _start(row: Candle) -> int:
    return row.start

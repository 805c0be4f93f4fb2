"""A market that never was: every price, book and candle a pure function of a seed and a moment.

Nothing is generated ahead and nothing is kept: it costs nothing at start, is the same after a restart, has
history from the first moment, and no answer depends on what else was asked. All of it says SIMULATED.
"""

from collections.abc import Iterator
from itertools import groupby, islice
from typing import Final

from msgspec.structs import replace

from trading_mcp.core.domain.instruments import Instrument
from trading_mcp.core.domain.market import MINUTE, SECOND, Candle, Depth, Level, Market, Quote, Session
from trading_mcp.core.simulation.listing import LISTINGS, SOURCE, VENUE, Listing
from trading_mcp.core.simulation.noise import HEAT_ONE, UNITS_PER_PPM, Regime, Walk
from trading_mcp.core.simulation.path import COMMON, STEPS_A_DAY, Minute, Path
from trading_mcp.core.simulation.sessions import Hours, last_hours, session, weekday

LEVELS: Final = 12


class SyntheticMarket:
    """All pairs of one seed. The only state is memory of answers, which changes none of them."""

    def __init__(self, seed: int) -> None:
        shared = {market: Walk(seed, market.value, COMMON * UNITS_PER_PPM) for market in Market}
        self._paths = {listing.pair: Path(seed, listing, shared[listing.market]) for listing in LISTINGS}
        self._instruments = tuple(listing.instrument() for listing in LISTINGS if listing.tradable)
        self._quotes: dict[str, Quote] = {}
        self._depths: dict[str, Depth] = {}

    def instruments(self) -> tuple[Instrument, ...]:
        """The pairs that can be traded: ten crypto pairs and three stocks."""
        return self._instruments

    def lists(self, pair: str) -> bool:
        """Whether a pair has prices here."""
        return pair in self._paths

    def session(self, market: Market, at: int) -> Session:
        return session(market, at)

    def regime(self, pair: str, at: int) -> Regime:
        """What a pair is doing at a moment; while its market is closed, what it did last."""
        path = self._paths[pair]
        return path.regime(_place(path.listing.market, at)[0])

    def quote(self, pair: str, at: int) -> Quote | None:
        """The best prices in the second of a moment; while a market is closed, its last ones, dated so."""
        path = self._paths.get(pair)
        if path is None:
            return None
        listing = path.listing
        minute, second, begun, confirmed = _place(listing.market, at)
        known = self._quotes.get(pair)
        if known is not None and known.at == begun:
            # Whoever decides asks several times within a second; only when it was vouched for has changed.
            return known if known.confirmed_at == confirmed else replace(known, confirmed_at=confirmed)
        dice = path.dice(minute, second)
        bid, ask = _touch(path, minute, second, dice)
        size_bid, size_ask = _sizes(listing, path.minute(minute).heat, dice, 0)
        self._quotes[pair] = quote = Quote(
            venue=VENUE,
            pair=pair,
            bid=bid * listing.step,
            ask=ask * listing.step,
            bid_size=size_bid * listing.lot,
            ask_size=size_ask * listing.lot,
            at=begun,
            confirmed_at=confirmed,
            source=SOURCE,
            simulated=True,
        )
        return quote

    def depth(self, pair: str, at: int, levels: int = LEVELS) -> Depth | None:
        """The order book in the second of a moment; its best prices are the quote's."""
        path = self._paths.get(pair)
        if path is None:
            return None
        listing = path.listing
        minute, second, begun, _ = _place(listing.market, at)
        known = self._depths.get(pair)
        if known is not None and known.at == begun and len(known.bids) == min(levels, LEVELS):
            return known
        dice = path.dice(minute, second)
        bid, ask = _touch(path, minute, second, dice)
        gap = max(1, (ask - bid) // 2)
        step, lot, heat = listing.step, listing.lot, path.minute(minute).heat
        bids: list[Level] = []
        asks: list[Level] = []
        for place in range(min(levels, LEVELS)):
            size_bid, size_ask = _sizes(listing, heat, dice, place)
            bids.append(Level(price=bid * step, quantity=size_bid * lot))
            asks.append(Level(price=ask * step, quantity=size_ask * lot))
            bid -= 1 + dice[28 + place] * gap // 256
            ask += 1 + dice[40 + place] * gap // 256
        self._depths[pair] = depth = Depth(
            venue=VENUE, pair=pair, bids=tuple(bids), asks=tuple(asks), at=begun, simulated=True
        )
        return depth

    def closes(self, pair: str, first_minute: int, count: int) -> list[int]:
        """The closing prices of minutes since the epoch in steps, those of a closed market left out."""
        path = self._paths[pair]
        places = _trading_backwards(path, first_minute, count)
        return [path.edges(minute >> 4)[(minute & 15) + 1] for _, minute in places][::-1]

    def candles(
        self, pair: str, first_minute: int, count: int, width: int = 1, newest: int | None = None
    ) -> list[Candle]:
        """Candles over `width` minutes aligned to the epoch, or the newest of them; a span without trade has none.

        It knows the future: whoever serves it to somebody leaves out what has not ended yet.
        """
        path = self._paths[pair]
        spans = groupby(_trading_backwards(path, first_minute, count), lambda place: place[0] // width)
        return [
            _candle(path.listing, span * width, [path.minute(minute) for _, minute in places][::-1])
            for span, places in islice(spans, newest)
        ][::-1]

    def candle(self, pair: str, minute: int) -> Candle | None:
        """The candle of one minute since the epoch, or None when the market was closed."""
        return next(iter(self.candles(pair, minute, 1)), None)


def _trading_backwards(path: Path, first: int, count: int) -> Iterator[tuple[int, int]]:
    """Each minute since the epoch in which the pair trades, with its number in the pair's own count, newest first."""
    end = first + count
    if path.listing.market is Market.CRYPTO:
        minutes = range(end - 1, first - 1, -1)
        yield from zip(minutes, minutes, strict=True)
        return
    hours = last_hours(end * MINUTE - 1)
    while hours.closes_at > first * MINUTE:
        opens, closes = hours.opens_at // MINUTE, hours.closes_at // MINUTE
        begun = _first_step(hours) - opens
        for at in range(min(end, closes) - 1, max(first, opens) - 1, -1):
            yield at, begun + at
        hours = last_hours(hours.opens_at - 1)


def _first_step(hours: Hours) -> int:
    """The number of a session's first minute; weekends take no steps, a holiday as many as a day."""
    return ((hours.day - 1) // 7 * 5 + weekday(hours.day)) * STEPS_A_DAY


def _place(market: Market, at: int) -> tuple[int, int, int, int]:
    """The minute and second that hold at a moment, when that began, and when it was last vouched for."""
    if market is Market.CRYPTO:
        since = at // SECOND
        return since // 60, since % 60, since * SECOND, at
    hours = last_hours(at)
    confirmed = min(at, hours.closes_at - SECOND)
    since = (confirmed - hours.opens_at) // SECOND
    return _first_step(hours) + since // 60, since % 60, hours.opens_at + since * SECOND, confirmed


def _touch(path: Path, minute: int, second: int, dice: bytes) -> tuple[int, int]:
    """The best bid and ask in steps, around the price of the second."""
    price = path.price(minute, second, dice[0])
    spread = path.spread(price, path.minute(minute).heat, dice[1])
    bid = max(1, price - spread // 2)
    return bid, bid + spread


def _sizes(listing: Listing, heat: int, dice: bytes, place: int) -> tuple[int, int]:
    """What rests at one level of both sides in lots: more further out, less when it is hot."""
    ordinary = listing.resting * (4 + place) * HEAT_ONE
    thin = 4 * 192 * heat
    return (
        ordinary * (64 + dice[4 + place]) // thin or 1,
        ordinary * (64 + dice[16 + place]) // thin or 1,
    )


def _candle(listing: Listing, start: int, span: list[Minute]) -> Candle:
    """The candle of some minutes in a row."""
    step = listing.step
    return Candle(
        start=start * MINUTE,
        open=span[0].knots[0] * step,
        high=max([max(minute.knots) for minute in span]) * step,
        low=min([min(minute.knots) for minute in span]) * step,
        close=span[-1].knots[-1] * step,
        volume=sum([minute.volume for minute in span]) * listing.lot,
    )

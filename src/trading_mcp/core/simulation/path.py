"""The price of one synthetic pair from minute to minute and second to second, in integer steps."""

from typing import Final, NamedTuple

from trading_mcp.core.domain.market import Market
from trading_mcp.core.simulation.listing import Listing
from trading_mcp.core.simulation.noise import (
    HEAT_ONE,
    UNITS_PER_PPM,
    Memo,
    Noise,
    Regime,
    Walk,
    bell,
    bridge,
    grown,
)

COMMON: Final = 1000  # deviation a minute of what the pairs of one market share, millionths
# Seconds of a minute; between two of them the price keeps to the interval of theirs, so they make the candle.
_KNOTS: Final = (0, 10, 20, 30, 40, 50, 59)
# A session takes 512 steps of a stock's walk. The market sees at most 390; the others are the gap overnight.
STEPS_A_DAY: Final = 512

# Sixteenths of the ordinary volume by two hours UTC: quiet before Europe wakes, busy while New York is open.
_BUSY: Final = (14, 13, 11, 12, 15, 16, 16, 18, 23, 21, 18, 16)
# The same by half-hour of a stock session: the open and the close.
_BUSY_SESSION: Final = (36, 24, 18, 15, 13, 12, 11, 11, 12, 13, 15, 18, 30)


class Minute(NamedTuple):
    """One minute of one pair: the seven prices it passes through in steps, and what was traded."""

    knots: tuple[int, ...]
    heat: int
    volume: int


class Path:
    """The price of one pair along its own count of minutes, in steps."""

    def __init__(self, seed: int, listing: Listing, shared: Walk) -> None:
        self.listing = listing
        self._shared = shared
        self._walk = Walk(seed, listing.pair, listing.swing * UNITS_PER_PPM * listing.own // 100)
        self._within = Noise(seed, f"{listing.pair}/minute")
        self._seconds = Noise(seed, f"{listing.pair}/second")
        self._edges = Memo(self._edges_of, 256)
        self._minutes = Memo(self._minute_of, 2048)

    def edges(self, block: int) -> tuple[int, ...]:
        """The prices at the 17 edges of 16 minutes."""
        return self._edges(block)

    def minute(self, minute: int) -> Minute:
        return self._minutes(minute)

    def heat(self, block: int) -> int:
        """The volatility of 16 minutes in sixteenths: the market's and the pair's own, equally."""
        return max(1, (self._shared.heat(block) + self._walk.heat(block)) >> 1)

    def regime(self, minute: int) -> Regime:
        """What the pair is doing for its own part."""
        return self._walk.regime(minute >> 4)

    def dice(self, minute: int, second: int) -> bytes:
        """The 64 bytes that decide the quote and the book of one second."""
        return self._seconds.digest(minute * 60 + second)

    def price(self, minute: int, second: int, jitter: int) -> int:
        """The price in one second of a minute; it never leaves the interval between the knots around it."""
        knots = self._minutes(minute).knots
        leg = min(second // 10, 5)
        first, last = _KNOTS[leg], _KNOTS[leg + 1]
        if second >= last or second == first:
            return knots[leg + (second >= last)]
        done = (second - first) * 256 // (last - first) + jitter - 128
        return knots[leg] + (knots[leg + 1] - knots[leg]) * min(256, max(0, done)) // 256

    def spread(self, price: int, heat: int, jitter: int) -> int:
        """The distance of bid and ask in steps: wider when it is hot."""
        ppm = self.listing.spread * (HEAT_ONE + heat) * (192 + jitter) // (HEAT_ONE * 2 * 320)
        return max(1, price * ppm // 1_000_000)

    def _busy(self, minute: int) -> int:
        if self.listing.market is Market.CRYPTO:
            return _BUSY[minute // 120 % 12]
        return _BUSY_SESSION[min(minute % STEPS_A_DAY // 30, len(_BUSY_SESSION) - 1)]

    def _edges_of(self, block: int) -> tuple[int, ...]:
        listing = self.listing
        weight = listing.swing * listing.shared  # in hundredths of a millionth
        return tuple(
            [
                grown(listing.level, market * weight // (100 * COMMON) + own)
                for market, own in zip(self._shared.points(block), self._walk.points(block), strict=True)
            ]
        )

    def _minute_of(self, minute: int) -> Minute:
        block, place = minute >> 4, minute & 15
        start, end = self._edges(block)[place : place + 2]
        heat = self.heat(block)
        digest = self._within.digest(minute)
        swing = start * self.listing.swing * heat // HEAT_ONE  # of the whole minute, in millionths of a step
        # Six steps a minute: the minute's deviation over the square root of six, and a draw's is 148.
        draws = bell(digest)
        knots = bridge(start, end, [draw * swing * 408 // 148_000_000_000 for draw in draws[:6]])
        knots = tuple([max(1, knot) for knot in knots])
        moved = (max(knots) - min(knots)) * 1_000_000
        # One minute in sixteen trades several times the ordinary, and a minute that moves trades more.
        tail = 4096 // (16 + digest[60])
        volume = self.listing.traded * tail * heat * self._busy(minute) * (swing + moved)
        volume = volume // (48 * HEAT_ONE * HEAT_ONE * (2 * swing + 1)) + digest[61]
        return Minute(knots, heat, volume)

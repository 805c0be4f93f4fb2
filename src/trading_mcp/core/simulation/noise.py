"""Random walks that can be read at any minute without walking there: bridges of 16 steps inside bridges.

Everything is integer arithmetic on BLAKE2b digests: the same on every platform and Python version.
"""

from collections.abc import Callable
from enum import StrEnum
from hashlib import blake2b
from itertools import accumulate
from math import isqrt
from struct import Struct
from typing import Final, Generic, TypeVar

T = TypeVar("T")

OCTAVE: Final = 1 << 32  # prices are walked as base-2 logarithms: this many units double a price
UNITS_PER_PPM: Final = 6196  # one millionth of a price, in those units: 2**32 / (10**6 * ln 2)
HEAT_ONE: Final = 16  # heats are sixteenths of the ordinary volatility

_TOP: Final = 4  # the longest bridge spans 16**5 minutes, two years; its ends lie around the level itself
_SPAN: Final = 16
_WORDS: Final = Struct("<16I")
_DEVIATION: Final = 148  # standard deviation of the sum of four bytes
_CENTRE: Final = 510  # and its mean
_EVEN_BYTES: Final = int.from_bytes(b"\xff\x00" * 32, "little")
_EVEN_WORDS: Final = int.from_bytes(b"\xff\xff\x00\x00" * 16, "little")

# Sixteenths by level, minute upwards: the long levels are damped, so that no pair wanders off within years.
_DAMPING: Final = (16, 16, 16, 13, 8)
_ANCHOR: Final = 256  # how far the ends of the longest bridge lie from the level, in deviations of one minute

_BURSTS: Final = (8, 9, 10, 11, 12, 13, 14, 14, 15, 16, 17, 18, 20, 22, 26, 36)


class Regime(StrEnum):
    """What a market is doing for hours to days."""

    TREND = "trend"
    RANGE = "range"
    WILD = "high_volatility"


# Sixteenths by which a regime scales the steps of a minute, of 16 minutes and of 256 minutes.
_SCALES: Final = {Regime.TREND: (14, 16, 14), Regime.RANGE: (13, 10, 5), Regime.WILD: (28, 28, 24)}
_CHOICES: Final = (Regime.TREND,) * 6 + (Regime.RANGE,) * 7 + (Regime.WILD,) * 3
_DRIFT: Final = 18  # what a trend adds to each 256 minutes, in deviations of one minute
_CHANGE: Final = 64  # of 256: the chance that a regime ends with its 256 minutes


class Memo(Generic[T]):
    """A bounded table of answers that were computed before; forgetting all of them changes no answer."""

    __slots__ = ("_answer", "_limit", "_table")

    def __init__(self, answer: Callable[[int], T], limit: int) -> None:
        self._answer = answer
        self._limit = limit
        self._table: dict[int, T] = {}

    def __call__(self, key: int) -> T:
        found = self._table.get(key)
        if found is None:
            found = self._answer(key)
            if len(self._table) >= self._limit:
                self._table.clear()
            self._table[key] = found
        return found


class Noise:
    """The digests of one named stream of a seed."""

    __slots__ = ("_prefix",)

    def __init__(self, seed: int, name: str) -> None:
        self._prefix = blake2b(f"trading-mcp market {seed} {name}".encode(), digest_size=16).digest()

    def digest(self, index: int) -> bytes:
        """64 bytes that belong to an index, negative ones included."""
        return blake2b(self._prefix + index.to_bytes(8, "little", signed=True)).digest()


def bell(digest: bytes) -> tuple[int, ...]:
    """Sixteen draws from 64 bytes: each the sum of four, bell-shaped around zero, deviation 148."""
    lanes = int.from_bytes(digest, "little")
    pairs = (lanes & _EVEN_BYTES) + ((lanes >> 8) & _EVEN_BYTES)
    sums = (pairs & _EVEN_WORDS) + ((pairs >> 16) & _EVEN_WORDS)
    return tuple([word - _CENTRE for word in _WORDS.unpack(sums.to_bytes(64, "little"))])


def bridge(start: int, end: int, steps: list[int]) -> tuple[int, ...]:
    """A walk from start to end that takes the steps given, each shifted equally so that it arrives."""
    points = list(accumulate(steps, initial=start))
    count = len(steps)
    miss = end - points[-1]
    return tuple([point + miss * place // count for place, point in enumerate(points)])


class Cell:
    """256 minutes of one regime and how hot each 16 of them are."""

    __slots__ = ("heats", "regime")

    def __init__(self, regime: Regime, digest: bytes) -> None:
        scale = _SCALES[regime][0]
        self.regime = regime
        self.heats = tuple([max(1, _BURSTS[byte & 15] * scale // 16) for byte in digest[:_SPAN]])


class Walk:
    """The logarithm of a price around its level of zero, minute by minute, without a beginning."""

    def __init__(self, seed: int, name: str, deviation: int) -> None:
        self._deviation = deviation
        self._steps = tuple(Noise(seed, f"{name}/{level}") for level in range(_TOP + 1))
        self._anchors = Noise(seed, f"{name}/anchor")
        self._weather = Noise(seed, f"{name}/regime")
        self._bursts = Noise(seed, f"{name}/burst")
        # Few are needed at once: a scan in order uses one of each level.
        self._points = (
            Memo(self._minutes, 256),
            Memo(self._quarters, 64),
            Memo(self._days, 64),
            Memo(lambda index: self._long(3, index), 64),
            Memo(lambda index: self._long(_TOP, index), 64),
        )
        self._regimes = Memo(self._regimes_of, 64)
        self._cells = Memo(self._cell_of, 64)

    def points(self, block: int) -> tuple[int, ...]:
        """The 17 values at the edges of the 16 minutes of a block; its last is the next one's first."""
        return self._points[0](block)

    def heat(self, block: int) -> int:
        """How volatile the 16 minutes of a block are, in sixteenths of the ordinary."""
        return self._cells(block >> 4).heats[block & 15]

    def regime(self, block: int) -> Regime:
        """What the market is doing in the 16 minutes of a block."""
        return self._cells(block >> 4).regime

    def _ends(self, level: int, index: int) -> tuple[int, int]:
        if level == _TOP:
            return self._anchor(index), self._anchor(index + 1)
        above = self._points[level + 1](index >> 4)
        return above[index & 15], above[(index & 15) + 1]

    def _anchor(self, index: int) -> int:
        return bell(self._anchors.digest(index))[0] * self._deviation * _ANCHOR // _DEVIATION

    def _draws(self, level: int, index: int, scale: int) -> list[int]:
        size = self._deviation * scale * 4**level
        return [draw * size // (_DEVIATION * 16) for draw in bell(self._steps[level].digest(index))]

    def _long(self, level: int, index: int) -> tuple[int, ...]:
        return bridge(*self._ends(level, index), self._draws(level, index, _DAMPING[level]))

    def _regimes_of(self, index: int) -> tuple[tuple[Regime, int], ...]:
        """The regime and the direction of each 256 minutes of a block of 4,096."""
        digest = self._weather.digest(index)
        found: list[tuple[Regime, int]] = []
        for place in range(_SPAN):
            changes, choice, way = digest[3 * place : 3 * place + 3]
            if place == 0 or changes < _CHANGE:
                found.append((_CHOICES[choice & 15], 1 if way & 1 else -1))
            else:
                found.append(found[-1])
        return tuple(found)

    def _cell_of(self, index: int) -> Cell:
        return Cell(self._regimes(index >> 4)[index & 15][0], self._bursts.digest(index))

    def _days(self, index: int) -> tuple[int, ...]:
        drift = _DRIFT * self._deviation
        draws = self._draws(2, index, _DAMPING[2])
        steps = [
            step * _SCALES[regime][2] // 16 + (way * drift if regime is Regime.TREND else 0)
            for step, (regime, way) in zip(draws, self._regimes(index), strict=True)
        ]
        return bridge(*self._ends(2, index), steps)

    def _quarters(self, index: int) -> tuple[int, ...]:
        return bridge(*self._ends(1, index), self._draws(1, index, _SCALES[self._cells(index).regime][1]))

    def _minutes(self, index: int) -> tuple[int, ...]:
        return bridge(*self._ends(0, index), self._draws(0, index, self.heat(index)))


_FRACTION: Final = 40
_TABLE_BITS: Final = 10
_REST_BITS: Final = 32 - _TABLE_BITS


def _powers() -> tuple[int, ...]:
    """2**(i/1024) for i from 0 to 1024 as fixed-point numbers, from integer square roots alone."""
    one = 1 << 60
    powers, root = [one], 2 * one
    for _ in range(_TABLE_BITS):
        root = isqrt(root << 60)
        powers = [power * factor >> 60 for power in powers for factor in (one, root)]
    return tuple([power >> (60 - _FRACTION) for power in [*powers, 2 * one]])


_POWERS: Final = _powers()


def grown(level: int, octaves: int) -> int:
    """A positive level times 2 to the power of a walked logarithm, at least 1."""
    place = (octaves >> _REST_BITS) & ((1 << _TABLE_BITS) - 1)
    low = _POWERS[place]
    power = low + ((_POWERS[place + 1] - low) * (octaves & ((1 << _REST_BITS) - 1)) >> _REST_BITS)
    shift = _FRACTION - (octaves >> 32)
    return max(1, level * power >> shift if shift >= 0 else level * power << -shift)

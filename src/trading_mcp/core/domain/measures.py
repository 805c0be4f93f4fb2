"""What losses are measured against: day open, seven-day peak, all-time peak and the last half hour, per scope."""

from decimal import Decimal
from typing import Final

import msgspec

from trading_mcp.core.domain.market import DAY, MINUTE, SECOND
from trading_mcp.core.domain.money import ZERO

PEAK_DAYS: Final = 7
# Two valuations confirm each other only when the prices under them had time to be others.
CONFIRM_AFTER: Final = 5 * SECOND
# Marks come every minute; one that comes this soon after the last has missed nothing.
WATCHED: Final = 2 * MINUTE
# How far back a value still tells what a day opened with: a night, or for a market with sessions a long weekend.
OPENING_REACH: Final = DAY
SESSION_REACH: Final = 4 * DAY


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """The measuring points of one scope; a restart reads them back, a deposit or withdrawal moves them all."""

    day: str
    day_open: Decimal
    value: Decimal
    at: int
    high_water: Decimal
    peaks: tuple[tuple[int, Decimal], ...] = ()
    window: tuple[tuple[int, Decimal], ...] = ()
    paused_until: int = 0
    pauses: int = 0
    # Worked out once with every valuation, and read for every order; what is passed in is ignored.
    rolling_peak: Decimal = ZERO
    window_peak: Decimal = ZERO

    def __post_init__(self) -> None:
        """Find the highest value of the last seven days, and of the short window."""
        msgspec.structs.force_setattr(self, "rolling_peak", _highest(self.value, self.peaks))
        msgspec.structs.force_setattr(self, "window_peak", _highest(self.value, self.window))

    @property
    def day_loss(self) -> Decimal:
        """Return what was lost since the day opened; a gain is negative."""
        return self.day_open - self.value


def _highest(value: Decimal, points: tuple[tuple[int, Decimal], ...]) -> Decimal:
    for _, other in points:
        value = other if other > value else value  # noqa: FURB136 - max() costs as much as the whole loop
    return value


def first_measure(value: Decimal, at: int, day: str) -> Measure:
    """Begin to measure: everything so far is the value of now."""
    return Measure(
        day=day,
        day_open=value,
        value=value,
        at=at,
        high_water=value,
        peaks=((at // DAY, value),),
        window=((at // MINUTE, value),),
    )


def after_value(
    measure: Measure, value: Decimal, at: int, day: str, span: int, reach: int = OPENING_REACH
) -> Measure:
    """Fold one valuation; a new day resets what is measured, never what has latched."""
    today, minute = at // DAY, at // MINUTE
    is_new = day != measure.day
    return Measure(
        day=day,
        day_open=_opening(measure, value, at, reach) if is_new else measure.day_open,
        value=value,
        at=at,
        high_water=max(measure.high_water, value),
        peaks=_with_peak(measure.peaks, value, today, today - PEAK_DAYS + 1),
        window=_with_peak(measure.window, value, minute, (at - span) // MINUTE),
        paused_until=measure.paused_until,
        pauses=0 if is_new else measure.pauses,
    )


def _opening(before: Measure, value: Decimal, at: int, reach: int) -> Decimal:
    """Return what a new day opens with: the last value of the day before, as far as it still tells.

    A day that began unwatched opens with the higher of the values around the gap, so that a restart never lowers it.
    """
    gap = at - before.at
    if gap <= WATCHED:
        return before.value
    return max(before.value, value) if gap <= reach else value


def _with_peak(
    peaks: tuple[tuple[int, Decimal], ...], value: Decimal, now: int, oldest: int
) -> tuple[tuple[int, Decimal], ...]:
    """Keep one peak per span of time; after a clock that stepped back, what seems to come counts as now."""
    # The points stand in the order of time, so only the two ends can change.
    first, last = 0, len(peaks)
    while last and peaks[last - 1][0] >= now:
        last -= 1
        value = max(value, peaks[last][1])
    while first < last and peaks[first][0] < oldest:
        first += 1
    return (*peaks[first:last], (now, value))


def after_flow(measure: Measure, amount: Decimal) -> Measure:
    """Move every measuring point by a cash flow, so that money moved is neither a gain nor a loss."""
    return msgspec.structs.replace(
        measure,
        day_open=measure.day_open + amount,
        value=measure.value + amount,
        high_water=measure.high_water + amount,
        peaks=tuple((day, peak + amount) for day, peak in measure.peaks),
        window=tuple((minute, value + amount) for minute, value in measure.window),
    )


def after_pause(measure: Measure, until: int) -> Measure:
    """Pause after a fast loss; afterwards the window starts afresh."""
    return msgspec.structs.replace(
        measure,
        paused_until=until,
        pauses=measure.pauses + 1,
        window=((measure.at // MINUTE, measure.value),),
    )


def drawdown(peak: Decimal, value: Decimal) -> Decimal:
    """Return how far a value stands below its peak."""
    return peak - value if peak > value else ZERO

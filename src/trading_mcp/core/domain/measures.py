"""What losses are measured against: day open, seven-day peak, all-time peak and the last half hour, per scope."""

from decimal import Decimal
from typing import Final

import msgspec

from trading_mcp.core.domain.market import DAY, MINUTE
from trading_mcp.core.domain.money import ZERO

PEAK_DAYS: Final = 7


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

    @property
    def day_loss(self) -> Decimal:
        """Return what was lost since the day opened; a gain is negative."""
        return self.day_open - self.value

    @property
    def rolling_peak(self) -> Decimal:
        """Return the highest value of the last seven days."""
        highest = self.value
        for _, peak in self.peaks:
            highest = peak if peak > highest else highest  # noqa: FURB136 - max() costs as much as the whole loop
        return highest

    @property
    def window_peak(self) -> Decimal:
        """Return the highest value inside the short window."""
        highest = self.value
        for _, value in self.window:
            highest = value if value > highest else highest  # noqa: FURB136 - as above
        return highest


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


def after_value(measure: Measure, value: Decimal, at: int, day: str, span: int) -> Measure:
    """Fold one valuation; a new day resets what is measured, never what has latched."""
    today, minute = at // DAY, at // MINUTE
    peaks = measure.peaks
    if peaks and peaks[-1][0] >= today:
        if value > peaks[-1][1]:
            peaks = (*peaks[:-1], (peaks[-1][0], value))
    else:
        peaks = (*(p for p in peaks if p[0] > today - PEAK_DAYS), (today, value))
    oldest = (at - span) // MINUTE
    window = (*(w for w in measure.window if oldest <= w[0] < minute), (minute, value))
    is_new = day != measure.day
    return Measure(
        day=day,
        # The first value of a day is its opening: the last one of the day before, if that was a minute ago.
        day_open=measure.value if is_new and at - measure.at <= 2 * MINUTE else value if is_new else measure.day_open,
        value=value,
        at=at,
        high_water=max(measure.high_water, value),
        peaks=peaks,
        window=window,
        paused_until=measure.paused_until,
        pauses=0 if is_new else measure.pauses,
    )


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

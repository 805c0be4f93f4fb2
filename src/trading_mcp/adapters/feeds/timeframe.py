"""The timeframes candles come in, and which of their spans have ended."""

from typing import Final

from trading_mcp.core.domain.market import MINUTE

MINUTES: Final = {"1m": 1, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240, "1d": 1440}


def minutes_of(timeframe: str) -> int:
    """The length of a timeframe; an unknown one is an error that names the known ones."""
    if timeframe not in MINUTES:
        raise ValueError(f"{timeframe!r} is not a timeframe: choose one of {', '.join(MINUTES)}")
    return MINUTES[timeframe]


def last_ended(now: int, width: int) -> int:
    """The minute since the epoch at which the newest ended span of that many minutes ends."""
    minute = now // MINUTE
    return minute - minute % width

"""When the New York stock market trades: summer time, holidays and early closes, computed by rule."""

from datetime import date
from functools import lru_cache
from typing import Final

import msgspec

from trading_mcp.core.domain.market import DAY, HOUR, MINUTE, Market, Session

_EPOCH: Final = date(1970, 1, 1).toordinal()
# No session is longer and none begins sooner after another: the end of a day whose own close is not told yet.
_SESSION_MAX: Final = 16 * HOUR
_OPEN: Final = 9 * HOUR + 30 * MINUTE
_CLOSE: Final = 16 * HOUR
_CLOSE_EARLY: Final = 13 * HOUR
_MONDAY, _THURSDAY, _SATURDAY, _SUNDAY = 0, 3, 5, 6
_JUNETEENTH_SINCE: Final = 2022


class Hours(msgspec.Struct, frozen=True, kw_only=True):
    """One session: its date as an ordinal and its first and last moment (the last one no longer trades)."""

    day: int
    opens_at: int
    closes_at: int


class Year(msgspec.Struct, frozen=True, kw_only=True):
    """What a year does to the sessions: when summer time holds, and which days are off or short."""

    summer_from: int
    summer_until: int
    holidays: frozenset[int]
    early: frozenset[int]


def weekday(day: int) -> int:
    """The day of the week of an ordinal, Monday 0."""
    return (day - 1) % 7


def _nth(year: int, month: int, wanted: int, count: int) -> int:
    """The ordinal of the count-th given weekday of a month."""
    first = date(year, month, 1).toordinal()
    return first + (wanted - weekday(first)) % 7 + 7 * (count - 1)


def easter(year: int) -> int:
    """The ordinal of Easter Sunday, by the anonymous Gregorian computus."""
    golden, century, rest = year % 19, year // 100, year % 100
    moon = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    to_sunday = (32 + 2 * (century % 4) + 2 * (rest // 4) - moon - rest % 4) % 7
    late = (golden + 11 * moon + 22 * to_sunday) // 451
    month, day = divmod(moon + to_sunday - 7 * late + 114, 31)
    return date(year, month, day + 1).toordinal()


def _observed(year: int, month: int, day: int) -> int:
    """A holiday on a Saturday is kept on Friday, on a Sunday on Monday."""
    ordinal = date(year, month, day).toordinal()
    return ordinal + {_SATURDAY: -1, _SUNDAY: 1}.get(weekday(ordinal), 0)


@lru_cache(maxsize=64)
def year_of(year: int) -> Year:
    """The rules of the New York Stock Exchange for one year."""
    new_year = date(year, 1, 1).toordinal()
    thanksgiving = _nth(year, 11, _THURSDAY, 4)
    last_of_may = date(year, 5, 31).toordinal()
    holidays = {
        _nth(year, 1, _MONDAY, 3),
        _nth(year, 2, _MONDAY, 3),
        easter(year) - 2,
        last_of_may - weekday(last_of_may),
        _observed(year, 7, 4),
        _nth(year, 9, _MONDAY, 1),
        thanksgiving,
        _observed(year, 12, 25),
    }
    if weekday(new_year) != _SATURDAY:  # the exchange does not close on the last day of a year for it
        holidays.add(_observed(year, 1, 1))
    if year >= _JUNETEENTH_SINCE:
        holidays.add(_observed(year, 6, 19))
    eves = {thanksgiving + 1, date(year, 7, 3).toordinal(), date(year, 12, 24).toordinal()}
    return Year(
        # Clocks change at two in the morning, local time: seven o'clock UTC in spring, six in autumn.
        summer_from=(_nth(year, 3, _SUNDAY, 2) - _EPOCH) * DAY + 7 * HOUR,
        summer_until=(_nth(year, 11, _SUNDAY, 1) - _EPOCH) * DAY + 6 * HOUR,
        holidays=frozenset(holidays),
        early=frozenset(eves - holidays),
    )


def offset(at: int) -> int:
    """What New York adds to UTC at a moment, in microseconds."""
    rules = year_of(date.fromordinal(_EPOCH + at // DAY).year)
    return -4 * HOUR if rules.summer_from <= at < rules.summer_until else -5 * HOUR


def day_of(at: int) -> int:
    """The ordinal of the date New York writes at a moment."""
    return _EPOCH + (at + offset(at)) // DAY


@lru_cache(maxsize=1024)
def hours_of(day: int) -> Hours | None:
    """The session of a date, or None when there is none."""
    rules = year_of(date.fromordinal(day).year)
    if weekday(day) >= _SATURDAY or day in rules.holidays:
        return None
    noon = (day - _EPOCH) * DAY + 17 * HOUR
    midnight = (day - _EPOCH) * DAY - offset(noon)
    close = _CLOSE_EARLY if day in rules.early else _CLOSE
    return Hours(day=day, opens_at=midnight + _OPEN, closes_at=midnight + close)


def last_hours(at: int) -> Hours:
    """The newest session that has begun by a moment."""
    day = day_of(at)
    while (hours := hours_of(day)) is None or hours.opens_at > at:
        day -= 1
    return hours


def next_hours(at: int) -> Hours:
    """The first session that begins after a moment."""
    day = day_of(at)
    while (hours := hours_of(day)) is None or hours.opens_at <= at:
        day += 1
    return hours


def session(market: Market, at: int) -> Session:
    """Whether a market trades at a moment; crypto always does and calls its days by UTC."""
    return _session(market, at - at % MINUTE)


@lru_cache(maxsize=64)
def _session(market: Market, at: int) -> Session:
    """The same for the beginning of a minute: markets open, close and turn their day on one."""
    if market is Market.CRYPTO:
        return Session(market=market, is_open=True, day=date.fromordinal(_EPOCH + at // DAY).isoformat())
    day = date.fromordinal(day_of(at)).isoformat()
    last = last_hours(at)
    if at < last.closes_at:
        return Session(market=market, is_open=True, day=day, opens_at=last.opens_at, closes_at=last.closes_at)
    return Session(market=market, is_open=False, day=day, opens_at=next_hours(at).opens_at)


def day_ends(session: Session | None) -> int | None:
    """When an order for the day lapses: at this session's close, or at the next one's at the latest."""
    if session is None:
        return None
    if session.is_open or session.opens_at is None:
        return session.closes_at
    return session.opens_at + _SESSION_MAX

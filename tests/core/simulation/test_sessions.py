"""New York's sessions against the time zone database and the exchange's published calendar."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_mcp.core.domain.market import DAY, HOUR, MINUTE, SECOND, Market
from trading_mcp.core.simulation import sessions

ZONE = ZoneInfo("America/New_York")


def micros(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp()) * SECOND


@given(st.datetimes(datetime(2008, 1, 1), datetime(2045, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001
def test_new_york_time_is_what_the_database_says(moment: datetime) -> None:
    offset = moment.astimezone(ZONE).utcoffset()
    assert offset == timedelta(microseconds=sessions.offset(int(moment.timestamp()) * SECOND))


# https://www.nyse.com/markets/hours-calendars, as published.
HOLIDAYS = {
    2022: "01-17 02-21 04-15 05-30 06-20 07-04 09-05 11-24 12-26",
    2023: "01-02 01-16 02-20 04-07 05-29 06-19 07-04 09-04 11-23 12-25",
    2024: "01-01 01-15 02-19 03-29 05-27 06-19 07-04 09-02 11-28 12-25",
    2025: "01-01 01-20 02-17 04-18 05-26 06-19 07-04 09-01 11-27 12-25",
    2026: "01-01 01-19 02-16 04-03 05-25 06-19 07-03 09-07 11-26 12-25",
    2027: "01-01 01-18 02-15 03-26 05-31 06-18 07-05 09-06 11-25 12-24",
}
EARLY = {
    2023: "07-03 11-24",
    2024: "07-03 11-29 12-24",
    2025: "07-03 11-28 12-24",
    2026: "11-27 12-24",
    2027: "11-26",
}


@pytest.mark.parametrize("year", HOLIDAYS)
def test_holidays_are_the_published_ones(year: int) -> None:
    days = [date(year, 1, 1) + timedelta(days=number) for number in range(365)]
    closed = [day for day in days if day.weekday() < 5 and sessions.hours_of(day.toordinal()) is None]
    assert [day.strftime("%m-%d") for day in closed] == HOLIDAYS[year].split()


@pytest.mark.parametrize("year", EARLY)
def test_early_closes_are_the_published_ones(year: int) -> None:
    first = date(year, 1, 1).toordinal()
    hours = [found for day in range(first, first + 365) if (found := sessions.hours_of(day)) is not None]
    short = [found for found in hours if found.closes_at - found.opens_at == 210 * MINUTE]
    assert [date.fromordinal(found.day).strftime("%m-%d") for found in short] == EARLY[year].split()
    assert all(found.closes_at - found.opens_at == 390 * MINUTE for found in hours if found not in short)


def test_juneteenth_was_a_day_like_others_before_2022() -> None:
    assert sessions.hours_of(date(2020, 6, 19).toordinal()) is not None


@pytest.mark.parametrize(
    ("moment", "is_open", "day", "opens", "closes"),
    [
        ("2026-11-20T09:29:59", False, "2026-11-20", "2026-11-20T09:30", None),
        ("2026-11-20T09:30:00", True, "2026-11-20", "2026-11-20T09:30", "2026-11-20T16:00"),
        ("2026-11-20T15:59:59", True, "2026-11-20", "2026-11-20T09:30", "2026-11-20T16:00"),
        ("2026-11-20T16:00:00", False, "2026-11-20", "2026-11-23T09:30", None),
        ("2026-11-22T12:00:00", False, "2026-11-22", "2026-11-23T09:30", None),
        ("2026-11-25T20:00:00", False, "2026-11-25", "2026-11-27T09:30", None),
        ("2026-11-27T12:59:00", True, "2026-11-27", "2026-11-27T09:30", "2026-11-27T13:00"),
        ("2026-03-06T21:00:00", False, "2026-03-06", "2026-03-09T09:30", None),
        ("2026-07-01T10:00:00", True, "2026-07-01", "2026-07-01T09:30", "2026-07-01T16:00"),
    ],
)
def test_a_session_says_when_it_changes(moment: str, is_open: bool, day: str, opens: str, closes: str | None) -> None:
    session = sessions.session(Market.STOCKS, micros(moment))
    assert (session.is_open, session.day) == (is_open, day)
    assert session.opens_at == micros(opens)
    assert session.closes_at == (None if closes is None else micros(closes))


def test_crypto_never_closes_and_its_day_is_utc() -> None:
    session = sessions.session(Market.CRYPTO, 20_000 * DAY + 23 * HOUR)
    assert (session.is_open, session.day, session.closes_at) == (True, "2024-10-04", None)


@given(st.integers(1_200_000_000, 2_400_000_000))
def test_the_last_session_began_and_the_next_did_not(seconds: int) -> None:
    at = seconds * SECOND
    last, following = sessions.last_hours(at), sessions.next_hours(at)
    assert last.opens_at <= at < following.opens_at
    assert sessions.next_hours(last.opens_at) == following

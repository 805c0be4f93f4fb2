"""What losses are measured against: day rolls, cash flows, peaks, the short window and pauses."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.domain.making import NOON
from trading_mcp.core.domain.market import DAY, HOUR, MINUTE, SECOND
from trading_mcp.core.domain.measures import (
    OPENING_REACH,
    SESSION_REACH,
    WATCHED,
    Measure,
    after_flow,
    after_pause,
    after_value,
    drawdown,
    first_measure,
)
from trading_mcp.core.domain.money import exactly

D = Decimal
SPAN = 30 * MINUTE


def walked(*steps: tuple[int, str, str]) -> Measure:
    """Fold values given as (moment after noon, day, value)."""
    (at, day, value), *rest = steps
    measure = first_measure(D(value), NOON + at, day)
    with exactly():
        for at, day, value in rest:
            measure = after_value(measure, D(value), NOON + at, day, SPAN)
    return measure


def test_measuring_begins_with_the_value_of_now() -> None:
    measure = walked((0, "1", "100"))
    assert (measure.day_open, measure.value, measure.high_water) == (D(100), D(100), D(100))
    assert (measure.rolling_peak, measure.window_peak, measure.day_loss) == (D(100), D(100), D(0))
    assert measure.peaks == ((NOON // DAY, D(100)),)
    assert measure.window == ((NOON // MINUTE, D(100)),)
    assert (measure.at, measure.pauses, measure.paused_until) == (NOON, 0, 0)


def test_a_measure_without_points_is_its_value() -> None:
    bare = Measure(day="1", day_open=D(1), value=D(5), at=0, high_water=D(9))
    assert bare.rolling_peak == bare.window_peak == D(5)


def test_a_day_keeps_its_opening_and_a_loss_is_measured_from_it() -> None:
    measure = walked((0, "1", "100"), (MINUTE, "1", "120"), (2 * MINUTE, "1", "95"))
    assert (measure.day_open, measure.value, measure.day_loss) == (D(100), D(95), D(5))
    assert measure.high_water == D(120)
    assert measure.at == NOON + 2 * MINUTE


@pytest.mark.parametrize(
    ("gap", "before", "now", "opening"),
    [
        (MINUTE, "100", "90", "100"),
        (MINUTE, "100", "110", "100"),
        (WATCHED, "100", "110", "100"),
        # Nobody watched the day begin: a restart never lowers what it opened with.
        (WATCHED + 1, "100", "110", "110"),
        (WATCHED + 1, "100", "90", "100"),
        (OPENING_REACH, "100", "90", "100"),
        # After more than a day away what was known tells nothing about today.
        (OPENING_REACH + 1, "100", "90", "90"),
        (OPENING_REACH + 1, "100", "110", "110"),
        # A clock that stepped back lies within reach, too.
        (-HOUR, "100", "90", "100"),
    ],
)
def test_a_new_day_opens_with_what_was_known_before(gap: int, before: str, now: str, opening: str) -> None:
    measure = walked((0, "1", before), (gap, "2", now))
    assert measure.day_open == D(opening)
    assert (measure.day, measure.value) == ("2", D(now))


def test_a_session_opens_with_the_prior_close_even_after_a_long_weekend() -> None:
    with exactly():
        measure = first_measure(D(100), NOON, "fri")
        monday = after_value(measure, D(90), NOON + SESSION_REACH, "tue", SPAN, SESSION_REACH)
        later = after_value(measure, D(90), NOON + SESSION_REACH + 1, "tue", SPAN, SESSION_REACH)
    assert monday.day_open == D(100)
    assert later.day_open == D(90)


def test_a_restart_within_a_day_never_rebases_it() -> None:
    assert walked((0, "1", "100"), (11 * HOUR, "1", "80")).day_loss == D(20)


def test_a_new_day_resets_pauses_and_no_peak() -> None:
    paused = after_pause(walked((0, "1", "100")), NOON + 15 * MINUTE)
    with exactly():
        same = after_value(paused, D(90), NOON + MINUTE, "1", SPAN)
        new = after_value(paused, D(90), NOON + MINUTE, "2", SPAN)
    assert (same.pauses, new.pauses) == (1, 0)
    assert same.paused_until == new.paused_until == NOON + 15 * MINUTE
    assert new.rolling_peak == new.high_water == new.window_peak == D(100)


def test_the_rolling_peak_is_of_seven_days_and_the_high_water_of_all() -> None:
    steps = [(0, "0", "200"), *((day * DAY, str(day), str(100 + day)) for day in range(1, 7))]
    assert walked(*steps).rolling_peak == D(200)
    week = walked(*steps, (7 * DAY, "7", "50"))
    assert week.rolling_peak == D(106)
    assert week.high_water == D(200)
    assert len(week.peaks) == 7
    assert len(walked(*((day * DAY, str(day), "1") for day in range(40))).peaks) == 7


def test_the_highest_of_a_day_is_its_peak() -> None:
    measure = walked((0, "1", "100"), (MINUTE, "1", "130"), (2 * MINUTE, "1", "120"))
    assert measure.peaks == ((NOON // DAY, D(130)),)


def test_a_peak_inside_a_minute_is_not_lost_to_the_end_of_that_minute() -> None:
    measure = walked((0, "1", "100"), (20 * SECOND, "1", "150"), (40 * SECOND, "1", "90"))
    assert measure.window == ((NOON // MINUTE, D(150)),)


def test_the_window_forgets_what_is_older_than_its_span() -> None:
    steps = [(minute * MINUTE, "1", str(200 - minute)) for minute in range(31)]
    assert walked(*steps).window_peak == D(200)
    assert walked(*steps, (31 * MINUTE, "1", "1")).window_peak == D(199)
    assert len(walked(*((minute * MINUTE, "1", "1") for minute in range(200))).window) == 31


def test_the_window_covers_the_whole_of_its_first_minute() -> None:
    # Half past: the minute in which the window begins counts in full.
    measure = walked((10 * SECOND, "1", "100"), (SPAN + 50 * SECOND, "1", "90"))
    assert measure.window_peak == D(100)
    assert after_pause(measure, 0).window == (((NOON + SPAN) // MINUTE, D(90)),)


def test_a_clock_that_steps_back_forgets_no_peak_and_keeps_none_for_ever() -> None:
    ahead = walked((0, "1", "100"), (365 * DAY, "2", "150"), (MINUTE, "3", "90"))
    assert ahead.peaks == ((NOON // DAY, D(150)),)
    assert ahead.window == (((NOON + MINUTE) // MINUTE, D(150)),)
    with exactly():
        later = after_value(ahead, D(90), NOON + 8 * DAY, "4", SPAN)
    assert later.rolling_peak == later.window_peak == D(90)


def test_money_moved_is_neither_gain_nor_loss() -> None:
    before = walked((0, "1", "100"), (MINUTE, "1", "120"), (2 * MINUTE, "1", "110"))
    with exactly():
        after = after_flow(before, D(-50))
        assert after.day_loss == before.day_loss
        assert (after.day_open, after.value, after.high_water) == (D(50), D(60), D(70))
        assert (after.rolling_peak, after.window_peak) == (D(70), D(70))
        assert [moment for moment, _ in after.window] == [moment for moment, _ in before.window]
        assert drawdown(after.rolling_peak, after.value) == drawdown(before.rolling_peak, before.value)
        assert after_flow(after, D(50)) == before


def test_a_pause_starts_the_window_afresh_and_counts() -> None:
    before = walked((0, "1", "100"), (MINUTE, "1", "90"))
    paused = after_pause(before, NOON + 16 * MINUTE)
    assert paused.window == (((NOON + MINUTE) // MINUTE, D(90)),)
    assert (paused.paused_until, paused.pauses) == (NOON + 16 * MINUTE, 1)
    assert (paused.day_open, paused.rolling_peak, paused.high_water) == (D(100), D(100), D(100))
    assert after_pause(paused, NOON + 20 * MINUTE).pauses == 2
    with exactly():
        # What is lost during the pause is measured from its beginning, not forgiven.
        later = after_value(paused, D(80), NOON + 17 * MINUTE, "1", SPAN)
    assert later.window_peak == D(90)


@pytest.mark.parametrize(("peak", "value", "down"), [("10", "7", "3"), ("10", "10", "0"), ("10", "11", "0")])
def test_a_drawdown_is_never_negative(peak: str, value: str, down: str) -> None:
    assert drawdown(D(peak), D(value)) == D(down)


values = st.lists(st.tuples(st.integers(0, 3 * HOUR), st.integers(-1000, 1000)), min_size=1, max_size=40)


@given(values)
def test_the_window_peak_is_the_highest_of_all_that_it_covers(steps: list[tuple[int, int]]) -> None:
    """Against a plain list of everything that was ever seen."""
    seen: list[tuple[int, Decimal]] = []
    measure, at = None, NOON
    with exactly():
        for gap, number in steps:
            at += gap
            seen.append((at, D(number)))
            measure = (
                first_measure(D(number), at, "1")
                if measure is None
                else after_value(measure, D(number), at, "1", SPAN)
            )
    assert measure is not None
    covered = [value for moment, value in seen if moment // MINUTE >= (at - SPAN) // MINUTE]
    assert measure.window_peak == max(covered)
    week = [value for moment, value in seen if moment // DAY > at // DAY - 7]
    assert measure.rolling_peak == max(week)
    assert measure.high_water == max(value for _, value in seen)

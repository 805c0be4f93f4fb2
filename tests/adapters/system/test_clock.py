"""The machine's clocks run, and the test's stands still until it is moved."""

import time

import pytest

from trading_mcp.adapters.system.clock import SystemClock, VirtualClock


def test_the_system_clock_tells_microseconds_since_the_epoch() -> None:
    before = time.time()
    assert before - 1 < SystemClock().now() / 1_000_000 < before + 60


def test_the_forward_clock_never_runs_back() -> None:
    clock = SystemClock()
    readings = [clock.boot() for _ in range(100)]
    assert readings == sorted(readings)
    assert readings[0] > 0


def test_a_virtual_clock_stands_still_until_time_passes() -> None:
    clock = VirtualClock(now=1_000, boot=50)
    assert (clock.now(), clock.boot(), clock.now()) == (1_000, 50, 1_000)
    assert clock.advance(7) == 1_007
    assert (clock.now(), clock.boot()) == (1_007, 57)


def test_setting_the_wall_clock_lets_no_time_pass() -> None:
    clock = VirtualClock(now=1_000, boot=50)
    clock.set_wall(10)
    assert (clock.now(), clock.boot()) == (10, 50)


def test_time_does_not_pass_backwards() -> None:
    with pytest.raises(ValueError, match="backwards"):
        VirtualClock(now=1_000).advance(-1)

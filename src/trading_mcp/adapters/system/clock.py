"""The two clocks of a machine, the wall's and the one that only runs forward, and one that a test moves."""

import time
from typing import Final

# The wall's clock is set and skewed by others. Spans are measured on one that never is and goes on during
# sleep: BOOTTIME on Linux, which macOS calls MONOTONIC.
_FORWARD: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """The clock of this machine."""

    def now(self) -> int:
        """Microseconds since the epoch, UTC."""
        return time.time_ns() // 1000

    def boot(self) -> int:
        """Microseconds since the machine started, its sleep included."""
        return time.clock_gettime_ns(_FORWARD) // 1000


class VirtualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: int, boot: int = 0) -> None:
        self._now = now
        self._boot = boot

    def now(self) -> int:
        return self._now

    def boot(self) -> int:
        return self._boot

    def advance(self, microseconds: int) -> int:
        """Let time pass, and say what time it is then; it never passes backwards."""
        if microseconds < 0:
            raise ValueError("time does not pass backwards: use `set_wall` to set the clock on the wall")
        self._now += microseconds
        self._boot += microseconds
        return self._now

    def set_wall(self, now: int) -> None:
        """Set the clock on the wall, as a person or a time server does: no time passes."""
        self._now = now

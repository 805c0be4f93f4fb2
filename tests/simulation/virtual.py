"""An event loop on which no time is spent: it jumps to the next timer, so that a simulated day runs in seconds."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Jumping(selectors.SelectSelector):
    """A selector that never waits: what it would have waited is added to the loop's time."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout > 0:
            self.passed += timeout
        if timeout is None:
            raise RuntimeError("every task waits for something that no timer will bring")
        # With nothing to hear but the loop's own pipe, the system need not be asked whether somebody said anything.
        return super().select(0) if len(self.get_map()) > 1 else []


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose clock is its own; sleeping and timing out work unchanged and cost nothing."""

    def __init__(self, selector: Jumping | None = None) -> None:
        self._jumping = selector or Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.passed


class LoopClock:
    """The Clock port on a virtual loop; `shift` steps the wall clock alone, as an operator would."""

    def __init__(self, loop: VirtualLoop, start: int) -> None:
        self._loop = loop
        self._start = start
        self.shift = 0

    def now(self) -> int:
        return self._start + self.shift + round(self._loop.time() * 1_000_000)

    def boot(self) -> int:
        return round(self._loop.time() * 1_000_000)


def run(loop: VirtualLoop, work: Coroutine[Any, Any, T]) -> T:
    """Run to the end on a virtual loop, and leave nothing behind."""
    try:
        return loop.run_until_complete(work)
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

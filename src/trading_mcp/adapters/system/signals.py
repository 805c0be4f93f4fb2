"""What the system's signals mean to a desk: stop in good order, or stop trading now."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Generator


@contextlib.contextmanager
def signals(*, stop: Callable[[str], None], kill: Callable[[], None]) -> Generator[None]:
    """While inside: SIGTERM and SIGINT call `stop` with their name, from the loop; SIGUSR1 calls `kill`, at once.

    `kill` does not wait for the loop, which may hang: it must be quick and set what is looked at before every
    write. For the main thread, with a running loop.
    """
    loop = asyncio.get_running_loop()
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)}
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop, each.name)
    signal.signal(signal.SIGUSR1, lambda _number, _frame: kill())
    try:
        yield
    finally:
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(each)
        for each, handler in before.items():
            signal.signal(each, handler)


def leave_terminal() -> None:
    """Belong to no terminal and hold no folder, so that nothing that closes takes a detached desk along."""
    with contextlib.suppress(PermissionError):  # who started us did it already
        os.setsid()
    os.chdir("/")

"""The notifier of a desk: the log at once, every way out soon, and nothing that fails or hangs holds anybody up."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Final

from trading_mcp.adapters.alerts.pending import Message, Pending
from trading_mcp.adapters.alerts.ways import Way

CLOSE_WITHIN: Final = 3.0
_LOG: Final = logging.getLogger("trading_mcp.owner")


class Outbox:
    """Each way out has a thread of its own, so that one that hangs delays no other."""

    def __init__(
        self, ways: Iterable[Way], failed: Callable[[str], None], *, sender: str = "", footer: Callable[[], str]
    ) -> None:
        self._lanes = [_Lane(way, sender, footer, failed) for way in ways]

    def notify(self, subject: str, text: str, *, is_urgent: bool = False) -> None:
        """Log a notice, and let it wait on every way out."""
        _LOG.warning("%s: %s", subject, text)
        for lane in self._lanes:
            lane.add(subject, text, is_urgent=is_urgent)

    def close(self) -> None:
        """Send what waits, and wait a moment for it; what hangs is left behind."""
        deadline = time.monotonic() + CLOSE_WITHIN
        for lane in self._lanes:
            lane.end()
        for lane in self._lanes:
            lane.join(max(0.0, deadline - time.monotonic()))


class _Lane:
    """What waits on one way out, and the thread that sends it."""

    def __init__(self, way: Way, sender: str, footer: Callable[[], str], failed: Callable[[str], None]) -> None:
        self._way = way
        self._sender = sender
        self._footer = footer
        self._failed = failed
        self._pending = Pending()
        self._turn = threading.Condition()
        self._is_ending = False
        self._is_failing = False
        self._thread = threading.Thread(target=self._run, name=f"alerts {way.name}", daemon=True)
        self._thread.start()

    def add(self, subject: str, text: str, *, is_urgent: bool) -> None:
        with self._turn:
            self._pending.add(subject, text, time.monotonic(), is_urgent=is_urgent)
            self._turn.notify()

    def end(self) -> None:
        with self._turn:
            self._is_ending = True
            self._turn.notify()

    def join(self, patience: float) -> None:
        self._thread.join(patience)

    def _run(self) -> None:
        while (message := self._next()) is not None:
            self._send(message)

    def _next(self) -> Message | None:
        """Wait until a message may go; at the end what waits goes at once, and then nothing."""
        with self._turn:
            while True:
                due = self._pending.due_in(time.monotonic())
                if due is None and self._is_ending:
                    return None
                if due is not None and (self._is_ending or due <= 0):
                    return self._pending.take(time.monotonic())
                self._turn.wait(due)

    def _send(self, message: Message) -> None:
        try:
            reason = self._way.send(Message(f"{self._sender}{message.title}", f"{message.body}\n{self._footer()}"))
        except Exception as error:  # noqa: BLE001 - whatever a way out does, the next message is tried
            reason = f"it failed with {type(error).__name__}"
        if reason and not self._is_failing:
            said = f"By {self._way.name}: {reason}."
            _LOG.warning("a notice did not go out. %s", said)
            self._failed(said)
        self._is_failing = bool(reason)

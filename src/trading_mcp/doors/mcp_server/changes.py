"""What is worth reading again: the book compared with itself, told to whoever watches and delaying nothing.

A notice says that a resource changed, never how. So it needs no queue: a client that is slow is told once of what
changed many times, and one that does not listen at all holds nothing up but its own notices.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Final
from urllib.parse import quote

from mcp.shared.subscriptions import ResourceUpdated, ServerEvent

from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.events import AnyEvent
from trading_mcp.desk.desk import Desk
from trading_mcp.doors.mcp_server.resources import POLICY, POSITIONS, PROPOSAL, STATUS

# The shortest time between two notices of one resource: many changes in it are one.
PAUSE: Final = 0.5

Listener = Callable[[ServerEvent], None]
Parts = Callable[[Book], tuple[object, ...]]

_OF_STATUS: Final[Parts] = attrgetter(
    "latches", "working", "proposals", "algorithms", "reconciled", "suspended_at", "approver", "portfolio.positions"
)
_OF_POSITIONS: Final[Parts] = attrgetter("portfolio.positions", "portfolio.cash", "protections", "closings")


def changed(before: Book, after: Book) -> Iterator[str]:
    """Yield the addresses whose content differs, other than by the time and by prices."""
    if _differ(_OF_STATUS(before), _OF_STATUS(after)):
        yield STATUS
    if before.policy is not after.policy:
        yield POLICY
    if _differ(_OF_POSITIONS(before), _OF_POSITIONS(after)):
        yield POSITIONS
    if before.proposals is not after.proposals or before.changes is not after.changes:
        waited, waits = _waiting(before), _waiting(after)
        for name in sorted(waited.keys() | waits.keys()):
            if waited.get(name) is not waits.get(name):
                # A client may write an id with or without escapes, and each is told in its own spelling.
                yield from dict.fromkeys((f"{PROPOSAL}{name}", f"{PROPOSAL}{quote(name, safe='')}"))


def _differ(before: Sequence[object], after: Sequence[object]) -> bool:
    # Folding replaces what it touches and nothing else, so that what is the same is the same object.
    return any(old is not new for old, new in zip(before, after, strict=True))


def _waiting(book: Book) -> dict[str, object]:
    return {**book.proposals, **book.changes}


class Changes:
    """Watches the desk while anybody listens; is the bus from which the SDK serves `subscriptions/listen`."""

    def __init__(self, desk: Desk, pause: float = PAUSE) -> None:
        self._desk = desk
        self._pause = pause
        self._seen = desk.book
        self._listeners: dict[object, Listener] = {}
        self._timer: asyncio.TimerHandle | None = None

    def happened(self, _: tuple[AnyEvent, ...]) -> None:
        """Learn that something was recorded; whatever follows from it waits until the desk has turned."""
        if self._listeners and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._pause, self._look)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Tell a listener of every change from here on; it must neither wait nor raise."""
        if not self._listeners:
            self._seen = self._desk.book
        token = object()
        self._listeners[token] = listener

        def unsubscribe() -> None:
            self._listeners.pop(token, None)

        return unsubscribe

    async def publish(self, event: ServerEvent) -> None:
        """Tell everybody who listens of one change."""
        self._tell(event)

    def close(self) -> None:
        """Tell nobody anything any more."""
        self._listeners.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self._timer = None
        before, self._seen = self._seen, self._desk.book
        for uri in changed(before, self._seen):
            self._tell(ResourceUpdated(uri=uri))

    def _tell(self, event: ServerEvent) -> None:
        for listener in tuple(self._listeners.values()):
            listener(event)

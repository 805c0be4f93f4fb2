"""The HTTP door of a desk: only where it was asked for, on the loopback address, and never beside real money."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from trading_mcp.adapters.system.clock import SystemClock
from trading_mcp.adapters.system.tokens import Token, Tokens, told_of
from trading_mcp.bootstrap.homes import Opened
from trading_mcp.core.domain import home as domain
from trading_mcp.core.domain.home import Mode
from trading_mcp.errors import DoorUnusable
from trading_mcp.place import Place

if TYPE_CHECKING:
    from trading_mcp.doors.mcp_server.door import McpDoor
    from trading_mcp.doors.mcp_server.http import HttpDoor


def tokens_of(home: Opened) -> Tokens:
    """Return who may come in."""
    return Tokens(home.folder.path, SystemClock())


def listening(home: Opened, place: Place, port: int) -> socket.socket:
    """Return the socket of the door, or say in a sentence why there is none."""
    require_allowed(home.book.home.mode, place)
    if not tokens_of(home).all():
        raise DoorUnusable(
            f"Home {place} has no token yet, so nobody could come in by HTTP.",
            f"Make one: {place.command('token new NAME --role reader')}",
        )
    # With its protocol named, without which asyncio lets each answer wait for 40 ms for the one before it.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # A port that the desk before this one has just left is free; one that somebody listens on is not.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(64)
    except OSError as error:
        listener.close()
        is_taken = error.errno == errno.EADDRINUSE
        raise DoorUnusable(
            f"Port {port} is {'in use by another program' if is_taken else f'not to be had: {error.strerror}'}.",
            f"Choose another: {place.command('desk --http --port 0')} takes any that is free.",
        ) from error
    return listener


def require_allowed(mode: Mode, place: Place) -> None:
    """Refuse the door where money is real: a token is a file's secret, and a socket's user is the system's word."""
    if mode is Mode.LIVE:
        raise DoorUnusable(
            f"Home {place} is LIVE, and a LIVE desk opens no HTTP door.",
            f"Let assistants start the program itself: {place.command('setup --client print')}",
        )


class OnRecord:
    """Knows only tokens that are on record: one that comes and goes between two looks at the file opens nothing."""

    def __init__(self, tokens: Tokens, is_recorded: Callable[[domain.Token], bool]) -> None:
        self._tokens = tokens
        self._is_recorded = is_recorded

    def holder(self, secret: str) -> Token | None:
        """Return whose token that is, if it is one."""
        found = self._tokens.holder(secret)
        if found is not None and not self._is_recorded(told_of(found)):
            raise DoorUnusable(f"The token of {found.name} could not be put on record.", "Run `trading-mcp doctor`.")
        return found


def http_door(
    assistants: McpDoor, home: Opened, listener: socket.socket, is_recorded: Callable[[domain.Token], bool]
) -> HttpDoor:
    """Return the door, which is loaded here and nowhere else."""
    from trading_mcp.doors.mcp_server.http import HttpDoor  # noqa: PLC0415 - only when asked for

    return HttpDoor(assistants, OnRecord(tokens_of(home), is_recorded), listener)

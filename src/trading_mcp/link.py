"""How a desk is spoken to: its socket, one JSON object a line, and the first lines of both ends."""

from __future__ import annotations

import json
import os
import socket
import stat
import struct
import sys
import time

from trading_mcp import __version__
from trading_mcp.errors import (
    DeskForeign,
    DeskMissing,
    DeskOther,
    HomeUnsafe,
    HomeUnusable,
    LinkBroken,
    LinkRefused,
    TradingMcpError,
)
from trading_mcp.place import (
    MODES,
    Place,
    require_private,
    require_reachable,
    shown,
    socket_path,
)

# The bridge imports this at every start: tests/test_link.py lists what may be loaded.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio.trsock import TransportSocket
    from collections.abc import Mapping

PROTOCOL = 1
KINDS = ("mcp", "cli")
LINE_MAX = 1024 * 1024
CLIENT_MAX = 200
ANSWER_WITHIN = 5.0

_AGREED = "Use a client of the desk's own version: trading-mcp --version."


class Fields(dict[str, object]):
    """One JSON object as it came, each name said once."""


class Hello:
    """The client's first line."""

    __slots__ = ("client", "flags", "kind")

    def __init__(self, kind: str, client: str, flags: Mapping[str, object]) -> None:
        self.kind = kind
        self.client = client
        self.flags = flags


class Welcome:
    """The desk's first line."""

    __slots__ = ("desk", "home", "mode")

    def __init__(self, desk: str, home: str, mode: str) -> None:
        self.desk = desk
        self.home = home
        self.mode = mode


def listen(place: Place) -> socket.socket:
    """Open the desk's socket. Only for the holder of the home's lock: what stands there is taken for a dead one."""
    path = socket_path(place)
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        require_private(os.path.dirname(path))
        _clear_away(path)
        listener = socket.socket(socket.AF_UNIX)
        try:
            listener.bind(path)
            # Nobody is let in before `listen`, so there is no moment in between.
            os.chmod(path, 0o600)
            listener.listen(64)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise HomeUnusable(
            f"The desk's socket {shown(path)} cannot be opened: {error.strerror}.", "Put the home on a local disk."
        ) from error
    return listener


def _clear_away(path: str) -> None:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise HomeUnsafe(f"{shown(path)} is no socket.", "Look what it is and move it away.")
    os.unlink(path)


def peer_uid(connection: socket.socket | TransportSocket, platform: str = sys.platform) -> int:
    """Which user is at the other end; raises OSError where the system does not say, which is a no."""
    if platform == "darwin":
        # struct xucred of LOCAL_PEERCRED at SOL_LOCAL: version 0, then the user.
        version, user = struct.unpack_from("II", connection.getsockopt(0, 1, 76))
        if version != 0:
            raise OSError("the system describes the other end in a way that is not known")
        return user
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return struct.unpack("iII", credentials)[1]


class Lines:
    """Bytes in, whole lines out. A line that is too long is refused before it is kept, or passed over and counted."""

    __slots__ = ("_is_passing", "_rest", "passed_over", "passes")

    def __init__(self, *, passes: bool = False) -> None:
        self.passes = passes
        self.passed_over = 0
        self._is_passing = False
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        searched = len(self._rest)
        self._rest += data
        lines: list[bytes] = []
        start = 0
        while (end := self._rest.find(b"\n", max(start, searched))) >= 0:
            if self._is_passing:
                self._is_passing = False
            elif self._fits(end - start):
                lines.append(bytes(self._rest[start:end]))
            start = end + 1
        del self._rest[:start]
        if self._is_passing or not self._fits(len(self._rest)):
            self._is_passing = True
            self._rest.clear()
        return lines

    def _fits(self, length: int) -> bool:
        if not self.passes:
            _require_length(length)
        is_fitting = length <= LINE_MAX
        self.passed_over += not is_fitting
        return is_fitting


def encode(message: Mapping[str, object]) -> bytes:
    """One line, its end included."""
    line = json.dumps(message, separators=(",", ":"), allow_nan=False).encode() + b"\n"
    _require_length(len(line) - 1)
    return line


def decode(line: bytes) -> Fields:
    """The object on one line; anything else, or a name said twice, is refused."""
    _require_length(len(line))
    try:
        message = json.loads(line.decode(), object_pairs_hook=_said_once, parse_constant=_no_number)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, Fields):
        raise LinkBroken("A line is not one JSON object.", _AGREED)
    return message


def _require_length(length: int) -> None:
    if length > LINE_MAX:
        raise LinkBroken(f"A line is longer than {LINE_MAX:,} bytes.", "Ask for less at once.")


def _said_once(pairs: list[tuple[str, object]]) -> Fields:
    fields = Fields(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a name is said twice")
    return fields


def _no_number(word: str) -> None:
    raise ValueError(word)


def hello(kind: str, client: str, flags: Mapping[str, object]) -> bytes:
    """The client's first line, for the desk."""
    return encode({"v": PROTOCOL, "kind": kind, "client": client[:CLIENT_MAX], "flags": flags})


def read_hello(line: bytes) -> Hello:
    """What a client said first; the desk answers with `welcome` or, where this raises, with `refusal`."""
    fields = decode(line)
    if _protocol(fields) != PROTOCOL:
        raise LinkRefused(f"This desk speaks version {PROTOCOL} of the link.", _AGREED)
    match fields:
        case {"kind": str(kind), "client": str(client), "flags": Fields() as flags} if (
            len(fields) == 4 and kind in KINDS and len(client) <= CLIENT_MAX  # noqa: PLR2004 - the three and v
        ):
            return Hello(kind, shown(client), flags)
        case _:
            raise LinkRefused("The first line does not say who is there.", _AGREED)


def welcome(home: str, mode: str) -> bytes:
    """The desk's first line, for the client."""
    return encode({"v": PROTOCOL, "desk": __version__, "home": home, "mode": mode})


def refusal(error: TradingMcpError) -> bytes:
    """The desk's first and last line to a client that it will not talk to."""
    return encode({"v": PROTOCOL, "desk": __version__, "refused": error.message, "next_step": error.next_step})


def read_welcome(line: bytes) -> Welcome:
    """What the desk said first; its refusal is raised."""
    fields = decode(line)
    if _protocol(fields) != PROTOCOL:
        raise DeskOther(
            f"The desk does not speak version {PROTOCOL} of the link.", _AGREED, str(fields.get("desk", ""))
        )
    match fields:
        case {"refused": str(message), "next_step": str(next_step), "desk": str(desk)}:
            if desk != __version__:  # another version may know what this one does not
                raise DeskOther(shown(message), shown(next_step), desk)
            raise LinkRefused(shown(message), shown(next_step))
        case {"desk": str(desk), "home": str(home), "mode": str(mode)} if len(fields) == 4 and mode in MODES:  # noqa: PLR2004 - the three and v
            return Welcome(desk, home, mode)
        case _:
            raise LinkBroken("The desk's first line does not say which desk it is.", _AGREED)


def _protocol(fields: Fields) -> object:
    version = fields.get("v")
    return version if type(version) is int else None  # True == 1


# From the client's end.


def connect(
    place: Place, kind: str, client: str, flags: Mapping[str, object] | None = None, *, any_version: bool = False
) -> tuple[socket.socket, Welcome]:
    """A connection to the desk of `place`, both first lines exchanged; nothing after them has been read."""
    connection = _connected(place)
    try:
        if peer_uid(connection) != os.geteuid():
            raise DeskForeign(f"The desk of home {place} runs as another user.", "Start it as the home's owner.")
        connection.sendall(hello(kind, client, flags or {}))
        answer = read_welcome(first_line(connection))
        require_reachable(place, answer.mode)
        if not place.is_by_path and answer.home != place.name:
            raise LinkBroken(f"The desk there is not the one of home {place}.", _restart(place))
        if answer.desk != __version__ and not any_version:
            raise DeskOther(
                f"The desk of home {place} is version {shown(answer.desk)[:40]}, this is {__version__}.",
                _restart(place),
                answer.desk,
            )
        connection.settimeout(None)
    except TimeoutError as error:
        connection.close()
        raise LinkBroken(f"The desk of home {place} does not answer.", _restart(place)) from error
    except OSError as error:
        connection.close()
        raise LinkBroken(f"The desk of home {place} hung up.", _restart(place)) from error
    except TradingMcpError:
        connection.close()
        raise
    return connection, answer


def _connected(place: Place) -> socket.socket:
    path = socket_path(place)
    try:
        found = os.lstat(path)
        folder = os.lstat(os.path.dirname(path))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DeskMissing(f"No desk is running for home {place}.", to_start(place)) from error
    except OSError as error:
        raise DeskForeign(f"{shown(path)} cannot be reached: {error.strerror}.", "Look who owns it.") from error
    if not stat.S_ISSOCK(found.st_mode):
        raise DeskForeign(f"{shown(path)} is no socket.", "Look what it is and move it away.")
    if {found.st_uid, folder.st_uid} != {os.geteuid()} or folder.st_mode & 0o022:
        raise DeskForeign(f"{shown(path)} could be another user's.", "Look who owns it and its folder.")
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(ANSWER_WITHIN)
    try:
        connection.connect(path)
    except (ConnectionRefusedError, FileNotFoundError) as error:
        connection.close()
        raise DeskMissing(f"The desk of home {place} ended without closing its door.", to_start(place)) from error
    except OSError as error:
        connection.close()
        raise LinkBroken(f"The desk of home {place} lets nobody in: {error}.", _restart(place)) from error
    return connection


def first_line(connection: socket.socket) -> bytes:
    """Exactly the first line: what follows belongs to whoever reads next."""
    deadline = time.monotonic() + ANSWER_WITHIN
    line = b""
    while not line.endswith(b"\n"):
        connection.settimeout(max(deadline - time.monotonic(), 0.001))
        seen = connection.recv(4096, socket.MSG_PEEK)
        if not seen or len(line) > 4096:  # noqa: PLR2004 - many times what it takes
            raise ConnectionResetError
        line += connection.recv(seen.find(b"\n") + 1 or len(seen))
    return line[:-1]


def to_start(place: Place) -> str:
    return f"Start it: {place.command('desk')}"


def _restart(place: Place) -> str:
    return f"Stop it and start it again: {place.command('desk stop')}"

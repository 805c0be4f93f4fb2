"""The bridge, which an assistant starts: bytes go between the assistant and the desk, and none of them is read."""

from __future__ import annotations

import _thread
import os
import signal
import socket
import sys
import time

from trading_mcp.errors import DeskMissing, Exit, TradingMcpError, UsageInvalid
from trading_mcp.launch import reach
from trading_mcp.link import Lines, decode, encode
from trading_mcp.place import located, shown, spelled

# As in link: this is what an assistant waits for at every start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from trading_mcp.place import Place

CLIENT = "trading-mcp bridge"
NAMES = {"--toolsets": "toolsets", "--tools": "tools", "--exclude-tools": "exclude_tools"}
USAGE = "Use: --home NAME, --read-only, --toolsets, --tools or --exclude-tools with names joined by commas."
PIECE = 1 << 16
LAST_WORDS = 60.0
REFUSED = -32000


def main(arguments: list[str]) -> int:
    """Carry a session until either side ends it."""
    # The usual end by a signal: nothing here has to be put in order, and the desk sees that the line is gone.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for end in (0, 1):
        os.set_blocking(end, True)
    try:
        home, flags = flags_of(arguments)
        place = located(home)
        connection, _ = reach(place, "mcp", CLIENT, flags)
    except TradingMcpError as error:
        return _explained(error)
    except OSError as error:
        return _explained(TradingMcpError(f"The system refused: {shown(str(error))}.", "Look: trading-mcp doctor."))
    with connection:
        return _carried(connection, place)


def flags_of(arguments: list[str]) -> tuple[str | None, dict[str, object]]:
    """The home that is meant, and what the desk is told to offer in this session."""
    home: str | None = None
    flags: dict[str, object] = {}
    left = list(arguments)
    while left:
        name, joined, value = left.pop(0).partition("=")
        if name == "--read-only" and not joined:
            flags["read_only"] = True
            continue
        if name != "--home" and name not in NAMES:
            raise UsageInvalid(f"An assistant's connection has no {shown(name)[:60]!r}.", USAGE)
        if not joined:
            value = left.pop(0) if left else ""
        if not value or value.startswith("--"):
            raise UsageInvalid(f"{name} is without its value.", USAGE)
        if name == "--home":
            home = value
        else:
            flags[NAMES[name]] = [each for each in value.split(",") if each]
    return home, flags


def _carried(connection: socket.socket, place: Place) -> int:
    ended: list[bool] = []
    _thread.start_new_thread(_asked, (connection, ended))
    try:
        while data := _heard(connection):
            left = memoryview(data)
            while left:
                left = left[os.write(1, left) :]
    except OSError:
        return Exit.DONE  # nobody reads any more
    if ended:
        return Exit.DONE
    _say(DeskMissing(f"The desk of home {place} has ended this session.", f"See why: {place.command('doctor')}"))
    return Exit.NO_DESK


def _heard(connection: socket.socket) -> bytes:
    try:
        return connection.recv(PIECE)
    except OSError:
        return b""


def _asked(connection: socket.socket, ended: list[bool]) -> None:
    """Pass on what the assistant says; at its end the desk still answers what was asked, within reason."""
    try:
        while data := _read():
            connection.sendall(data)
        ended.append(True)
        connection.shutdown(socket.SHUT_WR)
        time.sleep(LAST_WORDS)
        connection.shutdown(socket.SHUT_RD)
    except OSError:
        return  # the desk is gone, which the other direction sees as well


def _read() -> bytes:
    try:
        return os.read(0, PIECE)
    except OSError:
        return b""


def _explained(error: TradingMcpError) -> int:
    """Say what is wrong where a person looks, and to the assistant as the answer to whatever it asks."""
    _say(error)
    lines = Lines()
    try:
        while data := _read():
            for line in lines.feed(data):
                _answer(line, spelled(str(error)))
    except (TradingMcpError, OSError):
        pass  # it speaks no lines, or does not listen
    return error.exit_code


def _answer(line: bytes, sentence: str) -> None:
    try:
        asked = decode(line)
    except TradingMcpError:
        return
    if "id" in asked and "method" in asked:
        os.write(1, encode({"jsonrpc": "2.0", "id": asked["id"], "error": {"code": REFUSED, "message": sentence}}))


def _say(error: TradingMcpError) -> None:
    try:
        sys.stderr.write(f"{spelled(str(error))}\n")
    except OSError:
        return

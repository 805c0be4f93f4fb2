"""The terminal's end of the socket: one connection, one request, one answer."""

from __future__ import annotations

import socket
from typing import TypeVar, cast

import msgspec

from trading_mcp import link
from trading_mcp.doors.local.requests import Request
from trading_mcp.errors import Exit, LinkBroken, TradingMcpError
from trading_mcp.place import Place, shown, spelled

CLIENT = "command line"
ANSWER_WITHIN = 60.0

T = TypeVar("T")


class Refusal(TradingMcpError):
    """The desk answered that it could not; how a command ends then is what the desk says."""

    def __init__(self, message: str, next_step: str, code: Exit = Exit.FAILED, kind: str = "") -> None:
        super().__init__(message, next_step)
        self.exit_code = code
        self.kind = kind


class Reply:
    """One answer of the desk: how the command ends, what it said, and the envelope around it."""

    def __init__(self, fields: dict[str, object], place: Place) -> None:
        self.fields = fields
        self._place = place
        self.exit = Exit(cast("int", fields["exit"]))
        self.mode = shown(str(fields.get("mode", "")))
        self.home = shown(str(fields.get("home", "")))
        self.state = shown(str(fields.get("trading_state", "")))
        self.as_of = cast("int", fields.get("as_of", 0))
        self.seq = cast("int", fields.get("journal_seq", 0))

    def spelled(self, text: str) -> str:
        """Return a sentence of the desk's with its commands as they are typed for this home."""
        return spelled(text, self._place)

    def answer(self, kind: type[T]) -> T:
        """Return what was answered, as what it must be."""
        try:
            return msgspec.convert(self.fields.get("answer"), kind)
        except msgspec.ValidationError:
            raise LinkBroken(
                "The desk's answer is not what was asked for.", "Use a client of the desk's own version."
            ) from None


def ask(place: Place, request: Request, *, any_version: bool = False) -> Reply:
    """Ask the running desk of a home; its refusals are raised."""
    connection, _ = link.connect(place, "cli", CLIENT, any_version=any_version)
    with connection:
        connection.settimeout(ANSWER_WITHIN)
        fields: dict[str, object] = msgspec.to_builtins(request)
        try:
            connection.sendall(link.encode(fields))
            answer = dict(link.decode(_line(connection)))
        except (TimeoutError, OSError) as error:
            raise LinkBroken(
                f"The desk of home {place} hung up before it answered.",
                f"Look what became of it: {place.command('audit tail')}",
            ) from error
    return _believed(answer, place)


def _believed(answer: dict[str, object], place: Place) -> Reply:
    match answer:
        case {"ok": True, "exit": int()}:
            return Reply(answer, place)
        case {
            "ok": False,
            "exit": int(code),
            "error": {"code": str(kind), "message": str(said), "next_step": str(step)},
        }:
            raise Refusal(shown(said), spelled(shown(step), place), Exit(code), shown(kind))
        case _:
            raise LinkBroken("The desk's answer is not what was agreed.", "Use a client of the desk's own version.")


def _line(connection: socket.socket) -> bytes:
    lines, found = link.Lines(), list[bytes]()
    while not found:
        data = connection.recv(1 << 18)
        if not data:
            raise ConnectionResetError
        found = lines.feed(data)
    return found[0]

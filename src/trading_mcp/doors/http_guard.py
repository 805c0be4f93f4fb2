"""What every HTTP door asks before anything else: the exact Host and Origin, a token, and a body that has an end.

A page in a browser can reach 127.0.0.1 too: from another port, from a file, or under a name that was made to lead
here. Whatever it does, its Host or its Origin gives it away, and a token is nothing it can know or send by itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, NamedTuple, Protocol

from trading_mcp.errors import TradingMcpError
from trading_mcp.redact import redacted

ADDRESS: Final = "127.0.0.1"
NAMES: Final = (ADDRESS, "localhost")
BODY_MAX: Final = 1024 * 1024
LENGTH_DIGITS_MAX: Final = 9
SHOWN_MAX: Final = 80

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Refusal(NamedTuple):
    """Why a request is not served: the status, and one sentence with what would pass."""

    status: int
    sentence: str


class Holder(Protocol):
    """Who has a token."""

    @property
    def name(self) -> str: ...

    @property
    def role(self) -> str: ...


class Tokens(Protocol):
    """Knows tokens again."""

    def holder(self, secret: str) -> Holder | None:
        """Return whose token that is, if it is one."""
        ...


def misdirected(scope: Scope, port: int) -> Refusal | None:
    """Return why a request may not be meant for this door, if so: the protocol, the Host or the Origin."""
    version = str(scope["http_version"])
    if version != "1.1":
        return Refusal(505, f"This door speaks HTTP/1.1 and this is HTTP/{redacted(version, 8)}.")
    hosts, origins = said(scope, b"host"), said(scope, b"origin")
    ours = tuple(f"{name}:{port}" for name in NAMES)
    if len(hosts) != 1:
        return Refusal(400, f"A request names one host, and this names {len(hosts)}. Send `Host: {ours[0]}`.")
    if hosts[0] not in ours:
        return Refusal(421, f"This door is {ours[0]} and not {_cut(hosts[0])}. Send `Host: {ours[0]}`.")
    if origins and origins != [f"http://{hosts[0]}"]:
        return Refusal(
            403, f"Pages of {_cut(', '.join(origins))} may not ask here. Programs send no Origin; ours is {ours[0]}."
        )
    return None


def holder_of(scope: Scope, tokens: Tokens) -> Holder | Refusal:
    """Return who asks, by the one token in the one header it may stand in."""
    given = said(scope, b"authorization")
    scheme, _, secret = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or not secret:
        return Refusal(
            401, "This door wants a token. Send `Authorization: Bearer …`; trading-mcp token new makes one."
        )
    try:
        holder = tokens.holder(secret.strip(" "))
    except TradingMcpError as error:
        return Refusal(503, redacted(f"Nobody can come in: {error}"))
    return holder or Refusal(401, "That token opens nothing here. The owner lists them with trading-mcp token list.")


async def body_of(scope: Scope, receive: Receive) -> bytes | Refusal | None:
    """Return the whole body, or None if the client went away before its end."""
    for length in said(scope, b"content-length"):
        if not length.isdecimal() or len(length) > LENGTH_DIGITS_MAX or int(length) > BODY_MAX:
            return _too_long()
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > BODY_MAX:
            return _too_long()
        if not message.get("more_body", False):
            return bytes(body)


def replayed(body: bytes, receive: Receive) -> Receive:
    """Return a channel that hands out a body that was read already, and then whatever comes."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_again


async def answer(send: Send, status: int, body: bytes) -> None:
    """Answer with one JSON value."""
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if status == 401:  # noqa: PLR2004 - Unauthorized
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def said(scope: Scope, name: bytes) -> list[str]:
    """Return every value of a header."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def _too_long() -> Refusal:
    return Refusal(413, f"A body has at most {BODY_MAX:,} bytes and this one has more. Ask for less at once.")


def _cut(text: str) -> str:
    return redacted(text, SHOWN_MAX) or "nothing"

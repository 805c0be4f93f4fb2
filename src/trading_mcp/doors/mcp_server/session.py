"""One connection as the SDK's streams: a line is a message, without threads, and the last answers still go out."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import json
from collections import deque
from types import TracebackType
from typing import Final, Self, cast

import msgspec
from mcp import types
from mcp.shared._stream_protocols import ReadStream
from mcp.shared.message import SessionMessage
from pydantic import ValidationError

from trading_mcp import link
from trading_mcp.redact import redacted

CHUNK: Final = 65_536
ID_MAX: Final = 60
# How long a client that said its last word is waited on: longer than the desk waits for a venue.
LAST_ANSWERS_WITHIN: Final = 15.0
# These go on for as long as the connection does.
_ENDLESS: Final = frozenset({"subscriptions/listen"})


class Session:
    """Both streams of one connection; they are one object, since the end of one concerns the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # What every message of this connection is handled in.
        self.last_context = contextvars.copy_context()
        self._reader = reader
        self._writer = writer
        self._lines = link.Lines(passes=True)
        self._refused = 0
        self._waiting: deque[bytes] = deque()
        self._open: set[types.RequestId] = set()
        self._is_idle = asyncio.Event()

    # What the client says.

    def __aiter__(self) -> ReadStream[SessionMessage | Exception]:
        return self

    async def __anext__(self) -> SessionMessage:
        while True:
            if not self._waiting and not await self._fed():
                await self._answered()
                raise StopAsyncIteration
            while self._waiting:
                line = self._waiting.popleft()
                try:
                    message = types.jsonrpc_message_adapter.validate_json(line, by_name=False)
                except (ValidationError, ValueError, RecursionError):
                    if line.strip():
                        await self._refuse(
                            types.PARSE_ERROR, "That line is no JSON-RPC message. Send one a line.", _id_in(line)
                        )
                    continue
                self._keep(message)
                return SessionMessage(message)

    async def receive(self) -> SessionMessage:
        return await anext(self)

    async def _fed(self) -> bool:
        """Read more; say whether there was any. A client that does not read its answers is not read either."""
        try:
            await self._writer.drain()
            data = await self._reader.read(CHUNK)
        except OSError:
            return False
        self._waiting.extend(self._lines.feed(data))
        for _ in range(self._refused, self._lines.passed_over):
            # Whose answer this is was in what nobody read.
            self._refused += 1
            await self._refuse(types.INVALID_REQUEST, f"A line is longer than {link.LINE_MAX:,} bytes. Ask for less.")
        return bool(data)

    def _keep(self, message: types.JSONRPCMessage) -> None:
        """Remember what is not answered yet, so that the end of the client's words is not the end of ours."""
        if isinstance(message, types.JSONRPCRequest) and message.method not in _ENDLESS:
            self._open.add(message.id)
            self._is_idle.clear()
        elif isinstance(message, types.JSONRPCNotification) and message.method == "notifications/cancelled":
            given = (message.params or {}).get("requestId")
            self._close(given if isinstance(given, str | int) else None)

    async def _answered(self) -> None:
        if self._open:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LAST_ANSWERS_WITHIN):
                    await self._is_idle.wait()

    # What it is told.

    async def send(self, item: SessionMessage) -> None:
        message = item.message
        await self._write(message.model_dump_json(by_alias=True, exclude_unset=True).encode())
        if isinstance(message, types.JSONRPCResponse | types.JSONRPCError):
            self._close(message.id)

    def _close(self, request: types.RequestId | None) -> None:
        if request is not None:
            self._open.discard(request)
        if not self._open:
            self._is_idle.set()

    async def _write(self, line: bytes) -> None:
        # A client that has gone away loses what it would have heard; the journal has it.
        with contextlib.suppress(OSError):
            self._writer.write(line + b"\n")
            await self._writer.drain()

    async def _refuse(self, code: int, sentence: str, request: types.RequestId | None = None) -> None:
        error = {"code": code, "message": redacted(sentence)}
        await self._write(msgspec.json.encode({"jsonrpc": "2.0", "id": request, "error": error}))

    # Both ends are the connection's, which closes them.

    async def aclose(self) -> None:
        """Leave the connection to whoever accepted it."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        await self.aclose()


def _id_in(line: bytes) -> types.RequestId | None:
    """Return the id in a line that is no message, so that who asked does not wait for an answer for ever."""
    try:
        told: object = json.loads(line)
    except (ValueError, RecursionError):
        return None
    found = cast("dict[str, object]", told).get("id") if isinstance(told, dict) else None
    if isinstance(found, bool) or not isinstance(found, str | int):
        return None
    return found if len(str(found)) <= ID_MAX and redacted(str(found)) == str(found) else None

"""The assistants' door over HTTP: the same tools, behind a token whose role decides which of them there are."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Generator
from typing import Final

import msgspec
import uvicorn
from mcp import types
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from uvicorn.protocols.http.h11_impl import H11Protocol

from trading_mcp.core.domain.orders import Door
from trading_mcp.doors import http_guard as guard
from trading_mcp.doors.mcp_server.calls import Caller
from trading_mcp.doors.mcp_server.door import McpDoor
from trading_mcp.doors.mcp_server.server import CALLER

PATH: Final = "/mcp"
CONNECTIONS_MAX: Final = 128
SESSIONS_MAX: Final = 64
# How long a connection may take to say what it wants.
REQUEST_WITHIN: Final = 10.0
# How long the answers under way may take once the desk stops; what they are about is finished in any case.
LAST_ANSWERS_WITHIN: Final = 2.0
ROLES: Final[dict[str, dict[str, object]]] = {"reader": {"read_only": True}, "trader": {}}
_STOPPED: Final = guard.Refusal(503, "The desk stops. What was asked for, if anything, is in its journal.")
_FAILED: Final = guard.Refusal(500, "The desk could not answer that. Its owner can read why in its log.")
_METHODS: Final = ("POST", "GET", "DELETE")
_log: Final = logging.getLogger("trading_mcp.http")


class HttpDoor:
    """Serves a listening socket on the loopback address until it is closed."""

    def __init__(self, door: McpDoor, tokens: guard.Tokens, listener: socket.socket) -> None:
        self._tokens = tokens
        self._listener = listener
        self._port = int(listener.getsockname()[1])
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # its warnings are of what is no HTTP, without end
        self._managers = {
            role: StreamableHTTPSessionManager(
                door.server(flags), max_request_body_size=guard.BODY_MAX, max_sessions=SESSIONS_MAX
            )
            for role, flags in ROLES.items()
        }
        self._server = _Server(
            uvicorn.Config(
                self._served,
                http=_Protocol,
                ws="none",
                lifespan="off",
                interface="asgi3",
                workers=1,
                # Whoever runs the desk says where its log goes, and who may speak for somebody else: nobody.
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )
        self._refusals = _Refusals()
        self._answering: dict[asyncio.Task[object], str] = {}
        self._is_closing = False
        self._running: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Return what a client is told to connect to."""
        return f"http://{guard.ADDRESS}:{self._port}{PATH}"

    def open(self) -> None:
        """Let clients in from here on."""
        self._running = asyncio.create_task(self._run(), name="http door")
        self._running.add_done_callback(_told)

    def shut(self) -> None:
        """Let nobody in any more, and end the streams that would otherwise last as long as their clients like."""
        self._is_closing = True
        for task, method in self._answering.items():
            if method == "GET":
                task.cancel()

    async def close(self) -> None:
        """End everything; what is being answered has a moment, and nothing is waited for longer."""
        self.shut()
        if self._answering:
            await asyncio.wait(tuple(self._answering), timeout=LAST_ANSWERS_WITHIN)
        for task in self._answering:
            task.cancel()
        self._server.should_exit = True
        if self._running is not None:
            await asyncio.wait((self._running,))

    async def _run(self) -> None:
        async with contextlib.AsyncExitStack() as stack:
            for manager in self._managers.values():
                await stack.enter_async_context(manager.run())
            await self._server.serve(sockets=[self._listener])

    async def _served(self, scope: guard.Scope, receive: guard.Receive, send: guard.Send) -> None:
        """Serve one request; what ends with the desk ends as an answer does, not as an accident."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - the server runs each request in a task
        self._answering[task] = str(scope["method"])
        answer = _Answer(send, self._refusals)
        try:
            await self._answered(scope, receive, answer)
        except asyncio.CancelledError:
            if not self._is_closing:
                raise
            task.uncancel()
            await answer.end(_STOPPED)
        except Exception:  # noqa: BLE001 - whatever a request met, its client hears one sentence and the door stays open
            _log.exception("a request failed")
            await answer.end(_FAILED)
        finally:
            del self._answering[task]

    async def _answered(self, scope: guard.Scope, receive: guard.Receive, answer: _Answer) -> None:
        found = self._refusal(scope) or guard.holder_of(scope, self._tokens)
        if isinstance(found, guard.Refusal):
            await answer.refuse(found)
            return
        body = await guard.body_of(scope, receive)
        if isinstance(body, guard.Refusal):
            await answer.refuse(body)
        elif body is not None:
            # Whose session it is: the SDK lets nobody else continue it.
            answer.permits = lambda: guard.holder_of(scope, self._tokens) == found
            scope["user"] = AuthenticatedUser(AccessToken(token="", client_id=found.name, scopes=[found.role]))
            CALLER.set(Caller(Door.HTTP, found.name, ""))
            await self._managers[found.role].handle_request(scope, guard.replayed(body, receive), answer.send)

    def _refusal(self, scope: guard.Scope) -> guard.Refusal | None:
        if self._is_closing:
            return guard.Refusal(503, "The desk stops. Start it again: trading-mcp desk --http.")
        refusal = guard.misdirected(scope, self._port)
        if refusal is not None:
            return refusal
        if scope["path"] != PATH:
            return guard.Refusal(404, f"There is nothing here but {PATH}.")
        if scope["query_string"]:
            return guard.Refusal(400, f"Ask for {PATH} alone: what stands in an address ends in logs.")
        if scope["method"] not in _METHODS:
            return guard.Refusal(405, f"This door knows {', '.join(_METHODS)} and nothing else.")
        return None


class _Refusals:
    """Tells the log of refusals, one in a second: anybody can be refused without end, and the log has one."""

    def __init__(self) -> None:
        self._untold = 0
        self._quiet_until = 0.0

    def tell(self, refusal: guard.Refusal) -> None:
        now = asyncio.get_running_loop().time()
        if now < self._quiet_until:
            self._untold += 1
            return
        _log.warning("refused: %d %s (%d more since the last)", *refusal, self._untold)
        self._untold, self._quiet_until = 0, now + 1.0


class _Answer:
    """One response, which can be ended wherever it stands."""

    def __init__(self, send: guard.Send, refusals: _Refusals) -> None:
        self._refusals = refusals
        self.permits: Callable[[], bool] = lambda: True
        self._send = send
        self._is_begun = False
        self._is_ended = False

    async def send(self, message: guard.Message) -> None:
        """Send a part of it; after its end nothing is sent."""
        if self._is_ended:
            return
        if message.get("more_body", False) and not self.permits():
            message = {"type": "http.response.body", "body": b""}  # the token was taken back meanwhile
        self._is_begun = True
        self._is_ended = message["type"] == "http.response.body" and not message.get("more_body", False)
        await self._send(message)

    async def refuse(self, refusal: guard.Refusal) -> None:
        """Answer with a refusal, in the form in which a client shows it to its model."""
        self._refusals.tell(refusal)
        error = {"code": types.INVALID_REQUEST, "message": refusal.sentence}
        body = msgspec.json.encode({"jsonrpc": "2.0", "id": None, "error": error})
        await guard.answer(self.send, refusal.status, body)

    async def end(self, otherwise: guard.Refusal) -> None:
        """Bring it to its end now; where it has not begun, with a refusal."""
        if self._is_begun:
            await self.send({"type": "http.response.body", "body": b""})
        else:
            await self.refuse(otherwise)


class _Server(uvicorn.Server):
    """The server of a desk, which has its own ideas about signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave them to the desk."""
        yield


class _Protocol(H11Protocol):
    """HTTP/1.1 as it is, but that nobody holds more connections than there may be, or one without a request.

    Anybody on this machine can knock here, and what they take away is missing where the desk keeps its journal.
    """

    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Meet a client, or hang up: before it has said a word there is nobody to tell why."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS_MAX:
            transport.abort()
        else:
            self._wait_for_request()

    def data_received(self, data: bytes) -> None:
        """Read on; a request that is whole is waited for no longer."""
        super().data_received(data)
        self._wait_for_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        self._end_patience()
        super().connection_lost(exc)

    def _wait_for_request(self) -> None:
        if not self._is_idle:
            self._end_patience()
        elif self._patience is None and not self.transport.is_closing():
            self._patience = self.loop.call_later(REQUEST_WITHIN, self._lose_patience)

    @property
    def _is_idle(self) -> bool:
        return not self.cycle or self.cycle.response_complete

    def _lose_patience(self) -> None:
        self._patience = None
        if self._is_idle:
            self.transport.abort()

    def _end_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - that it is no HTTP is all that it ever says
        """Say what to do instead."""
        super().send_400_response("That is no HTTP/1.1 request with one Host. Use a client that speaks HTTP/1.1.")


def _told(running: asyncio.Task[None]) -> None:
    error = None if running.cancelled() else running.exception()
    if error is not None:
        _log.error("the HTTP door failed; the others go on", exc_info=error)

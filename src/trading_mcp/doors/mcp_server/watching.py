"""Who watches what, in both eras: subscriptions of a connection, and streams that it listens on; both bounded."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

from mcp import types
from mcp.server.connection import Connection
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.session import ServerSession
from mcp.server.subscriptions import ListenHandler
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import ResourceUpdated, ServerEvent

from trading_mcp.doors.mcp_server.changes import Changes
from trading_mcp.doors.mcp_server.resources import ADDRESS_MAX
from trading_mcp.doors.mcp_server.server import CALLER

# Of one connection, so that none takes anything from another; a proposal has an address of its own, hence so many.
ADDRESSES_MAX: Final = 100
# Of one connection or token: how often it may listen at once.
STREAMS_MAX: Final = 8
BACKLOG_MAX: Final = 256
# So long a stream has for its last frame before the connection under it ends.
LAST_FRAME_WITHIN: Final = 1.0
_log: Final = logging.getLogger("trading_mcp.mcp")

_Context = ServerRequestContext[dict[str, Any], Any]


class Watcher:
    """One connection of the handshake era: the addresses it subscribed to, and those it is yet to be told of."""

    def __init__(self, session: ServerSession, changes: Changes, holder: str) -> None:
        self.holder = holder
        self.addresses: set[str] = set()
        self._session = session
        self._untold: dict[str, None] = {}
        self._woken = asyncio.Event()
        self._unsubscribe = changes.subscribe(self._hear)
        self._telling = asyncio.create_task(self._tell(), name="watcher")

    def _hear(self, event: ServerEvent) -> None:
        if isinstance(event, ResourceUpdated) and event.uri in self.addresses:
            self._untold[event.uri] = None
            self._woken.set()

    async def _tell(self) -> None:
        """Send what is untold, one at a time: a client that does not read is told nothing new meanwhile."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            while self._untold:
                uri = next(iter(self._untold))
                del self._untold[uri]
                try:
                    await self._session.send_resource_updated(uri)
                except Exception as error:  # noqa: BLE001 - it loses a notice, and nobody else does
                    _log.debug("a notice was not delivered: %s", type(error).__name__)

    def end(self) -> None:
        self._unsubscribe()
        self._telling.cancel()


class Watching:
    """All who watch, by the connection they came over."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._watchers: dict[Connection, Watcher] = {}
        self._streams: dict[str, int] = {}
        self._listening: set[asyncio.Task[Any]] = set()
        self._listen = ListenHandler(changes, max_buffered_events=BACKLOG_MAX)

    def serve(self, server: Server[dict[str, Any]]) -> None:
        """Let a server's clients subscribe and listen."""
        server.add_request_handler("resources/subscribe", types.SubscribeRequestParams, self._subscribe)
        server.add_request_handler("resources/unsubscribe", types.UnsubscribeRequestParams, self._unsubscribe)
        server.add_request_handler("subscriptions/listen", types.SubscriptionsListenRequestParams, self._serve_stream)

    async def part(self) -> None:
        """End every stream with the answer that says so; who does not read is not waited for."""
        self._listen.close()
        if self._listening:
            await asyncio.wait(tuple(self._listening), timeout=LAST_FRAME_WITHIN)

    def close(self) -> None:
        """Tell nobody anything any more."""
        for connection in tuple(self._watchers):
            self._forget(connection)
        self._listen.close()

    def _forget(self, connection: Connection) -> None:
        watcher = self._watchers.pop(connection, None)
        if watcher is not None:
            watcher.end()

    async def _subscribe(self, context: _Context, params: types.SubscribeRequestParams) -> types.EmptyResult:
        connection = _connection(context)
        watcher = self._watchers.get(connection)
        if len(params.uri) > ADDRESS_MAX:
            raise _refused(f"An address has at most {ADDRESS_MAX} characters, and this has {len(params.uri)}.")
        if watcher is None:
            holder = _holder()
            if sum(each.holder == holder for each in self._watchers.values()) >= STREAMS_MAX:
                raise _refused(f"A token watches in at most {STREAMS_MAX} sessions at once. End one first.")
            watcher = self._watchers[connection] = Watcher(context.session, self._changes, holder)
            connection.exit_stack.callback(self._forget, connection)
        if params.uri not in watcher.addresses and len(watcher.addresses) >= ADDRESSES_MAX:
            raise _refused(f"A connection watches at most {ADDRESSES_MAX} resources. Unsubscribe from some first.")
        watcher.addresses.add(params.uri)
        return types.EmptyResult()

    async def _unsubscribe(self, context: _Context, params: types.UnsubscribeRequestParams) -> types.EmptyResult:
        watcher = self._watchers.get(_connection(context))
        if watcher is not None:
            watcher.addresses.discard(params.uri)
        return types.EmptyResult()

    async def _serve_stream(
        self, context: _Context, params: types.SubscriptionsListenRequestParams
    ) -> types.SubscriptionsListenResult:
        holder = _holder()
        if len(params.notifications.resource_subscriptions or ()) > ADDRESSES_MAX:
            raise _refused(f"A stream watches at most {ADDRESSES_MAX} resources. Ask for fewer.")
        streams = self._streams.get(holder, 0)
        if streams >= STREAMS_MAX:
            raise _refused(f"A connection listens on at most {STREAMS_MAX} streams. Cancel one first.")
        self._streams[holder] = streams + 1
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - the SDK runs each request in a task, which writes its answer as well
        self._listening.add(task)
        task.add_done_callback(self._listening.discard)
        try:
            return await self._listen(context, params)
        finally:
            left = self._streams[holder] - 1
            if left:
                self._streams[holder] = left
            else:
                del self._streams[holder]


def _holder() -> str:
    """Return whose connection this is; over HTTP requests come one by one, in the name of a token."""
    caller = CALLER.get()
    return f"{caller.door.value} {caller.session or caller.client}"


def _connection(context: _Context) -> Connection:
    # The SDK says that handlers may leave their clean-up with it, and has not given them a public way to it yet.
    return context.session._connection  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]


def _refused(sentence: str) -> MCPError:
    return MCPError(code=types.INVALID_PARAMS, message=sentence)

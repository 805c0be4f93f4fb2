"""The assistants' door: a connection gets the tools that its flags name, for as long as it lasts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from mcp.server.lowlevel.server import Server

from trading_mcp import link
from trading_mcp.core.domain.events import AnyEvent
from trading_mcp.core.domain.orders import Door
from trading_mcp.desk.desk import Desk
from trading_mcp.desk.moments import Moments
from trading_mcp.doors.mcp_server.beside import add_completions, add_prompts, add_resources
from trading_mcp.doors.mcp_server.calls import Caller, Calls
from trading_mcp.doors.mcp_server.changes import Changes
from trading_mcp.doors.mcp_server.replies import Spell
from trading_mcp.doors.mcp_server.server import CALLER, server_of
from trading_mcp.doors.mcp_server.session import Session
from trading_mcp.doors.mcp_server.tools import TOOLS
from trading_mcp.doors.mcp_server.toolsets import chosen
from trading_mcp.doors.mcp_server.watching import Watching
from trading_mcp.place import spelled
from trading_mcp.redact import redacted

_Server = Server[dict[str, Any]]


class McpDoor:
    """Serves assistants. Who they say they are is a label; what they may is the door's.

    `ceiling` are flags of the owner's that no connection's flags reach beyond; `spell` writes commands for this home.
    """

    def __init__(
        self, desk: Desk, moments: Moments, ceiling: Mapping[str, object] | None = None, spell: Spell = spelled
    ) -> None:
        self._calls = Calls(desk, moments, spell)
        self._moments = moments
        self._changes = Changes(desk)
        self._watching = Watching(self._changes)
        self._tools = chosen(TOOLS, ceiling or {})
        self._servers: dict[tuple[str, ...], _Server] = {}
        self._sessions = 0
        self.server({})  # the usual one is made before anybody waits for it

    def server(self, flags: Mapping[str, object]) -> _Server:
        """Return the server for a connection's flags; a name that is not known is refused in a sentence."""
        tools = chosen(self._tools, flags)
        key = tuple(tool.name for tool in tools)
        if key not in self._servers:
            server = self._servers[key] = server_of(tools, self._calls)
            add_resources(server, tools, self._calls)
            add_prompts(server, tools)
            add_completions(server, tools, self._moments)
            self._watching.serve(server)
        return self._servers[key]

    def happened(self, events: tuple[AnyEvent, ...]) -> None:
        """Learn what was just recorded; whoever watches is told a little later what is worth reading again."""
        self._changes.happened(events)

    def require(self, flags: Mapping[str, object]) -> None:
        """Raise if a connection's flags cannot be served, before it is welcomed."""
        self.server(flags)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hello: link.Hello) -> None:
        """Serve one connection until its client is gone; both first lines have been exchanged."""
        server = self.server(hello.flags)
        self._sessions += 1
        CALLER.set(Caller(Door.MCP, redacted(hello.client, 80), f"s{self._sessions}"))
        session = Session(reader, writer)
        await server.run(session, session, server.create_initialization_options())

    async def part(self) -> None:
        """Say goodbye on every stream that somebody listens on, while the connections under them still stand."""
        await self._watching.part()

    async def close(self) -> None:
        """Wait for the calls under way, which finish although nobody listens any more."""
        self._watching.close()
        self._changes.close()
        await self._calls.finish()

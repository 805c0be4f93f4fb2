"""An assistant of the real SDK, connected to a world's desk over a real pair of sockets."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

import pytest
from mcp import Client, types
from mcp.shared.message import SessionMessage

from tests.desk.conftest import Play, play
from tests.desk.world import World
from trading_mcp import link
from trading_mcp.desk.moments import Moments
from trading_mcp.desk.queries import Since
from trading_mcp.doors.mcp_server.door import McpDoor

__all__ = ["Play", "play"]
ERAS = ("auto", "legacy")


class Line:
    """The client's end: one line a message, as the bridge carries them."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage:
        line = await self.reader.readline()
        if not line:
            raise StopAsyncIteration
        return SessionMessage(types.jsonrpc_message_adapter.validate_json(line, by_name=False))

    async def receive(self) -> SessionMessage:
        return await anext(self)

    async def send(self, item: SessionMessage) -> None:
        self.writer.write(item.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")
        await self.writer.drain()

    async def aclose(self) -> None:
        self.writer.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        await self.aclose()


class Assistant:
    """One connection to the door; `calls` answers with what a model sees."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def calls(self, tool: str, **arguments: Any) -> dict[str, Any]:
        result = await self.client.call_tool(tool, arguments)
        assert isinstance(result, types.CallToolResult)
        assert not result.is_error, result.content
        assert result.structured_content is not None
        return result.structured_content

    async def fails(self, tool: str, **arguments: Any) -> dict[str, Any]:
        result = await self.client.call_tool(tool, arguments)
        assert isinstance(result, types.CallToolResult)
        assert result.is_error, result.content
        assert result.structured_content is not None
        return result.structured_content["error"]


def door_of(world: World, ceiling: Mapping[str, object] | None = None) -> McpDoor:
    since = Since(started_at=world.clock.now())
    return McpDoor(world.desk, Moments(world.desk, since, ("a note",)), ceiling)


@asynccontextmanager
async def wired(door: McpDoor, **flags: object) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """The client's ends of a connection that the door serves."""
    near, far = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=near, limit=link.LINE_MAX)
    serving = asyncio.create_task(_served(door, far, flags))
    try:
        yield reader, writer
    finally:
        writer.close()
        await asyncio.wait_for(serving, 30)


async def _served(door: McpDoor, far: socket.socket, flags: Mapping[str, object]) -> None:
    reader, writer = await asyncio.open_connection(sock=far)
    try:
        await door.serve(reader, writer, link.Hello("mcp", "a bridge", flags))
    finally:
        writer.close()


@asynccontextmanager
async def connected(door: McpDoor, mode: str = "auto", **flags: object) -> AsyncGenerator[Assistant]:
    async with wired(door, **flags) as (reader, writer):

        @asynccontextmanager
        async def transport() -> AsyncGenerator[tuple[Line, Line]]:
            line = Line(reader, writer)
            yield line, line

        async with Client(transport(), mode=mode) as client:
            yield Assistant(client)


@pytest.fixture(params=ERAS)
def era(request: pytest.FixtureRequest) -> str:
    """Every test that takes this runs in both eras of the protocol."""
    return str(request.param)

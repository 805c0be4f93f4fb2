"""An HTTP door before a world's desk, on a real socket, and clients of it: the SDK's own, and raw requests."""

import asyncio
import selectors
import socket
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.desk.world import World
from tests.doors.mcp_server.conftest import Assistant, door_of
from tests.simulation.virtual import Jumping
from trading_mcp.adapters.system.tokens import Tokens
from trading_mcp.doors.mcp_server.door import McpDoor
from trading_mcp.doors.mcp_server.http import HttpDoor

HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}},
}
MOMENT = 0.003
ACCEPT = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


class Loopback(Jumping):
    """A selector that gives the machine's own network a moment before time goes on: it takes one to deliver."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout == 0:
            return super().select(0)
        return selectors.SelectSelector.select(self, MOMENT) or super().select(timeout)


class Site:
    """The door, and a token for each role; `tokens` is the home's own file."""

    def __init__(self, door: HttpDoor, tokens: Tokens) -> None:
        self.door = door
        self.tokens = tokens
        self.secrets = {role: tokens.make(f"the-{role}", role) for role in ("reader", "trader")}

    @property
    def url(self) -> str:
        return self.door.url

    @property
    def port(self) -> int:
        return httpx2.URL(self.url).port or 0

    def headers(self, role: str = "trader") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secrets[role]}", **ACCEPT}

    @asynccontextmanager
    async def connected(self, role: str, mode: str) -> AsyncGenerator[Assistant]:
        """The SDK's own client, in one era."""
        async with (
            httpx2.AsyncClient(headers=self.headers(role)) as http,
            Client(streamable_http_client(self.url, http_client=http), mode=mode) as client,
        ):
            yield Assistant(client)

    async def asks(
        self, method: str = "POST", path: str = "/mcp", headers: Mapping[str, str] | None = None, **given: Any
    ) -> httpx2.Response:
        """One raw request with the trader's token, except for what `headers` says otherwise; "" leaves one out."""
        said = {**self.headers(), **(headers or {})}
        url = f"http://127.0.0.1:{self.port}{path}"
        async with httpx2.AsyncClient() as http:
            return await http.request(
                method, url, headers={key: value for key, value in said.items() if value}, **given
            )

    async def begins(self, http: httpx2.AsyncClient, role: str = "trader") -> dict[str, str]:
        """Open a session of the handshake era; return what its requests carry."""
        begun = await http.post(self.url, json=HELLO, headers=self.headers(role))
        assert begun.status_code == 200, begun.text
        return {
            **self.headers(role),
            "Mcp-Session-Id": begun.headers["Mcp-Session-Id"],
            "Mcp-Protocol-Version": "2025-11-25",
        }

    async def says(self, data: bytes) -> bytes:
        """What is answered to bytes that no client would send."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer


@asynccontextmanager
async def opened(world: World, folder: Path, assistants: McpDoor | None = None) -> AsyncGenerator[Site]:
    """A door that is open for as long as the block runs."""
    listener = socket.create_server(("127.0.0.1", 0))
    assistants, tokens = assistants or door_of(world), Tokens(folder, world.clock)
    door = HttpDoor(assistants, tokens, listener)
    site = Site(door, tokens)
    door.open()
    try:
        yield site
    finally:
        door.shut()
        await assistants.close()
        await door.close()

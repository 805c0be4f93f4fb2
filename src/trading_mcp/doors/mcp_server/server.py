"""The SDK's server for one set of tools: both eras of the protocol, nothing done per call that can be done once."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, Final

from mcp import types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.shared.exceptions import MCPError

from trading_mcp import __version__
from trading_mcp.core.domain.orders import Door
from trading_mcp.doors.mcp_server.calls import Caller, Calls
from trading_mcp.doors.mcp_server.instructions import INSTRUCTIONS
from trading_mcp.doors.mcp_server.schemas import input_schema, output_schema
from trading_mcp.doors.mcp_server.tool import Tool
from trading_mcp.redact import redacted

NAME: Final = "trading-mcp"
CLIENT_MAX: Final = 80
# Who is at the other end of what a call came over; the SDK hands a message's context on to whatever handles it.
CALLER: Final[ContextVar[Caller]] = ContextVar("caller")

_Context = ServerRequestContext[dict[str, Any], Any]


def described(tool: Tool) -> types.Tool:
    """Return a tool as clients see it."""
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=input_schema(tool.arguments),
        output_schema=output_schema(tool.answer),
        annotations=types.ToolAnnotations(
            title=tool.title,
            read_only_hint=tool.reads,
            destructive_hint=tool.destructive,
            idempotent_hint=tool.idempotent,
            open_world_hint=tool.reaches_out,
        ),
    )


def server_of(tools: Sequence[Tool], calls: Calls) -> Server[dict[str, Any]]:
    """Return a server with these tools and no others; one serves any number of connections at once."""
    listed = types.ListToolsResult(tools=[described(tool) for tool in tools])
    by_name = {tool.name: tool for tool in tools}

    async def list_tools(_: _Context, __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return listed

    async def call_tool(context: _Context, params: types.CallToolRequestParams) -> dict[str, Any]:
        tool = by_name.get(params.name)
        if tool is None:
            raise MCPError(
                code=types.INVALID_PARAMS,
                message=f"There is no tool {redacted(params.name, 60)} here. There are: {', '.join(by_name)}.",
            )
        reply = await calls.answer(tool, params.arguments or {}, caller_of(context))
        return reply.result

    server: Server[dict[str, Any]] = Server(
        NAME, version=__version__, title="Trading desk", instructions=INSTRUCTIONS, on_list_tools=list_tools
    )
    # Traces would be of what the journal tells better, and the library's hook costs every call something.
    server.middleware.clear()
    # Registered by itself, since only so a handler may return what is sent instead of a model of it.
    server.add_request_handler("tools/call", types.CallToolRequestParams, call_tool)
    return server


def caller_of(context: _Context) -> Caller:
    """Return whose request this is."""
    caller = CALLER.get()
    if caller.door is not Door.MCP:
        return caller  # elsewhere the label is the owner's
    return caller._replace(client=_client_of(context) or caller.client)


def _client_of(context: _Context) -> str:
    """Return what the client calls itself; it is a label and nothing is decided by it."""
    params = context.session.client_params
    return "" if params is None else _label(params.client_info.name, params.client_info.version)


@lru_cache(maxsize=64)
def _label(name: str, version: str) -> str:
    return redacted(f"{name} {version}", CLIENT_MAX)

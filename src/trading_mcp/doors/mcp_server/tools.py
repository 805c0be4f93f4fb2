"""All tools, in the order in which an assistant reads of them."""

from typing import Final

from trading_mcp.doors.mcp_server.tool import Tool
from trading_mcp.doors.mcp_server.tools_looking import LOOKING

TOOLS: Final[tuple[Tool, ...]] = (*LOOKING,)

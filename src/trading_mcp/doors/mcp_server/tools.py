"""All tools, in the order in which an assistant reads of them."""

from typing import Final

from trading_mcp.doors.mcp_server.tool import Tool
from trading_mcp.doors.mcp_server.tools_history import HISTORY
from trading_mcp.doors.mcp_server.tools_limits import LIMITS
from trading_mcp.doors.mcp_server.tools_looking import LOOKING
from trading_mcp.doors.mcp_server.tools_markets import MARKETS
from trading_mcp.doors.mcp_server.tools_trading import TRADING

TOOLS: Final[tuple[Tool, ...]] = (*LOOKING, *MARKETS, *TRADING, *LIMITS, *HISTORY)

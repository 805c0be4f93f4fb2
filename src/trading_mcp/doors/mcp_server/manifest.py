"""The manifest: a digest of every word a model reads here, so that none of them changes by accident."""

import hashlib

import msgspec

from trading_mcp.doors.mcp_server.instructions import INSTRUCTIONS
from trading_mcp.doors.mcp_server.server import described
from trading_mcp.doors.mcp_server.tools import TOOLS


def manifest() -> str:
    """Return the digests of the instructions and of each tool as clients see it."""
    tools = {tool.name: described(tool).model_dump(by_alias=True, exclude_none=True) for tool in TOOLS}
    told = {
        "instructions": hashlib.sha256(INSTRUCTIONS.encode()).hexdigest(),
        "tools": {name: hashlib.sha256(msgspec.json.encode(shown)).hexdigest() for name, shown in tools.items()},
    }
    return msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n"

"""The manifest: a digest of every word a model reads here, so that none of them changes by accident."""

import hashlib

import msgspec

from trading_mcp.doors.mcp_server.instructions import INSTRUCTIONS
from trading_mcp.doors.mcp_server.prompts import PROMPTS
from trading_mcp.doors.mcp_server.resources import RESOURCES
from trading_mcp.doors.mcp_server.server import described
from trading_mcp.doors.mcp_server.tools import TOOLS


def manifest() -> str:
    """Return the digests of the instructions and of each tool, prompt and resource as clients see it."""
    tools = {tool.name: described(tool).model_dump(by_alias=True, exclude_none=True) for tool in TOOLS}
    told = {
        "instructions": hashlib.sha256(INSTRUCTIONS.encode()).hexdigest(),
        "tools": {name: _digest(shown) for name, shown in tools.items()},
        "prompts": {each.name: _digest((each, each.said({}))) for each in PROMPTS},
        "resources": {each.template: _digest((each.title, each.description)) for each in RESOURCES},
    }
    return msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n"


def _digest(shown: object) -> str:
    return hashlib.sha256(msgspec.json.encode(shown)).hexdigest()

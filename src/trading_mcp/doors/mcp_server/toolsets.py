"""Which tools a connection has: fixed by its flags for as long as it lasts, and an unknown name is an error."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Final, cast

from trading_mcp.doors.mcp_server.tool import Tool
from trading_mcp.errors import UsageInvalid
from trading_mcp.redact import redacted

FLAGS: Final = ("read_only", "toolsets", "tools", "exclude_tools")
_LIST: Final = "List them: trading-mcp --help."


def chosen(tools: Sequence[Tool], flags: Mapping[str, object]) -> tuple[Tool, ...]:
    """Return the tools that a connection's flags leave, in the order of all."""
    for name in flags:
        if name not in FLAGS:
            raise _unknown("flag", name, FLAGS)
    read_only = flags.get("read_only", False)
    if not isinstance(read_only, bool):
        raise UsageInvalid("read_only is on or off.", "Start it with --read-only, or without.")
    names = tuple(tool.name for tool in tools)
    sets = _named(flags, "toolsets", tuple(dict.fromkeys(tool.toolset for tool in tools)))
    wanted, excluded = _named(flags, "tools", names), _named(flags, "exclude_tools", names)
    found = tuple(
        tool
        for tool in tools
        if (not (sets or wanted) or tool.toolset in sets or tool.name in wanted)
        and tool.name not in excluded
        and (tool.reads or not read_only)
    )
    if not found:
        raise UsageInvalid("These flags leave no tool at all.", f"Name some of: {', '.join(names)}.")
    return found


def _named(flags: Mapping[str, object], flag: str, known: Sequence[str]) -> frozenset[str]:
    """Return the names of one flag: a list, or words with commas between them."""
    given = flags.get(flag, "")
    words = cast("list[object]", given) if isinstance(given, list) else [given]
    found: set[str] = set()
    for word in words:
        if not isinstance(word, str):
            raise UsageInvalid(f"{flag} is a list of names.", _LIST)
        found |= {name for part in word.split(",") if (name := part.strip())}
    for name in sorted(found - set(known)):
        raise _unknown("toolset" if flag == "toolsets" else "tool", name, known)
    return frozenset(found)


def _unknown(what: str, name: str, known: Sequence[str]) -> UsageInvalid:
    near = difflib.get_close_matches(name, known, 1)
    shown = f"Did you mean {near[0]}? " if near else ""
    return UsageInvalid(f"There is no {what} {redacted(name, 60)}.", f"{shown}There are: {', '.join(known)}.")

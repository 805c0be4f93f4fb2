"""What a tool is: its name and words, the shape of its arguments and answer, and the function behind it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from trading_mcp.core.domain.events import ToolCalled
from trading_mcp.desk.acting import Acting
from trading_mcp.desk.answers import Answer
from trading_mcp.desk.desk import Desk
from trading_mcp.desk.moments import Moments


class Arguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a tool is called with; amounts are text, and who calls is never among it."""


class Nothing(Arguments, frozen=True, kw_only=True):
    """No arguments."""


class Call:
    """One call under way; `before` is the entry that says what was asked."""

    __slots__ = ("acting", "before", "client", "desk", "moments")

    def __init__(self, desk: Desk, moments: Moments, client: str, before: ToolCalled) -> None:
        self.desk = desk
        self.moments = moments
        self.client = client
        self.before = before
        self.acting = Acting(desk, before)


Run = Callable[[Call, Any], Answer | Awaitable[Answer]]


@dataclass(frozen=True, kw_only=True)
class Tool:
    """One tool. A reading one answers at once; what another does is finished even if its client goes away."""

    name: str
    title: str
    toolset: str
    description: str
    arguments: type[Arguments]
    answer: type[Answer]
    run: Run
    reads: bool = True
    destructive: bool = False
    idempotent: bool = True
    reaches_out: bool = False

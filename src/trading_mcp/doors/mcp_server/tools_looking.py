"""Tools that look at the desk as it is now."""

from __future__ import annotations

from typing import Final

from trading_mcp.desk import queries
from trading_mcp.desk.answers import StatusAnswer
from trading_mcp.doors.mcp_server.tool import Call, Nothing, Tool

SET: Final = "look"


def get_agent_status(call: Call, _: Nothing) -> StatusAnswer:
    return queries.status(call.moments.now())


LOOKING: Final = (
    Tool(
        name="get_agent_status",
        title="Desk status",
        toolset=SET,
        description="How the desk stands: mode, trading state and why, what is blocked and by what, venues, "
        "equity, orders and proposals open, journal. Call it first, and after any refusal about the state.",
        arguments=Nothing,
        answer=StatusAnswer,
        run=get_agent_status,
    ),
)

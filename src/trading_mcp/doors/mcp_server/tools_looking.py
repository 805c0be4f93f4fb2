"""Tools that look at the desk as it is now."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from trading_mcp.core.domain.instruments import normalise
from trading_mcp.desk import queries
from trading_mcp.desk.answers import OrdersAnswer, PortfolioAnswer, StatusAnswer
from trading_mcp.doors.mcp_server.tool import Arguments, Call, Nothing, Tool

SET: Final = "look"

Pair = Annotated[str, Meta(description="Only this pair")]
Limit = Annotated[int, Meta(description="Rows at most, up to 200")]


class GetOpenOrders(Arguments, frozen=True, kw_only=True):
    """Which orders."""

    pair: Pair = ""
    ended: Annotated[bool, Meta(description="Also those that ended within the week")] = False
    limit: Limit = 50


def get_agent_status(call: Call, _: Nothing) -> StatusAnswer:
    return queries.status(call.moments.now())


def get_portfolio(call: Call, _: Nothing) -> PortfolioAnswer:
    return queries.portfolio(call.moments.now())


def get_open_orders(call: Call, given: GetOpenOrders) -> OrdersAnswer:
    pair = normalise(given.pair) if given.pair else ""
    return queries.orders(call.moments.now(), pair=pair, ended=given.ended, limit=given.limit)


LOOKING: Final = (
    Tool(
        name="get_agent_status",
        title="Desk status",
        toolset=SET,
        description="How the desk stands: mode, trading state and why, what is blocked and by what, venues, equity, "
        "orders and proposals open, journal. Call it first, and after any refusal about the state.",
        arguments=Nothing,
        answer=StatusAnswer,
        run=get_agent_status,
    ),
    Tool(
        name="get_portfolio",
        title="Portfolio",
        toolset=SET,
        description="What is held: cash and positions per venue with average entry, price, worth, profit so far and "
        "what guards each; equity, today's result and exposure. Past trades: get_trade_history.",
        arguments=Nothing,
        answer=PortfolioAnswer,
        run=get_portfolio,
    ),
    Tool(
        name="get_open_orders",
        title="Open orders",
        toolset=SET,
        description="Orders that work or whose fate is unknown, newest first, with what they reserve and since when; "
        "on request also those that ended within the week.",
        arguments=GetOpenOrders,
        answer=OrdersAnswer,
        run=get_open_orders,
    ),
)

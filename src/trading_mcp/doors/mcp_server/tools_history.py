"""Tools that look back: fills, results, the journal, one decision; and the proposals, open and past."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta
from msgspec.structs import replace

from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.instruments import normalise
from trading_mcp.desk import history, past
from trading_mcp.desk.acting import said
from trading_mcp.desk.answers import DoneAnswer, WhyAnswer
from trading_mcp.desk.answers_past import EventsAnswer, ProposalsTold, ResultsAnswer, TradesAnswer
from trading_mcp.desk.history import Filter, moment_of
from trading_mcp.desk.intents import named
from trading_mcp.doors.mcp_server.tool import Arguments, Call, Tool
from trading_mcp.doors.mcp_server.tools_looking import SET, Limit, Pair
from trading_mcp.doors.mcp_server.tools_trading import Reason
from trading_mcp.errors import UsageInvalid

Moment = Annotated[str, Meta(description="2026-11-21 or 2026-11-21T08:30:00Z")]
Cursor = Annotated[str, Meta(description="From the answer before")]
Book = Annotated[str, Meta(description='Only this algorithm, or "manual"')]


class GetTradeHistory(Arguments, frozen=True, kw_only=True):
    """Which fills."""

    pair: Pair = ""
    algorithm: Book = ""
    since: Moment = ""
    until: Moment = ""
    text: Annotated[str, Meta(description="Words in the reason, ids or figures")] = ""
    limit: Limit = 50
    cursor: Cursor = ""


class GetPnlReport(Arguments, frozen=True, kw_only=True):
    """Which results."""

    group_by: Literal["pair", "venue", "algorithm", "day", "signal"] = "pair"
    pair: Pair = ""
    algorithm: Book = ""


class GetEvents(Arguments, frozen=True, kw_only=True):
    """Which entries."""

    kinds: Annotated[tuple[str, ...], Meta(description="Such as IntentJudged, FillRecorded, Latched")] = ()
    intent_id: str = ""
    pair: Pair = ""
    actor: Annotated[str, Meta(description="A door (mcp, cli), a client or an algorithm")] = ""
    since: Moment = ""
    until: Moment = ""
    text: str = ""
    limit: Limit = 20
    cursor: Cursor = ""


class ExplainDecision(Arguments, frozen=True, kw_only=True):
    """Which decision."""

    seq: Annotated[int, Meta(description="An entry of the journal")] = 0
    intent_id: Annotated[str, Meta(description="Instead of seq")] = ""


class GetProposals(Arguments, frozen=True, kw_only=True):
    """Whether those that ended are wanted, and how many."""

    ended: Annotated[bool, Meta(description="Also what became of earlier ones")] = False
    limit: Limit = 20
    cursor: Cursor = ""


class WithdrawProposal(Arguments, frozen=True, kw_only=True):
    """Which proposal."""

    proposal_id: str
    reason: Reason = ""


def _wanted(given: GetTradeHistory | GetEvents) -> Filter:
    """Read what both ask alike."""
    return Filter(
        pair=normalise(given.pair) if given.pair else "",
        since=moment_of(given.since, "since"),
        until=moment_of(given.until, "until"),
        text=given.text,
        limit=given.limit,
        cursor=given.cursor,
    )


async def get_trade_history(call: Call, given: GetTradeHistory) -> TradesAnswer:
    wanted = replace(_wanted(given), book=given.algorithm)
    told = await history.trades(call.desk.book, call.desk.ports.journal, wanted)
    return history.with_realised(told, await call.moments.earned(min((each.seq for each in told.trades), default=0)))


async def get_pnl_report(call: Call, given: GetPnlReport) -> ResultsAnswer:
    pair = normalise(given.pair) if given.pair else ""
    earned = await call.moments.earned(0)
    read = call.moments.now()
    told = history.results(read, group_by=given.group_by, pair=pair, book=given.algorithm)
    return history.with_earned(told, read, earned, pair=pair, book=given.algorithm)


async def get_events(call: Call, given: GetEvents) -> EventsAnswer:
    wanted = replace(_wanted(given), kinds=given.kinds, intent_id=given.intent_id, actor=given.actor)
    return await history.events(call.desk.ports.journal, wanted)


def explain_decision(call: Call, given: ExplainDecision) -> WhyAnswer:
    if bool(given.seq) == bool(given.intent_id):
        raise UsageInvalid(
            "It is not said which decision: seq or intent_id, one of the two.", "Find its seq with get_events."
        )
    return past.why(given.intent_id or str(given.seq), call.desk.book, call.desk.ports.journal)


async def get_proposals(call: Call, given: GetProposals) -> ProposalsTold:
    wanted = Filter(limit=given.limit, cursor=given.cursor) if given.ended else None
    return await history.proposals(call.moments.now, call.desk.ports.journal, wanted)


async def withdraw_proposal(call: Call, given: WithdrawProposal) -> DoneAnswer:
    command = c.Withdraw(
        proposal_id=named(given.proposal_id, call.desk.book.proposals),
        door=call.before.door,
        reason=said(given.reason),
    )
    return call.acting.told(await call.acting.handled(command))


HISTORY: Final = (
    Tool(
        name="get_trade_history",
        title="Trade history",
        toolset=SET,
        description="Fills, newest first: price, worth, fee, realised profit, and the intent, reason and signal "
        "behind each while they are remembered, which is a week. What was earned in all: get_pnl_report.",
        arguments=GetTradeHistory,
        answer=TradesAnswer,
        run=get_trade_history,
    ),
    Tool(
        name="get_pnl_report",
        title="Profit and loss",
        toolset=SET,
        description="What was earned, in the base currency: today's result, drawdown from the peaks, and realised, "
        "unrealised and fees by pair, venue or algorithm since the home began, or by day or signal; Sharpe and "
        "Sortino once there are 20 daily returns.",
        arguments=GetPnlReport,
        answer=ResultsAnswer,
        run=get_pnl_report,
    ),
    Tool(
        name="get_events",
        title="Journal",
        toolset=SET,
        description="The journal, newest first: everything that was judged, sent, filled and refused; your own "
        "calls only by kind (ToolCalled). Filter by kind, intent, pair, actor, time or text. Finds what became of a "
        "call whose answer was lost.",
        arguments=GetEvents,
        answer=EventsAnswer,
        run=get_events,
    ),
    Tool(
        name="explain_decision",
        title="Why a decision was made",
        toolset=SET,
        description="The verdict on one intent as it was recorded: every finding with its limit, the actual value "
        "and what would have passed, and what became of it.",
        arguments=ExplainDecision,
        answer=WhyAnswer,
        run=explain_decision,
    ),
    Tool(
        name="get_proposals",
        title="Proposals",
        toolset=SET,
        description="What waits for the owner's signature, with its findings and when it expires; on "
        "request also what became of earlier ones. You cannot approve; the owner signs at the terminal.",
        arguments=GetProposals,
        answer=ProposalsTold,
        run=get_proposals,
    ),
    Tool(
        name="withdraw_proposal",
        title="Withdraw a proposal",
        toolset="trade",
        description="Take back a proposal that came through this door and is not wanted any more.",
        arguments=WithdrawProposal,
        answer=DoneAnswer,
        run=withdraw_proposal,
        reads=False,
        destructive=True,
    ),
)

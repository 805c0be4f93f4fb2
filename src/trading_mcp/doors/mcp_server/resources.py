"""Resources: what a client may read by its address, if it may call the tool that tells the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple
from urllib.parse import unquote

from trading_mcp.desk import history, past, queries
from trading_mcp.desk.answers import EntryShown
from trading_mcp.desk.answers_past import ProposalsTold
from trading_mcp.desk.history import Filter
from trading_mcp.desk.queries import ROWS_MAX
from trading_mcp.doors.mcp_server.tool import Arguments, Call, Tool
from trading_mcp.doors.mcp_server.tools import TOOLS
from trading_mcp.errors import UsageInvalid
from trading_mcp.redact import redacted

STATUS: Final = "desk://status"
POLICY: Final = "desk://policy"
POSITIONS: Final = "desk://positions"
PROPOSAL: Final = "desk://proposals/"
ENTRY: Final = "desk://journal/"
ADDRESS_MAX: Final = 300
_DIGITS_MAX: Final = 15
_TOOLS: Final = {tool.name: tool for tool in TOOLS}


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One address, or all that begin alike; a read of it is a call like that of a tool, and journaled as one."""

    uri: str
    part: str = ""
    title: str
    description: str
    same_as: str
    tool: Tool

    @property
    def template(self) -> str:
        """Return the address as clients see it."""
        return f"{self.uri}{{{self.part}}}" if self.part else self.uri


class Found(NamedTuple):
    """The resource that an address means, and what its read is called with."""

    resource: Resource
    given: dict[str, str]


class OneProposal(Arguments, frozen=True, kw_only=True):
    """Which proposal."""

    id: str


class OneEntry(Arguments, frozen=True, kw_only=True):
    """Which entry."""

    seq: str


async def read_proposal(call: Call, given: OneProposal) -> ProposalsTold:
    """Tell what get_proposals tells, of this one alone; it has an address for as long as its end is remembered."""
    journal = call.desk.ports.journal
    waiting = tuple(each for each in queries.proposals(call.moments.now()).proposals if each.id == given.id)
    if waiting:
        return ProposalsTold(proposals=waiting, left_out=0, ended=(), cursor="")
    past_ones = (await history.proposals(call.moments.now, journal, Filter(limit=ROWS_MAX))).ended
    ended = tuple(each for each in past_ones if each.id == given.id)
    if not ended:
        raise UsageInvalid(
            f"No proposal {redacted(given.id, 60)} waits or ended lately.",
            "What waits and what ended: get_proposals. What became of others: get_events.",
        )
    return ProposalsTold(proposals=(), left_out=0, ended=ended[:1], cursor="")


def read_entry(call: Call, given: OneEntry) -> EntryShown:
    if not (given.seq.isascii() and given.seq.isdecimal() and len(given.seq) <= _DIGITS_MAX):
        raise UsageInvalid(f"{redacted(given.seq, 40)} is no entry's number.", f"Read {ENTRY}1, for example.")
    return past.show(call.desk.ports.journal, int(given.seq))


def _whole(uri: str, title: str, same_as: str, description: str) -> Resource:
    """Return the resource that tells what a tool without arguments tells."""
    tool = replace(_TOOLS[same_as], name=uri)
    return Resource(uri=uri, title=title, description=description, same_as=same_as, tool=tool)


RESOURCES: Final = (
    _whole(
        STATUS,
        "Desk status",
        "get_agent_status",
        "Mode, trading state and why, what is blocked and by what. Updated when states, orders, proposals or "
        "positions change.",
    ),
    _whole(
        POLICY, "Limits in force", "get_guardrails", "Every limit and its use. Updated when a limit itself changes."
    ),
    _whole(
        POSITIONS,
        "Positions",
        "get_portfolio",
        "Cash and positions and what guards them. Updated when what is held changes, not with every price.",
    ),
    Resource(
        uri=PROPOSAL,
        part="id",
        title="One proposal",
        description="What waits for the owner's signature, or what became of it. Updated when it opens or ends.",
        same_as="get_proposals",
        tool=replace(
            _TOOLS["get_proposals"],
            name=f"{PROPOSAL}{{id}}",
            arguments=OneProposal,
            answer=ProposalsTold,
            run=read_proposal,
        ),
    ),
    Resource(
        uri=ENTRY,
        part="seq",
        title="One entry of the journal",
        description="What was recorded under a sequence number; it never changes.",
        same_as="get_events",
        tool=replace(
            _TOOLS["get_events"], name=f"{ENTRY}{{seq}}", arguments=OneEntry, answer=EntryShown, run=read_entry
        ),
    ),
)


def offered(tools: Sequence[Tool]) -> tuple[Resource, ...]:
    """Return what a connection with these tools may read."""
    names = {tool.name for tool in tools}
    return tuple(each for each in RESOURCES if each.same_as in names)


def found(resources: Sequence[Resource], uri: str) -> Found | None:
    """Return what an address means, if it means anything here; ids may be written with or without escapes."""
    if len(uri) > ADDRESS_MAX:
        return None
    for each in resources:
        if not each.part and uri == each.uri:
            return Found(each, {})
        if each.part and uri.startswith(each.uri) and len(uri) > len(each.uri):
            return Found(each, {each.part: unquote(uri.removeprefix(each.uri))})
    return None

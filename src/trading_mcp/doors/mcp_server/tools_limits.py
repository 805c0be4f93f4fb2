"""Tools about the limits: read them, tighten them at once, ask the owner to loosen them, and stop everything."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta

from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.policy import Delta
from trading_mcp.desk import limits, queries
from trading_mcp.desk.acting import said
from trading_mcp.desk.answers import Answer, DoneAnswer, EffectShown, PairShown, PolicyAnswer
from trading_mcp.doors.mcp_server.tool import Arguments, Call, Tool
from trading_mcp.doors.mcp_server.tools_trading import Reason
from trading_mcp.errors import UsageInvalid

SET: Final = "limits"
PAIRS_MAX: Final = 50


class GetGuardrails(Arguments, frozen=True, kw_only=True):
    """Which limits."""

    key: Annotated[str, Meta(description="A part of the keys' names; empty for all")] = ""


class SetGuardrails(Arguments, frozen=True, kw_only=True):
    """Which limits become what."""

    changes: Annotated[
        dict[str, str], Meta(description='Policy key to value as text: {"account.orders_open_max": "5"}')
    ]
    reason: Reason = ""


class ChangeReply(Answer, frozen=True, kw_only=True):
    """What a change of limits came to, key by key: before, after, and what really binds."""

    status: str
    changes: tuple[EffectShown, ...]
    sentences: tuple[str, ...]
    seqs: tuple[int, ...]
    proposal_id: str
    next_step: str


class ManagePairs(Arguments, frozen=True, kw_only=True):
    """Which pairs."""

    action: Literal["list", "add", "remove"]
    pairs: tuple[str, ...] = ()
    reason: Reason = ""


class PairsReply(Answer, frozen=True, kw_only=True):
    """The pairs, and what a change of them came to."""

    status: str
    pairs: tuple[PairShown, ...]
    left_out: int
    sentences: tuple[str, ...]
    proposal_id: str
    next_step: str


class KillSwitch(Arguments, frozen=True, kw_only=True):
    """Why."""

    reason: Annotated[str, Meta(description="Why, for the owner who has to release it")]


def get_guardrails(call: Call, given: GetGuardrails) -> PolicyAnswer:
    return limits.policy(call.moments.now(), given.key)


async def set_guardrails(call: Call, given: SetGuardrails) -> ChangeReply:
    deltas = limits.deltas_of(call.desk.book, given.changes, "")
    foreseen = limits.effects(call.moments.now(), deltas)
    done = await _change(call, deltas, given.reason)
    return ChangeReply(
        status=_status(done),
        changes=foreseen,
        sentences=done.sentences,
        seqs=done.seqs,
        proposal_id=done.proposal_id,
        next_step=done.next_step,
    )


async def manage_pairs(call: Call, given: ManagePairs) -> PairsReply:
    if given.action == "list":
        done = DoneAnswer(done=True, sentences=(), seqs=())
    elif not 1 <= len(given.pairs) <= PAIRS_MAX:
        raise UsageInvalid(
            f"It takes 1 to {PAIRS_MAX} pairs.",
            f'Nothing was done. For one: manage_pairs {{"action":"{given.action}","pairs":["BTC-USDT"]}}',
        )
    else:
        deltas = limits.of_pairs(call.moments.of_all_pairs(), given.action, given.pairs)
        done = await _change(call, deltas, given.reason)
    told = queries.pairs(call.moments.of_all_pairs())
    return PairsReply(
        status="listed" if given.action == "list" else _status(done),
        pairs=told.pairs,
        left_out=told.left_out,
        sentences=done.sentences,
        proposal_id=done.proposal_id,
        next_step=done.next_step,
    )


async def _change(call: Call, deltas: tuple[Delta, ...], reason: str) -> DoneAnswer:
    command = c.ChangePolicy(
        id=call.before.call_id, deltas=deltas, door=call.before.door, client=call.client, reason=said(reason)
    )
    return call.acting.told(await call.acting.handled(command))


def _status(done: DoneAnswer) -> str:
    return "denied" if not done.done else "awaiting_approval" if done.proposal_id else "changed"


async def kill_switch(call: Call, given: KillSwitch) -> DoneAnswer:
    return await call.acting.halt(
        c.Halt(door=call.before.door, reason=said(given.reason) or "an assistant asked for it")
    )


LIMITS: Final = (
    Tool(
        name="get_guardrails",
        title="Limits in force",
        toolset="look",
        description="Every limit: its value, what it comes to at today's equity and which key really binds, how much "
        "of it is used now, and how often each has refused something. Give a part of a key's name to see less.",
        arguments=GetGuardrails,
        answer=PolicyAnswer,
        run=get_guardrails,
    ),
    Tool(
        name="set_guardrails",
        title="Change limits",
        toolset=SET,
        description="Tighten limits at once; whatever loosens becomes a proposal that only the owner's signature "
        "applies, all changes of the call together. Answers with each limit's effect before and after, and the key "
        "that binds. Not for pairs: manage_pairs.",
        arguments=SetGuardrails,
        answer=ChangeReply,
        run=set_guardrails,
        reads=False,
        destructive=True,
        idempotent=False,
    ),
    Tool(
        name="manage_pairs",
        title="Pairs that may be traded",
        toolset=SET,
        description="List what the venues offer and what of it is approved; remove pairs at once; ask the owner to "
        "add some. A pair is active when it is approved and offered. Exits of a removed pair still pass.",
        arguments=ManagePairs,
        answer=PairsReply,
        run=manage_pairs,
        reads=False,
        destructive=True,
        idempotent=False,
    ),
    Tool(
        name="kill_switch",
        title="Stop all trading",
        toolset=SET,
        description="Halt the desk at once and cancel every working order but those that protect positions. Never "
        "blocked. Only the owner's signature releases it, so use it when asked to, or when something is badly wrong.",
        arguments=KillSwitch,
        answer=DoneAnswer,
        run=kill_switch,
        reads=False,
        destructive=True,
        reaches_out=True,
    ),
)

"""Proposals of every kind, put before the person without asking the gate, and what is shown of them."""

from decimal import Decimal
from typing import Any, Final

from msgspec.structs import replace

from tests.adapters.approvals.room import NOW, Room
from trading_mcp.adapters.approvals.facts import facts_of
from trading_mcp.adapters.approvals.shown import Shown, lines_of
from trading_mcp.core.domain.latches import ACCOUNT, Latch, Scope, TradingState
from trading_mcp.core.domain.market import DAY, MINUTE
from trading_mcp.core.domain.orders import Door
from trading_mcp.core.domain.policy import Delta
from trading_mcp.core.domain.portfolio import Position
from trading_mcp.core.domain.proposals import (
    Proposal,
    ProposalBody,
    ProposedPolicy,
)
from trading_mcp.core.domain.verdict import Code
from trading_mcp.core.guardrails.asking import body_hash

D: Final = Decimal
NOTIONAL: Final = "market.crypto.order_notional_max"


def waiting(room: Room, body: ProposalBody, life: int = 7 * DAY) -> Proposal:
    """Let this, and nothing else, wait for the person."""
    proposal = Proposal(
        id="change/one",
        body=body,
        body_hash=body_hash(body),
        door=Door.MCP,
        client="",
        reason="",
        opened_at=NOW,
        expires_at=room.facts.now + life,
    )
    room.book = replace(room.book, proposals={proposal.id: proposal})
    return proposal


def shown(room: Room, proposal: Proposal | None = None, **more: Any) -> Shown:
    (only,) = room.book.proposals.values() if proposal is None else (proposal,)
    return facts_of(only, room.book, room.facts, **more)


def facts(room: Room, **more: Any) -> dict[str, str]:
    return {row.label: row.value for row in shown(room, **more).rows}


def text(room: Room, **more: Any) -> str:
    return "\n".join(lines_of(shown(room, **more)))


def holding(room: Room, *positions: Position) -> None:
    held = {one.key: one for one in positions}
    room.book = replace(room.book, portfolio=replace(room.book.portfolio, positions=held))


def change(room: Room, key: str, before: str, after: str) -> ProposedPolicy:
    body = ProposedPolicy(deltas=(Delta(key=key, before=before, after=after),))
    waiting(room, body)
    return body


def latched(room: Room, *latches: Latch) -> None:
    room.book = replace(room.book, latches={one.key: one for one in latches})


def latch(state: TradingState, code: Code, scope: Scope = ACCOUNT, at: int = NOW - MINUTE) -> Latch:
    return Latch(scope=scope, state=state, code=code, reason="a reason", at=at)

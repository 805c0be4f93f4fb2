"""What a new home's journal begins with: limits no looser than the shipped ones, and a proposal for the rest."""

from __future__ import annotations

from typing import Final

from trading_mcp.core.domain.events import AnyEvent, DeskCreated, ProposalOpened
from trading_mcp.core.domain.home import Home
from trading_mcp.core.domain.policy import Policy
from trading_mcp.core.domain.proposals import ProposedPolicy
from trading_mcp.core.guardrails.asking import opened
from trading_mcp.core.guardrails.direction import apply, compare
from trading_mcp.core.ports import Journal

EVENTS_MAX: Final = 2


def beginning(home: Home, shipped: Policy, wanted: Policy, now: int) -> tuple[AnyEvent, ...]:
    """Return the first entries: what only tightens the shipped limits is in force, the rest waits for the owner."""
    changes = compare(shipped, wanted)
    tightened = apply(shipped, [each.delta for each in changes if each.at_once])
    # Where the tighter ones make no sense by themselves, all of them wait together.
    limits = tightened if isinstance(tightened, Policy) else shipped
    left = tuple(each.delta for each in compare(limits, wanted))
    created = DeskCreated(at=now, home=home, policy=limits)
    if not left:
        return (created,)
    why, life = "the home was made with these limits", limits.account.proposal_change_life
    return (created, opened(f"change/first/{now}", ProposedPolicy(deltas=left), at=now, life=life, reason=why))


def has_begun_only(journal: Journal) -> bool:
    """Say whether no desk has run in the home since it was made."""
    return journal.head().seq <= EVENTS_MAX and all(
        isinstance(entry.event, DeskCreated | ProposalOpened) for entry in journal.entries()
    )

"""What the gate asks becomes a proposal: bounded in number, bound by a hash, waiting for a person."""

import hashlib

from msgspec.structs import replace

from trading_mcp.core.canonical import canonical
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.events import ProposalOpened
from trading_mcp.core.domain.money import ZERO
from trading_mcp.core.domain.orders import Door, Intent
from trading_mcp.core.domain.proposals import Proposal, ProposalBody, ProposedOrder
from trading_mcp.core.domain.verdict import Code, Finding, Verdict
from trading_mcp.core.guardrails.case import Case
from trading_mcp.core.guardrails.finding import deny


def body_hash(body: ProposalBody) -> str:
    """Return the hash by which a signature binds a proposal's content."""
    return hashlib.sha256(canonical(body)).hexdigest()


def opened(
    proposal_id: str,
    body: ProposalBody,
    *,
    at: int,
    life: int,
    door: Door = Door.CLI,
    client: str = "",
    reason: str = "",
) -> ProposalOpened:
    """Return what opens a proposal; from its first moment a hash binds what it says."""
    proposal = Proposal(
        id=proposal_id,
        body=body,
        body_hash=body_hash(body),
        door=door,
        client=client,
        reason=reason,
        opened_at=at,
        expires_at=at + life,
    )
    return ProposalOpened(at=at, proposal=proposal)


def too_many_open(book: Book, intent: Intent) -> Finding | None:
    """Bound the orders that wait for a person, by actor and in all."""
    account = book.policy.account
    waiting = [item for item in book.proposals.values() if isinstance(item.body, ProposedOrder)]
    own = sum(item.door is intent.door for item in waiting)
    for count, limit, whose in (
        (own, account.proposals_actor_max, intent.door),
        (len(waiting), account.proposals_open_max, "everyone together"),
    ):
        if not count + 1 <= limit:
            return deny(
                Code.PROPOSALS_OPEN_MAX,
                f"{whose} has {count} orders waiting for the owner",
                limit=str(limit),
                actual=str(count + 1),
                would_pass="the same order once the owner has answered one, or one was withdrawn",
            )
    return None


def proposed(case: Case, verdict: Verdict) -> ProposalOpened:
    intent, facts = case.intent, case.facts
    assert case.quantity is not None, "an order that is asked about has a quantity"  # noqa: S101 - us being wrong
    assert case.scopes is not None, "an order that is asked about was measured"  # noqa: S101 - us being wrong
    body = ProposedOrder(
        intent=intent,
        quantity=case.quantity,
        price_worst=case.price_worst or ZERO,
        reference=case.reference or ZERO,
        venue=case.venue or "",
        position=case.book.portfolio.held(intent.book, case.venue or "", intent.pair),
    )
    plain = opened(
        f"order/{intent.id}",
        body,
        at=facts.now,
        life=case.policy.account.proposal_order_life,
        door=intent.door,
        client=intent.client,
        reason=intent.reason,
    )
    return replace(plain, proposal=replace(plain.proposal, findings=verdict.findings))

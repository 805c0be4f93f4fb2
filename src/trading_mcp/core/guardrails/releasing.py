"""An entry with real money whose fate nobody can tell: a person lets it go, and what it still fills is folded."""

from typing import Final

from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.events import AnyEvent, OrderLapsed, ProposalApproved, ProposalEnded
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.orders import OrderState, Working
from trading_mcp.core.domain.proposals import Proposal, ProposalEnd, ProposedOrderRelease, Statement
from trading_mcp.core.guardrails import closing
from trading_mcp.core.guardrails.asking import opened
from trading_mcp.core.guardrails.draft import Draft
from trading_mcp.core.guardrails.resting import take_back

WHAT: Final = "release order"


def propose(command: c.ReleaseOrder, book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """Open the proposal whose signature lets an order go, and have the venue asked to cancel it meanwhile."""
    draft = Draft(book, facts)
    working = book.order(command.order_id)
    problem = problem_with(working, book)
    if not problem and _is_open(command.order_id, book):
        problem = "its release waits for the owner already"
    if problem or working is None:
        draft.refuse(WHAT, command.order_id, problem)
        return tuple(draft.events)
    order = working.order
    body = ProposedOrderRelease(order_id=order.id, venue=order.venue)
    life = book.policy.account.proposal_order_life
    draft.emit(opened(f"order-release/{order.id}/{facts.now}", body, at=facts.now, life=life))
    # The fence: if it is there after all, it is gone, or found, before the signature frees what it reserves.
    take_back(draft, working, "it is to be released")
    return tuple(draft.events)


def _is_open(order_id: str, book: Book) -> bool:
    bodies = (item.body for item in book.proposals.values())
    return any(isinstance(body, ProposedOrderRelease) and body.order_id == order_id for body in bodies)


def problem_with(working: Working | None, book: Book) -> str:
    """Return why an order is not a person's to release, or an empty string if it is."""
    if working is None:
        return "no such order is known to this book"
    if working.state is not OrderState.UNKNOWN:
        return f"its fate is known: it is {working.state}; only an order that is UNKNOWN is released"
    if working.order.reduces:
        return "it is an exit: the desk itself lets it go once its absence is certain"
    if book.home.mode is not Mode.LIVE:
        return f"the home is {book.home.mode}: there the desk itself lets it go once its absence is certain"
    return ""


def approve(draft: Draft, proposal: Proposal, body: ProposedOrderRelease, statement: Statement) -> None:
    """Let the order go as a person signed, unless its fate came to light meanwhile."""
    working = draft.book.order(body.order_id)
    problem = problem_with(working, draft.book)
    if problem or working is None:
        draft.emit(ProposalEnded(at=draft.now, proposal_id=proposal.id, end=ProposalEnd.VOIDED, reason=problem))
        return
    draft.emit(ProposalApproved(at=draft.now, proposal_id=proposal.id, statement=statement, effective_at=draft.now))
    draft.emit(OrderLapsed(at=draft.now, order_id=body.order_id, reason="released by the owner's signature"))
    closing.after_end(draft, working)

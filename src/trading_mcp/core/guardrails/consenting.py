"""A person answers: a verified statement turns one proposal into exactly what it said, or into nothing."""

from decimal import Decimal
from typing import Final, assert_never

from msgspec.structs import replace

from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.events import (
    AnyEvent,
    Attended,
    MandateIssued,
    PolicyChanged,
    ProposalApproved,
    ProposalEnded,
    Released,
)
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.latches import TradingState
from trading_mcp.core.domain.mandates import Algorithm, Mandate
from trading_mcp.core.domain.orders import Door, Intent, Purpose, Quantity, Side
from trading_mcp.core.domain.policy import Policy
from trading_mcp.core.domain.proposals import (
    Proposal,
    ProposalEnd,
    ProposedClose,
    ProposedMandate,
    ProposedOrder,
    ProposedOrderRelease,
    ProposedPolicy,
    ProposedRelease,
    Statement,
)
from trading_mcp.core.domain.recall import recall
from trading_mcp.core.domain.verdict import Outcome
from trading_mcp.core.guardrails import closing, releasing
from trading_mcp.core.guardrails.asking import body_hash, opened
from trading_mcp.core.guardrails.case import case_of
from trading_mcp.core.guardrails.clearing import cleared, judged
from trading_mcp.core.guardrails.direction import apply
from trading_mcp.core.guardrails.draft import Draft
from trading_mcp.core.guardrails.finding import share, shown
from trading_mcp.core.guardrails.gate import judge
from trading_mcp.core.guardrails.marks import is_marked, mark_now
from trading_mcp.core.guardrails.resting import review_resting

STATEMENT_VERSION: Final = 1
# None of these adds risk; where the desk has halted they are what a person is needed for.
IN_ANY_STATE: Final = (ProposedRelease, ProposedClose, ProposedOrderRelease)
_ASSISTANTS: Final = (Door.MCP, Door.HTTP, Door.RUNNER)


def problem_with(statement: Statement | None, kind: str, subject: str, book: Book, facts: Facts) -> str:
    """Return why a statement answers nothing, or an empty string if it is good."""
    if statement is None:
        return "there is no signature by the enrolled key"
    home = book.home
    checks = (
        (statement.version == STATEMENT_VERSION, "it is of another version"),
        (statement.kind == kind and statement.proposal_id == subject, "it signs something else"),
        (
            (statement.home, statement.mode, statement.account, statement.fake_venues)
            == (home.name, home.mode, home.account, home.fake_venues),
            "it was signed for another home",
        ),
        (statement.policy_hash == book.policy.hash, "the limits changed since it was shown"),
        (statement.created <= facts.now < statement.expires, "it has expired, or is not valid yet"),
        (
            statement.expires - statement.created <= book.policy.account.statement_life,
            "it claims a longer life than a statement has",
        ),
        (recall(book.nonces, statement.nonce) is None and statement.nonce != "", "it was used before"),
    )
    return next((reason for holds, reason in checks if not holds), "")


def approve(command: c.Approve, book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """Carry out what a person signed, after judging it in the world of now."""
    draft = Draft(book, facts)
    proposal = book.proposals.get(command.proposal_id)
    if proposal is None:
        draft.refuse("approve", command.proposal_id, "no such proposal is open")
        return tuple(draft.events)
    statement = facts.signed
    kind = str(type(proposal.body).__struct_config__.tag)
    problem = problem_with(statement, kind, proposal.id, book, facts)
    if not problem and statement is not None and not _binds(statement, proposal):
        problem = "what is proposed is not what was signed"
    if problem or statement is None:
        draft.refuse("approve", proposal.id, problem)
        return tuple(draft.events)
    if not facts.now < proposal.expires_at:
        _end(draft, proposal, ProposalEnd.EXPIRED, "it waited too long")
        return tuple(draft.events)
    if book.account_state >= TradingState.HALTED and not isinstance(proposal.body, IN_ANY_STATE):
        _end(draft, proposal, ProposalEnd.VOIDED, f"the desk is {book.account_state.name}")
        return tuple(draft.events)
    match proposal.body:
        case ProposedOrder():
            _approve_order(draft, proposal, proposal.body, statement)
        case ProposedClose():
            _approve_close(draft, proposal, proposal.body, statement)
        case ProposedOrderRelease():
            releasing.approve(draft, proposal, proposal.body, statement)
        case ProposedPolicy() | ProposedMandate() | ProposedRelease():
            _approve_change(draft, proposal, statement)
        case _:
            assert_never(proposal.body)
    return tuple(draft.events)


def _binds(statement: Statement, proposal: Proposal) -> bool:
    return statement.body_hash == proposal.body_hash == body_hash(proposal.body)


def _end(draft: Draft, proposal: Proposal, end: ProposalEnd, reason: str) -> None:
    draft.emit(ProposalEnded(at=draft.now, proposal_id=proposal.id, end=end, reason=reason))


def _approve_order(draft: Draft, proposal: Proposal, body: ProposedOrder, statement: Statement) -> None:
    record = draft.book.intent(body.intent.id)
    if record is not None and record.order_ids:
        # One intent is one order, even where the entry that used up the signature has gone missing.
        _end(draft, proposal, ProposalEnd.VOIDED, f"its order was cleared before: {record.order_ids[-1]}")
        return
    if not is_marked(draft.book, draft.facts, body.intent):
        mark_now(draft)
    case = case_of(body.intent, draft.book, draft.facts, draft.policy, body.venue, size=body.quantity)
    drift = drift_of(
        statement, case.reference, draft.book.portfolio.held(body.intent.book, body.venue, body.intent.pair)
    )
    if drift:
        _end(draft, proposal, ProposalEnd.VOIDED, drift)
        return
    verdict = judge(case, signed=True)
    if verdict.outcome is not Outcome.ALLOW:
        draft.emit(judged(case, verdict))
        denied = [finding.code for finding in verdict.findings if finding.outcome is Outcome.DENY]
        _end(draft, proposal, ProposalEnd.VOIDED, f"denied now: {', '.join(denied)}")
        return
    draft.emit(ProposalApproved(at=draft.now, proposal_id=proposal.id, statement=statement, effective_at=draft.now))
    draft.emit(judged(case, verdict))
    draft.emit(cleared(case, draft.next_ordinal(), signed=True))


def drift_of(statement: Statement, reference: Decimal | None, position: Decimal) -> str:
    """Return how the world has moved away from the one that was signed for, or nothing."""
    bounds = (
        statement.reference_price,
        statement.move_max,
        statement.position,
        statement.position_change_max,
    )
    price, move_max, held, change_max = bounds
    if price is None or move_max is None or held is None or change_max is None or reference is None:
        return "the price or the position is not known well enough to compare"
    if not abs(reference - price) <= move_max * price:
        return f"the price moved from {shown(price)} to {shown(reference)}, more than {share(move_max)}"
    if not abs(position - held) <= change_max:
        return f"the position changed from {shown(held)} to {shown(position)}"
    return ""


def _approve_close(draft: Draft, proposal: Proposal, body: ProposedClose, statement: Statement) -> None:
    position = draft.book.portfolio.positions.get(body.position)
    if position is None or abs(position.quantity) != body.quantity:
        _end(draft, proposal, ProposalEnd.VOIDED, "the position is not what it was")
        return
    draft.emit(ProposalApproved(at=draft.now, proposal_id=proposal.id, statement=statement, effective_at=draft.now))
    exit_intent = Intent(
        id=f"{proposal.id}/signed",
        door=Door.CLI,
        pair=position.pair,
        side=Side.SELL if position.quantity > 0 else Side.BUY,
        amount=Quantity(body.quantity),
        book=position.book,
        venue=position.venue,
        reason=proposal.reason,
        purpose=Purpose.CLOSE,
    )
    closing.begin(draft, body.position, exit_intent, body.quantity)


def _approve_change(draft: Draft, proposal: Proposal, statement: Statement) -> None:
    """Let a loosening wait out its delay; a release to REDUCING does not wait."""
    body, delay = proposal.body, draft.policy.account.loosening_delay
    if isinstance(body, ProposedRelease):
        if draft.facts.is_halt_file_present:
            draft.refuse("approve", proposal.id, "the file HALT stands in the home: remove it first")
            return
        if body.target is not TradingState.ACTIVE:
            delay = 0
    approved = ProposalApproved(
        at=draft.now,
        proposal_id=proposal.id,
        statement=statement,
        effective_at=draft.now + delay,
        effective_uptime=draft.facts.uptime + delay,
    )
    draft.emit(approved)
    if delay == 0:
        take_effect(draft, proposal)


def take_effect(draft: Draft, proposal: Proposal) -> None:
    """Put a signed change in force, if the world it was signed for is still there."""
    body = proposal.body
    if isinstance(body, ProposedRelease):
        problem = _release_problem(draft, proposal, body)
        if problem:
            _end(draft, proposal, ProposalEnd.VOIDED, problem)
            return
        draft.emit(Released(at=draft.now, scope=body.scope, target=body.target, nonce=f"effect/{proposal.id}"))
        _end_change(draft, proposal)
    elif draft.book.account_state >= TradingState.HALTED:
        _end(draft, proposal, ProposalEnd.VOIDED, f"the desk is {draft.book.account_state.name}")
    elif isinstance(body, ProposedPolicy):
        changed = apply(draft.policy, body.deltas)
        if not isinstance(changed, Policy):
            _end(draft, proposal, ProposalEnd.VOIDED, "the limits are not what they were when it was proposed")
            return
        draft.emit(PolicyChanged(at=draft.now, policy=changed, deltas=body.deltas, proposal_id=proposal.id))
        review_resting(draft, lambda _: True)
    else:
        assert isinstance(body, ProposedMandate), "only a change comes into force later"  # noqa: S101 - us being wrong
        mandate = body.mandate
        algorithm = draft.book.algorithms.get(mandate.algorithm)
        if algorithm is None or not algorithm.enabled or not _is_for(mandate, algorithm):
            _end(draft, proposal, ProposalEnd.VOIDED, "the algorithm is not what it was")
            return
        measure = draft.book.measures.get(f"algorithm/{mandate.algorithm}")
        worth = algorithm.capital if measure is None else measure.value
        draft.emit(MandateIssued(at=draft.now, mandate=replace(mandate, issued_at=draft.now, value_at_issue=worth)))
        _end_change(draft, proposal)


def _release_problem(draft: Draft, proposal: Proposal, body: ProposedRelease) -> str:
    """Return why a signed release must not come into force: it answers only what had latched when it was proposed."""
    if draft.facts.is_halt_file_present:
        return "the file HALT stands in the home"
    latched = [item for item in draft.book.latches.values() if item.scope == body.scope and item.state > body.target]
    later = [item.code for item in latched if not item.at <= proposal.opened_at]
    return f"latched since it was proposed: {', '.join(later)}" if later else ""


def _is_for(mandate: Mandate, algorithm: Algorithm) -> bool:
    named = (algorithm.version, algorithm.pairs, algorithm.venues, algorithm.capital)
    return (mandate.version, mandate.pairs, mandate.venues, mandate.capital) == named


def _end_change(draft: Draft, proposal: Proposal) -> None:
    if proposal.id in draft.book.changes:
        _end(draft, proposal, ProposalEnd.APPROVED, "it is in force")


def decline(command: c.Decline, book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """Take a person's no; no signature is needed to say it."""
    return _close_proposal(book, facts, command.proposal_id, ProposalEnd.DECLINED, command.reason)


def withdraw(command: c.Withdraw, book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """Take back a proposal, or a signed loosening that still waits; anyone may make the desk stricter."""
    found = book.proposals.get(command.proposal_id)
    if found is not None and command.door in _ASSISTANTS and found.door is not command.door:
        # What others ask of the owner, such as the end of a latch, is not theirs to take back.
        draft = Draft(book, facts)
        draft.refuse(str(ProposalEnd.WITHDRAWN), command.proposal_id, "it was proposed through another door")
        return tuple(draft.events)
    return _close_proposal(book, facts, command.proposal_id, ProposalEnd.WITHDRAWN, command.reason)


def _close_proposal(
    book: Book, facts: Facts, proposal_id: str, end: ProposalEnd, reason: str
) -> tuple[AnyEvent, ...]:
    draft = Draft(book, facts)
    if proposal_id not in book.proposals and proposal_id not in book.changes:
        draft.refuse(str(end), proposal_id, "no such proposal is open")
    else:
        draft.emit(ProposalEnded(at=facts.now, proposal_id=proposal_id, end=end, reason=reason))
    return tuple(draft.events)


def release(command: c.Release, book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """Open the proposal whose signature ends a latch; a release is signed or it does not exist."""
    draft = Draft(book, facts)
    subject = command.scope.key
    latched = [item for item in book.latches.values() if item.scope == command.scope]
    body = ProposedRelease(scope=command.scope, target=command.target)
    if facts.is_halt_file_present:
        draft.refuse("release", subject, "the file HALT stands in the home: remove it first")
    elif not any(item.state > command.target for item in latched):
        draft.refuse("release", subject, f"nothing in {subject} is stricter than {command.target.name}")
    elif any(item.body == body for item in book.proposals.values()):
        draft.refuse("release", subject, "that release waits for the owner already")
    else:
        proposal_id = f"release/{subject}/{command.target.name.lower()}/{facts.now}"
        why, life = "; ".join(item.reason for item in latched), book.policy.account.proposal_change_life
        draft.emit(opened(proposal_id, body, at=facts.now, life=life, reason=why))
    return tuple(draft.events)


def attend(book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """Start the unattended counts again, on a signature."""
    draft = Draft(book, facts)
    problem = problem_with(facts.signed, "attend", "attend", book, facts)
    if problem or facts.signed is None:
        draft.refuse("attend", "attend", problem)
    else:
        draft.emit(Attended(at=facts.now, nonce=facts.signed.nonce))
    return tuple(draft.events)

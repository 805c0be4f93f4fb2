"""Statements: drawn from a proposal and the world of now, signed by a person, verified to the byte."""

from enum import Enum
from typing import Final

import msgspec

from trading_mcp.adapters.approvals.approver import Approver, is_signed
from trading_mcp.adapters.approvals.keystore import UnlockedKey
from trading_mcp.core.canonical import canonical
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.latches import ScopeKind
from trading_mcp.core.domain.market import market_of
from trading_mcp.core.domain.money import ZERO, exactly, is_change
from trading_mcp.core.domain.proposals import (
    Proposal,
    ProposalBody,
    ProposedClose,
    ProposedMandate,
    ProposedOrder,
    ProposedOrderRelease,
    ProposedRelease,
    Statement,
)
from trading_mcp.core.guardrails.asking import body_hash
from trading_mcp.core.guardrails.case import case_of
from trading_mcp.core.guardrails.consenting import STATEMENT_VERSION

REAL: Final = b"trading-mcp/statement/1\n"
FAKE: Final = b"trading-mcp/statement/1/fake-venues\n"
"""What is signed in a home of fake venues, so that no signature of it counts in a real one."""
STATEMENT_BYTES_MAX: Final = 16 * 1024
# What bytes that are not ours can raise: a shape, a number or a text no statement has, or a nesting without end.
_FOREIGN: Final = (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError)
_decoder: Final = msgspec.json.Decoder(Statement)


class NotDrawn(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is nothing to sign now."""

    reason: str


class Act(Enum):
    """What a person signs without a proposal, as the kind and the subject of its statement."""

    ATTEND = ("attend", "attend")
    HALT_EVERYTHING = ("halt", "everything")


def statement_bytes(statement: Statement) -> bytes:
    """Return exactly what is signed: a domain that ends in a line feed, then canonical JSON."""
    return (FAKE if statement.fake_venues else REAL) + canonical(statement)


def sign(statement: Statement, key: UnlockedKey) -> bytes:
    """Sign a statement; the key is locked again afterwards."""
    return key.sign(statement_bytes(statement))


def draw_statement(proposal: Proposal, book: Book, facts: Facts, nonce: str) -> Statement | NotDrawn:
    """Bind a proposal to the world of now; drawn when a person opens it, and good for minutes."""
    now, body = facts.now, proposal.body
    if book.proposals.get(proposal.id) != proposal or proposal.body_hash != body_hash(body):
        return NotDrawn(reason="What is shown is not what was proposed.")
    if not now < proposal.expires_at:
        return NotDrawn(reason="The proposal has expired.")
    plain = msgspec.structs.replace(
        _plain(str(type(body).__struct_config__.tag), proposal.id, book, now, nonce),
        venue=_venue_of(body),
        body_hash=proposal.body_hash,
        expires=min(now + book.policy.account.statement_life, proposal.expires_at),
    )
    return _bounded(plain, body, book, facts) if isinstance(body, ProposedOrder) else plain


def draw_act(act: Act, book: Book, facts: Facts, nonce: str) -> Statement:
    """Bind an act of a person that answers no proposal."""
    kind, subject = act.value
    return _plain(kind, subject, book, facts.now, nonce)


def _plain(kind: str, subject: str, book: Book, now: int, nonce: str) -> Statement:
    home = book.home
    return Statement(
        version=STATEMENT_VERSION,
        proposal_id=subject,
        kind=kind,
        account=home.account,
        venue="",
        mode=home.mode,
        fake_venues=home.fake_venues,
        body_hash="",
        policy_hash=book.policy.hash,
        created=now,
        expires=now + book.policy.account.statement_life,
        nonce=nonce,
        home=home.name,
    )


def _bounded(plain: Statement, body: ProposedOrder, book: Book, facts: Facts) -> Statement | NotDrawn:
    """Say how far price and position may move until the signature comes back."""
    intent = body.intent
    with exactly():
        case = case_of(intent, book, facts, book.policy, body.venue, size=body.quantity)
    if case.reference is None:
        return NotDrawn(reason=f"No price of {intent.pair} is known now, so its drift could not be bounded.")
    return msgspec.structs.replace(
        plain,
        reference_price=case.reference,
        move_max=book.policy.limits(market_of(intent.pair)).drift_price_max,
        position=book.portfolio.held(intent.book, body.venue, intent.pair),
        position_change_max=ZERO,
    )


def _venue_of(body: ProposalBody) -> str:
    match body:
        case ProposedOrder() | ProposedOrderRelease():
            return body.venue
        case ProposedClose():
            return body.position.split("/")[1]
        case ProposedRelease():
            return body.scope.name if body.scope.kind is ScopeKind.VENUE else ""
        case ProposedMandate():
            return ",".join(body.mandate.venues)
        case _:
            return ""


class PinnedVerifier:
    """Believes the pinned approver alone, in one home's domain, and only bytes that say one thing."""

    def __init__(self, approver: Approver | None, named: str, *, fake_venues: bool) -> None:
        # A pin that is not the key the home has recorded signs nothing here, whoever put it there.
        self._public = None if approver is None or approver.fingerprint != named else approver.public
        self._domain = FAKE if fake_venues else REAL
        self._fake_venues = fake_venues

    def verified(self, statement: bytes, signature: bytes) -> Statement | None:
        """Return the statement if its signature holds, else None."""
        public = self._public
        if public is None or len(statement) > STATEMENT_BYTES_MAX or not statement.startswith(self._domain):
            return None
        if not is_signed(public, statement, signature):
            return None
        found = _strictly(statement[len(self._domain) :])
        return found if found is not None and found.fake_venues is self._fake_venues else None


def _strictly(content: bytes) -> Statement | None:
    """Read a statement whose every byte is the one that we would have written."""
    try:
        statement = _decoder.decode(content)
        numbers = (statement.reference_price, statement.move_max, statement.position, statement.position_change_max)
        is_exact = all(number is None or is_change(number) for number in numbers)
        return statement if is_exact and canonical(statement) == content else None
    except _FOREIGN:
        return None

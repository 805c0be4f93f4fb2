"""What the owner is asked, what the owner answered, and who the owner is."""

from trading_mcp.core.domain.event import Event
from trading_mcp.core.domain.home import Token
from trading_mcp.core.domain.latches import Scope, TradingState
from trading_mcp.core.domain.policy import Delta, Policy
from trading_mcp.core.domain.proposals import Proposal, ProposalEnd, Statement


class ProposalOpened(Event, frozen=True, kw_only=True):
    """Something waits for a person."""

    proposal: Proposal


class ProposalApproved(Event, frozen=True, kw_only=True):
    """A person signed, and what was signed has passed the gate again."""

    proposal_id: str
    statement: Statement
    effective_at: int
    effective_uptime: int = 0


class ProposalEnded(Event, frozen=True, kw_only=True):
    """A proposal was declined, expired, withdrawn, or voided by what came after."""

    proposal_id: str
    end: ProposalEnd
    reason: str


class Refused(Event, frozen=True, kw_only=True):
    """A command other than an order came to nothing, and why."""

    what: str
    subject: str
    reason: str


class Released(Event, frozen=True, kw_only=True):
    """A signature ended the latches of a scope, down to a target state."""

    scope: Scope
    target: TradingState
    nonce: str


class PolicyChanged(Event, frozen=True, kw_only=True):
    """Other limits are in force."""

    policy: Policy
    deltas: tuple[Delta, ...]
    proposal_id: str = ""


class Attended(Event, frozen=True, kw_only=True):
    """A person signed that somebody is watching; the unattended counts start again."""

    nonce: str


class ApproverEnrolled(Event, frozen=True, kw_only=True):
    """The key that signs for this home."""

    fingerprint: str
    public_key: str


class ApproverReplaced(Event, frozen=True, kw_only=True):
    """Another key is pinned than this home's, and the key before did not sign for it: a day of notices begins."""

    fingerprint: str
    public_key: str
    shipped: Policy
    uptime: int = 0


class LiveEnabled(Event, frozen=True, kw_only=True):
    """A person signed that a venue account may be traded with real money."""

    venue: str
    account: str
    nonce: str


class TokensChanged(Event, frozen=True, kw_only=True):
    """Others may come in by HTTP than was last on record: the owner made tokens, or took them back."""

    made: tuple[Token, ...] = ()
    revoked: tuple[Token, ...] = ()

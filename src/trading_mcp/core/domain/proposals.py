"""What waits for a person, and the statement that person signs."""

from decimal import Decimal
from enum import StrEnum

import msgspec

from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.latches import Scope, TradingState
from trading_mcp.core.domain.mandates import Mandate
from trading_mcp.core.domain.orders import Door, Intent
from trading_mcp.core.domain.policy import Delta
from trading_mcp.core.domain.verdict import Finding


class ProposedOrder(msgspec.Struct, frozen=True, kw_only=True, tag="order"):
    """An order the gate asks about; the intent is judged anew when it is signed."""

    intent: Intent
    quantity: Decimal
    price_worst: Decimal
    reference: Decimal
    venue: str
    position: Decimal


class ProposedPolicy(msgspec.Struct, frozen=True, kw_only=True, tag="policy"):
    """Changes of which at least one loosens a limit."""

    deltas: tuple[Delta, ...]


class ProposedMandate(msgspec.Struct, frozen=True, kw_only=True, tag="mandate"):
    """Leave for an algorithm to trade unattended within bounds."""

    mandate: Mandate


class ProposedRelease(msgspec.Struct, frozen=True, kw_only=True, tag="release"):
    """The end of a latch, and the state it gives way to."""

    scope: Scope
    target: TradingState


class ProposedClose(msgspec.Struct, frozen=True, kw_only=True, tag="close"):
    """The end of a position the desk did not make."""

    position: str
    quantity: Decimal


class ProposedOrderRelease(msgspec.Struct, frozen=True, kw_only=True, tag="order_release"):
    """The end, for the book, of an order whose fate nobody can tell."""

    order_id: str
    venue: str


ProposalBody = (
    ProposedOrder | ProposedPolicy | ProposedMandate | ProposedRelease | ProposedClose | ProposedOrderRelease
)


class ProposalEnd(StrEnum):
    """How a proposal ended; each of these words is used for nothing else."""

    APPROVED = "approved"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    VOIDED = "voided"


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a person is asked to sign; it carries the words of who asked only as data."""

    id: str
    body: ProposalBody
    body_hash: str
    door: Door
    client: str
    reason: str
    opened_at: int
    expires_at: int
    findings: tuple[Finding, ...] = ()


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """Exactly what is signed: the proposal, the world it was shown in, and how far that may move."""

    version: int
    proposal_id: str
    kind: str
    account: str
    venue: str
    mode: Mode
    fake_venues: bool
    body_hash: str
    policy_hash: str
    created: int
    expires: int
    nonce: str
    reference_price: Decimal | None = None
    move_max: Decimal | None = None
    position: Decimal | None = None
    position_change_max: Decimal | None = None
    # Two homes of one owner may hold the same proposal under the same limits; a signature is for one of them.
    home: str = ""

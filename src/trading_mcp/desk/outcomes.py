"""What became of an intent, in the eleven words that every door uses."""

from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.money import ZERO
from trading_mcp.core.domain.orders import OrderState, Working
from trading_mcp.core.domain.verdict import Finding
from trading_mcp.core.domain.verdict import Outcome as Answer


class Status(StrEnum):
    """How a trade stands."""

    FILLED = "filled"
    WORKING = "working"
    CANCELLED = "cancelled"
    AWAITING_APPROVAL = "awaiting_approval"
    DECLINED = "declined"
    EXPIRED = "expired"
    DENIED = "denied"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    RECORDED = "recorded"
    PREVIEW = "preview"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One intent's fate so far; `status` is None only for an intent nobody has heard of."""

    intent_id: str
    status: Status | None
    findings: tuple[Finding, ...] = ()
    order_id: str = ""
    quantity: Decimal = ZERO
    filled: Decimal = ZERO
    proposal_id: str = ""


_BY_STATE: Final = {
    OrderState.CLEARED: Status.WORKING,
    OrderState.SENDING: Status.WORKING,
    OrderState.LIVE: Status.WORKING,
    OrderState.PARTIAL: Status.WORKING,
    OrderState.CANCEL_PENDING: Status.WORKING,
    OrderState.UNKNOWN: Status.UNKNOWN,
    OrderState.REJECTED: Status.REJECTED,
    OrderState.FILLED: Status.FILLED,
    OrderState.CANCELLED: Status.CANCELLED,
    OrderState.LAPSED: Status.CANCELLED,
    OrderState.VOID: Status.DENIED,
}
_MOVING: Final = frozenset({OrderState.CLEARED, OrderState.SENDING, OrderState.CANCEL_PENDING})


def outcome_of(book: Book, intent_id: str) -> Outcome:
    """Return what the book knows of an intent."""
    record = book.intent(intent_id)
    if record is None:
        return Outcome(intent_id=intent_id, status=None)
    findings = record.verdict.findings
    orders = [found for order_id in record.order_ids if (found := book.order(order_id)) is not None]
    if orders:
        last = orders[-1]
        return Outcome(
            intent_id=intent_id,
            status=_BY_STATE[last.state],
            findings=findings,
            order_id=last.order.id,
            quantity=last.order.quantity,
            filled=last.filled,
        )
    if record.proposal_id:
        status = Status.AWAITING_APPROVAL if record.proposal_id in book.proposals else Status.EXPIRED
        return Outcome(intent_id=intent_id, status=status, findings=findings, proposal_id=record.proposal_id)
    status = Status.WORKING if record.verdict.outcome is Answer.ALLOW else Status.DENIED
    return Outcome(intent_id=intent_id, status=status, findings=findings)


def is_settled(outcome: Outcome) -> bool:
    """Say whether waiting longer would tell more soon."""
    return outcome.status is not Status.WORKING


def is_moving(working: Working) -> bool:
    """Say whether an order is between two answers of its venue."""
    return working.state in _MOVING

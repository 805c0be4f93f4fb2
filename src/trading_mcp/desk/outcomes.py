"""What became of an intent, in the eleven words that every door uses."""

from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec
from msgspec.structs import replace

from trading_mcp.core.domain.book import Book, IntentRecord
from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.money import ZERO
from trading_mcp.core.domain.orders import OrderState, TimeInForce, Working
from trading_mcp.core.domain.proposals import ProposalEnd
from trading_mcp.core.domain.verdict import Code, Finding
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
    is_resting: bool = False


_LASTING: Final = frozenset({TimeInForce.GTC, TimeInForce.DAY})
_VOIDED: Final = Finding(
    code=Code.CLEARANCE_VOID,
    outcome=Answer.DENY,
    reason="the last look before the wire refused it, and it was never sent",
    would_pass="the same intent under a new id, once what refused it has passed",  # noqa: S106 - no password
)
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
_RESTING: Final = frozenset({OrderState.LIVE, OrderState.PARTIAL})
_BY_END: Final = {
    ProposalEnd.APPROVED: Status.WORKING,
    ProposalEnd.DECLINED: Status.DECLINED,
    ProposalEnd.EXPIRED: Status.EXPIRED,
    ProposalEnd.WITHDRAWN: Status.CANCELLED,
    ProposalEnd.VOIDED: Status.DENIED,
}


def outcome_of(book: Book, intent_id: str) -> Outcome:
    """Return what the book knows of an intent."""
    record = book.intent(intent_id)
    if record is None:
        return Outcome(intent_id=intent_id, status=None)
    orders = [found for order_id in record.order_ids if (found := book.order(order_id)) is not None]
    if orders:
        return _of_order(book, record, orders[-1])
    findings = record.verdict.findings
    if record.proposal_id:
        # Approved, and what was signed has come to nothing that is still known: its proposal is gone without an end.
        status = Status.WORKING if record.ended is None else _BY_END[record.ended]
        if record.proposal_id in book.proposals:
            status = Status.AWAITING_APPROVAL
        return Outcome(intent_id=intent_id, status=status, findings=findings, proposal_id=record.proposal_id)
    if record.verdict.outcome is not Answer.ALLOW:
        status = Status.DENIED
    else:
        # An exit that first frees what a stop holds has no order yet; one that was given up has none any more.
        is_under_way = any(closing.intent.id == intent_id for closing in book.closings.values())
        status = Status.WORKING if is_under_way else Status.CANCELLED
    return Outcome(intent_id=intent_id, status=status, findings=findings)


def _of_order(book: Book, record: IntentRecord, last: Working) -> Outcome:
    intent_id, order = record.intent.id, last.order
    status, findings = _BY_STATE[last.state], record.verdict.findings
    if last.state is OrderState.VOID:
        again = _judged_again(book, intent_id)
        if again is not None:
            return replace(again, intent_id=intent_id)
        findings = (*findings, _VOIDED)
    elif last.state is OrderState.LAPSED and book.home.mode is Mode.DRY:
        status = Status.RECORDED
    return Outcome(
        intent_id=intent_id,
        status=status,
        findings=findings,
        order_id=order.id,
        quantity=order.quantity,
        filled=last.filled,
        proposal_id=record.proposal_id,
        is_resting=last.state in _RESTING and order.lapses_at is None and order.time_in_force in _LASTING,
    )


def _judged_again(book: Book, intent_id: str) -> Outcome | None:
    """Return the fate of an exit that was judged once more because its clearance grew too old."""
    parent, _, tries = intent_id.partition("/again.")
    following = f"{parent}/again.{int(tries or 0) + 1}"
    return None if book.intent(following) is None else outcome_of(book, following)


def is_settled(outcome: Outcome) -> bool:
    """Say whether waiting longer would tell more soon."""
    return outcome.status is not Status.WORKING

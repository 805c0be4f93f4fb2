"""What an owner who is away is told of."""

from typing import Final

import msgspec

from trading_mcp.core.domain.events import (
    AnyEvent,
    ApproverReplaced,
    DeskStarted,
    DeskStopped,
    ForeignHeld,
    ForeignOrdered,
    Latched,
    OrderUnknown,
    ProposalOpened,
    Released,
)
from trading_mcp.core.domain.money import plain

# What the next status leads with; older ones stand in the operator's log and in the journal.
NOTICES_KEPT: Final = 20


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What the owner was told, and when."""

    at: int
    subject: str
    text: str


def notice_of(event: AnyEvent) -> tuple[str, str] | None:
    """Return subject and text of what a person should know now, or None."""
    match event:
        case ProposalOpened(proposal=proposal):
            return "A proposal waits for you", f"{proposal.id}: read it and answer it."
        case Latched(latch=latch):
            return f"{latch.scope.key} is {latch.state.name}", f"{latch.code}: {latch.reason}"
        case Released(scope=scope, target=target):
            return f"{scope.key} is {target.name} again", "A signature released it."
        case OrderUnknown(order_id=order_id, reason=reason):
            return "An order's fate is unknown", f"{order_id}: {reason}"
        case ForeignHeld(position=held):
            text = f"{plain(held.quantity)} of {held.pair} at {held.venue}: counted as exposure, left alone."
            return "The account holds what the desk did not make", text
        case ForeignOrdered(venue=venue, orders=orders) if orders:
            text = f"{len(orders)} at {venue}: counted as exposure, and cancelled only by you."
            return "Orders work that the desk did not make", text
        case ApproverReplaced(fingerprint=fingerprint):
            text = f"{fingerprint} was not signed for by the key before. If that was not you, engage the kill switch."
            return "The approver was replaced; it signs here in a day", text
        case DeskStarted(version=version):
            return "The desk started", f"Version {version}."
        case DeskStopped(reason=reason):
            return "The desk stopped", reason
        case _:
            return None

"""What an owner who is away is told of."""

from trading_mcp.core.domain.events import (
    AnyEvent,
    DeskStarted,
    DeskStopped,
    Latched,
    OrderUnknown,
    ProposalOpened,
    Released,
)


def notice_of(event: AnyEvent) -> tuple[str, str] | None:
    """Return subject and text of what a person should know now, or None."""
    match event:
        case ProposalOpened(proposal=proposal):
            return "A proposal waits for you", f"{proposal.id}: read it with `trading-mcp proposals`."
        case Latched(latch=latch):
            return f"{latch.scope.key} is {latch.state.name}", f"{latch.code}: {latch.reason}"
        case Released(scope=scope, target=target):
            return f"{scope.key} is {target.name} again", "A signature released it."
        case OrderUnknown(order_id=order_id, reason=reason):
            return "An order's fate is unknown", f"{order_id}: {reason}"
        case DeskStarted(version=version):
            return "The desk started", f"Version {version}."
        case DeskStopped(reason=reason):
            return "The desk stopped", reason
        case _:
            return None

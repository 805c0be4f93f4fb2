"""What an owner who is away is told of."""

from typing import Final

import msgspec

from trading_mcp.core.domain.events import (
    AnyEvent,
    ApproverReplaced,
    DeskStarted,
    DeskStopped,
    ForeignHeld,
    Latched,
    OrderUnknown,
    ProposalOpened,
    Released,
    TokensChanged,
)
from trading_mcp.core.domain.money import plain
from trading_mcp.core.domain.proposals import Proposal
from trading_mcp.core.domain.verdict import Code
from trading_mcp.desk.wording import SHORT, body_text
from trading_mcp.redact import cut

# Said where a notice itself could not be told; the next status and the doctor show it.
UNREACHED: Final = "A notice did not reach you"
# As many as there are ways out.
WAYS_MAX: Final = 2
# What must be out within seconds, whatever else there is to tell.
URGENT: Final = (Latched, OrderUnknown)
# What the next status leads with; older ones stand in the operator's log and in the journal.
NOTICES_KEPT: Final = 20
# So few of each that a notice holds both, and what to do besides.
WORDS_MAX: Final = 160
BODY_MAX: Final = 140
_MARKS: Final = str.maketrans("“”", "''")


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What the owner was told, and when."""

    at: int
    subject: str
    text: str


def notice_of(event: AnyEvent) -> tuple[str, str] | None:
    """Return subject and text of what a person should know now, or None."""
    match event:
        case ProposalOpened(proposal=proposal):
            return "A proposal waits for you", f"{about(proposal)} Read it and answer it: trading-mcp proposals."
        case Latched(latch=latch) if latch.code is Code.KILL_SWITCH:
            text = f"{latch.code}, in {quoted(latch.reason)}."
            return f"{latch.scope.key} is {latch.state.name}", text
        case Latched(latch=latch):
            return f"{latch.scope.key} is {latch.state.name}", f"{latch.code}: {latch.reason}"
        case Released(scope=scope, target=target):
            return f"{scope.key} is {target.name} again", "A signature released it."
        case OrderUnknown(order_id=order_id, reason=reason):
            return "An order's fate is unknown", f"{order_id[:SHORT]}: {reason}"
        case ForeignHeld(position=held):
            text = f"{plain(held.quantity)} of {held.pair} at {held.venue}: counted as exposure, left alone."
            return "The account holds what the desk did not make", text
        case ApproverReplaced(fingerprint=fingerprint):
            text = f"{fingerprint} was not signed for by the key before. If that was not you, engage the kill switch."
            return "The approver was replaced; it signs here in a day", text
        case TokensChanged(made=made) if made:
            names = ", ".join(f"{token.name} as {token.role}" for token in made)
            return "Others may come in by HTTP", f"{names}. If that was not you: trading-mcp token revoke NAME."
        case DeskStarted(version=version):
            return "The desk started", f"Version {version}."
        case DeskStopped(reason=reason):
            return "The desk stopped", f"In {quoted(reason)}."
        case _:
            return None


def about(proposal: Proposal) -> str:
    """Return what a proposal is about, and its name, which whoever asked has chosen."""
    return f"{cut(body_text(proposal.body), BODY_MAX)}, named in {quoted(proposal.id)}."


def quoted(words: str) -> str:
    """Return words that somebody else chose as such: between marks that they cannot close, and never believed.

    That nobody checked them is said before: what follows them could be cut off, or be redacted as if they had called
    it a secret.
    """
    return f"words not checked by anyone: “{cut(words.translate(_MARKS), WORDS_MAX)}”"

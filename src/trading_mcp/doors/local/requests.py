"""What the command line may ask for; amounts travel as text, and the desk's own reports are not among it."""

from __future__ import annotations

import msgspec

from trading_mcp.desk.setups import SetupAnswer


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="request"):
    """One request; who asks is the door and never a field."""


class Status(Request, frozen=True, kw_only=True, tag="status"):
    """How the desk stands."""


class Portfolio(Request, frozen=True, kw_only=True, tag="portfolio"):
    """What is held."""


class Orders(Request, frozen=True, kw_only=True, tag="orders"):
    """Which orders work, and which ended lately."""

    pair: str = ""
    ended: bool = False
    limit: int = 50


class Proposals(Request, frozen=True, kw_only=True, tag="proposals"):
    """What waits for a person."""


class Pairs(Request, frozen=True, kw_only=True, tag="pairs"):
    """What is offered and what of it is approved."""

    limit: int = 100


class PolicyShow(Request, frozen=True, kw_only=True, tag="policy_show"):
    """The limits in force; `key` may be the beginning of one."""

    key: str = ""


class PolicyDiff(Request, frozen=True, kw_only=True, tag="policy_diff"):
    """What the text of a policy file would change."""

    text: str


class PolicyPropose(Request, frozen=True, kw_only=True, tag="policy_propose"):
    """Change limits: `changes` are keys with values, `text` is a whole file."""

    changes: dict[str, str] = {}
    text: str = ""
    reason: str = ""


class ChangePairs(Request, frozen=True, kw_only=True, tag="change_pairs"):
    """Remove pairs at once, or propose to add them."""

    pairs: tuple[str, ...]
    add: bool
    reason: str = ""


class Setup(Request, frozen=True, kw_only=True, tag="setup"):
    """What this home can hand to another one."""


class CopySetup(Request, frozen=True, kw_only=True, tag="copy_setup"):
    """Take in what another home handed out; it brings no rights."""

    origin: str
    setup: SetupAnswer


class Why(Request, frozen=True, kw_only=True, tag="why"):
    """Why a decision came out as it did: a sequence number or an intent's id."""

    subject: str


class AuditTail(Request, frozen=True, kw_only=True, tag="audit_tail"):
    """The newest entries, or those after `since`; with `wait` only once there is one, or a while has passed."""

    count: int = 20
    since: int | None = None
    all: bool = False
    wait: bool = False


class AuditShow(Request, frozen=True, kw_only=True, tag="audit_show"):
    """One entry."""

    seq: int


class AuditFind(Request, frozen=True, kw_only=True, tag="audit_find"):
    """Entries with these words, or of this kind, newest first."""

    text: str = ""
    kind: str = ""
    before: int = 0
    limit: int = 20


class AuditVerify(Request, frozen=True, kw_only=True, tag="audit_verify"):
    """Walk the whole journal."""


class AuditLines(Request, frozen=True, kw_only=True, tag="audit_lines"):
    """Entries as lines of an export."""

    since: int = 0


class Trade(Request, frozen=True, kw_only=True, tag="trade"):
    """Submit an intent, or judge it and change nothing."""

    intent_id: str
    pair: str
    side: str
    quantity: str = ""
    notional: str = ""
    type: str = "market"
    limit_price: str = ""
    stop_price: str = ""
    trail_percent: str = ""
    time_in_force: str = "gtc"
    stop_loss: str = ""
    take_profit: str = ""
    venue: str = ""
    reason: str = ""
    preview: bool = False


class CancelOrders(Request, frozen=True, kw_only=True, tag="cancel"):
    """Take orders back: one, those of a pair, or every entry order."""

    order_id: str = ""
    pair: str = ""
    all: bool = False
    reason: str = ""


class ClosePositions(Request, frozen=True, kw_only=True, tag="close"):
    """End positions of a pair, or all of the desk's own books."""

    intent_id: str
    pair: str = ""
    all: bool = False
    book: str = ""
    reason: str = ""


class HaltNow(Request, frozen=True, kw_only=True, tag="halt"):
    """Engage the kill switch; with a signature also for what guards positions."""

    reason: str = ""
    statement: str = ""
    signature: str = ""


class ReleaseLatch(Request, frozen=True, kw_only=True, tag="release"):
    """Propose the end of a scope's latches; it takes a signature."""

    scope: str = "account"
    target: str = "ACTIVE"


class ReleaseOrder(Request, frozen=True, kw_only=True, tag="release_order"):
    """Propose to let an order of unknown fate go; it takes a signature."""

    order_id: str


class Screen(Request, frozen=True, kw_only=True, tag="screen"):
    """What a person sees before signing: of a proposal, or of an act (attend, halt)."""

    proposal_id: str = ""
    act: str = ""


class ApproveProposal(Request, frozen=True, kw_only=True, tag="approve"):
    """A person's signed yes."""

    proposal_id: str
    statement: str
    signature: str


class SignAttend(Request, frozen=True, kw_only=True, tag="attend"):
    """A person signs that somebody watches."""

    statement: str
    signature: str


class DeclineProposal(Request, frozen=True, kw_only=True, tag="decline"):
    """A person's no."""

    proposal_id: str
    reason: str = ""


class PinApprover(Request, frozen=True, kw_only=True, tag="pin_approver"):
    """The user's approver may be a new one: look, and record it."""


class StopDesk(Request, frozen=True, kw_only=True, tag="stop"):
    """Stop in good order, or only if nobody needs the desk."""

    reason: str = ""
    unless_needed: bool = False


AnyRequest = (
    Status
    | Portfolio
    | Orders
    | Proposals
    | Pairs
    | PolicyShow
    | PolicyDiff
    | PolicyPropose
    | ChangePairs
    | Setup
    | CopySetup
    | Why
    | AuditTail
    | AuditShow
    | AuditFind
    | AuditVerify
    | AuditLines
    | Trade
    | CancelOrders
    | ClosePositions
    | HaltNow
    | ReleaseLatch
    | ReleaseOrder
    | Screen
    | ApproveProposal
    | SignAttend
    | DeclineProposal
    | PinApprover
    | StopDesk
)

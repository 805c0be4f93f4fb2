"""Everything anyone can ask the core to decide; imperatives, as events are past participles."""

from decimal import Decimal

import msgspec

from trading_mcp.core.domain.home import Token
from trading_mcp.core.domain.latches import Latch, Scope, TradingState
from trading_mcp.core.domain.mandates import Algorithm
from trading_mcp.core.domain.orders import Door, Fill, ForeignOrder, Intent
from trading_mcp.core.domain.policy import Delta, Policy
from trading_mcp.core.domain.portfolio import Adjustment, Position


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to decide."""


class Start(Command, frozen=True, kw_only=True):
    """A desk opened the home: what the last one left on its way is not known, what it had not sent never is."""

    version: str


class Execute(Command, frozen=True, kw_only=True):
    """Trade, if the gate allows it."""

    intent: Intent


class Close(Command, frozen=True, kw_only=True):
    """End positions: one pair or all, of one book or of all the desk's own."""

    intent_id: str
    door: Door
    pair: str | None = None
    book: str | None = None
    reason: str = ""


class Cancel(Command, frozen=True, kw_only=True):
    """Take orders back: one, or every entry order of a pair or of all."""

    door: Door
    order_id: str | None = None
    pair: str | None = None
    reason: str = ""


class Halt(Command, frozen=True, kw_only=True):
    """Engage the kill switch."""

    door: Door
    reason: str
    everything: bool = False


class AddLatch(Command, frozen=True, kw_only=True):
    """Restrict a scope; anyone and anything may."""

    latch: Latch


class Release(Command, frozen=True, kw_only=True):
    """End the latches of a scope; the signature is in the facts or it does not exist."""

    scope: Scope
    target: TradingState


class ReleaseOrder(Command, frozen=True, kw_only=True):
    """Let an order of unknown fate go; the signature is in the facts or it does not exist."""

    order_id: str


class Mark(Command, frozen=True, kw_only=True):
    """Value everything and latch what is breached; a mark made on a fill is recorded only if it latches."""

    on_fill: bool = False


class Watch(Command, frozen=True, kw_only=True):
    """Look at the prices for every position the desk guards."""


class Tick(Command, frozen=True, kw_only=True):
    """Let time pass: expiries, delayed changes, a clock that stepped, a laptop that slept."""


class LookAgain(Command, frozen=True, kw_only=True):
    """The last look before the wire, with connection and rate token already in hand.

    `behind` is an order of our own on the other side that a venue of one side at a time still has.
    """

    order_id: str
    behind: str = ""


class ReportAccepted(Command, frozen=True, kw_only=True):
    """The venue has the order."""

    order_id: str
    venue_order_id: str = ""


class ReportRejected(Command, frozen=True, kw_only=True):
    """The venue refused the order, definitely."""

    order_id: str
    reason: str


class ReportUnknown(Command, frozen=True, kw_only=True):
    """The order's fate cannot be told."""

    order_id: str
    reason: str


class ReportCancelled(Command, frozen=True, kw_only=True):
    """The venue confirmed the order's end by cancel."""

    order_id: str


class ReportLapsed(Command, frozen=True, kw_only=True):
    """The order ended by itself."""

    order_id: str
    reason: str


class ReportFill(Command, frozen=True, kw_only=True):
    """The venue executed something."""

    fill: Fill


class ReportCash(Command, frozen=True, kw_only=True):
    """The venue recorded a transfer."""

    venue: str
    asset: str
    amount: Decimal
    transfer_id: str


class ReportAdjustment(Command, frozen=True, kw_only=True):
    """The venue recorded a split, a dividend, interest, a reward or a fee."""

    kind: Adjustment
    venue: str
    asset: str
    amount: Decimal
    note: str = ""
    activity_id: str = ""


class Reconcile(Command, frozen=True, kw_only=True):
    """A venue's records were read: what it holds in all, per pair, after known fills."""

    venue: str
    holdings: dict[str, Decimal]
    differences: tuple[str, ...] = ()
    noted: tuple[str, ...] = ()


class ReadVenue(Command, frozen=True, kw_only=True):
    """A venue's records were read and are not yet at one with the book: exits within what both say may go."""

    venue: str


class AdoptForeign(Command, frozen=True, kw_only=True):
    """A venue holds something the desk did not make."""

    position: Position


class AdoptOrders(Command, frozen=True, kw_only=True):
    """These are all the orders that work at a venue and that the desk did not make."""

    venue: str
    orders: tuple[ForeignOrder, ...]


class SeeTokens(Command, frozen=True, kw_only=True):
    """These are all the tokens that open the home's HTTP door."""

    tokens: tuple[Token, ...]


class SetAlgorithm(Command, frozen=True, kw_only=True):
    """Create, edit, enable or disable an algorithm."""

    algorithm: Algorithm
    door: Door


class ChangePolicy(Command, frozen=True, kw_only=True):
    """Change limits: at once where that only tightens, else as a proposal."""

    id: str
    deltas: tuple[Delta, ...]
    door: Door
    client: str = ""
    reason: str = ""


class Approve(Command, frozen=True, kw_only=True):
    """A person answered yes; the verified statement is in the facts or it does not exist."""

    proposal_id: str


class Decline(Command, frozen=True, kw_only=True):
    """A person answered no."""

    proposal_id: str
    reason: str = ""


class Withdraw(Command, frozen=True, kw_only=True):
    """Who proposed takes it back."""

    proposal_id: str
    door: Door
    reason: str = ""


class Enroll(Command, frozen=True, kw_only=True):
    """The user's approver as it is pinned now, and whether the key before signed that it made way for it."""

    fingerprint: str
    public_key: str
    is_successor: bool
    shipped: Policy


class EnableLive(Command, frozen=True, kw_only=True):
    """A person signs that a venue account may be traded with real money."""

    venue: str
    account: str


class Attend(Command, frozen=True, kw_only=True):
    """A person signs that somebody watches."""


AnyCommand = (
    Start
    | Execute
    | Close
    | Cancel
    | Halt
    | AddLatch
    | Release
    | ReleaseOrder
    | Mark
    | Watch
    | Tick
    | LookAgain
    | ReportAccepted
    | ReportRejected
    | ReportUnknown
    | ReportCancelled
    | ReportLapsed
    | ReportFill
    | ReportCash
    | ReportAdjustment
    | Reconcile
    | ReadVenue
    | AdoptForeign
    | AdoptOrders
    | SeeTokens
    | SetAlgorithm
    | ChangePolicy
    | Approve
    | Decline
    | Withdraw
    | Enroll
    | EnableLive
    | Attend
)

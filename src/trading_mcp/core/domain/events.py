"""Everything that can happen; the journal is these and nothing else, and the book is their fold."""

from decimal import Decimal

from trading_mcp.core.domain.closing import Closing
from trading_mcp.core.domain.event import Event
from trading_mcp.core.domain.events_owner import (
    ApproverEnrolled,
    ApproverReplaced,
    Attended,
    LiveEnabled,
    PolicyChanged,
    ProposalApproved,
    ProposalEnded,
    ProposalOpened,
    Refused,
    Released,
    TokensChanged,
)
from trading_mcp.core.domain.home import Home
from trading_mcp.core.domain.latches import Latch, Scope
from trading_mcp.core.domain.mandates import Algorithm, Mandate
from trading_mcp.core.domain.orders import Door, Fill, ForeignOrder, Intent, Order
from trading_mcp.core.domain.policy import Policy
from trading_mcp.core.domain.portfolio import Adjustment, Position
from trading_mcp.core.domain.protection import Protection
from trading_mcp.core.domain.verdict import Code, Finding, Verdict


class DeskCreated(Event, frozen=True, kw_only=True):
    """A home began, with its mode, its money and its first policy."""

    home: Home
    policy: Policy


class DeskStarted(Event, frozen=True, kw_only=True):
    """A desk opened the home; until each venue is reconciled nothing is sent to it."""

    version: str


class DeskStopped(Event, frozen=True, kw_only=True):
    """A desk closed the home in good order."""

    reason: str


class ToolCalled(Event, frozen=True, kw_only=True):
    """A client called a tool; recorded before anything happens."""

    call_id: str
    tool: str
    arguments: str
    door: Door
    client: str = ""
    session: str = ""


class ToolAnswered(Event, frozen=True, kw_only=True):
    """What a tool call came to."""

    call_id: str
    status: str
    size: int
    digest: str
    caused: tuple[int, ...] = ()


class IntentSized(Event, frozen=True, kw_only=True):
    """An algorithm's wish was made smaller to fit the limits."""

    intent_id: str
    wanted: Decimal
    given: Decimal
    binding: Code


class IntentJudged(Event, frozen=True, kw_only=True):
    """The gate's answer to one intent, and the figures it rested on."""

    intent: Intent
    verdict: Verdict
    venue: str = ""
    quantity: Decimal | None = None
    reference: Decimal | None = None
    equity: Decimal | None = None


class OrderCleared(Event, frozen=True, kw_only=True):
    """An order may go to the wire; an increasing one is counted here, once."""

    order: Order
    notional: Decimal
    counted_at: int | None
    day: str
    seed_seq: int
    ordinal: int


class ClearanceVoided(Event, frozen=True, kw_only=True):
    """The last look before the wire refused; the order was never sent."""

    order_id: str
    finding: Finding


class OrderSending(Event, frozen=True, kw_only=True):
    """The one request is about to leave; from here on its fate may be unknown."""

    order_id: str


class OrderAccepted(Event, frozen=True, kw_only=True):
    """The venue has the order."""

    order_id: str
    venue_order_id: str = ""


class OrderRejected(Event, frozen=True, kw_only=True):
    """The venue refused, definitely."""

    order_id: str
    reason: str


class OrderUnknown(Event, frozen=True, kw_only=True):
    """Nobody can say whether the venue has the order."""

    order_id: str
    reason: str


class OrderCancelRequested(Event, frozen=True, kw_only=True):
    """The desk wants an order gone."""

    order_id: str
    reason: str


class OrderCancelled(Event, frozen=True, kw_only=True):
    """The venue confirmed a cancel."""

    order_id: str


class OrderLapsed(Event, frozen=True, kw_only=True):
    """The order ended by itself or was released from an unknown fate."""

    order_id: str
    reason: str


class FillRecorded(Event, frozen=True, kw_only=True):
    """The venue executed; `book` owns the result."""

    fill: Fill
    book: str
    multiplier: Decimal


class Latched(Event, frozen=True, kw_only=True):
    """A scope is restricted until a person signs."""

    latch: Latch


class Marked(Event, frozen=True, kw_only=True):
    """What every scope is worth now."""

    day: str
    market_days: dict[str, str]
    values: dict[str, Decimal]
    breached: dict[str, tuple[Code, ...]] = {}  # noqa: RUF012 - msgspec gives each its own
    uptime: int = 0


class RatePaused(Event, frozen=True, kw_only=True):
    """A fast loss pauses new risk for a while."""

    scope: Scope
    until: int


class CashMoved(Event, frozen=True, kw_only=True):
    """Money came or went, by the venue's own record of a transfer."""

    venue: str
    asset: str
    amount: Decimal
    value: Decimal
    transfer_id: str


class Adjusted(Event, frozen=True, kw_only=True):
    """A split, a dividend, interest, a reward or a fee: it changes the book and is no cash flow."""

    kind: Adjustment
    venue: str
    asset: str
    amount: Decimal
    note: str = ""
    activity_id: str = ""


class Suspended(Event, frozen=True, kw_only=True):
    """Time went by unwatched: new risk waits until feeds are fresh and venues reconciled."""

    elapsed: int
    drift: int


class Woke(Event, frozen=True, kw_only=True):
    """Feeds are fresh and venues reconciled after a suspension."""


class Reconciled(Event, frozen=True, kw_only=True):
    """A venue's records were compared with the book."""

    venue: str
    differences: tuple[str, ...] = ()


class VenueRead(Event, frozen=True, kw_only=True):
    """A venue's records were read and are not yet at one with the book: exits within what both say may go."""

    venue: str


class ForeignHeld(Event, frozen=True, kw_only=True):
    """A venue holds what the desk did not make; `value` is what came with it, in the base currency, and no profit."""

    position: Position
    value: Decimal = Decimal(0)


class ForeignOrdered(Event, frozen=True, kw_only=True):
    """All the orders that work at a venue and that the desk did not make."""

    venue: str
    orders: tuple[ForeignOrder, ...]


class AlgorithmSet(Event, frozen=True, kw_only=True):
    """An algorithm was created, edited, enabled or disabled."""

    algorithm: Algorithm


class MandateIssued(Event, frozen=True, kw_only=True):
    """An algorithm may trade unattended within bounds."""

    mandate: Mandate


class MandateVoided(Event, frozen=True, kw_only=True):
    """An algorithm's leave ended."""

    algorithm: str
    reason: str


class Protected(Event, frozen=True, kw_only=True):
    """A position's guard was set, or what keeps it changed."""

    protection: Protection


class ProtectionEnded(Event, frozen=True, kw_only=True):
    """A position needs no guard any more, or a person removed it."""

    position: str
    reason: str


class CloseMoved(Event, frozen=True, kw_only=True):
    """A close began or came a step further."""

    closing: Closing


class CloseEnded(Event, frozen=True, kw_only=True):
    """A close is done, or was given up for a reason."""

    position: str
    reason: str


class SignalsRecorded(Event, frozen=True, kw_only=True):
    """What the signals of one minute said, for all pairs together."""

    signals: tuple[tuple[str, str, str, str], ...]


class SnapshotTaken(Event, frozen=True, kw_only=True):
    """A snapshot of the book stands outside the chain; its digest stands inside."""

    fold_version: int
    seq: int
    digest: str


AnyEvent = (
    DeskCreated
    | DeskStarted
    | DeskStopped
    | ToolCalled
    | ToolAnswered
    | IntentSized
    | IntentJudged
    | OrderCleared
    | ClearanceVoided
    | OrderSending
    | OrderAccepted
    | OrderRejected
    | OrderUnknown
    | OrderCancelRequested
    | OrderCancelled
    | OrderLapsed
    | FillRecorded
    | Latched
    | Released
    | Marked
    | RatePaused
    | CashMoved
    | Adjusted
    | Suspended
    | Woke
    | Reconciled
    | VenueRead
    | ForeignHeld
    | ForeignOrdered
    | AlgorithmSet
    | MandateIssued
    | MandateVoided
    | Protected
    | ProtectionEnded
    | CloseMoved
    | CloseEnded
    | ProposalOpened
    | ProposalApproved
    | ProposalEnded
    | Refused
    | PolicyChanged
    | SignalsRecorded
    | Attended
    | ApproverEnrolled
    | ApproverReplaced
    | LiveEnabled
    | TokensChanged
    | SnapshotTaken
)

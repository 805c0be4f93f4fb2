"""The fold: `evolve(book, event)` is the only way a book ever changes."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from msgspec.structs import replace

from trading_mcp.core.domain import events as e
from trading_mcp.core.domain import folds_account as a
from trading_mcp.core.domain import folds_orders as o
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.money import is_exact
from trading_mcp.core.domain.portfolio import Portfolio


def first_book(event: e.DeskCreated) -> Book:
    """Return the book of a home that has just begun."""
    return Book(
        home=event.home,
        policy=event.policy,
        portfolio=Portfolio(cash=dict(event.home.cash), positions={}),
        at=event.at,
        created_at=event.at,
    )


def replay(events: Iterable[e.AnyEvent]) -> Book:
    """Return the book that a journal tells of; its first event must be the desk's creation."""
    steps = iter(events)
    first = next(steps, None)
    if not isinstance(first, e.DeskCreated):
        raise ValueError("a journal begins with DeskCreated")  # noqa: TRY004 - the journal is wrong, not the type
    book = first_book(first)
    for event in steps:
        book = evolve(book, event)
    return book


def evolve(book: Book, event: e.AnyEvent) -> Book:
    """Fold one event; what it does not concern stays the very same object."""
    assert is_exact(), "the book is folded under the money context only"  # noqa: S101 - us being wrong
    after = _FOLDS[type(event)](book, event)
    if after.at < book.at and not isinstance(event, e.Released):
        # What a clock that stepped back records must not make it sound again; a person's release does.
        after = replace(after, at=book.at)
    return after


def _only_time(book: Book, event: e.Event) -> Book:
    return replace(book, at=event.at)


def _started(book: Book, event: e.DeskStarted) -> Book:
    return replace(book, at=event.at, reconciled=frozenset(), rechecked=frozenset(), legible=frozenset())


_FOLDS: Final[dict[type[e.Event], Callable[[Book, Any], Book]]] = {
    e.DeskCreated: a.created_again,
    e.DeskStarted: _started,
    e.DeskStopped: _only_time,
    e.ToolCalled: _only_time,
    e.ToolAnswered: _only_time,
    e.IntentSized: _only_time,
    e.IntentJudged: o.judged,
    e.OrderCleared: o.cleared,
    e.ClearanceVoided: o.voided,
    e.OrderSending: o.sending,
    e.OrderAccepted: o.accepted,
    e.OrderRejected: o.rejected,
    e.OrderUnknown: o.unknown,
    e.OrderCancelRequested: o.cancel_requested,
    e.OrderCancelled: o.cancelled,
    e.OrderLapsed: o.lapsed,
    e.FillRecorded: o.filled,
    e.Latched: a.latched,
    e.Released: a.released,
    e.Marked: a.marked,
    e.RatePaused: a.paused,
    e.CashMoved: a.cash_moved,
    e.Adjusted: a.adjusted,
    e.Suspended: a.suspended,
    e.Woke: a.woke,
    e.Reconciled: a.reconciled,
    e.VenueRead: a.venue_read,
    e.ForeignHeld: a.foreign,
    e.ForeignOrdered: a.foreign_ordered,
    e.AlgorithmSet: a.algorithm_set,
    e.MandateIssued: a.mandate_issued,
    e.MandateVoided: a.mandate_voided,
    e.Protected: a.protected,
    e.ProtectionEnded: a.protection_ended,
    e.CloseMoved: a.close_moved,
    e.CloseEnded: a.close_ended,
    e.ProposalOpened: a.proposal_opened,
    e.ProposalApproved: a.proposal_approved,
    e.ProposalEnded: a.proposal_ended,
    e.Refused: _only_time,
    e.PolicyChanged: a.policy_changed,
    e.SignalsRecorded: _only_time,
    e.Attended: a.attended,
    e.ApproverEnrolled: a.enrolled,
    e.ApproverReplaced: a.approver_replaced,
    e.LiveEnabled: a.live_enabled,
    e.TokensChanged: a.tokens_changed,
    e.SnapshotTaken: _only_time,
}

"""`decide(command, book, facts)`: every decision the product makes, as events; it changes nothing and asks nobody."""

from collections.abc import Callable
from typing import Any, Final

from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.events import AnyEvent
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.money import is_exact
from trading_mcp.core.guardrails import (
    adopting,
    changing,
    consenting,
    enrolling,
    execute,
    halting,
    marks,
    releasing,
    reporting,
    ticking,
    watching,
)

_DECISIONS: Final[dict[type[c.Command], Callable[[Any, Book, Facts], tuple[AnyEvent, ...]]]] = {
    c.Start: ticking.start,
    c.Execute: execute.execute,
    c.LookAgain: execute.look_again,
    c.Close: halting.close,
    c.Cancel: halting.cancel,
    c.Halt: halting.halt,
    c.AddLatch: halting.latch,
    c.Release: consenting.release,
    c.ReleaseOrder: releasing.propose,
    c.Approve: consenting.approve,
    c.Decline: consenting.decline,
    c.Withdraw: consenting.withdraw,
    c.Attend: lambda _, book, facts: consenting.attend(book, facts),
    c.Mark: marks.mark,
    c.Watch: watching.watch,
    c.Tick: lambda _, book, facts: ticking.tick(book, facts),
    c.ReportAccepted: reporting.report,
    c.ReportRejected: reporting.report,
    c.ReportUnknown: reporting.report,
    c.ReportCancelled: reporting.report,
    c.ReportLapsed: reporting.report,
    c.ReportFill: reporting.fill,
    c.ReportCash: ticking.cash,
    c.ReportAdjustment: ticking.adjustment,
    c.Reconcile: ticking.reconcile,
    c.ReadVenue: adopting.read,
    c.AdoptForeign: adopting.position,
    c.AdoptOrders: adopting.orders,
    c.Enroll: enrolling.enroll,
    c.EnableLive: enrolling.enable_live,
    c.SeeTokens: enrolling.see_tokens,
    c.SetAlgorithm: changing.set_algorithm,
    c.ChangePolicy: changing.change,
}


def decide(command: c.AnyCommand, book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """Return what happens, in order; the limits are the book's own, so that no caller can bring others."""
    assert is_exact(), "decisions are made under the money context only"  # noqa: S101 - us being wrong
    return _DECISIONS[type(command)](command, book, facts)

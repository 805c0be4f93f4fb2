"""How a desk opens and ends: the book is the fold of its journal, and it stays open while anything needs it."""

import logging
from typing import Final

from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.events import DeskCreated, DeskStopped
from trading_mcp.core.domain.evolve import replay
from trading_mcp.core.domain.home import Home, Mode
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import OrderState
from trading_mcp.core.domain.policy import Policy
from trading_mcp.core.ports import Clock, Journal
from trading_mcp.desk.desk import Desk
from trading_mcp.desk.ports import Ports
from trading_mcp.errors import TradingMcpError

_LOG: Final = logging.getLogger("trading_mcp.desk")


def begin(journal: Journal, clock: Clock, home: Home, policy: Policy) -> None:
    """Write the first entry of a home: who it is, for life."""
    now = clock.now()
    journal.append(now, (DeskCreated(at=now, home=home, policy=policy),))


def replayed(journal: Journal) -> Book:
    """Fold the whole journal."""
    with exactly():
        return replay(entry.event for entry in journal.entries())


def opened(ports: Ports, book: Book, version: str) -> Desk:
    """Open the desk on a book: what was on its way is unknown now, and what was not sent never will be."""
    desk = Desk(ports, book)
    desk.commit(c.Start(version=version))
    desk.told.clear()  # whoever asks sees that it has started
    for working in tuple(desk.book.working.values()):
        if working.state is OrderState.UNKNOWN:
            desk.courier.chase(working.order.id)
        if working.cancel_reason:
            desk.courier.cancel(working.order.id)
    return desk


async def closed(desk: Desk, reason: str, *, patience: float = 10.0) -> None:
    """Close in good order: what is in flight is finished or marked unknown, and the stop is on record."""
    desk.is_stopping = True
    await desk.courier.stop(patience)
    try:
        desk.record((DeskStopped(at=desk.ports.clock.now(), reason=reason),))
    except TradingMcpError:
        _LOG.exception("the stop is not on record")
        desk.tell("The desk stopped", "It could not be recorded.")


def needed_for(book: Book) -> str:
    """Return why this desk must not end by itself, or nothing."""
    reasons = (
        (book.working, "an order works, or nobody knows what became of it"),
        (book.protections, "it watches exits"),
        (book.closings, "it closes a position"),
        (book.proposals or book.changes, "a proposal waits"),
        (book.home.mode is Mode.LIVE and book.portfolio.positions, "a live position is open"),
        (any(each.enabled for each in book.algorithms.values()), "an algorithm is enabled"),
    )
    return next((reason for is_so, reason in reasons if is_so), "")

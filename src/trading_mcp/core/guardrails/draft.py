"""A decision in the making: the events so far and the book as they leave it, so that each step sees the last."""

from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.events import AnyEvent, Refused
from trading_mcp.core.domain.evolve import evolve
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.policy import Policy


class Draft:
    """Collects events in order; nothing outside the decision sees it."""

    __slots__ = ("book", "events", "facts", "ordinal")

    def __init__(self, book: Book, facts: Facts) -> None:
        self.book = book
        self.facts = facts
        self.events: list[AnyEvent] = []
        self.ordinal = 0

    @property
    def policy(self) -> Policy:
        """Return the limits in force at this point of the decision."""
        return self.book.policy

    @property
    def now(self) -> int:
        """Return the time of the decision."""
        return self.facts.now

    def emit(self, event: AnyEvent) -> None:
        """Add one event and fold it."""
        self.events.append(event)
        self.book = evolve(self.book, event)

    def refuse(self, what: str, subject: str, reason: str) -> None:
        """Record that a command other than an order came to nothing."""
        self.emit(Refused(at=self.facts.now, what=what, subject=subject, reason=reason))

    def next_ordinal(self) -> int:
        """Number the orders of one decision, so that each has an id of its own."""
        self.ordinal += 1
        return self.ordinal - 1

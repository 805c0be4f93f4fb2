"""What the local door is given besides the desk: papers to sign, and the journal as those see it who check it."""

from typing import Protocol

from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.commands import Enroll
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.proposals import Proposal
from trading_mcp.desk.answers import LinesAnswer, ScreenAnswer, VerifiedAnswer
from trading_mcp.desk.searching import Found


class Services(Protocol):
    """Made of adapters by whoever starts the desk."""

    def screen(self, proposal: Proposal, book: Book, facts: Facts) -> ScreenAnswer:
        """Return what a person sees of a proposal, and the statement to be signed."""
        ...

    def act(self, name: str, book: Book, facts: Facts) -> ScreenAnswer:
        """Return the same for an act without a proposal."""
        ...

    def pinned(self, book: Book) -> Enroll | None:
        """Return who is pinned for this user now, if anybody is."""
        ...

    async def verified(self) -> VerifiedAnswer:
        """Walk the whole journal, without keeping the desk from its work."""
        ...

    async def found(self, text: str, kind: str, before: int, limit: int) -> Found:
        """Search the events for words, or for a kind of event."""
        ...

    def lines(self, since: int, count: int) -> LinesAnswer:
        """Return entries as the lines of an export."""
        ...

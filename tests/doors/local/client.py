"""A client of the local door without a socket, and services without keys and files."""

import json
from typing import Any

from tests.desk.world import World
from trading_mcp import link
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.commands import Enroll
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.proposals import Proposal
from trading_mcp.desk.answers import LinesAnswer, ScreenAnswer, VerifiedAnswer
from trading_mcp.desk.queries import Since
from trading_mcp.desk.searching import Found
from trading_mcp.doors.local.server import LocalDoor


class Papers:
    """Services that need no key and no file."""

    def screen(self, proposal: Proposal, book: Book, facts: Facts) -> ScreenAnswer:
        return ScreenAnswer(lines=(proposal.id, book.home.name), statement=str(facts.now), reason="")

    def act(self, name: str, book: Book, facts: Facts) -> ScreenAnswer:
        return ScreenAnswer(lines=(name, book.home.name), statement=str(facts.now), reason="")

    def pinned(self, book: Book) -> Enroll | None:
        return Enroll(fingerprint="aa-bb", public_key="00", is_successor=False, shipped=book.policy)

    async def verified(self) -> VerifiedAnswer:
        return VerifiedAnswer(
            holds=False, entries=1, checkpoints=0, head="", broken_at=2, reason="is missing", anchor=""
        )

    async def found(self, text: str, kind: str, before: int, limit: int) -> Found:
        return Found((2, 1), before, 3)

    def lines(self, since: int, count: int) -> LinesAnswer:
        return LinesAnswer(lines=(f"{since}", f"{count}"), next_since=0)


class Client:
    """Says lines to the door of a world's desk, without a socket."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.stopped: list[str] = []
        since = Since(started_at=world.clock.now())
        self.door = LocalDoor(world.desk, Papers(), since, self.stopped.append, ("a note",))

    async def says(self, line: bytes) -> dict[str, Any]:
        return json.loads(await self.door._answered(line, "a client"))

    async def asks(self, request: str, **fields: object) -> dict[str, Any]:
        return await self.says(link.encode({"request": request, **fields})[:-1])

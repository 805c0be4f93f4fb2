"""A room with a desk, a person with a key, and somebody who would like to be that person.

room = Room(tmp_path)
proposal = room.propose()                    # the gate asks
statement, signature = room.signed()         # the person signs what it shows
cleared = room.answer(statement, signature)  # the desk looks again, and clears it once
"""

from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from tests.core.guardrails.world import ASKS, NOW, VENUE, buy, quiet, quote
from trading_mcp.adapters.approvals.keystore import Cost, Keystore
from trading_mcp.adapters.approvals.signing import (
    NotDrawn,
    PinnedVerifier,
    draw_statement,
    sign,
    statement_bytes,
)
from trading_mcp.adapters.system.clock import VirtualClock
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.evolve import evolve
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.market import Price
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import Intent
from trading_mcp.core.domain.proposals import Proposal, Statement
from trading_mcp.core.guardrails.decide import decide
from trading_mcp.core.ports import Verifier

CHEAP: Final = Cost(n=2**4)
MINE: Final = "canary-heron violet anvil"
THEIRS: Final = "canary-otter maple trumpet"


def keystore(folder: Path, clock: VirtualClock | None = None) -> Keystore:
    return Keystore(folder, clock or VirtualClock(NOW), cost=CHEAP)


class Room:
    """One home whose owner has enrolled."""

    def __init__(self, folder: Path, *, fake_venues: bool = False) -> None:
        self.clock = VirtualClock(NOW)
        self.keystore = keystore(folder / "approver", self.clock)
        self.thief = keystore(folder / "thief", self.clock)
        self.approver = self.keystore.enroll(MINE)
        self.thief.enroll(THEIRS)
        world = quiet()
        self.book: Book = replace(world.book, home=replace(world.book.home, fake_venues=fake_venues))
        self.facts: Facts = world.facts
        self.events: list[e.AnyEvent] = []
        self.nonces = 0
        enrolled = e.ApproverEnrolled(
            at=NOW, fingerprint=self.approver.fingerprint, public_key=self.approver.public.hex()
        )
        self.take(enrolled)

    def take(self, *events: e.AnyEvent) -> None:
        with exactly():
            for event in events:
                self.book = evolve(self.book, event)
        self.events.extend(events)

    def do(self, command: c.AnyCommand, signed: Statement | None = None) -> tuple[e.AnyEvent, ...]:
        with exactly():
            events = decide(command, self.book, replace(self.facts, signed=signed))
        self.take(*events)
        return events

    def pass_time(self, span: int) -> None:
        """Let time pass, with prices of now."""
        now = self.facts.now + span
        prices = {asset: Price(value=price.value, confirmed_at=now) for asset, price in self.facts.prices.items()}
        quotes = {key: replace(one, at=now, confirmed_at=now) for key, one in self.facts.quotes.items()}
        self.facts = replace(self.facts, now=now, quotes=quotes, prices=prices)

    def price(self, ask: str, pair: str = "BTC-USDT") -> None:
        bid = Decimal(ask) - (Decimal(ASKS[pair][1]) - Decimal(ASKS[pair][0]))
        moved = quote(pair, str(bid), ask, at=self.facts.now)
        self.facts = replace(self.facts, quotes={**self.facts.quotes, f"{VENUE}/{pair}": moved})

    def propose(self, intent: Intent | None = None, **changes: Any) -> Proposal:
        """Have the gate ask about an order of 300 USDT."""
        before = set(self.book.proposals)
        self.do(c.Execute(intent=intent or buy("0.006", **changes)))
        (new,) = set(self.book.proposals) - before
        return self.book.proposals[new]

    def draw(self, proposal: Proposal | None = None) -> Statement:
        wanted = proposal or next(iter(self.book.proposals.values()))
        self.nonces += 1
        drawn = draw_statement(wanted, self.book, self.facts, f"nonce-{self.nonces}")
        assert not isinstance(drawn, NotDrawn), drawn.reason
        return drawn

    def signed(self, proposal: Proposal | None = None) -> tuple[bytes, bytes]:
        """Let the person sign what the room shows now."""
        statement = self.draw(proposal)
        return statement_bytes(statement), sign(statement, self.keystore.unlock(MINE))

    def verifier(self) -> Verifier:
        """What the desk believes: made from the pin on disk and the name in the journal."""
        return PinnedVerifier(self.keystore.approver(), self.book.approver, fake_venues=self.book.home.fake_venues)

    def answer(self, statement: bytes, signature: bytes, proposal_id: str = "order/intent-1") -> list[e.OrderCleared]:
        """Hand a signature in; return the orders that were cleared by it."""
        found = self.verifier().verified(statement, signature)
        happened = self.do(c.Approve(proposal_id=proposal_id), found)
        return [event for event in happened if isinstance(event, e.OrderCleared)]

    def refusal(self) -> str:
        """Return why the last answer came to nothing."""
        last = self.events[-1]
        assert isinstance(last, e.Refused | e.ProposalEnded)
        return last.reason

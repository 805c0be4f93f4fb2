"""The one door: every command of every client is decided, recorded and acted upon here, and nowhere else."""

import asyncio
from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.events import (
    AnyEvent,
    Latched,
    OrderCancelRequested,
    OrderCleared,
)
from trading_mcp.core.domain.evolve import evolve
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.latches import ACCOUNT, Latch, TradingState
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.proposals import Statement
from trading_mcp.core.domain.verdict import Code
from trading_mcp.core.guardrails.decide import decide
from trading_mcp.desk.courier import Courier
from trading_mcp.desk.gather import Gatherer
from trading_mcp.desk.notices import notice_of
from trading_mcp.desk.outcomes import Outcome, is_settled, outcome_of
from trading_mcp.desk.ports import Ports
from trading_mcp.errors import DeskFrozen, JournalUnwritable

_NOTHING: Final[tuple[AnyEvent, ...]] = ()


class Desk:
    """Decides one command at a time: between the last fact and the last effect of a decision nothing else runs.

    `commit` has no await in it, so the event loop itself is the lock: a venue that hangs can delay neither a
    kill nor another order's exit.
    """

    def __init__(self, ports: Ports, book: Book) -> None:
        self.ports = ports
        self.book = book
        self.gatherer = Gatherer(ports)
        self.courier = Courier(ports, self)
        self.is_unwritable = False
        self._changed = asyncio.Event()

    async def handle(
        self, command: c.AnyCommand, *, before: Sequence[AnyEvent] = (), signed: Statement | None = None
    ) -> tuple[AnyEvent, ...]:
        """Decide one command of a client; `before` is recorded with it, `signed` is a statement that was verified."""
        # A report is read now and decided now; only the world of venues is worth waiting for.
        await asyncio.sleep(0)
        return self.commit(command, before=before, signed=signed)

    async def execute(self, command: c.Execute, *, before: Sequence[AnyEvent] = ()) -> Outcome:
        """Decide an intent and wait a little for what becomes of it; whoever stops waiting loses nothing."""
        await self.handle(command, before=before)
        return await self.settled(command.intent.id)

    async def settled(self, intent_id: str) -> Outcome:
        """Wait until an intent has come to rest, for as long as an answer may take."""
        try:
            async with asyncio.timeout(self.ports.cadence.answer):
                while not is_settled(outcome_of(self.book, intent_id)):
                    await self._changed.wait()
        except TimeoutError:
            pass
        return outcome_of(self.book, intent_id)

    def preview(self, command: c.Execute) -> tuple[AnyEvent, ...]:
        """Decide an intent and change nothing; what would have happened is told as events."""
        with exactly():
            return decide(command, self.book, self._facts(command))

    def commit(
        self, command: c.AnyCommand, *, before: Sequence[AnyEvent] = (), signed: Statement | None = None
    ) -> tuple[AnyEvent, ...]:
        """Decide, record, fold and act, with nothing in between."""
        if self.is_unwritable:
            raise JournalUnwritable(
                "The journal cannot be written, so nothing is decided.", "Run `trading-mcp doctor`."
            )
        try:
            with exactly():
                events = decide(command, self.book, replace(self._facts(command), signed=signed))
        except Exception as error:
            self._freeze(f"{type(command).__name__} could not be decided: {type(error).__name__}")
            raise DeskFrozen(
                "The desk met something it cannot explain and froze: nothing but cancels works.",
                "Read the operator log, then release it with a signature.",
            ) from error
        return self.record(events, before=before)

    def record(self, events: Sequence[AnyEvent], *, before: Sequence[AnyEvent] = ()) -> tuple[AnyEvent, ...]:
        """Make events durable, fold them, and only then let anything happen."""
        everything = (*before, *events)
        if not everything:
            return _NOTHING
        self.ports.reach("before-append")
        try:
            self.ports.journal.append(self.ports.clock.now(), everything)
        except JournalUnwritable:
            self._stop_writing()
            raise
        self.ports.reach("after-append")
        with exactly():
            for event in everything:
                self.book = evolve(self.book, event)
        self._act(everything)
        return tuple(events)

    def note(self, events: Sequence[AnyEvent]) -> None:
        """Fold what causes nothing, and let it be durable soon: what a read leaves in the journal."""
        self.ports.journal.queue(self.ports.clock.now(), events)
        with exactly():
            for event in events:
                self.book = evolve(self.book, event)

    def _facts(self, command: c.AnyCommand) -> Facts:
        return self.gatherer.aged(self.gatherer.facts(self.book, _pairs_of(command)))

    def _act(self, events: Sequence[AnyEvent]) -> None:
        """Hand orders and cancels to the courier, notices to the owner, and wake who waits."""
        for event in events:
            if isinstance(event, OrderCleared):
                self.courier.deliver(event.order.id)
            elif isinstance(event, OrderCancelRequested):
                self.courier.cancel(event.order_id)
            notice = notice_of(event)
            if notice is not None:
                self.ports.notifier.notify(*notice)
        self.ports.views(tuple(events))
        self._changed.set()
        self._changed = asyncio.Event()

    def _freeze(self, reason: str) -> None:
        """Latch what an assertion or an unexpected error has shown: we are wrong, so nothing new is done."""
        latch = Latch(
            scope=ACCOUNT,
            state=TradingState.FROZEN,
            code=Code.TRANSITION_IMPOSSIBLE,
            reason=reason,
            at=self.ports.clock.now(),
        )
        if latch.key not in self.book.latches:
            self.record((Latched(at=latch.at, latch=latch),))

    def _stop_writing(self) -> None:
        """The journal is gone: raise the file that halts, and send cancels unrecorded; reconciliation finds them."""
        self.is_unwritable = True
        self.ports.raise_halt_file()
        for working in self.book.working.values():
            if not working.order.reduces:
                self.courier.cancel(working.order.id)
        self.ports.notifier.notify(
            "The journal cannot be written", "Nothing new is sent; entry orders are cancelled."
        )


def _pairs_of(command: c.AnyCommand) -> frozenset[str]:
    match command:
        case c.Execute():
            return frozenset({command.intent.pair})
        case c.ReportFill():
            return frozenset({command.fill.pair})
        case _:
            return frozenset()

"""The one door: every command of every client is decided, recorded and acted upon here, and nowhere else."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from msgspec.structs import replace

from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.events import (
    AnyEvent,
    FillRecorded,
    Latched,
    OrderAccepted,
    OrderCancelRequested,
    OrderCleared,
)
from trading_mcp.core.domain.evolve import evolve
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.latches import ACCOUNT, Latch, TradingState
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import Fill, OrderState, Purpose, Working
from trading_mcp.core.domain.sight import pairs_of
from trading_mcp.core.domain.verdict import Code
from trading_mcp.core.guardrails.decide import decide
from trading_mcp.desk.courier import Courier
from trading_mcp.desk.gather import Gatherer
from trading_mcp.desk.notices import NOTICES_KEPT, URGENT, WAYS_MAX, Notice, notice_of
from trading_mcp.desk.outcomes import Outcome, is_settled, outcome_of
from trading_mcp.desk.ports import Ports, Signature
from trading_mcp.errors import DeskFrozen, JournalUnwritable, TradingMcpError

_LOG: Final = logging.getLogger("trading_mcp.desk")
FILLED_KEPT: Final = 256
PARTS_KEPT: Final = 1_000
_ON_ITS_WAY: Final = frozenset({OrderState.CLEARED, OrderState.SENDING, OrderState.LIVE, OrderState.PARTIAL})


class Desk:
    """Decides one command at a time: between the last fact and the last effect of a decision nothing else runs.

    `commit` has no await in it, so the event loop itself is the lock: a venue that hangs can delay neither a
    kill nor another order's exit.
    """

    def __init__(self, ports: Ports, book: Book) -> None:
        self.ports = ports
        self.book = book
        self.gatherer = Gatherer(ports, book.uptime)
        self.courier = Courier(ports, self)
        self.told: deque[Notice] = deque(maxlen=NOTICES_KEPT)
        self.unreached: deque[Notice] = deque(maxlen=WAYS_MAX)
        self.recent_fills: dict[str, list[Fill]] = {}
        self.is_unwritable = False
        self.is_stopping = False
        self._changed = asyncio.Event()

    async def handle(
        self, command: c.AnyCommand, *, before: Sequence[AnyEvent] = (), signature: Signature | None = None
    ) -> tuple[AnyEvent, ...]:
        """Decide one command of a client; `before` is recorded with it, in the same commit."""
        await asyncio.sleep(0)
        if self.is_stopping:
            raise DeskFrozen("The desk is stopping and takes no more commands.", "Start it again: trading-mcp desk")
        return self.commit(command, before=before, signature=signature)

    async def execute(self, command: c.Execute, *, before: Sequence[AnyEvent] = ()) -> Outcome:
        """Decide an intent and wait a little for what becomes of it; whoever stops waiting loses nothing."""
        await self.handle(command, before=before)
        return await self.settled(command.intent.id)

    async def settled(self, intent_id: str) -> Outcome:
        """Wait until an intent has come to rest, for as long as an answer may take."""
        outcome = outcome_of(self.book, intent_id)
        try:
            async with asyncio.timeout(self.ports.cadence.answer):
                while not self._rests(outcome):
                    await self._changed.wait()
                    if not self._is_on_its_way(outcome.order_id):
                        outcome = outcome_of(self.book, intent_id)
        except TimeoutError:
            return outcome_of(self.book, intent_id)
        return outcome

    def preview(self, command: c.Execute) -> tuple[AnyEvent, ...]:
        """Decide an intent and change nothing; what would have happened is told as events."""
        with exactly():
            facts = self.gatherer.facts(self.book, frozenset({command.intent.pair}), keep=False)
            return decide(command, self.book, facts)

    def commit(
        self, command: c.AnyCommand, *, before: Sequence[AnyEvent] = (), signature: Signature | None = None
    ) -> tuple[AnyEvent, ...]:
        """Decide, record, fold and act, with nothing in between."""
        if self.is_unwritable:
            self._take_back_unrecorded(command)
            raise _unwritable()

        def decided() -> tuple[AnyEvent, ...]:
            return (*before, *decide(command, self.book, self._facts(command, signature)))

        try:
            return self._done(type(command).__name__, decided)[len(before) :]
        except JournalUnwritable:
            # A kill may be what finds the journal gone, and nobody would know to say it twice.
            self._take_back_unrecorded(command)
            raise

    def record(self, events: Sequence[AnyEvent]) -> tuple[AnyEvent, ...]:
        """Record events that need no decision."""
        return self._done("a record", lambda: tuple(events))

    def note(self, events: Sequence[AnyEvent]) -> None:
        """Fold what causes nothing, and let it be durable soon: what a read leaves in the journal."""
        after = self._folded(events)
        self._written(self.ports.journal.queue, events)
        self.book = after

    def freeze(self, reason: str, code: Code = Code.DESK_FAILED) -> None:
        """Latch what an assertion or an unexpected error has shown: we are wrong, so nothing new is done."""
        now = self.ports.clock.now()
        latch = Latch(scope=ACCOUNT, state=TradingState.FROZEN, code=code, reason=reason[:300], at=now)
        held = self.book.latches.get(latch.key)
        if self.is_unwritable or (held is not None and held.state >= latch.state):
            return
        try:
            with exactly():
                events = decide(c.AddLatch(latch=latch), self.book, self._facts(None, None))
        except Exception:  # noqa: BLE001 - logged; whoever asked goes on
            # Not even that can be decided: the latch alone is recorded, and what adds risk is taken back.
            _LOG.exception("the latch itself could not be decided")
            events = (Latched(at=now, latch=latch),)
            self._abandon(lambda working: not working.order.reduces)
        try:
            self._write(events, self._folded(events))
        except JournalUnwritable:
            _LOG.exception("frozen, and the journal cannot say so")

    async def changed(self, seconds: float) -> None:
        """Wait until anything was recorded, and no longer than that."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    def tell(self, subject: str, text: str, *, is_urgent: bool = False) -> None:
        """Tell the owner; whether that works changes nothing here, and the next who asks hears of it as well."""
        self.told.append(Notice(at=self.ports.clock.now(), subject=subject, text=text))
        try:
            self.ports.notifier.notify(subject, text, is_urgent=is_urgent)
        except Exception:  # noqa: BLE001 - logged; whoever asked goes on
            _LOG.exception("the notifier failed")

    def ended(self, name: str, error: BaseException | None) -> None:
        """Hear of the end of a task of the desk's own; one that died of something unforeseen freezes."""
        if isinstance(error, TradingMcpError):
            _LOG.warning("%s gave up: %s", name, error)
        elif error is not None:
            _LOG.error("%s died", name, exc_info=error)
            self.freeze(f"the task `{name}` died: {type(error).__name__}")
        self._wake()

    def _rests(self, outcome: Outcome) -> bool:
        if outcome.is_resting and not self.courier.is_delivering(outcome.order_id):
            return True
        return is_settled(outcome)

    def _is_on_its_way(self, order_id: str) -> bool:
        """Say whether nothing can have come of an order yet, whatever was recorded meanwhile."""
        working = self.book.working.get(order_id)
        return working is not None and working.state in _ON_ITS_WAY and self.courier.is_delivering(order_id)

    def _facts(self, command: c.AnyCommand | None, signature: Signature | None) -> Facts:
        facts = self.gatherer.facts(self.book, pairs_of(command, self.book))
        if signature is None:
            return facts
        try:
            signed = self.ports.verifier.verified(signature.statement, signature.signature)
        except Exception:  # noqa: BLE001 - logged; whoever asked goes on
            _LOG.exception("a signature could not be checked")
            return facts
        return replace(facts, signed=signed)

    def _folded(self, events: Sequence[AnyEvent]) -> Book:
        book = self.book
        with exactly():
            for event in events:
                book = evolve(book, event)
        return book

    def _done(self, what: str, make: Callable[[], tuple[AnyEvent, ...]]) -> tuple[AnyEvent, ...]:
        try:
            with exactly():
                events = make()
                # Folded before it is recorded: an entry that no book can hold must never be in the journal.
                after = self._folded(events)
        except Exception as error:
            _LOG.exception("%s could not be decided", what)
            self.freeze(f"{what} could not be decided: {type(error).__name__}")
            raise DeskFrozen(
                "The desk met something it cannot explain and froze: nothing but cancels works.",
                "Read the operator log, then release it with a signature.",
            ) from error
        if events:
            self._write(events, after)
        return events

    def _write(self, events: Sequence[AnyEvent], after: Book) -> None:
        """Make events durable, and only then let anything happen."""
        self.ports.reach("before-append")
        journal = self.ports.journal
        is_told_again = all(isinstance(event, OrderAccepted) for event in events)
        self._written(journal.queue if is_told_again else journal.append, events)
        self.ports.reach("after-append")
        self.book = after
        self._act(tuple(events))

    def _written(self, write: Callable[[int, Sequence[AnyEvent]], object], events: Sequence[AnyEvent]) -> None:
        """Hand events to the journal; the first time that fails is the last time it is tried."""
        if self.is_unwritable:
            raise _unwritable()
        try:
            write(self.ports.clock.now(), events)
        except Exception as error:
            self._stop_writing()
            raise error if isinstance(error, JournalUnwritable) else _unwritable() from error

    def _act(self, events: tuple[AnyEvent, ...]) -> None:
        """Hand orders and cancels to the courier, notices to the owner, and wake who waits."""
        for event in events:
            if isinstance(event, OrderCleared):
                self.courier.deliver(event.order.id)
            elif isinstance(event, OrderCancelRequested):
                self.courier.cancel(event.order_id)
            elif isinstance(event, FillRecorded) and event.fill.order_id is not None:
                self._remember(event.fill.order_id, event.fill)
        for event in events:
            notice = notice_of(event)
            if notice is not None:
                self.tell(*notice, is_urgent=isinstance(event, URGENT))
        try:
            self.ports.views(events)
        except Exception:  # noqa: BLE001 - logged; whoever asked goes on
            _LOG.exception("a view failed")
        self._wake()

    def _remember(self, order_id: str, fill: Fill) -> None:
        """Keep what fills lately, so that the answer to a trade need not be searched for in the journal."""
        if order_id not in self.recent_fills and len(self.recent_fills) >= FILLED_KEPT:
            del self.recent_fills[next(iter(self.recent_fills))]
        parts = self.recent_fills.setdefault(order_id, [])
        if len(parts) < PARTS_KEPT:
            parts.append(fill)

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _stop_writing(self) -> None:
        """The journal is gone: raise the file that halts, and send cancels unrecorded; reconciliation finds them."""
        self.is_unwritable = True
        try:
            self.ports.raise_halt_file()
        except Exception:  # noqa: BLE001 - logged; whoever asked goes on
            _LOG.exception("the file HALT could not be put up")
        self._abandon(lambda working: not working.order.reduces)
        text = "Nothing new is sent; entry orders are cancelled."
        self.tell("The journal cannot be written", text, is_urgent=True)

    def _take_back_unrecorded(self, command: c.AnyCommand) -> None:
        """Do of a command the only thing that needs no record."""
        match command:
            case c.Halt():
                self._abandon(lambda working: working.order.purpose is not Purpose.PROTECTION)
            case c.Cancel(order_id=str() as order_id):
                self._abandon(lambda working: working.order.id == order_id)
            case c.Cancel(pair=pair):
                self._abandon(lambda working: not working.order.reduces and pair in (None, working.order.pair))
            case _:
                pass

    def _abandon(self, covers: Callable[[Working], bool]) -> None:
        for working in self.book.working.values():
            if working.state is not OrderState.CLEARED and covers(working):
                self.courier.abandon(working.order)


def _unwritable() -> JournalUnwritable:
    return JournalUnwritable(
        "The journal cannot be written: cancels are sent unrecorded, and nothing else is done.",
        "Run `trading-mcp doctor`, then start the desk again.",
    )

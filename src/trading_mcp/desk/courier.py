"""Orders in flight: one task for each, owned here, so that a client that goes away loses nothing."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, repeat
from typing import Final, Protocol

from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.events import AnyEvent, Latched, OrderSending
from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.latches import ACCOUNT, Latch, TradingState
from trading_mcp.core.domain.money import ZERO, exactly
from trading_mcp.core.domain.orders import ENDED, Fill, Order, OrderState, Side, Working
from trading_mcp.core.domain.verdict import Code
from trading_mcp.core.ports import Broker, Duplicate, NotFound, Refusal, VenueBalance, VenueOrder
from trading_mcp.desk.crew import Crew
from trading_mcp.desk.gather import Gatherer
from trading_mcp.desk.ports import Ports
from trading_mcp.desk.telling import are_balances, is_fill, is_order, is_ours, memory_begins, read_from
from trading_mcp.desk.turns import Turns
from trading_mcp.errors import TradingMcpError

_LOG: Final = logging.getLogger("trading_mcp.desk")
SENT_KEPT: Final = 10_000


class Door(Protocol):
    """The part of the desk a courier needs."""

    book: Book
    gatherer: Gatherer

    def commit(self, command: c.AnyCommand) -> tuple[AnyEvent, ...]:
        """Decide, record, fold and act."""
        ...

    def record(self, events: tuple[AnyEvent, ...]) -> tuple[AnyEvent, ...]:
        """Record events that need no decision."""
        ...

    def tell(self, subject: str, text: str, *, is_urgent: bool = False) -> None:
        """Tell the owner."""
        ...

    async def changed(self, seconds: float) -> None:
        """Wait until anything was recorded, and no longer than that."""
        ...

    def ended(self, name: str, error: BaseException | None) -> None:
        """Hear of the end of a task."""
        ...


class Courier:
    """Takes cleared orders to their venue, once, and brings back what became of them."""

    def __init__(self, ports: Ports, desk: Door) -> None:
        self._ports = ports
        self._desk = desk
        self._crew = Crew(desk.ended)
        self._sent: dict[str, None] = {}
        self._turns = Turns(ports, desk)

    def deliver(self, order_id: str) -> None:
        """Send a cleared order, in a task of its own."""
        self._crew.start(f"deliver {order_id}", lambda: self._deliver(order_id))

    def cancel(self, order_id: str) -> None:
        """Ask for an order's end, in a task of its own, until the venue has told it."""
        name = f"cancel {order_id}"
        self._crew.start(name, lambda: self._cancel(name, order_id))

    def chase(self, order_id: str) -> None:
        """Find out what became of an order of unknown fate."""
        name = f"chase {order_id}"
        self._crew.start(name, lambda: self._chase(name, order_id))

    def abandon(self, order: Order) -> None:
        """Ask for an order's end without a record of it."""
        name = f"abandon {order.id}"
        self._crew.start(name, lambda: self._abandon(name, order))

    async def paced(self, venue: str) -> None:
        """Wait for one request to a venue that nothing urgent hangs on."""
        await self._turns.request(venue, first=False)

    def is_delivering(self, order_id: str) -> bool:
        """Say whether an order's first answers are still to come."""
        return self._crew.has(f"deliver {order_id}")

    async def stop(self, patience: float) -> None:
        """Finish what is on the wire, for a while; a later start goes on with the rest."""
        await self._crew.finish("deliver", patience)
        await self._crew.stop()

    async def _deliver(self, order_id: str) -> None:
        working = self._desk.book.working.get(order_id)
        if working is None or working.state is not OrderState.CLEARED:
            return
        order = working.order
        broker = self._ports.brokers[order.venue]
        # Its turn at the venue comes before the last look, so that nothing can wait after it.
        async with self._turns.taken(order) as behind:
            self._ports.reach("before-last-look")
            events = self._desk.commit(c.LookAgain(order_id=order_id, behind=behind))
            if not any(isinstance(event, OrderSending) and event.order_id == order_id for event in events):
                self._turns.unused(order.venue)
                return
            if self._is_surplus(order):
                return
            self._ports.reach("after-sending")
            if broker.mode is Mode.DRY:
                self._desk.commit(c.ReportLapsed(order_id=order_id, reason="recorded, not sent: DRY"))
                return
            await self._submit(broker, order)
        await self.look(order_id)

    def _is_surplus(self, order: Order) -> bool:
        """Count what is sent against what was cleared; a surplus freezes before it reaches the wire."""
        if order.id not in self._sent:
            if len(self._sent) >= SENT_KEPT:
                del self._sent[next(iter(self._sent))]
            self._sent[order.id] = None
            return False
        latch = Latch(
            scope=ACCOUNT,
            state=TradingState.FROZEN,
            code=Code.SENDS_EXCEED_CLEARED,
            reason=f"order {order.id} would have been sent twice",
            at=self._ports.clock.now(),
        )
        self._desk.record((Latched(at=latch.at, latch=latch),))
        return True

    async def _submit(self, broker: Broker, order: Order) -> None:
        report: c.AnyCommand
        try:
            async with asyncio.timeout(self._ports.cadence.request):
                venue_order_id = await broker.submit(order)
            report = c.ReportAccepted(order_id=order.id, venue_order_id=venue_order_id)
        except Refusal as refusal:
            report = c.ReportRejected(order_id=order.id, reason=str(refusal)[:300])
        except Duplicate:
            report = c.ReportUnknown(order_id=order.id, reason="the venue knows this id already")
        except asyncio.CancelledError:
            # The desk is closing while the venue has not answered: the next start finds out.
            with suppress(TradingMcpError):
                self._doubt(c.ReportUnknown(order_id=order.id, reason="the desk stopped while it was sent"))
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, the order may be alive
            report = c.ReportUnknown(order_id=order.id, reason=f"{type(error).__name__} while it was sent")
        self._ports.reach("after-answer")
        if isinstance(report, c.ReportUnknown):
            self._doubt(report)
            self.chase(order.id)
        else:
            self._desk.commit(report)
        self._ports.reach("after-report")

    def _doubt(self, report: c.ReportUnknown) -> None:
        """Record that an order's fate is unknown, unless its venue has told it meanwhile to one who asked."""
        working = self._desk.book.working.get(report.order_id)
        if working is not None and working.state is OrderState.SENDING:
            self._desk.commit(report)

    async def look(self, order_id: str) -> bool | None:
        """Read an order: True if its venue told, False if the order is absent there, None if nobody answered."""
        working = self._desk.book.order(order_id)
        if working is None or working.state is OrderState.CLEARED:
            return None
        order = working.order
        await self._turns.request(order.venue, first=order.reduces)
        try:
            async with asyncio.timeout(self._ports.cadence.request):
                fills, told = await self._read(working)
        except Exception as error:  # noqa: BLE001 - a read that fails tells nothing
            _LOG.info("%s told nothing of %s: %s", order.venue, order_id, type(error).__name__)
            return None
        self._ports.reach("after-look")
        self.fold(fills)
        if told is None:
            return False
        if not is_order(told, order):
            return None
        self._align(told)
        return True

    async def _read(self, working: Working) -> tuple[tuple[Fill, ...], VenueOrder | None]:
        """Read fills first and the order after them, so that its end never comes before what it filled."""
        broker, order = self._ports.brokers[working.order.venue], working.order
        fills = await broker.fills(read_from(self._desk.book, order.cleared_at))
        try:
            told = await broker.order(order.id)
        except NotFound:
            return fills, None
        if is_order(told, order) and not _is_explained(told, fills, working):
            # The order has more than its fills explain: their dates may be of another clock.
            fills = (*fills, *await broker.fills(memory_begins(self._desk.book)))
        return fills, told

    def fold(self, fills: tuple[Fill, ...]) -> None:
        """Fold what is new of a venue's executions, and value everything once if there was any."""
        is_new = False
        for fill in fills:
            if self._desk.book.has_trade(fill.venue, fill.trade_id):
                continue
            if not is_fill(fill):
                _LOG.warning(
                    "a fill of %s with missing or impossible fields is left for the next reading", fill.venue
                )
            elif is_ours(fill, self._desk.book):
                is_new = True
                self._desk.commit(c.ReportFill(fill=fill))
                self._ports.reach("after-fill")
        if is_new:
            self._desk.commit(c.Mark(on_fill=True))

    def _align(self, told: VenueOrder) -> None:
        """Bring the book to what the venue says; an end counts only once all its fills are here."""
        working = self._desk.book.order(told.order_id)
        if working is None or working.state in ENDED:
            return
        if working.state in (OrderState.SENDING, OrderState.UNKNOWN) and told.state is not OrderState.REJECTED:
            self._desk.commit(c.ReportAccepted(order_id=told.order_id, venue_order_id=told.venue_order_id))
        if told.filled > working.filled:
            return
        match told.state:
            case OrderState.CANCELLED:
                self._desk.commit(c.ReportCancelled(order_id=told.order_id))
            case OrderState.LAPSED:
                self._desk.commit(c.ReportLapsed(order_id=told.order_id, reason="it ended at the venue"))
            case OrderState.REJECTED:
                self._desk.commit(c.ReportRejected(order_id=told.order_id, reason="rejected after it was accepted"))
            case _:
                pass

    async def _cancel(self, name: str, order_id: str) -> None:
        """Ask until the venue has told the order's end; a cancel may be repeated, a submission never."""
        for pause in chain((0.0,), self._pauses()):  # pragma: no branch - without end
            if pause:
                await self._crew.pause(name, pause)
            working = self._desk.book.working.get(order_id)
            if working is None or working.state is OrderState.CLEARED:
                return
            # Also while it is being sent: the request may have arrived although the answer has not.
            self._ports.reach("before-cancel")
            await self._ask_to_cancel(working.order)
            await self.look(order_id)
            if order_id not in self._desk.book.working:
                return

    async def _abandon(self, name: str, order: Order) -> None:
        """Ask without a journal until the venue says that nothing is open under the id, a few times over."""
        for pause in (0.0, *self._ports.cadence.ladder):
            await self._crew.pause(name, pause)
            await self._ask_to_cancel(order)

    async def _ask_to_cancel(self, order: Order) -> bool:
        """Send one cancel; return whether the venue took it or has nothing open under that id."""
        broker = self._ports.brokers[order.venue]
        if broker.mode is Mode.DRY:
            return False
        await self._turns.request(order.venue, first=True)
        try:
            async with asyncio.timeout(self._ports.cadence.request):
                await broker.cancel(order.id)
        except NotFound:
            return True
        except Exception as error:  # noqa: BLE001 - the look that follows is what counts
            _LOG.info("%s did not take a cancel of %s: %s", order.venue, order.id, type(error).__name__)
            return False
        return True

    async def _chase(self, name: str, order_id: str) -> None:
        """Climb the ladder: ask for the order until the venue tells, or until its absence is certain."""
        cadence, clock = self._ports.cadence, self._ports.clock
        began, absent, first, is_told = clock.boot(), 0, 0, False
        for pause in self._pauses():  # pragma: no branch - without end
            await self._crew.pause(name, pause)
            working = self._desk.book.working.get(order_id)
            if working is None or working.state is not OrderState.UNKNOWN:
                return
            found = await self.look(order_id)
            if not is_told and working.order.reduces and clock.boot() - began >= cadence.escalate:
                is_told = True
                text = f"{order_id} on {working.order.pair}: look there."
                self._desk.tell("An exit's fate is still unknown", text, is_urgent=True)
            if found is None:
                continue
            # Measured on the clock that nobody sets; absence counts from the first time it was told.
            first = clock.boot() if absent == 0 else first
            absent = 0 if found else absent + 1
            is_certain = absent >= cadence.absent_times and clock.boot() - first >= cadence.absent_span
            if is_certain and self._may_release(working) and await self._release(working):
                return

    async def _release(self, working: Working) -> bool:
        """Fence an order that is absent, read what is free after that, and let the order go."""
        order = working.order
        self._ports.reach("before-fence")
        broker = self._ports.brokers[order.venue]
        if broker.can_fence and not await self._ask_to_cancel(order):
            return False
        if await self.look(order.id) is not False:
            return False
        began = self._ports.clock.now()
        try:
            async with asyncio.timeout(self._ports.cadence.request):
                balances = await broker.balances()
        except Exception as error:  # noqa: BLE001 - nothing is let go on a guess
            _LOG.info("%s told no balances: %s", order.venue, type(error).__name__)
            return False
        book = self._desk.book
        now = book.working.get(order.id)
        if now is None or now.state is not OrderState.UNKNOWN:
            return True
        moved = [item.since for item in book.working.values() if item.order.venue == order.venue]
        if not are_balances(balances) or max(*moved, book.local_fill_at.get(order.venue, 0)) >= began:
            # Something moved there while the balances were read: they are of no moment that can be named.
            return False
        if order.reduces and not broker.can_fence and not _is_free(book, order, balances):
            # It may hold what it was to sell; only its balance, its record or a person can tell.
            return False
        self._desk.commit(c.ReportLapsed(order_id=order.id, reason="absent at the venue, released"))
        # Read after the fence and after all that moved there: the exit that follows goes by it.
        self._desk.gatherer.held(order.venue, balances, self._ports.clock.now() + 1)
        return True

    def _may_release(self, working: Working) -> bool:
        """Say whether absence may release an order: an entry with real money waits for a person."""
        return working.order.reduces or self._desk.book.home.mode is not Mode.LIVE

    def _pauses(self) -> Iterator[float]:
        ladder = self._ports.cadence.ladder
        return chain(ladder, repeat(ladder[-1]))


def _is_free(book: Book, order: Order, balances: tuple[VenueBalance, ...]) -> bool:
    """Say whether a venue calls free all that an exit would hold if it were alive."""
    asset = order.pair.partition("-")[0]
    if order.side is Side.BUY:
        return False
    with exactly():
        left = ZERO
        for position in book.portfolio.positions.values():
            if position.venue == order.venue and position.pair.partition("-")[0] == asset:
                left += position.quantity
        for working in book.working.values():
            other = working.order
            is_there = other.venue == order.venue and other.pair.partition("-")[0] == asset
            if is_there and other.side is Side.SELL and other.id != order.id:
                left -= working.remaining
        return any(row.asset == asset and row.free >= left for row in balances)


def _is_explained(told: VenueOrder, fills: tuple[Fill, ...], working: Working) -> bool:
    """Say whether the fills that are known by now come to what the venue says is filled."""
    if told.filled <= working.filled:
        return True
    with exactly():
        rows = {fill.trade_id: fill.quantity for fill in fills if fill.order_id == told.order_id and is_fill(fill)}
        return sum(rows.values(), start=ZERO) >= told.filled

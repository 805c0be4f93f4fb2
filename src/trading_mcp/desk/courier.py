"""Orders in flight: one task for each, owned here, so that a client that goes away loses nothing."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol

from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.events import AnyEvent, Latched, OrderSending
from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.latches import ACCOUNT, Latch, TradingState
from trading_mcp.core.domain.orders import ENDED, Fill, Order, OrderState, Working
from trading_mcp.core.domain.verdict import Code
from trading_mcp.core.ports import Broker, Duplicate, NotFound, Refusal, VenueOrder
from trading_mcp.desk.ports import Ports


class Door(Protocol):
    """The part of the desk a courier needs."""

    book: Book

    def commit(self, command: c.AnyCommand) -> tuple[AnyEvent, ...]:
        """Decide, record, fold and act."""
        ...

    def record(self, events: tuple[AnyEvent, ...]) -> tuple[AnyEvent, ...]:
        """Record events that need no decision."""
        ...


class Courier:
    """Takes cleared orders to their venue, once, and brings back what became of them."""

    def __init__(self, ports: Ports, desk: Door) -> None:
        self._ports = ports
        self._desk = desk
        self._tasks: set[asyncio.Task[None]] = set()
        self._sent: set[str] = set()
        self._gates = {venue: asyncio.Semaphore(4) for venue in ports.brokers}

    def deliver(self, order_id: str) -> None:
        """Send a cleared order, in a task of its own."""
        self._start(self._deliver(order_id), f"deliver {order_id}")

    def cancel(self, order_id: str) -> None:
        """Ask for an order's end, in a task of its own."""
        self._start(self._cancel(order_id), f"cancel {order_id}")

    def chase(self, order_id: str) -> None:
        """Find out what became of an order of unknown fate."""
        self._start(self._chase(order_id), f"chase {order_id}")

    async def idle(self, seconds: float) -> bool:
        """Wait until nothing is in flight, for a while; return whether that came true."""
        if not self._tasks:
            return True
        done, waiting = await asyncio.wait(tuple(self._tasks), timeout=seconds)
        return bool(done) and not waiting and not self._tasks

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, order_id: str) -> None:
        working = self._desk.book.working.get(order_id)
        if working is None:
            return
        order = working.order
        broker = self._ports.brokers[order.venue]
        # A place at the venue is taken before the last look, so that nothing can wait after it.
        async with self._gates[order.venue]:
            self._ports.reach("before-last-look")
            events = self._desk.commit(c.LookAgain(order_id=order_id))
            if not any(isinstance(event, OrderSending) and event.order_id == order_id for event in events):
                return
            if self._is_surplus(order):
                return
            self._ports.reach("after-sending")
            if broker.mode is Mode.DRY:
                self._desk.commit(c.ReportLapsed(order_id=order_id, reason="recorded, not sent: DRY"))
                return
            await self._submit(broker, order)

    def _is_surplus(self, order: Order) -> bool:
        """Count what is sent against what was cleared; a surplus freezes before it reaches the wire."""
        if order.id not in self._sent:
            self._sent.add(order.id)
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
            self._desk.commit(c.ReportUnknown(order_id=order.id, reason="the desk stopped while it was sent"))
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, the order may be alive
            report = c.ReportUnknown(order_id=order.id, reason=f"{type(error).__name__} while it was sent")
        self._ports.reach("after-answer")
        self._desk.commit(report)
        self._ports.reach("after-report")
        if isinstance(report, c.ReportUnknown):
            self.chase(order.id)
        elif isinstance(report, c.ReportAccepted):
            await self.look(order.id)

    async def look(self, order_id: str) -> bool:
        """Read an order's state and fills from its venue; return whether the venue told."""
        working = self._desk.book.order(order_id)
        if working is None:
            return False
        broker = self._ports.brokers[working.order.venue]
        try:
            async with asyncio.timeout(self._ports.cadence.request):
                fills = await broker.fills(working.order.cleared_at)
                told = await broker.order(order_id)
        except NotFound:
            return False
        except Exception:  # noqa: BLE001 - a read that fails tells nothing
            return False
        self._fold(fills)
        self._align(told)
        return True

    def _fold(self, fills: tuple[Fill, ...]) -> None:
        for fill in fills:
            if not self._desk.book.has_trade(fill.venue, fill.trade_id):
                self._desk.commit(c.ReportFill(fill=fill))

    def _align(self, told: VenueOrder) -> None:
        """Bring the book to what the venue says; an end counts only once all its fills are here."""
        working = self._desk.book.order(told.order_id)
        if working is None or working.state in ENDED:
            return
        if working.state in (OrderState.SENDING, OrderState.UNKNOWN) and told.state is not OrderState.REJECTED:
            self._desk.commit(c.ReportAccepted(order_id=told.order_id, venue_order_id=told.venue_order_id))
            working = self._desk.book.order(told.order_id)
        if working is None or told.filled > working.filled:
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

    async def _cancel(self, order_id: str) -> None:
        """Ask until the venue has told the order's end; a cancel may be repeated, a submission never."""
        for pause in (0.0, *self._ports.cadence.ladder):
            await asyncio.sleep(pause)
            working = self._desk.book.working.get(order_id)
            if working is None or working.state is OrderState.CLEARED:
                return
            if working.state is OrderState.SENDING:
                continue
            try:
                async with asyncio.timeout(self._ports.cadence.request):
                    await self._ports.brokers[working.order.venue].cancel(order_id)
            except Exception:  # noqa: BLE001, S110 - the look that follows is what counts
                pass
            await self.look(order_id)
            if order_id not in self._desk.book.working:
                return

    async def _chase(self, order_id: str) -> None:
        """Climb the ladder: ask for the order until the venue tells, or until its absence is certain."""
        cadence, absent, first = self._ports.cadence, 0, 0
        steps = iter(cadence.ladder)
        pause = next(steps)
        while True:
            await asyncio.sleep(pause)
            pause = next(steps, pause)
            working = self._desk.book.working.get(order_id)
            if working is None or working.state is not OrderState.UNKNOWN:
                return
            found = await self._ask(working)
            if found is not False:
                continue
            now = self._ports.clock.now()
            first = first or now
            absent += 1
            if absent >= cadence.absent_times and now - first >= cadence.absent_span:
                if not self._may_release(working):
                    return
                await self._fence(working)
                if await self._ask(working) is False:
                    self._desk.commit(c.ReportLapsed(order_id=order_id, reason="absent at the venue, released"))
                return

    async def _ask(self, working: Working) -> bool | None:
        """Return True if the venue told of the order, False if it is absent, None if nobody answered."""
        broker = self._ports.brokers[working.order.venue]
        try:
            async with asyncio.timeout(self._ports.cadence.request):
                told = await broker.order(working.order.id)
                fills = await broker.fills(working.order.cleared_at)
        except NotFound:
            return False
        except Exception:  # noqa: BLE001 - silence is not absence
            return None
        self._fold(fills)
        self._align(told)
        return True

    async def _fence(self, working: Working) -> None:
        """Cancel by our own id, so that a request still on its way finds its order unwanted."""
        try:
            async with asyncio.timeout(self._ports.cadence.request):
                await self._ports.brokers[working.order.venue].cancel(working.order.id)
        except Exception:  # noqa: BLE001, S110 - a fence that fails leaves what it found
            pass

    def _may_release(self, working: Working) -> bool:
        """Say whether absence may release an order: an entry with real money waits for a person."""
        return working.order.reduces or self._desk.book.home.mode is not Mode.LIVE

"""The beat of a desk: look every second, value every minute, compare with the venues, and notice lost time."""

import asyncio
from typing import Protocol

from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.orders import OrderState
from trading_mcp.desk.desk import Desk
from trading_mcp.desk.ports import Ports
from trading_mcp.desk.reconcile import Reconciler
from trading_mcp.errors import TradingMcpError


class Advancing(Protocol):
    """A venue of the desk's own, which moves only when it is looked at."""

    async def advance(self) -> None:
        """Match what rests against the market since the last look."""
        ...


class Heart:
    """Runs until it is stopped; one venue's trouble never blocks another's exits."""

    def __init__(self, ports: Ports, desk: Desk) -> None:
        self._ports = ports
        self._desk = desk
        self._reconciler = Reconciler(ports, desk)
        self._marked_at = 0
        self._reconciled_at: dict[str, int] = {}
        self._looked_at: dict[str, int] = {}
        self._busy: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Beat for ever."""
        while True:
            await self.beat()
            await asyncio.sleep(self._ports.cadence.tick)

    async def beat(self) -> None:
        """Do what is due now."""
        now, cadence = self._ports.clock.now(), self._ports.cadence
        try:
            self._desk.commit(c.Tick())
            self._desk.gatherer.ticked()
            for venue in self._ports.brokers:
                self._visit(venue, now)
            if self._desk.book.protections or self._desk.book.closings:
                self._desk.commit(c.Watch())
            if now - self._marked_at >= cadence.mark:
                self._marked_at = now
                self._desk.commit(c.Mark())
        except TradingMcpError:
            # The desk has said why already: it is frozen, or its journal cannot be written.
            return
        await asyncio.sleep(0)

    async def settle(self) -> None:
        """Wait until every visit under way has come back."""
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))

    def _visit(self, venue: str, now: int) -> None:
        """Start a visit to a venue, unless one is still under way there."""
        if venue in self._busy:
            return
        self._busy.add(venue)
        task = asyncio.get_running_loop().create_task(self._visited(venue, now), name=f"visit {venue}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _visited(self, venue: str, now: int) -> None:
        try:
            await self._advance(venue)
            if venue not in self._reconciled_at:
                await self._reconciler.offers(venue)
            due = now - self._reconciled_at.get(venue, 0) >= self._ports.cadence.reconcile
            if due or venue not in self._desk.book.reconciled:
                if await self._reconciler.venue(venue):
                    self._reconciled_at[venue] = now
                return
            await self._look(venue, now)
        except TradingMcpError:
            return
        finally:
            self._busy.discard(venue)

    async def _advance(self, venue: str) -> None:
        broker = self._ports.brokers[venue]
        advance = getattr(broker, "advance", None)
        if advance is not None:
            await advance()

    async def _look(self, venue: str, now: int) -> None:
        """Look at the orders of a venue: those in flight with every beat, those that rest now and then."""
        for working in tuple(self._desk.book.working.values()):
            order = working.order
            if order.venue != venue or working.state in (OrderState.CLEARED, OrderState.SENDING, OrderState.UNKNOWN):
                continue
            last = self._looked_at.get(order.id, 0)
            if working.state is OrderState.LIVE and now - last < self._ports.cadence.open_orders:
                continue
            self._looked_at[order.id] = now
            await self._desk.courier.look(order.id)
        alive = self._desk.book.working.keys()
        self._looked_at = {key: at for key, at in self._looked_at.items() if key in alive}

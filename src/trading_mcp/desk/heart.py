"""The beat of a desk: look every second, value every minute, compare with the venues, and notice lost time."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol, runtime_checkable

from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.latches import TradingState
from trading_mcp.core.domain.orders import Door, OrderState
from trading_mcp.desk.crew import Crew
from trading_mcp.desk.desk import Desk
from trading_mcp.desk.ports import Ports
from trading_mcp.desk.reconcile import Reconciler
from trading_mcp.desk.watchman import Watchman
from trading_mcp.errors import TradingMcpError

_LOG: Final = logging.getLogger("trading_mcp.desk")
_IN_FLIGHT: Final = (OrderState.CLEARED, OrderState.SENDING, OrderState.UNKNOWN)


@runtime_checkable
class Advancing(Protocol):
    """A venue of the desk's own, which moves only when it is looked at."""

    async def advance(self) -> None:
        """Match what rests against the market since the last look."""
        ...


class Heart:
    """Runs until it is stopped; one venue's trouble never blocks another's exits.

    What is due is measured on the clock that nobody sets.
    """

    def __init__(self, ports: Ports, desk: Desk) -> None:
        self._ports = ports
        self._desk = desk
        self._reconciler = Reconciler(ports, desk)
        # Asked once: to see a protocol in a venue takes longer than most of what a beat does.
        self._advancing = {name: broker for name, broker in ports.brokers.items() if isinstance(broker, Advancing)}
        self._crew = Crew(desk.ended)
        self._watchman = Watchman(desk)
        self._marked_at: int | None = None
        self._offered: set[str] = set()
        self._reconciled_at: dict[str, int] = {}
        self._tried_at: dict[str, int] = {}
        self._looked_at: dict[str, int] = {}
        self._said: dict[str, str] = {}

    async def run(self) -> None:
        """Beat for ever."""
        try:
            while True:
                self.beat()
                await asyncio.sleep(self._ports.cadence.tick)
        finally:
            await self._crew.stop()

    def beat(self) -> None:
        """Do what is due now; what fails keeps nothing else from its turn."""
        self._do(self._obey_file)
        self._do(self._tick)
        for venue in self._ports.brokers:
            name = f"visit {venue}"
            if not self._crew.has(name):
                self._crew.start(name, lambda venue=venue: self._visited(venue))
        self._do(self._watch)
        self._do(self._mark)

    async def settle(self) -> None:
        """Wait until every visit under way has come back."""
        await self._crew.finish("visit", self._ports.cadence.request * 10)

    def _do(self, step: Callable[[], None]) -> None:
        try:
            step()
        except TradingMcpError as error:
            # The desk has said why already: it is frozen, or its journal cannot be written.
            self._say(step.__name__, str(error))

    def _say(self, what: str, reason: str) -> None:
        """Log a trouble once, not with every beat."""
        if self._said.get(what) != reason:
            self._said[what] = reason
            _LOG.warning("%s: %s", what, reason)

    def _obey_file(self) -> None:
        """The first look that sees the file HALT latches; removing it releases nothing."""
        if self._ports.is_halted_by_file() and self._desk.book.account_state < TradingState.HALTED:
            self._desk.commit(c.Halt(door=Door.DESK, reason="the file HALT stands in the home"))

    def _tick(self) -> None:
        self._desk.commit(c.Tick())
        self._desk.gatherer.ticked()

    def _watch(self) -> None:
        if self._desk.book.protections or self._desk.book.closings:
            self._desk.commit(c.Watch())

    def _mark(self) -> None:
        now = self._ports.clock.boot()
        if self._marked_at is None or now - self._marked_at >= self._ports.cadence.mark:
            self._marked_at = now
            self._desk.commit(c.Mark())
            self._watchman.look()

    async def _visited(self, venue: str) -> None:
        """Visit a venue once; whatever goes wrong there is said, and tried again with the next beat."""
        try:
            await self._visit(venue)
        except Exception as error:  # noqa: BLE001 - a venue in trouble must not end the visits to it
            self._say(venue, f"{type(error).__name__}: {error}")
        else:
            self._said.pop(venue, None)

    async def _visit(self, venue: str) -> None:
        advancing, now = self._advancing.get(venue), self._ports.clock.boot()
        if advancing is not None:
            async with asyncio.timeout(self._ports.cadence.request):
                await advancing.advance()
        if venue not in self._offered and await self._reconciler.offers(venue):
            self._offered.add(venue)
        if self._is_due(venue, now):
            self._tried_at[venue] = now
            if await self._reconciler.venue(venue):
                self._reconciled_at[venue] = now
        # Whatever the comparison came to: orders are looked at, and with them the stops that wait for their end.
        await self._look(venue, now)

    def _is_due(self, venue: str, now: int) -> bool:
        """Say whether a venue is to be compared now; one that was open before is not asked with every beat."""
        cadence, tried = self._ports.cadence, self._tried_at.get(venue)
        if tried is None or venue not in self._desk.book.reconciled:
            return True
        last = self._reconciled_at.get(venue)
        is_owed = last is None or now - last >= cadence.reconcile or venue not in self._desk.book.rechecked
        return is_owed and now - tried >= cadence.retry

    async def _look(self, venue: str, now: int) -> None:
        """Look at the orders of a venue: those in flight with every beat, those that rest now and then."""
        working = self._desk.book.working
        self._looked_at = {key: at for key, at in self._looked_at.items() if key in working}
        for item in tuple(working.values()):
            order = item.order
            if order.venue != venue or item.state in _IN_FLIGHT:
                continue
            last = self._looked_at.get(order.id)
            rests = item.state is OrderState.LIVE and order.lapses_at is None
            if rests and last is not None and now - last < self._ports.cadence.open_orders:
                continue
            self._looked_at[order.id] = now
            await self._desk.courier.look(order.id)

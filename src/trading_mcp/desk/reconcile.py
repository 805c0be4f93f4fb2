"""Compare a venue's records with the book: fills first, then orders, then what is held, then money that moved."""

import asyncio
import logging
from decimal import Decimal
from typing import Final, Protocol, runtime_checkable

import msgspec
from msgspec.structs import replace

from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.events import AnyEvent
from trading_mcp.core.domain.market import SECOND
from trading_mcp.core.domain.money import ONE, ZERO, exactly
from trading_mcp.core.domain.orders import EXTERNAL, Fill, OrderState
from trading_mcp.core.domain.portfolio import Position, position_key
from trading_mcp.core.ports import Activity, Broker, Transfer, VenueBalance, VenueOrder
from trading_mcp.desk.comparing import Found, Row, compared, pair_of, told
from trading_mcp.desk.courier import Courier
from trading_mcp.desk.gather import Gatherer
from trading_mcp.desk.ports import Ports
from trading_mcp.desk.telling import are_balances, read_from

_LOG: Final = logging.getLogger("trading_mcp.desk")

# What moved here a moment ago is not compared with a reading that may be older.
SETTLING: Final = 5 * SECOND
# What one reading asks a venue for.
_READS: Final = 4
# An order in one of these may have done what its venue has not told yet.
_UNTOLD: Final = (OrderState.SENDING, OrderState.UNKNOWN, OrderState.CANCEL_PENDING)


class Door(Protocol):
    """The part of the desk a reconciliation needs."""

    book: Book
    gatherer: Gatherer
    courier: Courier

    def commit(self, command: c.AnyCommand) -> tuple[AnyEvent, ...]:
        """Decide, record, fold and act."""
        ...


@runtime_checkable
class Bookkeeping(Protocol):
    """A venue that tells what it did to the account without a trade."""

    async def activities(self, since: int) -> tuple[Activity, ...]:
        """Return splits, dividends, interest, rewards and fees since a moment."""
        ...


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One venue as its records tell of it."""

    at: int
    fills: tuple[Fill, ...]
    opened: tuple[VenueOrder, ...]
    transfers: tuple[Transfer, ...]
    activities: tuple[Activity, ...]
    balances: tuple[VenueBalance, ...]


class Suspicion(msgspec.Struct, frozen=True, kw_only=True):
    """What one reading has shown and nothing explains; what lags or was misread is gone in a later one."""

    found: Found
    since: int


class Reconciler:
    """Reads one venue whole; doing it twice changes nothing."""

    def __init__(self, ports: Ports, desk: Door) -> None:
        self._ports = ports
        self._desk = desk
        self._since: dict[str, int] = {}
        self._suspected: dict[str, Suspicion] = {}
        self._crumbs: dict[str, tuple[Row, ...]] = {}

    async def offers(self, venue: str) -> bool:
        """Read what a venue offers; return whether it answered."""
        try:
            async with asyncio.timeout(self._ports.cadence.request):
                self._desk.gatherer.offered(venue, await self._ports.brokers[venue].instruments())
        except Exception as error:  # noqa: BLE001 - a venue that does not answer keeps its last list
            _LOG.info("%s did not say what it offers: %s", venue, type(error).__name__)
            return False
        return True

    async def venue(self, venue: str) -> bool:
        """Reconcile one venue; return whether that came to an end. A failed query never means empty."""
        # While something is unexplained everything that can still be told apart is read again.
        since = 0 if venue in self._suspected else self._since.get(venue, 0)
        reading = await self._read(self._ports.brokers[venue], read_from(self._desk.book, since))
        if reading is None:
            return False
        self._money(venue, reading)
        self._desk.courier.fold(reading.fills)
        await self._orders(venue, reading.opened)
        self._desk.gatherer.held(venue, reading.balances, reading.at)
        self._since[venue] = reading.at
        moved_at = self._desk.book.local_fill_at.get(venue)
        # An entry of the last moments may be in one record and not yet in the other.
        is_moving = moved_at is not None and reading.at - moved_at < SETTLING
        if not is_moving and self._compare(venue, reading):
            return True
        if venue not in self._desk.book.reconciled | self._desk.book.legible:
            self._desk.commit(c.ReadVenue(venue=venue))
        return False

    def _money(self, venue: str, reading: Reading) -> None:
        """Fold what came, went and was done to the account, each once."""
        for transfer in reading.transfers:
            if not self._desk.book.has_transfer(venue, transfer.id):
                self._desk.commit(
                    c.ReportCash(venue=venue, asset=transfer.asset, amount=transfer.amount, transfer_id=transfer.id)
                )
        for done in reading.activities:
            if not self._desk.book.has_activity(venue, done.id):
                self._desk.commit(
                    c.ReportAdjustment(
                        kind=done.kind,
                        venue=venue,
                        asset=done.asset,
                        amount=done.amount,
                        note=done.note,
                        activity_id=done.id,
                    )
                )

    async def _read(self, broker: Broker, since: int) -> Reading | None:
        for _ in range(_READS):
            await self._desk.courier.paced(broker.venue)
        at = self._ports.clock.now()
        try:
            async with asyncio.timeout(self._ports.cadence.request):
                reading = Reading(
                    at=at,
                    fills=await broker.fills(since),
                    opened=await broker.open_orders(),
                    transfers=await broker.transfers(since),
                    activities=await broker.activities(since) if isinstance(broker, Bookkeeping) else (),
                    balances=await broker.balances(),
                )
        except Exception as error:  # noqa: BLE001 - not ready, or facts that merely age
            _LOG.info("%s could not be read: %s", broker.venue, type(error).__name__)
            return None
        return reading if are_balances(reading.balances) else None

    async def _orders(self, venue: str, opened: tuple[VenueOrder, ...]) -> None:
        """Look at every working order of ours that the venue does not list as open, and chase unknown ones."""
        known = {order.order_id for order in opened}
        for working in tuple(self._desk.book.working.values()):
            order = working.order
            if order.venue != venue or working.state in (OrderState.CLEARED, OrderState.SENDING):
                continue
            if working.state is OrderState.UNKNOWN:
                self._desk.courier.chase(order.id)
            elif order.id not in known:
                await self._desk.courier.look(order.id)

    def _compare(self, venue: str, reading: Reading) -> bool:
        """Compare what is held; a difference counts once it has lasted, and is adopted or recorded once."""
        book, now = self._desk.book, self._ports.clock.boot()
        holdings, found = compared(book, venue, reading.balances, reading.opened, self._desk.gatherer)
        if found.assets or found.orders != book.foreign.get(venue, ()):
            suspicion = self._suspected.get(venue)
            if suspicion is None or suspicion.found != found:
                suspicion = Suspicion(found=found, since=now)
            self._suspected[venue] = suspicion
            cadence = self._ports.cadence
            # Until the first comparison only exits pass that both sides agree on; what is latched lets all of them.
            patience = cadence.confirm if venue in book.reconciled else cadence.confirm_opening
            if now - suspicion.since < patience:
                return False
            if self._adopt(venue, found):
                holdings, found = compared(
                    self._desk.book, venue, reading.balances, reading.opened, self._desk.gatherer
                )
        if not found.assets:
            self._suspected.pop(venue, None)
        is_news = found.crumbs != self._crumbs.get(venue, ())
        self._crumbs[venue] = found.crumbs
        if found.assets or is_news or venue not in book.rechecked:
            differences, noted = told(venue, found.assets), told(venue, found.crumbs)
            self._desk.commit(c.Reconcile(venue=venue, holdings=holdings, differences=differences, noted=noted))
        return True

    def _adopt(self, venue: str, found: Found) -> bool:
        """Take in what others made, unless an order of ours may still explain it; return whether anything was."""
        book = self._desk.book
        if found.orders != book.foreign.get(venue, ()):
            self._desk.commit(c.AdoptOrders(venue=venue, orders=found.orders))
        if any(item.order.venue == venue and item.state in _UNTOLD for item in book.working.values()):
            return False
        adopted = [self._external(venue, *row) for row in found.assets]
        positions = [each for each in adopted if each is not None]
        if len(positions) < len(adopted):
            # Units without their money, or money without its units, are one story that nobody has told yet.
            return False
        for position in positions:
            self._desk.commit(c.AdoptForeign(position=position))
        return bool(positions)

    def _external(self, venue: str, asset: str, ours: Decimal, theirs: Decimal) -> Position | None:
        """Return what others hold there if the difference is theirs; money is nobody's position."""
        book, gatherer = self._desk.book, self._desk.gatherer
        pair = pair_of(book, venue, asset, gatherer)
        if pair is None:
            return None
        with exactly():
            before = book.portfolio.positions.get(position_key(EXTERNAL, venue, pair))
            quantity = theirs - ours + (ZERO if before is None else before.quantity)
            quote = gatherer.quote(venue, pair)
            if quantity < ZERO or (before is None and quote is None):
                return None
            if before is not None:
                return replace(before, quantity=quantity)
            instrument = gatherer.instrument(venue, pair)
            return Position(
                book=EXTERNAL,
                venue=venue,
                pair=pair,
                quantity=quantity,
                average=ZERO if quote is None else quote.bid,
                multiplier=ONE if instrument is None else instrument.multiplier,
                opened_at=self._ports.clock.now(),
            )

"""Compare a venue's records with the book: fills first, then orders, then what is held, then money that moved."""

import asyncio
import logging
from decimal import Decimal
from typing import Final, Protocol

import msgspec

from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.events import AnyEvent
from trading_mcp.core.domain.market import SECOND
from trading_mcp.core.domain.money import ZERO, exactly, plain
from trading_mcp.core.domain.orders import Fill, OrderState
from trading_mcp.core.domain.portfolio import Position
from trading_mcp.core.ports import Broker, Transfer, VenueBalance, VenueOrder
from trading_mcp.desk.courier import Courier
from trading_mcp.desk.gather import Gatherer
from trading_mcp.desk.ports import Ports
from trading_mcp.desk.telling import are_balances, read_from

_LOG: Final = logging.getLogger("trading_mcp.desk")

# What moved here a moment ago is not compared with a reading that may be older.
SETTLING: Final = 5 * SECOND


class Door(Protocol):
    """The part of the desk a reconciliation needs."""

    book: Book
    gatherer: Gatherer
    courier: Courier

    def commit(self, command: c.AnyCommand) -> tuple[AnyEvent, ...]:
        """Decide, record, fold and act."""
        ...


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One venue as its records tell of it."""

    at: int
    fills: tuple[Fill, ...]
    opened: tuple[VenueOrder, ...]
    transfers: tuple[Transfer, ...]
    balances: tuple[VenueBalance, ...]


class Suspicion(msgspec.Struct, frozen=True, kw_only=True):
    """A difference that one reading has shown; what lags or was misread is gone in a later one."""

    differences: tuple[str, ...]
    since: int


class Reconciler:
    """Reads one venue whole; doing it twice changes nothing."""

    def __init__(self, ports: Ports, desk: Door) -> None:
        self._ports = ports
        self._desk = desk
        self._since: dict[str, int] = {}
        self._suspected: dict[str, Suspicion] = {}

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
        for transfer in reading.transfers:
            if not self._desk.book.has_transfer(venue, transfer.id):
                self._desk.commit(
                    c.ReportCash(venue=venue, asset=transfer.asset, amount=transfer.amount, transfer_id=transfer.id)
                )
        self._desk.courier.fold(reading.fills)
        await self._orders(venue, reading.opened)
        self._desk.gatherer.held(venue, reading.balances, reading.at)
        self._since[venue] = reading.at
        moved_at = self._desk.book.local_fill_at.get(venue)
        if moved_at is not None and reading.at - moved_at < SETTLING:
            # An entry of the last moments may be in one record and not yet in the other.
            return False
        return self._compare(venue, reading)

    async def _read(self, broker: Broker, since: int) -> Reading | None:
        at = self._ports.clock.now()
        try:
            async with asyncio.timeout(self._ports.cadence.request):
                reading = Reading(
                    at=at,
                    fills=await broker.fills(since),
                    opened=await broker.open_orders(),
                    transfers=await broker.transfers(since),
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
        """Compare what is held; a difference counts once it has lasted, and is recorded once."""
        book, now = self._desk.book, self._ports.clock.boot()
        holdings, found = differences_of(book, venue, reading.balances, self._desk.gatherer)
        foreign = [order for order in reading.opened if book.order(order.order_id) is None]
        found += [f"order {order.venue_order_id} on {order.pair} is not ours" for order in foreign]
        differences = tuple(found)
        if differences:
            suspicion = self._suspected.get(venue)
            if suspicion is None or suspicion.differences != differences:
                suspicion = Suspicion(differences=differences, since=now)
            self._suspected[venue] = suspicion
            cadence = self._ports.cadence
            # Until the first comparison not even exits pass; what is latched after it lets them through.
            patience = cadence.confirm if venue in book.reconciled else cadence.confirm_opening
            if now - suspicion.since < patience:
                return False
        else:
            self._suspected.pop(venue, None)
        if differences or venue not in book.rechecked:
            self._desk.commit(c.Reconcile(venue=venue, holdings=holdings, differences=differences))
        return True


def differences_of(
    book: Book, venue: str, balances: tuple[VenueBalance, ...], gatherer: Gatherer
) -> tuple[dict[str, Decimal], list[str]]:
    """Return what the book holds there pair by pair as the venue sees it, and what nothing explains."""
    theirs = {balance.asset: balance.total for balance in balances}
    holdings: dict[str, Decimal] = {}
    by_asset: dict[str, list[Position]] = {}
    differences: list[str] = []
    with exactly():
        for position in book.portfolio.positions.values():
            if position.venue == venue and position.quantity != ZERO:
                by_asset.setdefault(position.pair.split("-", 1)[0], []).append(position)
                holdings[position.pair] = holdings.get(position.pair, ZERO) + position.quantity
        ours = {asset: sum((p.quantity for p in held), start=ZERO) for asset, held in by_asset.items()}
        for key, cash in book.portfolio.cash.items():
            where, asset = key.split("/", 1)
            if where == venue:
                ours[asset] = ours.get(asset, ZERO) + cash
        for asset in sorted(ours.keys() | theirs.keys()):
            held, there = ours.get(asset, ZERO), theirs.get(asset, ZERO)
            if held == there:
                continue
            pair = by_asset[asset][0].pair if asset in by_asset else ""
            instrument = gatherer.instrument(venue, pair) if pair else None
            step = ZERO if instrument is None else instrument.quantity_step
            if not abs(there - held) < step:
                differences.append(f"{asset}: the book holds {plain(held)}, {venue} {plain(there)}")
    return holdings, differences

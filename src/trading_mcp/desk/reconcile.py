"""Compare a venue's records with the book: fills first, then orders, then what is held, then money that moved."""

import asyncio
import logging
from decimal import Decimal
from typing import Final, Protocol, runtime_checkable

import msgspec

from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.events import AnyEvent
from trading_mcp.core.domain.instruments import asset_of
from trading_mcp.core.domain.latches import Scope, ScopeKind
from trading_mcp.core.domain.market import SECOND, market_of
from trading_mcp.core.domain.money import ONE, ZERO, exactly
from trading_mcp.core.domain.orders import EXTERNAL, Fill, OrderState
from trading_mcp.core.domain.portfolio import Position, moved, position_key
from trading_mcp.core.domain.verdict import Code
from trading_mcp.core.guardrails.valuation import price_of
from trading_mcp.core.ports import Activity, Broker, Transfer, VenueBalance, VenueOrder
from trading_mcp.desk.comparing import Found, Row, compared, pair_of, told
from trading_mcp.desk.courier import Courier
from trading_mcp.desk.gather import Gatherer
from trading_mcp.desk.ports import Ports
from trading_mcp.desk.telling import are_balances, is_new, read_from

_LOG: Final = logging.getLogger("trading_mcp.desk")

# What moved here a moment ago is not compared with a reading that may be older.
SETTLING: Final = 5 * SECOND
# What one reading asks a venue for.
_READS: Final = 4
# The name under which the orders of others are suspected; no asset has it.
_ORDERS: Final = ""
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
    """What readings have shown and nothing explains; what lags or was misread is gone in a later one."""

    by: Decimal
    filled_at: int
    since: int


def _is_latched(venue: str, book: Book) -> bool:
    scope = Scope(kind=ScopeKind.VENUE, name=venue)
    return any(
        latch.scope == scope for latch in book.latches.values() if latch.code is Code.RECONCILIATION_DIFFERENCE
    )


class Reconciler:
    """Reads one venue whole; doing it twice changes nothing."""

    def __init__(self, ports: Ports, desk: Door) -> None:
        self._ports = ports
        self._desk = desk
        self._since: dict[str, int] = {}
        self._suspected: dict[str, dict[str, Suspicion]] = {}
        self._told: dict[str, tuple[tuple[Row, ...], ...]] = {}

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
        since = 0 if self._suspected.get(venue) else self._since.get(venue, 0)
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
            if is_new(transfer, self._desk.book) and not self._desk.book.has_transfer(venue, transfer.id):
                self._desk.commit(
                    c.ReportCash(venue=venue, asset=transfer.asset, amount=transfer.amount, transfer_id=transfer.id)
                )
        for done in reading.activities:
            if is_new(done, self._desk.book) and not self._desk.book.has_activity(venue, done.id):
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
        book = self._desk.book
        holdings, found = compared(book, venue, reading.balances, reading.opened, self._desk.gatherer)
        lasting = self._lasting(venue, found)
        if self._suspected[venue] and not lasting:
            return False
        if self._adopt(venue, found, lasting):
            holdings, found = compared(self._desk.book, venue, reading.balances, reading.opened, self._desk.gatherer)
        assets = tuple(row for row in found.assets if row[0] in lasting)
        is_news = (assets, found.crumbs) != self._told.get(venue, ((), ()))
        self._told[venue] = (assets, found.crumbs)
        # The same as before is no news, unless somebody released it while it is still there.
        if is_news or venue not in book.rechecked or (assets and not _is_latched(venue, self._desk.book)):
            differences, noted = told(venue, assets), told(venue, found.crumbs)
            self._desk.commit(c.Reconcile(venue=venue, holdings=holdings, differences=differences, noted=noted))
        return True

    def _lasting(self, venue: str, found: Found) -> frozenset[str]:
        """Return what has differed long enough, each asset by a clock of its own, and others' orders as one.

        What grows with every look is no less unexplained for that; only a fill of ours begins another story.
        """
        book, now, cadence = self._desk.book, self._ports.clock.boot(), self._ports.cadence
        filled_at, before = book.local_fill_at.get(venue, 0), self._suspected.get(venue, {})
        with exactly():
            by = {asset: theirs - ours for asset, ours, theirs in found.assets}
        if found.orders != book.foreign.get(venue, ()):
            by[_ORDERS] = ZERO
        self._suspected[venue] = {
            name: known
            if (known := before.get(name)) is not None and (known.by == amount or known.filled_at == filled_at)
            else Suspicion(by=amount, filled_at=filled_at, since=now)
            for name, amount in by.items()
        }
        # Until the first comparison only exits pass that both sides agree on; what is latched lets all of them.
        patience = cadence.confirm if venue in book.reconciled else cadence.confirm_opening
        return frozenset(name for name, known in self._suspected[venue].items() if now - known.since >= patience)

    def _adopt(self, venue: str, found: Found, lasting: frozenset[str]) -> bool:
        """Take in what others made, unless an order of ours may still explain it; return whether anything was."""
        book = self._desk.book
        if _ORDERS in lasting:
            self._desk.commit(c.AdoptOrders(venue=venue, orders=found.orders))
        if any(item.order.venue == venue and item.state in _UNTOLD for item in book.working.values()):
            return False
        adopted = {row[0]: self._external(venue, *row) for row in found.assets}
        if None in adopted.values():
            # Units without their money, or money without its units, are one story that nobody has told yet.
            return False
        positions = [each for asset, each in adopted.items() if each is not None and asset in lasting]
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
            instrument = gatherer.instrument(venue, pair)
            before = book.portfolio.position(position_key(EXTERNAL, venue, pair)) or Position(
                book=EXTERNAL,
                venue=venue,
                pair=pair,
                multiplier=ONE if instrument is None else instrument.multiplier,
            )
            facts = gatherer.facts(book, frozenset({pair}), keep=False)
            quote, came = facts.quotes.get(f"{venue}/{pair}"), theirs - ours
            price = price_of(asset_of(pair), market_of(pair), facts, book.policy)
            if quote is None or not price or before.quantity + came < ZERO:
                # Worth nothing now and something in a minute, it would be a gain that hides a loss.
                return None
            # At the price of now: what came or went so is neither gain nor loss of its market.
            return moved(before, came, quote.bid, ZERO, self._ports.clock.now())

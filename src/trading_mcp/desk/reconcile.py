"""Compare a venue's records with the book: fills first, then orders, then what is held, then money that moved."""

import asyncio
from decimal import Decimal
from typing import Final, Protocol

from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.events import AnyEvent
from trading_mcp.core.domain.market import SECOND
from trading_mcp.core.domain.money import ZERO, exactly, plain
from trading_mcp.core.domain.orders import OrderState
from trading_mcp.core.domain.portfolio import Position
from trading_mcp.core.ports import Broker, VenueBalance, VenueOrder
from trading_mcp.desk.courier import Courier
from trading_mcp.desk.gather import Gatherer
from trading_mcp.desk.ports import Ports

# What moved here a moment ago is not compared with a reading that may be older.
SETTLING: Final = 5 * SECOND
OVERLAP: Final = 60 * SECOND


class Door(Protocol):
    """The part of the desk a reconciliation needs."""

    book: Book
    gatherer: Gatherer
    courier: Courier

    def commit(self, command: c.AnyCommand) -> tuple[AnyEvent, ...]:
        """Decide, record, fold and act."""
        ...


class Reconciler:
    """Reads one venue whole; doing it twice changes nothing."""

    def __init__(self, ports: Ports, desk: Door) -> None:
        self._ports = ports
        self._desk = desk
        self._since: dict[str, int] = {}

    async def offers(self, venue: str) -> bool:
        """Read what a venue offers; return whether it answered."""
        try:
            async with asyncio.timeout(self._ports.cadence.request):
                self._desk.gatherer.offered(venue, await self._ports.brokers[venue].instruments())
        except Exception:  # noqa: BLE001 - a venue that does not answer keeps its last list
            return False
        return True

    async def venue(self, venue: str) -> bool:
        """Reconcile one venue; return whether it answered. A failed query never means empty."""
        broker = self._ports.brokers[venue]
        before = self._ports.clock.now()
        since = self._since.get(venue, 0)
        try:
            async with asyncio.timeout(self._ports.cadence.request):
                fills = await broker.fills(max(0, since - OVERLAP))
                opened = await broker.open_orders()
                transfers = await broker.transfers(max(0, since - OVERLAP))
                balances = await broker.balances()
        except Exception:  # noqa: BLE001 - not ready, or facts that merely age
            return False
        for transfer in transfers:
            self._desk.commit(
                c.ReportCash(venue=venue, asset=transfer.asset, amount=transfer.amount, transfer_id=transfer.id)
            )
        for fill in fills:
            if not self._desk.book.has_trade(fill.venue, fill.trade_id):
                self._desk.commit(c.ReportFill(fill=fill))
        await self._orders(broker, opened)
        self._desk.gatherer.held(venue, balances, before)
        self._since[venue] = before
        if (
            before - self._desk.book.local_fill_at.get(venue, -SETTLING) >= SETTLING
            or venue not in self._desk.book.reconciled
        ):
            self._compare(venue, balances, opened)
        return True

    async def _orders(self, broker: Broker, opened: tuple[VenueOrder, ...]) -> None:
        """Look at every working order of ours that the venue does not list as open, and chase unknown ones."""
        known = {order.order_id for order in opened}
        for working in tuple(self._desk.book.working.values()):
            order = working.order
            if order.venue != broker.venue or working.state in (OrderState.CLEARED, OrderState.SENDING):
                continue
            if working.state is OrderState.UNKNOWN:
                self._desk.courier.chase(order.id)
            elif order.id not in known or working.state is OrderState.CANCEL_PENDING:
                await self._desk.courier.look(order.id)

    def _compare(self, venue: str, balances: tuple[VenueBalance, ...], opened: tuple[VenueOrder, ...]) -> None:
        book = self._desk.book
        holdings, differences = differences_of(book, venue, balances, self._desk.gatherer)
        foreign = [order for order in opened if book.order(order.order_id) is None]
        differences += [f"order {order.venue_order_id} on {order.pair} is not ours" for order in foreign]
        if venue in book.reconciled and not differences:
            return
        self._desk.commit(c.Reconcile(venue=venue, holdings=holdings, differences=tuple(differences)))


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

"""The paper venue's rows in and out: orders, fills, balances, transfers, and how far each pair was looked at."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import msgspec

from trading_mcp.adapters.brokers.paper import schema
from trading_mcp.core import codec
from trading_mcp.core.canonical import canonical
from trading_mcp.core.domain.events import OrderCleared
from trading_mcp.core.domain.money import ZERO
from trading_mcp.core.domain.orders import Fill, Order, OrderState, Side
from trading_mcp.core.ports import Transfer, VenueOrder
from trading_mcp.core.simulation.resting import Resting

# A desk reads the last minutes again with each order: what it has read lately is not decoded anew.
FILLS_KEPT: Final = 1_024
_fill: Final = lru_cache(maxsize=FILLS_KEPT)(msgspec.json.Decoder(Fill).decode)


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """An order as the venue keeps it: where it is, and what it sets aside."""

    at: int
    resting: Resting
    state: OrderState
    hold_asset: str
    hold: Decimal
    reason: str = ""
    number: int = 0

    @property
    def order_id(self) -> str:
        return self.resting.order.id

    @property
    def venue_order_id(self) -> str:
        return f"P{self.number:08}"

    def told(self) -> VenueOrder:
        """The order as the Broker port tells of it."""
        order = self.resting.order
        return VenueOrder(
            order_id=order.id,
            venue_order_id=self.venue_order_id,
            pair=order.pair,
            side=order.side,
            quantity=order.quantity,
            filled=self.resting.filled,
            state=self.state,
            at=self.at,
        )


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """How far a pair was looked at: the last bar matched, and what we took of the last book."""

    bar: int = -1
    book_at: int = -1
    bought: Decimal = ZERO
    sold: Decimal = ZERO

    def gone(self, book_at: int) -> dict[Side, Decimal]:
        """What we took of a book already."""
        if book_at != self.book_at:
            return {Side.BUY: ZERO, Side.SELL: ZERO}
        return {Side.BUY: self.bought, Side.SELL: self.sold}


class Records:
    """Everything read from and written to one venue's file; the file alone is the venue's truth."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @contextmanager
    def transaction(self) -> Generator[None]:
        """All of it or none; whatever goes wrong inside is undone and raised."""
        self._connection.execute(schema.BEGIN)
        try:
            yield
            self._connection.execute(schema.COMMIT)
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute(schema.ROLLBACK)
            raise

    def close(self) -> None:
        self._connection.close()

    def totals(self) -> dict[str, Decimal]:
        return {asset: Decimal(total) for asset, total in self._all(schema.SELECT_BALANCES)}

    def set_total(self, asset: str, total: Decimal) -> None:
        self._connection.execute(schema.SET_BALANCE, (asset, str(total)))

    def open_orders(self) -> dict[str, Kept]:
        """The orders that still work, oldest first."""
        return {row[1]: _kept(row) for row in self._all(schema.SELECT_OPEN)}

    def order(self, order_id: str) -> Kept | None:
        row = self._one(schema.SELECT_ORDER, order_id)
        return None if row is None else _kept(row)

    def add(self, kept: Kept) -> Kept:
        """Take in a new order; its number is its place among all orders ever."""
        number = self._connection.execute(
            schema.INSERT_ORDER, (kept.order_id, kept.at, _cleared(kept.resting.order), *_state(kept), 1)
        ).lastrowid
        return msgspec.structs.replace(kept, number=number or 0)

    def update(self, kept: Kept, *, is_open: bool) -> None:
        self._connection.execute(schema.UPDATE_ORDER, (*_state(kept), int(is_open), kept.number))

    def add_fills(self, fills: tuple[Fill, ...]) -> None:
        self._connection.executemany(
            schema.INSERT_FILL, [(fill.trade_id, fill.at, canonical(fill)) for fill in fills]
        )

    def fills(self, since: int) -> tuple[Fill, ...]:
        return tuple(_fill(body) for (body,) in self._all(schema.SELECT_FILLS, since))

    def add_transfer(self, asset: str, amount: Decimal, at: int) -> str:
        return f"T{self._connection.execute(schema.INSERT_TRANSFER, (asset, str(amount), at)).lastrowid:08}"

    def transfers(self, since: int) -> tuple[Transfer, ...]:
        return tuple(
            Transfer(id=f"T{number:08}", asset=asset, amount=Decimal(amount), at=at)
            for number, asset, amount, at in self._all(schema.SELECT_TRANSFERS, since)
        )

    def looked(self, pair: str) -> Looked:
        row = self._one(schema.SELECT_LOOK, pair)
        if row is None:
            return Looked()
        return Looked(bar=row[0], book_at=row[1], bought=Decimal(row[2]), sold=Decimal(row[3]))

    def set_looked(self, pair: str, looked: Looked) -> None:
        self._connection.execute(
            schema.SET_LOOK, (pair, looked.bar, looked.book_at, str(looked.bought), str(looked.sold))
        )

    def _one(self, sql: str, *parameters: object) -> Any:  # noqa: ANN401 - a row is what the statement selects
        return self._connection.execute(sql, parameters).fetchone()

    def _all(self, sql: str, *parameters: object) -> list[Any]:
        return self._connection.execute(sql, parameters).fetchall()


def _cleared(order: Order) -> bytes:
    """An order as bytes: in the words of the event that cleared it, since only the codec reads orders back."""
    cleared = OrderCleared(
        at=order.cleared_at, order=order, notional=ZERO, counted_at=None, day="", seed_seq=0, ordinal=0
    )
    return codec.encode(cleared)[1]


def _state(kept: Kept) -> tuple[object, ...]:
    """The columns that change, in the order of the statements that write them."""
    resting = kept.resting
    return (
        kept.state.value,
        kept.reason,
        kept.hold_asset,
        str(kept.hold),
        resting.since,
        resting.expires_at,
        None if resting.stop is None else str(resting.stop),
        int(resting.booked),
        str(resting.filled),
        resting.fills,
        resting.seen_at,
    )


def _kept(row: Any) -> Kept:  # noqa: ANN401 - as above
    (
        number,
        _,
        at,
        cleared,
        state,
        reason,
        hold_asset,
        hold,
        since,
        expires_at,
        stop,
        booked,
        filled,
        fills,
        seen_at,
    ) = row
    event = codec.decode(OrderCleared.__name__, cleared)
    assert isinstance(event, OrderCleared)  # noqa: S101 - the kind was asked for by name
    resting = Resting(
        order=event.order,
        since=since,
        expires_at=expires_at,
        stop=None if stop is None else Decimal(stop),
        booked=bool(booked),
        filled=Decimal(filled),
        fills=fills,
        seen_at=seen_at,
    )
    return Kept(
        number=number,
        at=at,
        resting=resting,
        state=OrderState(state),
        reason=reason,
        hold_asset=hold_asset,
        hold=Decimal(hold),
    )

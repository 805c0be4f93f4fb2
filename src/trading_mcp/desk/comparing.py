"""What a venue shows and the book does not know, asset by asset and order by order."""

from decimal import Decimal
from typing import Final

import msgspec

from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.money import ZERO, exactly
from trading_mcp.core.domain.money import plain as digits
from trading_mcp.core.domain.orders import ForeignOrder
from trading_mcp.core.domain.sight import stables_of
from trading_mcp.core.guardrails.adopting import kept_of
from trading_mcp.core.ports import VenueBalance, VenueOrder
from trading_mcp.desk.gather import Gatherer
from trading_mcp.desk.telling import is_countable
from trading_mcp.redact import cut, plain

# Names that a venue gives are kept so far; its orders have up to 36 characters, its pairs up to 26.
_NAME_MAX: Final = 64
# An asset, what the book holds of it, and what its venue does.
Row = tuple[str, Decimal, Decimal]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a venue shows and the book does not know: units and money, crumbs below a step, others' orders."""

    assets: tuple[Row, ...] = ()
    crumbs: tuple[Row, ...] = ()
    orders: tuple[ForeignOrder, ...] = ()


def told(venue: str, rows: tuple[Row, ...]) -> tuple[str, ...]:
    return tuple(f"{asset}: the book holds {digits(ours)}, {venue} {digits(theirs)}" for asset, ours, theirs in rows)


def pair_of(book: Book, venue: str, asset: str, gatherer: Gatherer) -> str | None:
    """Return the pair that an asset found at a venue is counted under: one that others hold already comes first."""
    if asset == book.home.base_currency or asset in stables_of(book):
        return None
    pairs = gatherer.pairs_of(venue, asset)
    held = {item.pair for item in book.portfolio.positions.values() if item.venue == venue}
    return min(pairs, key=lambda pair: (pair not in held, not pair.endswith("-USDT"), pair), default=None)


def compared(
    book: Book, venue: str, balances: tuple[VenueBalance, ...], opened: tuple[VenueOrder, ...], gatherer: Gatherer
) -> tuple[dict[str, Decimal], Found]:
    """Return what the book holds there pair by pair as the venue sees it, and what it does not know of."""
    theirs = {balance.asset: balance.total for balance in balances}
    holdings: dict[str, Decimal] = {}
    ours: dict[str, Decimal] = {}
    assets: list[Row] = []
    crumbs: list[Row] = []
    with exactly():
        for position in book.portfolio.positions.values():
            if position.venue == venue and position.quantity != ZERO:
                asset = position.pair.split("-", 1)[0]
                ours[asset] = ours.get(asset, ZERO) + position.quantity
                holdings[position.pair] = holdings.get(position.pair, ZERO) + position.quantity
        for key, cash in book.portfolio.cash.items():
            where, asset = key.split("/", 1)
            if where == venue:
                ours[asset] = ours.get(asset, ZERO) + cash
        for asset in sorted(ours.keys() | theirs.keys()):
            row = (asset, ours.get(asset, ZERO), theirs.get(asset, ZERO))
            if row[1] != row[2]:
                instrument = gatherer.instrument(venue, pair_of(book, venue, asset, gatherer) or "")
                is_crumb = instrument is not None and abs(row[1] - row[2]) < instrument.quantity_step
                (crumbs if is_crumb else assets).append(row)
        orders = tuple(
            ForeignOrder(
                venue_order_id=cut(plain(order.venue_order_id), _NAME_MAX),
                pair=cut(plain(order.pair), _NAME_MAX),
                side=order.side,
                remaining=order.quantity - order.filled,
            )
            for order in opened
            if book.order(order.order_id) is None and is_countable(order)
        )
        return holdings, Found(assets=tuple(assets), crumbs=tuple(crumbs), orders=kept_of(orders))

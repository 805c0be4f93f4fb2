"""What of a venue's answer can be believed, and how far back its records may be read."""

from typing import Final

from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.market import DAY, HOUR, MINUTE
from trading_mcp.core.domain.money import ZERO, is_amount, is_change
from trading_mcp.core.domain.orders import Fill, Order, Side
from trading_mcp.core.domain.recall import RECALL_DAYS
from trading_mcp.core.ports import Activity, Transfer, VenueBalance, VenueOrder

# A venue's clock may differ from ours, and it may tell late of what happened: reading twice folds nothing twice.
OVERLAP: Final = 5 * MINUTE


def is_fill(fill: Fill) -> bool:
    """Say whether every field that a fold needs is there; an answer with a hole in it is read again."""
    return (
        all((fill.trade_id, fill.venue, fill.pair, fill.fee_asset))
        and is_amount(fill.quantity)
        and is_amount(fill.price)
        and is_change(fill.fee)
    )


def is_order(told: VenueOrder, order: Order) -> bool:
    """Say whether an answer is about the order that was asked for, with figures that can be true of it."""
    return (
        (told.order_id, told.pair, told.side, told.quantity) == (order.id, order.pair, order.side, order.quantity)
        and told.filled.is_finite()
        and ZERO <= told.filled <= order.quantity
    )


def is_countable(told: VenueOrder) -> bool:
    """Say whether an order of others has a side and an amount left; what has none can be counted by nobody."""
    figures = (told.quantity, told.filled)
    is_whole = isinstance(told.side, Side) and all(map(is_change, figures))  # pyright: ignore[reportUnnecessaryIsInstance]
    return is_whole and is_amount(told.quantity - told.filled)


def is_new(told: Transfer | Activity, book: Book) -> bool:
    """Say whether a record can be told from others, and is of a time that is still remembered."""
    return told.id != "" and told.at >= memory_begins(book)


def are_balances(rows: tuple[VenueBalance, ...]) -> bool:
    return all(row.asset and row.total.is_finite() and row.free.is_finite() for row in rows)


def memory_begins(book: Book) -> int:
    """Return the moment since which every folded trade is remembered; what is older must not be read again."""
    if len(book.trades) < RECALL_DAYS:
        return 0
    return min(book.trades) * DAY + HOUR


def read_from(book: Book, moment: int) -> int:
    """Return from when on to read records in order to miss none since a moment."""
    return max(memory_begins(book), moment - OVERLAP)

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
# By so much the dates of a venue may differ from ours.
_SKEW: Final = HOUR


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
    """Say whether a record can be told from others, and is of this home's own time and still remembered."""
    return told.id != "" and told.at >= max(memory_begins(book), book.created_at)


def is_ours(fill: Fill, book: Book) -> bool:
    """Say whether to fold a fill: of this home's own time, or of an order of its own; what was before is adopted."""
    began = memory_begins(book)
    is_own = fill.order_id is not None and book.order(fill.order_id) is not None
    return fill.at >= (began if is_own else max(began, book.created_at))


def are_balances(rows: tuple[VenueBalance, ...]) -> bool:
    return all(row.asset and row.total.is_finite() and row.free.is_finite() for row in rows)


def memory_begins(book: Book) -> int:
    """Return the moment since which every folded trade is remembered; what is older must not be read again."""
    # A home that was made while the clock was ahead: what happens now must not be taken for what was before it.
    born = max(0, min(book.created_at, book.at) - _SKEW)
    if len(book.trades) < RECALL_DAYS:
        return born
    return max(born, min(book.trades) * DAY + _SKEW)


def read_from(book: Book, moment: int) -> int:
    """Return from when on to read records in order to miss none since a moment."""
    return max(memory_begins(book), moment - OVERLAP)

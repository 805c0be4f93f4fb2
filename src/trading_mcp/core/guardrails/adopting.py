"""What a venue shows that the desk did not make: it counts as exposure, belongs to nobody here, and is left alone."""

from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.events import AnyEvent, ForeignHeld, ForeignOrdered, VenueRead
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.instruments import listed_as, traits_of
from trading_mcp.core.domain.money import AMOUNT_MAX, ZERO, is_amount, is_change
from trading_mcp.core.domain.orders import EXTERNAL, ForeignOrder, Side
from trading_mcp.core.domain.policy import Policy
from trading_mcp.core.guardrails.draft import Draft
from trading_mcp.core.guardrails.valuation import price_of

# So many rows are kept of the orders of others at one venue, however many there are.
OTHERS_MAX: Final = 100
# What is beyond that has no pair of its own, and so no price: while others buy so widely nobody here adds.
MORE_PAIRS: Final = "more pairs"
# What they add up to beyond this is as much as this: a sum that is no amount would not be counted at all.
_SUM_MAX: Final = AMOUNT_MAX - 1


def read(command: c.ReadVenue, book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """Let exits go to a venue that is not at one with the book yet; saying it twice says nothing."""
    if command.venue in book.legible:
        return ()
    return (VenueRead(at=facts.now, venue=command.venue),)


def position(command: c.AdoptForeign, book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """Count what the desk did not make; it is exposure all the same, and never a holding of our own."""
    draft, found = Draft(book, facts), replace(command.position, book=EXTERNAL)
    figures = (found.quantity, found.average, found.realised, found.fees)
    if not all(map(is_change, figures)) or not is_amount(found.multiplier):
        draft.refuse("adopt", found.key, "its figures are no amounts")
        return tuple(draft.events)
    before = book.portfolio.positions.get(found.key)
    came = found.quantity - (ZERO if before is None else before.quantity)
    asset, _, market = traits_of(found.pair)
    price = price_of(asset, market, facts, book.policy)
    if came and price is None:
        # Worth nothing now and something in a minute, it would be a gain that hides a loss.
        draft.refuse("adopt", found.key, f"the price of {asset} is not known: it is adopted once it is")
        return tuple(draft.events)
    value = came * (price or ZERO) * found.multiplier
    return (ForeignHeld(at=facts.now, position=found, value=value),)


def orders(command: c.AdoptOrders, book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """Know the orders of others at a venue; the same ones again are no news."""
    known = kept_of(command.orders)
    if known == book.foreign.get(command.venue, ()):
        return ()
    if not all(is_amount(order.remaining) for order in known):
        draft = Draft(book, facts)
        draft.refuse("adopt", command.venue, "what is left of an order is no amount")
        return tuple(draft.events)
    return (ForeignOrdered(at=facts.now, venue=command.venue, orders=known),)


def kept_of(orders: tuple[ForeignOrder, ...]) -> tuple[ForeignOrder, ...]:
    """Return orders of others as they are kept: each by its name or, where there are too many, as sums."""
    known = tuple(sorted(orders, key=lambda order: order.venue_order_id))
    if len(known) <= OTHERS_MAX:
        return known
    rows: dict[tuple[str, Side], ForeignOrder] = {}
    for order in known:
        pair = order.pair
        if (pair, order.side) not in rows and len(rows) >= OTHERS_MAX - len(Side):
            pair = MORE_PAIRS
        row = rows.get((pair, order.side))
        left, count = (ZERO, 0) if row is None else (row.remaining, row.count)
        left = min(left + order.remaining, _SUM_MAX)
        rows[pair, order.side] = replace(
            order if row is None else row, pair=pair, remaining=left, count=count + order.count
        )
    return tuple(rows.values())


def exposure_of_others(book: Book, facts: Facts, policy: Policy, asset: str) -> tuple[Decimal, Decimal, str, str]:
    """Return what the buys of others may come to, in all and in one asset, and which asset of which lacks a price."""
    gross, own, missing, waits = ZERO, ZERO, "", ""
    for venue, found in book.foreign.items():
        for order in found:
            if order.side is not Side.BUY:
                continue
            theirs, _, market = traits_of(order.pair)
            price = price_of(theirs, market, facts, policy)
            if price is None:
                more = f" and {order.count - 1} more" if order.count > 1 else ""
                missing, waits = listed_as(order.pair), f"order {order.venue_order_id}{more} at {venue}"
                continue
            gross += order.remaining * price
            if theirs == asset:
                own += order.remaining * price
    return gross, own, missing, waits

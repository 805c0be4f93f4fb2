"""Does an order increase, reduce or flip? It must reduce all three: its book, the venue and the account."""

from decimal import Decimal
from typing import Final

import msgspec

from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.instruments import asset_of
from trading_mcp.core.domain.money import ZERO
from trading_mcp.core.domain.orders import Purpose, Side

# Looking a member up on its class costs ten times a global; these are read for every order.
_PROTECTION: Final = Purpose.PROTECTION
_SELL: Final = Side.SELL


class Scopes(msgspec.Struct, frozen=True):
    """What each scope could still give up on one side of a pair, after everything working and unknown."""

    book: Decimal
    venue: Decimal
    account: Decimal

    def reduce(self, quantity: Decimal) -> bool:
        """Say whether a quantity reduces all three and passes zero in none."""
        return quantity <= self.book and quantity <= self.venue and quantity <= self.account

    def flip(self, quantity: Decimal) -> bool:
        """Say whether a quantity would take any of the three through zero."""
        return ZERO < self.book < quantity or ZERO < self.venue < quantity or ZERO < self.account < quantity


def scopes_of(book: Book, owner: str, venue: str, pair: str, side: Side) -> Scopes:
    """Return what is left to reduce; a protective order claims nothing, since an exit replaces it."""
    asset = asset_of(pair)
    own = at_venue = account = ZERO
    for position in book.portfolio.positions.values():
        if asset_of(position.pair) == asset:
            quantity = position.quantity
            account += quantity
            if position.pair == pair and position.venue == venue:
                at_venue += quantity
                if position.book == owner:
                    own += quantity
    if side is not _SELL:
        own, at_venue, account = -own, -at_venue, -account
    for working in book.working.values():
        order = working.order
        if order.side is not side or order.purpose is _PROTECTION or asset_of(order.pair) != asset:
            continue
        claimed = order.quantity - working.filled
        account -= claimed
        if order.pair == pair and order.venue == venue:
            at_venue -= claimed
            if order.book == owner:
                own -= claimed
    return Scopes(own, at_venue, account)

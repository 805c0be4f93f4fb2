"""Folds of fills and cash: what every book holds at every venue, at which average, and what it has earned."""

from decimal import Decimal
from enum import StrEnum

import msgspec

from trading_mcp.core.domain.instruments import asset_of, quote_of
from trading_mcp.core.domain.money import ONE, ZERO
from trading_mcp.core.domain.orders import EXTERNAL, Fill, Side


class Adjustment(StrEnum):
    """What a venue does to an account without a trade."""

    SPLIT = "split"
    DIVIDEND = "dividend"
    INTEREST = "interest"
    REWARD = "reward"
    FEE = "fee"
    DIFFERENCE = "difference"


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """What one book holds of one pair at one venue; a sell leaves the average entry as it was."""

    book: str
    venue: str
    pair: str
    quantity: Decimal = ZERO
    average: Decimal = ZERO
    realised: Decimal = ZERO
    fees: Decimal = ZERO
    multiplier: Decimal = ONE
    opened_at: int = 0

    @property
    def key(self) -> str:
        """Return the name under which the position is kept."""
        return position_key(self.book, self.venue, self.pair)

    @property
    def cost(self) -> Decimal:
        """Return what the holding cost, in the quote currency."""
        return self.quantity * self.average * self.multiplier


class Portfolio(msgspec.Struct, frozen=True, kw_only=True):
    """Cash per venue and asset, and positions per book, venue and pair; those that ended rest apart, in `flat`."""

    cash: dict[str, Decimal]
    positions: dict[str, Position]
    # What every order loops over stays as short as what is held; what was earned is not forgotten.
    flat: dict[str, Position] = {}

    def position(self, key: str) -> Position | None:
        """Return a position, held or ended."""
        return self.positions.get(key) or self.flat.get(key)

    def held(self, book: str, venue: str, pair: str) -> Decimal:
        """Return the quantity one book holds of a pair at a venue."""
        position = self.positions.get(position_key(book, venue, pair))
        return ZERO if position is None else position.quantity


def position_key(book: str, venue: str, pair: str) -> str:
    """Return the name of a position; names of books, venues and pairs have no slash."""
    return f"{book}/{venue}/{pair}"


def cash_key(venue: str, asset: str) -> str:
    """Return the name of a cash balance."""
    return f"{venue}/{asset}"


def after_fill(portfolio: Portfolio, fill: Fill, book: str, multiplier: Decimal = ONE) -> Portfolio:
    """Fold one execution: cash moves, the position moves, what it closed is realised, its fee is kept apart."""
    quote = quote_of(fill.pair)
    key = position_key(book, fill.venue, fill.pair)
    before = portfolio.position(key)
    if before is None or before.quantity == ZERO:
        realised, fees = (ZERO, ZERO) if before is None else (before.realised, before.fees)
        before = Position(
            book=book, venue=fill.venue, pair=fill.pair, realised=realised, fees=fees, multiplier=multiplier
        )
    # What a contract counts is fixed for as long as one is held.
    multiplier = before.multiplier
    signed = fill.quantity if fill.side is Side.BUY else -fill.quantity
    cash = dict(portfolio.cash)
    quote_key = cash_key(fill.venue, quote)
    cash[quote_key] = cash.get(quote_key, ZERO) - signed * fill.price * multiplier
    fee = ZERO
    if "-" in fill.pair and fill.fee_asset == fill.pair.split("-", 1)[0]:
        # Units kept by the venue leave the position at the price of the trade, as any other units sold.
        signed -= fill.fee
        fee = fill.fee * fill.price * multiplier
    elif fill.fee != ZERO:
        fee_key = cash_key(fill.venue, fill.fee_asset)
        cash[fee_key] = cash.get(fee_key, ZERO) - fill.fee
        fee = fill.fee if fill.fee_asset == quote else ZERO
    return _kept(portfolio, cash, key, moved(before, signed, fill.price, fee, fill.at))


def _kept(portfolio: Portfolio, cash: dict[str, Decimal], key: str, after: Position) -> Portfolio:
    """Keep a position among those held, or among those that ended."""
    positions, flat = portfolio.positions, portfolio.flat
    if after.quantity == ZERO:
        if key in positions:
            positions = {name: position for name, position in positions.items() if name != key}
        return Portfolio(cash=cash, positions=positions, flat={**flat, key: after})
    if key in flat:
        flat = {name: position for name, position in flat.items() if name != key}
    return Portfolio(cash=cash, positions={**positions, key: after}, flat=flat)


def moved(before: Position, signed: Decimal, price: Decimal, fee: Decimal, at: int) -> Position:
    """Move a position by a signed quantity: what extends it is averaged in, what shrinks it is realised."""
    held, average, realised, opened_at = before.quantity, before.average, before.realised, before.opened_at
    after = held + signed
    if held == ZERO:
        average, opened_at = price, at
    elif (held > ZERO) == (signed > ZERO):
        average = (held * average + signed * price) / after
    elif after == ZERO or (after > ZERO) == (held > ZERO):
        realised -= signed * (price - average) * before.multiplier
    else:
        realised += held * (price - average) * before.multiplier
        average, opened_at = price, at
    return Position(
        book=before.book,
        venue=before.venue,
        pair=before.pair,
        quantity=after,
        average=average,
        realised=realised,
        fees=before.fees + fee,
        multiplier=before.multiplier,
        opened_at=opened_at,
    )


def after_cash(portfolio: Portfolio, venue: str, asset: str, amount: Decimal) -> Portfolio:
    """Fold a movement of cash: a deposit, a withdrawal, interest, a dividend, a fee."""
    key = cash_key(venue, asset)
    return Portfolio(
        cash={**portfolio.cash, key: portfolio.cash.get(key, ZERO) + amount},
        positions=portfolio.positions,
        flat=portfolio.flat,
    )


def after_split(portfolio: Portfolio, venue: str, asset: str, ratio: Decimal) -> Portfolio:
    """Fold a split at one venue: more units at a lower average, the same cost."""
    return Portfolio(
        cash=portfolio.cash,
        positions={
            key: msgspec.structs.replace(
                position, quantity=position.quantity * ratio, average=position.average / ratio
            )
            if position.venue == venue and asset_of(position.pair) == asset
            else position
            for key, position in portfolio.positions.items()
        },
        flat=portfolio.flat,
    )


def after_foreign(portfolio: Portfolio, position: Position) -> Portfolio:
    """Fold what a venue holds that the desk did not make: it replaces the external book's holding, never our own."""
    position = msgspec.structs.replace(position, book=EXTERNAL)
    return _kept(portfolio, portfolio.cash, position.key, position)


def assets_held(portfolio: Portfolio) -> frozenset[str]:
    """Return every asset whose price the equity needs."""
    held = {asset_of(position.pair) for position in portfolio.positions.values()}
    return frozenset(held | {key.split("/", 1)[1] for key, cash in portfolio.cash.items() if cash != ZERO})

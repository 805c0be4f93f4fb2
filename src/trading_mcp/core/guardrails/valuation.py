"""What everything is worth in the base currency; a price that is missing or too old makes the sum unknown."""

from decimal import Decimal
from typing import Final

import msgspec

from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.instruments import asset_of, quote_of
from trading_mcp.core.domain.market import SECOND, Market, market_of
from trading_mcp.core.domain.money import ONE, ZERO
from trading_mcp.core.domain.orders import EXTERNAL, MANUAL
from trading_mcp.core.domain.policy import Policy
from trading_mcp.core.domain.portfolio import Position

# Looking a member up on its class costs ten times a global; these are read for every order.
_CRYPTO: Final = Market.CRYPTO
_STOCKS: Final = Market.STOCKS
# A price from the future by more than this tells of a broken clock, not of now.
FUTURE_MAX: Final = 2 * SECOND


class Valuation(msgspec.Struct, frozen=True):
    """The equity, or the asset for whose price we wait; the exposure of all positions, and that of one asset."""

    equity: Decimal | None
    missing: str
    gross: Decimal
    own: Decimal


def price_of(asset: str, market: Market, facts: Facts, policy: Policy) -> Decimal | None:
    """Return what one unit is worth, or None where that is not known well enough to count on."""
    if asset == policy.base_currency:
        return ONE
    price = facts.prices.get(asset)
    if price is None:
        return ZERO if asset in facts.unpriced else None
    age = facts.now - price.confirmed_at
    if not price.is_sane or age < -FUTURE_MAX:
        return None
    if age <= (policy.crypto if market is _CRYPTO else policy.stocks).valuation_age_max:
        return price.value
    session = facts.sessions.get(market)
    # Night does not make a stock portfolio unknown: its last price is the price.
    return price.value if market is _STOCKS and session is not None and not session.is_open else None


def value_all(book: Book, facts: Facts, policy: Policy, asset: str = "") -> Valuation:
    """Value cash and positions; the exposure is what positions are worth, whichever way they stand."""
    equity, held, short, own, missing = ZERO, ZERO, ZERO, ZERO, ""
    for key, quantity in book.portfolio.cash.items():
        if quantity:
            currency = key[key.index("/") + 1 :]
            worth = price_of(currency, _CRYPTO, facts, policy)
            if worth is None:
                missing = currency
            else:
                equity += quantity * worth
    prices, latest = facts.prices, facts.now + FUTURE_MAX
    oldest = facts.now - min(policy.crypto.valuation_age_max, policy.stocks.valuation_age_max)
    for position in book.portfolio.positions.values():
        name = asset_of(position.pair)
        price = prices.get(name)
        # The common case inline: this loop is most of what an order costs.
        if price is not None and oldest <= price.confirmed_at <= latest and price.is_sane:
            value = position.quantity * price.value
        else:
            worth = price_of(name, market_of(position.pair), facts, policy)
            if worth is None:
                missing = name if position.quantity else missing
                continue
            value = position.quantity * worth
        if position.multiplier is not ONE:
            value *= position.multiplier
        held += value
        if value.is_signed():
            short += value
        if name == asset:
            own += abs(value)
    return Valuation(None if missing else equity + held, missing, held - short - short, own)


def profit_of(position: Position, facts: Facts, policy: Policy) -> Decimal | None:
    """Return what a position has earned so far, realised and not, fees out, in the base currency."""
    rate = price_of(quote_of(position.pair), _CRYPTO, facts, policy)
    if rate is None:
        return None
    earned = (position.realised - position.fees) * rate
    if position.quantity == ZERO:
        return earned
    price = price_of(asset_of(position.pair), market_of(position.pair), facts, policy)
    if price is None:
        return None
    return earned + (price * position.multiplier - position.average * position.multiplier * rate) * position.quantity


def profits(book: Book, facts: Facts, policy: Policy) -> tuple[dict[str, Decimal], bool]:
    """Return the worth of every algorithm and the profit of every market; False if a price was missing."""
    values = {f"algorithm/{name}": item.capital for name, item in book.algorithms.items()}
    unknown: set[str] = set()
    for position in (*book.portfolio.positions.values(), *book.portfolio.flat.values()):
        keys = [f"market/{market_of(position.pair)}"]
        if position.book not in (MANUAL, EXTERNAL):
            keys.append(f"algorithm/{position.book}")
        profit = profit_of(position, facts, policy)
        for key in keys:
            if profit is None:
                unknown.add(key)
            else:
                values[key] = values.get(key, ZERO) + profit
    return {key: value for key, value in values.items() if key not in unknown}, not unknown

"""Which venue: where the position is for what reduces, else where the pair costs least with the fee."""

from decimal import Decimal
from typing import Final

from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.instruments import quote_of
from trading_mcp.core.domain.market import market_of
from trading_mcp.core.domain.money import ONE, ZERO
from trading_mcp.core.domain.orders import Intent, Side
from trading_mcp.core.domain.policy import MarketLimits, Policy
from trading_mcp.core.domain.portfolio import cash_key
from trading_mcp.core.guardrails.terms import is_current, reference_of

# Looking a member up on its class costs ten times a global; these are read for every order.
_BUY: Final = Side.BUY


def route(intent: Intent, book: Book, facts: Facts, policy: Policy) -> str | None:
    """Return the venue for an intent, or None where the owner routes none."""
    if intent.venue is not None:
        return intent.venue
    pair, is_buy = intent.pair, intent.side is _BUY
    routed = policy.limits(market_of(pair)).venues
    holding: list[str] = []
    for position in book.portfolio.positions.values():
        if position.pair == pair and position.book == intent.book:
            held = position.quantity
            if held < ZERO if is_buy else held > ZERO:
                holding.append(position.venue)
    candidates = holding or routed
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        return None
    if not holding:
        # Money that stands elsewhere buys nothing here, and nothing is converted silently.
        cash, currency = book.portfolio.cash, quote_of(pair)
        candidates = tuple(v for v in routed if cash.get(cash_key(v, currency), ZERO) > ZERO) or routed
    limits, best, best_cost = policy.limits(market_of(pair)), candidates[0], None
    for venue in candidates:
        cost = _cost(venue, pair, facts, limits, is_buy=is_buy)
        if cost is not None and (best_cost is None or cost < best_cost):
            best, best_cost = venue, cost
    return best


def _cost(venue: str, pair: str, facts: Facts, limits: MarketLimits, *, is_buy: bool) -> Decimal | None:
    """Return the effective price of now, made so that less is better on both sides."""
    key = f"{venue}/{pair}"
    quote, instrument = facts.quotes.get(key), facts.instrument(key)
    price = reference_of(quote, is_buy=is_buy)
    if quote is None or price is None or instrument is None or not is_current(quote, facts.now, limits):
        return None
    return price * (ONE + instrument.fee_rate) if is_buy else -price * (ONE - instrument.fee_rate)

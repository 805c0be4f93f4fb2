"""Which venue: where the position is for what reduces, else where the pair costs least with the fee."""

from decimal import Decimal

from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.market import market_of
from trading_mcp.core.domain.money import ONE, ZERO
from trading_mcp.core.domain.orders import Intent, Side
from trading_mcp.core.domain.policy import Policy
from trading_mcp.core.guardrails.case import reference_of


def route(intent: Intent, book: Book, facts: Facts, policy: Policy) -> str | None:
    """Return the venue for an intent, or None where the owner routes none."""
    if intent.venue is not None:
        return intent.venue
    pair, is_buy = intent.pair, intent.side is Side.BUY
    routed = policy.limits(market_of(pair)).venues
    if not routed and not book.portfolio.positions:
        return None
    holding = tuple(
        position.venue
        for position in book.portfolio.positions.values()
        if position.pair == pair
        and position.book == intent.book
        and (position.quantity < ZERO if is_buy else position.quantity > ZERO)
    )
    candidates = holding or routed
    if not candidates:
        return None
    best, best_cost = candidates[0], None
    for venue in candidates:
        cost = _cost(venue, pair, facts, is_buy=is_buy)
        if cost is not None and (best_cost is None or cost < best_cost):
            best, best_cost = venue, cost
    return best


def _cost(venue: str, pair: str, facts: Facts, *, is_buy: bool) -> Decimal | None:
    """Return the effective price, made so that less is better on both sides."""
    key = f"{venue}/{pair}"
    price = reference_of(facts.quotes.get(key), is_buy=is_buy)
    instrument = facts.instruments.get(key)
    if price is None or instrument is None:
        return None
    return price * (ONE + instrument.fee_rate) if is_buy else -price * (ONE - instrument.fee_rate)

"""What only an order that adds risk is measured by: the whole it would be part of, and the pace it would keep."""

from decimal import Decimal
from typing import Final

import msgspec

from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.instruments import asset_of, quote_of, traits_of
from trading_mcp.core.domain.mandates import Algorithm
from trading_mcp.core.domain.market import SECOND, Market
from trading_mcp.core.domain.measures import Measure
from trading_mcp.core.domain.money import ZERO
from trading_mcp.core.domain.orders import Door, Intent
from trading_mcp.core.domain.policy import MarketLimits, Policy
from trading_mcp.core.domain.tallies import ACCOUNT_TALLY, Tally
from trading_mcp.core.guardrails.adopting import exposure_of_others
from trading_mcp.core.guardrails.valuation import price_of, value_all

# Looking a member up on its class costs ten times a global; these are read for every order.
_RUNNER: Final = Door.RUNNER
_CRYPTO: Final = Market.CRYPTO
# An algorithm's tick counts as the moment it was due, so that jitter never turns 60 s into 59.9.
TICK_LATE_MAX: Final = 5 * SECOND
_NO_TALLY: Final = Tally()


class Risk(msgspec.Struct, frozen=True):
    """What only an increasing order is measured by; amounts are in the base currency."""

    equity: Decimal | None
    missing: str
    others: str
    notional: Decimal | None
    order_limit: Decimal | None
    exposure: Decimal
    exposure_asset: Decimal
    orders_open: int
    budget_used: Decimal
    tally: Tally
    tempo_now: int
    tallies: tuple[tuple[Tally, int], ...]
    measure: Measure | None
    algorithm: Algorithm | None
    own: Measure | None


def risk_of(intent: Intent, book: Book, facts: Facts, policy: Policy, notional: Decimal | None) -> Risk:
    """Derive what only an increasing order is measured by."""
    asset, _, market = traits_of(intent.pair)
    owner, account = intent.book, policy.account
    equity, missing, others, exposure, exposure_asset = _whole(book, facts, policy, asset)
    orders_open, budget_used = 0, ZERO
    for working in book.working.values():
        order = working.order
        if order.reduces:
            continue
        own = order.book == owner
        if own or account.account_counts:
            orders_open += 1
        rate = price_of(quote_of(order.pair), _CRYPTO, facts, policy) or None
        if rate is None:
            equity, missing, others = None, quote_of(order.pair), ""
            continue
        reserved = working.reserved * rate
        exposure += reserved
        if asset_of(order.pair) == asset:
            exposure_asset += reserved
        if own:
            budget_used += reserved
    algorithm, measure = book.algorithms.get(owner), None
    if algorithm is not None:
        measure = book.measures.get(f"algorithm/{owner}")
        cost, unknown = _cost_of(owner, book, facts, policy)
        budget_used += cost
        if unknown:
            equity, missing, others = None, unknown, ""
    due, tempo_now = intent.due_at, facts.now
    if due is not None and intent.door is _RUNNER and tempo_now - due <= TICK_LATE_MAX:
        tempo_now = due
    tally = book.tallies.get(owner, _NO_TALLY)
    tallies: tuple[tuple[Tally, int], ...] = ((tally, tempo_now),)
    if account.account_counts:
        # Where money is real the account is counted as well, by the desk's own clock.
        tallies = (*tallies, (book.tallies.get(ACCOUNT_TALLY, _NO_TALLY), facts.now))
    # By position, in the order of the fields above: by name it costs twice as much.
    return Risk(
        equity,
        missing,
        others,
        notional,
        order_limit_of(equity, policy.crypto if market is _CRYPTO else policy.stocks, account.risk_multiplier),
        exposure,
        exposure_asset,
        orders_open,
        budget_used,
        tally,
        tempo_now,
        tallies,
        book.measures.get("account"),
        algorithm,
        measure,
    )


def _whole(book: Book, facts: Facts, policy: Policy, asset: str) -> tuple[Decimal | None, str, str, Decimal, Decimal]:
    """Return equity, what and whose order it waits for, and exposure in all and in one asset, others' buys in it."""
    worth = value_all(book, facts, policy, asset)
    if not book.foreign:
        return worth.equity, worth.missing, "", worth.gross, worth.own
    gross, own, unpriced, waits = exposure_of_others(book, facts, policy, asset)
    equity = None if unpriced else worth.equity
    return equity, unpriced or worth.missing, waits, worth.gross + gross, worth.own + own


def _cost_of(owner: str, book: Book, facts: Facts, policy: Policy) -> tuple[Decimal, str]:
    """Return what an algorithm's positions cost, and the currency whose price that waits for, if one is missing."""
    cost, missing = ZERO, ""
    for position in book.portfolio.positions.values():
        if position.book == owner:
            rate = price_of(quote_of(position.pair), _CRYPTO, facts, policy)
            if rate is None:
                missing = quote_of(position.pair)
            else:
                cost += abs(position.cost) * rate
    return cost, missing


def order_limit_of(equity: Decimal | None, limits: MarketLimits, multiplier: Decimal) -> Decimal | None:
    """Return the most one order may be worth: the amount or the share of equity, whichever binds."""
    if equity is None:
        return None
    by_share = max(limits.order_share_max * equity, limits.order_share_floor)
    return min(limits.order_notional_max, by_share) * multiplier

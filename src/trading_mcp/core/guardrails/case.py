"""Derive once, judge many: everything the rules compare, computed from intent, book, facts and policy."""

from decimal import Decimal
from typing import Final

import msgspec

from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.instruments import Instrument, quote_of, traits_of
from trading_mcp.core.domain.latches import Latch, TradingState
from trading_mcp.core.domain.market import Market, Quote
from trading_mcp.core.domain.money import ONE, ZERO, lesser
from trading_mcp.core.domain.orders import Intent, OrderState, Purpose, Side, Working
from trading_mcp.core.domain.policy import MarketLimits, Policy
from trading_mcp.core.domain.portfolio import cash_key
from trading_mcp.core.guardrails.fields import problem_of
from trading_mcp.core.guardrails.risk import Risk, risk_of
from trading_mcp.core.guardrails.scopes import Scopes, scopes_of
from trading_mcp.core.guardrails.terms import NO_TERMS, is_current, terms_of, terms_sent, terms_unpriced
from trading_mcp.core.guardrails.valuation import price_of

# Looking a member up on its class costs ten times a global; these are read for every order.
_CRYPTO: Final = Market.CRYPTO
_PROTECTION: Final = Purpose.PROTECTION
_BUY: Final = Side.BUY
_SELL: Final = Side.SELL
_ACTIVE: Final = TradingState.ACTIVE
_UNSEEN: Final = frozenset({OrderState.CLEARED, OrderState.SENDING, OrderState.UNKNOWN})


class Case(msgspec.Struct, frozen=True):
    """One intent in its world; None stays None where a fact is missing."""

    intent: Intent
    book: Book
    facts: Facts
    policy: Policy
    limits: MarketLimits
    market: Market
    algorithm: str | None
    asset: str
    venue: str | None
    instrument: Instrument | None
    quote: Quote | None
    state: TradingState
    latch: Latch | None
    problem: str
    reference: Decimal | None
    limit_price: Decimal | None
    stop_price: Decimal | None
    price_worst: Decimal | None
    quantity: Decimal | None
    scopes: Scopes | None
    reduces: bool
    rate: Decimal | None
    free: Decimal | None
    risk: Risk | None


def case_of(
    intent: Intent,
    book: Book,
    facts: Facts,
    policy: Policy,
    venue: str | None,
    *,
    size: Decimal | None = None,
    sent: Working | None = None,
) -> Case:
    """Derive the case; `size` is what fit made of the wish, `sent` an order that is judged again as it stands."""
    pair = intent.pair
    problem = problem_of(intent, facts.now)
    asset, currency, market = traits_of(pair)
    limits, algorithm = policy.crypto if market is _CRYPTO else policy.stocks, intent.algorithm
    state, latch = book.state(market, venue, algorithm) if book.latches else (_ACTIVE, None)
    key = f"{venue}/{pair}"
    instrument, quote = facts.instrument(key), facts.quotes.get(key)
    terms, scopes, free, rate, risk, reduces = NO_TERMS, None, None, None, None, False
    if not problem:
        owner = venue or ""
        scopes = scopes_of(book, intent.book, owner, pair, intent.side)
        terms = terms_of(intent, instrument, quote, limits, scopes, size) if sent is None else terms_sent(sent, quote)
        # A currency worth nothing would make every order small.
        rate = price_of(currency, _CRYPTO, facts, policy) or None
        quantity = terms.quantity
        reduces = quantity is not None and quantity > ZERO and scopes.reduce(quantity)
        if reduces:
            free = None if intent.side is _BUY else free_units(intent, book, facts, owner)
            if sent is None and not (quote is not None and is_current(quote, facts.now, limits)):
                # An exit is priced by what is true now, or by the venue alone.
                terms = terms_unpriced(intent, instrument, limits, quantity)
        else:
            free = free_cash(book, facts, limits, owner, currency)
            notional = None
            if quantity is not None and terms.worst is not None and rate is not None:
                multiplier = ONE if instrument is None else instrument.multiplier
                notional = quantity * terms.worst * multiplier * rate
            risk = risk_of(intent, book, facts, policy, notional)
    # By position, in the order of the fields above: by name it costs twice as much.
    return Case(
        intent,
        book,
        facts,
        policy,
        limits,
        market,
        algorithm,
        asset,
        venue,
        instrument,
        quote,
        state,
        latch,
        problem,
        terms.reference,
        terms.limit,
        terms.stop,
        terms.worst,
        terms.quantity,
        scopes,
        reduces,
        rate,
        free,
        risk,
    )


def free_cash(book: Book, facts: Facts, limits: MarketLimits, venue: str, asset: str) -> Decimal | None:
    """Return what is free to pay with: our own count, which the venue's can only lower."""
    key = cash_key(venue, asset)
    fact = facts.balances.get(key)
    if fact is None or not fact.free.is_finite():
        return None
    ours, theirs = book.portfolio.cash.get(key, ZERO), fact.free
    buffer = ONE + limits.fee_buffer
    for working in book.working.values():
        order = working.order
        if order.venue != venue or (order.side is _SELL and order.reduces) or quote_of(order.pair) != asset:
            continue
        held = working.reserved * buffer
        ours -= held
        if not _is_seen(working, fact.at):
            theirs -= held
    # A balance read before our last fill tells of a world that is gone.
    return lesser(ours, theirs) if fact.at > book.local_fill_at.get(venue, -1) else ours


def free_units(intent: Intent, book: Book, facts: Facts, venue: str) -> Decimal | None:
    """Return the units a venue lets go for an exit, or None where only our own count is known."""
    asset = intent.pair.partition("-")[0]
    key = cash_key(venue, asset)
    fact = facts.balances.get(key)
    if "-" not in intent.pair and (key in book.portfolio.cash or _is_coin(asset, venue, book)):
        # A stock that bears the name of money or of a coin: nobody can say whose balance that is.
        return None
    if fact is None or not fact.free.is_finite() or fact.at <= book.local_fill_at.get(venue, -1):
        return None
    theirs = fact.free
    for working in book.working.values():
        order = working.order
        if order.venue != venue or order.side is _BUY or order.pair.partition("-")[0] != asset:
            continue
        if order.purpose is _PROTECTION and order.pair == intent.pair and order.book == intent.book:
            # An exit takes the place of its protective order, and of what that holds at the venue.
            if _is_seen(working, fact.at):
                theirs += working.remaining
        elif not _is_seen(working, fact.at):
            theirs -= working.remaining
    return theirs


def _is_coin(asset: str, venue: str, book: Book) -> bool:
    return any(
        position.venue == venue and position.pair.startswith(f"{asset}-")
        for position in book.portfolio.positions.values()
    )


def _is_seen(working: Working, read_at: int) -> bool:
    """Say whether a balance read then already lacks what the order holds."""
    return working.since < read_at and working.state not in _UNSEEN

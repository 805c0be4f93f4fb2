"""Derive once, judge many: everything the rules compare, computed from intent, book, facts and policy."""

from decimal import Decimal
from typing import Final

import msgspec

from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.instruments import Instrument, asset_of, quote_of, traits_of
from trading_mcp.core.domain.latches import Latch, TradingState
from trading_mcp.core.domain.mandates import Algorithm
from trading_mcp.core.domain.market import SECOND, Market, Quote
from trading_mcp.core.domain.measures import Measure
from trading_mcp.core.domain.money import ONE, ZERO, ceil_to, floor_to, greater, lesser
from trading_mcp.core.domain.orders import (
    Door,
    Everything,
    Intent,
    Notional,
    OrderState,
    OrderType,
    Purpose,
    Quantity,
    Side,
    Working,
)
from trading_mcp.core.domain.policy import MarketLimits, Policy
from trading_mcp.core.domain.portfolio import cash_key
from trading_mcp.core.domain.tallies import ACCOUNT_TALLY, Tally
from trading_mcp.core.guardrails.fields import problem_of
from trading_mcp.core.guardrails.scopes import Scopes, scopes_of
from trading_mcp.core.guardrails.valuation import FUTURE_MAX, price_of, value_all

# Looking a member up on its class costs ten times a global; these are read for every order.
_RUNNER: Final = Door.RUNNER
_CRYPTO: Final = Market.CRYPTO
_MARKET_ORDER: Final = OrderType.MARKET
_STOP_LIMIT: Final = OrderType.STOP_LIMIT
_TRAILING_STOP: Final = OrderType.TRAILING_STOP
_PROTECTION: Final = Purpose.PROTECTION
_TRADE: Final = Purpose.TRADE
_BUY: Final = Side.BUY
_SELL: Final = Side.SELL
_ACTIVE: Final = TradingState.ACTIVE
# An algorithm's tick counts as the moment it was due, so that jitter never turns 60 s into 59.9.
TICK_LATE_MAX: Final = 5 * SECOND
_NO_TALLY: Final = Tally()
_UNSEEN: Final = frozenset({OrderState.CLEARED, OrderState.SENDING, OrderState.UNKNOWN})


class Risk(msgspec.Struct, frozen=True, kw_only=True):
    """What only an increasing order is measured by; amounts are in the base currency."""

    equity: Decimal | None
    missing: str
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


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One intent in its world; None stays None where a fact is missing."""

    intent: Intent
    book: Book
    facts: Facts
    policy: Policy
    limits: MarketLimits
    market: Market
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
    limits = policy.crypto if market is _CRYPTO else policy.stocks
    state, latch = book.state(market, venue, intent.algorithm) if book.latches else (_ACTIVE, None)
    key = f"{venue}/{pair}"
    instrument = facts.instruments.get(key)
    quote = facts.quotes.get(key)
    is_buy = intent.side is _BUY
    reference = limit_price = stop_price = price_worst = quantity = free = rate = None
    scopes: Scopes | None = None
    risk: Risk | None = None
    reduces = False
    if not problem:
        owner = venue or ""
        reference = reference_of(quote, is_buy=is_buy)
        scopes = scopes_of(book, intent.book, owner, pair, intent.side)
        if sent is None:
            limit_price, stop_price = prices_of(intent, instrument, reference, limits)
            price_worst = worst_of(intent, reference, limit_price, stop_price, limits)
            quantity = quantity_of(intent, instrument, price_worst, scopes, size)
        else:
            limit_price, stop_price = sent.order.limit_price, sent.order.stop_price
            price_worst, quantity = sent.order.price_worst, sent.remaining
        # A currency worth nothing would make every order small.
        rate = price_of(currency, _CRYPTO, facts, policy) or None
        reduces = quantity is not None and quantity > ZERO and scopes.reduce(quantity)
        if reduces:
            free = None if is_buy else free_units(intent, book, facts, owner)
            if sent is None and not (quote is not None and is_current(quote, facts.now, limits)):
                # An exit is priced by what is true now, or by the venue alone.
                reference = price_worst = None
                limit_price, stop_price = prices_of(intent, instrument, None, limits)
        else:
            free = free_cash(book, facts, limits, owner, currency)
            notional = None
            if quantity is not None and price_worst is not None and rate is not None:
                multiplier = ONE if instrument is None else instrument.multiplier
                notional = quantity * price_worst * multiplier * rate
            risk = risk_of(intent, book, facts, policy, notional)
    return Case(
        intent=intent,
        book=book,
        facts=facts,
        policy=policy,
        limits=limits,
        market=market,
        asset=asset,
        venue=venue,
        instrument=instrument,
        quote=quote,
        state=state,
        latch=latch,
        problem=problem,
        reference=reference,
        limit_price=limit_price,
        stop_price=stop_price,
        price_worst=price_worst,
        quantity=quantity,
        scopes=scopes,
        reduces=reduces,
        rate=rate,
        free=free,
        risk=risk,
    )


def reference_of(quote: Quote | None, *, is_buy: bool) -> Decimal | None:
    """Return the price an order would meet now: the ask for a buy, the bid for a sell."""
    if quote is None:
        return None
    price = quote.ask if is_buy else quote.bid
    return price if price.is_finite() and price > ZERO else None


def is_current(quote: Quote, now: int, limits: MarketLimits) -> bool:
    """Say whether the venue vouched for a quote so lately that it can be the price of now."""
    return -FUTURE_MAX <= now - quote.confirmed_at <= limits.price_age_max


def prices_of(
    intent: Intent, instrument: Instrument | None, reference: Decimal | None, limits: MarketLimits
) -> tuple[Decimal | None, Decimal | None]:
    """Return limit and stop as they would be sent: a market order becomes a marketable limit, buys round down."""
    is_buy = intent.side is _BUY
    limit, stop = intent.limit_price, intent.stop_price
    if intent.type is _MARKET_ORDER and reference is not None:
        slippage = limits.market_slippage if intent.purpose is _TRADE else limits.exit_slippage_max
        limit = reference * (ONE + slippage if is_buy else ONE - slippage)
    elif intent.type is _TRAILING_STOP and intent.trail is not None and reference is not None:
        stop = reference * (ONE + intent.trail if is_buy else ONE - intent.trail)
    if instrument is not None:
        rounded = floor_to if is_buy else ceil_to
        step = instrument.price_step
        limit = None if limit is None else rounded(limit, step)
        stop = None if stop is None else rounded(stop, step)
    return limit, stop


def worst_of(
    intent: Intent,
    reference: Decimal | None,
    limit: Decimal | None,
    stop: Decimal | None,
    limits: MarketLimits,
) -> Decimal | None:
    """Return the worst price the order could pay; what it risks is measured at that, never at the caller's."""
    if reference is None:
        return None
    worst = reference
    if intent.side is _BUY:
        if limit is not None:
            worst = greater(worst, limit)
        if stop is not None and intent.type is not _STOP_LIMIT:
            worst = greater(worst, stop * (ONE + limits.market_slippage))
        return worst
    # What a short sells for less than the reference, it owes at the reference.
    return greater(worst, limit) if limit is not None else worst


def quantity_of(
    intent: Intent,
    instrument: Instrument | None,
    price_worst: Decimal | None,
    scopes: Scopes,
    size: Decimal | None = None,
) -> Decimal | None:
    """Return the quantity, rounded down to the venue's step; a notional is converted at the worst price."""
    match intent.amount:
        case _ if size is not None:
            quantity = size
        case Quantity(value):
            quantity = value
        case Notional(value):
            if price_worst is None or instrument is None:
                return None
            quantity = value / (price_worst * instrument.multiplier)
        case Everything():
            quantity = lesser(scopes.book, lesser(scopes.venue, scopes.account))
            if quantity <= ZERO:
                return ZERO
    return quantity if instrument is None else floor_to(quantity, instrument.quantity_step)


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
    fact = facts.balances.get(cash_key(venue, asset))
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


def _is_seen(working: Working, read_at: int) -> bool:
    """Say whether a balance read then already lacks what the order holds."""
    return working.since < read_at and working.state not in _UNSEEN


def risk_of(intent: Intent, book: Book, facts: Facts, policy: Policy, notional: Decimal | None) -> Risk:
    """Derive what only an increasing order is measured by."""
    asset, _, market = traits_of(intent.pair)
    owner, account = intent.book, policy.account
    worth = value_all(book, facts, policy, asset)
    equity, missing, exposure, exposure_asset = worth.equity, worth.missing, worth.gross, worth.own
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
            equity, missing = None, quote_of(order.pair)
            continue
        reserved = working.reserved * rate
        exposure += reserved
        if asset_of(order.pair) == asset:
            exposure_asset += reserved
        if own:
            budget_used += reserved
    algorithm = book.algorithms.get(owner)
    if algorithm is not None:
        for position in book.portfolio.positions.values():
            if position.book == owner and position.quantity:
                rate = price_of(quote_of(position.pair), _CRYPTO, facts, policy)
                if rate is None:
                    equity, missing = None, quote_of(position.pair)
                    continue
                budget_used += abs(position.cost) * rate
    due = intent.due_at
    is_tick = due is not None and intent.door is _RUNNER and facts.now - due <= TICK_LATE_MAX
    tempo_now = due if due is not None and is_tick else facts.now
    tally = book.tallies.get(owner, _NO_TALLY)
    tallies: tuple[tuple[Tally, int], ...] = ((tally, tempo_now),)
    if account.account_counts:
        # Where money is real the account is counted as well, by the desk's own clock.
        tallies = (*tallies, (book.tallies.get(ACCOUNT_TALLY, _NO_TALLY), facts.now))
    return Risk(
        equity=equity,
        missing=missing,
        notional=notional,
        order_limit=order_limit_of(equity, policy.limits(market), account.risk_multiplier),
        exposure=exposure,
        exposure_asset=exposure_asset,
        orders_open=orders_open,
        budget_used=budget_used,
        tally=tally,
        tempo_now=tempo_now,
        tallies=tallies,
        measure=book.measures.get("account"),
        algorithm=algorithm,
        own=None if algorithm is None else book.measures.get(f"algorithm/{owner}"),
    )


def order_limit_of(equity: Decimal | None, limits: MarketLimits, multiplier: Decimal) -> Decimal | None:
    """Return the most one order may be worth: the amount or the share of equity, whichever binds."""
    if equity is None:
        return None
    by_share = greater(limits.order_share_max * equity, limits.order_share_floor)
    return lesser(limits.order_notional_max, by_share) * multiplier

"""The terms an order would be sent on: its prices rounded as they would be sent, its worst price, its quantity."""

from decimal import Decimal
from typing import Final, assert_never

import msgspec

from trading_mcp.core.domain.instruments import Instrument
from trading_mcp.core.domain.market import Quote
from trading_mcp.core.domain.money import AMOUNT_MAX, ONE, ZERO, ceil_to, floor_to, greater, is_price, lesser
from trading_mcp.core.domain.orders import Everything, Intent, Notional, OrderType, Purpose, Quantity, Side, Working
from trading_mcp.core.domain.policy import MarketLimits
from trading_mcp.core.guardrails.scopes import Scopes
from trading_mcp.core.guardrails.valuation import FUTURE_MAX

# Looking a member up on its class costs ten times a global; these are read for every order.
_MARKET_ORDER: Final = OrderType.MARKET
_STOP_LIMIT: Final = OrderType.STOP_LIMIT
_TRAILING_STOP: Final = OrderType.TRAILING_STOP
_TRADE: Final = Purpose.TRADE
_BUY: Final = Side.BUY


class Terms(msgspec.Struct, frozen=True):
    """Prices and quantity of one order; None where a fact is missing."""

    reference: Decimal | None
    limit: Decimal | None
    stop: Decimal | None
    worst: Decimal | None
    quantity: Decimal | None


NO_TERMS: Final = Terms(None, None, None, None, None)


def terms_of(
    intent: Intent,
    instrument: Instrument | None,
    quote: Quote | None,
    limits: MarketLimits,
    scopes: Scopes,
    size: Decimal | None,
) -> Terms:
    """Return the terms of an intent in the market of now."""
    reference = reference_of(quote, is_buy=intent.side is _BUY)
    limit, stop = prices_of(intent, instrument, reference, limits)
    worst = worst_of(intent, reference, limit, stop, limits)
    return Terms(reference, limit, stop, worst, quantity_of(intent, instrument, worst, scopes, size))


def terms_sent(sent: Working, quote: Quote | None) -> Terms:
    """Return the terms an order was sent on, for what is left of it."""
    order = sent.order
    reference = reference_of(quote, is_buy=order.side is _BUY)
    return Terms(reference, order.limit_price, order.stop_price, order.price_worst, sent.remaining)


def terms_unpriced(
    intent: Intent, instrument: Instrument | None, limits: MarketLimits, quantity: Decimal | None
) -> Terms:
    """Return the terms of an exit for which no price of now is known."""
    limit, stop = prices_of(intent, instrument, None, limits)
    return Terms(None, limit, stop, None, quantity)


def reference_of(quote: Quote | None, *, is_buy: bool) -> Decimal | None:
    """Return the price an order would meet now: the ask for a buy, the bid for a sell."""
    if quote is None:
        return None
    price = quote.ask if is_buy else quote.bid
    return price if is_price(price) else None


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
        case _:
            assert_never(intent.amount)
    if instrument is None or quantity >= AMOUNT_MAX:
        # So much at so low a price has more digits than can be rounded; no venue takes it.
        return quantity
    return floor_to(quantity, instrument.quantity_step)

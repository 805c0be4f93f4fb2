"""Rules about the price: known, fresh and plausible; no limit far through it, no stop far from it."""

from decimal import Decimal

from trading_mcp.core.domain.market import FeedHealth, Quote
from trading_mcp.core.domain.money import ONE, greater, is_price, lesser
from trading_mcp.core.domain.orders import OrderType, Purpose, Side
from trading_mcp.core.domain.verdict import Code, Finding
from trading_mcp.core.guardrails.case import Case
from trading_mcp.core.guardrails.finding import DOWN, UP, ask, deny, share, shown, span
from trading_mcp.core.guardrails.risk import Risk
from trading_mcp.core.guardrails.terms import is_current


def price(case: Case, risk: Risk) -> Finding | None:
    """Add risk only at a price that is known, fresh and plausible."""
    del risk
    quote = case.quote
    if quote is None:
        return deny(
            Code.PRICE_UNKNOWN,
            f"there is no price for {case.intent.pair}",
            limit="a price",
            actual="none",
            would_pass="the same order once a price has come",
        )
    limits = case.limits
    bid, ask = quote.bid, quote.ask
    if not quote.is_sane:
        return _implausible("bid and ask make no sense", "0 < bid <= ask", f"{quote.bid} / {quote.ask}")
    if not is_current(quote, case.facts.now, limits):
        age = case.facts.now - quote.confirmed_at
        actual = f"{span(abs(age), UP)} {'old' if age >= 0 else 'ahead of the clock'}"
        return deny(
            Code.PRICE_STALE,
            f"the price of {case.intent.pair} is {actual}",
            limit=span(limits.price_age_max),
            actual=actual,
            would_pass="the same order once a fresh price has come",
        )
    if not ask - bid <= limits.spread_max * ask:
        gap = (ask - bid) / ask
        return _implausible("the spread is too wide", share(limits.spread_max), share(gap, UP))
    return _jump(case, quote)


def _jump(case: Case, quote: Quote) -> Finding | None:
    before = case.facts.quotes_before.get(f"{quote.venue}/{quote.pair}")
    if before is None or quote.at - before.at > case.limits.price_jump_window:
        return None
    if not before.is_sane and not (is_price(before.bid) and is_price(before.ask)):
        made = f"{before.bid} / {before.ask}"
        return _implausible("the price before this one makes no sense", "a finite price", made)
    middle, last = quote.bid + quote.ask, before.bid + before.ask
    if abs(middle - last) <= case.limits.price_jump_max * last:
        return None
    return _implausible(
        "the price jumped and no second quote has confirmed it",
        share(case.limits.price_jump_max),
        share(abs(middle - last) / last, UP),
    )


def _implausible(reason: str, limit: str, actual: str) -> Finding:
    return deny(
        Code.PRICE_IMPLAUSIBLE,
        reason,
        limit=limit,
        actual=actual,
        would_pass="the same order once the price is plausible or confirmed",
    )


def feed(case: Case, risk: Risk) -> Finding | None:
    """Add risk only on a feed that can be believed."""
    del risk
    health = case.facts.feeds.get(case.venue or "")
    if health is FeedHealth.HEALTHY:
        return None
    if health is FeedHealth.DEGRADED:
        return ask(
            Code.FEED_DEGRADED,
            f"the feed of {case.venue} is degraded",
            limit="HEALTHY",
            actual="DEGRADED",
            would_pass="the same order on a healthy feed",
        )
    return deny(
        Code.FEED_DOWN,
        f"the feed of {case.venue or 'no venue'} is {'unknown' if health is None else 'down'}",
        limit="HEALTHY",
        actual="unknown" if health is None else "DOWN",
        would_pass="the same order on a healthy feed",
    )


def collar(case: Case) -> Finding | None:
    """Keep the aggressive side of a limit near the market; without a price an exit has no collar."""
    limit, reference = case.limit_price, case.reference
    if case.intent.type is OrderType.STOP_LIMIT:
        # Its limit comes into force at the stop, and is aggressive or not by that price.
        reference = case.stop_price
    if limit is None or reference is None or case.intent.type is OrderType.MARKET:
        return None
    width = case.limits.collar
    if case.intent.side is Side.BUY:
        edge = reference * (ONE + width)
        is_inside = limit <= edge
    else:
        edge = reference * (ONE - width)
        is_inside = limit >= edge
    if is_inside:
        return None
    way, inside, outside = ("up", DOWN, UP) if case.intent.side is Side.BUY else ("down", UP, DOWN)
    return deny(
        Code.PRICE_COLLAR,
        f"the limit is more than {share(width)} through the market",
        limit=shown(edge),
        actual=shown(limit, outside),
        would_pass=f"a limit {way} to {shown(edge, inside)}",
    )


def stop_distance(case: Case) -> Finding | None:
    """Keep stops and targets on the right side of the price they guard, and stops within reach."""
    reference = case.reference
    if reference is None or case.intent.purpose is not Purpose.TRADE:
        return None
    is_buy = case.intent.side is Side.BUY
    most = case.limits.stop_distance_max
    if case.stop_price is not None:
        found = _distance("stop_price", case.stop_price, reference, most, above=is_buy)
        if found is not None:
            return found
    protect = case.intent.protect
    if protect is None or case.reduces:
        return None
    if protect.trailing is not None and not protect.trailing.distance <= most:
        return deny(
            Code.STOP_DISTANCE_MAX,
            "the trail is too far behind the price",
            limit=share(most),
            actual=share(protect.trailing.distance, UP),
            would_pass=f"a distance up to {share(most, DOWN)}",
        )
    entry = _entry_of(case, reference, is_buy=is_buy)
    if protect.stop_loss is not None:
        found = _distance("stop_loss", protect.stop_loss, entry, most, above=not is_buy)
        if found is not None:
            return found
    if protect.take_profit is not None:
        return _distance("take_profit", protect.take_profit, entry, None, above=is_buy)
    return None


def _entry_of(case: Case, reference: Decimal, *, is_buy: bool) -> Decimal:
    """Return the price at which the order would enter, by which its own exits are measured."""
    if case.stop_price is not None:
        return case.stop_price
    limit = case.intent.limit_price
    if limit is None:
        return reference
    return lesser(limit, reference) if is_buy else greater(limit, reference)


def _distance(name: str, level: Decimal, price: Decimal, most: Decimal | None, *, above: bool) -> Finding | None:
    is_right_side = level >= price if above else level <= price
    if not is_right_side:
        side = f"at or above {shown(price, UP)}" if above else f"at or below {shown(price, DOWN)}"
        return deny(
            Code.STOP_DISTANCE_MAX,
            f"{name} is on the wrong side of the price",
            limit=side,
            actual=shown(level, DOWN if above else UP),
            would_pass=f"{name} {side}",
        )
    if most is None or abs(level - price) <= most * price:
        return None
    edge = price * (ONE + most if above else ONE - most)
    return deny(
        Code.STOP_DISTANCE_MAX,
        f"{name} is too far from the price",
        limit=share(most),
        actual=share(abs(level - price) / price, UP),
        would_pass=f"{name} {f'up to {shown(edge, DOWN)}' if above else f'down to {shown(edge, UP)}'}",
    )

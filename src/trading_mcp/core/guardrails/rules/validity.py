"""Rules about the order itself: well formed, of one mind with its id, approved, and tradable now."""

from decimal import Decimal
from typing import Final

from trading_mcp.core.domain.instruments import Instrument, Kind, asset_of, listed_as, quote_of
from trading_mcp.core.domain.market import Market
from trading_mcp.core.domain.money import AMOUNT_MAX, ZERO, ceil_to, greater
from trading_mcp.core.domain.orders import OrderType
from trading_mcp.core.domain.recall import recall
from trading_mcp.core.domain.verdict import Code, Finding
from trading_mcp.core.guardrails.case import Case
from trading_mcp.core.guardrails.finding import DOWN, UP, deny, shown, span
from trading_mcp.core.guardrails.risk import TICK_LATE_MAX, Risk

# Looking a member up on its class costs ten times a global; these are read for every order.
_OTHER: Final = Kind.OTHER
_STOCKS: Final = Market.STOCKS
_MARKET_ORDER: Final = OrderType.MARKET


def field(case: Case) -> Finding | None:
    """Refuse what is not well formed."""
    if case.problem:
        return deny(
            Code.FIELD_INVALID,
            case.problem,
            limit="a well-formed intent",
            actual="not well formed",
            would_pass="the same order, well formed",
        )
    instrument, intent = case.instrument, case.intent
    if intent.due_at is not None and not case.reduces and case.facts.now - intent.due_at > TICK_LATE_MAX:
        late = span(case.facts.now - intent.due_at, UP)
        return deny(
            Code.FIELD_INVALID,
            f"the tick this order belongs to is {late} past: a missed tick enters nothing",
            limit=span(TICK_LATE_MAX),
            actual=late,
            would_pass="orders that reduce; the entry of a later tick",
        )
    if instrument is None:
        return None
    sent = intent.type
    if sent is _MARKET_ORDER and case.limit_price is not None:
        sent = OrderType.LIMIT
    if sent not in instrument.order_types:
        forms = ", ".join(sorted(instrument.order_types))
        return deny(
            Code.FIELD_INVALID,
            f"{instrument.venue} takes no {sent} order on {intent.pair}",
            limit=forms,
            actual=str(sent),
            would_pass=forms,
        )
    if intent.type is not _MARKET_ORDER and intent.time_in_force not in instrument.times_in_force:
        forms = ", ".join(sorted(instrument.times_in_force))
        return deny(
            Code.FIELD_INVALID,
            f"{instrument.venue} takes no {intent.time_in_force} order on {intent.pair}",
            limit=forms,
            actual=str(intent.time_in_force),
            would_pass=forms,
        )
    return None


def known_kind(case: Case) -> Finding | None:
    """Refuse an instrument whose risk we cannot compute."""
    if case.instrument is None or case.instrument.kind is not _OTHER:
        return None
    return deny(
        Code.INSTRUMENT_UNKNOWN_KIND,
        f"{case.intent.pair} is of a kind whose risk this desk cannot compute",
        limit="crypto, stock",
        actual="other",
        would_pass="a crypto pair or a stock",
    )


def conflict(case: Case) -> Finding | None:
    """Refuse an id that already belongs to another intent."""
    record = recall(case.book.intents, case.intent.id)
    # What is not well formed may not even be comparable.
    if record is None or (not case.problem and record.intent == case.intent):
        return None
    return deny(
        Code.INTENT_CONFLICT,
        f"the intent id {case.intent.id} was used for another order",
        limit="one content per id",
        actual="another content",
        would_pass="the same order under a new id",
    )


def approved(case: Case, risk: Risk) -> Finding | None:
    """Add risk only in what the owner approved and every venue routed for the market offers."""
    del risk
    found = on_list(case)
    if found is not None:
        return found
    pair, limits = case.intent.pair, case.limits
    if case.venue not in limits.venues:
        return deny(
            Code.SYMBOL_NOT_APPROVED,
            f"{case.venue or 'no venue'} is not routed for {case.market}",
            limit=", ".join(limits.venues) or "none",
            actual=case.venue or "none",
            would_pass=", ".join(limits.venues) or "nothing until the owner routes a venue",
        )
    instruments = case.facts.instruments
    for venue in limits.venues:
        if f"{venue}/{pair}" not in instruments:
            return deny(
                Code.SYMBOL_NOT_APPROVED,
                f"{pair} is not offered by {venue}",
                limit=", ".join(limits.venues),
                actual=f"not offered by {venue}",
                would_pass="a pair that every routed venue offers",
            )
    return None


def on_list(case: Case) -> Finding | None:
    """Know what the owner approved; a venue that merely fails to list a pair today removes nothing."""
    pair, limits = case.intent.pair, case.limits
    name = listed_as(pair)
    if name not in limits.assets_approved:
        return _not_listed(f"{name} is not on the owner's list", limits.assets_approved, name)
    if case.market is not Market.STOCKS and quote_of(pair) not in limits.quotes_approved:
        return _not_listed(
            f"{quote_of(pair)} is no currency on the owner's list", limits.quotes_approved, quote_of(pair)
        )
    if limits.pairs_blocked and _is_blocked(case):
        return deny(
            Code.SYMBOL_NOT_APPROVED,
            f"the owner has blocked {pair}",
            limit="not blocked",
            actual="blocked",
            would_pass="another pair",
        )
    return None


def _not_listed(reason: str, approved: frozenset[str], actual: str) -> Finding:
    names = ", ".join(sorted(approved)[:12])
    return deny(
        Code.SYMBOL_NOT_APPROVED,
        reason,
        limit=f"{len(approved)} approved",
        actual=actual,
        would_pass=names or "nothing until the owner approves one",
    )


def _is_blocked(case: Case) -> bool:
    """A pair that was blocked stays so under a new name of its asset."""
    pair = case.intent.pair
    return any(case.asset == asset_of(one) and quote_of(pair) == quote_of(one) for one in case.limits.pairs_blocked)


def instrument_rules(case: Case) -> Finding | None:
    """Keep to the venue's steps and bounds; what an exit leaves below the minimum is dust and says so."""
    instrument, quantity = case.instrument, case.quantity
    if instrument is None:
        if case.reduces:
            return None
        return deny(
            Code.INSTRUMENT_RULES,
            f"the venue's rules for {case.intent.pair} are not known",
            limit="known steps and bounds",
            actual="unknown",
            would_pass="the same order once the venue has listed the pair",
        )
    if quantity is None:
        return None
    if (case.limit_price is not None and not case.limit_price > ZERO) or (
        case.stop_price is not None and not case.stop_price > ZERO
    ):
        return deny(
            Code.INSTRUMENT_RULES,
            f"a price below one step of {case.intent.pair}",
            limit=f"at least {shown(instrument.price_step)} {instrument.quote}",
            actual=f"less than {shown(instrument.price_step)} {instrument.quote}",
            would_pass=f"{shown(instrument.price_step)} {instrument.quote} or more",
        )
    price = case.limit_price or case.price_worst
    worth = None if price is None else quantity * price * instrument.multiplier
    if worth is not None and not worth <= instrument.notional_max:
        return deny(
            Code.INSTRUMENT_RULES,
            "the venue takes no order of this notional",
            limit=f"at most {shown(instrument.notional_max)} {instrument.quote}",
            actual=shown(worth, UP),
            would_pass=f"at most {shown(instrument.notional_max)} {instrument.quote}",
        )
    is_enough = worth is None or worth >= instrument.notional_min
    if not (quantity > ZERO and quantity >= instrument.quantity_min and is_enough):
        smallest = smallest_of(instrument, price)
        return deny(
            Code.INSTRUMENT_RULES,
            f"below the venue's minimum for {case.intent.pair}{': it stays as dust' if case.reduces else ''}",
            limit=f"at least {shown(smallest, UP)} {instrument.base}",
            actual=shown(quantity, DOWN),
            would_pass=f"{shown(smallest, UP)} {instrument.base} or more",
        )
    if not quantity <= instrument.quantity_max:
        return deny(
            Code.INSTRUMENT_RULES,
            f"above the venue's maximum for {case.intent.pair}",
            limit=f"at most {shown(instrument.quantity_max)} {instrument.base}",
            actual=shown(quantity, UP),
            would_pass=f"{shown(instrument.quantity_max)} {instrument.base} or less",
        )
    return None


def smallest_of(instrument: Instrument, price: Decimal | None) -> Decimal:
    """Return the smallest quantity that satisfies both minima of a venue."""
    least = greater(instrument.quantity_min, instrument.quantity_step)
    if price is None:
        return least
    by_notional = instrument.notional_min / (price * instrument.multiplier)
    rounded = by_notional if by_notional >= AMOUNT_MAX else ceil_to(by_notional, instrument.quantity_step)
    return greater(least, rounded)


def session(case: Case) -> Finding | None:
    """Send an order for a market with sessions only while it is open."""
    if case.market is not _STOCKS:
        return None
    found = case.facts.sessions.get(_STOCKS)
    if found is None:
        if case.reduces:
            return None
        reason, actual = "whether the stock market is open is not known", "unknown"
    elif found.is_open:
        return None
    else:
        reason, actual = "the stock market is closed", "closed"
    return deny(
        Code.SESSION_CLOSED,
        reason,
        limit="an open session",
        actual=actual,
        would_pass="the same order in the next session",
    )

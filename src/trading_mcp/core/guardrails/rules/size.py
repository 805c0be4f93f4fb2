"""Rules about the size of one order and the money that pays for it."""

from trading_mcp.core.domain.instruments import listed_as, quote_of
from trading_mcp.core.domain.money import ONE, ZERO, greater
from trading_mcp.core.domain.orders import Side
from trading_mcp.core.domain.verdict import Code, Finding
from trading_mcp.core.guardrails.case import Case
from trading_mcp.core.guardrails.finding import DOWN, UP, deny, shown
from trading_mcp.core.guardrails.risk import Risk


def unknown(code: Code, case: Case, risk: Risk, limit: str) -> Finding:
    """Deny for a missing fact, naming the fact and, where it is missing for an order of others, that order."""
    reason = f"cannot be checked: {_missing(case, risk)} is not known"
    passes = "orders that reduce; the same order once that is known"
    if risk.others:
        reason = f"{reason}, and others buy it: {risk.others}"
        passes = f"{passes}, or once nothing is left of {risk.others}"
    return deny(code, reason, limit=limit, actual="unknown", would_pass=passes)


def _missing(case: Case, risk: Risk) -> str:
    if risk.equity is None:
        return f"the price of {risk.missing}"
    if case.rate is None:
        return f"the price of {quote_of(case.intent.pair)}"
    if case.price_worst is None:
        return f"the price of {case.intent.pair}"
    if case.instrument is None:
        return f"what {case.venue} takes of {case.intent.pair}"
    return "what the day opened with"


def infeasible(case: Case, risk: Risk) -> Finding | None:
    """Say it where limits and the venue's minimum leave no legal size at all."""
    limit, instrument = risk.order_limit, case.instrument
    price, rate = case.price_worst, case.rate
    if limit is None or instrument is None or price is None or rate is None:
        return unknown(Code.LIMITS_INFEASIBLE, case, risk, "a legal size")
    smallest = max(instrument.notional_min, instrument.exposure(instrument.quantity_min, price)) * rate
    if limit >= smallest:
        return None
    return deny(
        Code.LIMITS_INFEASIBLE,
        f"the smallest order {instrument.venue} takes is above the owner's limit for one order",
        limit=shown(limit),
        actual=shown(smallest, UP),
        would_pass="orders that reduce; nothing else on this pair until the owner raises the limit",
    )


def order_notional(case: Case, risk: Risk) -> Finding | None:
    """Bound what one order is worth."""
    limit, notional = risk.order_limit, risk.notional
    if limit is None or notional is None:
        return unknown(Code.ORDER_NOTIONAL_MAX, case, risk, shown(case.limits.order_notional_max))
    if notional <= limit:
        return None
    return deny(
        Code.ORDER_NOTIONAL_MAX,
        "one order may not be worth that much",
        limit=shown(limit),
        actual=shown(notional, UP),
        would_pass=f"up to {shown(limit, DOWN)} {case.policy.base_currency} at the worst price",
    )


def order_quantity(case: Case, risk: Risk) -> Finding | None:
    """Bound the quantity of one order; an asset without a limit of its own is denied."""
    del risk
    limit = case.limits.order_quantity_max.get(listed_as(case.intent.pair))
    if limit is None:
        return deny(
            Code.LIMIT_MISSING,
            f"the policy sets no order_quantity_max for {listed_as(case.intent.pair)}",
            limit="a limit",
            actual="none",
            would_pass="nothing until the owner sets one",
        )
    limit *= case.policy.account.risk_multiplier
    quantity = case.quantity
    if quantity is not None and quantity <= limit:
        return None
    return deny(
        Code.ORDER_QUANTITY_MAX,
        "one order may not be that large",
        limit=f"{shown(limit)} {listed_as(case.intent.pair)}",
        actual=shown(quantity, UP),
        would_pass=f"up to {shown(limit, DOWN)} {listed_as(case.intent.pair)}",
    )


def balance(case: Case) -> Finding | None:
    """Pay only with what is free, fee and slippage included; without a fact an exit goes by our own count."""
    quantity, free, price = case.quantity, case.free, case.price_worst
    if case.reduces:
        if case.intent.side is Side.BUY or quantity is None or free is None or quantity <= free:
            return None
        return deny(
            Code.BALANCE_INSUFFICIENT,
            f"{case.venue} says less {listed_as(case.intent.pair)} is free than that",
            limit=shown(free),
            actual=shown(quantity, UP),
            would_pass=f"up to {shown(greater(free, ZERO), DOWN)} {listed_as(case.intent.pair)}",
        )
    if case.risk is None:
        return None
    if quantity is None or free is None or price is None:
        return deny(
            Code.BALANCE_INSUFFICIENT,
            "cannot be checked: price or balance is not known",
            limit="a known balance",
            actual="unknown",
            would_pass="the same order once the venue has told the balance",
        )
    multiplier = ONE if case.instrument is None else case.instrument.multiplier
    cost = quantity * price * multiplier * (ONE + case.limits.fee_buffer)
    if cost <= free:
        return None
    most = greater(free, ZERO) / (ONE + case.limits.fee_buffer)
    return deny(
        Code.BALANCE_INSUFFICIENT,
        "not enough is free to pay for it with the fee",
        limit=shown(free),
        actual=shown(cost, UP),
        would_pass=f"up to {shown(most, DOWN)} before the fee",
    )

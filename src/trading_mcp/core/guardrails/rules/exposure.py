"""Rules about the whole: concentration, exposure, leverage, shorts, open orders, and an algorithm's capital."""

from typing import Final

from trading_mcp.core.domain.instruments import listed_as
from trading_mcp.core.domain.money import ZERO, greater
from trading_mcp.core.domain.orders import Side
from trading_mcp.core.domain.verdict import Code, Finding
from trading_mcp.core.guardrails.case import Case
from trading_mcp.core.guardrails.finding import DOWN, UP, deny, share, shown
from trading_mcp.core.guardrails.risk import Risk
from trading_mcp.core.guardrails.rules.size import unknown

# Looking a member up on its class costs ten times a global; these are read for every order.
_BUY: Final = Side.BUY


def flip(case: Case) -> Finding | None:
    """Deny what would pass through zero in its book, at its venue or in the account."""
    scopes, quantity = case.scopes, case.quantity
    if case.reduces or scopes is None or quantity is None or not scopes.flip(quantity):
        return None
    held = {
        position.book: position.quantity
        for position in case.book.portfolio.positions.values()
        if position.pair == case.intent.pair and position.venue == case.venue and position.quantity != ZERO
    }
    others = ", ".join(f"{book} holds {shown(amount)}" for book, amount in sorted(held.items()))
    most = greater(min(scopes.book, scopes.venue, scopes.account), ZERO)
    smaller = f"up to {shown(most, DOWN)}" if most > ZERO else "nothing more in this book"
    return deny(
        Code.REDUCE_WOULD_FLIP,
        f"that is more than {case.intent.book} can give up here: {others or 'nothing is held at this venue'}",
        limit=shown(most),
        actual=shown(quantity, UP),
        would_pass=f"{smaller}; {case.intent.pair} is closed in every book with the close command",
    )


def concentration(case: Case, risk: Risk) -> Finding | None:
    """Bound what one asset makes of the whole, across pairs, venues and working orders."""
    if case.asset in case.policy.account.stablecoins:
        return None
    limit_share = case.limits.position_share_max * case.policy.account.risk_multiplier
    equity, notional = risk.equity, risk.notional
    if equity is None or notional is None:
        return unknown(Code.POSITION_CONCENTRATION_MAX, case, risk, share(limit_share))
    limit = limit_share * equity
    after = risk.exposure_asset + notional
    if after <= limit:
        return None
    return deny(
        Code.POSITION_CONCENTRATION_MAX,
        f"too much of the whole would be {listed_as(case.intent.pair)}",
        limit=shown(limit),
        actual=shown(after, UP),
        would_pass=f"up to {shown(greater(limit - risk.exposure_asset, ZERO), DOWN)} more",
    )


def exposure(case: Case, risk: Risk) -> Finding | None:
    """Bound everything at risk together."""
    limit_share = case.policy.account.exposure_gross_max * case.policy.account.risk_multiplier
    equity, notional = risk.equity, risk.notional
    if equity is None or notional is None:
        return unknown(Code.EXPOSURE_GROSS_MAX, case, risk, share(limit_share))
    limit = limit_share * equity
    after = risk.exposure + notional
    if after <= limit:
        return None
    return deny(
        Code.EXPOSURE_GROSS_MAX,
        "too much would be at risk in all",
        limit=shown(limit),
        actual=shown(after, UP),
        would_pass=f"up to {shown(greater(limit - risk.exposure, ZERO), DOWN)} more",
    )


def leverage(case: Case, risk: Risk) -> Finding | None:
    """Bound what is at risk by what is owned."""
    most = case.policy.account.leverage_max * case.policy.account.risk_multiplier
    equity, notional = risk.equity, risk.notional
    if equity is None or notional is None:
        return unknown(Code.LEVERAGE_MAX, case, risk, f"{shown(most)} x")
    limit = most * equity
    after = risk.exposure + notional
    if after <= limit:
        return None
    return deny(
        Code.LEVERAGE_MAX,
        "that would be bought with borrowed money",
        limit=shown(limit),
        actual=shown(after, UP),
        would_pass=f"up to {shown(greater(limit - risk.exposure, ZERO), DOWN)} more",
    )


def short(case: Case, risk: Risk) -> Finding | None:
    """Sell only what is held, unless the owner allows shorts."""
    del risk
    if case.intent.side is _BUY or case.policy.account.short_allowed:
        return None
    scopes = case.scopes
    held = ZERO if scopes is None else greater(min(scopes.book, scopes.venue, scopes.account), ZERO)
    less = "no" if held == ZERO else "less"
    return deny(
        Code.SHORT_NOT_ALLOWED,
        f"{case.intent.book} holds {less} {case.intent.pair} to sell at {case.venue or 'any venue'}",
        limit=shown(held),
        actual=shown(case.quantity),
        would_pass="a sell of what the book holds; other books are closed with the close command",
    )


def orders_open(case: Case, risk: Risk) -> Finding | None:
    """Bound the orders that wait at once."""
    limit = case.policy.account.orders_open_max
    count = risk.orders_open
    if count + 1 <= limit:
        return None
    return deny(
        Code.ORDERS_OPEN_MAX,
        "too many orders are open",
        limit=str(limit),
        actual=str(count + 1),
        would_pass="the same order once one of them is filled or cancelled",
    )


def budget(case: Case, risk: Risk) -> Finding | None:
    """Keep an algorithm inside its own capital; one that is unknown or switched off has none."""
    name = case.algorithm
    if name is None:
        return None
    algorithm = risk.algorithm
    if algorithm is None or not algorithm.enabled:
        return deny(
            Code.ALGORITHM_BUDGET,
            f"{name} is {'not known here' if algorithm is None else 'disabled'}: it has no capital",
            limit="0",
            actual=shown(risk.notional),
            would_pass="orders that reduce its position",
        )
    if risk.notional is None or risk.equity is None:
        return unknown(Code.ALGORITHM_BUDGET, case, risk, shown(algorithm.capital))
    after = risk.budget_used + risk.notional
    if after <= algorithm.capital:
        return None
    return deny(
        Code.ALGORITHM_BUDGET,
        f"{name} would use more than its capital",
        limit=shown(algorithm.capital),
        actual=shown(after, UP),
        would_pass=f"up to {shown(greater(algorithm.capital - risk.budget_used, ZERO), DOWN)} more",
    )

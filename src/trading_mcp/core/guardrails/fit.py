"""Make an algorithm's wish as small as the limits ask, never larger, and never small enough to be pointless."""

from decimal import Decimal
from typing import Final

import msgspec

from trading_mcp.core.domain.instruments import listed_as
from trading_mcp.core.domain.money import ONE, ZERO, floor_to, greater, lesser
from trading_mcp.core.domain.orders import Fit, Side
from trading_mcp.core.domain.verdict import Code, Finding
from trading_mcp.core.guardrails.case import Case
from trading_mcp.core.guardrails.finding import DOWN, UP, deny, shown
from trading_mcp.core.guardrails.risk import Risk
from trading_mcp.core.guardrails.rules.validity import smallest_of

# Below a quarter of the wish it is another trade than the one that was wanted.
_LEAST: Final = 4


class Sized(msgspec.Struct, frozen=True, kw_only=True):
    """What a wish became, which limit made it so, and the objection where too little is left."""

    wanted: Decimal
    given: Decimal
    binding: Code
    objection: Finding | None


def fit(case: Case) -> Sized | None:
    """Return a smaller size, or None where the wish may stay or must not be touched."""
    risk, intent, wanted, price = case.risk, case.intent, case.quantity, case.price_worst
    if risk is None or case.algorithm is None or intent.fit is not Fit.SHRINK or not _may_shrink(case):
        return None
    instrument, rate, limit = case.instrument, case.rate, risk.order_limit
    if wanted is None or price is None or instrument is None or rate is None or limit is None or case.free is None:
        # What is not known is left to the rules to deny.
        return None
    unit = price * instrument.multiplier * rate
    room, binding = min(_rooms(case, risk, limit, case.free * rate), key=lambda pair: pair[0])
    given = wanted if wanted * unit <= room else _largest(room, unit, instrument.quantity_step)
    most = case.limits.order_quantity_max.get(listed_as(case.intent.pair))
    if most is not None and given > most * case.policy.account.risk_multiplier:
        given = floor_to(most * case.policy.account.risk_multiplier, instrument.quantity_step)
        binding = Code.ORDER_QUANTITY_MAX
    if given == wanted:
        return None
    least = greater(wanted / _LEAST, smallest_of(instrument, case.limit_price or price))
    return Sized(
        wanted=wanted,
        given=given,
        binding=binding,
        objection=None if given >= least else _too_little(given, least, binding),
    )


def _may_shrink(case: Case) -> bool:
    """Leave alone what sells without owning where shorts are denied, and what would pass through zero."""
    scopes, quantity = case.scopes, case.quantity
    flips = scopes is not None and quantity is not None and scopes.flip(quantity)
    return not flips and (case.intent.side is Side.BUY or case.policy.account.short_allowed)


def _largest(room: Decimal, unit: Decimal, step: Decimal) -> Decimal:
    """Return the largest quantity whose worth fits a room; a quotient that was rounded up is put right."""
    if room <= ZERO:
        return ZERO
    quantity = floor_to(room / unit, step)
    return quantity - step if quantity * unit > room else quantity


def _too_little(given: Decimal, least: Decimal, binding: Code) -> Finding:
    return deny(
        Code.LIMITS_INFEASIBLE,
        f"{binding} leaves less than a quarter of the size that was wanted, or less than the venue takes",
        limit=f"at least {shown(least, UP)}",
        actual=shown(given, DOWN),
        would_pass="a smaller wish, or the same one when the limit has room again",
    )


def _rooms(case: Case, risk: Risk, limit: Decimal, free: Decimal) -> list[tuple[Decimal, Code]]:
    """Return how much each limit on worth still allows, in the base currency."""
    algorithm, account = risk.algorithm, case.policy.account
    whole = (risk.equity or ZERO) * account.risk_multiplier
    rooms = [
        (limit, Code.ORDER_NOTIONAL_MAX),
        (account.exposure_gross_max * whole - risk.exposure, Code.EXPOSURE_GROSS_MAX),
        (account.leverage_max * whole - risk.exposure, Code.LEVERAGE_MAX),
        (free / (ONE + case.limits.fee_buffer), Code.BALANCE_INSUFFICIENT),
    ]
    if case.asset not in account.stablecoins:
        share = case.limits.position_share_max * whole
        rooms.append((share - risk.exposure_asset, Code.POSITION_CONCENTRATION_MAX))
    if algorithm is not None:
        rooms.append((algorithm.capital - risk.budget_used, Code.ALGORITHM_BUDGET))
        mandate = algorithm.mandate
        if mandate is not None:
            bound = lesser(mandate.order_notional_max, mandate.capital - risk.budget_used)
            rooms.append((bound, Code.APPROVAL_REQUIRED))
    return rooms

"""Make an algorithm's wish as small as the limits ask, never larger, and never small enough to be pointless."""

from decimal import Decimal
from typing import Final

import msgspec

from trading_mcp.core.domain.money import ONE, ZERO, floor_to
from trading_mcp.core.domain.orders import Fit, Side
from trading_mcp.core.domain.verdict import Code, Finding
from trading_mcp.core.guardrails.case import Case, Risk
from trading_mcp.core.guardrails.finding import deny, shown

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
    risk, intent, wanted = case.risk, case.intent, case.quantity
    if risk is None or intent.algorithm is None or intent.fit is not Fit.SHRINK or intent.side is Side.SELL:
        return None
    if wanted is None or risk.notional is None or case.instrument is None or not wanted > ZERO:
        return None
    unit = risk.notional / wanted
    rooms = _rooms(case, risk, unit)
    if not rooms:
        return None
    room, binding = min(rooms, key=lambda pair: pair[0])
    if risk.notional <= room:
        return None
    step = case.instrument.quantity_step
    given = floor_to(room / unit, step) if room > ZERO else ZERO
    if given * unit > room:
        given -= step
    objection = None
    if not (given * _LEAST >= wanted and given >= case.instrument.quantity_min):
        objection = deny(
            Code.LIMITS_INFEASIBLE,
            f"{binding} leaves less than a quarter of the size that was wanted, or less than the venue takes",
            limit=f"at least {shown(wanted / _LEAST)}",
            actual=shown(given),
            would_pass="a smaller wish, or the same one when the limit has room again",
        )
    return Sized(wanted=wanted, given=given, binding=binding, objection=objection)


def _rooms(case: Case, risk: Risk, unit: Decimal) -> list[tuple[Decimal, Code]]:
    """Return how much each size limit still allows, in the base currency; an unknown one is left to the rules."""
    equity, limit = risk.equity, risk.order_limit
    algorithm, account = risk.algorithm, case.policy.account
    if equity is None or limit is None or case.free is None or case.rate is None:
        return []
    multiplier = account.risk_multiplier
    rooms = [
        (limit, Code.ORDER_NOTIONAL_MAX),
        (account.exposure_gross_max * multiplier * equity - risk.exposure, Code.EXPOSURE_GROSS_MAX),
        (account.leverage_max * equity - risk.exposure, Code.LEVERAGE_MAX),
        (case.free / (ONE + case.limits.fee_buffer) * case.rate, Code.BALANCE_INSUFFICIENT),
    ]
    if case.asset not in case.policy.account.stablecoins:
        share = case.limits.position_share_max * multiplier
        rooms.append((share * equity - risk.exposure_asset, Code.POSITION_CONCENTRATION_MAX))
    quantity_max = case.limits.order_quantity_max.get(case.asset)
    if quantity_max is not None:
        rooms.append((quantity_max * multiplier * unit, Code.ORDER_QUANTITY_MAX))
    if algorithm is not None:
        rooms.append((algorithm.capital - risk.budget_used, Code.ALGORITHM_BUDGET))
        if algorithm.mandate is not None:
            rooms.append((algorithm.mandate.order_notional_max, Code.APPROVAL_REQUIRED))
    return rooms

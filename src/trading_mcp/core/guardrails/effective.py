"""What a limit amounts to at today's equity, and which key really binds."""

from collections.abc import Iterator
from decimal import ROUND_DOWN, Decimal
from typing import Final

import msgspec

from trading_mcp.core.domain.money import ONE, ZERO, plain
from trading_mcp.core.domain.policy import MarketLimits, Policy
from trading_mcp.core.guardrails.key import Key
from trading_mcp.core.guardrails.keys import BY_PATH, get
from trading_mcp.core.guardrails.spelling import text_of

_CENT: Final = Decimal("0.01")
_ORDER: Final = frozenset({"order_notional_max", "order_share_max", "order_share_floor"})
_EXPOSURE: Final = frozenset({"account.exposure_gross_max", "account.leverage_max"})
_ORDERS_DAY: Final = frozenset({"account.orders_day_algorithm_max", "account.orders_day_manual_max"})
_TOTALS: Final = {
    "account.unattended_actor_max": "account.unattended_total_max",
    "account.proposals_actor_max": "account.proposals_open_max",
}

Bound = tuple[str, Decimal]


class Effective(msgspec.Struct, frozen=True, kw_only=True):
    """A key, the limit that holds in its place, and the key that sets it."""

    key: str
    limit: str
    binds: str
    companion: str | None
    sentence: str


def effective(policy: Policy, path: str, equity: Decimal) -> Effective:
    """Tell what a known key comes to at an equity, and which key must change with it to matter."""
    key = BY_PATH[path]
    own = text_of(key, get(policy, key))
    bounds = sorted(_bounds(policy, key, equity), key=lambda bound: (bound[1], bound[0] != path))
    if not bounds:
        return Effective(key=path, limit=own, binds=path, companion=None, sentence=f"{path} is {own}.")
    binds, amount = bounds[0]
    limit = _spelled(amount)
    if binds == path:
        sentence = f"{path} of {own} binds: {limit} now."
        return Effective(key=path, limit=limit, binds=binds, companion=None, sentence=sentence)
    other = BY_PATH[binds]
    sentence = (
        f"{path} is {own}, but {binds} of {text_of(other, get(policy, other))} still binds"
        f"{_until(policy, key, other)}: {limit} now."
    )
    return Effective(key=path, limit=limit, binds=binds, companion=binds, sentence=sentence)


def _spelled(amount: Decimal) -> str:
    """Write what a limit comes to, to the cent below: what is said to pass must pass."""
    return plain(amount.quantize(_CENT, rounding=ROUND_DOWN) if amount >= ONE else amount)


def order_limit(limits: MarketLimits, equity: Decimal) -> Decimal:
    """Return the largest worth of one order: min(amount, max(share of equity, floor))."""
    return min(limits.order_notional_max, max(limits.order_share_max * equity, limits.order_share_floor))


def _bounds(policy: Policy, key: Key, equity: Decimal) -> Iterator[Bound]:
    """Yield every key that bounds the same thing as this one, with what it comes to."""
    account = policy.account
    if key.market is not None:
        yield from _market_bounds(policy, policy.limits(key.market), key, equity)
    elif key.path in _EXPOSURE:
        yield from _exposure(policy, equity)
    elif key.path in _ORDERS_DAY:
        for path in (key.path, "account.orders_day_account_max")[: 1 + account.account_counts]:
            yield path, _count(policy, path)
    elif key.path in _TOTALS:
        for path in (key.path, _TOTALS[key.path]):
            yield path, _count(policy, path)
    elif key.path == "account.loss_day_max":
        yield key.path, account.loss_day_max * equity


def _market_bounds(policy: Policy, limits: MarketLimits, key: Key, equity: Decimal) -> Iterator[Bound]:
    account = policy.account
    scale = account.risk_multiplier
    if key.field in _ORDER:
        share = limits.order_share_max * equity
        floor_binds = limits.order_share_floor > share
        yield f"{key.section}.order_notional_max", limits.order_notional_max * scale
        yield (
            f"{key.section}.{'order_share_floor' if floor_binds else 'order_share_max'}",
            max(share, limits.order_share_floor) * scale,
        )
    if key.field in _ORDER or key.field == "position_share_max":
        yield f"{key.section}.position_share_max", limits.position_share_max * equity * scale
        yield from _exposure(policy, equity)
    elif key.field == "ask_above":
        yield key.path, limits.ask_above
        if account.approval_always:
            yield "account.approval_always", ZERO
    elif key.field == "loss_day_max":
        yield key.path, limits.loss_day_max * equity
        yield "account.loss_day_max", account.loss_day_max * equity


def _exposure(policy: Policy, equity: Decimal) -> Iterator[Bound]:
    scaled = equity * policy.account.risk_multiplier
    yield "account.exposure_gross_max", policy.account.exposure_gross_max * scaled
    yield "account.leverage_max", policy.account.leverage_max * scaled


def _count(policy: Policy, path: str) -> Decimal:
    return Decimal(str(get(policy, BY_PATH[path])))


def _until(policy: Policy, key: Key, other: Key) -> str:
    """Say up to which equity a share of it stays below an amount of money."""
    if key.market is None or key.field != "order_notional_max" or other.field != "order_share_max":
        return ""
    limits = policy.limits(key.market)
    if limits.order_share_max == ZERO:
        return ""
    level = (limits.order_notional_max / limits.order_share_max).quantize(_CENT)
    return f" below an equity of {plain(level)}"

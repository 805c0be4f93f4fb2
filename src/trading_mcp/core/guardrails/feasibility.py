"""Whether a policy leaves any order possible, told before the first one is refused."""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from trading_mcp.core.domain.instruments import Instrument, listed_as
from trading_mcp.core.domain.market import Market
from trading_mcp.core.domain.money import ZERO, plain
from trading_mcp.core.domain.policy import MarketLimits, Policy
from trading_mcp.core.guardrails.effective import order_limit
from trading_mcp.core.guardrails.key import MARKET


def infeasible(policy: Policy, instruments: Iterable[Instrument], equity: Decimal) -> tuple[str, ...]:
    """Say in one sentence per market why no increasing order can pass there; empty if some can."""
    offered = tuple(instruments)
    reasons = (next(_reasons(policy, market, offered, equity), None) for market in Market)
    return tuple(reason for reason in reasons if reason is not None)


def _reasons(policy: Policy, market: Market, offered: tuple[Instrument, ...], equity: Decimal) -> Iterator[str]:
    limits, section = policy.limits(market), f"{MARKET}{market.value}"
    refused = f"Every order of {market.value} that increases would be refused, since"
    for path, is_shut in _shut(policy, limits, section):
        if is_shut:
            yield f"{refused} {path}."
    tradable = [one for one in offered if one.market is market and _is_approved(one, limits)]
    if not tradable:
        yield f"{refused} no venue in {section}.venues offers an approved pair."
    measured = [one for one in tradable if limits.order_quantity_max.get(listed_as(one.pair), ZERO) > ZERO]
    if tradable and not measured:
        yield f"{refused} {section}.order_quantity_max has no entry for any pair that is offered."
    largest = _largest(policy, limits, equity)
    least = min((one.notional_min for one in measured), default=ZERO)
    if largest < least:
        yield (
            f"{refused} the limits leave {plain(largest)} {policy.base_currency} for one order and no venue "
            f"takes less than {plain(least)}."
        )
    if limits.ask_above == ZERO and not policy.account.approval_always:
        waits = f"Every order of {market.value} that increases would wait for a person"
        yield f"{waits}, since {section}.ask_above is 0."


def _shut(policy: Policy, limits: MarketLimits, section: str) -> Iterator[tuple[str, bool]]:
    """Yield each single key that can close a market, and whether it does."""
    account = policy.account
    yield f"{section}.assets_approved names none", not limits.assets_approved
    yield f"{section}.quotes_approved names none", not limits.quotes_approved
    yield f"{section}.venues names none", not limits.venues
    yield f"{section}.order_notional_max is 0", limits.order_notional_max == ZERO
    yield f"{section}.position_share_max is 0%", limits.position_share_max == ZERO
    yield "account.exposure_gross_max is 0%", account.exposure_gross_max == ZERO
    yield "account.leverage_max is 0", account.leverage_max == ZERO
    yield "account.risk_multiplier is 0", account.risk_multiplier == ZERO
    yield "account.turnover_day_max is 0%", account.turnover_day_max == ZERO
    yield "account.orders_open_max is 0", account.orders_open_max == 0
    yield "account.rate_orders_max is 0", account.rate_orders_max == 0
    yield (
        "account.orders_day_account_max is 0",
        account.account_counts and account.orders_day_account_max == 0,
    )
    yield (
        "account.orders_day_algorithm_max and account.orders_day_manual_max are 0",
        account.orders_day_algorithm_max == 0 and account.orders_day_manual_max == 0,
    )


def _is_approved(one: Instrument, limits: MarketLimits) -> bool:
    return (
        one.venue in limits.venues
        and listed_as(one.pair) in limits.assets_approved
        and one.quote in limits.quotes_approved
        and one.pair not in limits.pairs_blocked
    )


def _largest(policy: Policy, limits: MarketLimits, equity: Decimal) -> Decimal:
    account = policy.account
    share = min(limits.position_share_max, account.exposure_gross_max, account.leverage_max)
    return min(order_limit(limits, equity), share * equity) * account.risk_multiplier

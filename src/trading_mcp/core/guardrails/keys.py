"""Every key of a policy, once, and the two functions that read and replace the value of a key."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, TypeAlias, cast

import msgspec

from trading_mcp.core.domain.market import Market
from trading_mcp.core.domain.policy import AccountLimits, MarketLimits, Policy, Schedule
from trading_mcp.core.guardrails.key import MARKET, Key
from trading_mcp.core.guardrails.keys_account import EXPOSURE, LOSS, PEOPLE, TEMPO, TOP
from trading_mcp.core.guardrails.keys_market import market_keys

Value: TypeAlias = Decimal | int | bool | str | frozenset[str] | tuple[str, ...] | dict[str, Decimal]
Values: TypeAlias = Mapping[str, Value]

KEYS: Final = (*TOP, *EXPOSURE, *TEMPO, *LOSS, *PEOPLE, *market_keys())
BY_PATH: Final = {key.path: key for key in KEYS}
SECTIONS: Final = ("", "schedule", "account", *(f"{MARKET}{market.value}" for market in Market))


def get(policy: Policy, key: Key) -> Value:
    """Return the value a policy gives to a key."""
    return cast("Value", getattr(_table(policy, key), key.field))


def built(values: Values) -> Policy:
    """Make an unsealed policy of a value for every key."""
    tables: dict[str, dict[str, Value]] = {section: {} for section in SECTIONS}
    for key in KEYS:
        tables[key.section][key.field] = values[key.path]
    return msgspec.convert(
        {
            **tables[""],
            "schedule": msgspec.convert(tables["schedule"], Schedule),
            "account": msgspec.convert(tables["account"], AccountLimits),
            **{market.value: msgspec.convert(tables[f"{MARKET}{market.value}"], MarketLimits) for market in Market},
        },
        Policy,
    )


def values_of(policy: Policy) -> dict[str, Value]:
    """Return the value of every key."""
    return {key.path: get(policy, key) for key in KEYS}


def _table(policy: Policy, key: Key) -> Policy | Schedule | AccountLimits | MarketLimits:
    if key.market is not None:
        return policy.limits(key.market)
    match key.section:
        case "":
            return policy
        case "schedule":
            return policy.schedule
        case _:
            return policy.account

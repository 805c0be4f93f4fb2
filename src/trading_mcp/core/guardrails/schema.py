"""A policy file read strictly into a sealed policy, and a policy written back as such a file."""

import difflib
import hashlib
import json
import tomllib
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from typing import Final, cast

import msgspec

from trading_mcp.core.domain.instruments import listed_as, quote_of
from trading_mcp.core.domain.market import Market, market_of
from trading_mcp.core.domain.money import AMOUNT_MAX, ONE
from trading_mcp.core.domain.policy import MarketLimits, Policy
from trading_mcp.core.guardrails.key import MARKET
from trading_mcp.core.guardrails.keys import BY_PATH, KEYS, SECTIONS, Value, Values, built, get, values_of
from trading_mcp.core.guardrails.spelling import Unreadable, read, shown, text_of, written_of
from trading_mcp.errors import PolicyInvalid

BACKTEST_ONLY: Final = "backtest-open"
TEXT_LENGTH_MAX: Final = 65_536
_QUANTITY_MAX: Final = AMOUNT_MAX - ONE


class BareNumber:
    """A number with a point, written without quotes: kept as text, so that its refusal can quote it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def parse_text(text: str, zones: Collection[str] | None = None) -> Policy:
    """Read the text of a policy file into a sealed policy, or say everything that is wrong with it."""
    if len(text) > TEXT_LENGTH_MAX:
        raise _invalid([f"The text is longer than {TEXT_LENGTH_MAX} characters."])
    try:
        table = tomllib.loads(text, parse_float=BareNumber)
    except (ValueError, RecursionError) as error:
        # Beside its own error tomllib lets through those of an absurdly long number and of absurd nesting.
        raise _invalid([f"The text is not TOML: {str(error)[:200]}."]) from None
    return parse(table, zones)


def parse(table: Mapping[str, object], zones: Collection[str] | None = None) -> Policy:
    """Read a parsed policy file into a sealed policy, or say everything that is wrong with it."""
    written: dict[str, object] = {}
    problems = list(_collect(table, "", written))
    values: dict[str, Value] = {}
    for path, found in written.items():
        try:
            values[path] = read(BY_PATH[path], found, zones)
        except Unreadable as problem:
            problems.append(f"{path} is {shown(found)}: {problem}.")
    problems += [
        f"{key.path} is missing: no limit has a default, so write it." for key in KEYS if key.path not in written
    ]
    if problems:
        raise _invalid(problems)
    policy = built(values)
    clashes = conflicts(policy)
    if clashes:
        raise _invalid(clashes)
    return seal(policy)


def conflicts(policy: Policy) -> list[str]:
    """Say which keys contradict each other: a collar that would refuse exits it must let pass."""
    return [
        f"{MARKET}{market.value}.collar is {_shown(policy, market, 'collar')}, below exit_slippage_max of "
        f"{_shown(policy, market, 'exit_slippage_max')}: exits would be refused."
        for market in Market
        if not _collar_lets_exits_pass(policy.limits(market))
    ]


def seal(policy: Policy) -> Policy:
    """Put the hash of all its limits into a policy; how they were spelled makes no difference."""
    written = {key.path: written_of(key, get(policy, key)) for key in KEYS}
    digest = hashlib.sha256(msgspec.json.encode(written, order="sorted")).hexdigest()
    return msgspec.structs.replace(policy, hash=digest)


def is_sealed(policy: Policy) -> bool:
    """Say whether the hash in a policy is that of its limits."""
    return seal(policy).hash == policy.hash


def sealed(values: Values) -> Policy:
    """Make a sealed policy of a value for every key."""
    return seal(built(values))


def opened_for(policy: Policy, pairs: Collection[str], market_slippage: Decimal, fee_buffer: Decimal) -> Policy:
    """Let the open policy trade a backtest's pairs at its costs; any other policy stays."""
    if policy.name != BACKTEST_ONLY:
        return policy
    values = values_of(policy)
    for market in Market:
        section = f"{MARKET}{market.value}"
        mine = [pair for pair in pairs if market_of(pair) is market]
        limits = policy.limits(market)
        values |= {
            f"{section}.assets_approved": limits.assets_approved.union(map(listed_as, mine)),
            f"{section}.quotes_approved": limits.quotes_approved.union(map(quote_of, mine)),
            f"{section}.order_quantity_max": dict.fromkeys(map(listed_as, mine), _QUANTITY_MAX)
            | limits.order_quantity_max,
            f"{section}.market_slippage": market_slippage,
            f"{section}.fee_buffer": fee_buffer,
        }
    return sealed(values)


def texts(policy: Policy) -> dict[str, str]:
    """Return every key with its value as a change of it would spell it."""
    return {path: text_of(BY_PATH[path], value) for path, value in values_of(policy).items()}


def render(policy: Policy) -> str:
    """Write a policy as the text of a policy file, without comments; `parse_text` reads it back."""
    lines: list[str] = []
    for section in SECTIONS:
        if section:
            lines += ["", f"[{section}]"]
        lines += [
            f"{key.field} = {_toml(written_of(key, get(policy, key)))}" for key in KEYS if key.section == section
        ]
    return "\n".join(lines) + "\n"


def nearest(path: str) -> str:
    """Return the known key that somebody who wrote this most likely meant, as the end of a sentence."""
    near = difflib.get_close_matches(path, BY_PATH, n=1)
    return f"did you mean {near[0]}?" if near else "leave it out."


def _collect(table: Mapping[str, object], section: str, into: dict[str, object]) -> Iterator[str]:
    """Sort what a file holds by key, and yield a sentence for whatever is no key."""
    for name, written in table.items():
        path = f"{section}.{name}" if section else name
        if "." in name:
            yield f"{shown(name)} is no key: write the table it belongs to in brackets, without quotes."
        elif path in BY_PATH:
            into[path] = written
        elif path not in SECTIONS and path != "market":
            yield f"{shown(path)[1:-1]} is no key of a policy: {nearest(path)}"
        elif isinstance(written, dict):
            yield from _collect(cast("dict[str, object]", written), path, into)
        else:
            yield f"{path} is {shown(written)}: write a table, [{path}], with its keys below it."


def _collar_lets_exits_pass(limits: MarketLimits) -> bool:
    return limits.collar >= limits.exit_slippage_max


def _shown(policy: Policy, market: Market, field: str) -> str:
    key = BY_PATH[f"{MARKET}{market.value}.{field}"]
    return text_of(key, get(policy, key))


def _toml(written: object) -> str:
    """Write a value of a policy file: what JSON writes is TOML too, except for tables."""
    if isinstance(written, dict):
        table = cast("dict[str, str]", written)
        return "{" + ", ".join(f"{json.dumps(name)} = {json.dumps(text)}" for name, text in table.items()) + "}"
    return json.dumps(written)


def _invalid(problems: list[str]) -> PolicyInvalid:
    return PolicyInvalid(" ".join(problems), "Correct the policy file; policies/README.md explains every key of it.")

"""Pairs added and removed: what that means for the limits of their market."""

from collections.abc import Iterator, Sequence
from typing import Final

from trading_mcp.core.domain.instruments import listed_as, normalise, quote_of
from trading_mcp.core.domain.market import Market, market_of
from trading_mcp.core.domain.policy import Delta, Policy
from trading_mcp.core.guardrails.direction import delta_of
from trading_mcp.core.guardrails.fields import is_pair
from trading_mcp.errors import UsageInvalid

PAIRS_MAX: Final = 50


def added(policy: Policy, pairs: Sequence[str]) -> tuple[Delta, ...]:
    """Return the changes that let these pairs be traded: their assets and quotes approved, and none blocked."""
    return tuple(_deltas(policy, _meant(pairs), is_added=True))


def removed(policy: Policy, pairs: Sequence[str]) -> tuple[Delta, ...]:
    """Return the changes that block these pairs, and no other pair of the same assets."""
    return tuple(_deltas(policy, _meant(pairs), is_added=False))


def _meant(pairs: Sequence[str]) -> list[str]:
    meant = [normalise(pair) for pair in pairs]
    wrong = next((pair for pair in meant if not is_pair(pair)), None)
    if not meant or len(meant) > PAIRS_MAX or wrong is not None:
        raise UsageInvalid(
            f"{wrong[:40]!r} is no pair." if wrong else f"That is not 1 to {PAIRS_MAX} pairs.",
            "Write pairs such as BTC-USDT or AAPL.",
        )
    return meant


def _deltas(policy: Policy, pairs: Sequence[str], *, is_added: bool) -> Iterator[Delta]:
    for market in Market:
        here = {pair for pair in pairs if market_of(pair) is market}
        limits = policy.limits(market)
        if not here:
            continue
        if not is_added:
            yield from _delta(policy, market, "pairs_blocked", limits.pairs_blocked, limits.pairs_blocked | here)
            continue
        assets = limits.assets_approved | {listed_as(pair) for pair in here}
        yield from _delta(policy, market, "assets_approved", limits.assets_approved, assets)
        if market is Market.CRYPTO:
            quotes = limits.quotes_approved | {quote_of(pair) for pair in here}
            yield from _delta(policy, market, "quotes_approved", limits.quotes_approved, quotes)
        yield from _delta(policy, market, "pairs_blocked", limits.pairs_blocked, limits.pairs_blocked - here)


def _delta(
    policy: Policy, market: Market, key: str, before: frozenset[str], after: frozenset[str]
) -> Iterator[Delta]:
    if before == after:
        return
    made = delta_of(policy, f"market.{market}.{key}", ", ".join(sorted(after)) or "none")
    assert isinstance(made, Delta), "a pair's parts are spelled as a policy spells them"  # noqa: S101 - us being wrong
    yield made

"""The text of policies/README.md, made from the key table so that it cannot go stale."""

from collections.abc import Mapping
from typing import Final

from trading_mcp.core.domain.market import Market
from trading_mcp.core.domain.policy import Policy
from trading_mcp.core.guardrails.key import Direction, Key, Kind
from trading_mcp.core.guardrails.keys import KEYS, get
from trading_mcp.core.guardrails.spelling import text_of

_HEAD: Final = """\
<!-- Generated from the key table: python tests/regenerate.py -->
# Policies

The limits of a desk, one file per kind of home: `simulated.toml`, `paper.toml`, and `live.toml`,
which DRY rehearses. `backtest-open.toml` holds every limit at its loosest, so that a backtest can
show a strategy alone; it is refused everywhere else. The files are packed into the wheel, and read
from here in a checkout.

A file is how a person proposes the *first* policy of a home. From then on the policy in force
stands in the journal, and an edit of the file does nothing but get reported.

**Nothing is guessed.** Every key must be written, an unknown one is refused, and so is a value in
another unit:

| kind | written as |
|---|---|
| share | `"2%"`, of equity unless the key says otherwise |
| money, factor | `"500"`, `"0.6"`: plain digits in quotes |
| span | `"60s"`, `"10min"`, `"24h"`, `"7d"` |
| count | `20` |
| switch | `true`, `false` |
| set, list | `["BTC", "ETH"]` |
| quantity per asset | a table: `BTC = "1"` |

**Tighter** says which way a key may go at once, whoever asks. The other way needs a person's
signature. A key that goes *neither way*, and one that binds exits, needs the signature in both
directions: tightening it could trap a position. In a change, entries stand with commas between them
(`BTC, ETH`; `BTC=1, ETH=20`), and `none` is the empty set.
"""

_TITLES: Final = {
    "": "The policy",
    "schedule": "[schedule]",
    "account": "[account]: above the markets",
    "market": "[market.crypto] and [market.stocks]: complete for each market",
}
_LISTED: Final = frozenset({Kind.ASSETS, Kind.AMOUNTS})


def handbook(policies: Mapping[str, Policy]) -> str:
    """Explain every key once, with what each shipped policy says of it."""
    blocks = [_HEAD]
    for section, title in _TITLES.items():
        blocks.append(f"## {title}\n")
        blocks += [
            _entry(key, policies)
            for key in KEYS
            if key.section == section or (section == "market" and key.market is Market.CRYPTO)
        ]
    return "\n".join(blocks)


def _entry(key: Key, policies: Mapping[str, Policy]) -> str:
    lines = [f"### `{key.field}`\n", f"{key.doc}\n", f"- why: {key.why}", f"- tighter: {_tighter(key)}"]
    if key.ceiling:
        lines.append(f"- from {key.floor} to {key.ceiling}")
    if key.kind not in _LISTED:
        lines.append(f"- {_values(key, policies)}")
    return "\n".join(lines) + "\n"


def _tighter(key: Key) -> str:
    way = key.direction.value
    if key.direction is Direction.NONE:
        return f"{way}; every change is signed"
    return f"{way}, but it binds exits: every change is signed" if key.binds_exits else way


def _values(key: Key, policies: Mapping[str, Policy]) -> str:
    """Write what each policy says, once where all say the same."""
    found = {name: _value(key, policy) for name, policy in policies.items()}
    if len(set(found.values())) == 1:
        return f"everywhere: {next(iter(found.values()))}"
    return "; ".join(f"{name}: {text}" for name, text in found.items())


def _value(key: Key, policy: Policy) -> str:
    if key.market is None:
        return text_of(key, get(policy, key))
    both = {market: text_of(key, getattr(policy.limits(market), key.field)) for market in Market}
    if len(set(both.values())) == 1:
        return both[key.market]
    return ", ".join(f"{market.value} {text}" for market, text in both.items())

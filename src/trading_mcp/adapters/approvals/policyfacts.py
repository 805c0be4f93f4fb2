"""What a change of the limits really changes: the limit in effect now and after, who sets it, and what it was."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

import msgspec

from trading_mcp.adapters.approvals.shown import Row, row
from trading_mcp.core.domain.money import plain
from trading_mcp.core.domain.policy import Delta, Policy
from trading_mcp.core.guardrails.direction import apply, turn_of
from trading_mcp.core.guardrails.effective import effective
from trading_mcp.core.guardrails.key import Key, Kind
from trading_mcp.core.guardrails.keys import BY_PATH, get
from trading_mcp.core.guardrails.spelling import NOTHING, text_of

_LISTS = frozenset({Kind.ASSETS, Kind.CURRENCIES, Kind.PAIRS, Kind.VENUES, Kind.AMOUNTS})


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """The limits that were in force a day and a week ago; None where the home is younger."""

    day_ago: Policy | None = None
    week_ago: Policy | None = None


def policy_facts(
    deltas: Sequence[Delta], policy: Policy, equity: Decimal | None, past: Past
) -> tuple[list[Row], list[str]]:
    """Return the rows of all changes together, and why they would come to nothing if they would."""
    after = apply(policy, deltas)
    if not isinstance(after, Policy):
        rows = [
            one
            for delta in deltas
            for one in (row("limit", delta.key), row("from, to", f"{delta.before} -> {delta.after}"))
        ]
        return rows, ["The limits are not what they were when this was proposed: a signature would end it."]
    rows = [one for delta in deltas for one in _changed(BY_PATH[delta.key], policy, after, equity, past)]
    return rows, []


def _changed(key: Key, before: Policy, after: Policy, equity: Decimal | None, past: Past) -> Iterator[Row]:
    old, new = text_of(key, get(before, key)), text_of(key, get(after, key))
    yield row("limit", key.path)
    yield row("from, to", f"{old} -> {new} ({turn_of(key, get(before, key), get(after, key))})")
    yield from _listed(old, new) if key.kind in _LISTS else _in_effect(key, before, after, equity)
    for label, policy in (("a day ago", past.day_ago), ("a week ago", past.week_ago)):
        yield row(label, "not known" if policy is None else text_of(key, get(policy, key)))


def _listed(old: str, new: str) -> Iterator[Row]:
    """Name what comes and what goes: nobody compares two long lists by eye."""
    had, has = ({entry for entry in text.split(", ") if entry != NOTHING} for text in (old, new))
    for label, entries in (("adds", has - had), ("removes", had - has)):
        if entries:
            yield row(label, ", ".join(sorted(entries)))


def _in_effect(key: Key, before: Policy, after: Policy, equity: Decimal | None) -> Iterator[Row]:
    if equity is None:
        yield row("in effect", "not known: the equity is not known now")
        return
    now, then = effective(before, key.path, equity), effective(after, key.path, equity)
    yield row("in effect", f"{now.limit} -> {then.limit} at an equity of {plain(equity)}")
    yield row("set by", now.binds if now.binds == then.binds else f"{now.binds} -> {then.binds}")
    if then.companion is not None and then.limit == now.limit:
        yield row("still binding", f"{then.companion}: alone this changes nothing now")

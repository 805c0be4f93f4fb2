"""Which way a change of a policy goes, what it would really change, and the policy after it."""

from collections.abc import Collection, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

import msgspec

from trading_mcp.core.domain.policy import Delta, Policy
from trading_mcp.core.guardrails.key import Direction, Key
from trading_mcp.core.guardrails.keys import BY_PATH, KEYS, Value, get, values_of
from trading_mcp.core.guardrails.schema import conflicts, nearest, sealed
from trading_mcp.core.guardrails.spelling import Unreadable, read, read_text, shown, text_of


class Turn(StrEnum):
    """Which way one key goes; NEITHER is a key without a direction and needs a signature like LOOSER."""

    SAME = "same"
    TIGHTER = "tighter"
    LOOSER = "looser"
    NEITHER = "neither"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One key that differs between two policies; `at_once` says that no signature is needed."""

    key: str
    before: str
    after: str
    turn: Turn
    at_once: bool

    @property
    def delta(self) -> Delta:
        """The change as it is proposed."""
        return Delta(key=self.key, before=self.before, after=self.after)


class DeltaInvalid(msgspec.Struct, frozen=True, kw_only=True):
    """A change that means nothing: no such key, no such value, or nothing would change."""

    key: str
    reason: str


class DeltaMismatch(msgspec.Struct, frozen=True, kw_only=True):
    """A change that was made against another value than the one in force."""

    key: str
    expected: str
    actual: str


Refused: TypeAlias = DeltaInvalid | DeltaMismatch


def turn_of(key: Key, before: Value, after: Value) -> Turn:
    """Say which way a key goes; what is neither as tight nor plainly tighter is looser."""
    if not _as_tight(key.direction, after, before):
        return Turn.NEITHER if key.direction is Direction.NONE else Turn.LOOSER
    return Turn.SAME if _as_tight(key.direction, before, after) else Turn.TIGHTER


def compare(before: Policy, after: Policy) -> tuple[Change, ...]:
    """Return every key that differs, in the order of the key table."""
    return tuple(
        Change(
            key=key.path,
            before=text_of(key, get(before, key)),
            after=text_of(key, get(after, key)),
            turn=turn,
            at_once=_at_once(key, turn),
        )
        for key in KEYS
        if (turn := turn_of(key, get(before, key), get(after, key))) is not Turn.SAME
    )


def is_tightening(delta: Delta) -> bool:
    """Say whether a change applies at once, whoever asks: it tightens, and its key binds no exit."""
    key = BY_PATH.get(delta.key)
    if key is None:
        return False
    try:
        turn = turn_of(key, read_text(key, delta.before), read_text(key, delta.after))
    except Unreadable:
        return False
    return _at_once(key, turn)


def delta_of(
    policy: Policy, path: str, written: object, zones: Collection[str] | None = None
) -> Delta | DeltaInvalid:
    """Make a change of what a caller wants a key to be, spelled as in a policy file or as in a change."""
    key = BY_PATH.get(path)
    if key is None:
        return DeltaInvalid(key=path, reason=f"{shown(path)[1:-1]} is no key of a policy: {nearest(path)}")
    try:
        after = read_text(key, written, zones) if isinstance(written, str) else read(key, written, zones)
    except Unreadable as problem:
        return DeltaInvalid(key=path, reason=f"{path} is {shown(written)}: {problem}.")
    before, wanted = text_of(key, get(policy, key)), text_of(key, after)
    if before == wanted:
        return DeltaInvalid(key=path, reason=f"{path} is {before} already.")
    return Delta(key=path, before=before, after=wanted)


def apply(
    policy: Policy, deltas: Sequence[Delta], zones: Collection[str] | None = None
) -> Policy | DeltaInvalid | DeltaMismatch:
    """Return the sealed policy after all changes together, or why none of them may be made."""
    if not deltas:
        return DeltaInvalid(key="", reason="No key is changed.")
    values = values_of(policy)
    seen: set[str] = set()
    for delta in deltas:
        made = delta_of(policy, delta.key, delta.after, zones)
        if isinstance(made, DeltaInvalid):
            return made
        if made.before != delta.before:
            return DeltaMismatch(key=delta.key, expected=delta.before, actual=made.before)
        if delta.key in seen:
            return DeltaInvalid(key=delta.key, reason=f"{delta.key} is changed twice.")
        seen.add(delta.key)
        values[delta.key] = read_text(BY_PATH[delta.key], delta.after, zones)
    changed = sealed(values)
    clashes = conflicts(changed)
    return DeltaInvalid(key=deltas[-1].key, reason=" ".join(clashes)) if clashes else changed


def reversed_of(delta: Delta) -> Delta:
    """Return the change that undoes a change."""
    return Delta(key=delta.key, before=delta.after, after=delta.before)


def tighter_of(present: Policy, other: Policy) -> Policy:
    """Return the present policy with each key the tighter of two; one without a direction stays."""
    return sealed({key.path: _tighter(key, get(present, key), get(other, key)) for key in KEYS})


def _at_once(key: Key, turn: Turn) -> bool:
    # A tighter collar or buffer could trap a position, so a person decides about such keys both ways.
    return turn is Turn.TIGHTER and not key.binds_exits


def _as_tight(direction: Direction, value: Value, than: Value) -> bool:
    """Say whether a value lets nothing pass that the other would stop."""
    match direction, value, than:
        case Direction.LOWER, dict(), dict():
            return all(asset in than and amount <= than[asset] for asset, amount in value.items())
        case Direction.LOWER, Decimal() | int(), Decimal() | int():
            return value <= than
        case Direction.HIGHER, Decimal() | int(), Decimal() | int():
            return value >= than
        case Direction.SUBSET, frozenset(), frozenset():
            return value <= than
        case Direction.SUPERSET, frozenset(), frozenset():
            return value >= than
        case Direction.SWITCH_ON, bool(), bool():
            return value >= than
        case Direction.SWITCH_OFF, bool(), bool():
            return value <= than
        case _:
            return value == than


def _tighter(key: Key, present: Value, other: Value) -> Value:
    match key.direction, present, other:
        case Direction.SUBSET, frozenset(), frozenset():
            return present & other
        case Direction.SUPERSET, frozenset(), frozenset():
            return present | other
        case Direction.LOWER, dict(), dict():
            return {asset: min(amount, other[asset]) for asset, amount in present.items() if asset in other}
        case _:
            return other if _as_tight(key.direction, other, present) else present

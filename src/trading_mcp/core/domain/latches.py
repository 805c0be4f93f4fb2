"""Latches and the trading state: the worst latch that covers an order is the state it meets."""

from enum import IntEnum, StrEnum
from typing import assert_never

import msgspec

from trading_mcp.core.domain.market import Market
from trading_mcp.core.domain.verdict import Code


class TradingState(IntEnum):
    """How much still works, from everything to cancels only; a higher number is stricter."""

    ACTIVE = 0
    REDUCING = 1
    HALTED = 2
    FROZEN = 3


class ScopeKind(StrEnum):
    """What a latch or a measure covers."""

    ACCOUNT = "account"
    MARKET = "market"
    VENUE = "venue"
    ALGORITHM = "algorithm"


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """The orders a latch covers: all, those of a market, of a venue, or of an algorithm."""

    kind: ScopeKind
    name: str = ""

    @property
    def key(self) -> str:
        """Return the scope as one word, the key of every table that is kept per scope."""
        return f"{self.kind}/{self.name}" if self.name else str(self.kind)


ACCOUNT = Scope(kind=ScopeKind.ACCOUNT)


class Latch(msgspec.Struct, frozen=True, kw_only=True):
    """A state that holds in a scope until a person signs it away."""

    scope: Scope
    state: TradingState
    code: Code
    reason: str
    at: int

    @property
    def key(self) -> str:
        """Return the name under which the latch is kept: one per scope and reason."""
        return f"{self.scope.key}:{self.code}"


def state_of(
    latches: dict[str, Latch], *, market: Market, venue: str | None, algorithm: str | None
) -> tuple[TradingState, Latch | None]:
    """Return the strictest state that covers an order, and the latch that says so."""
    worst: Latch | None = None
    for latch in latches.values():
        scope = latch.scope
        match scope.kind:
            case ScopeKind.ACCOUNT:
                covers = True
            case ScopeKind.MARKET:
                covers = scope.name == market
            case ScopeKind.VENUE:
                covers = scope.name == venue
            case ScopeKind.ALGORITHM:
                covers = scope.name == algorithm
            case _:
                assert_never(scope.kind)
        if covers and (worst is None or (latch.state, latch.key) > (worst.state, worst.key)):
            # Of two as strict the name decides, not the order in which they came or were read back.
            worst = latch
    return (TradingState.ACTIVE, None) if worst is None else (worst.state, worst)

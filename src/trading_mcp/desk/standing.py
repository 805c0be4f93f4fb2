"""Why nothing moves, and what the owner can do about it: what every answer says while trading is restricted."""

from __future__ import annotations

from typing import Final

from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.latches import ACCOUNT, Latch, TradingState

REASON_MAX: Final = 200
_STEPS: Final = {
    TradingState.REDUCING: "Positions may shrink and orders be cancelled.",
    TradingState.HALTED: "The owner closes what is held: trading-mcp close --all.",
    TradingState.FROZEN: "Only cancels work. The owner looks first: trading-mcp doctor.",
}


def cause(book: Book) -> str:
    """Return why the account is not ACTIVE, in the words of whoever stopped it; nothing while it is."""
    latch = _worst(book)
    if latch is None or book.account_state is TradingState.ACTIVE:
        return ""
    return f"{latch.code} ({latch.reason[:REASON_MAX]})."


def way_out(book: Book) -> str:
    """Return what the owner can do where anything is latched; nothing an assistant does releases it."""
    latch = _worst(book)
    if latch is None:
        return ""
    scope = "" if latch.scope == ACCOUNT else f" --scope {latch.scope.key}"
    return f"{_STEPS[latch.state]} Only the owner's signature releases it: trading-mcp resume{scope}"


def _worst(book: Book) -> Latch | None:
    """Return the strictest latch, of the account before any other."""
    found = [latch for latch in book.latches.values() if latch.state is not TradingState.ACTIVE]
    return max(found, key=lambda latch: (latch.scope == ACCOUNT, latch.state), default=None)

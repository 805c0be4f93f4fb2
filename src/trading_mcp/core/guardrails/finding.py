"""How a rule words its objection: what limit, what value, what would pass."""

from decimal import Decimal

from trading_mcp.core.domain.market import DAY, HOUR, MINUTE, SECOND
from trading_mcp.core.domain.money import ZERO, plain
from trading_mcp.core.domain.verdict import Code, Finding, Outcome


def deny(code: Code, reason: str, limit: str = "", actual: str = "", would_pass: str = "") -> Finding:
    """Object, so that nothing is sent."""
    return Finding(code=code, outcome=Outcome.DENY, reason=reason, limit=limit, actual=actual, would_pass=would_pass)


def ask(code: Code, reason: str, limit: str = "", actual: str = "", would_pass: str = "") -> Finding:
    """Object, so that a person decides."""
    return Finding(code=code, outcome=Outcome.ASK, reason=reason, limit=limit, actual=actual, would_pass=would_pass)


def shown(value: Decimal | None) -> str:
    """Write an amount for people with at most eight digits that matter; nothing is compared after this."""
    if value is None:
        return "unknown"
    if value == ZERO:
        return "0"
    places = max(0, 7 - value.adjusted())
    return plain(round(value, min(places, 18)))


def share(value: Decimal | None) -> str:
    """Write a share as people say it."""
    return "unknown" if value is None else f"{shown(value * 100)} %"


def span(microseconds: int) -> str:
    """Write a span in the unit in which it reads best."""
    for size, unit in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if microseconds >= size and microseconds % size == 0:
            return f"{microseconds // size} {unit}"
    tenths = microseconds * 10 // SECOND
    return f"{tenths // 10} s" if tenths % 10 == 0 else f"{tenths // 10}.{tenths % 10} s"

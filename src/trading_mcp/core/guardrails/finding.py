"""How a rule words its objection: what limit, what value, what would pass."""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Final

from trading_mcp.core.domain.market import DAY, HOUR, MINUTE, SECOND
from trading_mcp.core.domain.money import ZERO, plain
from trading_mcp.core.domain.verdict import Code, Finding, Outcome

# A bound is written rounded to the side that passes, a value beyond it to the side that does not.
UP: Final = ROUND_CEILING
DOWN: Final = ROUND_FLOOR
_DIGITS_MAX: Final = 30
_UNITS: Final = (("d", DAY), ("h", HOUR), ("min", MINUTE), ("s", SECOND))


def deny(code: Code, reason: str, limit: str = "", actual: str = "", would_pass: str = "") -> Finding:
    """Object, so that nothing is sent."""
    return Finding(code=code, outcome=Outcome.DENY, reason=reason, limit=limit, actual=actual, would_pass=would_pass)


def ask(code: Code, reason: str, limit: str = "", actual: str = "", would_pass: str = "") -> Finding:
    """Object, so that a person decides."""
    return Finding(code=code, outcome=Outcome.ASK, reason=reason, limit=limit, actual=actual, would_pass=would_pass)


def shown(value: Decimal | None, way: str = ROUND_HALF_EVEN) -> str:
    """Write an amount for people with at most eight digits that matter; nothing is compared after this."""
    if value is None:
        return "unknown"
    if value == ZERO:
        return "0"
    size = value.adjusted()
    if size > _DIGITS_MAX:
        return plain(value)
    places = min(max(0, 7 - size), 18)
    return plain(value.quantize(Decimal(1).scaleb(-places), rounding=way))


def share(value: Decimal, way: str = ROUND_HALF_EVEN) -> str:
    """Write a share as people say it."""
    return f"{shown(value * 100, way)} %"


def span(microseconds: int, way: str = DOWN) -> str:
    """Write a span in the unit in which it reads best, to a tenth of a second: what a limit is compared with."""
    for size, unit in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if microseconds >= size and microseconds % size == 0:
            return f"{microseconds // size} {unit}"
    tenths = -(-microseconds * 10 // SECOND) if way == UP else microseconds * 10 // SECOND
    return f"{tenths // 10} s" if tenths % 10 == 0 else f"{tenths // 10}.{tenths % 10} s"


def span_text(microseconds: int) -> str:
    """Write a span in its two largest units, 3 d 4 h: how long something has lasted or still does."""
    left, parts = max(0, microseconds), list[str]()
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
        if len(parts) == 2 or (parts and not count):  # noqa: PLR2004 - two units say enough
            break
    return " ".join(parts) or "0 s"

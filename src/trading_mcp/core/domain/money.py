"""Exact amounts: Decimal under one private context, read from strict text and rounded in a stated direction."""

import decimal
import re
from decimal import Decimal
from types import TracebackType
from typing import Final

ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)

# Mixing in a float, dividing by zero or comparing a NaN raises instead of giving a number that looks right.
MONEY: Final = decimal.Context(
    prec=34,
    rounding=decimal.ROUND_HALF_EVEN,
    Emin=-999,
    Emax=999,
    capitals=1,
    clamp=0,
    flags=[],
    traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow, decimal.FloatOperation],
)

# Fifteen digits before the point and eighteen after: every product of two of them still rounds, never overflows.
AMOUNT_MAX: Final = Decimal(10) ** 15
AMOUNT_STEP: Final = Decimal("1E-18")
_AMOUNT: Final = re.compile(r"[0-9]{1,15}(\.[0-9]{1,18})?", re.ASCII)


class AmountInvalid(ValueError):
    """Text that is not a plain decimal amount."""


class exactly:  # noqa: N801 - reads as a sentence: `with exactly():`
    """Run a block under the money context; one per command or run, never one per operation."""

    __slots__ = ("_before",)

    def __enter__(self) -> None:
        self._before = decimal.getcontext()
        decimal.setcontext(MONEY)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        decimal.setcontext(self._before)


def is_exact() -> bool:
    """Say whether the calling code runs under the money context."""
    return decimal.getcontext() is MONEY


def amount(text: str) -> Decimal:
    """Read a non-negative amount written as plain ASCII digits, the only spelling accepted from outside."""
    if not isinstance(text, str) or _AMOUNT.fullmatch(text) is None:  # pyright: ignore[reportUnnecessaryIsInstance]
        shown = repr(text)[:40]
        raise AmountInvalid(
            f'{shown} is not an amount: write plain digits such as "0.25", at most 15 before the point and 18 after'
        )
    return Decimal(text)


def is_amount(value: Decimal | None) -> bool:
    """Say whether a value from inside is a finite, positive number of a size we can calculate with exactly."""
    if not isinstance(value, Decimal) or not value.is_finite() or not AMOUNT_STEP <= value < AMOUNT_MAX:
        return False
    # More digits than the context carries, or a part below the smallest step, and it would be rounded unseen.
    return +value == value and value % AMOUNT_STEP == ZERO


def is_price(value: Decimal) -> bool:
    """Say whether a figure from a market can be a price, and be calculated with."""
    return value.is_finite() and AMOUNT_STEP <= value < AMOUNT_MAX


def is_change(value: Decimal) -> bool:
    """Say whether a value from inside is a finite number of either sign of a size we can calculate with."""
    return value.is_finite() and -AMOUNT_MAX < value < AMOUNT_MAX


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """Round a non-negative value down to a multiple of the step."""
    return value // step * step


def ceil_to(value: Decimal, step: Decimal) -> Decimal:
    """Round a non-negative value up to a multiple of the step."""
    down = value // step * step
    return down if down == value else down + step


def lesser(first: Decimal, second: Decimal) -> Decimal:
    """Return the smaller of two amounts."""
    return min(first, second)


def greater(first: Decimal, second: Decimal) -> Decimal:
    """Return the larger of two amounts."""
    return max(first, second)


def plain(value: Decimal) -> str:
    """Write an amount for people: no exponent, no trailing zeros."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text

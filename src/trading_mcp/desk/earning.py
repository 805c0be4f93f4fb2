"""What was earned, fill by fill and day by day, as the views have it; and how steadily."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from math import prod
from typing import Final, NamedTuple, Protocol

from trading_mcp.core.domain.money import ONE, ZERO

# Fewer daily returns than these say nothing; a market of coins trades on every day of a year.
RETURNS_MIN: Final = 20
DAYS_A_YEAR: Final = Decimal(365)
ROWS_MAX: Final = 5_000


class Closed(NamedTuple):
    """One fill and the profit it realised, in the quote currency of its pair."""

    seq: int
    at: int
    pair: str
    venue: str
    book: str
    order_id: str
    fee: Decimal
    fee_asset: str
    realised: Decimal


class Flow(NamedTuple):
    """Money that came or went, and what the account was worth just before."""

    before: Decimal
    amount: Decimal


class DayEnd(NamedTuple):
    """The last value of the account on a day, and what came and went since the one before."""

    value: Decimal
    flows: tuple[Flow, ...] = ()


class Earned(NamedTuple):
    """Fills, newest first, how each day ended, and up to which entry both are told."""

    fills: tuple[Closed, ...]
    values: tuple[DayEnd, ...]
    as_of: int


class Earnings(Protocol):
    """Told by whoever keeps the views."""

    async def __call__(self, first: int) -> Earned:
        """Return what was earned since an entry, as far as it is shown."""
        ...


async def nothing(first: int) -> Earned:
    """Return nothing, where no views are kept."""
    del first
    return Earned((), (), 0)


class Steadiness(NamedTuple):
    """Ratios of a year, as text; empty where there are too few days, and then the note says so."""

    sharpe: str
    sortino: str
    note: str


def steadiness(values: Sequence[DayEnd]) -> Steadiness:
    """Return how much was earned for how much ups and downs, by daily returns."""
    returns = _daily(values)
    if len(returns) < RETURNS_MIN:
        note = f"{len(returns)} daily returns so far; Sharpe and Sortino take {RETURNS_MIN}."
        return Steadiness("", "", note)
    mean = sum(returns, start=ZERO) / len(returns)
    spread = _root(sum(((each - mean) ** 2 for each in returns), start=ZERO) / (len(returns) - 1))
    below = _root(sum((min(each, ZERO) ** 2 for each in returns), start=ZERO) / len(returns))
    note = f"By {len(returns)} daily returns, a year has {DAYS_A_YEAR} days; money paid in or out is none."
    return Steadiness(_ratio(mean, spread), _ratio(mean, below), note)


def _daily(values: Sequence[DayEnd]) -> list[Decimal]:
    """Return what each day grew by, from one flow to the next, so that none of them is taken for growth."""
    returns: list[Decimal] = []
    for then, now in pairwise(values):
        starts = [then.value, *(flow.before + flow.amount for flow in now.flows)]
        ends = [*(flow.before for flow in now.flows), now.value]
        if min(starts) > ZERO:
            growth = prod((end / start for start, end in zip(starts, ends, strict=True)), start=ONE)
            returns.append(growth - ONE)
    return returns


def _root(value: Decimal) -> Decimal:
    return (value * DAYS_A_YEAR).sqrt()


def _ratio(mean: Decimal, of: Decimal) -> str:
    return f"{mean * DAYS_A_YEAR / of:.2f}" if of > ZERO else ""

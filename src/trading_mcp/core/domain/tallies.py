"""Counts of cleared increasing orders, kept per book and, where money is real, for the account as well."""

from bisect import bisect_right
from decimal import Decimal
from typing import Final

import msgspec

from trading_mcp.core.domain.market import DAY, HOUR, SECOND
from trading_mcp.core.domain.money import ZERO
from trading_mcp.core.domain.orders import Side

ACCOUNT_TALLY: Final = "account"
# The longest windows a policy may ask for; what is older can never be counted again.
RATE_WINDOW_LONGEST: Final = HOUR
DUPLICATE_WINDOW_LONGEST: Final = 10 * 60 * SECOND
COOLDOWN_LONGEST: Final = 7 * DAY


class Content(msgspec.Struct, frozen=True):
    """What makes two orders the same order under another id."""

    pair: str
    side: Side
    quantity: Decimal
    price: Decimal | None


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """The counts of one book: sliding windows as times, the day as a number."""

    day: str = ""
    orders_day: int = 0
    turnover_day: Decimal = ZERO
    cleared_at: tuple[int, ...] = ()
    pair_at: dict[str, int] = {}
    recent: tuple[tuple[int, Content], ...] = ()

    def orders_on(self, day: str) -> int:
        """Return the orders cleared on a day; another day than the tally's has none."""
        return self.orders_day if day == self.day else 0

    def turnover_on(self, day: str) -> Decimal:
        """Return the notional cleared on a day."""
        return self.turnover_day if day == self.day else ZERO

    def cleared_since(self, since: int) -> int:
        """Count the orders cleared after a moment."""
        return len(self.cleared_at) - bisect_right(self.cleared_at, since)


def after_clearing(tally: Tally, content: Content, notional: Decimal, at: int, day: str) -> Tally:
    """Count one cleared increasing order; times only grow, so that a clock that stepped back forgives nothing."""
    times, recent = tally.cleared_at, tally.recent
    if times and at < times[-1]:
        at = times[-1]
    # Times only grow, so what is too old stands in front; pairs are so few that once a day is often enough.
    while recent and recent[0][0] <= at - DUPLICATE_WINDOW_LONGEST:
        recent = recent[1:]
    pair_at = tally.pair_at
    if day != tally.day:
        pair_at = {pair: last for pair, last in pair_at.items() if last > at - COOLDOWN_LONGEST}
    return Tally(
        day=day,
        orders_day=tally.orders_on(day) + 1,
        turnover_day=tally.turnover_on(day) + notional,
        cleared_at=(*times[bisect_right(times, at - RATE_WINDOW_LONGEST) :], at),
        pair_at={**pair_at, content.pair: at},
        recent=(*recent, (at, content)),
    )

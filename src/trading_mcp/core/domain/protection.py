"""The exits that belong to a position: one stop that may rest at the venue, target and trail kept by the desk."""

from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from trading_mcp.core.domain.money import ONE, ZERO
from trading_mcp.core.domain.orders import Protect, Trailing

# A trail is journaled when it has moved this far; a restart loses less than that.
TRAIL_STEP: Final = Decimal("0.001")


class Kept(StrEnum):
    """Who watches the stop."""

    DESK = "desk"
    VENUE = "venue"


class Trigger(StrEnum):
    """Which exit of a position fired."""

    STOP = "stop"
    TARGET = "target"
    TRAIL = "trail"


class Protection(msgspec.Struct, frozen=True, kw_only=True):
    """What guards one position; `order_id` is the one order of it that rests at the venue."""

    position: str
    is_long: bool
    entry: Decimal
    best: Decimal
    stop: Decimal | None = None
    target: Decimal | None = None
    trailing: Trailing | None = None
    kept: Kept = Kept.DESK
    wanted: Kept = Kept.VENUE
    order_id: str = ""
    parent: str = ""
    serial: int = 0
    refused_at: int | None = None

    @property
    def trail_level(self) -> Decimal | None:
        """Return the price at which an armed trail fires, or None while it is not armed."""
        trailing = self.trailing
        if trailing is None:
            return None
        gain = (self.best - self.entry) if self.is_long else (self.entry - self.best)
        if gain < trailing.activate * self.entry:
            return None
        return self.best * (ONE - trailing.distance if self.is_long else ONE + trailing.distance)

    @property
    def is_empty(self) -> bool:
        """Say whether nothing guards the position."""
        return self.stop is None and self.target is None and self.trailing is None


def protection_for(position: str, wish: Protect, entry: Decimal, parent: str, *, is_long: bool) -> Protection:
    """Begin to guard a position as its entry asked."""
    return Protection(
        parent=parent,
        position=position,
        is_long=is_long,
        entry=entry,
        best=entry,
        stop=wish.stop_loss,
        target=wish.take_profit,
        trailing=wish.trailing,
    )


def improved(protection: Protection, price: Decimal) -> Protection:
    """Follow the best price; it never loosens, and moves too small to journal are left for later."""
    best = protection.best
    step = best * TRAIL_STEP
    ahead = price - best if protection.is_long else best - price
    if protection.trailing is None or ahead < step or ahead <= ZERO:
        return protection
    return msgspec.structs.replace(protection, best=price)


def triggered(protection: Protection, price: Decimal) -> Trigger | None:
    """Say which exit fires at a price; the worst for the position is looked at first."""
    trail = protection.trail_level
    if protection.is_long:
        if protection.stop is not None and price <= protection.stop:
            return Trigger.STOP
        if trail is not None and price <= trail:
            return Trigger.TRAIL
        if protection.target is not None and price >= protection.target:
            return Trigger.TARGET
        return None
    if protection.stop is not None and price >= protection.stop:
        return Trigger.STOP
    if trail is not None and price >= trail:
        return Trigger.TRAIL
    if protection.target is not None and price <= protection.target:
        return Trigger.TARGET
    return None

"""A home's identity, written once in the first entry and never changed; and who may come in there by HTTP."""

from decimal import Decimal
from enum import StrEnum

import msgspec


class Mode(StrEnum):
    """What is real in a home; BACKTEST runs in memory and has no home."""

    SIMULATED = "SIMULATED"
    PAPER = "PAPER"
    DRY = "DRY"
    LIVE = "LIVE"
    BACKTEST = "BACKTEST"

    @property
    def is_guarded(self) -> bool:
        """Say whether the rules for real money bind: signed mandates, account counts, delays."""
        return self in (Mode.DRY, Mode.LIVE)


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """Who may come in by HTTP, and as what; the fingerprint tells one token from another and opens nothing."""

    name: str
    role: str
    made_at: int
    fingerprint: str


class Home(msgspec.Struct, frozen=True, kw_only=True):
    """Who a desk is; `cash` is what it opened with, per venue and asset."""

    name: str
    mode: Mode
    cash: dict[str, Decimal]
    venues: tuple[str, ...] = ("paper",)
    account: str = ""
    base_currency: str = "USD"
    fake_venues: bool = False
    version: str = ""

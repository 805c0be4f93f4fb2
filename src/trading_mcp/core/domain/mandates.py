"""Algorithms and their mandates: the bounded leave of one version to trade while nobody watches."""

from decimal import Decimal

import msgspec


class Mandate(msgspec.Struct, frozen=True, kw_only=True):
    """What an algorithm may do unattended; any edit of what it names voids it."""

    algorithm: str
    version: str
    venues: tuple[str, ...]
    pairs: frozenset[str]
    capital: Decimal
    order_notional_max: Decimal
    orders_day_max: int
    loss_max: Decimal
    issued_at: int
    value_at_issue: Decimal
    expires_at: int | None = None
    nonce: str = ""


class Algorithm(msgspec.Struct, frozen=True, kw_only=True):
    """A named run of one strategy version with its own capital, pairs and switch."""

    name: str
    version: str
    pairs: frozenset[str]
    venues: tuple[str, ...]
    capital: Decimal
    enabled: bool = False
    mandate: Mandate | None = None

"""What is known about one key of a policy: its kind, its range, and which way is tighter."""

from enum import StrEnum
from typing import Final

import msgspec

from trading_mcp.core.domain.market import Market

MARKET: Final = "market."


class Kind(StrEnum):
    """What a key holds, which decides how its value is written."""

    NAME = "name"
    CURRENCY = "currency"
    ZONE = "zone"
    MONEY = "money"
    SHARE = "share"
    FACTOR = "factor"
    COUNT = "count"
    SPAN = "span"
    SWITCH = "switch"
    ASSETS = "set of assets"
    CURRENCIES = "set of currencies"
    PAIRS = "set of pairs"
    AMOUNTS = "quantity per asset"
    VENUES = "list of venues"


class Direction(StrEnum):
    """Which way a key becomes tighter; a key without a direction is loosened by every change."""

    LOWER = "lower"
    HIGHER = "higher"
    SUBSET = "fewer entries"
    SUPERSET = "more entries"
    SWITCH_ON = "true"
    SWITCH_OFF = "false"
    NONE = "neither way"


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One key: where it stands, what it may hold, and why its default is what it is."""

    path: str
    kind: Kind
    direction: Direction = Direction.NONE
    floor: str = ""
    ceiling: str = ""
    binds_exits: bool = False
    doc: str
    why: str

    @property
    def section(self) -> str:
        """The table of the file the key stands in; empty for the top of the file."""
        return self.path.rpartition(".")[0]

    @property
    def field(self) -> str:
        """The name of the key inside its table, and of the field in the policy."""
        return self.path.rpartition(".")[2]

    @property
    def market(self) -> Market | None:
        """The market whose table the key stands in, if it stands in one."""
        return Market(self.section.removeprefix(MARKET)) if self.section.startswith(MARKET) else None

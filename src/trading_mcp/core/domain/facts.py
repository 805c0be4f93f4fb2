"""What was true when we decided; a missing entry means not known, and what is not known is never assumed."""

from decimal import Decimal

import msgspec

from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.instruments import Instrument
from trading_mcp.core.domain.market import FeedHealth, Market, Price, Quote, Session
from trading_mcp.core.domain.proposals import Statement


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """What a venue says is free of one asset, and when it said so."""

    free: Decimal
    at: int


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything gathered for one decision; keys join a venue and a pair or asset with a slash."""

    now: int
    day: str
    quotes: dict[str, Quote] = {}
    quotes_before: dict[str, Quote] = {}
    instruments: dict[str, Instrument] = {}
    prices: dict[str, Price] = {}
    unpriced: frozenset[str] = frozenset()
    sessions: dict[Market, Session] = {}
    feeds: dict[str, FeedHealth] = {}
    balances: dict[str, Balance] = {}
    venue_modes: dict[str, Mode] = {}
    is_live_enabled: bool = False
    is_halt_file_present: bool = False
    wall_elapsed: int = 0
    boot_elapsed: int = 0
    # How long desks of this home have run, by the clock nobody sets; of earlier lives what is on record.
    uptime: int = 0
    signal_confidence: Decimal | None = None
    blackout_assets: frozenset[str] | None = None
    order_id_seed: bytes = b""
    order_id_seq: int = 0
    signed: Statement | None = None

    def instrument(self, key: str) -> Instrument | None:
        """Return what a venue takes of a pair, if it makes sense."""
        found = self.instruments.get(key)
        return found if found is not None and found.is_usable else None

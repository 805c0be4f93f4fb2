"""The end of a position as one command: free what is reserved, send the exit, protect the rest."""

from decimal import Decimal
from enum import StrEnum

import msgspec

from trading_mcp.core.domain.orders import Door, Intent, Purpose


class Stage(StrEnum):
    """How far a close has come."""

    QUEUED = "queued"
    CANCELLING = "cancelling"
    EXITING = "exiting"


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """One position on its way out; `intent` is the exit as it was asked for, `left` what is still to be sold."""

    position: str
    intent: Intent
    left: Decimal
    stage: Stage
    started_at: int
    tries: int = 0
    order_id: str = ""

    @property
    def door(self) -> Door:
        """Return the door the close came through."""
        return self.intent.door

    @property
    def purpose(self) -> Purpose:
        """Return why the position is left."""
        return self.intent.purpose

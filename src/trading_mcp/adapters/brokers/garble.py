"""What garbled answers look like: a number that is none, a field that is not there, a time of another clock."""

from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from trading_mcp.adapters.brokers.faults import Fault
from trading_mcp.core.domain.orders import Fill
from trading_mcp.core.ports import VenueBalance, VenueOrder

_NAN: Final = Decimal("NaN")


def garbled_order(told: VenueOrder, fault: Fault | None) -> VenueOrder:
    match fault:
        case Fault.NOT_A_NUMBER:
            return replace(told, filled=_NAN)
        case Fault.ABSENT:
            return replace(told, order_id="", venue_order_id="")
        case _:
            return told


def garbled_fill(fill: Fill, fault: Fault | None) -> Fill:
    match fault:
        case Fault.NOT_A_NUMBER:
            return replace(fill, price=_NAN)
        case Fault.ABSENT:
            return replace(fill, order_id=None, fee_asset="")
        case _:
            return fill


def garbled_balances(rows: tuple[VenueBalance, ...], fault: Fault | None) -> tuple[VenueBalance, ...]:
    """A row that is absent looks like an asset that is gone."""
    match fault:
        case Fault.NOT_A_NUMBER:
            return tuple(replace(row, total=_NAN, free=_NAN) for row in rows)
        case Fault.ABSENT:
            return rows[1:]
        case _:
            return rows

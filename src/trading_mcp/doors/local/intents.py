"""From the words of a trade to an intent: amounts are plain decimals, and what is not understood is refused."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final, TypeVar

from trading_mcp.core.domain.instruments import normalise
from trading_mcp.core.domain.money import AmountInvalid, amount
from trading_mcp.core.domain.orders import (
    Door,
    Everything,
    Intent,
    Notional,
    OrderType,
    Protect,
    Quantity,
    Side,
    TimeInForce,
)
from trading_mcp.doors.local import requests as r
from trading_mcp.errors import UsageInvalid
from trading_mcp.redact import redacted

_NAME: Final = re.compile(r"[\x21-\x2e\x30-\x7e]{1,48}", re.ASCII)
_HUNDRED: Final = Decimal(100)
ALL: Final = "all"

Word = TypeVar("Word", Side, OrderType, TimeInForce)


def checked_id(name: str) -> str:
    """Return an intent's id, or say what one is."""
    if _NAME.fullmatch(name) is None:
        raise UsageInvalid("The intent's id cannot be one.", "Use 1 to 48 printable characters, no space, no slash.")
    return name


def intent_of(request: r.Trade, client: str) -> Intent:
    """Return what is wanted, as the gate will judge it."""
    side = _word(Side, request.side, "side")
    stop, target = _amount("stop-loss", request.stop_loss), _amount("take-profit", request.take_profit)
    trail = _amount("trail", request.trail_percent)
    return Intent(
        id=checked_id(request.intent_id),
        door=Door.CLI,
        pair=normalise(redacted(request.pair, 32)),
        side=side,
        amount=_much(request),
        client=client,
        type=_word(OrderType, request.type, "type"),
        limit_price=_amount("limit", request.limit_price),
        stop_price=_amount("stop", request.stop_price),
        trail=None if trail is None else trail / _HUNDRED,
        time_in_force=_word(TimeInForce, request.time_in_force, "time in force"),
        protect=None if stop is None and target is None else Protect(stop_loss=stop, take_profit=target),
        venue=redacted(request.venue, 32) or None,
        reason=redacted(request.reason, 400),
    )


def _much(request: r.Trade) -> Quantity | Notional | Everything:
    if bool(request.quantity) == bool(request.notional):
        raise UsageInvalid("How much is not said, or said twice.", "Give --quantity or --notional.")
    if request.quantity == ALL:
        return Everything()
    quantity, notional = _amount("quantity", request.quantity), _amount("notional", request.notional)
    return Quantity(quantity) if quantity is not None else Notional(notional or Decimal(0))


def _amount(name: str, text: str) -> Decimal | None:
    if not text:
        return None
    try:
        return amount(text)
    except AmountInvalid as problem:
        raise UsageInvalid(f"The {name}: {problem}.", "Correct it and try again.") from None


def _word(kind: type[Word], text: str, name: str) -> Word:
    try:
        return kind(text)
    except ValueError:
        raise UsageInvalid(f"There is no such {name}.", f"One of: {', '.join(kind)}.") from None

"""From the words of a trade to an intent: amounts are plain decimals, and what is not understood is refused."""

from __future__ import annotations

import re
from collections.abc import Container
from decimal import Decimal
from typing import Final, Protocol, TypeVar

from msgspec.structs import replace

from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.instruments import normalise
from trading_mcp.core.domain.market import SECOND
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
from trading_mcp.errors import UsageInvalid
from trading_mcp.redact import redacted

_NAME: Final = re.compile(r"[\x21-\x2e\x30-\x7e]{1,48}", re.ASCII)
_HUNDRED: Final = Decimal(100)
NAME_MAX: Final = 80
_NO_NAME: Final = "?"
ALL: Final = "all"
# Ids that a door gave, since its client gave none.
GIVEN: Final = "auto-"
REPEATED_WITHIN: Final = 10 * SECOND

Word = TypeVar("Word", Side, OrderType, TimeInForce)


class Wish(Protocol):
    """A trade in the words of whoever wants it; what is empty was not said."""

    @property
    def intent_id(self) -> str: ...
    @property
    def pair(self) -> str: ...
    @property
    def side(self) -> str: ...
    @property
    def quantity(self) -> str: ...
    @property
    def notional(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def limit_price(self) -> str: ...
    @property
    def stop_price(self) -> str: ...
    @property
    def trail_percent(self) -> str: ...
    @property
    def time_in_force(self) -> str: ...
    @property
    def stop_loss(self) -> str: ...
    @property
    def take_profit(self) -> str: ...
    @property
    def venue(self) -> str: ...
    @property
    def reason(self) -> str: ...


def checked_id(name: str) -> str:
    """Return an intent's id, or say what one is."""
    if _NAME.fullmatch(name) is None:
        raise UsageInvalid("The intent's id cannot be one.", "Use 1 to 48 printable characters, no space, no slash.")
    return name


def named(text: str, known: Container[str] = ()) -> str:
    """Return a name as it may be recorded: one that is known as it is, any other as text from outside.

    What was said never becomes nothing, since nothing often means everything.
    """
    return text if not text or text in known else redacted(text, NAME_MAX) or _NO_NAME


def pair_named(text: str) -> str:
    """Return the pair that is meant, as it may be recorded."""
    return normalise(named(text))


def intent_of(wish: Wish, door: Door, client: str, signal_seq: int | None = None) -> Intent:
    """Return what is wanted, as the gate will judge it."""
    side = _word(Side, wish.side, "side")
    stop, target = _amount("stop loss", wish.stop_loss), _amount("take profit", wish.take_profit)
    trail = _amount("trail", wish.trail_percent)
    return Intent(
        id=checked_id(wish.intent_id),
        door=door,
        pair=normalise(redacted(wish.pair, 32)),
        side=side,
        amount=_much(wish),
        client=client,
        type=_word(OrderType, wish.type, "type"),
        limit_price=_amount("limit price", wish.limit_price),
        stop_price=_amount("stop price", wish.stop_price),
        trail=None if trail is None else trail / _HUNDRED,
        time_in_force=_word(TimeInForce, wish.time_in_force, "time in force"),
        protect=None if stop is None and target is None else Protect(stop_loss=stop, take_profit=target),
        venue=redacted(wish.venue, 32) or None,
        reason=redacted(wish.reason, 400),
        signal_seq=signal_seq,
    )


def repeated(intent: Intent, book: Book, now: int) -> str:
    """Return the id of the same trade that came a moment ago without an id of its own, or nothing.

    Clients send a call again, as a new one, when its answer was lost.
    """
    for day in reversed(book.intents.values()):
        for record in reversed(day.values()):
            if record.at < now - REPEATED_WITHIN:
                return ""
            if record.intent.id.startswith(GIVEN) and replace(record.intent, id=intent.id) == intent:
                return record.intent.id
    return ""


def _much(wish: Wish) -> Quantity | Notional | Everything:
    if bool(wish.quantity) == bool(wish.notional):
        raise UsageInvalid("How much is not said, or said twice.", "Give quantity or notional, one of the two.")
    if wish.quantity == ALL:
        return Everything()
    quantity, notional = _amount("quantity", wish.quantity), _amount("notional", wish.notional)
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

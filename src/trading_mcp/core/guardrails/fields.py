"""Is an intent well formed at all? The first thing asked, so that nothing odd is ever calculated with."""

import re
from decimal import Decimal
from functools import lru_cache
from typing import Final

from trading_mcp.core.domain.money import ONE, is_amount
from trading_mcp.core.domain.orders import MANUAL, Door, Everything, Intent, OrderType, Purpose, Side

# Looking a member up on its class costs ten times a global; these are read for every order.
_DESK: Final = Door.DESK
_RUNNER: Final = Door.RUNNER
_MARKET_ORDER: Final = OrderType.MARKET
_TRADE: Final = Purpose.TRADE
_SELL: Final = Side.SELL
_NAME: Final = re.compile(r"[\x21-\x7e]{1,64}", re.ASCII)
# The desk's own intents hang on the id of the one that caused them, behind a slash that nobody else may use.
_CHILD: Final = re.compile(r"[\x21-\x7e]{1,240}", re.ASCII)
_BOOK: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", re.ASCII)
_PAIR: Final = re.compile(r"[A-Z0-9][A-Z0-9.]{0,14}(-[A-Z0-9]{2,10})?", re.ASCII)
# Which prices each form needs; every other price on it is a mistake that must not be ignored.
_NEEDS: Final[dict[OrderType, tuple[bool, bool, bool]]] = {
    OrderType.MARKET: (False, False, False),
    OrderType.LIMIT: (True, False, False),
    OrderType.STOP: (False, True, False),
    OrderType.STOP_LIMIT: (True, True, False),
    OrderType.TRAILING_STOP: (False, False, True),
}
# Whose name an order bears is the runner's and the desk's to say, never an argument of anyone else.
_NAMERS: Final = (Door.RUNNER, Door.DESK)


@lru_cache(maxsize=4096)
def is_pair(text: str) -> bool:
    """Say whether a pair is spelled as one."""
    return _PAIR.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Say whether something from outside bears an id that the desk's own can hang on."""
    return _NAME.fullmatch(text) is not None and "/" not in text


@lru_cache(maxsize=4096)
def is_book(text: str) -> bool:
    """Say whether a book has a plain name."""
    return _BOOK.fullmatch(text) is not None


def problem_of(intent: Intent, now: int) -> str:
    """Return what is wrong with an intent's own words, or nothing."""
    is_child = intent.door is _DESK or intent.purpose is not _TRADE
    if (_CHILD if is_child else _NAME).fullmatch(intent.id) is None or ("/" in intent.id and not is_child):
        return "the intent id must be 1 to 64 printable ASCII characters without spaces and slashes"
    if not is_pair(intent.pair):
        return 'the pair must be written like "BTC-USDT" or "AAPL"'
    if not is_book(intent.book):
        return "the book must be a plain name of 1 to 64 letters, digits, dots, dashes or colons"
    if intent.book != MANUAL and not is_child and intent.door not in _NAMERS:
        return "only the desk's own runner may trade for an algorithm"
    amount = intent.amount
    if isinstance(amount, Everything):
        if intent.side is not _SELL:
            return 'only a sell may say "all"'
    elif not is_amount(amount.value):
        return "the amount must be a finite number above 0, below 10^15 and with at most 18 decimals"
    return _price_problem(intent) or _tick_problem(intent, now)


def _price_problem(intent: Intent) -> str:
    if intent.type is _MARKET_ORDER and intent.protect is None and _has_no_price(intent):
        return ""
    needs_limit, needs_stop, needs_trail = _NEEDS[intent.type]
    for name, value, needed in (
        ("limit_price", intent.limit_price, needs_limit),
        ("stop_price", intent.stop_price, needs_stop),
        ("trail", intent.trail, needs_trail),
    ):
        if needed and value is None:
            return f"a {intent.type} order needs {name}"
        if not needed and value is not None:
            return f"a {intent.type} order takes no {name}"
        if value is not None and not is_amount(value):
            return f"{name} must be a finite number above 0"
    if intent.trail is not None and not intent.trail < ONE:
        return "trail is a share of the price and must be below 1"
    protect = intent.protect
    if protect is None:
        return ""
    trail = protect.trailing
    shares: tuple[Decimal, ...] = () if trail is None else (trail.activate, trail.distance)
    for price in (protect.stop_loss, protect.take_profit):
        if price is not None and not is_amount(price):
            return "stop_loss and take_profit must be finite prices above 0"
    for share in shares:
        if not (is_amount(share) and share < ONE):
            return "a trailing exit is given in shares between 0 and 1"
    return ""


def _has_no_price(intent: Intent) -> bool:
    return intent.limit_price is None and intent.stop_price is None and intent.trail is None


def _tick_problem(intent: Intent, now: int) -> str:
    due = intent.due_at
    if due is None or intent.purpose is not _TRADE:
        return ""
    if intent.door is not _RUNNER:
        return "only the desk's own runner may say when an order was due"
    if due > now:
        return "the tick this order belongs to is still to come"
    return ""

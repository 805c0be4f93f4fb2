"""What can be traded at a venue and in which steps."""

from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Final

import msgspec

from trading_mcp.core.domain.market import Market, market_of
from trading_mcp.core.domain.money import AMOUNT_MAX, ONE, ZERO, is_change, is_price
from trading_mcp.core.domain.orders import OrderType, TimeInForce

# Assets that were renamed: the limits of the old name go on binding the new one.
_RENAMED: Final = {"POL": "MATIC", "XBT": "BTC"}
# A stock may bear the name of a coin or a currency (BTC, USD), and has neither's price nor its limits.
_STOCK: Final = "stock:"
_QUOTES: Final = ("USDT", "USDC", "USD")


class Kind(StrEnum):
    """The kinds of instrument whose risk the gate can compute; every other kind arrives as OTHER and is denied."""

    CRYPTO = "crypto"
    STOCK = "stock"
    OTHER = "other"


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """One pair at one venue: its steps, bounds, and the order forms the venue accepts for it."""

    venue: str
    pair: str
    kind: Kind
    market: Market
    base: str
    quote: str
    price_step: Decimal
    quantity_step: Decimal
    quantity_min: Decimal
    quantity_max: Decimal
    notional_min: Decimal
    notional_max: Decimal
    multiplier: Decimal = ONE
    order_types: frozenset[OrderType] = frozenset(OrderType)
    times_in_force: frozenset[TimeInForce] = frozenset(TimeInForce)
    stops_rest: bool = True
    # Some venues call it a wash trade when one account works on both sides of a pair, and refuse the second order.
    both_sides: bool = True
    fee_rate: Decimal = Decimal("0.001")
    # Worked out once where a venue's list is read, and never again for an order; what is passed in is ignored.
    is_usable: bool = False

    def __post_init__(self) -> None:
        """See what the venue told of the pair."""
        msgspec.structs.force_setattr(self, "is_usable", _is_usable(self))

    def exposure(self, quantity: Decimal, price: Decimal) -> Decimal:
        """Return what a quantity is worth in the quote currency; a contract counts its multiplier."""
        return quantity * price * self.multiplier


def _is_usable(instrument: Instrument) -> bool:
    """Say whether what a venue tells of a pair can be calculated with; else the pair counts as not listed."""
    it = instrument
    return (
        is_price(it.price_step)
        and is_price(it.quantity_step)
        and is_price(it.multiplier)
        and is_change(it.fee_rate)
        and is_change(it.quantity_min)
        and is_change(it.notional_min)
        and it.quantity_max.is_finite()
        and it.notional_max.is_finite()
        and ZERO <= it.fee_rate < ONE
        and ZERO <= it.quantity_min <= it.quantity_max <= AMOUNT_MAX
        and ZERO <= it.notional_min <= it.notional_max <= AMOUNT_MAX
    )


@lru_cache(maxsize=4096)
def asset_of(pair: str) -> str:
    """Return the asset whose risk a pair carries: a coin under its oldest name, a stock under a name of its own."""
    return oldest_name(pair.split("-", 1)[0]) if "-" in pair else f"{_STOCK}{pair}"


def listed_as(pair: str) -> str:
    """Return the name under which a market's own table lists an asset; a stock is listed by its symbol."""
    return oldest_name(pair.split("-", 1)[0]) if "-" in pair else pair


def oldest_name(coin: str) -> str:
    """Return the name a coin had first, by which the owner's limits go on binding it."""
    return _RENAMED.get(coin, coin)


@lru_cache(maxsize=4096)
def quote_of(pair: str) -> str:
    """Return the currency a pair is paid in; stocks are paid in dollars."""
    return pair.split("-", 1)[1] if "-" in pair else "USD"


@lru_cache(maxsize=4096)
def traits_of(pair: str) -> tuple[str, str, Market]:
    """Return asset, quote and market of a pair at once; what every loop over positions asks for."""
    return asset_of(pair), quote_of(pair), market_of(pair)


def normalise(text: str) -> str:
    """Bring the spellings of a pair (BTC_USDT, btc/usdt, BTCUSDT) to one: BTC-USDT; a stock stays a bare symbol."""
    if not text.isascii():
        # Upper case would turn letters that only look alike into the ones of a pair.
        return text
    pair = text.strip().upper().replace("_", "-").replace("/", "-")
    if "-" in pair:
        return pair
    for quote in _QUOTES:
        if pair.endswith(quote) and len(pair) > len(quote) + 1:
            return f"{pair.removesuffix(quote)}-{quote}"
    return pair

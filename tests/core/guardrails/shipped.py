"""The shipped policies, and every value that a key of one may hold."""

from decimal import Decimal
from typing import Any, Final

from hypothesis import strategies as st

from tests.regenerate import POLICIES, ROOT
from trading_mcp.core.domain.market import SECOND, Market
from trading_mcp.core.guardrails.key import Key, Kind
from trading_mcp.core.guardrails.schema import parse_text
from trading_mcp.core.guardrails.spelling import bounds

TEXTS: Final = {name: (ROOT / "policies" / f"{name}.toml").read_text("utf-8") for name in POLICIES}
SIMULATED: Final = parse_text(TEXTS["simulated"])
LIVE: Final = parse_text(TEXTS["live"])


def values(key: Key) -> st.SearchStrategy[Any]:
    """Every value that a key may hold."""
    if key.kind is Kind.AMOUNTS:
        quantity = st.integers(0, 10**18).map(lambda number: Decimal(number).scaleb(-6))
        return st.dictionaries(st.sampled_from(["BTC", "ETH", "ADA"]), quantity)
    return numbers(key) if key.ceiling else names(key)


def numbers(key: Key) -> st.SearchStrategy[Any]:
    floor, ceiling = bounds(key)
    match key.kind:
        case Kind.COUNT:
            return st.integers(int(floor), int(ceiling))
        case Kind.SPAN:
            return st.integers(int(floor) // SECOND, int(ceiling) // SECOND).map(lambda span: span * SECOND)
        case _:
            whole = st.integers(int(floor * 10**8), int(ceiling * 10**8))
            return whole.map(lambda number: Decimal(number).scaleb(-8))


def names(key: Key) -> st.SearchStrategy[Any]:
    some: dict[Kind, list[str]] = {
        Kind.ASSETS: ["BTC", "ETH", "BRK.B", "A"],
        Kind.CURRENCIES: ["USD", "USDT", "EUR"],
        Kind.PAIRS: ["BTC-USD", "ETH-USDT"] if key.market is Market.CRYPTO else ["AAPL", "BRK.B"],
        Kind.VENUES: ["paper", "coinbase", "x-1"],
        Kind.NAME: ["mine", "paper"],
        Kind.CURRENCY: ["USD", "EUR"],
        Kind.ZONE: ["UTC", "Asia/Kolkata", "Etc/GMT+5"],
    }
    match key.kind:
        case Kind.SWITCH:
            return st.booleans()
        case Kind.NAME | Kind.CURRENCY | Kind.ZONE:
            return st.sampled_from(some[key.kind])
        case Kind.VENUES:
            return st.lists(st.sampled_from(some[key.kind]), unique=True).map(tuple)
        case _:
            return st.frozensets(st.sampled_from(some[key.kind]))

"""How one value of a policy is written: read from a file or from text, and written back."""

import re
from collections.abc import Callable, Collection
from decimal import Decimal
from typing import Final, cast

from trading_mcp.core.domain.instruments import normalise, oldest_name
from trading_mcp.core.domain.market import DAY, HOUR, MINUTE, SECOND, Market, market_of
from trading_mcp.core.domain.money import plain
from trading_mcp.core.guardrails.key import Key, Kind
from trading_mcp.core.guardrails.keys import KEYS, Value

ENTRIES_MAX: Final = 1_000
NOTHING: Final = "none"
_SHOWN_MAX: Final = 40
_PERCENT: Final = Decimal("0.01")
_HUNDRED: Final = Decimal(100)

_UNITS: Final = {"d": DAY, "h": HOUR, "min": MINUTE, "s": SECOND}
_PLAIN: Final = r"(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,18})?"
_AMOUNT: Final = re.compile(_PLAIN)
_SHARE: Final = re.compile(r"((?:0|[1-9][0-9]{0,6})(?:\.[0-9]{1,6})?)%")
_SPAN: Final = re.compile(r"(0|[1-9][0-9]{0,8})(d|h|min|s)")
_COUNT: Final = re.compile(r"0|[1-9][0-9]{0,8}")
_ZONE: Final = re.compile(r"[A-Z][A-Za-z0-9_+-]{0,31}(?:/[A-Z][A-Za-z0-9_+-]{0,31}){0,2}")
_ENTRY: Final = {
    Kind.NAME: (re.compile(r"[a-z][a-z0-9-]{0,31}"), 'small letters, digits and dashes, such as "paper"'),
    Kind.VENUES: (
        re.compile(r"(?!none$)[a-z][a-z0-9-]{0,31}"),
        'venues in small letters, such as "coinbase"',
    ),
    Kind.CURRENCY: (re.compile(r"[A-Z]{3,5}"), 'the code of a currency, such as "USD"'),
    Kind.CURRENCIES: (re.compile(r"[A-Z][A-Z0-9]{1,9}"), 'codes of currencies, such as "USDT"'),
    Kind.ASSETS: (re.compile(r"[A-Z0-9][A-Z0-9.]{0,15}"), 'assets alone, without a quote, such as "BTC"'),
    Kind.PAIRS: (re.compile(r"[A-Z0-9][A-Z0-9.]{0,15}(?:-[A-Z][A-Z0-9]{1,9})?"), 'pairs such as "BTC-USDT"'),
}


class Unreadable(ValueError):
    """What is written is no value of its key; the text says what would be right."""


def read(key: Key, written: object, zones: Collection[str] | None = None) -> Value:
    """Read a value as a parsed policy file holds it; no unit is ever guessed."""
    match key.kind:
        case Kind.MONEY | Kind.FACTOR | Kind.SHARE | Kind.SPAN:
            return _within(key, _number(key.kind, written))
        case Kind.COUNT | Kind.SWITCH:
            return _bare(key, written)
        case Kind.ASSETS | Kind.CURRENCIES | Kind.PAIRS:
            return frozenset(_entries(key, written))
        case Kind.VENUES:
            return _entries(key, written)
        case Kind.AMOUNTS:
            return _amounts(key, written)
        case Kind.ZONE:
            return _zone(written, zones)
        case _:  # a name or a currency: one entry, not a set of them
            return _entry(key, key.kind, written)


def read_text(key: Key, text: str, zones: Collection[str] | None = None) -> Value:
    """Read a value as a change of one key spells it: bare, several entries with commas between."""
    match key.kind:
        case Kind.COUNT:
            if _COUNT.fullmatch(text) is None:
                raise Unreadable("write a whole number such as 20")
            return _within(key, int(text))
        case Kind.SWITCH:
            if text not in {"true", "false"}:
                raise Unreadable("write true or false")
            return text == "true"
        case Kind.ASSETS | Kind.CURRENCIES | Kind.PAIRS | Kind.VENUES:
            return read(key, _split(text))
        case Kind.AMOUNTS:
            sides = [entry.partition("=") for entry in _split(text)]
            table = {asset.strip(): quantity.strip() for asset, _, quantity in sides}
            if len(table) < len(sides):
                raise Unreadable("write every asset once")
            return read(key, table)
        case _:
            return read(key, text, zones)


def text_of(key: Key, value: Value) -> str:
    """Write a value as a change of one key spells it; `read_text` reads it back."""
    written = written_of(key, value)
    match written:
        case bool():
            return "true" if written else "false"
        case list():
            return ", ".join(cast("list[str]", written)) or NOTHING
        case dict():
            table = cast("dict[str, str]", written)
            return ", ".join(f"{asset}={quantity}" for asset, quantity in table.items()) or NOTHING
        case _:
            return str(written)


def written_of(key: Key, value: Value) -> object:
    """Write a value as a parsed policy file holds it, in the one spelling that its hash is taken of."""
    match value:
        case Decimal():
            return f"{plain(value * _HUNDRED)}%" if key.kind is Kind.SHARE else plain(value)
        case frozenset():
            return sorted(value)
        case tuple():
            return list(value)
        case dict():
            return {asset: plain(value[asset]) for asset in sorted(value)}
        case bool() | str():
            return value
        case _:
            return _span_of(value) if key.kind is Kind.SPAN else value


def shown(written: object) -> str:
    """Quote what somebody wrote, short and printable, for a sentence about it."""
    match written:
        case bool():
            return "true" if written else "false"
        case str():
            text = ascii(written)
            return f'"{text[1:-1]}"' if len(text) <= _SHOWN_MAX else f'"{text[1:_SHOWN_MAX]}…"'
        case int():
            return str(written) if abs(written) < 10**_SHOWN_MAX else "a very large number"
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return f"{ascii(written)[:_SHOWN_MAX]} without quotes"


def _bare(key: Key, written: object) -> Decimal | int | bool:
    """Read what stands in a file without quotes; Python takes true for 1, a limit must not."""
    if key.kind is Kind.SWITCH:
        if type(written) is not bool:
            raise Unreadable("write true or false, without quotes")
        return written
    if type(written) is not int:
        raise Unreadable("write a whole number without quotes, such as 20")
    return _within(key, written)


def _number(kind: Kind, written: object) -> Decimal | int:
    """Read an amount, a share or a span from its only spelling, which always names the unit."""
    advice, read_one = _SPELLINGS[kind]
    found = read_one(written) if isinstance(written, str) else None
    if found is None:
        raise Unreadable(advice(_digits_of(written)))
    return found


def _amount(text: str) -> Decimal | None:
    return Decimal(text) if _AMOUNT.fullmatch(text) else None


def _share(text: str) -> Decimal | None:
    found = _SHARE.fullmatch(text)
    return Decimal(found[1]) * _PERCENT if found else None


def _span(text: str) -> int | None:
    found = _SPAN.fullmatch(text)
    return int(found[1]) * _UNITS[found[2]] if found else None


_SPELLINGS: Final[dict[Kind, tuple[Callable[[str | None], str], Callable[[str], Decimal | int | None]]]] = {
    Kind.MONEY: (lambda digits: f'write plain digits in quotes: "{digits or "500"}"', _amount),
    Kind.FACTOR: (lambda digits: f'write plain digits in quotes: "{digits or "0.6"}"', _amount),
    Kind.SHARE: (lambda digits: f'write a share with its percent sign: "{digits or "2"}%"', _share),
    Kind.SPAN: (
        lambda digits: (
            f'write a whole number and its unit, s, min, h or d: "{digits}s"'
            if digits and "." not in digits
            else 'write a whole number and its unit, s, min, h or d: "60s", "10min", "24h", "7d"'
        ),
        _span,
    ),
}


def _digits_of(written: object) -> str | None:
    """Find the bare number somebody wrote without its unit, so that the advice can complete it."""
    text = shown(written).removesuffix(" without quotes").strip('"')
    return text if _AMOUNT.fullmatch(text) else None


def _within(key: Key, value: Decimal | int) -> Decimal | int:
    floor, ceiling = bounds(key)
    if not floor <= value <= ceiling:
        raise Unreadable(f"write a value from {key.floor} to {key.ceiling}")
    return value


def bounds(key: Key) -> tuple[Decimal | int, Decimal | int]:
    """Return the smallest and the largest value of a key that holds numbers."""
    return _BOUNDS[key.path]


def _entries(key: Key, written: object) -> tuple[str, ...]:
    """Read a list in which every entry is a name of the right kind and stands once."""
    if not isinstance(written, list):
        raise Unreadable(f'write a list of {_ENTRY[key.kind][1]}: ["…", "…"]')
    listed = cast("list[object]", written)
    if len(listed) > ENTRIES_MAX:
        raise Unreadable(f"write at most {ENTRIES_MAX} entries")
    names = tuple(_entry(key, key.kind, entry) for entry in listed)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Unreadable(f'write every entry once: "{twice[0]}" stands there twice')
    return names


def _entry(key: Key, kind: Kind, written: object) -> str:
    """Read one name, and refuse a spelling that would never match anything."""
    shape, meant = _ENTRY[kind]
    if not isinstance(written, str) or shape.fullmatch(written) is None:
        raise Unreadable(f"{shown(written)} will not do: write {meant}")
    if kind is Kind.ASSETS and key.market is Market.CRYPTO and oldest_name(written) != written:
        raise Unreadable(f'"{written}" was renamed: write its oldest name, "{oldest_name(written)}"')
    if kind is Kind.PAIRS:
        if normalise(written) != written:
            raise Unreadable(f'"{written}" is spelled another way here: write "{normalise(written)}"')
        if market_of(written) is not key.market:
            raise Unreadable(f'"{written}" is no pair of this market: write it in the other table')
    return written


def _amounts(key: Key, written: object) -> dict[str, Decimal]:
    """Read a table of one amount per asset."""
    if not isinstance(written, dict):
        raise Unreadable('write a table of one quantity per asset: { BTC = "1" }')
    table = cast("dict[object, object]", written)
    if len(table) > ENTRIES_MAX:
        raise Unreadable(f"write at most {ENTRIES_MAX} entries")
    amounts: dict[str, Decimal] = {}
    for asset, quantity in table.items():
        name = _entry(key, Kind.ASSETS, asset)
        try:
            amounts[name] = Decimal(_within(key, _number(Kind.MONEY, quantity)))
        except Unreadable as problem:
            raise Unreadable(f"{shown(quantity)} for {name} will not do: {problem}") from None
    return amounts


def _zone(written: object, zones: Collection[str] | None) -> str:
    """Read a time zone; the core cannot open the zone files, so whoever can passes the names it found."""
    if not isinstance(written, str) or _ZONE.fullmatch(written) is None:
        raise Unreadable('write a time zone such as "UTC" or "America/New_York"')
    if zones is not None and written not in zones:
        raise Unreadable('no such time zone is known here: write one such as "UTC" or "America/New_York"')
    return written


def _span_of(span: int) -> str:
    """Write a span in its largest whole unit; files have no spelling for less than a second."""
    for unit, length in _UNITS.items():
        if span and span % length == 0:
            return f"{span // length}{unit}"
    return f"{span}us" if span else "0s"


def _split(text: str) -> list[str]:
    return [] if text == NOTHING else [entry.strip() for entry in text.split(",")]


def _bound(key: Key, text: str) -> Decimal | int:
    if key.kind is Kind.COUNT:
        return int(text)
    return _number(Kind.MONEY if key.kind is Kind.AMOUNTS else key.kind, text)


_BOUNDS: Final = {key.path: (_bound(key, key.floor), _bound(key, key.ceiling)) for key in KEYS if key.ceiling}

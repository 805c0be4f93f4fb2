"""Arguments: what a call says, read strictly; whatever is wrong is answered with the call that would be right."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, cast

import msgspec

from trading_mcp.core.domain.money import plain
from trading_mcp.doors.mcp_server.tool import Arguments, Tool
from trading_mcp.errors import UsageInvalid
from trading_mcp.redact import redacted

TEXT_MAX: Final = 4_000
NAMES_MAX: Final = 50
_NUMBER_MAX: Final = 10**30
_SHOWN_MAX: Final = 600
_NOT_KNOWN: Final = "…"


def arguments_of(tool: Tool, given: Mapping[str, Any]) -> Arguments:
    """Return a call's arguments, or raise with the corrected call."""
    known = tool.arguments.__struct_encode_fields__
    if len(given) > NAMES_MAX:
        raise UsageInvalid(f"{tool.name} was called with {len(given)} arguments.", _of(known))
    unknown = [name for name in given if name not in known]
    if unknown:
        problem = f"{tool.name} has no argument {_names(unknown)}. {_of(known)}"
        raise _corrected(tool, _renamed(given, known), problem)
    numbers = [name for name in given if _as_text(tool.arguments, name, given[name]) is not given[name]]
    if numbers:
        problem = f"{_names(numbers)} must be text, so that no digit is lost: a JSON number is not taken."
        raise _corrected(tool, given, problem)
    too_long = [name for name, value in given.items() if isinstance(value, str) and len(value) > TEXT_MAX]
    if too_long:
        raise UsageInvalid(f"{_names(too_long)} is longer than {TEXT_MAX:,} characters.", "Shorten it.")
    try:
        return msgspec.convert(given, tool.arguments)
    except (msgspec.ValidationError, RecursionError) as problem:
        said = redacted(str(problem), 300).replace("`$.", "`")
        raise UsageInvalid(f"{tool.name} was called wrongly: {said}.", f"Nothing was done. {_of(known)}") from None


@lru_cache(maxsize=64)
def _texts(arguments: type[Arguments]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the arguments that are text, and those that are texts by name."""
    info = cast("msgspec.inspect.StructType", msgspec.inspect.type_info(arguments))
    kinds = {field.encode_name: _bare(field.type) for field in info.fields}
    return (
        frozenset(name for name, kind in kinds.items() if isinstance(kind, msgspec.inspect.StrType)),
        frozenset(name for name, kind in kinds.items() if isinstance(kind, msgspec.inspect.DictType)),
    )


def _bare(kind: msgspec.inspect.Type) -> msgspec.inspect.Type:
    return kind.type if isinstance(kind, msgspec.inspect.Metadata) else kind


def _as_text(arguments: type[Arguments], name: str, value: object) -> object:
    """Return a value with numbers that must be text written as text; the very same value where there is none."""
    texts, tables = _texts(arguments)
    if name in texts and isinstance(value, int | float) and not isinstance(value, bool):
        return _spelled(value)
    if name in tables and isinstance(value, dict):
        table = cast("dict[str, object]", value)
        if any(isinstance(each, int | float) for each in table.values()):
            return {key: _spelled(each) if isinstance(each, int | float) else each for key, each in table.items()}
        return table
    return value


def _renamed(given: Mapping[str, Any], known: tuple[str, ...]) -> dict[str, Any]:
    """Return the call with unknown names put right where one is near, else left out."""
    right = {name: value for name, value in given.items() if name in known}
    for name, value in given.items():
        if name not in known:
            near = difflib.get_close_matches(name[:80], [each for each in known if each not in right], 1)
            right |= {near[0]: value} if near else {}
    return right


def _corrected(tool: Tool, right: Mapping[str, Any], problem: str) -> UsageInvalid:
    spelled = {name: _as_text(tool.arguments, name, value) for name, value in right.items()}
    try:
        call = msgspec.json.encode(spelled).decode()
    except (TypeError, ValueError, OverflowError, RecursionError):
        call = _NOT_KNOWN
    return UsageInvalid(problem, f"Nothing was done. The corrected call: {tool.name} {redacted(call, _SHOWN_MAX)}")


def _spelled(value: float) -> str:
    """Write a number as the text that it should have been."""
    if isinstance(value, bool):
        return str(value).lower()
    if abs(value) >= _NUMBER_MAX or not math.isfinite(value):
        return _NOT_KNOWN
    return plain(Decimal(repr(value)))


def _names(names: Iterable[str]) -> str:
    return ", ".join(redacted(name, 40) or "''" for name in list(names)[:5])


def _of(known: tuple[str, ...]) -> str:
    return f"Its arguments: {', '.join(known)}." if known else "It takes no arguments."

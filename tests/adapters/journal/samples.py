"""One event of every kind, made from the types themselves, so that a new kind is never forgotten."""

from typing import Any, cast, get_args

import msgspec
from msgspec import inspect

from trading_mcp.core.domain.events import AnyEvent, Event

KINDS: tuple[type[Event], ...] = get_args(AnyEvent)


def sample(kind: type[Event], number: int = 0) -> AnyEvent:
    """An event of that kind with something in every field."""
    return cast("AnyEvent", msgspec.convert(_plain(inspect.type_info(kind), number), kind))


def _plain(kind: inspect.Type, number: int) -> Any:
    match kind:
        case inspect.StructType(fields=fields, tag=tag, tag_field=tag_field):
            plain = {field.encode_name: _plain(field.type, number + index) for index, field in enumerate(fields)}
            return plain if tag_field is None else {tag_field: tag, **plain}
        case inspect.UnionType(types=types):
            return _plain(next(one for one in types if not isinstance(one, inspect.NoneType)), number)
        case inspect.EnumType(cls=cls):
            return list(cls)[number % len(cls)].value
        case inspect.DictType(key_type=key, value_type=value):
            return {_plain(key, number): _plain(value, number)}
        case inspect.VarTupleType(item_type=item) | inspect.FrozenSetType(item_type=item):
            return [_plain(item, number)]
        case inspect.TupleType(item_types=items):
            return [_plain(item, number + index) for index, item in enumerate(items)]
        case inspect.StrType():
            return ("é", "BTC-USDT", "of words", "")[number % 4]
        case inspect.DecimalType():
            return ("0.1", "-12.50", "1E-18", "98765.4321")[number % 4]
        case inspect.BoolType():
            return number % 2 == 0
        case inspect.IntType():
            return 1_767_268_800_000_000 + number
        case _:
            raise AssertionError(f"no sample of {kind}")

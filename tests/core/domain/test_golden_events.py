"""One fixed example of every kind of event: it decodes to the same values for ever, and encodes to the same bytes.

After a release a line here is never written again: another shape has another tag, and an upcaster for this one.
`python -m tests.core.domain.test_golden_events` adds the kinds that are missing; before the first release a line
whose shape changed may be deleted and made anew.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from tests.core.domain.making import KINDS
from trading_mcp.core.codec import decode, encode
from trading_mcp.core.domain.events import Event

GOLDEN = Path(__file__).parent / "golden" / "events-1.jsonl"
LINES = GOLDEN.read_bytes().splitlines() if GOLDEN.exists() else []


def kind_of(line: bytes) -> str:
    return str(json.loads(line)["event"]).partition(".")[0]


@pytest.mark.parametrize("line", LINES, ids=kind_of)
def test_it_decodes_to_every_value_written_and_encodes_to_the_same_bytes(line: bytes) -> None:
    event = decode(kind_of(line), line)
    assert encode(event) == (kind_of(line), line)
    # Read without our canonical writer: tuples and sets are lists in JSON.
    assert json.loads(json.dumps(msgspec.to_builtins(event, order="sorted"))) == json.loads(line)


def test_every_kind_of_event_has_its_line_and_only_one() -> None:
    assert sorted(map(kind_of, LINES)) == sorted(kind.__name__ for kind in KINDS)


@pytest.mark.parametrize("line", LINES, ids=kind_of)
def test_every_field_of_a_line_holds_something_of_its_own(line: bytes) -> None:
    fields = json.loads(line)
    assert all(value not in (None, "", [], {}) for value in fields.values())


def example(kind: inspect.Type, name: str = "") -> Any:
    """A value for every field, told from its neighbours by the field's own name."""
    match kind:
        case inspect.StructType(fields=fields, tag=tag, tag_field=tag_field):
            plain = {field.encode_name: example(field.type, field.name) for field in fields}
            return plain if tag_field is None else {tag_field: tag, **plain}
        case inspect.UnionType(types=types):
            return example(next(each for each in types if not isinstance(each, inspect.NoneType)), name)
        case inspect.EnumType(cls=cls):
            return list(cls)[len(name) % len(cls)].value
        case inspect.DictType(value_type=value):
            return {f"{name} {mark}": example(value, f"{name}{mark}") for mark in ("é", "b")}
        case inspect.VarTupleType(item_type=item) | inspect.FrozenSetType(item_type=item):
            return [example(item, name)]
        case inspect.TupleType(item_types=items):
            return [example(item, f"{name}{place}") for place, item in enumerate(items)]
        case inspect.StrType():
            return f'{name} “ü” "\\ \n'
        case inspect.DecimalType():
            return f"{len(name)}.{sum(name.encode())}0"
        case inspect.BoolType():
            return len(name) % 2 == 0
        case inspect.IntType():
            return 1_767_268_800_000_000 + sum(name.encode())
        case _:
            raise AssertionError(f"no example of {kind}")


def made(kind: type[Event]) -> bytes:
    return encode(msgspec.convert(example(inspect.type_info(kind)), kind))[1]


if __name__ == "__main__":
    known = {kind_of(line): line for line in LINES}
    GOLDEN.write_bytes(b"".join(known.get(kind.__name__, made(kind)) + b"\n" for kind in KINDS))

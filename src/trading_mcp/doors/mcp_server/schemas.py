"""Schemas as an assistant sees them: made from the types, without titles, times as text, the envelope in each."""

from __future__ import annotations

from typing import Any, Final, cast

import msgspec

from trading_mcp.desk.answers import Answer
from trading_mcp.doors.mcp_server.tool import Arguments

# Microseconds inside; an assistant reads and writes them as other people do.
TIMES: Final = frozenset({"at", "since", "opened_at", "expires_at", "effective_at", "started_at", "start", "until"})
ENVELOPE: Final = ("mode", "venue", "trading_state", "state_reason", "as_of", "journal_seq")

Schema = dict[str, Any]


def input_schema(arguments: type[Arguments]) -> Schema:
    """Return what a tool takes."""
    schema = _whole(arguments)
    schema["additionalProperties"] = False
    return schema


def output_schema(answer: type[Answer]) -> Schema:
    """Return what a tool answers, with what stands on every reply."""
    schema = _whole(answer, is_output=True)
    for name in ENVELOPE:
        schema["properties"].setdefault(name, {"type": "integer" if name == "journal_seq" else "string"})
    schema["required"] = list(dict.fromkeys([*schema.get("required", ()), *ENVELOPE]))
    return schema


def _whole(kind: type[msgspec.Struct], *, is_output: bool = False) -> Schema:
    (reference,), parts = msgspec.json.schema_components([kind], schema_hook=_anything, ref_template="#/$defs/{name}")
    name = str(reference["$ref"]).rpartition("/")[2]
    whole: Schema = _trimmed(parts.pop(name), is_output=is_output)
    whole.pop("description", None)
    if parts:
        whole["$defs"] = {name: _trimmed(part, is_output=is_output) for name, part in parts.items()}
    return whole


def _anything(_: type) -> Schema:
    """Return the schema of what stands as it was recorded."""
    return {"description": "as it was recorded"}


def _plain(part: object, *, is_output: bool) -> object:
    if isinstance(part, list):
        return [_plain(each, is_output=is_output) for each in cast("list[object]", part)]
    return _trimmed(cast("Schema", part), is_output=is_output) if isinstance(part, dict) else part


def _trimmed(part: Schema, *, is_output: bool) -> Schema:
    """Return a schema without titles and defaults that say nothing; times of an answer are text."""
    kept: Schema = {}
    for key, value in part.items():
        if key == "properties":
            kept[key] = {
                name: {"type": "string"} if is_output and name in TIMES else _plain(each, is_output=is_output)
                for name, each in value.items()
            }
        elif not (key == "title" or (key == "description" and is_output) or (key == "default" and _is_empty(value))):
            kept[key] = _plain(value, is_output=is_output)
    if kept.get("additionalProperties") == {}:
        kept["additionalProperties"] = True  # the same said so that no client takes it for an oversight
    return kept


def _is_empty(default: object) -> bool:
    return default in ("", None, [], {})

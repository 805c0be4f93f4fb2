"""Events to canonical bytes and back; every tag carries its version, and old ones are read for ever."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from trading_mcp.core.canonical import canonical
from trading_mcp.core.domain.events import AnyEvent, Event

_decoder: Final = msgspec.json.Decoder(AnyEvent)
# What bytes that are not ours can raise: a shape, a number or a text no event has, or a nesting without end.
_FOREIGN: Final = (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError)


class UnknownEvent(ValueError):
    """Bytes whose tag this version does not know, or whose shape does not fit it."""


class Upcaster(NamedTuple):
    """How an event written under an old tag becomes one of a later tag; the fields come and go as plain JSON."""

    tag: str
    fields: Callable[[dict[str, Any]], dict[str, Any]]


# A changed shape gets a new tag, and its old tag a line here; no line is ever removed.
UPCASTERS: Final[dict[str, Upcaster]] = {}


def encode(event: Event) -> tuple[str, bytes]:
    """Return an event's kind and its canonical body: sorted keys, decimals as strings, UTF-8."""
    return type(event).__name__, canonical(event)


def decode(kind: str, body: bytes, upcasters: Mapping[str, Upcaster] = UPCASTERS) -> AnyEvent:
    """Read an event back; the kind beside the body must be the one inside it."""
    try:
        event, inside = _read(body, upcasters)
    except _FOREIGN as error:
        raise UnknownEvent(f"an entry of kind {kind[:40]!r} cannot be read: {error}") from error
    if inside != kind:
        raise UnknownEvent(f"an entry of kind {kind[:40]!r} holds {inside[:40]!r}")
    return event


def _read(body: bytes, upcasters: Mapping[str, Upcaster]) -> tuple[AnyEvent, str]:
    """Return an event and the kind its bytes name: of today's shape at once, of an older one step by step."""
    try:
        event = _decoder.decode(body)
    except msgspec.ValidationError:
        fields = msgspec.json.decode(body, type=dict[str, Any])
        written = tag = str(fields.get("event"))
        if tag not in upcasters:
            raise
        while tag in upcasters:
            tag, upcast = upcasters[tag]
            fields = {**upcast(fields), "event": tag}
        return msgspec.convert(fields, AnyEvent), written.partition(".")[0]
    return event, type(event).__name__

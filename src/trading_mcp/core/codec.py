"""Events to canonical bytes and back; every tag carries its version, and old ones are read for ever."""

import msgspec

from trading_mcp.core.domain.events import AnyEvent, Event

_encoder = msgspec.json.Encoder(order="sorted", decimal_format="string")
_decoder = msgspec.json.Decoder(AnyEvent)


class UnknownEvent(ValueError):
    """Bytes whose tag this version does not know, or whose shape does not fit it."""


def encode(event: Event) -> tuple[str, bytes]:
    """Return an event's kind and its canonical body: sorted keys, decimals as strings, UTF-8."""
    return type(event).__name__, _encoder.encode(event)


def decode(kind: str, body: bytes) -> AnyEvent:
    """Read an event back; the kind beside the body must be the one inside it."""
    try:
        event = _decoder.decode(body)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise UnknownEvent(f"an entry of kind {kind[:40]!r} cannot be read: {error}") from error
    if type(event).__name__ != kind:
        raise UnknownEvent(f"an entry of kind {kind[:40]!r} holds a {type(event).__name__}")
    return event

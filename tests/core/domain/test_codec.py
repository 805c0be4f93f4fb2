"""Events as bytes: canonical, whole, refused when foreign, and old ones read for ever."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.core.domain.making import EVIL, KINDS, NOON, allowed, events, intent
from trading_mcp.core import codec
from trading_mcp.core.codec import UnknownEvent, Upcaster, decode, encode
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import Notional, Quantity


def oracle(body: bytes) -> bytes:
    """The same JSON as another library writes it."""
    return json.dumps(json.loads(body), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_every_event_of_every_kind_comes_back_to_the_same_canonical_bytes(
    kind: type[e.Event], data: st.DataObject
) -> None:
    event = data.draw(events(kind))
    name, body = encode(event)
    assert name == kind.__name__
    assert body == oracle(body)
    with exactly():
        back = decode(name, body)
    assert type(back) is kind
    # Not a number equals nothing, itself included: the bytes say what came back.
    assert encode(back) == (name, body)


@pytest.mark.parametrize("evil", EVIL)
def test_a_denied_intent_is_journaled_whatever_its_numbers(evil: str) -> None:
    for amount in (Quantity(Decimal(evil)), Notional(Decimal(evil))):
        wish = intent(amount=amount, limit_price=Decimal(evil), stop_price=Decimal(evil))
        event = e.IntentJudged(at=NOON, intent=wish, verdict=allowed())
        back = decode(*encode(event))
        assert isinstance(back, e.IntentJudged)
        assert str(back.intent.limit_price) == evil
        assert encode(back) == encode(event)


def test_the_order_in_which_things_were_put_in_does_not_show() -> None:
    values = {"account": Decimal(1), "market/crypto": Decimal(2)}
    first = e.Marked(at=NOON, day="d", market_days={}, values=values)
    second = e.Marked(at=NOON, day="d", market_days={}, values=dict(reversed(values.items())))
    assert encode(first) == encode(second)


STARTED = b'{"at":1,"event":"DeskStarted.1","version":"1"}'


@pytest.mark.parametrize(
    ("kind", "body", "told"),
    [
        ("DeskStarted", STARTED.replace(b".1", b".2"), "cannot be read"),
        ("DeskStarted", STARTED.replace(b"Started", b"Dreamt"), "cannot be read"),
        ("DeskStopped", STARTED, "holds 'DeskStarted'"),
        ("DeskStarted", b'{"at":1,"event":"DeskStarted.1"}', "cannot be read"),
        ("DeskStarted", STARTED.replace(b"}", b',"more":1}'), "cannot be read"),
        ("DeskStarted", STARTED.replace(b"1,", b'"1",'), "cannot be read"),
        ("DeskStarted", STARTED.replace(b'"1"', b'"\xff"'), "cannot be read"),
        ("DeskStarted", STARTED.replace(b'"1"', b'"\\ud800"'), "cannot be read"),
        ("DeskStarted", STARTED[:-1], "cannot be read"),
        ("DeskStarted", STARTED + b"x", "cannot be read"),
        ("DeskStarted", b"", "cannot be read"),
        ("DeskStarted", b"[]", "cannot be read"),
        ("DeskStarted", b"{}", "cannot be read"),
        ("DeskStarted", b'{"event":[]}', "cannot be read"),
        ("DeskStarted", b"[" * 100_000, "cannot be read"),
        ("Adjusted", b'{"event":"Adjusted.1","amount":"one","at":1}', "cannot be read"),
        ("x" * 1000, STARTED, "holds 'DeskStarted'"),
    ],
)
def test_bytes_that_are_no_event_of_ours_are_refused_in_a_sentence(kind: str, body: bytes, told: str) -> None:
    for run in (lambda: decode(kind, body), lambda: _exactly(kind, body)):
        with pytest.raises(UnknownEvent, match=told) as caught:
            run()
        assert str(caught.value).startswith(f"an entry of kind {kind[:40]!r}")
        assert len(str(caught.value)) < 300


def _exactly(kind: str, body: bytes) -> e.AnyEvent:
    with exactly():
        return decode(kind, body)


def _told_why(fields: dict[str, Any]) -> dict[str, Any]:
    return {"reason": fields.pop("why"), **fields}


def _named(fields: dict[str, Any]) -> dict[str, Any]:
    return {"reason": "nobody said", **fields}


def _placed(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "venue": "paper"}


OLD = {
    "DeskEnded.0": Upcaster(tag="DeskStopped.0", fields=_told_why),
    "DeskStopped.0": Upcaster(tag="DeskStopped.1", fields=_named),
}


def test_an_old_tag_is_read_as_the_event_of_today() -> None:
    body = b'{"at":5,"event":"DeskStopped.0"}'
    assert decode("DeskStopped", body, OLD) == e.DeskStopped(at=5, reason="nobody said")
    with pytest.raises(UnknownEvent):
        decode("DeskStopped", body)


def test_an_older_tag_climbs_step_by_step_and_keeps_the_kind_it_was_written_under() -> None:
    body = b'{"at":5,"event":"DeskEnded.0","why":"night"}'
    assert decode("DeskEnded", body, OLD) == e.DeskStopped(at=5, reason="night")
    with pytest.raises(UnknownEvent, match="holds 'DeskEnded'"):
        decode("DeskStopped", body, OLD)


def test_an_old_event_reads_numbers_and_names_as_today_does() -> None:
    old = {"Adjusted.0": Upcaster(tag="Adjusted.1", fields=_placed)}
    body = b'{"amount":"0.10","asset":"USDT","at":1,"event":"Adjusted.0","kind":"fee"}'
    found = decode("Adjusted", body, old)
    assert isinstance(found, e.Adjusted)
    assert str(found.amount) == "0.10"
    assert found.venue == "paper"


def test_an_old_event_that_cannot_be_carried_over_is_refused() -> None:
    with pytest.raises(UnknownEvent, match="cannot be read"):
        decode("DeskStopped", b'{"at":"x","event":"DeskStopped.0"}', OLD)


def test_no_tag_of_today_is_also_an_old_one() -> None:
    today = {kind.__struct_config__.tag for kind in KINDS}
    assert not today & set(codec.UPCASTERS)
    assert len(today) == len(KINDS)
    assert all(msgspec.json.decode(encode(e.Woke(at=1))[1])["event"] == "Woke.1" for _ in today)

"""A connection that lies about its era, mixes both, or is no client by what it says: answered, never believed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.desk.world import BTC
from tests.doors.mcp_server.conftest import door_of, wired
from tests.security.auditor import Auditor
from tests.security.payloads import PAYLOADS
from tests.security.wire import HANDSHAKE, MODERN, Body, Raw, Ready, Watched, assisted, enveloped, lived, said
from trading_mcp.core.domain import events as e

INFO: Final[Body] = {"name": "raw", "version": "1"}
TRADE: Final[Body] = {"name": "execute_trade", "arguments": {"pair": BTC, "side": "buy", "notional": "100"}}
DEEP: Final[Any] = [[[[[[[[]]]]]]]]
# What stands in the parameters of the first request of a connection; none of these is an envelope.
BROKEN: Final[dict[str, Body]] = {
    "nothing": {},
    "no table": {"_meta": []},
    "an empty one": {"_meta": {}},
    "an era to come": enveloped("2099-01-01", INFO, {}),
    "an era that had none": enveloped(HANDSHAKE, INFO, {}),
    "no era": enveloped(None, INFO, {}),
    "an era that is no text": enveloped(20260728, INFO, {}),
    "a client without a name": enveloped(MODERN, {}, {}),
    "a client that is a text": enveloped(MODERN, "the owner", {}),
    "a name that is a table": enveloped(MODERN, {"name": {"door": "cli"}, "version": DEEP}, {}),
    "abilities that are a list": enveloped(MODERN, INFO, []),
}


def trades(world: Watched) -> list[str]:
    return [event.intent.client for event in world.events() if isinstance(event, e.IntentJudged)]


@pytest.mark.parametrize("what", BROKEN)
def test_a_first_request_without_a_true_envelope_trades_nothing_and_is_answered(what: str, tmp_path: Path) -> None:
    async def story(world: Watched, _: Ready) -> None:
        await world.ready()
        door = door_of(world)
        async with wired(door) as (reader, writer):
            client = Raw(reader, writer)
            client.envelope = BROKEN[what]
            assert "protocol" in said(await client.ask("tools/call", **TRADE))
        await door.close()
        assert not trades(world)

    lived(tmp_path, story)


@pytest.mark.parametrize("began", [MODERN, HANDSHAKE])
def test_a_connection_keeps_the_era_it_began_with(began: str, tmp_path: Path) -> None:
    async def told(world: Watched, client: Raw) -> None:
        other = enveloped(MODERN, {"name": "the owner", "version": "cli"}, {}) if began == HANDSHAKE else {}
        true, client.envelope = client.envelope, other
        assert "protocol" in said(await client.ask("tools/call", **TRADE))
        if began == MODERN:
            hello = {
                "protocolVersion": HANDSHAKE,
                "capabilities": {},
                "clientInfo": {"name": "owner", "version": "1"},
            }
            assert "protocol" in said(await client.ask("initialize", **hello))
            assert "protocol" in said(await client.ask("tools/call", **TRADE))
        assert not trades(world)
        client.envelope = true
        assert (await client.call("execute_trade", **TRADE["arguments"]))["status"] == "filled"

    world = assisted(tmp_path, began, told)
    assert trades(world) == ["raw 1"]
    Auditor(world).require_whole()


def test_a_name_that_changes_with_each_request_is_a_label_and_gets_nobody_more(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Limits and withdrawals go by the door: a new name is no new assistant."""
    names = [each for each in PAYLOADS if len(each) < 4_000][::3]

    async def told(world: Watched, client: Raw) -> None:
        limit = world.desk.book.policy.account.rate_orders_max
        for number, name in enumerate(names):
            client.envelope = enveloped(MODERN, {"name": name, "version": name, "title": name}, {"elicitation": {}})
            body = await client.call("execute_trade", **{**TRADE["arguments"], "intent_id": f"n{number}"})
            assert "error" not in body or body["error"]["code"] == "UsageInvalid", body
        cleared = [event for event in world.events() if isinstance(event, e.OrderCleared)]
        assert 1 <= len(cleared) <= limit

    world = assisted(tmp_path, MODERN, told)
    heard = {event.client for event in world.events() if isinstance(event, e.ToolCalled)}
    assert all(len(name) <= 80 and name.isprintable() for name in heard)
    assert {event.session for event in world.events() if isinstance(event, e.ToolCalled)} == {"s1"}
    record_property("sampled", f"{len(names)} names, {len(heard)} labels")
    Auditor(world).require_whole()

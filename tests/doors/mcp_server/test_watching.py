"""Watching: a notice for what changed, in both eras; many changes are one, and who does not read delays nobody."""

import asyncio
import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client, MCPError, types
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPDeprecationWarning
from mcp.shared.subscriptions import ResourceUpdated

from tests.cli.desks import PROGRAM, DeskProcess
from tests.desk.world import BTC, SOL, World
from tests.doors.mcp_server.conftest import Play, connected, door_of, wired
from tests.doors.mcp_server.test_sessions import HELLO, READY, call, lines
from tests.doors.mcp_server.web import opened
from tests.places import short
from trading_mcp.doors.mcp_server.changes import PAUSE
from trading_mcp.doors.mcp_server.door import McpDoor
from trading_mcp.doors.mcp_server.watching import ADDRESSES_MAX, STREAMS_MAX

_ = short
ALL = ("desk://status", "desk://policy", "desk://positions", "desk://proposals/order/two")


def watched(world: World) -> McpDoor:
    """A door that learns what its desk records, as in a desk that runs."""
    door = door_of(world)
    world.desk.ports = replace(world.desk.ports, views=door.happened)
    return door


def subscribe(number: int, uri: str, *, off: bool = False) -> dict[str, Any]:
    method = "resources/unsubscribe" if off else "resources/subscribe"
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": {"uri": uri}}


class Heard:
    """What a raw client of the handshake era hears: notices apart from answers."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self.notices: list[str] = []
        self._reader = reader

    async def until(self, number: int) -> dict[str, Any]:
        """Read up to the answer to a request."""
        while True:
            message = json.loads(await self._reader.readline())
            if message.get("method") == "notifications/resources/updated":
                self.notices.append(message["params"]["uri"])
            if message.get("id") == number:
                return message


async def settle() -> None:
    """Let more than the pause between two notices pass, on a loop where time costs nothing."""
    await asyncio.sleep(4 * PAUSE)


def test_a_subscriber_of_the_handshake_era_is_told_what_to_read_again(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        async with wired(watched(world)) as (reader, writer):
            heard = Heard(reader)
            asked = (subscribe(number, uri) for number, uri in enumerate(ALL, 10))
            writer.write(lines(HELLO, READY, *asked))
            welcome = await heard.until(1)
            assert welcome["result"]["capabilities"]["resources"]["subscribe"] is True
            assert (await heard.until(13))["result"] == {}
            writer.write(lines(call(2, "execute_trade", pair=BTC, side="buy", notional="100", intent_id="one")))
            await heard.until(2)
            await settle()
            writer.write(lines(call(3, "execute_trade", pair=SOL, side="buy", notional="280", intent_id="two")))
            await heard.until(3)
            assert set(heard.notices) == {"desk://status", "desk://positions"}
            heard.notices.clear()
            await settle()
            writer.write(lines(call(4, "set_guardrails", changes={"account.orders_open_max": "3"})))
            await heard.until(4)
            assert set(heard.notices) == {"desk://status", "desk://proposals/order/two"}
            heard.notices.clear()
            await settle()
            writer.write(lines(subscribe(5, "desk://status", off=True)))
            await heard.until(5)
            assert heard.notices == ["desk://policy"]
            heard.notices.clear()
            writer.write(lines(call(6, "kill_switch", reason="enough")))
            await heard.until(6)
            await settle()
            writer.write(lines(call(7, "get_agent_status")))
            await heard.until(7)
            assert "desk://status" not in heard.notices

    play(story)


def test_a_stream_of_the_newer_era_carries_the_same_notices(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        async with connected(watched(world)) as assistant:
            client = assistant.client
            resources = client.server_capabilities.resources
            assert resources is not None
            assert resources.subscribe
            async with client.listen(
                resource_subscriptions=["desk://status", "desk://proposals/order%2Ftwo"]
            ) as stream:
                await assistant.calls("execute_trade", pair=BTC, side="buy", notional="280", intent_id="two")
                told = {await anext(stream), await anext(stream)}
                assert told == {ResourceUpdated("desk://status"), ResourceUpdated("desk://proposals/order%2Ftwo")}
                # A read is journaled and changes nothing that is watched.
                await assistant.calls("get_agent_status")
                await client.read_resource("desk://status")
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(anext(stream), 10)

    play(story)


def test_many_changes_are_one_notice(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        async with wired(watched(world)) as (reader, writer):
            heard = Heard(reader)
            writer.write(lines(HELLO, READY, subscribe(2, "desk://policy")))
            await heard.until(2)
            changes = (
                call(number, "set_guardrails", changes={"account.orders_open_max": str(20 - number)})
                for number in range(3, 13)
            )
            writer.write(lines(*changes))
            for number in range(3, 13):
                assert (await heard.until(number))["result"]["structuredContent"]["status"] == "changed"
            await settle()
            writer.write(lines(call(13, "get_agent_status")))
            await heard.until(13)
            assert heard.notices == ["desk://policy"]

    play(story)


def test_a_client_that_does_not_read_delays_neither_the_desk_nor_another_client(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        door = watched(world)
        async with wired(door) as (deaf_reader, deaf_writer), wired(door) as (reader, writer):
            deaf, heard = Heard(deaf_reader), Heard(reader)
            for each, pen in ((deaf, deaf_writer), (heard, writer)):
                pen.write(lines(HELLO, READY, subscribe(2, "desk://policy")))
                await each.until(2)
            # Its answers fill what lies between it and the desk; it reads none of them.
            deaf_writer.write(lines(*(call(number, "get_guardrails") for number in range(3, 300))))
            await asyncio.sleep(1)
            for number in range(3, 6):
                change = {"account.orders_open_max": str(20 - number)}
                writer.write(lines(call(number, "set_guardrails", changes=change)))
                assert (await heard.until(number))["result"]["structuredContent"]["status"] == "changed"
                await settle()
            writer.write(lines(call(6, "get_agent_status")))
            await heard.until(6)
            assert heard.notices == ["desk://policy"] * 3
            for number in range(3, 300):
                await deaf.until(number)
            await settle()
            deaf_writer.write(lines(call(300, "get_agent_status")))
            await deaf.until(300)
            assert 1 <= len(deaf.notices) <= 3

    play(story)


def test_watching_has_an_end_in_number(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        door = watched(world)
        async with wired(door) as (reader, writer):
            heard = Heard(reader)
            asked = (subscribe(number, f"desk://journal/{number}") for number in range(2, 3 + ADDRESSES_MAX))
            writer.write(lines(HELLO, READY, *asked, subscribe(999, "desk://" + "x" * 1_000)))
            for number in range(2, 2 + ADDRESSES_MAX):
                assert (await heard.until(number))["result"] == {}
            assert f"at most {ADDRESSES_MAX}" in (await heard.until(2 + ADDRESSES_MAX))["error"]["message"]
            assert "1007" in (await heard.until(999))["error"]["message"]
        async with connected(door) as assistant:
            with pytest.raises(MCPError, match=f"at most {ADDRESSES_MAX}"):
                async with assistant.client.listen(resource_subscriptions=[f"desk://{n}" for n in range(101)]):
                    pass
            streams = [assistant.client.listen(resource_subscriptions=["desk://status"]) for _ in range(STREAMS_MAX)]
            for stream in streams:
                await stream.__aenter__()
            with pytest.raises(MCPError, match=f"at most {STREAMS_MAX} streams"):
                async with assistant.client.listen(resource_subscriptions=["desk://status"]):
                    pass
            await streams.pop().__aexit__(None, None, None)
            async with assistant.client.listen(resource_subscriptions=["desk://status"]):
                pass
            for stream in reversed(streams):
                await stream.__aexit__(None, None, None)

    play(story)


def test_a_connection_that_is_gone_watches_no_more(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        door = watched(world)
        for _ in range(STREAMS_MAX + 1):
            async with wired(door) as (reader, writer):
                writer.write(lines(HELLO, READY, subscribe(2, "desk://status")))
                assert (await Heard(reader).until(2))["result"] == {}
                assert len(door._watching._watchers) == 1
        assert door._watching._watchers == {}

    play(story)


async def test_over_http_both_eras_are_told_too(tmp_path: Path) -> None:
    loop: Any = asyncio.get_running_loop()
    world = World(loop, tmp_path)
    await world.ready()
    door = watched(world)
    async with opened(world, tmp_path, door) as site:
        heard: asyncio.Queue[str] = asyncio.Queue()

        async def hear(message: object) -> None:
            if isinstance(message, types.ResourceUpdatedNotification):
                heard.put_nowait(message.params.uri)

        async with (
            httpx2.AsyncClient(headers=site.headers()) as http,
            Client(streamable_http_client(site.url, http_client=http), mode="legacy", message_handler=hear) as older,
            site.connected("trader", "auto") as newer,
            newer.client.listen(resource_subscriptions=["desk://policy"]) as stream,
        ):
            with pytest.warns(MCPDeprecationWarning):
                await older.subscribe_resource("desk://policy")  # pyright: ignore[reportDeprecated]
            await newer.calls("set_guardrails", changes={"account.orders_open_max": "3"})
            assert await asyncio.wait_for(anext(stream), 20) == ResourceUpdated("desk://policy")
            assert await asyncio.wait_for(heard.get(), 20) == "desk://policy"
            assert len(door._watching._watchers) == 1
        await world.until(lambda: not (door._watching._watchers or door._watching._streams), 20)
    await world.crash()


async def test_one_token_does_not_take_the_notices_of_others(tmp_path: Path) -> None:
    loop: Any = asyncio.get_running_loop()
    world = World(loop, tmp_path)
    await world.ready()
    async with opened(world, tmp_path, watched(world)) as site, httpx2.AsyncClient() as http:

        async def subscribed(role: str) -> str:
            session = await site.begins(http, role)
            await http.post(site.url, json=READY, headers=session)
            return (await http.post(site.url, json=subscribe(2, "desk://status"), headers=session)).text

        for _ in range(STREAMS_MAX):
            assert '"result":{}' in await subscribed("trader")
        assert f"at most {STREAMS_MAX} sessions" in await subscribed("trader")
        assert '"result":{}' in await subscribed("reader")
    await world.crash()


def test_a_desk_that_runs_tells_who_watches_it_through_the_bridge(short: Path) -> None:
    desk = DeskProcess(short).start()
    bridge = subprocess.Popen(
        [*PROGRAM, "--home", desk.home], env=desk.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert bridge.stdin is not None
        assert bridge.stdout is not None
        change = call(3, "set_guardrails", changes={"account.orders_open_max": "3"})
        bridge.stdin.write(lines(HELLO, READY, subscribe(2, "desk://policy"), change))
        bridge.stdin.flush()
        told = [json.loads(bridge.stdout.readline()) for _ in range(4)]
        assert sorted(each["id"] for each in told if "id" in each) == [1, 2, 3]
        notices = [each["params"] for each in told if each.get("method") == "notifications/resources/updated"]
        assert notices == [{"uri": "desk://policy"}]
    finally:
        bridge.kill()
        bridge.communicate()
        desk.end()

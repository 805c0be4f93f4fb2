"""The door by HTTP: the same tools in both eras, a role for each token, and every refusal one sentence."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.desk.world import BTC, World
from tests.doors.mcp_server.conftest import Play, door_of
from tests.doors.mcp_server.web import HELLO, Loopback, Site, opened
from trading_mcp.adapters.system.tokens import Tokens
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.orders import Door
from trading_mcp.doors.http_guard import BODY_MAX
from trading_mcp.doors.mcp_server.http import CONNECTIONS_MAX, LAST_ANSWERS_WITHIN, REQUEST_WITHIN, HttpDoor

Visit = Callable[[World, Site], Awaitable[None]]
Visits = Callable[[Visit], World]


@pytest.fixture
def visit(play: Play, tmp_path: Path) -> Visits:
    """`visit(story)`: live through a story with a desk that is ready and its HTTP door."""

    def visited(told: Visit) -> World:
        async def story(world: World) -> None:
            await world.ready()
            async with opened(world, tmp_path) as site:
                await told(world, site)

        return play(story, Loopback())

    return visited


@pytest.mark.proves("T17")
def test_a_trader_trades_in_both_eras_and_the_journal_names_the_token(visit: Visits, era: str) -> None:
    async def story(world: World, site: Site) -> None:
        async with site.connected("trader", era) as assistant:
            traded = await assistant.calls("execute_trade", pair=BTC, side="buy", notional="100", intent_id="one")
            assert traded["status"] == "filled"
            await assistant.calls("kill_switch", reason="enough")

    events = visit(story).events()
    called = [each for each in events if isinstance(each, e.ToolCalled)]
    assert [(each.tool, each.door, each.client) for each in called] == [
        ("execute_trade", Door.HTTP, "the-trader"),
        ("kill_switch", Door.HTTP, "the-trader"),
    ]
    assert all(each.call_id.startswith("http-") for each in called)
    judged = next(each for each in events if isinstance(each, e.IntentJudged))
    assert (judged.intent.door, judged.intent.client) == (Door.HTTP, "the-trader")


@pytest.mark.proves("T17")
def test_a_reader_has_what_reads_and_nothing_else(visit: Visits, era: str) -> None:
    async def story(world: World, site: Site) -> None:
        async with site.connected("reader", era) as reader, site.connected("trader", era) as trader:
            shown = (await reader.client.list_tools()).tools
            offered = {tool.name for tool in (await trader.client.list_tools()).tools}
            assert all(tool.annotations is not None and tool.annotations.read_only_hint for tool in shown)
            assert {tool.name for tool in shown} < offered
            assert "execute_trade" in offered
            assert (await reader.calls("get_agent_status"))["mode"] == "SIMULATED"
            with pytest.raises(Exception, match="There is no tool execute_trade here"):
                await reader.client.call_tool("execute_trade", {"pair": BTC, "side": "buy", "notional": "100"})

    assert not any(isinstance(each, e.IntentJudged) for each in visit(story).events())


def test_a_session_belongs_to_the_token_that_began_it(visit: Visits) -> None:
    async def story(world: World, site: Site) -> None:
        other = site.tokens.make("another", "trader")
        ask = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
        async with httpx2.AsyncClient() as http:
            session = await site.begins(http)
            assert (await http.post(site.url, json=ask, headers=session)).status_code == 200
            for secret in (other, site.secrets["reader"]):
                stolen = {**session, "Authorization": f"Bearer {secret}"}
                assert (await http.post(site.url, json=ask, headers=stolen)).status_code == 404

    visit(story)


REFUSED: list[tuple[str, dict[str, Any], int, str]] = [
    ("a name that was made to lead here", {"headers": {"Host": "evil.example:{port}"}}, 421, "not evil.example"),
    ("another port", {"headers": {"Host": "127.0.0.1:1"}}, 421, "Send `Host: 127.0.0.1:{port}`"),
    ("no port", {"headers": {"Host": "127.0.0.1"}}, 421, "Send `Host: 127.0.0.1:{port}`"),
    ("a page from a file", {"headers": {"Origin": "null"}}, 403, "Pages of null may not ask here"),
    (
        "a page of another port",
        {"headers": {"Origin": "http://127.0.0.1:3000"}},
        403,
        "Pages of http://127.0.0.1:3000",
    ),
    ("a page that calls us otherwise", {"headers": {"Origin": "http://localhost:{port}"}}, 403, "may not ask here"),
    ("the same in TLS", {"headers": {"Origin": "https://127.0.0.1:{port}"}}, 403, "may not ask here"),
    ("no token", {"headers": {"Authorization": ""}}, 401, "trading-mcp token new"),
    ("another scheme", {"headers": {"Authorization": "Basic dHJhZGVyOng="}}, 401, "Send `Authorization: Bearer"),
    ("nothing after Bearer", {"headers": {"Authorization": "Bearer"}}, 401, "Send `Authorization: Bearer"),
    ("a token that was never made", {"headers": {"Authorization": "Bearer tmcp_x"}}, 401, "opens nothing here"),
    ("a token that is too long", {"headers": {"Authorization": "Bearer " + "x" * 5_000}}, 401, "opens nothing here"),
    ("another address", {"path": "/"}, 404, "nothing here but /mcp"),
    ("a token in the address", {"path": "/mcp?token=x"}, 400, "ends in logs"),
    ("another method", {"method": "PUT"}, 405, "POST, GET, DELETE"),
    ("what a browser asks first", {"method": "OPTIONS"}, 405, "POST, GET, DELETE"),
    ("a body that is too long", {"content": b" " * (BODY_MAX + 1)}, 413, "at most 1,048,576 bytes"),
]


@pytest.mark.parametrize(("given", "status", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_is_not_for_this_door_is_refused_in_a_sentence(
    visit: Visits, given: dict[str, Any], status: int, words: str
) -> None:
    async def story(world: World, site: Site) -> None:
        headers = {key: value.format(port=site.port) for key, value in given.get("headers", {}).items()}
        asked: dict[str, Any] = {"json": HELLO} if "content" not in given else {}
        arguments: dict[str, Any] = {**asked, **given, "headers": headers}
        answer = await site.asks(**arguments)
        assert answer.status_code == status, answer.text
        said = answer.json()["error"]["message"]
        assert words.format(port=site.port) in said
        assert ("www-authenticate" in answer.headers) == (status == 401)
        assert "access-control-allow-origin" not in answer.headers

    assert not any(isinstance(each, e.ToolCalled) for each in visit(story).events())


def test_a_body_that_grows_too_long_on_its_way_is_refused(visit: Visits) -> None:
    async def endless() -> Any:
        for _ in range(33):
            yield b" " * 32_768

    async def story(world: World, site: Site) -> None:
        answer = await site.asks(content=endless())
        assert (answer.status_code, "at most" in answer.json()["error"]["message"]) == (413, True)

    visit(story)


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        (b"POST /mcp HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 400, b"one Host"),
        (b"POST /mcp HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 0\r\n\r\n", 400, b"one Host"),
        (b"POST /mcp HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n", 505, b"this is HTTP/1.0"),
        (b"POST /mcp HTTP/1.0\r\n\r\n", 505, b"this is HTTP/1.0"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, b"a client that speaks HTTP/1.1"),
    ],
    ids=["no host", "two hosts", "HTTP/1.0", "HTTP/1.0 without a host", "TLS"],
)
def test_what_is_no_request_of_ours_is_refused_before_it_is_read(
    visit: Visits, data: bytes, status: int, words: bytes
) -> None:
    async def story(world: World, site: Site) -> None:
        answer = await site.says(data)
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert words in answer

    visit(story)


def test_a_page_of_our_own_and_both_names_of_this_machine_are_let_in(visit: Visits) -> None:
    async def story(world: World, site: Site) -> None:
        for host in (f"127.0.0.1:{site.port}", f"localhost:{site.port}"):
            for origin in ("", f"http://{host}"):
                answer = await site.asks(json=HELLO, headers={"Host": host, "Origin": origin})
                assert answer.status_code == 200

    visit(story)


def test_a_token_that_was_taken_back_opens_nothing_and_ends_what_it_had_opened(visit: Visits) -> None:
    async def story(world: World, site: Site) -> None:
        async with httpx2.AsyncClient(timeout=None) as http:
            session = await site.begins(http)
            async with http.stream("GET", site.url, headers=session) as stream:
                assert stream.status_code == 200
                site.tokens.revoke("the-trader")
                assert [part async for part in stream.aiter_bytes()] == []
            again = await http.post(site.url, json=HELLO, headers=site.headers())
            assert (again.status_code, "opens nothing" in again.text) == (401, True)
            reader = await http.post(site.url, json=HELLO, headers=site.headers("reader"))
            assert reader.status_code == 200

    visit(story)


@pytest.mark.parametrize("era", ["handshake", "stateless"])
def test_a_desk_that_stops_ends_open_streams_and_lets_nobody_in(visit: Visits, era: str) -> None:
    async def story(world: World, site: Site) -> None:
        async with httpx2.AsyncClient(timeout=None) as http:
            if era == "handshake":
                session = await site.begins(http)
                asked = http.build_request("GET", site.url, headers=session)
            else:
                asked = http.build_request("POST", site.url, **stateless(site, "subscriptions/listen", LISTEN))
            stream = await http.send(asked, stream=True)
            assert stream.status_code == 200, await stream.aread()
            site.door.shut()
            late = await site.asks(json=HELLO)
            assert (late.status_code, "The desk stops" in late.text) == (503, True)
            if era == "handshake":
                await asyncio.wait_for(stream.aread(), LAST_ANSWERS_WITHIN / 2)  # it is not an answer to wait for
            await asyncio.wait_for(site.door.close(), 2 * LAST_ANSWERS_WITHIN)
            await stream.aread()
            with pytest.raises(httpx2.ConnectError):
                await site.asks(json=HELLO)

    visit(story)


LISTEN = {"notifications": {"resourceSubscriptions": ["desk://status"]}}
TRADE = {"name": "execute_trade", "arguments": {"pair": BTC, "side": "buy", "notional": "100", "intent_id": "lost"}}


def stateless(site: Site, method: str, params: dict[str, Any]) -> dict[str, Any]:
    """One request of the newer era, which stands by itself."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "1"},
    }
    name = {"Mcp-Name": params["name"]} if "name" in params else {}
    return {
        "headers": {**site.headers(), "Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": method, **name},
        "json": {"jsonrpc": "2.0", "id": 7, "method": method, "params": {"_meta": meta, **params}},
    }


async def handshaken(site: Site, http: httpx2.AsyncClient, method: str, params: dict[str, Any]) -> dict[str, Any]:
    """The same request in a session of the handshake era."""
    ask = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
    return {"headers": await site.begins(http), "json": ask}


async def posted(site: Site, http: httpx2.AsyncClient, era: str) -> "asyncio.Task[httpx2.Response]":
    """A trade under way."""
    ask = (
        stateless(site, "tools/call", TRADE)
        if era == "stateless"
        else await handshaken(site, http, "tools/call", TRADE)
    )
    return asyncio.create_task(http.post(site.url, **ask))


@pytest.mark.parametrize("era", ["handshake", "stateless"])
def test_a_trade_whose_client_hangs_up_is_finished_and_journaled(visit: Visits, era: str) -> None:
    async def story(world: World, site: Site) -> None:
        async with httpx2.AsyncClient() as http:
            asking = await posted(site, http, era)
            await world.until(lambda: world.desk.book.intent("lost") is not None)
            asking.cancel()
            await asyncio.wait((asking,))
        await world.until(lambda: world.held() > 0)
        await world.until(lambda: any(isinstance(each, e.ToolAnswered) for each in world.events()))

    answered = [each for each in visit(story).events() if isinstance(each, e.ToolAnswered)]
    assert [each.status for each in answered] == ["filled"]


@pytest.mark.parametrize("era", ["handshake", "stateless"])
def test_a_desk_that_stops_still_answers_what_it_was_asked(visit: Visits, era: str) -> None:
    async def story(world: World, site: Site) -> None:
        async with httpx2.AsyncClient() as http:
            asking = await posted(site, http, era)
            await world.until(lambda: world.desk.book.intent("lost") is not None)
            site.door.shut()
            await site.door.close()
            answer = await asking
        assert answer.status_code == 200
        assert '"status":"filled"' in answer.text.replace(" ", "").replace("\\", "")

    visit(story)


@pytest.mark.parametrize("beginning", [b"", b"POST /mcp HTTP/1.1\r\nHost: 127"])
def test_who_only_knocks_is_not_waited_for_and_takes_no_more_than_there_is(visit: Visits, beginning: bytes) -> None:
    async def story(world: World, site: Site) -> None:
        knocking = [await asyncio.open_connection("127.0.0.1", site.port) for _ in range(CONNECTIONS_MAX + 20)]
        for _, writer in knocking:
            writer.write(beginning)
        await asyncio.sleep(REQUEST_WITHIN / 2)
        assert gone(knocking) == 20  # more than there may be
        assert (await site.says(b"")) == b""
        await asyncio.sleep(REQUEST_WITHIN)
        assert gone(knocking) == len(knocking)
        for _, writer in knocking:
            writer.close()
        assert (await site.asks(json=HELLO)).status_code == 200

    visit(story)


def gone(connections: Sequence[tuple[asyncio.StreamReader, asyncio.StreamWriter]]) -> int:
    return sum(reader.at_eof() or reader.exception() is not None for reader, _ in connections)


def test_a_client_that_asks_now_and_then_keeps_its_connection(visit: Visits) -> None:
    async def story(world: World, site: Site) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        ask = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\n\r\n".encode()
        for _ in range(5):
            writer.write(ask)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 404 ")
            await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
            await asyncio.sleep(0.4 * REQUEST_WITHIN)
        writer.close()

    visit(story)


def test_the_log_tells_of_a_second_of_refusals_in_a_line(visit: Visits, caplog: pytest.LogCaptureFixture) -> None:
    async def story(world: World, site: Site) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\n\r\n".encode() * 50)
        for _ in range(50):
            await reader.readuntil(b"/mcp.")
        await asyncio.sleep(2)
        writer.close()
        await site.asks(path="/")

    visit(story)
    told = [line for line in caplog.messages if line.startswith("refused: ")]
    assert len(told) < 10
    assert sum(1 + int(line.partition("(")[2].partition(" more")[0]) for line in told) == 51


def test_who_is_still_speaking_when_the_desk_stops_is_told(visit: Visits) -> None:
    async def story(world: World, site: Site) -> None:
        said = {"Host": f"127.0.0.1:{site.port}", **site.headers(), "Content-Length": "10"}
        head = "".join(f"{key}: {value}\r\n" for key, value in said.items())
        asking = asyncio.create_task(site.says(f"POST /mcp HTTP/1.1\r\n{head}\r\n".encode()))
        await world.until(lambda: bool(site.door._answering))
        await site.door.close()
        assert b"503" in (answer := await asking)
        assert b"The desk stops." in answer

    visit(story)


def test_what_nobody_foresaw_is_one_sentence_and_the_door_stays_open(
    visit: Visits, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(world: World, site: Site) -> None:
        with monkeypatch.context() as broken:
            broken.setattr(site.tokens, "holder", None)
            answer = await site.asks(json=HELLO)
            assert answer.status_code == 500
            assert answer.json()["error"]["message"].startswith("The desk could not answer that.")
        assert (await site.asks(json=HELLO)).status_code == 200

    visit(story)
    assert "a request failed" in caplog.messages


def test_a_door_that_fails_says_so_in_the_log_and_takes_nothing_with_it(
    play: Play, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(world: World) -> None:
        await world.ready()
        listener = socket.create_server(("127.0.0.1", 0))
        door = HttpDoor(door_of(world), Tokens(tmp_path, world.clock), listener)
        listener.close()
        door.open()
        await door.close()

    play(story, Loopback())
    assert "the HTTP door failed; the others go on" in caplog.messages


def test_no_token_reaches_the_log_and_nothing_the_terminal(
    visit: Visits, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    secrets: list[str] = []

    async def story(world: World, site: Site) -> None:
        secrets.extend(site.secrets.values())
        async with site.connected("trader", "legacy") as assistant:
            await assistant.calls("get_agent_status")
        await site.asks(path=f"/mcp?token={site.secrets['reader']}")
        await asyncio.sleep(2)
        await site.asks(headers={"Host": site.secrets["reader"]})
        await site.says(site.secrets["reader"].encode() + b"\r\n\r\n")

    visit(story)
    clients = ("httpcore2", "httpx2")  # these are the test's own
    ours = [each.getMessage() for each in caplog.records if not each.name.startswith(clients)]
    assert any("refused: 421" in line for line in ours)
    assert not any(secret in line for secret in secrets for line in ours)
    assert capfd.readouterr().out == ""

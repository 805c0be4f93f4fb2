"""Who may come in by HTTP, at the command line; and a desk that listens, as a process of its own."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client, types
from mcp.client.streamable_http import streamable_http_client

from tests.cli.desks import WITHIN, DeskProcess
from tests.places import short
from trading_mcp.adapters.system.clock import SystemClock
from trading_mcp.adapters.system.tokens import Tokens
from trading_mcp.bootstrap.homes import make_home, open_whole
from trading_mcp.bootstrap.http import OnRecord, listening, require_allowed
from trading_mcp.cli.client import Refusal, ask
from trading_mcp.cli.front import main
from trading_mcp.core.domain.home import Mode, Token
from trading_mcp.doors.local import requests as r
from trading_mcp.errors import DoorUnusable
from trading_mcp.place import Place, located

__all__ = ["short"]

Shown = pytest.CaptureFixture[str]


@pytest.fixture
def place(short: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    place = located("simulated")
    make_home(place)
    return place


def says(shown: Shown, *words: str) -> tuple[int, str]:
    code = main(list(words))
    told = shown.readouterr()
    return code, " ".join(f"{told.out} {told.err}".split())


def test_a_token_is_shown_once_listed_without_what_opens_and_taken_back(place: Place, capsys: Shown) -> None:
    assert says(capsys, "token", "list")[1].startswith("There is no token yet. Make one:")
    code, said = says(capsys, "token", "new", "laptop", "--role", "reader")
    secret = next(word for word in said.split() if word.startswith("tmcp_"))
    assert (code, "laptop may look and changes nothing." in said) == (0, True)
    code, said = says(capsys, "token", "new", "scripts", "--role", "trader", "--json")
    assert (code, json.loads(said)["answer"]["role"]) == (0, "trader")
    _, listed = says(capsys, "token", "list", "--json")
    assert [each["name"] for each in json.loads(listed)["answer"]["tokens"]] == ["laptop", "scripts"]
    _, page = says(capsys, "token", "list")
    assert "laptop reader" in page
    assert secret not in page + listed
    assert says(capsys, "token", "revoke", "laptop") == (0, "The token of laptop opens nothing any more.")
    _, gone = says(capsys, "token", "revoke", "scripts", "--json")
    assert json.loads(gone)["answer"] == {"name": "scripts", "role": "trader"}


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("token", "new", "laptop"), 2, "--role"),
        (("token", "new", "laptop", "--role", "owner"), 2, "Write --role reader or --role trader."),
        (("token", "new", "laptop", "--role", "reader", "--home", "other"), 2, "There is no home other"),
        (("token", "revoke", "laptop"), 2, "There is no token named 'laptop'. List them:"),
        (("desk", "--port", "8000"), 2, "Add --http."),
        (("desk", "--http", "--port", "80"), 2, "'80' is no port. Use 1024 to 65535, or 0 for any that is free."),
        (("desk", "--http", "--port", "65536"), 2, "'65536' is no port."),
        (("desk", "--http", "--port", "٨٠٠٠"), 2, "is no port."),
        (("desk", "--http"), 1, "Home simulated has no token yet, so nobody could come in by HTTP. Make one:"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    place: Place, capsys: Shown, words: tuple[str, ...], code: int, sentence: str
) -> None:
    found, said = says(capsys, *words)
    assert (found, sentence in said) == (code, True), said


def test_a_port_that_somebody_listens_on_is_told_and_one_is_offered(place: Place, capsys: Shown) -> None:
    says(capsys, "token", "new", "laptop", "--role", "reader")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        code, said = says(capsys, "desk", "--http", "--port", port)
    assert code == 1
    assert f"Port {port} is in use by another program. Choose another:" in said
    assert "desk --http --port 0 --home simulated takes any that is free." in said
    opened = open_whole(place)  # whatever was refused holds nothing
    with listening(opened, place, int(port)) as listener:
        assert listener.getsockname() == ("127.0.0.1", int(port))
        assert listener.proto == socket.IPPROTO_TCP  # else no answer is sent at once
    opened.close()


def test_a_live_home_opens_no_http_door() -> None:
    place = Place("live", "/nowhere/live")
    with pytest.raises(DoorUnusable, match="Home live is LIVE, and a LIVE desk opens no HTTP door"):
        require_allowed(Mode.LIVE, place)
    for mode in (Mode.SIMULATED, Mode.PAPER, Mode.DRY):
        require_allowed(mode, place)


def made(desk: DeskProcess, name: str, role: str) -> str:
    return str(desk.say("token", "new", name, "--role", role, "--json").answer["token"])


def url_of(desk: DeskProcess) -> str:
    return next(word for word in reversed(desk.heard.split()) if word.startswith("http://127.0.0.1:"))


def contents(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


@asynccontextmanager
async def connected(url: str, secret: str, mode: str) -> AsyncGenerator[Client]:
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {secret}"}) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        yield client


def told_until(desk: DeskProcess, sentence: str) -> str:
    deadline = time.monotonic() + WITHIN
    while sentence not in (told := desk.say("audit", "tail").words):
        assert time.monotonic() < deadline, told
    return told


@pytest.mark.slow
def test_who_may_come_in_is_on_record_from_the_start_and_whenever_it_changes(data: Path) -> None:
    desk = DeskProcess(data)
    assert desk.say("home", "new", "simulated").code == 0
    secrets = [made(desk, "early", "reader")]
    desk.start()
    assert "by HTTP: early may come in as reader" in desk.say("audit", "tail").words
    secrets.append(made(desk, "late", "trader"))
    told_until(desk, "by HTTP: late may come in as trader")
    assert desk.say("token", "revoke", "early").code == 0
    told_until(desk, "by HTTP: a token of early opens nothing any more")
    desk.end()
    assert not any(secret.encode() in content for secret in secrets for content in contents(data))


def test_a_token_opens_nothing_before_it_is_on_record(tmp_path: Path) -> None:
    tokens, record = Tokens(tmp_path, SystemClock()), set[Token]()
    door, secret = OnRecord(tokens, record.__contains__), tokens.make("laptop", "reader")
    with pytest.raises(DoorUnusable, match="The token of laptop could not be put on record"):
        door.holder(secret)
    record.update(tokens.told())
    assert door.holder(secret) == tokens.all()[0]
    assert door.holder("another") is None


@pytest.mark.slow
async def test_a_token_that_comes_goes_and_was_used_in_between_is_on_record(data: Path) -> None:
    desk = DeskProcess(data)
    assert desk.say("home", "new", "simulated").code == 0
    secrets = [made(desk, "first", "reader")]
    desk.start("--http", "--port", "0")
    tokens = Tokens(desk.folder, SystemClock())
    async with httpx2.AsyncClient() as http:
        secrets.append(tokens.make("brief", "reader"))
        headers = {"Authorization": f"Bearer {secrets[-1]}", "Accept": "application/json, text/event-stream"}
        begun = await http.post(url_of(desk), headers=headers, json=_HELLO)
        tokens.revoke("brief")
    assert begun.status_code == 200
    assert "by HTTP: brief may come in as reader" in desk.say("audit", "tail", "--all").words
    desk.end()
    assert not any(secret.encode() in content for secret in secrets for content in contents(data))


@pytest.mark.slow
async def test_a_desk_that_listens_is_one_desk_for_everybody_and_ends_with_its_streams_open(data: Path) -> None:
    desk = DeskProcess(data)
    assert desk.say("home", "new", "simulated").code == 0
    secrets = {role: made(desk, role, role) for role in ("reader", "trader")}
    desk.start("--http", "--port", "0")
    url = url_of(desk)
    with pytest.raises(Refusal, match="This desk is needed: it listens for HTTP"):
        ask(Place("simulated", str(desk.folder)), r.StopDesk(reason="a newer one", unless_needed=True))
    trade = {"pair": "BTC-USDT", "side": "buy", "notional": "100", "intent_id": "by-http"}
    for mode in ("auto", "legacy"):
        async with connected(url, secrets["trader"], mode) as client:
            answer = await client.call_tool("execute_trade", trade)
            assert isinstance(answer, types.CallToolResult)
            assert (answer.structured_content or {})["status"] == "filled"
    assert [row["pair"] for row in desk.say("portfolio", "--json").answer["positions"]] == ["BTC-USDT"]
    why = desk.say("why", "by-http")
    assert "http" in why.words
    assert desk.say("token", "revoke", "trader").code == 0
    async with httpx2.AsyncClient() as http:
        refused = await http.post(url, headers={"Authorization": f"Bearer {secrets['trader']}"}, json={})
        assert refused.status_code == 401
        headers = {"Authorization": f"Bearer {secrets['reader']}", "Accept": "application/json, text/event-stream"}
        begun = await http.post(url, headers=headers, json=_HELLO)
        session = {**headers, "Mcp-Session-Id": begun.headers["mcp-session-id"]}
        async with http.stream("GET", url, headers=session) as stream:
            assert stream.status_code == 200
            desk.end()
            await stream.aread()
    assert desk.ended() == 0
    assert "Traceback" not in desk.heard
    written = contents(data)
    assert len(written) > 5
    assert not any(secret.encode() in content for secret in secrets.values() for content in written)
    desk.start("--http", "--port", url.rpartition(":")[2].partition("/")[0])  # the same port is free again
    assert url_of(desk) == url
    desk.end()


_HELLO: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}},
}

# A desk that lists what it has loaded once its doors are open, and stops.
_LOADED = """
import os, signal, sys
from trading_mcp.bootstrap.running import Watcher, run
from trading_mcp.place import located

class Lister(Watcher):
    def began(self, *_):
        print(*sys.modules)
        os.kill(os.getpid(), signal.SIGTERM)

run(located("simulated"), Lister(), port=int(sys.argv[1]) if len(sys.argv) > 1 else None)
"""


def loaded(*port: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", _LOADED, *port], capture_output=True, text=True, check=False, timeout=WITHIN
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_what_serves_http_is_loaded_only_where_it_was_asked_for(place: Place, capsys: Shown) -> None:
    says(capsys, "token", "new", "laptop", "--role", "reader")
    # The SDK loads parts of starlette and uvicorn whoever asks; what listens and reads requests, it does not.
    web = {
        "h11",
        "uvicorn.protocols.http.h11_impl",
        "trading_mcp.doors.http_guard",
        "trading_mcp.doors.mcp_server.http",
    }
    assert loaded() & web == set()
    assert loaded("0") & web == web

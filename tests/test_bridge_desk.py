"""The bridge and a real desk: who starts, joins, replaces and ends it, and what an assistant hears meanwhile."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.subscriptions import SubscriptionLost

from tests.cli.desks import PROGRAM, DeskProcess
from tests.places import short
from trading_mcp import __version__
from trading_mcp.errors import DeskMissing
from trading_mcp.link import LINE_MAX, connect
from trading_mcp.place import located

_ = short
pytestmark = pytest.mark.slow
WITHIN = 60.0
HELLO = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "a test", "version": "1"},
}


class Assistant:
    """A raw client that starts the program as its configuration says."""

    def __init__(self, desk: DeskProcess, *flags: str) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [*PROGRAM, *flags], env=desk.environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True
        )
        self._asked = 0

    def write(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        self._asked += 1
        self.write(json.dumps({"jsonrpc": "2.0", "id": self._asked, "method": method, "params": params}))
        answer = self.read()
        assert answer["id"] == self._asked
        return answer

    def shake(self) -> Assistant:
        assert "result" in self.ask("initialize", **HELLO)
        self.write('{"jsonrpc":"2.0","method":"notifications/initialized"}')
        return self

    def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        return self.ask("tools/call", name=name, arguments=arguments)["result"]["structuredContent"]

    def ended(self) -> tuple[int, str]:
        _, err = self.process.communicate(timeout=WITHIN)
        return self.process.returncode, err


@pytest.fixture
def home(short: Path) -> Generator[DeskProcess]:
    """A home whose desk is started by whoever needs it, and stopped here."""
    made = DeskProcess(short)
    yield made
    made.end()
    made.say("stop")


def started(home: DeskProcess, patch: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a real desk with a constant of it changed."""
    program = f"import sys; {patch}; from trading_mcp.__main__ import main; sys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen([sys.executable, "-c", program, "desk", *arguments], env=home.environment)
    home.process = process
    deadline = time.monotonic() + WITHIN
    while not is_open():
        assert process.poll() is None
        assert time.monotonic() < deadline
    return process


def is_open() -> bool:
    try:
        connect(located(), "cli", "a test", any_version=True)[0].close()
    except DeskMissing:
        return False
    return True


OLDER = "import trading_mcp; trading_mcp.__version__ = '0.0.9'"


def test_one_desk_is_started_and_joined_and_outlives_its_assistants(home: DeskProcess) -> None:
    first, second = Assistant(home).shake(), Assistant(home, "--read-only").shake()
    status = first.call("get_agent_status")
    assert (status["mode"], status["trading_state"]) == ("SIMULATED", "ACTIVE")
    tools = [{tool["name"] for tool in each.ask("tools/list")["result"]["tools"]} for each in (first, second)]
    assert "execute_trade" in tools[0] - tools[1]
    assert first.call("kill_switch", reason="a test")["trading_state"] == "HALTED"
    assert second.call("get_agent_status")["trading_state"] == "HALTED"
    assert [first.ended(), second.ended()] == [(0, ""), (0, "")]
    assert "HALTED" in home.say("status").out


@pytest.mark.parametrize(("mode", "version"), [("auto", "2026-07-28"), ("legacy", "2025-11-25")])
async def test_the_official_client_gets_a_session_or_the_reason_why_not(
    home: DeskProcess, mode: str, version: str
) -> None:
    def client(*flags: str) -> Client:
        program, *arguments = PROGRAM
        server = StdioServerParameters(command=program, args=[*arguments, *flags], env=home.environment)
        return Client(stdio_client(server), mode=mode)

    async with client() as assistant:
        assert assistant.protocol_version == version
        answer = await assistant.call_tool("get_agent_status", {})
        assert answer.structured_content is not None
        assert answer.structured_content["trading_state"] == "ACTIVE"
    with pytest.RaisesGroup(
        pytest.RaisesExc(MCPError, match="There is no toolset moon"), allow_unwrapped=True, flatten_subgroups=True
    ):
        async with client("--toolsets", "moon"):
            pass


async def test_a_desk_that_stops_ends_a_stream_in_words_and_one_that_is_killed_does_not(home: DeskProcess) -> None:
    program, *arguments = PROGRAM
    server = StdioServerParameters(command=program, args=[*arguments], env=home.environment)

    async def heard(end: Callable[[], object]) -> None:
        home.start()
        async with (
            Client(stdio_client(server), mode="auto") as assistant,
            assistant.listen(resource_subscriptions=["desk://status"]) as stream,
        ):
            await asyncio.to_thread(end)
            async for _ in stream:
                pass  # what was still on its way

    await heard(lambda: (home.say("stop"), home.ended()))
    with pytest.RaisesGroup(SubscriptionLost, allow_unwrapped=True, flatten_subgroups=True):
        await heard(home.kill)


def test_an_unknown_tool_is_refused_by_the_desk_to_both(home: DeskProcess) -> None:
    refused = Assistant(home, "--tools", "get_agent_statu")
    answer = refused.ask("initialize", **HELLO)
    code, err = refused.ended()
    assert code != 0
    assert answer["error"]["message"] == err.rstrip("\n")
    assert "Did you mean get_agent_status?" in err


def test_a_line_that_is_too_long_costs_nobody_the_session(home: DeskProcess) -> None:
    assistant = Assistant(home).shake()
    assistant.write("x" * 8 * LINE_MAX)
    refused = assistant.read()
    assert refused["id"] is None
    assert "longer than 1,048,576 bytes" in refused["error"]["message"]
    assert assistant.call("get_agent_status")["trading_state"] == "ACTIVE"
    assert assistant.ended() == (0, "")


def test_a_desk_that_dies_ends_the_session_with_a_sentence_and_the_next_one_starts_it_again(
    home: DeskProcess,
) -> None:
    home.start()
    assistant = Assistant(home).shake()
    home.kill()
    code, err = assistant.ended()
    assert code == 3
    assert err.startswith("The desk of home simulated has ended this session.")
    again = Assistant(home).shake()
    assert again.call("get_agent_status")["trading_state"] == "ACTIVE"
    assert again.ended() == (0, "")


def test_an_earlier_desk_that_nobody_needs_makes_way(home: DeskProcess) -> None:
    older = started(home, OLDER)
    assert home.say("status", "--json").code == 3
    assistant = Assistant(home).shake()
    assert older.wait(WITHIN) == 0
    assert home.say("status", "--json").answer["version"] == __version__
    assert assistant.ended() == (0, "")


def test_an_earlier_desk_that_is_needed_goes_on_and_the_assistant_hears_why(home: DeskProcess) -> None:
    home.start()
    assert home.say("trade", "buy", "SOL-USDT", "--notional", "280").code == 5
    assert home.say("stop").code == 0
    assert home.ended() == 0
    older = started(home, OLDER)
    refused = Assistant(home)
    answer = refused.ask("initialize", **HELLO)
    code, err = refused.ended()
    assert code == 3
    assert answer["error"]["message"] == err.rstrip("\n")
    assert "This desk is needed: a proposal waits." in err
    assert "desk stop --home simulated" in err
    assert older.poll() is None


QUICK = (
    "import trading_mcp.bootstrap.running as running; running.WATCH_EVERY = 0.01; running.MINUTE = 0.01; "
    "import os; os.environ['TRADING_MCP_IDLE_MINUTES'] = '5'"
)


def test_a_desk_that_an_assistant_started_closes_itself_only_when_nothing_needs_it(home: DeskProcess) -> None:
    process = started(home, QUICK.replace("0.01; import", "1000.0; import"), "--detached")
    asked = home.say("trade", "buy", "SOL-USDT", "--notional", "280", "--json")
    assert asked.code == 5
    process.send_signal(signal.SIGTERM)
    assert process.wait(WITHIN) == 0
    needed = started(home, QUICK, "--detached")
    for _ in range(3):  # each takes longer than its whole patience
        assert home.say("status").code == 0
    assert home.say("decline", asked.answer["proposal_id"]).code == 0
    assert needed.wait(WITHIN) == 0
    last = home.say("audit", "tail", "--json")
    assert last.code == 3, "nobody is there any more"

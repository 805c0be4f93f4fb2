"""The Inspector, a client that is not ours, through the real bridge to a real desk, in both eras."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.desks import PROGRAM, DeskProcess
from tests.conformance.node import NODE, environment, program
from trading_mcp.doors.mcp_server.prompts import PROMPTS
from trading_mcp.doors.mcp_server.resources import RESOURCES
from trading_mcp.doors.mcp_server.tools import TOOLS

pytestmark = pytest.mark.slow
WITHIN = 60
ERAS = ("legacy", "modern")


@pytest.fixture(scope="module")
def desk() -> Generator[DeskProcess]:
    folder = Path(tempfile.mkdtemp(prefix="tm"))
    desk = DeskProcess(folder).start()
    yield desk
    desk.end()
    shutil.rmtree(folder)


def asked(desk: DeskProcess, era: str, *arguments: str) -> tuple[dict[str, Any], str]:
    """What it was answered, and what it had to say about it; an exit code other than 0 fails the test."""
    folder = str(desk.data)
    done = subprocess.run(
        [
            *(NODE, program("inspector"), "--cli", "--format", "json", "--protocol-era", era),
            *("-e", f"XDG_DATA_HOME={folder}", *arguments, "--", *PROGRAM),
        ],
        env=environment(HOME=folder),
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
    )
    assert done.returncode == 0, (done.stdout[-500:], done.stderr[-2_000:])
    return json.loads(done.stdout)["result"], done.stderr


@pytest.mark.parametrize("era", ERAS)
def test_it_lists_the_tools_and_finds_nothing_to_object_to(desk: DeskProcess, era: str) -> None:
    told, objections = asked(desk, era, "--method", "tools/list", "--strict")
    assert [each["name"] for each in told["tools"]] == [tool.name for tool in TOOLS]
    assert objections.strip() in ("", "0 errors, 0 warnings across 0 tools."), objections


@pytest.mark.parametrize("era", ERAS)
def test_it_calls_a_tool(desk: DeskProcess, era: str) -> None:
    told, _ = asked(desk, era, "--method", "tools/call", "--tool-name", "get_agent_status")
    assert told["structuredContent"]["mode"] == "SIMULATED"
    assert not told.get("isError", False)
    # Only the newer era has a server say who it is with each result.
    assert ("_meta" in told) == (era == "modern")
    found, _ = asked(desk, era, "--method", "tools/call", "--tool-name", "get_events", "--tool-arg", "limit=1")
    assert found["structuredContent"]["events"]


@pytest.mark.parametrize("era", ERAS)
def test_it_lists_resources_and_reads_one(desk: DeskProcess, era: str) -> None:
    told, _ = asked(desk, era, "--method", "resources/list")
    assert [each["uri"] for each in told["resources"]] == [each.uri for each in RESOURCES if not each.part]
    read, _ = asked(desk, era, "--method", "resources/read", "--uri", "desk://journal/1")
    assert json.loads(read["contents"][0]["text"])["kind"] == "DeskCreated"


@pytest.mark.parametrize("era", ERAS)
def test_it_lists_prompts_and_gets_one(desk: DeskProcess, era: str) -> None:
    told, _ = asked(desk, era, "--method", "prompts/list")
    assert [each["name"] for each in told["prompts"]] == [prompt.name for prompt in PROMPTS]
    got, _ = asked(
        desk, era, "--method", "prompts/get", "--prompt-name", "post_mortem", "--prompt-args", "pair=BTC-USDT"
    )
    assert "BTC-USDT" in got["messages"][0]["content"]["text"]

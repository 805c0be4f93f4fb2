"""The official suite against our own server behind our own HTTP door, at both revisions of the protocol."""

import asyncio
import json
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.conformance import pack
from tests.conformance.node import NODE, environment, program
from tests.desk.world import World
from tests.doors.mcp_server.conftest import door_of
from trading_mcp.adapters.system.tokens import Tokens
from trading_mcp.doors.http_guard import Receive, Scope
from trading_mcp.doors.mcp_server.door import McpDoor
from trading_mcp.doors.mcp_server.http import HttpDoor

WITHIN: Final = 55
# What a revision requires of a server, by the suite's own frozen lists.
REQUIRED: Final = {"2026-07-28": 37, "2025-11-25": 30}


class DoorForTheSuite(HttpDoor):
    """Our door to the letter, but that each request is given a token on its way in: the suite cannot send one."""

    def __init__(self, door: McpDoor, tokens: Tokens, listener: socket.socket) -> None:
        super().__init__(door, tokens, listener)
        self._header = (b"authorization", f"Bearer {tokens.make('suite', 'trader')}".encode())

    async def _answered(self, scope: Scope, receive: Receive, answer: Any) -> None:
        scope["headers"] = [*scope["headers"], self._header]
        await super()._answered(scope, receive, answer)


@pytest.mark.slow
@pytest.mark.parametrize("revision", REQUIRED)
async def test_every_scored_scenario_passes(
    tmp_path: Path, revision: str, record_property: Callable[[str, object], None]
) -> None:
    suite = await asyncio.to_thread(program, "conformance")
    loop: Any = asyncio.get_running_loop()
    world = World(loop, tmp_path)
    await world.ready()
    door = door_of(world)
    pack.mount(door.server({}), door._changes.publish)
    doorway = DoorForTheSuite(door, Tokens(tmp_path, world.clock), socket.create_server(("127.0.0.1", 0)))
    doorway.open()
    try:
        found, said = await ran(suite, doorway.url, revision, tmp_path / "results")
    finally:
        doorway.shut()
        await door.close()
        await doorway.close()
        await world.crash()
    world.require()
    scored = {name: checks for name, checks in found.items() if name not in unscored(said)}
    passed = sum(len(checks) for checks in scored.values())
    record_property("sampled", f"{revision}: {len(scored)} scored scenarios with {passed} checks")
    assert [line for checks in scored.values() for line in checks if not line.startswith("SUCCESS")] == []
    assert len(scored) == REQUIRED[revision], sorted(scored)


async def ran(suite: Path, url: str, revision: str, results: Path) -> tuple[dict[str, list[str]], str]:
    """Run the suite; what each scenario found, check by check, and what the suite printed."""
    arguments = (suite, "server", "--url", url, "--requirements", revision, "-o", results)
    running = await asyncio.create_subprocess_exec(
        NODE, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=environment()
    )
    try:
        async with asyncio.timeout(WITHIN):
            said, _ = await running.communicate()
    except TimeoutError:
        running.kill()
        await running.wait()
        pytest.fail(f"The suite took more than {WITHIN} s.", pytrace=False)
    return await asyncio.to_thread(checks_in, results), said.decode()


def checks_in(results: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for file in sorted(results.glob("*/checks.json")):
        name = re.sub(r"^server-(.*?)-\d{4}-\d\d-\d\dT.*$", r"\1", file.parent.name)
        checks: list[dict[str, Any]] = json.loads(file.read_text("utf-8"))
        found[name] = [
            f"{each['status']} {name}: {each['id']} {each.get('errorMessage', '')}"
            for each in checks
            if each["status"] != "INFO"
        ]
    return found


def unscored(said: str) -> set[str]:
    """The scenarios that a revision runs and does not require, each with the reason after it."""
    return set(re.findall(r"^\s+[✓✗] (\S+) \([a-z-]+\)$", said, re.MULTILINE))

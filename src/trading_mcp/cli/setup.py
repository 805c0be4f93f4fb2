"""`setup`: connect an assistant to a desk, by writing its configuration or by printing what it needs."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

from trading_mcp.cli import clients
from trading_mcp.cli.parsing import parser, place_of, wrapped
from trading_mcp.errors import Exit, UsageInvalid
from trading_mcp.place import HOME_VARIABLE, Place, mirror_of, shown, typed

PROJECT_FILE = ".mcp.json"
_EXAMPLES = """\
  trading-mcp setup --client claude-desktop
  trading-mcp setup --client claude-code
  trading-mcp setup --client claude-code --project
  trading-mcp setup --client print --home live"""


def main(name: str, arguments: list[str]) -> int:
    """Write or print an assistant's configuration."""
    made = parser(name, "Connect an assistant. No key is written anywhere.", _EXAMPLES)
    made.add_argument("--client", required=True, choices=("claude-desktop", "claude-code", "print"))
    made.add_argument("--project", action="store_true", help=f"claude-code: write {PROJECT_FILE} in this folder")
    given = made.parse_args(arguments)
    place = place_of(given)
    if given.project and given.client != "claude-code":
        raise UsageInvalid("--project is for Claude Code.", f"Try: {typed('setup --client claude-code --project')}")
    if given.client == "claude-desktop":
        _write(clients.desktop_file(), place, "Quit Claude Desktop and start it again.", is_json=given.json)
    elif given.project:
        _write(
            Path(PROJECT_FILE).absolute(), place, "It holds this machine's path: do not share it.", is_json=given.json
        )
    elif given.client == "claude-code":
        line = claude_line(place)
        print(line if not given.json else _answer({"command": line}))
        _say("Type this line where Claude Code is installed; `claude mcp list` then shows the desk.")
    else:
        block: clients.Fields = {clients.SERVERS: {clients.server_name(place): clients.entry(place)}}
        print(json.dumps(block, indent=2, ensure_ascii=False) if not given.json else _answer(block))
        _say("Merge this into the configuration of any assistant that speaks MCP over stdio.")
    _warn(place)
    return Exit.DONE


def claude_line(place: Place) -> str:
    """The line that adds the desk to Claude Code, as a shell takes it."""
    entry = clients.entry(place)
    command, arguments = str(entry["command"]), [str(each) for each in _list(entry["args"])]
    environment = ["--env", f"{HOME_VARIABLE}={place.path}"] if place.is_by_path else []
    return shlex.join(
        [
            *("claude", "mcp", "add", *environment, "--scope", "user", clients.server_name(place)),
            *("--", command, *arguments),
        ]
    )


def _list(value: object) -> list[object]:
    return [*value] if isinstance(value, list) else []


def _write(path: Path, place: Place, then: str, *, is_json: bool) -> None:
    kept = clients.added(path, place)
    copy = "" if kept in (None, path) else str(kept)
    if is_json:
        print(
            _answer(
                {"file": str(path), "server": clients.server_name(place), "changed": kept is not None, "backup": copy}
            )
        )
    elif kept is None:
        print(wrapped(f"{path} has the desk of home {place} already."))
    else:
        before = f" What stood there is in {copy}." if copy else ""
        print(wrapped(f"{path} now has the desk of home {place} as {clients.server_name(place)}.{before} {then}"))


def _warn(place: Place) -> None:
    """Say what an assistant will find out at its first try."""
    mirror = mirror_of(place)
    if mirror is None and not place.is_by_path and clients.server_name(place) != "trading":
        _say(f"There is no home {place} yet: {typed(f'home new {place.name}')}")
    elif mirror is not None and mirror.mode == "LIVE":
        _say(f"No assistant starts a LIVE desk. Start it yourself: {place.command('desk')}")


def _answer(answer: clients.Fields) -> str:
    return json.dumps({"ok": True, "exit": 0, "answer": answer})


def _say(text: str) -> None:
    """Beside what a program may take from the output."""
    print(shown(text), file=sys.stderr)

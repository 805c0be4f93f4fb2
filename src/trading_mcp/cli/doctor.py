"""`doctor`: is the home private, the key in order, the journal whole, the door open; and what nobody promises."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from trading_mcp import __version__
from trading_mcp.adapters.system.home import open_home
from trading_mcp.cli import clients, offline, page, pen
from trading_mcp.cli.client import ask
from trading_mcp.cli.parsing import parser, place_of
from trading_mcp.desk.answers import StatusAnswer, VerifiedAnswer
from trading_mcp.doors.local import requests as r
from trading_mcp.errors import DeskMissing, Exit, TradingMcpError
from trading_mcp.link import connect
from trading_mcp.place import Place, shown, spelled, typed

FREE_MIN = 200 * 1024 * 1024
_NOT_PROMISED = (
    "An assistant with a shell under your user that can read a broker's keys can go around any local program, this "
    "one included. The stronger set-up is a desk under a user of its own. See SECURITY.md."
)
_EXAMPLES = "  trading-mcp doctor\n  trading-mcp doctor --json"


class Check(NamedTuple):
    """One thing looked at: in order, worth a word, or unsound."""

    name: str
    outcome: str
    said: str


def main(name: str, arguments: list[str]) -> int:
    """Look at everything a desk rests on."""
    made = parser(name, "Check what a desk rests on.", _EXAMPLES)
    given = made.parse_args(arguments)
    place = place_of(given)
    checks = [*_checks(place)]
    code = Exit.UNSOUND if any(each.outcome == "bad" for each in checks) else Exit.DONE
    if given.json:
        print(json.dumps({"ok": True, "exit": int(code), "answer": {"checks": [each._asdict() for each in checks]}}))
        return code
    tones = {"good": "✓", "note": "·", "bad": "✗"}
    tone = {"good": "good", "note": "dim", "bad": "bad"}
    for each in checks:
        print(f"{page.inked(tones[each.outcome], tone[each.outcome])} {each.name}")
        page.say(each.said, 2)
    print()
    page.say(_NOT_PROMISED)
    return code


def _checks(place: Place) -> Iterator[Check]:
    yield _tried("home", lambda: _home(place))
    yield _tried("approver", _approver)
    try:
        status = ask(place, r.Status(), any_version=True).answer(StatusAnswer)
    except DeskMissing as error:
        yield Check("desk", "note", spelled(str(error)))
        yield _tried("journal", lambda: _journal(offline.verified(place)["answer"]))
    except TradingMcpError as error:
        yield Check("desk", "bad", spelled(str(error)))
    else:
        outcome = "good" if status.state == "ACTIVE" else "note" if status.state == "REDUCING" else "bad"
        yield Check(
            "desk", outcome, f"version {status.version} runs, {status.state}, {status.orders_unknown} unknown"
        )
        if status.version != __version__:
            yield Check(
                "version", "bad", f"This is {__version__}. Start the desk again: {place.command('desk stop')}"
            )
        yield _tried("door", lambda: _door(place))
        yield from (Check("blocked", "note", line) for line in status.blocked)
        yield from (Check("desk", "bad", line) for line in status.notes)
        yield _tried("journal", lambda: _journal(ask(place, r.AuditVerify()).fields["answer"]))
    yield from assistants(place)
    if os.path.lexists(Path(place.path) / "HALT"):
        yield Check("HALT", "bad", "The file HALT stands in the home: nothing trades until a person removes it.")
    folder = Path(place.path) if Path(place.path).exists() else Path("/")
    free = shutil.disk_usage(folder).free
    yield Check("disk", "good" if free > FREE_MIN else "bad", f"{free // 1024 // 1024:,} MiB free")


def _tried(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except TradingMcpError as error:
        return Check(name, "note" if error.exit_code is Exit.USAGE else "bad", spelled(str(error)))


def assistants(place: Place) -> Iterator[Check]:
    """Look whether the configurations of assistants lead to this home, and by this very program."""
    files = {"claude-desktop": clients.desktop_file(), "claude-code": Path.home() / ".claude.json"}
    found = [_client(client, path, place) for client, path in files.items()]
    yield from (each for each in found if each.outcome != "none")
    if all(each.outcome == "none" for each in found):
        yield Check("assistants", "note", f"None is connected to this home. {typed('setup --client claude-desktop')}")


def _client(client: str, path: Path, place: Place) -> Check:
    name, wanted = clients.server_name(place), clients.entry(place)
    try:
        there = clients.servers(path, clients.read(path)[1]).get(name)
    except clients.ConfigUnusable as error:
        return Check(client, "note", error.message)
    if there is None:
        return Check(client, "none", "")
    if {**there, **wanted} == there:
        return Check(client, "good", f"{path} starts this program as {name}")
    started = shown(f"{there.get('command', 'nothing')} {there.get('args', '')}")[:200]
    again = place.command(f"setup --client {client}")
    return Check(client, "note", f"{path} has {name} start {started}, which is not this program. {again}")


def _door(place: Place) -> Check:
    connect(place, "mcp", "trading-mcp doctor", any_version=True)[0].close()
    return Check("door", "good", "assistants are let in")


def _home(place: Place) -> Check:
    folder = open_home(place)
    return Check("home", "good", f"{folder.path} is private and whole")


def _approver() -> Check:
    approver = pen.keystore().approver()
    if approver is None:
        return Check("approver", "note", f"Nobody has enrolled: nothing can be signed. {typed('approver enroll')}")
    return Check("approver", "good", approver.fingerprint)


def _journal(answer: object) -> Check:
    told = page.converted(answer, VerifiedAnswer)
    if not told.holds:
        return Check("journal", "bad", f"Entry {told.broken_at} {told.reason}.")
    if told.anchor:
        return Check("journal", "bad", told.anchor)
    return Check("journal", "good", f"{told.entries:,} entries verified, head {told.head[:16]}")

"""`doctor`: home, keys, desk, journal, clock and assistants, a line each; and what nobody promises."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, cast

from trading_mcp import __version__
from trading_mcp.adapters.alerts.pending import Message
from trading_mcp.adapters.config.settings import load
from trading_mcp.adapters.journal.deskkey import load_key
from trading_mcp.adapters.system.home import open_home
from trading_mcp.bootstrap.alerts import ways_to_owner
from trading_mcp.cli import clients, offline, page, pen
from trading_mcp.cli.client import ask
from trading_mcp.cli.parsing import parser, place_of, wrapped
from trading_mcp.desk.answers import EntriesAnswer, StatusAnswer, VerifiedAnswer
from trading_mcp.desk.notices import UNREACHED
from trading_mcp.doors.local import requests as r
from trading_mcp.errors import DeskMissing, Exit, TradingMcpError
from trading_mcp.link import connect
from trading_mcp.place import Place, shown, spelled, typed

FREE_MIN = 200 * 1024 * 1024
CLOCK_BEHIND_MAX = 2_000_000
_NOT_PROMISED = (
    "An assistant with a shell under your user that can read a broker's keys can go around any local program, this "
    "one included. The stronger set-up is a desk under a user of its own. See SECURITY.md."
)
_EXAMPLES = """\
  trading-mcp doctor
  trading-mcp doctor --notify    also send you a trial by every way you are told
  trading-mcp doctor --json"""
_TRIAL = "Sent by `trading-mcp doctor --notify`: this is how the desk reaches you."


class Check(NamedTuple):
    """One thing looked at: in order, worth a word, or unsound."""

    name: str
    outcome: str
    said: str
    next_step: str = ""


def main(name: str, arguments: list[str]) -> int:
    """Look at everything a desk rests on."""
    made = parser(name, "Check what a desk rests on.", _EXAMPLES)
    made.add_argument("--notify", action="store_true", help="send a trial notice by every way you are told")
    given = made.parse_args(arguments)
    place = place_of(given)
    checks = [*_checks(place, is_trial=given.notify)]
    code = Exit.UNSOUND if any(each.outcome == "bad" for each in checks) else Exit.DONE
    if given.json:
        print(json.dumps({"ok": True, "exit": int(code), "answer": {"checks": [each._asdict() for each in checks]}}))
        return code
    tones = {"good": "✓", "note": "·", "bad": "✗"}
    tone = {"good": "good", "note": "dim", "bad": "bad"}
    for each in checks:
        line = wrapped(f"{each.name:<14} {each.said} {each.next_step}", "  ", " " * 17)
        print(f"{page.inked(tones[each.outcome], tone[each.outcome])}{line[1:]}")
    print()
    page.say(_NOT_PROMISED)
    return code


def _checks(place: Place, *, is_trial: bool) -> Iterator[Check]:
    yield (home := _tried("home", lambda: _home(place)))
    if home.outcome == "good":
        yield _tried("key", lambda: _key(place))
    yield _tried("approver", _approver)
    try:
        status = ask(place, r.Status(), any_version=True).answer(StatusAnswer)
    except DeskMissing as error:
        yield _failed("desk", "note", error)
        if home.outcome == "good":  # what is wrong with it has been said
            yield from _resting(place)
    except TradingMcpError as error:
        yield _failed("desk", "bad", error)
    else:
        yield from _running(place, status)
    yield from assistants(place)
    if home.outcome == "good":
        yield from _alerts(place, is_trial=is_trial)
    if os.path.lexists(Path(place.path) / "HALT"):
        yield Check(
            "HALT",
            "bad",
            "The file HALT stands in the home: nothing trades.",
            f"Remove it once you know why it stands, then {place.command('resume')}",
        )
    folder = Path(place.path) if Path(place.path).exists() else Path("/")
    free = shutil.disk_usage(folder).free
    is_enough = free > FREE_MIN
    yield Check(
        "disk",
        "good" if is_enough else "bad",
        f"{free // 1024 // 1024:,} MiB free{'' if is_enough else '.'}",
        "" if is_enough else "Free space on it: what cannot be recorded is not done.",
    )


def _resting(place: Place) -> Iterator[Check]:
    """Look at a home in which no desk runs."""
    try:
        found = offline.verified(place)
    except TradingMcpError as error:
        yield _failed("journal", "bad", error)
        return
    yield _journal(place, found["answer"])
    yield _clock(place, cast("int", found["last_at"]), cast("int", found["as_of"]))


def _running(place: Place, status: StatusAnswer) -> Iterator[Check]:
    """Look at a home through its desk."""
    yield Check("desk", "good", f"version {status.version} runs, {status.state}, {status.orders_unknown} unknown")
    for latch in status.latches:
        outcome = "note" if latch.state == "REDUCING" else "bad"
        said = f"{latch.scope} is {latch.state} by {latch.code}: {latch.reason}."
        yield Check("latch", outcome, said, f"Release it: {place.command(f'resume --scope {latch.scope}')}")
    if status.version != __version__:
        again = f"Start the desk again: {place.command('desk stop')}"
        yield Check("version", "bad", f"This is {__version__}.", again)
    yield _tried("door", lambda: _door(place))
    yield from (Check("blocked", "note", line) for line in status.blocked)
    yield from (Check("desk", "bad", line) for line in status.notes)
    for notice in status.notices:
        if notice.subject == UNREACHED:
            again = f"It stands in {place.command('status')}."
            yield Check("alerts", "note", f"{notice.subject}, at {page.moment(notice.at)} UTC. {notice.text}", again)
    yield _tried("journal", lambda: _journal(place, ask(place, r.AuditVerify()).fields["answer"]))
    newest = ask(place, r.AuditTail(count=1, all=True))
    yield _clock(place, newest.answer(EntriesAnswer).entries[-1].at, newest.as_of)


def _tried(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except TradingMcpError as error:
        return _failed(name, "note" if error.exit_code is Exit.USAGE else "bad", error)


def _failed(name: str, outcome: str, error: TradingMcpError) -> Check:
    return Check(name, outcome, spelled(error.message), spelled(error.next_step))


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


def _alerts(place: Place, *, is_trial: bool) -> Iterator[Check]:
    """Look by which ways the owner is told, and try them if that is wished."""
    file = open_home(place).settings
    try:
        ways = ways_to_owner(load(file, os.environ))
    except TradingMcpError as error:
        yield _failed("alerts", "bad", error)
        return
    if not ways:
        said = "Nothing reaches you while you are away: there is no desktop here, and alert_url is not set."
        yield Check("alerts", "bad" if is_trial else "note", said, f"Set it in {file}.")
    for way in ways:
        reason = way.send(Message(f"{place}: a trial", _TRIAL)) if is_trial else way.missing
        if reason:
            yield Check("alerts", "bad", f"By {way.name}: {reason}.", f"See alert_desktop and alert_url in {file}.")
        elif is_trial:
            yield Check("alerts", "good", f"By {way.name}: a trial went out. Look whether it is there.")
        else:
            yield Check(
                "alerts", "good", f"You are told by {way.name}.", f"Try it: {place.command('doctor --notify')}"
            )


def _door(place: Place) -> Check:
    connect(place, "mcp", "trading-mcp doctor", any_version=True)[0].close()
    return Check("door", "good", "assistants are let in")


def _home(place: Place) -> Check:
    folder = open_home(place)
    return Check("home", "good", f"{folder.path} is private and whole")


def _key(place: Place) -> Check:
    load_key(open_home(place).path)
    return Check("key", "good", "the journal's key is there, and private")


def _clock(place: Place, newest: int, now: int) -> Check:
    behind = newest - now
    if behind <= CLOCK_BEHIND_MAX:
        return Check("clock", "good", f"{page.moment(now)} UTC, after the newest entry")
    said = f"It stands {page.ago(behind)} before the newest entry of the journal."
    return Check("clock", "bad", said, f"Set it right, then start the desk again: {place.command('desk')}")


def _approver() -> Check:
    approver = pen.keystore().approver()
    if approver is None:
        return Check("approver", "note", "Nobody has enrolled: nothing can be signed.", typed("approver enroll"))
    return Check("approver", "good", approver.fingerprint)


def _journal(place: Place, answer: object) -> Check:
    told = page.converted(answer, VerifiedAnswer)
    keep = "Keep the home as it is, and compare it with your backup and the anchor."
    if not told.holds:
        return Check("journal", "bad", f"Entry {told.broken_at} {told.reason}.", keep)
    if told.anchor:
        return Check("journal", "bad", told.anchor, f"{keep} {place.command('audit verify')}")
    return Check("journal", "good", f"{told.entries:,} entries verified, head {told.head[:16]}")

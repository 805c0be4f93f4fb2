"""`audit`: verify, follow, show and export the journal; what needs no desk works without one."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from trading_mcp.cli import commands, page
from trading_mcp.cli.client import Reply, ask
from trading_mcp.cli.parsing import common, parser, place_of
from trading_mcp.desk.answers import EntriesAnswer, EntryShown, LinesAnswer, VerifiedAnswer
from trading_mcp.desk.searching import FoundAnswer
from trading_mcp.doors.local import requests as r
from trading_mcp.errors import DeskMissing, Exit, LinkBroken, UsageInvalid
from trading_mcp.place import Place

# What the question itself and the moment of its answer added.
BEHIND_MAX = 200
_EXAMPLES = """\
  trading-mcp audit verify
  trading-mcp audit tail --count 50
  trading-mcp audit tail --follow
  trading-mcp audit show 42
  trading-mcp audit find denied BTC-USDT
  trading-mcp audit find --kind FillRecorded
  trading-mcp audit export journal.jsonl"""


def main(name: str, arguments: list[str]) -> int:
    """Look at the journal."""
    made = parser(name, "The journal.", _EXAMPLES)
    actions = made.add_subparsers(dest="action", required=True, metavar="verify|tail|show|find|export")
    verify = actions.add_parser("verify", help="walk every entry and signature", allow_abbrev=False)
    tail = actions.add_parser("tail", help="the newest entries that are news", allow_abbrev=False)
    tail.add_argument("--count", type=int, default=20, help="how many (20, at most 200)")
    tail.add_argument("--since", type=int, help="those after this sequence number instead")
    tail.add_argument("--all", action="store_true", help="also what happens all the time")
    tail.add_argument("--follow", action="store_true", help="go on with what happens, until Ctrl-C")
    show = actions.add_parser("show", help="one entry, whole", allow_abbrev=False)
    show.add_argument("seq", type=int, metavar="SEQ")
    find = actions.add_parser("find", help="entries with these words, or of a kind", allow_abbrev=False)
    find.add_argument("words", nargs="*", metavar="WORD", help="all of them stand in the entry")
    find.add_argument("--kind", default="", help="such as OrderCleared, FillRecorded or GUARDRAIL_TRIGGERED")
    find.add_argument("--before", type=int, default=0, metavar="SEQ", help="older ones, for the next page")
    find.add_argument("--limit", type=int, default=20, help="how many (20, at most 100)")
    export = actions.add_parser("export", help="every entry as a JSON line", allow_abbrev=False)
    export.add_argument("file", nargs="?", type=Path, metavar="FILE", help="a new file (default: standard output)")
    for sub in (verify, tail, show, find, export):
        common(sub)
    given = made.parse_args(arguments)
    place = place_of(given)
    if given.action == "verify":
        return _verify(place, is_json=given.json)
    if given.action == "export":
        return _export(place, given.file, is_json=given.json)
    if given.action == "tail" and given.follow and given.all:
        raise UsageInvalid("--all would show its own questions for ever.", "Leave it out with --follow.")
    if given.action == "find":
        return _find(place, given)
    is_tail = given.action == "tail"
    request = (
        r.AuditTail(count=given.count, since=given.since, all=given.all) if is_tail else r.AuditShow(seq=given.seq)
    )
    reply = ask(place, request)
    if given.json:
        page.dump(reply)
    elif is_tail:
        _tail(reply)
    else:
        _show(reply)
    if is_tail and given.follow:
        _follow(place, reply, is_json=given.json)
    return reply.exit


def _find(place: Place, given: argparse.Namespace) -> int:
    request = r.AuditFind(text=" ".join(given.words), kind=given.kind, before=given.before, limit=given.limit)
    reply = ask(place, request)
    if given.json:
        page.dump(reply)
        return reply.exit
    told = reply.answer(FoundAnswer)
    page.head(reply, "Found")
    for each in told.entries:
        page.say(f"{each.seq:>7}  {page.moment(each.at)}  {each.text}", 0, 30)
    if not told.entries:
        page.say("No entry has all of that.")
    if told.as_of + BEHIND_MAX < reply.seq:
        page.say(f"Searched up to entry {told.as_of:,} of {reply.seq:,}: the rest is still being read.")
    if told.next_before:
        page.say(f"Go on with the same words and --before {told.next_before}")
    return reply.exit


def _follow(place: Place, reply: Reply, *, is_json: bool) -> None:
    """Show what happens as it happens, until the person has seen enough."""
    since = reply.answer(EntriesAnswer).next_since or reply.seq
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            sys.stdout.flush()
            try:
                told = ask(place, r.AuditTail(count=200, since=since, wait=True)).answer(EntriesAnswer)
            except LinkBroken:
                ask(place, r.Status())  # a desk that has stopped is told as such
                continue
            for each in told.entries:
                if is_json:
                    print(msgspec.json.encode(each).decode())
                else:
                    _line(each)
            since = told.next_since


def _verify(place: Place, *, is_json: bool) -> int:
    try:
        reply = ask(place, r.AuditVerify())
    except DeskMissing:
        reply = Reply(commands.module_of("offline").verified(place), place)
    if is_json:
        page.dump(reply)
        return reply.exit
    told = reply.answer(VerifiedAnswer)
    if told.holds:
        page.say(
            f"{told.entries:,} entries follow one from the other; {told.checkpoints:,} signatures of the desk hold."
        )
        page.say(f"Head: {told.head}")
    else:
        page.say(f"Entry {told.broken_at:,} {told.reason}.")
    if told.anchor:
        page.say(told.anchor)
    if not told.is_sound:
        page.say("Keep the home as it is, and compare it with your backup and the anchor.")
    return reply.exit


def _tail(reply: Reply) -> None:
    told = reply.answer(EntriesAnswer)
    page.head(reply, "Journal")
    for each in told.entries:
        _line(each)
    if told.next_since:
        page.say(reply.spelled(f"Go on: trading-mcp audit tail --since {told.next_since}"))


def _line(entry: EntryShown) -> None:
    page.say(f"{entry.seq:>7}  {page.time_of_day(entry.at)}  {entry.text}", 0, 19)


def _show(reply: Reply) -> None:
    told = reply.answer(EntryShown)
    page.head(reply, f"Entry {told.seq}")
    page.pair("kind", told.kind)
    page.pair("at", f"{page.moment(told.at)} UTC")
    page.pair("says", told.text)
    page.pair("hash", told.hash)
    print(json.dumps(told.event, indent=2))


def _export(place: Place, file: Path | None, *, is_json: bool) -> int:
    """Write every entry as a line; the file is new and private."""
    if file is None:
        _lines(place, sys.stdout.write)
        return Exit.DONE
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise UsageInvalid("That file exists already.", "Name a new one.") from None
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        count = _lines(place, out.write)
    if is_json:
        print(json.dumps({"ok": True, "exit": 0, "answer": {"entries": count}}))
    else:
        page.say(f"{count:,} entries written.")
    return Exit.DONE


def _lines(place: Place, write: Callable[[str], object]) -> int:
    since, count = 0, 0
    while True:
        told = ask(place, r.AuditLines(since=since)).answer(LinesAnswer)
        for line in told.lines:
            write(f"{line}\n")
        count += len(told.lines)
        if not told.next_since:
            return count
        since = told.next_since

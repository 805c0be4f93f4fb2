"""`policy`: the limits in force and how much of them is used, what a file would change, and a change proposed."""

from __future__ import annotations

import argparse
from pathlib import Path

from trading_mcp.cli import page
from trading_mcp.cli.client import Reply, ask
from trading_mcp.cli.parsing import common, parser, place_of
from trading_mcp.cli.trading import done
from trading_mcp.desk.answers import DiffAnswer, LimitShown, PolicyAnswer
from trading_mcp.doors.local import requests as r
from trading_mcp.errors import UsageInvalid

TEXT_MAX = 65_536
_EXAMPLES = """\
  trading-mcp policy show
  trading-mcp policy show order_notional_max
  trading-mcp policy diff my-limits.toml
  trading-mcp policy propose market.crypto.order_notional_max=300
  trading-mcp policy propose --file my-limits.toml

What only tightens applies at once; everything else waits for your signature."""


_PAIRS = "\nA pair is active when the limits approve it and a venue offers it."


def main(name: str, arguments: list[str]) -> int:
    """Show, compare or propose."""
    if name == "pairs":
        return _pairs(arguments)
    made = parser(name, "The limits.", _EXAMPLES)
    actions = made.add_subparsers(dest="action", required=True, metavar="show|diff|propose")
    show = actions.add_parser("show", help="the limits and their use", allow_abbrev=False)
    show.add_argument("key", nargs="?", default="", metavar="KEY", help="a key, or a part of one")
    diff = actions.add_parser("diff", help="what a file would change", allow_abbrev=False)
    diff.add_argument("file", type=Path, metavar="FILE")
    propose = actions.add_parser("propose", help="change limits", allow_abbrev=False)
    propose.add_argument("changes", nargs="*", metavar="KEY=VALUE")
    propose.add_argument("--file", type=Path, help="everything that this file says")
    propose.add_argument("--reason", default="", help="why, for the journal")
    for sub in (show, diff, propose):
        common(sub)
    given = made.parse_args(arguments)
    reply = ask(place_of(given), _request(given))
    if given.json:
        page.dump(reply)
    else:
        {"show": _show, "diff": _diff, "propose": done}[given.action](reply)
    return reply.exit


def _pairs(arguments: list[str]) -> int:
    is_added = arguments[0] == "add"
    about = (
        "Propose that pairs may be traded; it takes your signature."
        if is_added
        else "Block pairs, at once; what is held can still be closed."
    )
    made = parser(f"pairs {arguments[0]}", about, f"  trading-mcp pairs {arguments[0]} LTC-USDT\n{_PAIRS}")
    made.add_argument("pairs", nargs="+", metavar="PAIR", help="such as BTC-USDT or AAPL")
    made.add_argument("--reason", default="", help="why, for the journal")
    given = made.parse_args(arguments[1:])
    reply = ask(place_of(given), r.ChangePairs(pairs=tuple(given.pairs), add=is_added, reason=given.reason))
    if given.json:
        page.dump(reply)
    else:
        done(reply)
    return reply.exit


def _request(given: argparse.Namespace) -> r.Request:
    if given.action == "show":
        return r.PolicyShow(key=given.key)
    if given.action == "diff":
        return r.PolicyDiff(text=text_of(given.file))
    changes: dict[str, str] = {}
    for change in given.changes:
        key, equals, value = change.partition("=")
        if not equals or key in changes:
            raise UsageInvalid("A change is written KEY=VALUE, each key once.", "List them: trading-mcp policy show.")
        changes[key] = value
    return r.PolicyPropose(
        changes=changes, text="" if given.file is None else text_of(given.file), reason=given.reason
    )


def text_of(file: Path | str) -> str:
    """Return the text of a policy file."""
    try:
        with Path(file).open("rb") as opened:
            content = opened.read(TEXT_MAX + 1)
        text = content.decode()
    except (OSError, UnicodeDecodeError):
        raise UsageInvalid(
            "That file cannot be read.", "Name a policy file, such as policies/simulated.toml."
        ) from None
    if len(content) > TEXT_MAX:
        raise UsageInvalid(f"That file is longer than {TEXT_MAX:,} bytes.", "Keep only limits in it.")
    return text


def _show(reply: Reply) -> None:
    told = reply.answer(PolicyAnswer)
    page.head(reply, f"Policy {told.name}")
    page.pair("hash", told.hash[:32])
    page.pair("equity", page.grouped(told.equity))
    if len(told.limits) == 1:
        page.say(told.limits[0].sentence, 2)
        page.say(f"Tighter is: {told.limits[0].direction}.", 2)
        page.say(f"Used now: {told.limits[0].used or 'not counted'}. Objections: {told.limits[0].triggered}.", 2)
        return
    sections: dict[str, list[LimitShown]] = {}
    for each in told.limits:
        sections.setdefault(each.key.rpartition(".")[0], []).append(each)
    for section, limits in sections.items():
        print()
        page.table((section or "policy", "value", "in effect now"), [_row(each) for each in limits])
    print()
    page.table(("used now", "used", "of"), [(each.limit, each.used, each.allowed) for each in told.used], "12")
    if told.triggered:
        print()
        page.table(("objection", "times"), [(code, str(count)) for code, count in told.triggered.items()], "1")
    for sentence in told.infeasible:
        page.say(f"! {sentence}", 0, 2)


def _row(limit: LimitShown) -> tuple[str, str, str]:
    """Return a key, its value, and what it comes to where that is something else."""
    effect = "" if limit.effective == limit.value else page.grouped(limit.effective)
    by = "" if limit.binds == limit.key else f" by {limit.binds.rpartition('.')[2]}"
    return limit.key.rpartition(".")[2], limit.value, f"{effect}{by}" or " "


def _diff(reply: Reply) -> None:
    told = reply.answer(DiffAnswer)
    page.head(reply, "What the file would change")
    if not told.changes:
        page.say("Nothing: the file says what is in force.")
        return
    for each in told.changes:
        # No table: a row of it would cut the names and values that somebody is about to sign.
        page.say(f"{each.key}: {each.turn}, {'at once' if each.at_once else 'with your signature'}", 2, 4)
        page.say(f"{each.before} -> {each.after}", 6)

"""`home`: make and list homes; a home has one mode for life."""

from __future__ import annotations

import json

from trading_mcp.adapters.system.home import homes
from trading_mcp.bootstrap.homes import CASH, cash_of, make_home
from trading_mcp.cli import commands, page
from trading_mcp.cli.client import ask
from trading_mcp.cli.parsing import parser
from trading_mcp.cli.policies import text_of
from trading_mcp.cli.trading import done
from trading_mcp.desk.setups import SetupAnswer
from trading_mcp.doors.local import requests as r
from trading_mcp.errors import DeskMissing, Exit, UsageInvalid
from trading_mcp.place import located, typed

_EXAMPLES = """\
  trading-mcp home list
  trading-mcp home new second
  trading-mcp home new small --cash USDT=1000 --policy my-limits.toml
  trading-mcp home copy-setup simulated second    gives no rights"""


def main(name: str, arguments: list[str]) -> int:
    """Make a home, or list them."""
    made = parser(name, "Make and list homes. A home has one mode for life.", _EXAMPLES)
    actions = made.add_subparsers(dest="action", required=True, metavar="new|list|copy-setup")
    new = actions.add_parser("new", help="make a home", allow_abbrev=False)
    new.add_argument("name", metavar="NAME", help="small letters, digits, - and _")
    new.add_argument("--mode", default="SIMULATED", help="SIMULATED; the others come with the venues")
    new.add_argument("--cash", action="append", default=[], metavar="CURRENCY=AMOUNT", help="may be repeated")
    new.add_argument("--policy", default="", metavar="FILE", help="its limits; looser than shipped ones wait for you")
    listing = actions.add_parser("list", help="list homes", allow_abbrev=False)
    copy = actions.add_parser("copy-setup", help="give a home the setup of another", allow_abbrev=False)
    copy.add_argument("source", metavar="FROM", help="the home whose limits and algorithms are copied")
    copy.add_argument("target", metavar="TO", help="the home whose desk takes them in")
    for sub in (new, listing, copy):
        sub.add_argument("--json", action="store_true", help="one JSON object instead of a page")
    given = made.parse_args(arguments)
    if given.action == "copy-setup":
        return _copy(given.source, given.target, is_json=given.json)
    if given.action == "list":
        return _list(is_json=given.json)
    return _new(given.name, given.mode, given.cash, given.policy, is_json=given.json)


def _new(name: str, mode: str, cash: list[str], policy: str, *, is_json: bool) -> int:
    parts = [part.partition("=") for part in cash]
    words = {currency: amount for currency, _, amount in parts}
    if len(words) != len(cash):
        raise UsageInvalid("A currency is named twice.", "Write --cash USDT=50000 --cash USD=50000.")
    place = located(name)
    home = make_home(place, mode, cash_of(words) if cash else CASH, text_of(policy) if policy else "")
    if is_json:
        print(
            json.dumps(
                {"ok": True, "exit": 0, "answer": {"name": home.name, "mode": home.mode.value, "path": place.path}}
            )
        )
    else:
        page.say(f"Home {home.name} is made, {home.mode}. Start its desk: {place.command('desk')}")
        if policy:
            looser = "What of these limits is looser than the shipped ones waits for your signature"
            page.say(f"{looser}: {place.command('proposals')}")
    return Exit.DONE


def _copy(source: str, target: str, *, is_json: bool) -> int:
    """Hand the setup of one home to the running desk of another."""
    giver, taker = located(source), located(target)
    if giver.name == taker.name:
        raise UsageInvalid("A home cannot be copied onto itself.", "Name two homes: trading-mcp home list.")
    try:
        setup = ask(giver, r.Setup()).answer(SetupAnswer)
    except DeskMissing:
        setup = commands.module_of("offline").setup(giver)
    reply = ask(taker, r.CopySetup(origin=giver.name, setup=setup))
    if is_json:
        page.dump(reply)
    else:
        done(reply)
        page.say("Algorithms arrive switched off and without a mandate; keys, money and fills stay where they were.")
    return reply.exit


def _list(*, is_json: bool) -> int:
    found = homes()
    if is_json:
        rows = [
            {
                "name": each.name,
                "mode": each.mirror.mode if each.mirror else "",
                "path": str(each.path),
                "problem": each.problem,
            }
            for each in found
        ]
        print(json.dumps({"ok": True, "exit": 0, "answer": {"homes": rows}}))
    elif not found:
        page.say(f"There is no home yet. The first start makes one: {typed('desk')}")
    else:
        page.table(
            ("home", "mode", "where"),
            [(each.name, each.mirror.mode if each.mirror else "?", each.problem or str(each.path)) for each in found],
        )
    return Exit.DONE

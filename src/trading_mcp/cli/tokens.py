"""`token`: who may come in by HTTP; a token is shown once, and what is kept of it opens nothing."""

from __future__ import annotations

import json

from trading_mcp.adapters.system.clock import SystemClock
from trading_mcp.adapters.system.home import open_home
from trading_mcp.adapters.system.tokens import Token, Tokens
from trading_mcp.cli import page
from trading_mcp.cli.parsing import common, parser, place_of
from trading_mcp.errors import Exit
from trading_mcp.place import Place

_EXAMPLES = """\
  trading-mcp token new laptop --role reader      may look, and changes nothing
  trading-mcp token new scripts --role trader     all tools that an assistant has
  trading-mcp token list
  trading-mcp token revoke laptop                 counts at once, also in a running desk

A token goes into the header `Authorization: Bearer …` and nowhere else."""
_MAY = {"reader": "may look and changes nothing", "trader": "has every tool an assistant has"}


def main(name: str, arguments: list[str]) -> int:
    """Make a token, list them, or take one back."""
    made = parser(name, "Who may come in by HTTP, where `desk --http` lets anybody in.", _EXAMPLES)
    actions = made.add_subparsers(dest="action", required=True, metavar="new|list|revoke")
    new = actions.add_parser("new", help="make a token and show it, this once", allow_abbrev=False)
    new.add_argument("name", metavar="NAME", help="who will have it; stands beside each of its calls in the journal")
    new.add_argument("--role", required=True, metavar="reader|trader", help="what it may")
    listing = actions.add_parser("list", help="list tokens, without what opens", allow_abbrev=False)
    revoke = actions.add_parser("revoke", help="take a token back, at once", allow_abbrev=False)
    revoke.add_argument("name", metavar="NAME", help="whose token")
    for sub in (new, listing, revoke):
        common(sub)
    given = made.parse_args(arguments)
    place = place_of(given)
    tokens = Tokens(open_home(place).path, SystemClock())
    match given.action:
        case "new":
            _new(place, tokens, given.name, given.role, is_json=given.json)
        case "revoke":
            _revoke(tokens, given.name, is_json=given.json)
        case _:
            _list(place, tokens.all(), is_json=given.json)
    return Exit.DONE


def _new(place: Place, tokens: Tokens, name: str, role: str, *, is_json: bool) -> None:
    secret = tokens.make(name, role)
    if is_json:
        _dump({"name": name, "role": role, "token": secret})
        return
    page.say(f"{name} {_MAY[role]}. This is its token, shown this once:")
    print(f"\n{secret}\n")
    page.say("Send it as the header `Authorization: Bearer …`; never in an address or an argument.")
    page.say(f"The door opens with: {place.command('desk --http')}")


def _revoke(tokens: Tokens, name: str, *, is_json: bool) -> None:
    gone = tokens.revoke(name)
    if is_json:
        _dump({"name": gone.name, "role": gone.role})
    else:
        page.say(f"The token of {gone.name} opens nothing any more.")


def _list(place: Place, held: tuple[Token, ...], *, is_json: bool) -> None:
    if is_json:
        _dump({"tokens": [{"name": each.name, "role": each.role, "made_at": each.made_at} for each in held]})
    elif not held:
        page.say(f"There is no token yet. Make one: {place.command('token new NAME --role reader')}")
    else:
        rows = [(each.name, each.role, page.moment(each.made_at)) for each in held]
        page.table(("name", "role", "made"), rows)


def _dump(answer: dict[str, object]) -> None:
    print(json.dumps({"ok": True, "exit": 0, "answer": answer}))

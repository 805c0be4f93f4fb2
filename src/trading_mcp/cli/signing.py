"""`approve`, `decline`, `approver`, `resume`, `attend`, `orders release`, `halt --everything`: people sign."""

from __future__ import annotations

import argparse

from trading_mcp.cli import page, pen
from trading_mcp.cli.client import Refusal, Reply, ask
from trading_mcp.cli.parsing import Parser, common, parser, place_of
from trading_mcp.cli.trading import done, traded
from trading_mcp.desk.answers import DoneAnswer, ScreenAnswer, StatusAnswer, TradeAnswer
from trading_mcp.doors.local import requests as r
from trading_mcp.errors import ApproverMissing, DeskUnreachable, Exit, UsageInvalid
from trading_mcp.place import Place, typed

_LEFT = "Nothing was signed; it waits on."


def main(name: str, arguments: list[str]) -> int:
    """Carry out one of them."""
    commands = {
        "approve": _approve,
        "decline": _decline,
        "approver": _approver,
        "resume": _resume,
        "attend": _attend,
        "halt": _halt,
        "orders": _release_order,
    }
    return commands[name](name, arguments)


def _approve(name: str, arguments: list[str]) -> int:
    made = parser(name, "Read a proposal and sign it with your passphrase.", "  trading-mcp approve PROPOSAL")
    made.add_argument("proposal", metavar="PROPOSAL", help="its id, from `proposals`")
    given = made.parse_args(arguments)
    return _answered(given, place_of(given), given.proposal)


def _answered(given: argparse.Namespace, place: Place, proposal_id: str) -> int:
    """Show a proposal, ask for the passphrase, and send the signature."""
    screen = _screen(place, r.Screen(proposal_id=proposal_id))
    signature = pen.signed(screen, proposal_id)
    if signature is None:
        return _left(given)
    request = r.ApproveProposal(proposal_id=proposal_id, statement=screen.statement, signature=signature)
    reply = ask(place, request)
    if given.json:
        page.dump(reply)
    elif "status" in _fields(reply):
        reply.answer(TradeAnswer)
        traded(reply)
    else:
        done(reply)
    return reply.exit


def _fields(reply: Reply) -> dict[str, object]:
    answer = reply.fields.get("answer")
    return {str(key): value for key, value in answer.items()} if isinstance(answer, dict) else {}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _screen(place: Place, request: r.Screen) -> ScreenAnswer:
    """Return what is to be signed; who has no key yet is offered one in line."""
    try:
        screen = ask(place, request).answer(ScreenAnswer)
    except Refusal as refusal:
        if refusal.kind != "ApproverMissing" or pen.keystore().approver() is not None:
            raise
        recorded = ask(place, r.Status()).answer(StatusAnswer).approver
        if recorded:
            raise ApproverMissing(
                f"Home {place} has recorded the approver {recorded}, whose key is not on this machine.",
                "Bring its folder back from your backup; another key would count only after a day of notices.",
            ) from None
        # To the terminal alone: beside --json nothing else may stand, and without a terminal nobody can enrol.
        pen.enrolled("Nobody has enrolled yet, so nothing can be signed. Enrol now; what waits goes on waiting.")
        ask(place, r.PinApprover())
        screen = ask(place, request).answer(ScreenAnswer)
    if not screen.statement:
        raise UsageInvalid(f"There is nothing to sign: {screen.reason}", "List what waits: trading-mcp proposals.")
    return screen


def _left(given: argparse.Namespace) -> int:
    if given.json:
        print('{"ok": true, "exit": 5, "answer": {"done": false}}')
    else:
        page.say(_LEFT)
    return Exit.AWAITING


def _decline(name: str, arguments: list[str]) -> int:
    made = parser(name, "Say no to a proposal.", '  trading-mcp decline PROPOSAL --reason "too large"')
    made.add_argument("proposal", metavar="PROPOSAL", help="its id, from `proposals`")
    made.add_argument("--reason", default="", help="why, for the journal")
    given = made.parse_args(arguments)
    return _shown(given, ask(place_of(given), r.DeclineProposal(proposal_id=given.proposal, reason=given.reason)))


def _shown(given: argparse.Namespace, reply: Reply) -> int:
    if given.json:
        page.dump(reply)
    else:
        done(reply)
    return reply.exit


def _resume(name: str, arguments: list[str]) -> int:
    made = parser(
        name,
        "Propose the release of a halt or another latch, and sign it.",
        "  trading-mcp resume\n  trading-mcp resume --to REDUCING\n  trading-mcp resume --scope venue/paper",
    )
    made.add_argument("--scope", default="account", help="what to release, as `status` names it (account)")
    made.add_argument("--to", default="ACTIVE", choices=("ACTIVE", "REDUCING"), help="the state from then on")
    given = made.parse_args(arguments)
    place = place_of(given)
    reply = ask(place, r.ReleaseLatch(scope=given.scope, target=given.to))
    waiting = reply.answer(DoneAnswer).proposal_id
    if not waiting:
        return _shown(given, reply)
    return _answered(given, place, waiting)


def _release_order(name: str, arguments: list[str]) -> int:
    made = parser(
        f"{name} release",
        "Let an entry with real money go whose fate nobody can tell, and sign that.",
        "  trading-mcp orders release ORDER",
    )
    made.add_argument("order", metavar="ORDER", help="its id, or the beginning of it, from `orders`")
    given = made.parse_args(arguments[1:])
    place = place_of(given)
    reply = ask(place, r.ReleaseOrder(order_id=given.order))
    waiting = reply.answer(DoneAnswer).proposal_id
    return _answered(given, place, waiting) if waiting else _shown(given, reply)


def _attend(name: str, arguments: list[str]) -> int:
    made = parser(name, "Sign that somebody is watching; unattended counts start again.", "  trading-mcp attend")
    given = made.parse_args(arguments)
    place = place_of(given)
    screen = _screen(place, r.Screen(act="attend"))
    signature = pen.signed(screen, "attend")
    if signature is None:
        return _left(given)
    return _shown(given, ask(place, r.SignAttend(statement=screen.statement, signature=signature)))


def _halt(name: str, arguments: list[str]) -> int:
    made = parser(
        name, "Stop all new risk, and cancel what guards positions as well.", "  trading-mcp halt --everything"
    )
    made.add_argument("--everything", action="store_true", help="stops at the venue go too; this takes a signature")
    made.add_argument("--reason", default="", help="why, for the journal")
    given = made.parse_args(arguments)
    place = place_of(given)
    # First without a signature: no risk waits for a passphrase.
    ask(place, r.HaltNow(reason=given.reason), any_version=True)
    screen = _screen(place, r.Screen(act="halt"))
    signature = pen.signed(screen, "everything")
    if signature is None:
        return _left(given)
    return _shown(given, ask(place, r.HaltNow(reason=given.reason, statement=screen.statement, signature=signature)))


def _approver(name: str, arguments: list[str]) -> int:
    made: Parser = parser(
        name, "The key you sign with.", "  trading-mcp approver enroll\n  trading-mcp approver show"
    )
    actions = made.add_subparsers(dest="action", required=True, metavar="enroll|show|replace")
    for action, about in (
        ("enroll", "make your key, once"),
        ("show", "show whose key counts"),
        ("replace", "put another key in its place, signed by the one you have"),
    ):
        sub = actions.add_parser(action, help=about, allow_abbrev=False)
        common(sub)
    given = made.parse_args(arguments)
    place = place_of(given)
    if given.action == "show":
        return _show_approver(given, place)
    approver = pen.enrolled() if given.action == "enroll" else pen.replaced()
    try:
        ask(place, r.PinApprover())
        said = f"Home {place} has recorded it."
    except DeskUnreachable:
        said = "Every home records it at its next start."
    if given.json:
        print(f'{{"ok": true, "exit": 0, "answer": {{"fingerprint": "{approver.fingerprint}"}}}}')
    else:
        page.say(f"Your key is {approver.fingerprint}. {said}")
        page.say("Back up its folder and remember the passphrase: nobody can reset it.")
    return Exit.DONE


def _show_approver(given: argparse.Namespace, place: Place) -> int:
    approver = pen.keystore().approver()
    fingerprint = "" if approver is None else approver.fingerprint
    try:
        named = ask(place, r.Status()).answer(StatusAnswer).approver
    except DeskUnreachable:
        named = None
    if given.json:
        home = "null" if named is None else f'"{named}"'
        print(f'{{"ok": true, "exit": 0, "answer": {{"fingerprint": "{fingerprint}", "home": {home}}}}}')
        return Exit.DONE
    page.pair("your key", fingerprint or f"none: {typed('approver enroll')}")
    page.pair(f"home {place}", "no desk is running" if named is None else named or "has recorded nobody")
    if fingerprint and named not in (None, "", fingerprint):
        page.say("They differ: nothing can be signed for that home with this key.")
    return Exit.DONE

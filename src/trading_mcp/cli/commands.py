"""The table of commands: each is imported only when it is the one that runs."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Final, NamedTuple


class Command(NamedTuple):
    """One word of the command line: the module that carries it out, and what help says of it."""

    module: str
    about: str
    group: str


COMMANDS: Final[dict[str, Command]] = {
    "desk": Command("running", "run the desk here, in the foreground", "The desk"),
    "stop": Command("stopping", "stop the running desk in good order", "The desk"),
    "status": Command("looking", "how the desk stands, what is blocked and why", "The desk"),
    "demo": Command("demo", "see it work: a throwaway desk, an assistant, an owner", "The desk"),
    "home": Command("homes", "make and list homes", "The desk"),
    "completion": Command("completion", "let a shell complete these commands", "The desk"),
    "setup": Command("setup", "connect an assistant: write or print its configuration", "The desk"),
    "token": Command("tokens", "who may come in by HTTP: make, list, revoke", "The desk"),
    "doctor": Command("doctor", "check the home, the key, the clock and the journal", "The desk"),
    "portfolio": Command("looking", "cash, positions, profit, and what guards them", "Trading"),
    "trade": Command("trading", "submit an order to the gate, or preview it", "Trading"),
    "orders": Command("looking", "working orders, and those that ended", "Trading"),
    "cancel": Command("trading", "take orders back", "Trading"),
    "close": Command("trading", "close a position, or all of them", "Trading"),
    "pairs": Command("looking", "what may be traded, and its prices", "Trading"),
    "halt": Command("holding", "the kill switch: stop all new risk now", "Control"),
    "resume": Command("signing", "release a halt, with a signature", "Control"),
    "attend": Command("signing", "sign that somebody is watching", "Control"),
    "proposals": Command("looking", "what waits for you", "Control"),
    "approve": Command("signing", "read a proposal and sign it", "Control"),
    "decline": Command("signing", "say no to a proposal", "Control"),
    "approver": Command("signing", "the key you sign with", "Control"),
    "policy": Command("policies", "the limits: show, compare, propose", "Control"),
    "why": Command("looking", "why a decision came out as it did", "Record"),
    "audit": Command("auditing", "verify, follow, show and export the journal", "Record"),
}


# Beside a command that only looks: what changes something, or needs the key.
ACTIONS: Final[dict[str, str]] = {
    "orders release": "signing",
    "pairs add": "policies",
    "pairs remove": "policies",
}


def run(name: str, arguments: list[str]) -> int:
    """Carry out one command."""
    if name == "desk" and arguments[:1] == ["stop"]:
        name, arguments = "stop", arguments[1:]
    # The kill switch must start fast; only with a signature does it need the key.
    needs_key = name == "halt" and "--everything" in arguments
    module = ACTIONS.get(" ".join((name, *arguments[:1])), "signing" if needs_key else COMMANDS[name].module)
    main: Callable[[str, list[str]], int] = module_of(module).main
    return main(name, arguments)


def module_of(name: str) -> ModuleType:
    """Load a module of the command line that is too heavy to be loaded before it is needed."""
    return importlib.import_module(f"trading_mcp.cli.{name}")

"""Arguments: every command has --home and --json, help with examples, and one sentence for what is wrong."""

from __future__ import annotations

import argparse
from typing import NoReturn

from trading_mcp.errors import UsageInvalid
from trading_mcp.place import Place, located, shown


class Parser(argparse.ArgumentParser):
    """A parser that raises what is wrong instead of printing a page about it."""

    def error(self, message: str) -> NoReturn:
        text = shown(message)[:300]
        raise UsageInvalid(f"{text[:1].upper()}{text[1:]}.", f"Try: {self.prog} --help")


def parser(name: str, about: str, examples: str) -> Parser:
    """Return the parser of one command."""
    made = Parser(
        prog=f"trading-mcp {name}",
        description=about,
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    common(made)
    return made


def common(made: argparse.ArgumentParser) -> None:
    """Add what every command takes."""
    made.add_argument("--home", metavar="NAME", help="which home (default: simulated)")
    made.add_argument("--json", action="store_true", help="one JSON object instead of a page")


def place_of(given: argparse.Namespace) -> Place:
    """Return the home that was meant."""
    return located(given.home)

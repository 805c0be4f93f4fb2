"""Arguments: every command has --home and --json, help with examples, and one sentence for what is wrong."""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NoReturn

from trading_mcp.errors import UsageInvalid
from trading_mcp.place import PROGRAM, Place, located, program, shown, typed

WIDTH = 80


class Described(Exception):
    """The parser of a command, for whoever wanted to know it; nothing was carried out."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        super().__init__()
        self.parser = parser


_is_describing: ContextVar[bool] = ContextVar("is_describing", default=False)


@contextmanager
def describing() -> Generator[None]:
    """Have every command raise its parser instead of parsing."""
    token = _is_describing.set(True)
    try:
        yield
    finally:
        _is_describing.reset(token)


class Parser(argparse.ArgumentParser):
    """A parser that raises what is wrong instead of printing a page about it."""

    def parse_known_args(  # pyright: ignore[reportIncompatibleMethodOverride] - one of its overloads is enough here
        self,
        args: Iterable[str] | None = None,
        namespace: Any = None,  # noqa: ANN401 - as argparse has it
    ) -> tuple[Any, list[str]]:
        """Parse, unless somebody only wants to know what could be."""
        if _is_describing.get():
            raise Described(self)
        return super().parse_known_args(args, namespace)

    def format_help(self) -> str:
        """Fold the page by the program's name and not by its path, whose length is not ours to choose."""
        path, self.prog = self.prog, self.prog.replace(program(), PROGRAM, 1)
        try:
            return super().format_help().replace(self.prog, path, 1)
        finally:
            self.prog = path

    def error(self, message: str) -> NoReturn:
        text = shown(message)[:300]
        raise UsageInvalid(f"{text[:1].upper()}{text[1:]}.", f"Try: {self.prog} --help")


def parser(name: str, about: str, examples: str) -> Parser:
    """Return the parser of one command."""
    made = Parser(
        prog=typed(name),
        description=about,
        epilog=f"examples:\n{written_out(examples)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    common(made)
    return made


def wrapped(text: str, first: str = "", rest: str = "") -> str:
    """Return a paragraph in lines of the page; a command is never broken within a word."""
    return "\n".join(
        textwrap.wrap(
            shown(text),
            WIDTH,
            initial_indent=first,
            subsequent_indent=rest,
            break_long_words=PROGRAM not in text,
            break_on_hyphens=False,
        )
    )


def written_out(examples: str) -> str:
    """Return examples with the program called as it is here; a line that gets too long goes on below."""
    return "\n".join(map(_written_out, examples.splitlines()))


def _written_out(line: str) -> str:
    if not line.startswith(f"  {PROGRAM} "):
        return line
    whole = line.replace(PROGRAM, program(), 1)
    if len(whole) <= WIDTH:
        return whole
    command, *about = re.split(r"\s{3,}", whole.strip(), maxsplit=1)
    parts = textwrap.wrap(
        command,
        WIDTH - 2,
        initial_indent="  ",
        subsequent_indent=" " * 6,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join([*(f"  # {each}" for each in about), " \\\n".join(parts)])


def common(made: argparse.ArgumentParser) -> None:
    """Add what every command takes."""
    made.add_argument("--home", metavar="NAME", help="which home (default: simulated)")
    made.add_argument("--json", action="store_true", help="one JSON object instead of a page")


def place_of(given: argparse.Namespace) -> Place:
    """Return the home that was meant."""
    return located(given.home)

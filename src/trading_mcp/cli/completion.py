"""`completion`: what a shell needs to complete commands, read off the very parsers that will read them."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator
from typing import Final, cast

from trading_mcp.cli.commands import ACTIONS, COMMANDS, run
from trading_mcp.cli.parsing import Described, describing, parser
from trading_mcp.errors import Exit
from trading_mcp.place import PROGRAM

_EXAMPLES = """\
  trading-mcp completion bash >> ~/.bash_completion
  trading-mcp completion zsh > ~/.zfunc/_trading-mcp
  trading-mcp completion fish > ~/.config/fish/completions/trading-mcp.fish"""


def main(name: str, arguments: list[str]) -> int:
    """Print the script of one shell."""
    made = parser(name, "Print a script that completes commands in a shell.", _EXAMPLES)
    made.add_argument("shell", choices=tuple(_SCRIPTS))
    given = made.parse_args(arguments)
    print(_SCRIPTS[given.shell].replace("PROGRAM", PROGRAM).replace("CASES", "\n".join(_CASES[given.shell]())))
    return Exit.DONE


def words() -> dict[str, tuple[str, ...]]:
    """Return what may follow the words typed so far: nothing, a command, or a command and its action."""
    table: dict[str, tuple[str, ...]] = {"": (*COMMANDS, "--help", "--version")}
    for name in COMMANDS:
        table |= _of(name, [])
    for action in ACTIONS:
        name, _, word = action.partition(" ")
        table |= _of(name, [word], action)
        table[name] = (word, *table[name])
    return table


def _of(name: str, arguments: list[str], key: str = "") -> dict[str, tuple[str, ...]]:
    try:
        with describing():
            run(name, arguments)
    except Described as found:
        made = found.parser
    else:  # pragma: no cover - every command has a parser
        return {}
    table = {key or name: tuple(_words(made))}
    for action in _actions(made):
        if not isinstance(action.choices, dict):
            continue
        parsers = cast("dict[str, argparse.ArgumentParser]", action.choices)  # pyright: ignore[reportUnknownMemberType]
        table |= {f"{name} {word}": tuple(_words(sub)) for word, sub in parsers.items()}
    return table


def _actions(made: argparse.ArgumentParser) -> list[argparse.Action]:
    return made._actions  # noqa: SLF001 - nor any other way to ask a parser what it knows


def _words(made: argparse.ArgumentParser) -> Iterator[str]:
    for action in _actions(made):
        if action.option_strings:
            yield action.option_strings[-1]
        else:
            yield from map(str, action.choices or ())


def _shell_cases() -> Iterator[str]:
    for key, found in words().items():
        yield f"    {shlex.quote(key)}) found={shlex.quote(' '.join(found))} ;;"


def _fish_cases() -> Iterator[str]:
    for key, found in words().items():
        yield f"        case {shlex.quote(key)}\n            set found {' '.join(found)}"


_CASES: Final = {"bash": _shell_cases, "zsh": _shell_cases, "fish": _fish_cases}
_SCRIPTS: Final = {
    "bash": """\
_PROGRAM_words() {
  local found=''
  case "$1" in
CASES
  esac
  printf '%s' "$found"
}
_PROGRAM() {
  local current="${COMP_WORDS[COMP_CWORD]}" before=() word
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ $word == -* ]] || before+=("$word")
  done
  local found
  found="$(_PROGRAM_words "${before[*]:0:2}")"
  [[ $found ]] || found="$(_PROGRAM_words "${before[*]:0:1}")"
  COMPREPLY=($(compgen -W "$found" -- "$current"))
}
complete -o default -F _PROGRAM PROGRAM""",
    "zsh": """\
#compdef PROGRAM
_PROGRAM_words() {
  local found=''
  case "$1" in
CASES
  esac
  print -r -- "$found"
}
_PROGRAM() {
  local -a before
  before=("${(@)words[2,CURRENT-1]:#-*}")
  local found
  found="$(_PROGRAM_words "${(j: :)before[1,2]}")"
  [[ -n $found ]] || found="$(_PROGRAM_words "${before[1]}")"
  compadd -- ${(s: :)found}
  _files
}
compdef _PROGRAM PROGRAM""",
    "fish": """\
function __trading_mcp_words
    set -l found
    switch "$argv"
CASES
    end
    test (count $found) -gt 0; and printf '%s\\n' $found
end
function __trading_mcp_complete
    set -l before (string match -v -- '-*' (commandline -opc)[2..-1])
    __trading_mcp_words $before[1..2]; or __trading_mcp_words $before[1]
end
complete -c PROGRAM -a '(__trading_mcp_complete)'""",
}

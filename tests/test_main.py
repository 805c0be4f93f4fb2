"""The command line says what there is, and ends with the code it promised."""

import subprocess
import sys
from importlib.metadata import version

import pytest

from trading_mcp import __version__
from trading_mcp.__main__ import EXIT_DONE, EXIT_USAGE, main
from trading_mcp.place import PROGRAM, program


def test_the_version_is_written_once() -> None:
    assert version("trading-mcp") == __version__


@pytest.mark.parametrize("arguments", [["--help"], ["-h"]])
def test_help_says_what_exists(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == EXIT_DONE
    said = capsys.readouterr().out
    assert "--version" in said
    assert all(f"  {name} " in said for name in ("desk", "trade", "halt", "approve", "audit"))
    assert max(len(line.replace(program(), PROGRAM)) for line in said.splitlines()) <= 80


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == EXIT_DONE
    assert capsys.readouterr().out == f"trading-mcp {__version__}\n"


def test_an_unknown_word_is_a_usage_error_that_names_the_way_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["buy", "everything"]) == EXIT_USAGE
    heard = capsys.readouterr()
    assert heard.out == ""
    assert heard.err == f"This program knows no 'buy everything'. Try: {program()} --help\n"


def test_the_module_runs_as_a_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "trading_mcp", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"trading-mcp {__version__}\n"

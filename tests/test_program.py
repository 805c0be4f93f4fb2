"""How a person calls this program: by a path that works where the sentence is read."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from trading_mcp.place import PROGRAM, program, spelled, typed

INSTALLED = Path(sys.prefix, "bin", PROGRAM)


def _put(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / PROGRAM
    file.write_text("#!/bin/sh\n")
    file.chmod(0o700)
    return file


def test_it_is_called_by_the_path_of_the_installed_program() -> None:
    assert program() == str(INSTALLED)
    assert typed("status") == f"{INSTALLED} status"
    done = subprocess.run([program(), "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(PROGRAM)


def test_it_is_the_one_that_was_started_and_a_path_with_a_space_can_be_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = _put(tmp_path / "a folder")
    monkeypatch.setattr(sys, "argv", [str(started), "status"])
    assert program() == f"'{started}'"
    monkeypatch.chdir(started.parent)
    monkeypatch.setattr(sys, "argv", [PROGRAM])
    assert program() == f"'{started}'"


def test_another_program_of_that_name_on_the_path_is_not_taken_for_this_one(tmp_path: Path) -> None:
    _put(tmp_path)
    assert program(f"{tmp_path}:{INSTALLED.parent}") == str(INSTALLED)
    assert program(f":.:{tmp_path / 'nowhere'}") == str(INSTALLED)


def test_the_name_is_enough_where_the_path_leads_to_this_program(tmp_path: Path) -> None:
    (tmp_path / PROGRAM).symlink_to(INSTALLED)
    assert program(f"/nowhere:{tmp_path}") == PROGRAM
    assert program(str(INSTALLED.parent)) == PROGRAM


def test_without_an_installed_program_python_runs_the_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert program() == f"{sys.executable} -P -m trading_mcp"


def _at_a_terminal(words: list[str], environment: dict[str, str]) -> str:
    child, terminal = pty.fork()
    if child == 0:  # pragma: no cover - another process
        os.execve(words[0], words, environment)  # noqa: S606
    heard = b""
    try:
        while data := os.read(terminal, 65_536):
            heard += data
    except OSError:  # on Linux the end of a terminal is an error
        pass
    os.close(terminal)
    os.waitpid(child, 0)
    return heard.decode()


def test_a_terminal_that_finds_it_reads_its_name_and_any_other_reader_its_path(tmp_path: Path) -> None:
    words = [str(INSTALLED), "status", "--home", "nowhere"]
    found = {"HOME": str(tmp_path), "PATH": f"{INSTALLED.parent}:{os.environ['PATH']}"}
    lost = {**found, "PATH": "/usr/bin:/bin"}
    assert f"Start it: {PROGRAM} desk --home nowhere" in " ".join(_at_a_terminal(words, found).split())
    assert f"Start it: {INSTALLED} desk --home nowhere" in " ".join(_at_a_terminal(words, lost).split())
    done = subprocess.run(words, env=found, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert f"Start it: {INSTALLED} desk --home nowhere" in done.stderr


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("Try: trading-mcp --help", "Try: {} --help"),
        ("Run `trading-mcp doctor`, then trading-mcp desk.", "Run `{} doctor`, then {} desk."),
        ("trading-mcp resume", "{} resume"),
        ("/opt/bin/trading-mcp resume", "/opt/bin/trading-mcp resume"),
        ("'/opt/my bin/trading-mcp' resume", "'/opt/my bin/trading-mcp' resume"),
        ("trading-mcp", "trading-mcp"),
        ("trading-mcp 0.1.0", "trading-mcp 0.1.0"),
        ("a trading-mcp-story", "a trading-mcp-story"),
    ],
)
def test_a_sentence_is_spelled_out_once(said: str, read: str) -> None:
    assert spelled(said) == read.replace("{}", str(INSTALLED))
    assert spelled(spelled(said)) == spelled(said)

"""Every command of the README is typed in its order, by somebody who has a terminal, on desks of their own."""

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.desks import PASSPHRASE, DeskProcess, Said

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
# In blocks and in sentences alike.
TYPED = re.compile(r"(?:^|`)\.venv/bin/trading-mcp ([^`\n]+)", re.MULTILINE)
ELSEWHERE = {"demo": "tests/cli/test_demo.py"}


def typed(desk: DeskProcess, words: list[str]) -> Said:
    match words:
        case ["desk", *flags]:
            if desk.process is not None:  # there is one desk per home, and the reader has come to another chapter
                desk.end()
            desk.start(*flags, *(["--port", "0"] if flags else []))  # another test may have the README's port
            return Said(0, desk.heard, "")
        case ["stop"]:
            done = desk.say(*words)
            assert desk.ended() == 0
            desk.start()  # for what the README tells of after it
            return done
        case ["approver", "enroll"]:
            return desk.type(*words, answers=(PASSPHRASE, PASSPHRASE))
        case ["resume"]:
            return desk.type(*words, answers=(PASSPHRASE,))
        case _:
            return desk.say(*words)


def test_the_readme_can_be_followed_line_by_line(data: Path) -> None:
    lines = TYPED.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    assert {"desk", "status", "close --all", "halt", "resume", "desk --http", "--version"} < {*lines}
    desk = DeskProcess(data)
    try:
        for line in lines:
            if line not in ELSEWHERE:
                done = typed(desk, shlex.split(line))
                assert done.code == 0, (line, done)
        assert desk.say("status", "--json").answer["state"] == "ACTIVE"
        assert "http://127.0.0.1:" in desk.heard
        assert "trading" in (data / ".config/Claude/claude_desktop_config.json").read_text()
    finally:
        desk.end()

"""The README's commands for one's own desk, in its order, on a real desk."""

import re
from pathlib import Path

import pytest

from tests.cli.desks import DeskProcess

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]


def test_the_readme_can_be_followed_line_by_line(desk: DeskProcess) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\.venv/bin/trading-mcp (.+)$", text, re.MULTILINE)
    assert lines[0] == "desk"
    for line in lines[1 : lines.index("stop") + 1]:
        done = desk.say(*line.split())
        assert done.code == 0, done
    assert desk.ended() == 0

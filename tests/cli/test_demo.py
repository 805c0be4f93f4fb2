"""`demo` as a newcomer meets it: a real desk, the real bridge, a real signature, and nothing left of any of them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.cli.desks import PROGRAM, WITHIN
from tests.places import short

_ = short
pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
SECONDS_MAX = 30.0


class Newcomer:
    """A user with an empty folder for everything: what is in it afterwards was left behind."""

    def __init__(self, folder: Path) -> None:
        self.home, self.temporary = folder / "u", folder / "t"
        self.home.mkdir()
        self.temporary.mkdir()
        self.environment = {**os.environ, "HOME": str(self.home), "TMPDIR": str(self.temporary)}
        for name in ("XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "TRADING_MCP_HOME"):
            self.environment.pop(name, None)

    def plays(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*PROGRAM, "demo", *words],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=2 * WITHIN,
        )

    def left(self) -> list[Path]:
        return [*self.home.iterdir(), *self.temporary.iterdir()]

    def running(self) -> list[str]:
        """The processes that were started from here and still run."""
        found: list[str] = []
        for folder in Path("/proc").iterdir():
            try:
                if folder.name.isdecimal() and str(self.temporary).encode() in (folder / "environ").read_bytes():
                    found.append((folder / "cmdline").read_text())
            except OSError:
                continue
        return found


@pytest.fixture
def newcomer(short: Path) -> Newcomer:
    return Newcomer(short)


def test_the_whole_story_is_played_and_nothing_is_left(newcomer: Newcomer) -> None:
    done = newcomer.plays("--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)["answer"]
    assert told["seconds"] < SECONDS_MAX
    scenes = [
        (scene["tool"].split()[-1].partition("/")[0], scene["answer"].get("status", "")) for scene in told["scenes"]
    ]
    trades = [status for tool, status in scenes if tool == "execute_trade"]
    assert trades == ["filled", "filled", "denied", "awaiting_approval", "denied"]
    by_title = {scene["title"]: scene["answer"] for scene in told["scenes"]}
    signed = by_title["Its owner reads the facts and signs"]
    assert signed["status"] == "filled"
    assert any("momentum looks strong" in line for line in signed["screen"])
    assert by_title["It tries to loosen a limit"]["status"] == "awaiting_approval"
    assert by_title["It pulls the kill switch"]["trading_state"] == "HALTED"
    last = by_title["Another assistant tries to trade on"]
    assert [each["code"] for each in last["findings"]] == ["STATE_HALTED"]
    assert "resume" in last["state_reason"]
    assert told["verified"]["holds"]
    assert newcomer.left() == []
    assert newcomer.running() == []


def normal(text: str) -> list[str]:
    """Words without figures, wherever the page broke them: prices differ from one minute to the next."""
    return re.sub(r"\d[\d,.]*\d|\d", "0", text).split()


def test_the_page_fits_and_the_readme_shows_a_part_of_it(newcomer: Newcomer) -> None:
    done = newcomer.plays()
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "\x1b" not in done.stdout, "no colours where nobody sees them"
    readme = (ROOT / "README.md").read_text("utf-8").split("```text\n")[1].split("```")[0]
    assert len(readme.splitlines()) > 5
    assert " ".join(normal(readme)) in " ".join(normal(done.stdout))


@pytest.fixture
def playing(newcomer: Newcomer) -> Generator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*PROGRAM, "demo"],
        env={**newcomer.environment, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.mark.parametrize(
    ("scene", "number"),
    [
        ("trading-mcp demo", signal.SIGINT),
        ("initialize, tools/list", signal.SIGINT),
        ("It asks for ether for 400 ", signal.SIGTERM),
        ("Its owner reads the facts", signal.SIGINT),
        ("It pulls the kill switch", signal.SIGHUP),
    ],
)
def test_stopped_at_any_moment_it_cleans_up(
    newcomer: Newcomer, playing: subprocess.Popen[str], scene: str, number: signal.Signals
) -> None:
    assert playing.stdout is not None
    while scene not in (line := playing.stdout.readline()):
        assert line
    os.killpg(playing.pid, number)
    _, err = playing.communicate(timeout=WITHIN)
    assert (playing.returncode, err) == (1, "Stopped.\n")
    assert newcomer.left() == []
    assert newcomer.running() == []

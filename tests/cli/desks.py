"""Real desks for tests: a process on a home of its own, and a person or a program who types at it."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

PROGRAM = (sys.executable, "-m", "trading_mcp")
WITHIN = 30.0
PASSPHRASE = "correct horse battery staple"  # noqa: S105 - of a key that lives as long as a test


class Said(NamedTuple):
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def words(self) -> str:
        """What it said on one line, wherever the page broke it."""
        return " ".join(f"{self.out} {self.err}".split())

    @property
    def answer(self) -> dict[str, Any]:
        return json.loads(self.out)["answer"]


class DeskProcess:
    """A desk in a process of its own, and everything that is said to it."""

    def __init__(self, data: Path, home: str = "simulated") -> None:
        self.data = data
        self.home = home
        self.folder = data / "trading-mcp" / "homes" / home
        self.environment = {**os.environ, "HOME": str(data), "XDG_DATA_HOME": str(data), "NO_COLOR": "1"}
        for name in ("TRADING_MCP_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
            self.environment.pop(name, None)  # what it writes stays in its folder
        self.process: subprocess.Popen[bytes] | None = None
        self.program: tuple[str, ...] = PROGRAM
        # Where a person stands who types; None is where the tests were started.
        self.standing: Path | None = None

    def start(self, *words: str) -> DeskProcess:
        """Start it, with more words than it needs, and wait until its door is open."""
        with (self.data / f"{self.home}.out").open("a") as out:
            self.process = subprocess.Popen(
                [*self.program, "desk", "--home", self.home, *words],
                env=self.environment,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + WITHIN
        while not self._is_ready():
            assert self.process.poll() is None, self.heard
            assert time.monotonic() < deadline, self.heard
        return self

    def _is_ready(self) -> bool:
        if not (self.folder / "desk.sock").exists():
            select.select([], [], [], 0.05)
            return False
        said = self.say("status", "--json")
        return said.code == 0 and all(venue["reconciled"] for venue in said.answer["venues"])

    @property
    def heard(self) -> str:
        return (self.data / f"{self.home}.out").read_text()

    def say(self, *words: str, stdin: str = "") -> Said:
        """Say a command line, as a program without a terminal would."""
        done = subprocess.run(
            [*PROGRAM, *words, *self._named(words)],
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=WITHIN,
            start_new_session=True,
            cwd=self.standing,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def _named(self, words: tuple[str, ...]) -> tuple[str, ...]:
        is_plain = not words or words[0] in ("home", "--help", "--version") or "--home" in words
        return () if is_plain else ("--home", self.home)

    def type(self, *words: str, answers: tuple[str, ...] = ()) -> Said:
        """Say a command line at a terminal of its own, and type an answer at each question."""
        child, terminal = pty.fork()
        if child == 0:  # pragma: no cover - another process
            os.execve(sys.executable, [*PROGRAM, *words, *self._named(words)], self.environment)  # noqa: S606
        heard, left = "", list(answers)
        asked = 0
        deadline = time.monotonic() + WITHIN
        with contextlib.suppress(OSError):  # on Linux the end of a terminal is an error
            while time.monotonic() < deadline:
                if not select.select([terminal], [], [], 1.0)[0]:
                    continue
                data = os.read(terminal, 65_536)
                if not data:
                    break
                heard += data.decode(errors="replace")
                questions = heard.count(": ", asked)
                if left and heard.endswith(": ") and questions:
                    asked = len(heard)
                    os.write(terminal, f"{left.pop(0)}\n".encode())
        os.close(terminal)
        _, status = os.waitpid(child, 0)
        return Said(os.waitstatus_to_exitcode(status), heard, "")

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(WITHIN)

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def ended(self) -> int:
        assert self.process is not None
        return self.process.wait(WITHIN)

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(WITHIN)

"""A throwaway home with a desk, an assistant at the real bridge and an owner: begun, played on, and taken away."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, Final, Self, cast

from trading_mcp.adapters.approvals.keystore import Keystore
from trading_mcp.adapters.approvals.signing import sign
from trading_mcp.adapters.approvals.words import generated
from trading_mcp.adapters.system.clock import SystemClock
from trading_mcp.adapters.system.home import write_whole
from trading_mcp.cli import pen
from trading_mcp.cli.client import Reply, ask
from trading_mcp.core.domain.market import FeedHealth
from trading_mcp.core.domain.money import exactly
from trading_mcp.desk.answers import ScreenAnswer, StatusAnswer
from trading_mcp.doors.local import requests as r
from trading_mcp.errors import DeskFailed, DeskMissing, LinkBroken
from trading_mcp.launch import DESK_COMMAND
from trading_mcp.link import Lines
from trading_mcp.place import DEFAULT_HOME, HOME_VARIABLE, PROGRAM, Place, homes_folder, invoked, program

WITHIN: Final = 30.0
PAUSE: Final = 0.05
CLIENT: Final = {"name": "demo assistant", "version": "1"}
PROTOCOL: Final = "2025-11-25"
_STOPS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_FOLDERS: Final = {"XDG_DATA_HOME": "d", "XDG_STATE_HOME": "s", "XDG_CONFIG_HOME": "c"}

Fields = dict[str, Any]


class Stops:
    """Has every wish to stop end the play as Ctrl-C does, but never between making something and knowing of it."""

    def __init__(self) -> None:
        self._is_asked = False
        self._is_heard = False
        self._kept: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        self._kept = {number: signal.signal(number, self._stop) for number in _STOPS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._kept.items():
            signal.signal(number, handler)

    def _stop(self, *_: object) -> None:
        self._is_asked = True
        if self._is_heard:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def heard(self, *, now: bool = True) -> Generator[None]:
        """Stop at once in here; or, with `now` false, only after it."""
        before, self._is_heard = self._is_heard, now
        try:
            if now and self._is_asked:
                raise KeyboardInterrupt
            yield
        finally:
            self._is_heard = before
        if before and self._is_asked:
            raise KeyboardInterrupt


class Assistant:
    """A client of the protocol in raw JSON-RPC, which starts the bridge as its configuration would."""

    def __init__(self, environment: Mapping[str, str], folder: str) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            invoked(), env=environment, cwd=folder, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        self._lines = Lines()
        self._heard: list[bytes] = []
        self._numbers = itertools.count(1)

    def shake(self) -> Fields:
        """Say hello; return what the server is."""
        told = self.ask("initialize", protocolVersion=PROTOCOL, capabilities={}, clientInfo=CLIENT)
        self._say({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return told

    def ask(self, method: str, **params: object) -> Fields:
        """Return the result of one request."""
        number = next(self._numbers)
        self._say({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        while True:
            answer = cast("Fields", json.loads(self._line()))
            if answer.get("id") != number:
                continue  # a notice that something changed
            if "result" not in answer:
                raise _failed(f"The bridge refused {method}.")
            return answer["result"]

    def call(self, tool: str, **arguments: object) -> Fields:
        """Return what a tool answers, as a model reads it."""
        return self.ask("tools/call", name=tool, arguments=arguments)["structuredContent"]

    def leave(self) -> None:
        """Hang up, as an assistant does."""
        self._process.terminate()
        self._process.wait(WITHIN)

    def _say(self, message: Fields) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        self._process.stdin.write(f"{json.dumps(message)}\n".encode())
        self._process.stdin.flush()

    def _line(self) -> bytes:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        stream = self._process.stdout.fileno()
        while not self._heard:
            if not select.select([stream], [], [], WITHIN)[0] or not (data := os.read(stream, 1 << 16)):
                raise _failed("The bridge does not answer.")
            self._heard = self._lines.feed(data)
        return self._heard.pop(0)


class Stage:
    """The throwaway home: nothing of the user's is read or written, and nothing of it is left."""

    def __init__(self, stops: Stops) -> None:
        self._stops = stops
        self._folder = tempfile.mkdtemp(prefix=f"{PROGRAM}-demo-")
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith("XDG_") and name != HOME_VARIABLE
        }
        self._environment["HOME"] = self._folder
        self._environment |= {name: str(Path(self._folder, part)) for name, part in _FOLDERS.items()}
        homes = homes_folder(self._environment)
        self.place = Place(DEFAULT_HOME, str(Path(homes, DEFAULT_HOME)))
        self._approver = Path(homes).parent / "approver"
        self._passphrase = ""
        self._children: list[subprocess.Popen[bytes] | Assistant] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Take everything away, however often somebody asks to stop meanwhile."""
        for child in reversed(self._children):
            _ended(child)
        shutil.rmtree(self._folder, ignore_errors=True)

    def begin(self) -> None:
        """Start the desk, and wait until it has compared its venue with its book."""
        home = Path(self.place.path)
        home.mkdir(mode=0o700, parents=True)
        write_whole(home / "settings.toml", b"alert_desktop = false\n")  # what is shown here, no desktop need show
        nothing = subprocess.DEVNULL
        with self._stops.heard(now=False):
            desk = subprocess.Popen(  # noqa: S603 - our own program
                [*DESK_COMMAND, "desk", "--detached"], env=self._environment, cwd=self._folder,
                stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True,
            )  # fmt: skip
            self._children.append(desk)
        deadline = time.monotonic() + WITHIN
        while not self._is_ready():
            if desk.poll() is not None or time.monotonic() > deadline:
                raise _failed("The desk of the demo did not open its door.")
            time.sleep(PAUSE)

    def _is_ready(self) -> bool:
        with contextlib.suppress(DeskMissing, LinkBroken):  # its socket is there before it answers
            venues = self.ask(r.Status()).answer(StatusAnswer).venues
            return all(venue.reconciled and venue.feed == FeedHealth.HEALTHY for venue in venues)
        return False

    def assistant(self) -> Assistant:
        """Connect an assistant through the bridge."""
        with self._stops.heard(now=False):
            made = Assistant(self._environment, self._folder)
            self._children.append(made)
        return made

    def ask(self, request: r.Request) -> Reply:
        """Ask as the owner's command line would."""
        return ask(self.place, request)

    def enroll(self) -> str:
        """Make the owner's key of this home alone; return its fingerprint."""
        self._passphrase = generated()
        fingerprint = Keystore(self._approver, SystemClock()).enroll(self._passphrase).fingerprint
        self.ask(r.PinApprover())
        return fingerprint

    def approve(self, proposal: str) -> tuple[tuple[str, ...], Fields]:
        """Sign a proposal with the key of this home; return what its owner saw, and what came of it."""
        screen = self.ask(r.Screen(proposal_id=proposal)).answer(ScreenAnswer)
        with exactly():
            statement = pen.statement_of(screen.statement, proposal)
            key = Keystore(self._approver, SystemClock()).unlock(self._passphrase)
            signature = sign(statement, key).hex()
        request = r.ApproveProposal(proposal_id=proposal, statement=screen.statement, signature=signature)
        return screen.lines, cast("Fields", self.ask(request).fields["answer"])


def _ended(child: subprocess.Popen[bytes] | Assistant) -> None:
    if isinstance(child, Assistant):
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.leave()
        return
    child.terminate()  # in good order
    try:
        child.wait(WITHIN)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _failed(what: str) -> DeskFailed:
    return DeskFailed(what, f"Nothing of yours was touched. Look: {PROGRAM} doctor.")


def plain(text: str) -> str:
    """Return a sentence with the program's bare name: what it says is about a home that is gone in a moment."""
    return text.replace(program(), PROGRAM)

"""A passphrase is typed at a terminal and comes in by no other way."""

import os
import pty
import select
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.adapters.approvals.room import MINE, keystore
from trading_mcp.adapters.approvals.keystore import Keystore
from trading_mcp.adapters.approvals.passphrase import TERMINAL, Terminal
from trading_mcp.errors import PassphraseRefused, TerminalMissing

PROMPT: Final = "Passphrase: "
NOBODY: Final = (
    "There is no terminal at which the passphrase could be typed. Run the command yourself in a terminal: "
    "a passphrase is never piped, exported or passed as an argument."
)
# What a program does that would like to be asked; it prints what it got, or what stood in its way.
ASKS: Final = """
import sys
from trading_mcp.adapters.approvals.passphrase import Terminal
from trading_mcp.errors import TerminalMissing
try:
    got = Terminal().passphrase("Passphrase: ")
except TerminalMissing as error:
    sys.exit(str(error))
with open(sys.argv[1], "w") as file:
    file.write(got)
"""


class Desk:
    """Both ends of a terminal: what a program opens, and the person before it."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        self.path = Path(os.ttyname(self.slave))
        self.seen = b""

    def read_until(self, text: str) -> None:
        while text.encode() not in self.seen:
            self.seen += os.read(self.master, 1024)

    def types(self, *answers: bytes, prompt: str = PROMPT) -> threading.Thread:
        """Answer as soon as the question is on the screen, as people do."""

        def answer() -> None:
            self.read_until(prompt)
            for part in answers:
                os.write(self.master, part)

        thread = threading.Thread(target=answer)
        thread.start()
        return thread

    def screen(self) -> str:
        """Return all that was ever shown."""
        os.write(self.slave, b"<end>")
        self.read_until("<end>")
        return self.seen.decode()


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    os.close(made.slave)


def asked(desk: Desk, *answers: bytes) -> str:
    thread = desk.types(*answers)
    try:
        return Terminal(desk.path).passphrase(PROMPT)
    finally:
        thread.join()


def test_what_is_typed_is_read_and_not_shown(desk: Desk) -> None:
    assert asked(desk, f"{MINE}\n".encode()) == MINE
    assert desk.screen() == f"{PROMPT}\r\n<end>"


def test_the_terminal_is_left_as_it_was_found(desk: Desk) -> None:
    for echo in (True, False):
        settings = termios.tcgetattr(desk.slave)
        settings[3] = settings[3] | termios.ECHO if echo else settings[3] & ~(termios.ECHO | termios.ICANON)
        termios.tcsetattr(desk.slave, termios.TCSANOW, settings)
        before = termios.tcgetattr(desk.slave)
        desk.seen = b""
        assert asked(desk, b"some words\n") == "some words"
        assert termios.tcgetattr(desk.slave) == before


def test_a_line_can_be_corrected_while_it_is_typed(desk: Desk) -> None:
    assert asked(desk, b"wrong\x15some worts\x7f\x7fds\n") == "some words"


def test_a_line_that_comes_in_parts_is_whole(desk: Desk) -> None:
    assert asked(desk, b"some ", b"words", b"\n") == "some words"


def test_what_was_typed_before_the_question_is_thrown_away(desk: Desk) -> None:
    os.write(desk.master, b"typed ahead\n")
    select.select([desk.slave], [], [])  # until it has come through
    assert asked(desk, b"the answer\n") == "the answer"


@pytest.mark.parametrize("typed", ["\u00fcber caf\u00e9".encode(), b"\xff\xfe broken"])
def test_letters_of_any_keyboard_are_read(desk: Desk, typed: bytes) -> None:
    assert asked(desk, typed + b"\n") == typed.decode("utf-8", "surrogateescape")


def test_a_line_has_a_longest_length(desk: Desk) -> None:
    assert asked(desk, b"x" * 1_023 + b"\n") == "x" * 1_023
    desk.seen = b""
    with pytest.raises(TerminalMissing, match=r"^Nothing was typed\. Type the passphrase and press return\.$"):
        asked(desk, b"x" * 1_024 + b"\n")


@pytest.mark.parametrize("answers", [(b"\x04",), (b"half", b"\x04", b"\x04")])
def test_the_end_of_input_is_no_passphrase(desk: Desk, answers: tuple[bytes, ...]) -> None:
    with pytest.raises(TerminalMissing, match=r"^Nothing was typed\. Type the passphrase and press return\.$"):
        asked(desk, *answers)


def test_an_empty_line_is_an_empty_passphrase(desk: Desk) -> None:
    assert asked(desk, b"\n") == ""


def test_a_terminal_that_is_closed_while_it_waits_is_none(desk: Desk) -> None:
    def hang_up() -> None:
        desk.read_until(PROMPT)
        os.close(desk.master)

    thread = threading.Thread(target=hang_up)
    thread.start()
    with pytest.raises(TerminalMissing) as caught:
        Terminal(desk.path).passphrase(PROMPT)
    thread.join()
    assert str(caught.value) == NOBODY
    assert caught.value.__suppress_context__


def test_what_is_told_is_shown_at_the_terminal_alone(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    Terminal(desk.path).tell("four words \u00fc\ud800")
    assert desk.screen() == "four words \u00fc?\r\n<end>"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", ["file", "pipe", "null", "missing"])
def test_what_is_no_terminal_is_refused(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "typed"
    if kind == "file":
        place.write_text(f"{MINE}\n")
    elif kind == "pipe":
        os.mkfifo(place)
    elif kind == "null":
        place = Path("/dev/null")
    for act in (lambda: Terminal(place).passphrase(PROMPT), lambda: Terminal(place).tell("x")):
        with pytest.raises(TerminalMissing) as caught:
            act()
        assert str(caught.value) == NOBODY


def test_no_handle_stays_open(tmp_path: Path, desk: Desk) -> None:
    before = os.dup(0)
    os.close(before)
    for place in (Path("/dev/null"), tmp_path / "missing"):
        with pytest.raises(TerminalMissing):
            Terminal(place).tell("x")
    Terminal(desk.path).tell("x")
    after = os.dup(0)
    os.close(after)
    assert after == before


def test_a_terminal_is_the_one_this_program_was_started_at() -> None:
    assert Path("/dev/tty") == TERMINAL
    assert Terminal()._path == TERMINAL


# A program on its own, with the passphrase handed to it in every way but one.


@pytest.mark.parametrize("way", ["stdin", "environment", "argument"])
def test_a_passphrase_by_another_way_than_the_terminal(tmp_path: Path, way: str) -> None:
    got = tmp_path / "got"
    names = ("PASSPHRASE", "TRADING_MCP_PASSPHRASE", "TRADING_MCP_APPROVER_PASSPHRASE")
    done = subprocess.run(
        [sys.executable, "-c", ASKS, str(got), *([f"--passphrase={MINE}", MINE] if way == "argument" else [])],
        input=f"{MINE}\n" * 3 if way == "stdin" else "",
        env={**os.environ, **(dict.fromkeys(names, MINE) if way == "environment" else {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        start_new_session=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{NOBODY}\n")
    assert not got.exists()


def test_what_a_person_types_at_the_programs_own_terminal_is_read(tmp_path: Path) -> None:
    got = tmp_path / "got"
    seen = at_a_terminal_of_its_own([sys.executable, "-c", ASKS, str(got)], f"{MINE}\n".encode())
    assert got.read_text() == MINE
    assert "canary" not in seen


def test_a_terminal_does_not_help_a_program_that_has_to_guess(tmp_path: Path, store: Keystore, folder: Path) -> None:
    got = tmp_path / "got"
    at_a_terminal_of_its_own([sys.executable, "-c", ASKS, str(got)], b"correct horse battery staple\n")
    guess = got.read_text()
    for _ in range(5):
        with pytest.raises(PassphraseRefused):
            store.unlock(guess)
    with pytest.raises(PassphraseRefused, match="locked"):
        keystore(folder).unlock(MINE)


def at_a_terminal_of_its_own(command: list[str], answer: bytes) -> str:
    """Run a program whose controlling terminal is a new one, while its stdin is empty; return the screen."""
    starter = "import fcntl, os, sys, termios; fcntl.ioctl(int(sys.argv[1]), termios.TIOCSCTTY, 0)"
    desk = Desk()
    thread = desk.types(answer)
    with subprocess.Popen(
        [sys.executable, "-c", f"{starter}; os.execv(sys.argv[2], sys.argv[2:])", str(desk.slave), *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(desk.slave,),
        start_new_session=True,
    ) as process:
        assert process.wait(timeout=60) == 0
    thread.join()
    screen = desk.screen()
    os.close(desk.slave)
    os.close(desk.master)
    return screen


def test_the_act_of_typing_unlocks_one_signature(desk: Desk, store: Keystore) -> None:
    unlock: Callable[[str], object] = store.unlock
    assert unlock(asked(desk, f"{MINE}\n".encode()))

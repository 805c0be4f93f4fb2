"""The terminal at which a person types: /dev/tty and nothing else, without an echo."""

import os
import termios
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from trading_mcp.adapters.approvals.words import LENGTH_MAX
from trading_mcp.errors import TerminalMissing

TERMINAL: Final = Path("/dev/tty")
_LFLAG: Final = 3


class Terminal:
    """The controlling terminal; what is piped in, exported or given as an argument never reaches it."""

    def __init__(self, path: Path = TERMINAL) -> None:
        self._path = path

    def tell(self, text: str) -> None:
        """Show something to the person alone: no pipe and no log sees it."""
        with self._opened() as handle:
            _write(handle, f"{text}\n")

    def passphrase(self, prompt: str) -> str:
        """Ask for a passphrase; whatever was typed before the question is thrown away."""
        try:
            with self._opened() as handle, _unechoed(handle):
                _write(handle, prompt)
                line = _line(handle)
                _write(handle, "\n")
        except (OSError, termios.error):  # it was closed while we waited
            raise _nobody() from None
        if line is None:
            raise TerminalMissing("Nothing was typed.", "Type the passphrase and press return.")
        return line

    @contextmanager
    def _opened(self) -> Generator[int]:
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_NOCTTY)
        except OSError:
            raise _nobody() from None
        try:
            if not os.isatty(handle):
                raise _nobody()
            yield handle
        finally:
            os.close(handle)


@contextmanager
def _unechoed(handle: int) -> Generator[None]:
    before = termios.tcgetattr(handle)
    quiet = list(before)
    quiet[_LFLAG] = (quiet[_LFLAG] | termios.ICANON) & ~termios.ECHO
    termios.tcsetattr(handle, termios.TCSAFLUSH, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(handle, termios.TCSAFLUSH, before)


def _line(handle: int) -> str | None:
    """Return one line, or None if the terminal was closed or the line is longer than any passphrase."""
    typed = b""
    while not typed.endswith(b"\n"):
        part = os.read(handle, LENGTH_MAX)
        typed += part
        if not part or len(typed) > LENGTH_MAX:
            return None
    return typed[:-1].decode("utf-8", "surrogateescape")


def _write(handle: int, text: str) -> None:
    os.write(handle, text.encode("utf-8", "replace"))


def _nobody() -> TerminalMissing:
    return TerminalMissing(
        "There is no terminal at which the passphrase could be typed.",
        "Run the command yourself in a terminal: a passphrase is never piped, exported or passed as an argument.",
    )

"""Five wrong passphrases in a row lock the key for fifteen minutes, whatever restarts or sets its clock meanwhile."""

from pathlib import Path
from typing import Final

import msgspec

from trading_mcp.adapters.approvals.private import read_private, write_private
from trading_mcp.core.canonical import canonical
from trading_mcp.core.domain.market import MINUTE
from trading_mcp.core.ports import Clock
from trading_mcp.errors import PassphraseRefused

WRONG_MAX: Final = 5
LOCKED_FOR: Final = 15 * MINUTE
_FILE: Final = "tries.json"


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How many tries were wrong since the last good one, and when the last was made, on both clocks."""

    wrong: int
    now: int
    boot: int


class Tries:
    """The count on disk: a try counts as wrong before it is made, so that ending the process takes nothing back."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._path = folder / _FILE
        self._clock = clock

    def begin(self) -> None:
        """Count one try, or refuse it while the key is locked."""
        count = self._read()
        wrong = count.wrong
        if wrong >= WRONG_MAX:
            left = LOCKED_FOR - self._elapsed(count)
            if left > 0:
                raise PassphraseRefused(
                    f"Five wrong passphrases have locked the key for {-(-left // MINUTE)} more minutes.",
                    "Wait; nothing that is proposed is lost by waiting.",
                )
            wrong = 0
        self._write(wrong + 1)

    def left(self) -> int:
        """Return how many tries there are until the key is locked."""
        return max(0, WRONG_MAX - self._read().wrong)

    def clear(self) -> None:
        """Forget what was wrong: the passphrase was right."""
        self._write(0)

    def _elapsed(self, count: Count) -> int:
        """Return how long ago the last try was; the wall counts only if the machine has been started since."""
        by_boot = self._clock.boot() - count.boot
        return by_boot if by_boot >= 0 else self._clock.now() - count.now

    def _read(self) -> Count:
        content = read_private(self._path)
        try:
            count = None if content is None else msgspec.json.decode(content, type=Count)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            count = None
        if count is None or count.wrong < 0:
            # A count that was taken away or spoiled would be a way to go on guessing: the lock begins.
            return self._write(WRONG_MAX)
        return count

    def _write(self, wrong: int) -> Count:
        count = Count(wrong=wrong, now=self._clock.now(), boot=self._clock.boot())
        write_private(self._path, canonical(count))
        return count

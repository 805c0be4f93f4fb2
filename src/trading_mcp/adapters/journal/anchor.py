"""The anchor: a file outside the home that remembers the journal's signed heads, to compare with."""

from __future__ import annotations

import enum
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

import msgspec

from trading_mcp.adapters.journal.checkpoint import REAL, Checkpoint, flaw
from trading_mcp.adapters.journal.files import read_whole, shown, write_all, write_whole
from trading_mcp.core.ports import Head

LINES_KEPT: Final = 64
BYTES_MAX: Final = 256 * 1024


class AnchorState(enum.StrEnum):
    """How the journal stands to its anchor. The desk freezes on everything but the first two."""

    AGREES = "agrees"
    NEW = "new"
    """Neither has a checkpoint yet."""
    MISSING = "missing"
    """Only the journal has checkpoints: a home brought from elsewhere, or an anchor removed."""
    UNREADABLE = "unreadable"
    BEHIND = "behind"
    DIFFERENT = "different"
    KEY_CHANGED = "key_changed"
    FORGED = "forged"
    CLOCK_BACK = "clock_back"


class AnchorVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the anchor says about the journal, in one sentence a person can act on."""

    state: AnchorState
    sentence: str
    checkpoint: Checkpoint | None = None

    @property
    def is_sound(self) -> bool:
        return self.state in (AnchorState.AGREES, AnchorState.NEW)


class AnchorFile:
    """One JSON line a checkpoint, appended and synced; the newest are kept, each commits to all before it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._is_whole = False

    def add(self, checkpoint: Checkpoint) -> None:
        """Append one line for good; raises if it cannot be."""
        line = _line(checkpoint)
        if not self._is_whole or self.path.stat().st_size + len(line) > BYTES_MAX:
            # Also after a crash: a line that was cut off must not swallow the one that follows it.
            self._rewrite()
        self._is_whole = False
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            write_all(handle, line)
            os.fsync(handle)
        finally:
            os.close(handle)
        self._is_whole = True

    def lines(self) -> list[bytes]:
        """The whole lines. One without an end was being written when the power went: it never counted."""
        try:
            content = read_whole(self.path, BYTES_MAX)
        except FileNotFoundError:
            return []
        return content.split(b"\n")[:-1]

    def _rewrite(self) -> None:
        kept = self.lines()[-LINES_KEPT:]
        write_whole(self.path, b"".join(line + b"\n" for line in kept))

    def compare(
        self, head: Head, hash_at: Callable[[int], bytes | None], key: bytes, now: int, domain: bytes = REAL
    ) -> AnchorVerdict:
        """How the journal that ends in `head` stands to the newest checkpoint here.

        The journal may be ahead, by what a crash kept from the anchor. `hash_at` reads an entry's hash.
        """
        name = f"anchor {shown(self.path)}"
        try:
            lines = self.lines()
        except OSError as error:
            sentence = f"The {name} cannot be read: {error.strerror}."
            return AnchorVerdict(state=AnchorState.UNREADABLE, sentence=sentence)
        if not lines:
            return AnchorVerdict(state=AnchorState.MISSING, sentence=f"The {name} is empty or missing.")
        checkpoints = [_checkpoint(line) for line in lines]
        for number, checkpoint in enumerate(checkpoints, start=1):
            where = f"Line {number} of the {name}"
            if checkpoint is None:
                return AnchorVerdict(state=AnchorState.FORGED, sentence=f"{where} is not a checkpoint.")
            if checkpoint.key != key:
                return AnchorVerdict(
                    state=AnchorState.KEY_CHANGED,
                    sentence=f"{where} was signed with another key than the one this home has now.",
                    checkpoint=checkpoint,
                )
            reason = flaw(checkpoint, key, domain)
            if reason is not None:
                return AnchorVerdict(state=AnchorState.FORGED, sentence=f"{where} {reason}.", checkpoint=checkpoint)
        return _verdict([c for c in checkpoints if c is not None], head, hash_at, now)


def _verdict(
    checkpoints: list[Checkpoint], head: Head, hash_at: Callable[[int], bytes | None], now: int
) -> AnchorVerdict:
    """The verdict on genuine checkpoints; the largest counts, wherever in the file it stands."""
    last = max(checkpoints, key=lambda checkpoint: checkpoint.size)
    if head.seq < last.size:
        state = AnchorState.BEHIND
        sentence = (
            f"The journal ends at entry {head.seq}, but the anchor has seen {last.size}: "
            f"the last {last.size - head.seq} are gone, or an old copy was put in its place."
        )
    elif hash_at(last.size) != last.head:
        state = AnchorState.DIFFERENT
        sentence = f"Entry {last.size} is not the one the anchor has seen: the journal was rewritten."
    elif now < last.at:
        state = AnchorState.CLOCK_BACK
        sentence = f"The clock is {(last.at - now) / 1e6:.0f} s before the anchor's last checkpoint."
    else:
        state = AnchorState.AGREES
        sentence = f"The journal goes on from entry {last.size}, which the anchor has seen."
    return AnchorVerdict(state=state, sentence=sentence, checkpoint=last)


class _Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A checkpoint as text."""

    at: int
    head: str
    key: str
    signature: str
    size: int
    v: Literal[1] = 1


_ENCODER: Final = msgspec.json.Encoder(order="sorted")
_DECODER: Final = msgspec.json.Decoder(_Line)


def _line(checkpoint: Checkpoint) -> bytes:
    line = _Line(
        at=checkpoint.at,
        head=checkpoint.head.hex(),
        key=checkpoint.key.hex(),
        signature=checkpoint.signature.hex(),
        size=checkpoint.size,
    )
    return _ENCODER.encode(line) + b"\n"


def _checkpoint(content: bytes) -> Checkpoint | None:
    try:
        line = _DECODER.decode(content)
        head, key, signature = map(bytes.fromhex, (line.head, line.key, line.signature))
    except (ValueError, RecursionError):
        return None
    return Checkpoint(size=line.size, head=head, at=line.at, key=key, signature=signature)

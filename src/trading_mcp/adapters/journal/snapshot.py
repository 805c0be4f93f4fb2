"""Snapshots of the book: bytes that spare a start the whole replay, believed only if the chain says so."""

from __future__ import annotations

import contextlib
import re
from hashlib import sha256
from pathlib import Path
from struct import Struct as Layout
from typing import Final

from trading_mcp.adapters.journal.files import DRAFT, read_whole, write_whole

_DOMAIN: Final = b"trading-mcp/snapshot/1"
BYTES_MAX: Final = 256 * 1024 * 1024
_NAME: Final = re.compile(rf"(\d{{12,}})-v\d+\.snapshot(?:{re.escape(DRAFT)})?")
_FRONT: Final = Layout(">I22sIIIQI")


def digest_of(fold_version: int, seq: int, body: bytes) -> str:
    """What the chain has to say for these bytes to be believed as the book after entry `seq`."""
    front = _FRONT.pack(len(_DOMAIN), _DOMAIN, 4, fold_version, 8, seq, len(body))
    return sha256(front + body).hexdigest()


class Snapshots:
    """The snapshots of one home. They are derived: losing them costs a full replay and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def store(self, fold_version: int, seq: int, body: bytes) -> str:
        """Keep `body` for good and answer its digest, which the caller then records as an entry."""
        write_whole(self._path(fold_version, seq), body)
        return digest_of(fold_version, seq, body)

    def load(self, fold_version: int, seq: int, digest: str) -> bytes | None:
        """The snapshot that a signed entry speaks of; None if it is gone or is not those bytes."""
        try:
            body = read_whole(self._path(fold_version, seq), BYTES_MAX)
        except OSError:
            return None
        return body if digest_of(fold_version, seq, body) == digest else None

    def drop_before(self, seq: int) -> None:
        """Remove what is older than the snapshot of entry `seq`, once that one is recorded; others' files stay."""
        for path in sorted(self.folder.iterdir()):
            name = _NAME.fullmatch(path.name)
            if name is not None and int(name[1]) < seq:
                # What cannot be removed takes space and nothing else; the next snapshot tries again.
                with contextlib.suppress(OSError):
                    path.unlink()

    def _path(self, fold_version: int, seq: int) -> Path:
        return self.folder / f"{seq:012d}-v{fold_version}.snapshot"

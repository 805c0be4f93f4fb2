"""The desk's own key, which signs the heads of its journal and nothing that a person decides."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trading_mcp.adapters.journal.checkpoint import DeskKey
from trading_mcp.adapters.journal.files import read_whole, require_private, shown, write_whole
from trading_mcp.errors import JournalDamaged

KEY: Final = "journal.db.key"
_BYTES: Final = 32


def make_key(home: Path) -> DeskKey:
    """Make the key of a home that has none; one that is there stays."""
    path = home / KEY
    if not path.exists():
        write_whole(path, Ed25519PrivateKey.generate().private_bytes_raw())
    return load_key(home)


def load_key(home: Path) -> DeskKey:
    """Read the key of a home; without it no checkpoint of the journal can be believed."""
    path = home / KEY
    try:
        require_private(path)
        seed = read_whole(path, _BYTES + 1)
    except FileNotFoundError:
        seed = b""
    if len(seed) != _BYTES:
        raise JournalDamaged(
            f"{shown(path)}, which signs the journal, is missing or damaged.", "Bring it back from your backup."
        )
    return DeskKey(Ed25519PrivateKey.from_private_bytes(seed))

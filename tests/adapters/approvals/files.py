"""Looking into the files of a keystore, and spoiling them."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from tests.adapters.approvals.room import MINE
from trading_mcp.adapters.approvals.keystore import Keystore, SealedKey
from trading_mcp.core.canonical import canonical
from trading_mcp.errors import PassphraseRefused


def key_file(folder: Path) -> Path:
    (found,) = folder.glob("*.key")
    return found


def sealed_in(folder: Path) -> SealedKey:
    return msgspec.json.decode(key_file(folder).read_bytes(), type=SealedKey)


def rewrite(folder: Path, **changes: Any) -> None:
    """Change the key file as somebody would who knows how it is made."""
    changed = replace(sealed_in(folder), **changes)
    key_file(folder).write_bytes(canonical(replace(changed, check=changed.digest)))


def guess(store: Keystore, times: int) -> None:
    for _ in range(times):
        with pytest.raises(PassphraseRefused):
            store.unlock("not the passphrase")


def locked(store: Keystore) -> str:
    with pytest.raises(PassphraseRefused) as caught:
        store.unlock(MINE)
    return str(caught.value)


def flip(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]

"""Passphrases of four common words, drawn by the machine, and how any passphrase is spelled before it is used."""

import secrets
import unicodedata
from functools import cache
from importlib import resources
from typing import Final

from trading_mcp.errors import PassphraseRefused

WORDS: Final = 4
LENGTH_MIN: Final = 12
LENGTH_MAX: Final = 1024


@cache
def word_list() -> tuple[str, ...]:
    """Return the words we ship: more than 2,300, each of them worth eleven bits."""
    text = resources.files("trading_mcp.adapters.approvals").joinpath("words.txt").read_text(encoding="ascii")
    return tuple(text.split())


def generated() -> str:
    """Return four words that nobody has chosen: about 45 bits, and every guess costs a whole scrypt."""
    return " ".join(secrets.choice(word_list()) for _ in range(WORDS))


def spelled(passphrase: str) -> bytes:
    """Return a passphrase as bytes, the same for every keyboard that can type it."""
    return " ".join(unicodedata.normalize("NFKC", passphrase).split()).encode("utf-8", "surrogatepass")


def require_strong(passphrase: str) -> None:
    """Refuse a new passphrase that is too short to withstand somebody with a copy of the key file."""
    if not LENGTH_MIN <= len(spelled(passphrase)) <= LENGTH_MAX:
        raise PassphraseRefused(
            f"A passphrase has {LENGTH_MIN} to {LENGTH_MAX} characters.", "Take the four words that are offered."
        )

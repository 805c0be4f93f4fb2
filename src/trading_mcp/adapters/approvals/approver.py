"""The approver pinned for a user: one public key, and the signatures by which each key made way for the next."""

import hashlib
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from trading_mcp.adapters.approvals.private import read_private, write_private
from trading_mcp.core.canonical import canonical
from trading_mcp.errors import ApproverUnusable

KEY_BYTES: Final = 32
HANDOVERS_KEPT: Final = 64
PIN: Final = "approver.json"
_FORMAT: Final = "trading-mcp/approver/1"
_HANDOVER: Final = b"trading-mcp/handover/1\n"


class Handover(msgspec.Struct, frozen=True, kw_only=True):
    """A key that names the one after it, in its own hand."""

    before: bytes
    after: bytes
    at: int
    signature: bytes

    @property
    def holds(self) -> bool:
        """Say whether the key before really signed."""
        return is_signed(self.before, handover_message(self.before, self.after, self.at), self.signature)


class Approver(msgspec.Struct, frozen=True, kw_only=True):
    """Who signs for this user, since when, and after whom."""

    format: str = _FORMAT
    public: bytes
    enrolled_at: int
    handovers: tuple[Handover, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Return the name of the key, as homes record it and as every start shows it."""
        return fingerprint_of(self.public)

    def follows(self, named: str) -> bool:
        """Say whether the key with that fingerprint made way for this one, signature by signature."""
        key = self.public
        for handover in reversed(self.handovers):
            if handover.after != key or not handover.holds:
                return False
            key = handover.before
            if fingerprint_of(key) == named:
                return True
        return False


class Standing(StrEnum):
    """How the user's approver stands to the one a home has recorded."""

    NOBODY = "nobody"
    FIRST = "first"
    SAME = "same"
    SUCCESSOR = "successor"
    STRANGER = "stranger"


def standing(approver: Approver | None, named: str) -> Standing:
    """Compare the pinned approver with the one a home names; a stranger is a replacement without the old key."""
    if approver is None:
        return Standing.STRANGER if named else Standing.NOBODY
    if not named:
        return Standing.FIRST
    if approver.fingerprint == named:
        return Standing.SAME
    return Standing.SUCCESSOR if approver.follows(named) else Standing.STRANGER


def fingerprint_of(public: bytes) -> str:
    """Return 128 bits of a key's hash in groups of four, to be compared by eye."""
    digest = hashlib.sha256(public).hexdigest()
    return "-".join(digest[place : place + 4] for place in range(0, 32, 4))


def is_signed(public: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether a key has signed a message; whatever is no key or no signature has not."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def handover_message(before: bytes, after: bytes, at: int) -> bytes:
    """Return what a key signs to make way for another."""
    return _HANDOVER + canonical((before, after, at))


def read_pin(path: Path) -> Approver | None:
    """Return the pinned approver, or None if nobody has enrolled."""
    content = read_private(path)
    if content is None:
        return None
    try:
        approver = msgspec.json.decode(content, type=Approver)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        approver = None
    is_ours = approver is not None and canonical(approver) == content
    if approver is None or not is_ours or approver.format != _FORMAT or len(approver.public) != KEY_BYTES:
        raise ApproverUnusable(f"{path} is damaged or is not an approver's file.", "Bring it back from your backup.")
    return approver


def write_pin(path: Path, approver: Approver) -> None:
    """Pin an approver for good."""
    write_private(path, canonical(approver))

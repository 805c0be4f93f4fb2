"""Checkpoints: the journal's size, head and time, signed by the desk, so that a cut tail is noticed."""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct as Layout
from typing import Any, Final, Protocol

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from trading_mcp.adapters.journal.chain import HASH_BYTES, Row
from trading_mcp.adapters.journal.files import shown
from trading_mcp.core.domain import events as e

REAL: Final = b"trading-mcp/checkpoint/1"
FAKE: Final = b"trading-mcp/checkpoint/1/fake-venues"
"""What a home of fake venues signs under, so that none of its evidence counts in a real one."""

_STATEMENT: Final = Layout(">QI32sq")

# What gives or takes a right, uses a nonce, or ends a day. A kind added here is looked for in the unsigned end of
# journals that an earlier version wrote too; only a crash leaves one, and a start signs it.
AT_ONCE: Final = frozenset(
    kind.__name__
    for kind in (
        e.Latched,
        e.Released,
        e.PolicyChanged,
        e.AlgorithmSet,
        e.MandateIssued,
        e.MandateVoided,
        e.ProposalApproved,
        e.Attended,
        e.ApproverEnrolled,
        e.LiveEnabled,
        e.SnapshotTaken,
        e.DeskStopped,
    )
)


class Cadence(msgspec.Struct, frozen=True, kw_only=True):
    """How soon an entry has to be signed: the desk keeps to it, and verification holds it to it."""

    every: int = 256
    interval: int = 60_000_000
    kinds: frozenset[str] = AT_ONCE

    def is_due(self, size: int, since: int | None, seq: int, at: int, kind: str) -> bool:
        """Whether entry `seq` may not stay unsigned after a checkpoint of `size` entries made at `since`."""
        return (
            kind in self.kinds
            or seq - size >= self.every
            or since is None
            # A clock that stepped back says nothing about how long it has been.
            or not 0 <= at - since < self.interval
        )


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A signed statement: at this time the first `size` entries ended in `head`."""

    size: int
    head: bytes
    at: int
    key: bytes
    signature: bytes


class Signer(Protocol):
    """The desk's key: what it is known by, and how it signs."""

    @property
    def public(self) -> bytes: ...
    def sign(self, message: bytes) -> bytes: ...


class DeskKey:
    """The desk's own Ed25519 key, which the approver's key certifies."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self._private.sign(message)


class Anchor(Protocol):
    """Where checkpoints are kept that whoever rewrites the journal does not reach."""

    def add(self, checkpoint: Checkpoint) -> None: ...


def statement(domain: bytes, size: int, head: bytes, at: int) -> bytes:
    """The bytes that are signed: a domain, the end of it, and fields of fixed size."""
    return domain + b"\n" + _STATEMENT.pack(size, HASH_BYTES, head, at)


def signed(signer: Signer, domain: bytes, row: Row) -> Checkpoint:
    """The checkpoint of a chain that ends with `row`; its time is that of the entry."""
    signature = signer.sign(statement(domain, row.seq, row.hash, row.at))
    return Checkpoint(size=row.seq, head=row.hash, at=row.at, key=signer.public, signature=signature)


def flaw(checkpoint: Checkpoint, key: bytes, domain: bytes) -> str | None:
    """Why `checkpoint` is not one that the desk with public key `key` has signed; None if it is."""
    if checkpoint.key != key:
        return "is signed with another key than this desk's"
    try:
        message = statement(domain, checkpoint.size, checkpoint.head, checkpoint.at)
        if len(checkpoint.head) != HASH_BYTES:
            return "does not name a head"
        Ed25519PublicKey.from_public_bytes(key).verify(checkpoint.signature, message)
    except InvalidSignature:
        return "carries a signature that the desk's key did not make"
    except Exception as error:  # noqa: BLE001 - whatever a forger wrote there, the answer is the same: not signed
        return f"is not a checkpoint ({type(error).__name__})"
    return None


def checkpoint_of(raw: Sequence[Any]) -> Checkpoint:
    size, head, at, key, signature = raw
    return Checkpoint(size=size, head=head, at=at, key=key, signature=signature)


def values_of(checkpoint: Checkpoint) -> tuple[int, bytes, int, bytes, bytes]:
    return (checkpoint.size, checkpoint.head, checkpoint.at, checkpoint.key, checkpoint.signature)


class Checkpointer:
    """Decides which commits carry a checkpoint, signs it, and brings it to the anchor once it is durable."""

    def __init__(
        self,
        signer: Signer,
        *,
        domain: bytes = REAL,
        anchor: Anchor | None = None,
        cadence: Cadence = Cadence(),  # noqa: B008 - it is frozen
    ) -> None:
        self._signer = signer
        self._domain = domain
        self._anchor = anchor
        self._cadence = cadence
        self._size = 0
        self._at: int | None = None
        self.trouble: str | None = None
        """Why the anchor could not be written last time; the status shows it. The journal itself goes on."""

    def resume(self, last: Checkpoint | None) -> None:
        """Go on from the last checkpoint on disk."""
        if last is not None:
            self._size, self._at = last.size, last.at

    def due(self, rows: Sequence[Row], *, anyway: bool = False) -> Checkpoint | None:
        """The checkpoint that has to be in the same commit as `rows`, if any."""
        wanted = anyway or any(self._cadence.is_due(self._size, self._at, row.seq, row.at, row.kind) for row in rows)
        return signed(self._signer, self._domain, rows[-1]) if wanted else None

    def committed(self, checkpoint: Checkpoint) -> None:
        """Note a checkpoint that is durable, and append it to the anchor.

        The anchor comes second: after a crash in between it is behind the journal, which is innocent. A
        journal behind its anchor never is. An anchor that cannot be written costs detection, not entries,
        so it is reported and tried again at the next checkpoint.
        """
        self._size, self._at = checkpoint.size, checkpoint.at
        if self._anchor is None:
            return
        try:
            self._anchor.add(checkpoint)
        except Exception as error:  # noqa: BLE001 - the entries are durable, whatever the anchor makes of it
            self.trouble = shown(error)
        else:
            self.trouble = None

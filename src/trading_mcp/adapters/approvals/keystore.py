"""The approver's private key, sealed under a passphrase that only the person knows; unlocked, it signs once."""

import hashlib
import os
from pathlib import Path
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from msgspec.structs import replace

from trading_mcp.adapters.approvals.approver import (
    HANDOVERS_KEPT,
    PIN,
    Approver,
    Handover,
    handover_message,
    read_pin,
    write_pin,
)
from trading_mcp.adapters.approvals.private import (
    alone_in,
    make_folder,
    read_private,
    require_private,
    write_private,
)
from trading_mcp.adapters.approvals.tries import WRONG_MAX, Tries
from trading_mcp.adapters.approvals.words import require_strong, spelled
from trading_mcp.core.canonical import canonical
from trading_mcp.core.ports import Clock
from trading_mcp.errors import ApproverMissing, ApproverUnusable, PassphraseRefused

_FORMAT: Final = "trading-mcp/approver-key/1"
_SALT_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32
# A file that asks for more than this is not ours: it would take the machine's memory before it is found wrong.
_N_MAX: Final = 2**20


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What one guess costs: scrypt's parameters. As shipped, 128 MiB and about half a second."""

    n: int = 2**17
    r: int = 8
    p: int = 1


SHIPPED: Final = Cost()


class SealedKey(msgspec.Struct, frozen=True, kw_only=True):
    """The key file: all of it is bound by the seal, and `check` tells damage from a wrong passphrase."""

    format: str = _FORMAT
    cost: Cost
    salt: bytes
    nonce: bytes
    public: bytes
    sealed: bytes = b""
    check: bytes = b""

    @property
    def header(self) -> bytes:
        """Return everything but the seal itself."""
        return canonical(replace(self, sealed=b"", check=b""))

    @property
    def digest(self) -> bytes:
        """Return what `check` must be."""
        return hashlib.sha256(canonical(replace(self, check=b""))).digest()


class UnlockedKey:
    """The private key for one signature; after that the passphrase has to be typed again."""

    __slots__ = ("_private", "public")

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private: Ed25519PrivateKey | None = private
        self.public = private.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Sign one message and forget the key."""
        private, self._private = self._private, None
        if private is None:
            raise PassphraseRefused("The key has signed once and is locked again.", "Type the passphrase again.")
        return private.sign(message)

    def __repr__(self) -> str:
        return "UnlockedKey()"

    def __reduce__(self) -> str:
        raise TypeError("an unlocked key stays in the process that unlocked it")


class Keystore:
    """A private folder outside every home with the pinned approver and the sealed key."""

    def __init__(self, folder: Path, clock: Clock, *, cost: Cost = SHIPPED) -> None:
        # `cost` is also the least that a key file may say; only tests pass a cheaper one.
        self._folder = folder
        self._clock = clock
        self._cost = cost
        self._tries = Tries(folder, clock)

    def approver(self) -> Approver | None:
        """Return who is pinned, or None if nobody has enrolled yet."""
        if not os.path.lexists(self._folder):
            return None
        require_private(self._folder, is_folder=True)
        return read_pin(self._folder / PIN)

    def enroll(self, passphrase: str) -> Approver:
        """Make the user's first key; there is a first one only while there is none."""
        require_strong(passphrase)
        make_folder(self._folder)
        with alone_in(self._folder):
            if self.approver() is not None:
                raise ApproverUnusable(
                    "An approver has enrolled already.", "Replace the key with `trading-mcp approver replace`."
                )
            private = Ed25519PrivateKey.generate()
            approver = Approver(public=private.public_key().public_bytes_raw(), enrolled_at=self._clock.now())
            self._keep(private, passphrase)
            self._tries.clear()
            write_pin(self._folder / PIN, approver)
        return approver

    def unlock(self, passphrase: str) -> UnlockedKey:
        """Open the key for one signature."""
        with alone_in(self._existing()):
            return self._open(self._pinned(), passphrase)

    def replace(self, passphrase: str, passphrase_new: str) -> Approver:
        """Put another key in the place of this one, which signs that it makes way."""
        require_strong(passphrase_new)
        with alone_in(self._existing()):
            before = self._pinned()
            key = self._open(before, passphrase)
            private = Ed25519PrivateKey.generate()
            public, now = private.public_key().public_bytes_raw(), self._clock.now()
            signature = key.sign(handover_message(before.public, public, now))
            handover = Handover(before=before.public, after=public, at=now, signature=signature)
            after = Approver(
                public=public, enrolled_at=now, handovers=(*before.handovers, handover)[-HANDOVERS_KEPT:]
            )
            # The pin decides which key counts: before it is written the old one does, from then on the new one.
            self._keep(private, passphrase_new)
            write_pin(self._folder / PIN, after)
            self._path(before.public).unlink()
        return after

    def _existing(self) -> Path:
        if self.approver() is None:
            raise ApproverMissing("Nobody has enrolled as the approver.", "Run `trading-mcp approver enroll`.")
        return self._folder

    def _pinned(self) -> Approver:
        approver = self.approver()
        assert approver is not None, "an approver is replaced, never removed"  # noqa: S101 - us being wrong
        return approver

    def _path(self, public: bytes) -> Path:
        return self._folder / f"{hashlib.sha256(public).hexdigest()[:32]}.key"

    def _keep(self, private: Ed25519PrivateKey, passphrase: str) -> None:
        public = private.public_key().public_bytes_raw()
        header = SealedKey(
            cost=self._cost, salt=os.urandom(_SALT_BYTES), nonce=os.urandom(_NONCE_BYTES), public=public
        )
        cipher = AESGCM(_derived(header, passphrase))
        whole = replace(header, sealed=cipher.encrypt(header.nonce, private.private_bytes_raw(), header.header))
        write_private(self._path(public), canonical(replace(whole, check=whole.digest)))

    def _open(self, approver: Approver, passphrase: str) -> UnlockedKey:
        sealed = self._sealed(approver)
        self._tries.begin()
        try:
            seed = AESGCM(_derived(sealed, passphrase)).decrypt(sealed.nonce, sealed.sealed, sealed.header)
        except InvalidTag:
            left = self._tries.left()
            raise PassphraseRefused(
                "That is not the passphrase.",
                f"{left} of {WRONG_MAX} tries are left before the key is locked for 15 minutes."
                if left
                else "The key is locked for 15 minutes.",
            ) from None
        self._tries.clear()
        key = UnlockedKey(Ed25519PrivateKey.from_private_bytes(seed))
        if key.public != approver.public:
            raise self._unusable(approver, "holds another key than the pinned approver's")
        return key

    def _sealed(self, approver: Approver) -> SealedKey:
        content = read_private(self._path(approver.public))
        if content is None:
            raise self._unusable(approver, "is missing")
        try:
            sealed = msgspec.json.decode(content, type=SealedKey)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise self._unusable(approver, "is damaged") from None
        if (sealed.format, sealed.check, canonical(sealed)) != (_FORMAT, sealed.digest, content):
            raise self._unusable(approver, "is damaged")
        if sealed.public != approver.public:
            raise self._unusable(approver, "holds another key than the pinned approver's")
        if not _is_plausible(sealed, self._cost):
            raise self._unusable(approver, "was not sealed by this program")
        return sealed

    def _unusable(self, approver: Approver, why: str) -> ApproverUnusable:
        return ApproverUnusable(f"{self._path(approver.public)} {why}.", "Bring it back from your backup.")


def _derived(sealed: SealedKey, passphrase: str) -> bytes:
    cost = sealed.cost
    return Scrypt(salt=sealed.salt, length=_KEY_BYTES, n=cost.n, r=cost.r, p=cost.p).derive(spelled(passphrase))


def _is_plausible(sealed: SealedKey, least: Cost) -> bool:
    n = sealed.cost.n
    return (
        n & (n - 1) == 0
        and least.n <= n <= _N_MAX
        and (sealed.cost.r, sealed.cost.p) == (least.r, least.p)
        and (len(sealed.salt), len(sealed.nonce)) == (_SALT_BYTES, _NONCE_BYTES)
    )

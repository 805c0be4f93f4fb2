"""Tokens of a home's HTTP door: made and shown once, kept as hashes in a file of the owner's, gone when revoked."""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import msgspec

from trading_mcp.adapters.system.home import write_whole
from trading_mcp.core.domain import home as domain
from trading_mcp.core.ports import Clock
from trading_mcp.errors import HomeUnsafe, HomeUnusable, UsageInvalid
from trading_mcp.place import is_name, require_private, shown

FILE: Final = "tokens.json"
PREFIX: Final = "tmcp_"
SECRET_BYTES: Final = 32
SECRET_MAX: Final = 128
TOKENS_MAX: Final = 32
BYTES_MAX: Final = 64 * 1024
MADE_AT_MAX: Final = 2**53

Role = Literal["reader", "trader"]


class Token(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept of a token: who has it, what it may, and the hash by which it is known again."""

    name: str
    role: Role
    made_at: int
    sha256: str


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    v: Literal[1]
    tokens: tuple[Token, ...]


class Tokens:
    """The tokens of one home; the file is asked each time, so that a revoked one is worth nothing at once.

    A token is 256 random bits, so one round of SHA-256 keeps it: there is nothing to guess.
    """

    def __init__(self, home: Path, clock: Clock) -> None:
        self._path = home / FILE
        self._clock = clock

    def all(self) -> tuple[Token, ...]:
        """Return every token that holds, in the order in which they were made."""
        content = self._content()
        if content is None:
            return ()
        try:
            found = msgspec.json.decode(content, type=_File).tokens
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise self._unusable("holds no tokens of ours") from None
        # Of two of one name the record shows one, and revoking takes back one: the other would come in unseen.
        if len({each.name for each in found}) < len(found) or not all(map(_is_ours, found)):
            raise self._unusable("holds no tokens of ours")
        return found

    def told(self) -> tuple[domain.Token, ...]:
        """Return who may come in, as it is put on record."""
        return tuple(map(told_of, self.all()))

    def holder(self, secret: str) -> Token | None:
        """Return whose token that is; every one is compared, in time that tells nothing."""
        digest = _digest(secret) if len(secret) <= SECRET_MAX else ""
        matching = [each for each in self.all() if hmac.compare_digest(each.sha256.encode(), digest.encode())]
        return matching[0] if matching else None

    def make(self, name: str, role: str) -> str:
        """Make a token and return it, this once."""
        if not is_name(name):
            raise UsageInvalid(
                f"{shown(repr(name[:33]))} cannot be the name of a token.",
                "Use 1 to 32 small letters, digits, - and _, beginning with a letter or digit.",
            )
        if role not in ("reader", "trader"):
            raise UsageInvalid(f"There is no role {shown(repr(role[:40]))}.", "Write --role reader or --role trader.")
        with self._alone():
            held = self.all()
            if any(each.name == name for each in held):
                raise UsageInvalid(
                    f"There is a token named {name} already.", f"Take it back first: trading-mcp token revoke {name}."
                )
            if len(held) >= TOKENS_MAX:
                raise UsageInvalid(
                    f"There are {len(held)} tokens; {TOKENS_MAX} is the most.",
                    "Take one back that nobody uses: trading-mcp token list.",
                )
            secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
            self._write((*held, Token(name=name, role=role, made_at=self._clock.now(), sha256=_digest(secret))))
        return secret

    def revoke(self, name: str) -> Token:
        """Take a token back for good."""
        with self._alone():
            held = self.all()
            gone = next((each for each in held if each.name == name), None)
            if gone is None:
                raise UsageInvalid(
                    f"There is no token named {shown(repr(name[:33]))}.", "List them: trading-mcp token list."
                )
            self._write(tuple(each for each in held if each is not gone))
        return gone

    def _content(self) -> bytes | None:
        try:
            handle = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unusable(f"cannot be opened ({error.strerror})") from error
        with os.fdopen(handle, "rb") as file:
            # What was opened is asked, not the name: nobody can put another file there in between.
            found = os.fstat(handle)
            is_ours = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077
            content = file.read(BYTES_MAX + 1) if is_ours else b""
        if not is_ours:
            raise self._unusable("is no file that is yours alone")
        if len(content) > BYTES_MAX:
            raise self._unusable("is too long to be ours")
        return content

    def _write(self, tokens: tuple[Token, ...]) -> None:
        try:
            write_whole(self._path, msgspec.json.format(msgspec.json.encode(_File(v=1, tokens=tokens))) + b"\n")
        except OSError as error:
            raise HomeUnusable(
                f"{shown(str(self._path))} cannot be written: {error.strerror}.", "Let the desk's user write there."
            ) from error

    @contextmanager
    def _alone(self) -> Generator[None]:
        """Keep every other process from changing the file meanwhile; the folder's own lock is the desk's."""
        path = self._path.with_name(f".{FILE}.lock")
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise HomeUnusable(
                f"{shown(str(path))} cannot be opened: {error.strerror}.", "Let the desk's user write there."
            ) from error
        try:
            require_private(str(path))
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _unusable(self, why: str) -> HomeUnsafe:
        return HomeUnsafe(
            f"{shown(str(self._path))} {why}.",
            "Look who changed it and remove it, then make new ones: trading-mcp token new.",
        )


def told_of(token: Token) -> domain.Token:
    """Return a token as it is put on record: one put in the place of another shows as another."""
    mark = _digest(token.sha256)[:16]
    return domain.Token(name=token.name, role=token.role, made_at=token.made_at, fingerprint=mark)


def _is_ours(token: Token) -> bool:
    is_hash = len(token.sha256) == 2 * hashlib.sha256().digest_size
    return is_name(token.name) and is_hash and 0 <= token.made_at < MADE_AT_MAX


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()

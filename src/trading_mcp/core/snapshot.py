"""The book as canonical bytes, so that a start needs no full replay; only the fold that made it may read it."""

from typing import Final

import msgspec

from trading_mcp.core.canonical import canonical
from trading_mcp.core.domain.book import FOLD_VERSION, Book


class UnknownSnapshot(ValueError):
    """Bytes that are no book of this fold version; the journal still is, and a full replay makes a new one."""


class _Made(msgspec.Struct):
    """The front of a snapshot, readable whatever the rest is."""

    fold_version: int


class _Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    book: Book
    fold_version: int = FOLD_VERSION


_front: Final = msgspec.json.Decoder(_Made)
_whole: Final = msgspec.json.Decoder(_Snapshot)
_FOREIGN: Final = (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError)


def freeze(book: Book) -> bytes:
    """Return a book as canonical bytes that name the fold that made it."""
    # Day buckets are numbered, and keys of JSON are text.
    return canonical(msgspec.to_builtins(_Snapshot(book=book), str_keys=True, order="sorted"))


def thaw(body: bytes) -> Book:
    """Read a book back, byte for byte the one that was frozen."""
    try:
        version = _front.decode(body).fold_version
        book = _whole.decode(body).book if version == FOLD_VERSION else None
    except _FOREIGN as error:
        raise UnknownSnapshot(f"the snapshot cannot be read: {error}") from error
    if book is None:
        raise UnknownSnapshot(f"the snapshot was made by fold version {version}, and this is version {FOLD_VERSION}")
    if freeze(book) != body:
        raise UnknownSnapshot("the snapshot holds what a book of this fold version does not")
    return book

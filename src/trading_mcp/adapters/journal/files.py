"""Files that must survive a crash or a forger: private, durable, bounded, and the one that stops all trading."""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import stat
from pathlib import Path
from typing import Final

from trading_mcp.errors import JournalDamaged, JournalUnwritable
from trading_mcp.redact import plain

HALT: Final = "HALT"
HALT_READY: Final = "HALT.off"
DRAFT: Final = ".new"
_OTHERS: Final = 0o077


def shown(thing: object) -> str:
    """A path or an error as a terminal may show it, whatever a home is called and whatever a forger wrote."""
    return plain(str(thing))


def require_private(path: Path) -> None:
    """Refuse a file that is no ordinary one, is not ours, or that anyone else on this machine can open."""
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        raise JournalDamaged(
            f"{shown(path)} is not an ordinary file.", "Put the journal itself there, not a link to it."
        )
    if found.st_uid != os.geteuid():
        raise JournalUnwritable(
            f"{shown(path)} belongs to another user.", "Start the desk as the user who owns its home."
        )
    if found.st_mode & _OTHERS:
        mode = stat.S_IMODE(found.st_mode)
        raise JournalUnwritable(
            f"{shown(path)} can be opened by other users (mode {mode:04o}).",
            f"Close it to them: chmod 600 {shown(shlex.quote(str(path)))}.",
        )


def sync_folder(folder: Path) -> None:
    """Make a created, renamed or removed name in `folder` survive a power loss."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Make a private folder that survives a power loss."""
    if not folder.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_folder(folder.parent)


def write_whole(path: Path, content: bytes) -> None:
    """Put `content` at `path` for good: after a crash there is the old file or the new one, never a part."""
    draft = path.with_name(path.name + DRAFT)
    try:
        make_folder(path.parent)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        try:
            write_all(handle, content)
            os.fsync(handle)
        finally:
            os.close(handle)
        draft.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        # Half a file would take the very space that was lacking.
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise JournalUnwritable(
            f"{shown(path)} could not be written: {error.strerror}.",
            "Free space on its disk and check the permissions of its folder.",
        ) from error


def read_whole(path: Path, bytes_max: int) -> bytes:
    """The content of an ordinary file of at most so many bytes. Anything else is an OSError, never a wait."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(handle, "rb") as file:  # noqa: PTH123 - a handle has no path
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is not an ordinary file", str(path))
        if found.st_size > bytes_max:
            raise OSError(errno.EFBIG, f"it is larger than {bytes_max} bytes", str(path))
        return file.read(bytes_max)


def write_all(handle: int, content: bytes) -> None:
    """Write every byte: a disk that is nearly full takes a part of what it is given without an error."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(handle, rest) :]


def raise_halt(home: Path) -> bool:
    """Put up the file that stops all trading; whether it stands. Renaming needs no free space."""
    halt = home / HALT
    try:
        if not halt.exists():
            ready = home / HALT_READY
            if ready.exists():
                ready.rename(halt)
            else:
                halt.touch(mode=0o600)
        sync_folder(home)
    except OSError:
        return halt.exists()
    return True

"""Files that only their owner may read: checked when they are read, whole or not there after a crash."""

import fcntl
import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from trading_mcp.errors import ApproverUnusable

SIZE_MAX: Final = 64 * 1024
_OTHERS: Final = 0o077


@contextmanager
def alone_in(folder: Path) -> Generator[None]:
    """Keep every other process out of a private folder for as long as the block runs."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Make a private folder that survives a power loss; one that is there must be private already."""
    if not folder.is_symlink() and not folder.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sync(folder.parent)
    require_private(folder, is_folder=True)


def require_private(path: Path, *, is_folder: bool = False) -> None:
    """Refuse what is a link, belongs to somebody else, or can be opened by anyone else on this machine."""
    _require(path, path.lstat(), is_folder=is_folder)


def read_private(path: Path) -> bytes | None:
    """Return the content of a private file, or None if there is no such file."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ApproverUnusable(
            f"{path} cannot be opened ({error.strerror}).", "It must be an ordinary file of yours."
        ) from None
    with os.fdopen(handle, "rb") as file:
        # What was opened is asked, not the name: nobody can put another file there in between.
        _require(path, os.fstat(handle), is_folder=False)
        content = file.read(SIZE_MAX + 1)
    if len(content) > SIZE_MAX:
        raise ApproverUnusable(f"{path} is too large to be ours.", "Bring it back from your backup.")
    return content


def write_private(path: Path, content: bytes) -> None:
    """Put content at a path for good: after a crash there is the old file or the new one, never a part."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(handle)
    draft.replace(path)
    _sync(path.parent)


def _require(path: Path, found: os.stat_result, *, is_folder: bool) -> None:
    fits = stat.S_ISDIR(found.st_mode) if is_folder else stat.S_ISREG(found.st_mode)
    if not fits:
        wanted = "a folder" if is_folder else "an ordinary file"
        raise ApproverUnusable(f"{path} is not {wanted}.", f"Put {wanted} of yours there, not a link.")
    if found.st_uid != os.geteuid():
        raise ApproverUnusable(f"{path} belongs to another user.", "Sign as the user whose key it is.")
    if found.st_mode & _OTHERS:
        raise ApproverUnusable(
            f"{path} can be opened by other users (mode {stat.S_IMODE(found.st_mode):04o}).",
            f"Close it to them: chmod {'700' if is_folder else '600'} '{path}'.",
        )


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""One desk per home and per venue account: locks that the system drops with the process that holds them."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import pwd
import re
import sys
import weakref
from pathlib import Path
from typing import Final

from trading_mcp.errors import HomeHeld, HomeUnusable
from trading_mcp.place import homes_folder, require_private, shown

HOLDER: Final = "held-by"
_HELD: Final[weakref.WeakSet[Lock]] = weakref.WeakSet()


class Lock:
    """A folder held for this process's life: whoever else asks for it is refused."""

    def __init__(self, folder: Path, handle: int) -> None:
        self.folder = folder
        self._handle = handle
        held = os.fstat(handle)
        self._inode = (held.st_dev, held.st_ino)
        _HELD.add(self)

    @property
    def stands(self) -> bool:
        """Whether the lock still keeps others out: not after a release, nor when its folder was moved or removed."""
        if self._handle < 0:
            return False
        try:
            found = self.folder.stat()
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._inode

    def release(self) -> None:
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)


def _drop_in_child() -> None:
    """A forked child would keep the lock after its parent's death."""
    for lock in list(_HELD):
        lock.release()


os.register_at_fork(after_in_child=_drop_in_child)


def hold_home(home: Path) -> Lock:
    """Hold the home, or say who does."""
    return hold(home, f"the home {shown(str(home))}")


def hold_account(folder: Path, venue: str, account: str) -> Lock:
    """Hold an account at a venue for one desk of this machine: two would double every limit."""
    digest = hashlib.sha256(f"{venue}\0{account}".encode()).hexdigest()[:32]
    place = folder / f"{re.sub('[^a-z0-9-]', '_', venue.lower())[:32]}-{digest}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        require_private(str(folder))
        place.mkdir(mode=0o700, exist_ok=True)
        require_private(str(place))
    except OSError as error:
        raise HomeUnusable(
            f"The account's lock at {shown(str(place))} cannot be made: {error.strerror}.",
            "Let the desk's user write there.",
        ) from error
    return hold(place, f"the account at {shown(venue)}")


def accounts_folder(*, has_fake_venues: bool, platform: str = sys.platform) -> Path:
    """Where accounts are locked: for real ones no variable is asked, since another place would be no lock at all."""
    if has_fake_venues:
        return Path(homes_folder()).parent / "fake-accounts"
    try:
        user = Path(pwd.getpwuid(os.geteuid()).pw_dir)
    except KeyError as error:
        raise HomeUnusable(
            f"User {os.geteuid()} has no entry in the system's list of users, so no place for locks.",
            "Start the desk as a user who has one.",
        ) from error
    state = user / "Library" / "Application Support" if platform == "darwin" else user / ".local" / "state"
    return state / "trading-mcp" / "accounts"


def hold(folder: Path, what: str) -> Lock:
    """Hold a folder. The folder itself is locked: a file in it could be removed and made anew for a second holder."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise HomeUnusable(
            f"{shown(str(folder))} cannot be held: {error.strerror}.", "Look whether it is a folder of yours."
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        if error.errno in (errno.EAGAIN, errno.EACCES):
            raise HomeHeld(
                f"Another desk ({_holder(folder)}) holds {what}.", "Use that one, or stop it first."
            ) from None
        raise HomeUnusable(
            f"{shown(str(folder))} is on a file system without locks: {error.strerror}.", "Put it on a local disk."
        ) from error
    _tell(folder)
    return Lock(folder, handle)


def _holder(folder: Path) -> str:
    """Who the holder said it is. Only for the sentence: the lock is the system's."""
    with contextlib.suppress(OSError):
        said = (folder / HOLDER).read_bytes()[:16].strip()
        if said.isdigit():
            return f"process {said.decode()}"
    return "its process is not known"


def _tell(folder: Path) -> None:
    # On a full disk a desk must still start, to read and to cancel.
    with contextlib.suppress(OSError):
        handle = os.open(folder / HOLDER, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        try:
            os.write(handle, f"{os.getpid()}\n".encode())
        finally:
            os.close(handle)

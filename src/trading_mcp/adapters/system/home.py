"""A home's folder: made, opened only where nobody else can look into it, and listed."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import msgspec

from trading_mcp.adapters.system.haltfile import HALT, READY, HaltFile
from trading_mcp.core.domain.home import Home, Mode
from trading_mcp.errors import HomeUnknown, HomeUnsafe, HomeUnusable, TradingMcpError, UsageInvalid
from trading_mcp.place import (
    DEFAULT_HOME,
    MIRROR,
    MODES,
    Mirror,
    Place,
    homes_folder,
    is_name,
    mirror_of,
    require_private,
    require_reachable,
    shown,
)

ENTRIES_MAX = 1_000


class HomeFolder(msgspec.Struct, frozen=True, kw_only=True):
    """What is where in a home; `path` is the folder itself, not a link to it."""

    place: Place
    path: Path

    @property
    def journal(self) -> Path:
        return self.path / "journal.db"

    @property
    def venue(self) -> Path:
        return self.path / "venue.db"

    @property
    def views(self) -> Path:
        return self.path / "views.db"

    @property
    def settings(self) -> Path:
        return self.path / "settings.toml"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def haltfile(self) -> HaltFile:
        return HaltFile(self.path)


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A home in a list: what its mirror says, or why that cannot be believed."""

    name: str
    path: Path
    mirror: Mirror | None
    problem: str = ""


def keep_private() -> None:
    """Let nothing this process makes be opened by others; for the start of a desk."""
    os.umask(0o077)


def mode_of(text: str) -> Mode:
    """A mode spelled exactly; near enough is not enough where one word stands between play and real money."""
    if text not in MODES:
        raise UsageInvalid(
            f"There is no mode {shown(repr(text[:40]))}.", f"Write one of {', '.join(MODES)}, exactly so."
        )
    return Mode(text)


def prepare(place: Place, mode: Mode, settings: str = "") -> HomeFolder:
    """Make a new home's folder, or go on with one that was never finished; the journal made in it finishes it."""
    require_reachable(place, mode_of(mode))
    folder = HomeFolder(place=place, path=Path(os.path.realpath(place.path)))
    try:
        folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.path.lexists(folder.journal):
            raise HomeUnusable(f"Home {place} exists already.", "Open it, or choose another name.")
        _require_unused(folder)
        require_private(str(folder.path))
        folder.logs.mkdir(mode=0o700, exist_ok=True)
        folder.haltfile.arm()
        if not folder.settings.exists():
            write_whole(folder.settings, settings.encode())
        _sync(folder.path.parent)
    except OSError as error:
        raise _unmade(place, error) from error
    return folder


def open_home(place: Place) -> HomeFolder:
    """Open a home that is whole and private; whatever else is refused in a sentence."""
    folder = HomeFolder(place=place, path=Path(os.path.realpath(place.path)))
    try:
        if not folder.path.is_dir():
            if os.path.lexists(place.path):
                raise HomeUnusable(f"{shown(str(folder.path))} is no folder.", "Look what it is and move it away.")
            raise HomeUnknown(f"There is no home {place}.", _MAKE)
        require_private(str(folder.path))
        for name in _entries(folder):
            # A dot's owner is the desktop; HALT counts whoever made it, and however.
            if not name.startswith(".") and name not in (HALT, READY):
                require_private(str(folder.path / name))
        if not folder.journal.is_file():
            begun_by_desk = place.is_by_path or place.name == DEFAULT_HOME
            finish = place.command("desk") if begun_by_desk else f"trading-mcp home new {place.name}"
            raise HomeUnknown(f"Home {place} was never finished: it has no journal.", f"Finish it: {finish}")
        folder.logs.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise HomeUnusable(
            f"Home {place} cannot be opened: {error.strerror}.", "Let the desk's user read and write there."
        ) from error
    mirror = mirror_of(place)
    if mirror is not None:
        require_reachable(place, mirror.mode)
    return folder


def settle(folder: HomeFolder, home: Home) -> None:
    """Hold the journal's own first entry against the folder's name and mirror; a missing mirror is made anew."""
    place = folder.place
    require_reachable(place, home.mode)
    if not place.is_by_path and place.name != home.name:
        raise HomeUnsafe(
            f"The folder {shown(str(folder.path))} holds the home {shown(home.name)}.",
            "A home keeps its name for life: rename the folder back.",
        )
    truth = Mirror(home.name, home.mode.value, has_fake_venues=home.fake_venues)
    mirror = mirror_of(place)
    if mirror is None:
        fields = {"v": 1, "name": truth.name, "mode": truth.mode, "fake_venues": truth.has_fake_venues}
        try:
            write_whole(folder.path / MIRROR, json.dumps(fields).encode() + b"\n")
        except OSError as error:
            raise _unmade(place, error) from error
    elif (mirror.name, mirror.mode, mirror.has_fake_venues) != (truth.name, truth.mode, truth.has_fake_venues):
        raise HomeUnsafe(
            f"{MIRROR} calls the home {mirror.name} and {mirror.mode}; the journal began as {shown(truth.name)} "
            f"and {truth.mode}{' with fake venues' if truth.has_fake_venues else ''}.",
            f"Look who changed it, then remove {shown(str(folder.path / MIRROR))}.",
        )


def homes(folder: str | None = None) -> tuple[Listed, ...]:
    """Every named home of this user, by name."""
    where = Path(homes_folder() if folder is None else folder)
    try:
        names = sorted(entry.name for entry in where.iterdir() if is_name(entry.name) and entry.is_dir())
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise HomeUnusable(
            f"{shown(str(where))} cannot be read: {error.strerror}.", "Look whether it is a folder of yours."
        ) from error
    return tuple(_listed(name, where / name) for name in names)


_MAKE = "List homes: trading-mcp home list. Make one: trading-mcp home new NAME --mode SIMULATED."


def _listed(name: str, path: Path) -> Listed:
    try:
        mirror = mirror_of(Place(name, str(path)))
    except TradingMcpError as error:
        return Listed(name=name, path=path, mirror=None, problem=error.message)
    if mirror is None:
        return Listed(name=name, path=path, mirror=None, problem="It does not say its mode; its next start will.")
    return Listed(name=name, path=path, mirror=mirror)


def _entries(folder: HomeFolder) -> list[str]:
    names = [entry.name for entry in folder.path.iterdir()]
    if len(names) > ENTRIES_MAX:
        raise HomeUnsafe(f"{shown(str(folder.path))} holds {len(names):,} files.", "Keep your own elsewhere.")
    return names


def _require_unused(folder: HomeFolder) -> None:
    """A home is made in a folder of its own: what else lies there would become a part of it."""
    own = {HALT, READY, MIRROR, folder.logs.name, folder.settings.name, "held-by"}
    for name in _entries(folder):
        if name not in own and not name.startswith((".", "journal.db")):
            raise HomeUnusable(
                f"{shown(str(folder.path))} is no empty folder: it holds {shown(name)}.", "Choose another folder."
            )


def _unmade(place: Place, error: OSError) -> HomeUnusable:
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    step = (
        "Free space on its disk, then start again." if is_full else "Choose a place where the desk's user may write."
    )
    return HomeUnusable(f"Home {place} cannot be made: {error.strerror}.", step)


def write_whole(path: Path, content: bytes) -> None:
    """After a crash there is the whole file, or none."""
    draft = path.with_name(f".{path.name}.new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(handle)
    draft.replace(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""Where homes are, what each says it is and where its desk listens; and how this program is called by a person."""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import stat
import sys

from trading_mcp.errors import HomeUnsafe, HomeUnusable, UsageInvalid

# The bridge imports this at every start, and `typing`, `pathlib` and `hashlib` cost more than all it does.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_HOME = "simulated"
HOME_VARIABLE = "TRADING_MCP_HOME"
MODES = ("SIMULATED", "PAPER", "DRY", "LIVE")
GUARDED = ("DRY", "LIVE")
MIRROR = "home.json"
MIRROR_MAX = 4096
SOCKET_PATH_MAX = 103  # what macOS takes; Linux takes four bytes more, and one number is easier to trust

PROGRAM = "trading-mcp"
# In a sentence the program's name and a small word or an option after it are a command; nothing else is.
_BARE = rf"(?<![\w/.'-]){PROGRAM} (?=[a-z]|--)"
# The words after which a command's options may stand: for some the next one is a part of the command.
_COMMAND = rf"(?<![\w/.'-]){PROGRAM} ((?:(?:approver|audit|desk(?= stop)|policy|token) )?[a-z]+)"

_NAME_FIRST = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_NAME_REST = _NAME_FIRST | {"-", "_"}
_NAME_MAX = 32
_CHECK_HOME = "Look who changed it, then remove that file: the next start makes it anew from the journal."


class Place:
    """One home, by its name or by its path, whether there is one or not."""

    __slots__ = ("is_by_path", "name", "path")

    def __init__(self, name: str, path: str, *, is_by_path: bool = False) -> None:
        self.name = name
        self.path = path
        self.is_by_path = is_by_path

    def command(self, words: str) -> str:
        """The command `words` for this home, as a person would type it."""
        if self.is_by_path:
            return f"{HOME_VARIABLE}={shown(shlex.quote(self.path))} {typed(words)}"
        return typed(f"{words} --home {self.name}")

    def __str__(self) -> str:
        return f"at {shown(self.path)}" if self.is_by_path else self.name


class Mirror:
    """What `home.json` repeats of the journal's first entry, for those who do not open the journal."""

    __slots__ = ("has_fake_venues", "mode", "name")

    def __init__(self, name: str, mode: str, *, has_fake_venues: bool) -> None:
        self.name = name
        self.mode = mode
        self.has_fake_venues = has_fake_venues


def homes_folder(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> str:
    """The folder of the named homes, where this platform keeps a user's data."""
    user = environ.get("HOME") or os.path.expanduser("~")
    if not os.path.isabs(user):
        raise HomeUnusable("Nothing says where this user's files are.", "Set HOME to an absolute path.")
    if platform == "darwin":
        data = os.path.join(user, "Library", "Application Support")
    else:
        data = environ.get("XDG_DATA_HOME", "")
        if not os.path.isabs(data):  # as the specification of that variable asks
            data = os.path.join(user, ".local", "share")
    return os.path.join(data, "trading-mcp", "homes")


def located(name: str | None = None, environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Place:
    """The home meant: by `--home`, else by the path in the environment, else the default one."""
    path = environ.get(HOME_VARIABLE)
    if name is None and path is not None:
        return _located_by_path(path)
    name = checked_name(DEFAULT_HOME if name is None else name)
    return Place(name, os.path.join(homes_folder(environ, platform), name))


def is_name(name: str) -> bool:
    """A home's name becomes a folder's, also where capitals and small letters are the same folder."""
    return 0 < len(name) <= _NAME_MAX and name[0] in _NAME_FIRST and _NAME_REST.issuperset(name)


def checked_name(name: str) -> str:
    if not is_name(name):
        raise UsageInvalid(
            f"{shown(repr(name[: _NAME_MAX + 1]))} cannot be the name of a home.",
            f"Use 1 to {_NAME_MAX} small letters, digits, - and _, beginning with a letter or digit.",
        )
    return name


def _located_by_path(path: str) -> Place:
    if not os.path.isabs(path):
        raise UsageInvalid(
            f"{HOME_VARIABLE} is {shown(repr(path))}, which is no absolute path.", "Give all of it, from / on."
        )
    path = os.path.normpath(path)
    last = os.path.basename(path).lower()
    place = Place(last if is_name(last) else f"home-{_digest(path)[:8]}", path, is_by_path=True)
    mirror = mirror_of(place)
    if mirror is not None:
        require_reachable(place, mirror.mode)
        place.name = mirror.name
    return place


def require_reachable(place: Place, mode: str) -> None:
    """A path in the environment leads to no home that knows a real account: an environment is easily inherited."""
    if place.is_by_path and mode in GUARDED:
        raise HomeUnusable(
            f"{HOME_VARIABLE} leads to a {mode} home, which is reached by its name only.",
            f"Unset {HOME_VARIABLE} and name the home with --home.",
        )


def mirror_of(place: Place) -> Mirror | None:
    """What `home.json` says, or None where there is none yet."""
    path = os.path.join(place.path, MIRROR)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _unread(path, error) from error
    try:
        # Of a pipe or a folder nothing is read, and nothing is waited for.
        content = os.read(handle, MIRROR_MAX + 1) if stat.S_ISREG(os.fstat(handle).st_mode) else b""
    finally:
        os.close(handle)
    mirror = _mirror_in(content) if len(content) <= MIRROR_MAX else None
    if mirror is None:
        raise HomeUnsafe(f"{shown(path)} does not say which home this is.", _CHECK_HOME)
    return mirror


def _unread(path: str, error: OSError) -> HomeUnusable:
    """Nobody is sent to remove a file where only its name is wrong, or where it is not theirs to read."""
    if error.errno == errno.ENAMETOOLONG:
        return HomeUnusable(
            f"{shown(path)[:60]}… cannot be a home: {error.strerror}.", "Choose a shorter path for it."
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return HomeUnsafe(
            f"{shown(path)} may not be read by this user: {error.strerror}.",
            "Come as the user whose home it is, or use a home of your own.",
        )
    return HomeUnsafe(f"{shown(path)} cannot be read: {error.strerror}.", _CHECK_HOME)


def _mirror_in(content: bytes) -> Mirror | None:
    try:
        fields = json.loads(content)
    except (ValueError, RecursionError):
        return None
    match fields:
        case {"v": 1, "name": str(name), "mode": str(mode), "fake_venues": bool(fake)} if (
            len(fields) == 4 and mode in MODES and is_name(name)  # noqa: PLR2004 - the four before
        ):
            return Mirror(name, mode, has_fake_venues=fake)
        case _:
            return None


def socket_path(place: Place) -> str:
    """In the home, or in the runtime folder under a name made of the home's path, where that is too long.

    No variable is asked: a desk and a client that were started differently must look in the same place.
    """
    home = os.path.realpath(place.path)
    path = os.path.join(home, "desk.sock")
    if len(os.fsencode(path)) <= SOCKET_PATH_MAX:
        return path
    return os.path.join(runtime_folder(), f"{_digest(home)}.sock")


def runtime_folder(runtime: str = "/run/user", temporary: str = "/tmp") -> str:  # noqa: S108 - ours alone, and checked
    user = os.geteuid()
    own = os.path.join(runtime, str(user))
    if os.path.isdir(own) and os.stat(own).st_uid == user:
        return os.path.join(own, "trading-mcp")
    return os.path.join(temporary, f"trading-mcp-{user}")


def program(path: str | None = None) -> str:
    """How a person calls this very program: by its whole path, since an installed one is on nobody's PATH.

    The name alone is enough at a terminal whose PATH leads to it.
    """
    whole = _installed()
    if not whole:
        return shown(shlex.join(invoked()))
    if path is None:
        # What another program inherited says nothing about the terminal at which a person will type.
        path = os.environ.get("PATH", "") if sys.stdin is not None and sys.stdin.isatty() else ""
    first = next(filter(_is_program, (os.path.join(folder, PROGRAM) for folder in path.split(os.pathsep))), "")
    return PROGRAM if first and os.path.samefile(first, whole) else shown(shlex.quote(whole))


def invoked() -> list[str]:
    """The words with which another program starts this very one, from wherever."""
    whole = _installed()
    return [whole] if whole else [sys.executable, "-P", "-m", "trading_mcp"]


def _installed() -> str:
    started = os.path.abspath(sys.argv[0])
    beside = os.path.join(sys.prefix, "bin", PROGRAM)
    is_started = os.path.basename(started) == PROGRAM and _is_program(started)
    return started if is_started else beside if _is_program(beside) else ""


def _is_program(path: str) -> bool:
    return os.path.isabs(path) and os.path.isfile(path) and os.access(path, os.X_OK)


def typed(words: str) -> str:
    """The command `words`, as a person would type it."""
    return f"{program()} {words}"


def spelled(text: str, place: Place | None = None) -> str:
    """A sentence of ours with its commands as a person would type them, for a home other than the usual one too.

    What the desk says and records names no path of this machine; whoever shows it to a person spells it out.
    """
    called = program()
    if place is None or (place.name == DEFAULT_HOME and not place.is_by_path):
        return re.sub(_BARE, lambda _: f"{called} ", text)
    if place.is_by_path:
        called = f"{HOME_VARIABLE}={shown(shlex.quote(place.path))} {called}"
        return re.sub(_BARE, lambda _: f"{called} ", text)
    home = "" if "--home" in text else f" --home {place.name}"
    return re.sub(_COMMAND, lambda found: f"{called} {found[1]}{home}", text)


def _digest(text: str) -> str:
    # FNV-1a with 128 bits: nobody attacks the name of a file in a folder of one's own, and hashlib takes 2 ms.
    value = 0x6C62272E07BB014262B821756295C58D
    for byte in os.fsencode(text):
        value = (value ^ byte) * 0x1000000000000000000013B & (1 << 128) - 1
    return f"{value:032x}"


def require_private(path: str) -> None:
    """Refuse a file or folder that is not ours, or that anyone else on this machine can open."""
    found = os.lstat(path)
    if stat.S_ISLNK(found.st_mode):
        raise HomeUnsafe(f"{shown(path)} is a link.", "Put there what it leads to.")
    if found.st_uid != os.geteuid():
        raise HomeUnsafe(f"{shown(path)} belongs to another user.", "Start the desk as the user who owns its home.")
    if found.st_mode & 0o077:
        raise HomeUnsafe(
            f"{shown(path)} can be opened by other users (mode {stat.S_IMODE(found.st_mode):04o}).",
            f"Close it to them: chmod {'700' if stat.S_ISDIR(found.st_mode) else '600'} {shown(shlex.quote(path))}",
        )


def shown(text: str) -> str:
    """Text on one line without what a terminal would act on."""
    return "".join(character if character.isprintable() else "?" for character in text)

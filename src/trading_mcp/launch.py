"""Starting a desk that is not running, on its own and for good, where a program may."""

from __future__ import annotations

import os
import sys
import time

from trading_mcp import __version__
from trading_mcp.errors import DeskFailed, DeskMissing, DeskOther, HomeUnknown, HomeUnsafe, LinkBroken
from trading_mcp.link import ANSWER_WITHIN, LINE_MAX, connect, decode, encode, first_line, to_start
from trading_mcp.place import DEFAULT_HOME, HOME_VARIABLE, mirror_of, shown

# As in link: the bridge imports this at every start. `subprocess` would double what that costs.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping, Sequence

    from trading_mcp.link import Welcome
    from trading_mcp.place import Place

START_WITHIN = 20.0
RIVAL_WITHIN = 3.0
# Without -P a folder named trading_mcp where an assistant works would be run beside the keys.
DESK_COMMAND = (sys.executable, "-E", "-P", "-m", "trading_mcp")


def reach(
    place: Place,
    kind: str,
    client: str,
    flags: Mapping[str, object] | None = None,
    command: Sequence[str] = DESK_COMMAND,
) -> tuple[socket.socket, Welcome]:
    """As `connect`, but starts the desk, on its own and for good, where none is running and none is LIVE.

    A desk of an earlier version that nobody needs makes way for one of this version.
    """
    try:
        return connect(place, kind, client, flags)
    except DeskMissing:
        require_startable(place)
    except DeskOther as other:
        _retire(place, client, other)
    log, child = _started(place, command)
    deadline = time.monotonic() + START_WITHIN
    ended: int | None = None
    while True:
        try:
            return connect(place, kind, client, flags)
        except (DeskMissing, LinkBroken):  # it may also fail after its socket is there, or be slow to answer
            if ended is None and (found := os.waitpid(child, os.WNOHANG))[0]:
                ended = os.waitstatus_to_exitcode(found[1])
                # Another client may have started one at the same moment, which got the lock.
                deadline = min(deadline, time.monotonic() + RIVAL_WITHIN)
            if time.monotonic() >= deadline:
                raise _failed(place, log, ended) from None
        time.sleep(0.01)


def require_startable(place: Place) -> None:
    """Refuse to start what only a person starts, or what would have to be made up first."""
    mirror = mirror_of(place)
    if mirror is not None and mirror.mode == "LIVE":
        raise DeskMissing(
            f"No desk is running for home {place}, which is LIVE: only a person starts it.",
            f"At a terminal: {place.command('desk')}",
        )
    if mirror is None and os.path.lexists(os.path.join(place.path, "journal.db")):
        raise HomeUnsafe(f"Home {place} does not say its mode.", f"At a terminal: {place.command('desk')}")
    if mirror is None and not place.is_by_path and place.name != DEFAULT_HOME:
        raise HomeUnknown(
            f"There is no home named {place.name}.",
            f"List them with: trading-mcp home list. Make it with: trading-mcp home new {place.name} --mode …",
        )


def _retire(place: Place, client: str, other: DeskOther) -> None:
    """Have the desk of an earlier version stop, if it says that it may; wait until it has."""
    if _numbers(other.version) >= _numbers(__version__):
        raise other
    connection, answer = connect(place, "cli", client, any_version=True)
    with connection:
        if answer.mode == "LIVE":
            raise other
        connection.settimeout(ANSWER_WITHIN)
        try:
            connection.sendall(encode({"request": "stop", "reason": "a newer version starts", "unless_needed": True}))
            reply = decode(first_line(connection))
        except OSError:
            raise other from None
    if reply.get("ok") is not True:
        raise DeskOther(f"{other.message} It goes on: {_reason(reply)}", other.next_step, other.version)
    deadline = time.monotonic() + START_WITHIN
    while time.monotonic() < deadline:
        try:
            connect(place, "cli", client, any_version=True)[0].close()
        except DeskMissing:
            return
        except LinkBroken:
            pass  # it hangs up while it stops
        time.sleep(0.01)
    raise other


def _reason(reply: Mapping[str, object]) -> str:
    match reply.get("error"):
        case {"message": str(message)}:
            return shown(message)[:300]
        case _:
            return "it does not say why."


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


def _started(place: Place, command: Sequence[str]) -> tuple[str, int]:
    environment = {name: value for name, value in os.environ.items() if name != HOME_VARIABLE}
    if place.is_by_path:
        environment[HOME_VARIABLE] = place.path
        arguments = [*command, "desk", "--detached"]
    else:
        arguments = [*command, "desk", "--home", place.name, "--detached"]
    folder = os.path.dirname(place.path)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        # Beside the home, which may not be there yet; the desk's own log is in it.
        log = os.path.join(folder, f".{os.path.basename(place.path)}.start.log")
        files = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NOFOLLOW, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        # macOS cannot always start a session here; there `desk --detached` does it for itself.
        child = os.posix_spawn(
            arguments[0], arguments, environment, file_actions=files, setsid=sys.platform == "linux"
        )
    except OSError as error:
        raise DeskFailed(
            f"The desk of home {place} cannot be started: {shown(str(error))}.", to_start(place)
        ) from error
    return log, child


def _failed(place: Place, log: str, ended: int | None) -> DeskFailed:
    try:
        with open(log, "rb") as file:
            said = shown(file.read(LINE_MAX).decode(errors="replace").strip().rpartition("\n")[2])[:500]
    except OSError:
        said = ""
    what = "did not open its door in time" if ended is None else f"ended at once ({_ending(ended)})"
    return DeskFailed(f"The desk of home {place} {what}: {said or 'it said nothing'}", f"See {shown(log)}.")


def _ending(code: int) -> str:
    return f"code {code}" if code >= 0 else f"signal {-code}"

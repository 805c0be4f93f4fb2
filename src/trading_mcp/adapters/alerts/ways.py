"""The ways out: a program each, started with the text as arguments or input, and ended when it takes too long."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Final

from trading_mcp.adapters.alerts.pending import Message
from trading_mcp.redact import redacted

DESKTOP_WITHIN: Final = 5.0
URL_WITHIN: Final = 20.0
REASON_LENGTH_MAX: Final = 200
LIBRARY: Final = "apprise"
INSTALL: Final = "Install it, 2.2 or later, where this program is; in a checkout `make setup` does"
SENDER: Final = (sys.executable, "-E", "-P", "-m", "trading_mcp.adapters.alerts.by_url")
# All that a sender needs to know of this process: whatever else stands in its environment may be a key.
_HANDED_ON: Final = frozenset(
    ("PATH", "HOME", "USER", "LANG", "TZ", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR")
) | frozenset(("DBUS_SESSION_BUS_ADDRESS", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"))
_PROXIES: Final = frozenset(("http_proxy", "https_proxy", "all_proxy", "no_proxy"))
# The text is given to the script as its arguments: no word of it is ever read as one of the script.
_SCRIPT: Final = (
    "on run argv",
    "display notification (item 2 of argv) with title (item 1 of argv)",
    "end run",
)


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way out: its name for people, and the program that is run for a message."""

    name: str
    within: float
    command: Callable[[Message], tuple[str, ...]]
    environment: Mapping[str, str]
    fed: Callable[[Message], bytes] = lambda _: b""
    missing: str = ""

    def send(self, message: Message) -> str:
        """Hand one message over; return why that failed, or nothing."""
        if self.missing:
            return self.missing
        try:
            code, said = self._run(message)
        except subprocess.TimeoutExpired:
            return f"no answer within {self.within:g} seconds"
        except OSError as error:
            return redacted(str(error.strerror), REASON_LENGTH_MAX)
        return "" if code == 0 else redacted(said, REASON_LENGTH_MAX) or f"it ended with {code}"

    def _run(self, message: Message) -> tuple[int, str]:
        pipe = subprocess.PIPE
        with subprocess.Popen(  # noqa: S603 - a fixed program, without a shell
            self.command(message),
            env=self.environment,
            stdin=pipe,
            stdout=pipe,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as child:
            try:
                said, _ = child.communicate(self.fed(message), self.within)
            except subprocess.TimeoutExpired:
                # With everything it started: what is left of it may hold the pipe open for ever.
                os.killpg(child.pid, signal.SIGKILL)
                raise
        return child.returncode, said.decode(errors="replace")


def ways_of(url: str, environ: Mapping[str, str], *, on_desktop: bool, platform: str = sys.platform) -> Iterator[Way]:
    """Yield the ways out that there are here."""
    kept = {name: value for name, value in environ.items() if name in _HANDED_ON or name.lower() in _PROXIES}
    if on_desktop and (desktop := _desktop(kept, environ, platform)) is not None:
        yield desktop
    if url:
        yield by_url(url, kept)


def by_url(url: str, environment: Mapping[str, str]) -> Way:
    """Return the way through apprise; its address is secret: it goes by a pipe, and is called by its scheme."""
    return Way(
        name=f"{url.partition(':')[0]}://",
        within=URL_WITHIN,
        command=lambda _: SENDER,
        environment=environment,
        missing="" if importlib.util.find_spec(LIBRARY) else f"{LIBRARY} is not installed. {INSTALL}",
        fed=lambda message: json.dumps({"url": url, "title": message.title, "body": message.body}).encode(),
    )


def _desktop(kept: Mapping[str, str], environ: Mapping[str, str], platform: str) -> Way | None:
    """Return the way to this machine's desktop, where one is there to be reached."""
    path = environ.get("PATH", os.defpath)
    if platform == "darwin":
        # Whoever came over the network sits before another desktop.
        program = None if "SSH_CONNECTION" in environ else shutil.which("osascript", path=path)
        command = _osascript
    else:
        program = shutil.which("notify-send", path=path) if environ.get("DBUS_SESSION_BUS_ADDRESS") else None
        command = _notify_send
    if program is None:
        return None
    return Way(
        name="the desktop",
        within=DESKTOP_WITHIN,
        command=lambda message: command(program, message),
        environment=kept,
    )


def _notify_send(program: str, message: Message) -> tuple[str, ...]:
    # A body may be read as markup; what it says is text. Before that the program itself reads \NNN as bytes, which
    # could make up markup again, close the marks of a quotation, or be no text, of which nothing is shown at all.
    body = escape(message.body, quote=False).replace("\\", "\\\\")
    return (program, "--app-name=trading-mcp", "--", message.title, body)


def _osascript(program: str, message: Message) -> tuple[str, ...]:
    lines = (part for line in _SCRIPT for part in ("-e", line))
    return (program, *lines, "--", message.title, message.body)

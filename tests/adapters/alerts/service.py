"""Ways out to try: a service on this machine that takes, refuses or never answers, and a desktop's program."""

from __future__ import annotations

import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

WITHIN = 30.0


class Service:
    """An HTTP server that keeps what it was sent; `code` is what it answers, and without one it never does."""

    def __init__(self, code: int | None = 200) -> None:
        self.code = code
        self.sent: queue.Queue[dict[str, Any]] = queue.Queue()
        self.open = 0
        self._released = threading.Event()
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                service._taken(self)

            def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        """The address as apprise spells it; it waits for an answer for longer than any test."""
        return f"json://{self.host}/?rto=600"

    def next(self) -> dict[str, Any]:
        return self.sent.get(timeout=WITHIN)

    def _taken(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        self.open += 1
        self.sent.put(json.loads(body))
        if self.code is None:
            self._released.wait()
            return
        self.open -= 1
        handler.send_response(self.code)
        handler.end_headers()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def program(folder: Path, script: str, name: str = "notify-send") -> dict[str, str]:
    """Put a program of a desktop where it is found, and return the environment of such a desktop."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return {"PATH": f"{folder}:/usr/bin:/bin", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"}


def keeping(file: Path) -> str:
    """A script that keeps its arguments, one after the other."""
    return f"printf '%s\\0' \"$@\" >> {file}"


def kept(file: Path) -> list[str]:
    return file.read_text("utf-8").split("\0")[:-1] if file.exists() else []

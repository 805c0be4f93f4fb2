"""The operator's log: what happened, as JSON lines in a file a day, without secrets and without end to itself."""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import os
import re
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TextIO

from trading_mcp.core.ports import Clock
from trading_mcp.redact import redacted

DAY_BYTES_MAX: Final = 64 * 1024 * 1024
TEXT_MAX: Final = 2_000
TRACE_MAX: Final = 8_000
FIELDS_MAX: Final = 32
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FILE: Final = re.compile(r"desk-\d{4}-\d{2}-\d{2}\.jsonl")
_RESERVED: Final = frozenset({"at", "level", "from", "text", "error", "dropped"})


class OperatorLog(logging.Handler):
    """Hand it to `logging.getLogger("trading_mcp").addHandler`; `extra={"fields": {…}}` adds named values.

    It never raises and never waits: a log that cannot be written stops nothing, and says later what it dropped.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        days: int = 30,
        stream: TextIO | None = None,
        bytes_max: int = DAY_BYTES_MAX,
    ) -> None:
        super().__init__()
        self._folder = folder
        self._clock = clock
        self._days = days
        self._stream = stream
        self._bytes_max = bytes_max
        self._day = ""
        self._handle = -1
        self._size = 0
        self._dropped = 0
        self._cut = b""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            moment = _EPOCH + timedelta(microseconds=self._clock.now())
            fields = self._fields(record, moment)
            line = json.dumps(fields, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        except Exception:  # noqa: BLE001 - somebody's __str__ failed; that stops no desk
            self._dropped += 1
            return
        self._write(moment.date().isoformat(), line)
        if self._stream is not None:
            with contextlib.suppress(OSError, ValueError):
                self._stream.write(line.decode())
                self._stream.flush()

    def close(self) -> None:
        self._close()
        super().close()

    def _fields(self, record: logging.LogRecord, moment: datetime) -> dict[str, object]:
        fields: dict[str, object] = {
            "at": moment.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "from": record.name,
            "text": _clean(record.getMessage(), TEXT_MAX),
        }
        given: Mapping[object, object] = getattr(record, "fields", {})
        for name, value in itertools.islice(given.items(), FIELDS_MAX):
            key = _clean(str(name), 64)
            fields[f"{key}_" if key in _RESERVED else key] = _value(key, value)
        if record.exc_info is not None and record.exc_info[1] is not None:
            fields["error"] = _clean("".join(traceback.format_exception(record.exc_info[1])), TRACE_MAX)
        if self._dropped:
            fields["dropped"] = self._dropped
        return fields

    def _write(self, day: str, line: bytes) -> None:
        try:
            if day != self._day:
                self._turn_to(day)
            if self._size + len(line) > self._bytes_max:
                self._dropped += 1
                return
            written = os.write(self._handle, self._cut + line)
            self._size += written
            # What a full disk took a part of must not swallow the line after it.
            self._cut = b"" if written == len(self._cut + line) else b"\n"
            self._dropped = 0
        except OSError:
            self._dropped += 1

    def _turn_to(self, day: str) -> None:
        self._close()
        self._folder.mkdir(mode=0o700, exist_ok=True)
        path = self._folder / f"desk-{day}.jsonl"
        self._handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        self._size = os.fstat(self._handle).st_size
        self._day = day
        kept = sorted(entry for entry in self._folder.iterdir() if _FILE.fullmatch(entry.name))
        for old in kept[: -self._days]:
            old.unlink()

    def _close(self) -> None:
        handle, self._handle, self._day = self._handle, -1, ""
        if handle >= 0:
            os.close(handle)


def _value(name: str, value: object) -> object:
    if value is None or isinstance(value, bool | int):
        return value
    # With its name before it: a value alone does not look like a password.
    return _clean(f"{name}: {value}", TEXT_MAX).removeprefix(f"{name}: ")


def _clean(text: str, length_max: int) -> str:
    # The redactor takes a second for two megabytes, in which no order could be sent. What is looked at is many
    # times what is kept, so that a secret cut in two at its end is not among it.
    return redacted(text[: 8 * length_max], length_max)

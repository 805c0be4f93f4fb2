"""A program of its own that hands one message to apprise, so that neither it nor a service is ever in the desk.

It reads one JSON object and ends with 0, or says in one line why not; the address and its parts are never said.
"""

from __future__ import annotations

import json
import logging
import re
import signal
import sys
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

from apprise import Apprise, NotifyFormat

from trading_mcp.redact import REDACTED

# Should whoever started it be gone, nobody else ends it.
LIFE_MAX: Final = 30
PART_LENGTH_MIN: Final = 4
FAILED: Final = 1
_SPLIT: Final = re.compile(r"[^\w.~%+-]+")


class _Kept(logging.Handler):
    """Keeps what apprise said last of what went wrong."""

    said = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.said = record.getMessage()


def main() -> int:
    """Send what stands in the input."""
    signal.alarm(LIFE_MAX)
    given: Mapping[str, str] = json.load(sys.stdin)
    try:
        reason = sent(given["url"], given["title"], given["body"])
    except Exception as error:  # noqa: BLE001 - a service's trouble is one line to whoever asked
        reason = f"{type(error).__name__}: {error}"
    sys.stdout.write(without(given["url"], reason))
    return FAILED if reason else 0


def sent(url: str, title: str, body: str) -> str:
    """Hand one message to the service of an address; return why that failed, or nothing."""
    kept, logger = _Kept(logging.WARNING), logging.getLogger("apprise")
    logger.addHandler(kept)
    logger.propagate = False
    service = Apprise()
    if not service.add(url):  # pyright: ignore[reportUnknownMemberType] - of a dict of anything, which is not given
        return "apprise knows no such address; https://appriseit.com lists how each service is spelled"
    is_sent = service.notify(title=title, body=body, body_format=NotifyFormat.TEXT)  # pyright: ignore[reportUnknownMemberType]
    return "" if is_sent else kept.said or "the service did not take it"


def without(url: str, text: str) -> str:
    """Return a text in which no part of an address is left but its scheme, on one line."""
    rest = url.partition("://")[2]
    parts = {part for each in (rest, unquote(rest)) for part in _SPLIT.split(each) if len(part) >= PART_LENGTH_MIN}
    for part in sorted(parts, key=len, reverse=True):
        text = text.replace(part, REDACTED)
    return " ".join(text.split())


if __name__ == "__main__":
    sys.exit(main())

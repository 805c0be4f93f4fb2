"""How the owner of a home is told: by which ways out, under what name, and what was told before this start."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, cast

from trading_mcp.adapters.alerts.outbox import Outbox
from trading_mcp.adapters.alerts.ways import Way, ways_of
from trading_mcp.adapters.config.settings import Settings
from trading_mcp.adapters.system.home import write_whole
from trading_mcp.bootstrap.homes import Opened
from trading_mcp.core.domain.home import Home

HEAD_SHOWN: Final = 16
BYTES_MAX: Final = 1 << 20
_LOG: Final = logging.getLogger("trading_mcp.owner")


def ways_to_owner(settings: Settings, environ: Mapping[str, str] = os.environ) -> tuple[Way, ...]:
    """Return the ways out that a home's settings and this machine give."""
    return tuple(ways_of(settings.alert_url, environ, on_desktop=settings.alert_desktop))


def sender_of(home: Home) -> str:
    """Return how a notice begins: an owner may have several homes, and not all are play."""
    return f"{home.name}, {home.mode.value}: "


def outbox_of(opened: Opened, failed: Callable[[str], None]) -> Outbox:
    """Return the notifier of a home; every notice bears the journal's head, which a cut or a rewrite would change."""

    def footer() -> str:
        head = opened.journal.file.durable
        return f"Journal: entry {head.seq:,}, head {head.hash.hex()[:HEAD_SHOWN]}"

    return Outbox(ways_to_owner(opened.settings), failed, sender=sender_of(opened.book.home), footer=footer)


class Remembered:
    """What the owner was told of and still holds, in a file beside the journal; without it things are told again."""

    def __init__(self, home: Path) -> None:
        self._path = home / "told.json"

    def load(self) -> frozenset[str]:
        try:
            with self._path.open("rb") as file:
                held = json.loads(file.read(BYTES_MAX))
        except FileNotFoundError:
            return frozenset()
        except (OSError, ValueError, RecursionError) as error:
            _LOG.warning("what was told before cannot be read: %s", type(error).__name__)
            return frozenset()
        return frozenset(map(str, cast("list[object]", held))) if isinstance(held, list) else frozenset()

    def keep(self, keys: frozenset[str]) -> None:
        write_whole(self._path, json.dumps(sorted(keys)).encode())

"""The configuration files of assistants: read strictly, changed in one entry only, and never without a copy."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from trading_mcp.errors import Exit, TradingMcpError
from trading_mcp.place import DEFAULT_HOME, HOME_VARIABLE, Place, invoked, shown

SERVERS = "mcpServers"
SIZE_MAX = 64 * 1024 * 1024
_ELSE = "Nothing was changed. Paste it in yourself: trading-mcp setup --client print"

Fields = dict[str, object]


class ConfigUnusable(TradingMcpError):
    """An assistant's configuration is not what it must be, or cannot be written."""

    exit_code = Exit.FAILED


def desktop_file(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    """Where Claude Desktop keeps its configuration."""
    if platform == "darwin":
        folder = Path.home() / "Library" / "Application Support"
    else:
        named = Path(environ.get("XDG_CONFIG_HOME", ""))
        folder = named if named.is_absolute() else Path.home() / ".config"
    return folder / "Claude" / "claude_desktop_config.json"


def server_name(place: Place) -> str:
    """Under which name an assistant knows the desk of a home; the usual one is just `trading`."""
    return "trading" if place.name == DEFAULT_HOME and not place.is_by_path else f"trading-{place.name}"


def entry(place: Place) -> Fields:
    """What starts the bridge to a home: this very program, by its whole path."""
    command, *arguments = invoked()
    if place.is_by_path:
        return {"command": command, "args": arguments, "env": {HOME_VARIABLE: place.path}}
    named = [] if place.name == DEFAULT_HOME else ["--home", place.name]
    return {"command": command, "args": [*arguments, *named]}


def read(path: Path) -> tuple[bytes, Fields]:
    """A configuration's bytes and fields; of one that is not there yet, none."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise ConfigUnusable(f"{shown(str(path))} is no file.", _ELSE)
        content = path.read_bytes() if found.st_size <= SIZE_MAX else b""
    except (FileNotFoundError, NotADirectoryError):
        return b"", {}
    except OSError as error:
        raise ConfigUnusable(f"{shown(str(path))} cannot be read: {error.strerror}.", _ELSE) from error
    if found.st_size and not content.strip():
        raise ConfigUnusable(f"{shown(str(path))} is blank or larger than any configuration.", _ELSE)
    return content, _fields(path, content) if content else {}


def _fields(path: Path, content: bytes) -> Fields:
    try:
        fields = json.loads(content.decode("utf-8-sig"), object_pairs_hook=_said_once)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise ConfigUnusable(f"{shown(str(path))} is not JSON{where}.", _ELSE) from None
    if not isinstance(fields, dict):
        raise ConfigUnusable(f"{shown(str(path))} is no JSON object.", _ELSE)
    return cast("Fields", fields)


def _said_once(pairs: list[tuple[str, object]]) -> Fields:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a name is said twice")
    return fields


def servers(path: Path, fields: Fields) -> dict[str, Fields]:
    """The servers that a configuration names."""
    found = fields.get(SERVERS, {})
    if not isinstance(found, dict):
        raise ConfigUnusable(f"{SERVERS} in {shown(str(path))} is no JSON object.", _ELSE)
    named = cast("Fields", found)
    for name, each in named.items():
        if not isinstance(each, dict):
            raise ConfigUnusable(f"The server {shown(name)!r} in {shown(str(path))} is no JSON object.", _ELSE)
    return cast("dict[str, Fields]", named)


def added(path: Path, place: Place) -> Path | None:
    """Put the desk's entry into a configuration, and return the copy of what stood there, if anything changed.

    Other servers and every field that is not ours stay as they are. The copy is `path` itself where there was none.
    """
    if path.is_symlink():
        raise ConfigUnusable(f"{shown(str(path))} is a link.", _ELSE)
    content, fields = read(path)
    named, name = servers(path, fields), server_name(place)
    changed = {**fields, SERVERS: {**named, name: {**named.get(name, {}), **entry(place)}}}
    if changed == fields:
        return None
    try:
        whole = (json.dumps(changed, indent=2, ensure_ascii=False) + "\n").encode()
    except UnicodeEncodeError:
        raise ConfigUnusable(f"{shown(str(path))} holds what is no text.", _ELSE) from None
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = _copied(path, content) if content else path
        _written(path, whole)
    except OSError as error:
        raise ConfigUnusable(f"{shown(str(path))} cannot be written: {error.strerror}.", _ELSE) from error
    return kept


def _copied(path: Path, content: bytes) -> Path:
    """Keep what stood there beside it, under a name that none has yet."""
    number = 1
    while True:
        kept = path.with_name(f"{path.name}.backup-{number}")
        try:
            handle = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except FileExistsError:
            number += 1
            continue
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        return kept


def _written(path: Path, content: bytes) -> None:
    """Replace a file by a whole new one, with the rights of the one before."""
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o600
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise

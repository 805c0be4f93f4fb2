"""How a home's desk is wired: `settings.toml`, read strictly; limits and modes are no settings."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from trading_mcp.errors import SettingsInvalid
from trading_mcp.place import HOME_VARIABLE, shown
from trading_mcp.redact import redacted

BYTES_MAX: Final = 64 * 1024
PREFIX: Final = "TRADING_MCP_"
FROM_ENVIRONMENT: Final = ("log_level", "log_days", "idle_minutes")
"""Keys that no limit, no money and no record depends on."""

_ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]{0,30}://\S+")

LogLevel = Literal["debug", "info", "warning", "error"]


class Settings(BaseModel):
    """Every setting there is, with what holds when it is not set."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    log_level: Annotated[LogLevel, Field(description="The least of what the operator's log keeps")] = "info"
    log_days: Annotated[int, Field(ge=1, le=3650, description="How many days of that log are kept")] = 30
    idle_minutes: Annotated[
        int,
        Field(ge=1, le=1440, description="After how long a desk that an assistant started, and nothing needs, ends"),
    ] = 10
    anchor: Annotated[
        str,
        Field(
            max_length=4096, description='Where the journal\'s heads are kept outside the home; "" is the usual place'
        ),
    ] = ""

    alert_desktop: Annotated[
        bool,
        Field(description="Whether this machine's desktop, where there is one, shows what the owner should know"),
    ] = True
    alert_url: Annotated[
        str,
        Field(
            max_length=2048,
            repr=False,
            description="Where that is sent for an owner who is away, as https://appriseit.com spells it: a secret",
        ),
    ] = ""

    assistants_read_only: Annotated[
        bool, Field(description="Whether assistants may only look, whatever they are started with")
    ] = False
    assistants_exclude_tools: Annotated[
        str, Field(max_length=1000, description='Tools that no assistant gets: "kill_switch, close_positions"')
    ] = ""

    @field_validator("anchor")
    @classmethod
    def _is_whole(cls, path: str) -> str:
        if path and not (Path(path).is_absolute() and path.isprintable()):
            raise ValueError("an absolute path, from / on")
        return path

    @field_validator("alert_url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        if url and (not url.isprintable() or _ADDRESS.fullmatch(url) is None):
            raise ValueError('an address such as "ntfys://ntfy.sh/…", without spaces')
        return url


def load(path: Path, environ: Mapping[str, str]) -> Settings:
    """The settings in force: the file's, and over them the environment's where it may speak."""
    given = _file(path)
    try:
        Settings.model_validate(given)
    except ValidationError as error:
        raise _explained(shown(str(path)), error) from None
    spoken = _environment(environ)
    try:
        return Settings.model_validate(given | spoken)
    except ValidationError as error:
        raise _explained("The environment", error) from None


def template() -> str:
    """A `settings.toml` to start from: every key, what it is for, and its default."""
    parts = ["# The settings of this home. A line without # at its beginning is in force from the next start.\n"]
    for name, field in Settings.model_fields.items():
        default = f'"{field.default}"' if isinstance(field.default, str) else str(field.default).lower()
        parts.append(f"\n# {field.description}.\n# {name} = {default}\n")
    return "".join(parts)


def _file(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            content = file.read(BYTES_MAX + 1)
        if len(content) > BYTES_MAX:
            raise SettingsInvalid(
                f"{shown(str(path))} is longer than {BYTES_MAX:,} bytes.", "Keep only settings in it."
            )
        return tomllib.loads(content.decode())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsInvalid(
            f"{shown(str(path))} cannot be read: {error.strerror}.", "Let the desk's user read it."
        ) from error
    except (ValueError, RecursionError) as error:
        raise SettingsInvalid(
            f"{shown(str(path))} is no TOML: {redacted(str(error), 200)}.", "Write lines such as: log_days = 30"
        ) from None


def _environment(environ: Mapping[str, str]) -> dict[str, object]:
    spoken: dict[str, object] = {}
    for variable, text in sorted(environ.items()):
        if not variable.upper().startswith(PREFIX) or variable == HOME_VARIABLE:
            continue
        key = variable.removeprefix(PREFIX).lower()
        if variable != f"{PREFIX}{key.upper()}" or key not in FROM_ENVIRONMENT:
            raise _unspoken(variable, key)
        spoken[key] = int(text) if text.isascii() and text.isdigit() and len(text) <= len("1440000") else text
    return spoken


def _unspoken(variable: str, key: str) -> SettingsInvalid:
    """A variable that did nothing would be believed to have done something."""
    allowed = ", ".join(f"{PREFIX}{name.upper()}" for name in FROM_ENVIRONMENT)
    next_step = f"Unset it. Read are {HOME_VARIABLE}, {allowed}."
    if key == "mode":
        next_step = "Unset it. A home has one mode for life: trading-mcp home list."
    elif key in Settings.model_fields:
        next_step = f"Unset it, and set {key} in the home's settings.toml."
    return SettingsInvalid(f"{shown(variable[:80])} is not read from the environment.", next_step)


def _explained(where: str, error: ValidationError) -> SettingsInvalid:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    key = shown(".".join(map(str, first["loc"])))[:80]
    if first["type"] == "extra_forbidden":
        return SettingsInvalid(
            f"{where} has a setting {key}, which there is not.", f"Use: {', '.join(Settings.model_fields)}."
        )
    known = f" One of: {', '.join(get_args(LogLevel))}." if key == "log_level" else ""
    return SettingsInvalid(f"{where} sets {key} to what it cannot be.", f"{first['msg']}.{known}")

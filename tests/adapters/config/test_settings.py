"""Settings are believed only as they are spelled, and the environment speaks only where nothing depends on it."""

import os
import tomllib
from pathlib import Path

import pytest

from tests.places import as_root, nobody
from trading_mcp.adapters.config import settings
from trading_mcp.adapters.config.settings import FROM_ENVIRONMENT, Settings, load, template
from trading_mcp.errors import Exit, SettingsInvalid

_ = nobody


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "settings.toml"


def refused(path: Path, environ: dict[str, str] | None = None) -> SettingsInvalid:
    with pytest.raises(SettingsInvalid) as caught:
        load(path, environ or {})
    assert caught.value.exit_code is Exit.USAGE
    assert str(caught.value).isprintable()
    assert caught.value.message.endswith(".")
    assert len(str(caught.value)) < 600
    return caught.value


def test_without_a_file_the_defaults_hold(path: Path) -> None:
    assert load(path, {}) == Settings()


def test_the_file_is_read(path: Path) -> None:
    path.write_text('log_level = "debug"\nlog_days = 7\nidle_minutes = 1\nanchor = "/srv/größe"\n', encoding="utf-8")
    assert load(path, {}) == Settings(log_level="debug", log_days=7, idle_minutes=1, anchor="/srv/größe")


def test_the_template_names_every_setting_and_changes_nothing(path: Path) -> None:
    path.write_text(template())
    assert load(path, {}) == Settings()
    path.write_text("\n".join(line.removeprefix("# ") for line in template().splitlines() if " = " in line))
    assert load(path, {}) == Settings()
    assert tomllib.loads(path.read_text()).keys() == Settings.model_fields.keys()


@pytest.mark.parametrize(
    "key", ["mode", "MODE", "log-level", "Log_level", "order_notional_max", "host", "key", "x.y", "'a\\nb'"]
)
def test_a_key_that_there_is_not_is_named(key: str, path: Path) -> None:
    path.write_text(f'{key} = "PAPER"\n')
    error = refused(path)
    assert "which there is not" in error.message or "no TOML" in error.message
    if "which there is not" in error.message:
        assert (
            error.next_step
            == "Use: log_level, log_days, idle_minutes, anchor, alert_desktop, alert_url, assistants_read_only, "
            "assistants_exclude_tools."
        )


@pytest.mark.parametrize(
    "line",
    [
        'log_level = "DEBUG"',
        'log_level = "debug "',
        "log_level = 1",
        "log_days = 0",
        "log_days = -1",
        "log_days = 4000",
        'log_days = "7"',
        "log_days = 7.0",
        "log_days = true",
        "log_days = inf",
        "idle_minutes = []",
        "idle_minutes = {}",
        'anchor = "anchors/mine"',
        'anchor = "~/anchor"',
        "anchor = false",
        'anchor = "/a\\u001b"',
        f'anchor = "/{"x" * 5_000}"',
        'alert_url = "ntfy.sh/canary"',
        'alert_url = "Json://canary"',
        'alert_url = "json://can ary"',
        'alert_url = "json://"',
        'alert_url = "json://canary\\u001b"',
        f'alert_url = "json://{"x" * 5_000}"',
        "alert_url = 7",
        'alert_desktop = "yes"',
    ],
)
def test_a_value_that_cannot_be_is_named_and_not_repeated(line: str, path: Path) -> None:
    path.write_text(line + "\n")
    error = refused(path)
    key, _equals, value = line.partition(" = ")
    assert error.message == f"{path} sets {key} to what it cannot be."
    assert value.strip('"') not in str(error).replace(str(path), "") or len(value) < 3


@pytest.mark.parametrize(
    "content", [b"log_days", b"= 1", b"\xff", b"a = 1\na = 2", b"[" * 50_000, b"x = " + b"9" * 5_000]
)
def test_what_is_no_toml_is_said(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    assert "is no TOML" in refused(path).message


def test_a_file_that_never_ends_is_not_read(path: Path) -> None:
    path.write_bytes(b"#" * 100_000)
    assert "is longer than 65,536 bytes" in refused(path).message


def test_what_is_no_file_is_said(path: Path) -> None:
    path.mkdir()
    assert "cannot be read: Is a directory" in refused(path).message


@as_root
def test_what_may_not_be_read_is_said(nobody: Path) -> None:
    (nobody / "settings.toml").touch(0o000)
    assert "cannot be read: Permission denied" in refused(nobody / "settings.toml").message


def test_the_environment_speaks_last_where_it_may(path: Path) -> None:
    path.write_text("log_days = 7\nidle_minutes = 8\n")
    environ = {
        "TRADING_MCP_LOG_DAYS": "9",
        "TRADING_MCP_LOG_LEVEL": "error",
        "TRADING_MCP_HOME": "/x",
        "PATH": "/bin",
    }
    assert load(path, environ) == Settings(log_days=9, log_level="error", idle_minutes=8)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("TRADING_MCP_LOG_DAYS", ""),
        ("TRADING_MCP_LOG_DAYS", "seven"),
        ("TRADING_MCP_LOG_DAYS", "7.0"),
        ("TRADING_MCP_LOG_DAYS", " 7"),
        ("TRADING_MCP_LOG_DAYS", "-7"),
        ("TRADING_MCP_LOG_DAYS", "\u0667"),
        ("TRADING_MCP_LOG_DAYS", "9" * 5_000),
        ("TRADING_MCP_LOG_LEVEL", "loud"),
        ("TRADING_MCP_IDLE_MINUTES", "0"),
    ],
)
def test_a_variable_that_cannot_be_is_named(variable: str, text: str, path: Path) -> None:
    key = variable.removeprefix("TRADING_MCP_").lower()
    assert refused(path, {variable: text}).message == f"The environment sets {key} to what it cannot be."


MODES = ["TRADING_MCP_MODE", "TRADING_MCP_mode", "trading_mcp_mode", "Trading_Mcp_Mode", "TRADING_MCP_Mode"]


@pytest.mark.parametrize("variable", MODES)
@pytest.mark.parametrize("text", ["PAPER", "paper", "LIVE", "live", "true", "1", ""])
def test_the_mode_is_never_read_from_the_environment_and_who_tries_is_told(
    variable: str, text: str, path: Path
) -> None:
    error = refused(path, {variable: text})
    assert error.message == f"{variable} is not read from the environment."


def test_a_variable_for_what_must_stand_in_the_file_says_so(path: Path) -> None:
    assert (
        refused(path, {"TRADING_MCP_ANCHOR": "/x"}).next_step
        == "Unset it, and set anchor in the home's settings.toml."
    )
    assert "one mode for life" in refused(path, {"TRADING_MCP_MODE": "LIVE"}).next_step


@pytest.mark.parametrize(
    "variable", ["TRADING_MCP_", "TRADING_MCP_APPROVE", "TRADING_MCP_YES\x1b", "TRADING_MCP_home"]
)
def test_a_variable_that_would_do_nothing_is_not_ignored(variable: str, path: Path) -> None:
    error = refused(path, {variable: "1"})
    assert "is not read from the environment" in error.message
    assert all(f"TRADING_MCP_{key.upper()}" in error.next_step for key in FROM_ENVIRONMENT)


def test_what_the_environment_may_set_exists_and_is_no_limit() -> None:
    assert set(FROM_ENVIRONMENT) <= Settings.model_fields.keys()
    assert "anchor" not in FROM_ENVIRONMENT
    assert not {"mode", "home", "host", "policy"} & Settings.model_fields.keys()
    assert len(template()) < settings.BYTES_MAX
    assert "TRADING_MCP_MODE" not in os.environ

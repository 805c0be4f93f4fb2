"""An assistant is connected by one entry in its configuration, or by one line that works as it is printed."""

from __future__ import annotations

import json
import os
import shlex
import stat
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.desks import DeskProcess
from tests.places import as_root, mirrored, nobody, short
from trading_mcp.__main__ import main
from trading_mcp.cli import doctor
from trading_mcp.cli.clients import desktop_file
from trading_mcp.errors import Exit
from trading_mcp.place import invoked, located

_ = (short, nobody)
OTHERS: dict[str, Any] = {
    "theme": "dark",
    "größe": [1.5, 10**30, None],
    "mcpServers": {"files": {"command": "npx", "args": ["x"], "env": {"TOKEN": "theirs"}}},
}


@pytest.fixture
def config(short: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    path = desktop_file()
    assert path.is_relative_to(short)
    path.parent.mkdir(parents=True)
    return path


def setup(*words: str) -> int:
    return main(["setup", *words])


def servers(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())["mcpServers"]


def everything(folder: Path) -> dict[str, bytes | str]:
    return {
        str(each): str(each.readlink()) if each.is_symlink() else each.read_bytes() if each.is_file() else ""
        for each in folder.rglob("*")
    }


def test_where_claude_desktop_keeps_its_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/u")
    mac = Path("/u/Library/Application Support/Claude/claude_desktop_config.json")
    assert desktop_file({"XDG_CONFIG_HOME": "/x"}, "darwin") == mac
    assert desktop_file({}, "linux") == Path("/u/.config/Claude/claude_desktop_config.json")
    assert desktop_file({"XDG_CONFIG_HOME": "/x"}, "linux") == Path("/x/Claude/claude_desktop_config.json")
    assert desktop_file({"XDG_CONFIG_HOME": "x"}, "linux") == Path("/u/.config/Claude/claude_desktop_config.json")


def test_an_entry_with_the_whole_path_and_no_key_is_put_beside_the_others(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(json.dumps(OTHERS, ensure_ascii=False))
    config.chmod(0o640)
    before = config.read_bytes()
    assert setup("--client", "claude-desktop") == Exit.DONE
    command, *arguments = invoked()
    assert Path(command).is_absolute()
    assert servers(config) == {**OTHERS["mcpServers"], "trading": {"command": command, "args": arguments}}
    assert {**json.loads(config.read_text()), "mcpServers": 0} == {**OTHERS, "mcpServers": 0}
    assert stat.S_IMODE(config.stat().st_mode) == 0o640
    kept = config.with_name(f"{config.name}.backup-1")
    assert kept.read_bytes() == before
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert str(kept) in "".join(capsys.readouterr().out.split("\n"))


def test_a_second_time_nothing_changes(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert setup("--client", "claude-desktop") == Exit.DONE
    before = everything(config.parent)
    assert list(before) == [str(config)], "there was nothing to keep a copy of"
    assert setup("--client", "claude-desktop") == Exit.DONE
    assert everything(config.parent) == before
    assert "already" in capsys.readouterr().out


def test_another_home_is_a_second_server_and_what_stood_there_is_kept_each_time(config: Path) -> None:
    assert setup("--client", "claude-desktop") == Exit.DONE
    assert setup("--client", "claude-desktop", "--home", "live") == Exit.DONE
    assert setup("--client", "claude-desktop", "--home", "other") == Exit.DONE
    assert list(servers(config)) == ["trading", "trading-live", "trading-other"]
    assert servers(config)["trading-live"]["args"][-2:] == ["--home", "live"]
    assert list(servers(config.with_name(f"{config.name}.backup-1"))) == ["trading"]
    assert list(servers(config.with_name(f"{config.name}.backup-2"))) == ["trading", "trading-live"]


def test_an_entry_that_leads_elsewhere_is_set_right_and_keeps_what_is_not_ours(config: Path) -> None:
    old = {"command": "/gone/trading-mcp", "args": ["--home", "old"], "disabled": True}
    config.write_text(json.dumps({"mcpServers": {"trading": old}}))
    assert setup("--client", "claude-desktop") == Exit.DONE
    command, *arguments = invoked()
    assert servers(config)["trading"] == {"command": command, "args": arguments, "disabled": True}


WRONG = {
    "not JSON": b'{"mcpServers": {',
    "not JSON either": b'{"a": 1,}',
    "a name twice": b'{"mcpServers": {}, "mcpServers": {"x": {}}}',
    "a list": b"[]",
    "no object": b'"x"',
    "servers that are a list": b'{"mcpServers": []}',
    "a server that is a word": b'{"mcpServers": {"trading": "x"}}',
    "no text": b'{"a": "\xff"}',
    "half a character": b'{"a": "\\ud800"}',
    "too deep": b"[" * 100_000,
    "blank": b" \n",
}


@pytest.mark.parametrize("content", WRONG.values(), ids=WRONG)
def test_a_configuration_that_is_not_understood_is_left_alone(
    config: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_bytes(content)
    before = everything(config.parent)
    assert setup("--client", "claude-desktop") == Exit.FAILED
    heard = capsys.readouterr()
    assert (heard.out, heard.err.count("\n")) == ("", 1)
    assert str(config) in heard.err
    assert "Nothing was changed." in heard.err
    assert "setup --client print" in heard.err
    assert everything(config.parent) == before


def test_links_and_folders_are_not_written_through(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    elsewhere = config.with_name("dotfiles.json")
    elsewhere.write_text("{}")
    config.symlink_to(elsewhere)
    before = everything(config.parent)
    assert setup("--client", "claude-desktop") == Exit.FAILED
    assert "is a link" in capsys.readouterr().err
    assert everything(config.parent) == before
    config.unlink()
    config.mkdir()
    assert setup("--client", "claude-desktop") == Exit.FAILED
    assert "is no file" in capsys.readouterr().err


@as_root
def test_where_nothing_can_be_written_one_sentence_says_so(
    nobody: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(nobody))
    config = desktop_file(platform="linux")
    config.parent.mkdir()
    config.write_text("{}")
    config.parent.chmod(0o500)
    before = everything(nobody)
    assert setup("--client", "claude-desktop") == Exit.FAILED
    assert "cannot be written: Permission denied. Nothing was changed." in capsys.readouterr().err
    assert everything(nobody) == before
    config.parent.chmod(0o700)


def test_a_project_has_a_file_of_its_own_only_when_asked(
    short: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(short)
    assert setup("--client", "claude-code") == Exit.DONE
    assert everything(short) == {}
    assert setup("--client", "claude-code", "--project") == Exit.DONE
    assert list(servers(short / ".mcp.json")) == ["trading"]
    assert setup("--client", "claude-desktop", "--project") == Exit.USAGE
    assert "--project is for Claude Code" in capsys.readouterr().err


def test_what_is_printed_can_be_pasted_and_is_there_for_programs_too(
    short: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert setup("--client", "print") == Exit.DONE
    assert list(json.loads(capsys.readouterr().out)["mcpServers"]) == ["trading"]
    for client, field in (("print", "mcpServers"), ("claude-code", "command"), ("claude-desktop", "file")):
        assert setup("--client", client, "--json") == Exit.DONE
        told = json.loads(capsys.readouterr().out)
        assert (told["exit"], field in told["answer"]) == (0, True)
    assert setup("--client", "emacs") == Exit.USAGE
    mirrored(located("real"), "LIVE")
    assert setup("--client", "print", "--home", "real") == Exit.DONE
    assert "No assistant starts a LIVE desk." in capsys.readouterr().err


def test_a_home_at_a_path_is_reached_by_that_path(
    short: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRADING_MCP_HOME", str(short / "my home"))
    assert setup("--client", "claude-code") == Exit.DONE
    words = shlex.split(capsys.readouterr().out)
    assert words[words.index("--env") + 1] == f"TRADING_MCP_HOME={short / 'my home'}"
    assert setup("--client", "print") == Exit.DONE
    (entry,) = json.loads(capsys.readouterr().out)["mcpServers"].values()
    assert entry["env"] == {"TRADING_MCP_HOME": str(short / "my home")}


# What is wrong with it later.


def checked(name: str) -> list[tuple[str, str]]:
    return [(each.outcome, each.said) for each in doctor.assistants(located()) if each.name == name]


def test_the_doctor_knows_whether_an_assistant_would_start_this_very_program(config: Path) -> None:
    assert [outcome for outcome, _ in checked("assistants")] == ["note"]
    assert setup("--client", "claude-desktop") == Exit.DONE
    assert checked("assistants") == []
    assert checked("claude-desktop")[0][0] == "good"
    moved = json.loads(config.read_text())
    moved["mcpServers"]["trading"]["command"] = "/gone/trading-mcp"
    config.write_text(json.dumps(moved))
    ((outcome, said),) = checked("claude-desktop")
    assert outcome == "note"
    assert "/gone/trading-mcp" in said
    assert "setup --client claude-desktop" in said
    config.write_text("{")
    assert checked("claude-desktop") == [("note", f"{config} is not JSON (line 1).")]


def test_the_doctor_sees_what_claude_code_was_told(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert setup("--client", "print") == Exit.DONE
    Path.home().joinpath(".claude.json").write_text(capsys.readouterr().out)
    assert [outcome for outcome, _ in checked("claude-code")] == ["good"]


# What is printed, carried out.


CLAUDE = """\
import json, pathlib, sys
pathlib.Path(sys.argv[0]).with_name("heard").write_text(json.dumps(sys.argv[1:]))
"""


@pytest.fixture
def desk(data: Path) -> Generator[DeskProcess]:
    """Started by the bridge, and stopped here."""
    made = DeskProcess(data)
    yield made
    made.say("stop")


def test_the_line_for_claude_code_works_as_it_is_printed(desk: DeskProcess, data: Path) -> None:
    bin_folder = data / "bin"
    bin_folder.mkdir()
    claude = bin_folder / "claude"
    claude.write_text(f"#!{sys.executable}\n{CLAUDE}")
    claude.chmod(0o755)
    line = desk.say("setup", "--client", "claude-code").out
    environment = {**desk.environment, "PATH": f"{bin_folder}:{os.environ['PATH']}"}
    subprocess.run(["/bin/sh", "-c", line], env=environment, check=True, cwd=data)
    heard: list[str] = json.loads((bin_folder / "heard").read_text())
    assert heard[:6] == ["mcp", "add", "--scope", "user", "trading", "--"]
    told = session(heard[6:], desk.environment, data)
    assert told["serverInfo"]["name"]
    checks = {each["name"]: each for each in desk.say("doctor", "--json").answer["checks"]}
    assert (checks["door"]["outcome"], checks["door"]["said"]) == ("good", "assistants are let in")


def session(command: list[str], environment: dict[str, str], folder: Path) -> dict[str, Any]:
    """Start it as an assistant does, and shake hands."""
    asked = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "a test", "version": "1"},
    }
    line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": asked})
    done = subprocess.run(
        command,
        env=environment,
        cwd=folder,
        input=f"{line}\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)["result"]


def test_the_block_that_is_printed_starts_a_session_too(desk: DeskProcess, data: Path) -> None:
    block = json.loads(desk.say("setup", "--client", "print").out)
    (entry,) = block["mcpServers"].values()
    assert session([entry["command"], *entry["args"]], desk.environment, data)["serverInfo"]["name"]

"""What the documents say is so: commands run, links lead somewhere, maps show what is there."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, places, shipped
from trading_mcp.adapters.config.settings import load

DOCS = [place for place in places() if place.endswith(".md")]
SHELL_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
MAKE = re.compile(r"\bmake ([a-z][a-z-]*)")

PROGRAM = ".venv/bin/trading-mcp"
# What is no command of the program; those are typed one after the other by tests/cli/test_readme.py.
MADE = {
    "make setup": "this test runs inside what it made",
    "make run": "below",
    "make check": "its parts: tests/architecture/test_imports.py, and continuous integration",
    "make test": "this test is part of it",
}


def read(place: str) -> str:
    return (ROOT / place).read_text(encoding="utf-8")


def commands(text: str) -> list[str]:
    return [line for block in SHELL_BLOCK.findall(text) for line in block.splitlines() if line.strip()]


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", read("Makefile"), re.MULTILINE))


def run(command: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command.split(), cwd=ROOT, capture_output=True, text=True, check=False, env=environment, timeout=120
    )


def test_every_line_of_a_block_of_commands_is_run_by_a_test() -> None:
    shown = [line for line in commands(read("README.md")) if not line.startswith(f"{PROGRAM} ")]
    assert shown == [*MADE]
    assert {place: commands(read(place)) for place in DOCS if place != "README.md" and commands(read(place))} == {}


def test_a_block_of_anything_else_is_compared_with_what_it_shows(tmp_path: Path) -> None:
    blocks = re.findall(r"^```(\w+)\n(.*?)^```", read("README.md"), re.DOTALL | re.MULTILINE)
    # tests/cli/test_demo.py plays the scenes that are shown as text.
    assert [kind for kind, _ in blocks if kind != "sh"] == ["text", "toml"]
    settings = tmp_path / "settings.toml"
    settings.write_text(dict(blocks)["toml"])
    assert load(settings, {}).alert_url


def test_the_program_in_the_readme_starts() -> None:
    # Where the tests run in another environment than .venv, the program beside their Python stands for it.
    program = str(Path(sys.executable).with_name("trading-mcp"))
    done = run(f"{program} --version")
    assert (done.returncode, done.stderr) == (0, "")


def test_make_run_plays_the_demo_once_and_ends_well_without_a_terminal(tmp_path: Path) -> None:
    run("make -s setup")  # says so when it had something to do, which is no part of the demo
    mine = {**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    first = run("make -s run", mine)
    assert (first.returncode, first.stderr) == (0, "")
    assert "It pulls the kill switch" in first.stdout
    assert list(tmp_path.iterdir()) == []
    home = tmp_path / "trading-mcp/homes/simulated"
    home.mkdir(parents=True)
    (home / "home.json").write_text('{"v": 1, "name": "simulated", "mode": "SIMULATED", "fake_venues": true}')
    second = run("make -s run", mine)
    assert (second.returncode, second.stderr, "kill switch" in second.stdout) == (0, "", False)
    assert "You have a home already" in second.stdout


def test_make_story_plays_its_day_and_ends_well() -> None:
    outcomes = [run("make -s story") for _ in range(2)]
    assert [done.returncode for done in outcomes] == [0, 0], outcomes[0].stderr
    assert outcomes[0].stdout == outcomes[1].stdout, "one seed, one story"


@pytest.mark.parametrize("place", ["Makefile", *DOCS])
def test_every_target_that_a_text_names_exists(place: str) -> None:
    named = set(MAKE.findall("\n".join(re.findall(r"`([^`\n]+)`", read(place)) + commands(read(place)))))
    assert named - make_targets() == set()


@pytest.mark.parametrize("target", sorted(make_targets() - {"clean"}))
def test_every_target_can_be_made(target: str) -> None:
    done = run(f"make -n {target}", {**os.environ, "MAKEFLAGS": ""})
    assert done.returncode == 0, done.stderr


def test_help_lists_every_target() -> None:
    listed = re.findall(r"^  make ([a-z-]+)", run("make -s help").stdout, re.MULTILINE)
    assert set(listed) == make_targets()


@pytest.mark.parametrize("place", DOCS)
def test_links_lead_somewhere(place: str) -> None:
    lost = [
        target
        for target in LINK.findall(read(place))
        if not target.startswith(("https://", "#"))
        and not (ROOT / place).parent.joinpath(target.split("#", 1)[0]).exists()
    ]
    assert lost == []


def test_the_example_for_claude_desktop_holds_an_absolute_path_and_no_keys() -> None:
    servers = json.loads(read("claude_desktop_config.example.json"))["mcpServers"]
    assert list(servers) == ["trading"]
    command = servers["trading"].pop("command")
    assert servers["trading"] == {"args": []}
    assert command.startswith("/")
    assert command.endswith("/trading-mcp/.venv/bin/trading-mcp")


def layers_drawn() -> dict[str, list[str]]:
    drawn = re.findall(r"^```layers (\S+)\n(.*?)^```", read("ARCHITECTURE.md"), re.DOTALL | re.MULTILINE)
    return {container: lines.splitlines() for container, lines in drawn}


def test_the_layers_drawn_are_the_layers_enforced() -> None:
    contracts = tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    enforced = {each["containers"][0]: each["layers"] for each in contracts if each["type"] == "layers"}
    assert layers_drawn() == enforced


def folders_listed(heading: str) -> set[str]:
    section = read("ARCHITECTURE.md").split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return set(re.findall(r"^\| `([a-z_/]+)/` \|", section, re.MULTILINE))


def folders_there() -> set[str]:
    """Packages, two deep."""
    inside = (Path(source.place).relative_to("src/trading_mcp") for source in shipped())
    return {path.parent.as_posix() for path in inside if path.name == "__init__.py" and 1 < len(path.parts) <= 3}


def test_the_map_shows_every_folder_that_stands() -> None:
    assert folders_listed("What stands") == folders_there()


def test_the_map_promises_only_folders_that_do_not_stand_yet() -> None:
    assert folders_listed("What comes") & folders_there() == set()


def test_the_changelog_has_a_place_for_the_next_change() -> None:
    assert re.search(
        r"^## \[Unreleased\]\n\n### (Added|Changed|Fixed|Removed|Security)$",
        read("CHANGELOG.md"),
        re.MULTILINE,
    )


def test_continuous_integration_pins_what_it_borrows() -> None:
    used = re.findall(r"uses: (\S+)(.*)", read(".github/workflows/ci.yml"))
    assert used
    assert [
        name for name, note in used if not re.search(r"@[0-9a-f]{40}$", name) or not note.startswith(" # v")
    ] == []


def test_continuous_integration_runs_what_a_person_runs() -> None:
    workflow = read(".github/workflows/ci.yml")
    assert re.findall(r"run: (make \w+)", workflow) == ["make test", "make check", "make coverage"]
    assert 'python: ["3.11", "3.12", "3.13"]' in workflow
    assert read(".ci/run").splitlines()[-1] == "make test"
    assert os.access(ROOT / ".ci" / "run", os.X_OK)

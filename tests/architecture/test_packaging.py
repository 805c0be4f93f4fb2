"""What we depend on is bounded, and what we ship is whole."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
POLICIES = sorted(file.name for file in (ROOT / "policies").iterdir())
BOUNDED = re.compile(r"[A-Za-z0-9_.-]+(?:\[[a-z,]+\])?>=[0-9.]+,<[0-9.]+")


def every_dependency() -> list[str]:
    project = PYPROJECT["project"]
    groups = [*project["optional-dependencies"].values(), *PYPROJECT["dependency-groups"].values()]
    return [
        *PYPROJECT["build-system"]["requires"],
        *project["dependencies"],
        *(name for group in groups for name in group),
    ]


@pytest.mark.parametrize("dependency", every_dependency())
def test_every_dependency_is_bounded_at_both_ends(dependency: str) -> None:
    assert BOUNDED.fullmatch(dependency)


@pytest.mark.parametrize("dependency", ["httpx2", "mcp>=2.3", "ccxt<5", "mcp==2.3", "mcp>=2.3,<3,!=2.4"])
def test_an_unbounded_dependency_is_noticed(dependency: str) -> None:
    assert not BOUNDED.fullmatch(dependency)


def test_python_is_bounded_at_both_ends() -> None:
    assert PYPROJECT["project"]["requires-python"] == ">=3.11,<3.14"


def test_the_lock_takes_everything_from_the_public_index_by_hash() -> None:
    strangers = [
        package["name"]
        for package in LOCK["package"]
        if package["source"] not in ({"registry": "https://pypi.org/simple"}, {"editable": "."})
    ]
    files = [
        file for package in LOCK["package"] for file in [*package.get("wheels", ()), package.get("sdist")] if file
    ]
    assert strangers == []
    assert [file for file in files if not file["url"].startswith("https://files.pythonhosted.org/")] == []
    assert [file for file in files if not file["hash"].startswith("sha256:")] == []


def test_the_lock_is_the_lock_of_this_project() -> None:
    ours = next(package for package in LOCK["package"] if package["name"] == "trading-mcp")
    locked = {entry["name"]: entry["specifier"] for entry in ours["metadata"]["requires-dist"]}
    wanted = [*PYPROJECT["project"]["dependencies"]]
    wanted += [name for extra in PYPROJECT["project"]["optional-dependencies"].values() for name in extra]
    assert locked == dict(re.fullmatch(r"([\w.-]+)(.*)", name).groups() for name in wanted)  # type: ignore[union-attr]


def test_every_ignored_lint_rule_has_a_written_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = text[text.index("[tool.ruff.lint]") : text.index("[tool.ruff.lint.mccabe]")]
    rules = [line for line in section.splitlines() if re.match(r'\s+"[A-Z]+[0-9]*",', line)]
    assert rules
    assert [line for line in rules if not re.search(r"# \S", line)] == []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as hatchling builds it here and now, without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_carries_the_policies_and_the_types(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as content:
        inside = set(content.namelist())
    assert {f"trading_mcp/policies/{name}" for name in POLICIES} <= inside
    assert "trading_mcp/py.typed" in inside


def test_the_wheel_carries_nothing_but_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as content:
        roots = {name.split("/", 1)[0] for name in content.namelist()}
    assert {root for root in roots if not root.endswith(".dist-info")} == {"trading_mcp"}


ASK = """
import sys, trading_mcp
from trading_mcp.adapters.config import policies
assert trading_mcp.__file__.startswith(sys.prefix), trading_mcp.__file__
folder = policies.policies_folder()
print(sorted(file.name for file in folder.iterdir()))
print([bool(policies.policy_text(name)) for name in policies.policy_names()])
"""


def test_an_installed_wheel_finds_its_own_policies(wheel: Path, tmp_path: Path) -> None:
    # A real environment of its own, from another working directory: nothing of the checkout is in reach.
    uv = Path(sys.executable).with_name("uv")
    fresh = tmp_path / "fresh"
    quiet = ["--quiet", "--offline", "--no-config"]
    subprocess.run([uv, "venv", *quiet, "--python", sys.executable, fresh], check=True)
    python = fresh / "bin" / "python"
    subprocess.run([uv, "pip", "install", *quiet, "--no-deps", "--python", python, wheel], check=True)
    done = subprocess.run([python, "-I", "-c", ASK], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    listed, readable = done.stdout.splitlines()
    assert listed == str(POLICIES)
    assert "False" not in readable


def test_a_checkout_finds_the_policies_that_people_edit() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from trading_mcp.adapters.config import policies; print(policies.policies_folder())",
        ],
        cwd=ROOT.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(ROOT / "policies")


@pytest.mark.slow
def test_where_nothing_can_be_downloaded_setup_says_what_to_do(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "uv.lock"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    folders = [folder for folder in os.environ["PATH"].split(os.pathsep) if not Path(folder, "uv").exists()]
    cut_off = {"PATH": os.pathsep.join(folders), "HOME": str(tmp_path), "PIP_NO_INDEX": "1"}

    def made_by(python: str) -> subprocess.CompletedProcess[str]:
        words = f"make setup PYTHON={python}".split()
        return subprocess.run(
            words, cwd=tmp_path, env=cut_off, capture_output=True, text=True, check=False, timeout=120
        )

    done = made_by(sys.executable)
    assert done.returncode != 0
    assert "see that this machine reaches its package index; then: make setup" in done.stderr
    assert not (tmp_path / ".venv/.made-from-lock").exists()
    none = made_by("/nowhere/python")
    assert "found none: install one, or say make setup PYTHON=<its path>." in none.stderr
    assert "Nothing was set up" not in none.stderr

"""Homes for tests: short paths, since a socket's path has to be short, and what a home says of itself."""

import json
import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from trading_mcp.place import Place

NOBODY = 65_534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Generator[Path]:
    """A folder with a short path, which is where this user's data is."""
    folder = Path(tempfile.mkdtemp(prefix="tm"))
    monkeypatch.setenv("XDG_DATA_HOME", str(folder))
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("TRADING_MCP_HOME", raising=False)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)  # a desk that came second may still be leaving


@pytest.fixture
def nobody() -> Generator[Path]:
    """A folder of another user, as which the test then runs; needs root."""
    folder = Path(tempfile.mkdtemp(prefix="tm"))
    os.chown(folder, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    yield folder
    os.seteuid(0)
    shutil.rmtree(folder)


def mirrored(place: Place, mode: str = "SIMULATED", name: str | None = None) -> Place:
    folder = Path(place.path)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    says = {"v": 1, "name": name or place.name, "mode": mode, "fake_venues": False}
    (folder / "home.json").write_text(json.dumps(says))
    (folder / "home.json").chmod(0o600)
    return place

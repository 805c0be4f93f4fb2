"""A desk for a whole module, and one for a single test."""

import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.cli.desks import DeskProcess


@pytest.fixture
def data() -> Generator[Path]:
    """A folder with a short path, since a socket's path has to be short."""
    folder = Path(tempfile.mkdtemp(prefix="tm"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def desk(data: Path) -> Generator[DeskProcess]:
    made = DeskProcess(data)
    yield made.start()
    made.end()

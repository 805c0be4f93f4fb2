"""A folder for a person's key, a clock that is moved by hand, and a person who has enrolled."""

from pathlib import Path

import pytest

from tests.adapters.approvals.room import MINE, NOW, Room, keystore
from trading_mcp.adapters.approvals.keystore import Keystore
from trading_mcp.adapters.system.clock import VirtualClock
from trading_mcp.core.domain.market import MINUTE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "user" / "approver"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOW, boot=7 * MINUTE)


@pytest.fixture
def store(folder: Path, clock: VirtualClock) -> Keystore:
    made = keystore(folder, clock)
    made.enroll(MINE)
    return made


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)

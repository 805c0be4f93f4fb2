"""What was told before a start is remembered, and a memory that cannot be read costs one repetition and no start."""

from pathlib import Path

import pytest

from trading_mcp.adapters.config.settings import Settings
from trading_mcp.bootstrap.alerts import Remembered, sender_of, ways_to_owner
from trading_mcp.core.domain.home import Home, Mode


def test_what_is_kept_is_found_by_the_next_start(tmp_path: Path) -> None:
    assert Remembered(tmp_path).load() == frozenset()
    Remembered(tmp_path).keep(frozenset({"b", "a"}))
    assert Remembered(tmp_path).load() == {"a", "b"}
    assert (tmp_path / "told.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff", b'{"a": 1}', b"7", b"[" * 100_000, b'["a"' + b" " * (1 << 20)]
)
def test_what_cannot_be_read_is_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "told.json").write_bytes(content)
    assert Remembered(tmp_path).load() == frozenset()


def test_a_folder_in_its_place_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "told.json").mkdir()
    assert Remembered(tmp_path).load() == frozenset()


def test_an_owner_of_several_homes_sees_which_one_speaks() -> None:
    assert sender_of(Home(name="mine", mode=Mode.PAPER, cash={})) == "mine, PAPER: "


def test_the_settings_choose_the_ways() -> None:
    settings = Settings(alert_url="ntfys://ntfy.sh/x")
    assert [way.name for way in ways_to_owner(settings, {})] == ["ntfys://"]
    assert "ntfy.sh" not in repr(settings)

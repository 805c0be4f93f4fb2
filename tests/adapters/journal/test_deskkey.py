"""The desk's own key: made once, private, and missed when it is gone."""

from pathlib import Path

import pytest

from trading_mcp.adapters.journal.deskkey import KEY, load_key, make_key
from trading_mcp.errors import JournalDamaged, JournalUnwritable


def test_a_key_is_made_once_and_stays(tmp_path: Path) -> None:
    first = make_key(tmp_path)
    assert make_key(tmp_path).public == first.public == load_key(tmp_path).public
    assert (tmp_path / KEY).stat().st_mode & 0o777 == 0o600


def test_a_missing_damaged_or_open_key_signs_nothing(tmp_path: Path) -> None:
    with pytest.raises(JournalDamaged, match="missing or damaged"):
        load_key(tmp_path)
    make_key(tmp_path)
    (tmp_path / KEY).chmod(0o644)
    with pytest.raises(JournalUnwritable, match="can be opened by other users"):
        load_key(tmp_path)
    (tmp_path / KEY).chmod(0o600)
    (tmp_path / KEY).write_bytes(b"x" * 31)
    with pytest.raises(JournalDamaged, match="missing or damaged"):
        load_key(tmp_path)

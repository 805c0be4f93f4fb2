"""The file HALT stops trading however it came there, and is put up even where nothing can be written."""

import os
from pathlib import Path

import pytest

from tests.places import as_root, nobody
from trading_mcp.adapters.journal import files
from trading_mcp.adapters.system import haltfile
from trading_mcp.adapters.system.haltfile import HALT, READY, HaltFile

_ = nobody


def test_a_fresh_home_may_trade_and_holds_the_file_ready(tmp_path: Path) -> None:
    halt = HaltFile(tmp_path)
    halt.arm()
    halt.arm()
    assert not halt.stands()
    assert [entry.name for entry in tmp_path.iterdir()] == [READY]
    assert (tmp_path / READY).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kind", ["file", "folder", "pipe", "link", "dangling link"])
def test_anything_of_that_name_halts(kind: str, tmp_path: Path) -> None:
    path = tmp_path / HALT
    match kind:
        case "file":
            path.touch(0o000)
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "link":
            path.symlink_to(tmp_path)
        case _:
            path.symlink_to(tmp_path / "nowhere")
    halt = HaltFile(tmp_path)
    assert halt.stands()
    assert halt.put_up()
    halt.arm()
    assert not (tmp_path / READY).exists()


def test_it_is_put_up_by_renaming_and_otherwise_made(tmp_path: Path) -> None:
    halt = HaltFile(tmp_path)
    halt.arm()
    inode = (tmp_path / READY).stat().st_ino
    assert halt.put_up()
    assert (tmp_path / HALT).stat().st_ino == inode
    assert not (tmp_path / READY).exists()
    (tmp_path / HALT).unlink()
    assert not halt.stands()
    assert halt.put_up()
    assert halt.put_up()
    assert halt.stands()


def test_a_home_that_is_gone_trades_no_more(tmp_path: Path) -> None:
    for home in (tmp_path / "gone", tmp_path / "file" / "home"):
        (tmp_path / "file").touch()
        halt = HaltFile(home)
        assert halt.stands()
        assert not halt.put_up()


@as_root
def test_a_home_that_one_may_not_look_into_trades_no_more(nobody: Path) -> None:
    nobody.chmod(0o000)
    assert HaltFile(nobody).stands()


@as_root
def test_where_it_cannot_be_put_up_that_is_said(nobody: Path) -> None:
    nobody.chmod(0o500)
    halt = HaltFile(nobody)
    assert not halt.put_up()
    assert not halt.stands()


def test_the_journal_and_the_system_mean_the_same_file(tmp_path: Path) -> None:
    assert (files.HALT, files.HALT_READY) == (haltfile.HALT, haltfile.READY)
    halt = HaltFile(tmp_path)
    halt.arm()
    assert files.raise_halt(tmp_path)
    assert halt.stands()
    assert not (tmp_path / READY).exists()

"""One desk per home and per account, among real processes: who is second is told who was first."""

import contextlib
import errno
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.adapters.system import holder
from tests.places import as_root, nobody, short
from trading_mcp.adapters.system import lock as locks
from trading_mcp.adapters.system.lock import HOLDER, accounts_folder, hold, hold_account, hold_home
from trading_mcp.errors import Exit, HomeHeld, HomeUnsafe, HomeUnusable

_ = (short, nobody)
PATIENCE = 10.0


@contextlib.contextmanager
def held(folder: Path, account: str = "", leaves: str = "") -> Generator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, str(holder.__file__), str(folder), account, leaves]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def is_free(folder: Path) -> bool:
    """Whether the lock can be had within a bounded time; a kill is not felt at once."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(HomeHeld):
            hold_home(folder).release()
            return True
        time.sleep(0.01)
    return False


def test_a_second_desk_on_the_same_home_is_told_the_first_ones_process(tmp_path: Path) -> None:
    with held(tmp_path) as (first, said):
        assert said == "held True 0"
        with held(tmp_path) as (second, refusal):
            assert refusal == (
                f"Another desk (process {first.pid}) holds the home {tmp_path}. Use that one, or stop it first."
            )
            assert second.wait(PATIENCE) == Exit.FAILED
        with pytest.raises(HomeHeld, match=f"process {first.pid}"):
            hold_home(tmp_path)


def test_in_one_process_it_is_held_once_too(tmp_path: Path) -> None:
    lock = hold_home(tmp_path)
    with pytest.raises(HomeHeld, match=f"process {os.getpid()}"):
        hold_home(tmp_path)
    lock.release()
    lock.release()
    assert not lock.stands
    hold_home(tmp_path).release()


def test_a_kill_releases_it_and_what_the_dead_desk_wrote_holds_nothing(tmp_path: Path) -> None:
    with held(tmp_path) as (process, _said):
        process.send_signal(signal.SIGKILL)
        assert is_free(tmp_path)
        assert (tmp_path / HOLDER).exists()


@pytest.mark.parametrize("leaves", ["spawned", "forked"])
def test_a_child_does_not_keep_it_after_its_desk_died(leaves: str, tmp_path: Path) -> None:
    with held(tmp_path, leaves=leaves) as (process, said):
        child = int(said.split()[2])
        with pytest.raises(HomeHeld):
            hold_home(tmp_path)
        process.kill()
        process.wait()
        try:
            os.kill(child, 0)
            assert is_free(tmp_path)
            os.kill(child, 0)
        finally:
            os.kill(child, signal.SIGKILL)


def test_a_child_that_ends_does_not_take_its_parents_lock_along(tmp_path: Path) -> None:
    lock = hold_home(tmp_path)
    done = subprocess.run([sys.executable, "-c", "pass"], close_fds=False, check=True)
    assert done.returncode == 0
    assert lock.stands
    with pytest.raises(HomeHeld):
        hold_home(tmp_path)
    lock.release()


def test_removing_what_the_holder_wrote_lets_nobody_in(tmp_path: Path) -> None:
    lock = hold_home(tmp_path)
    (tmp_path / HOLDER).unlink()
    with pytest.raises(HomeHeld, match="its process is not known"):
        hold_home(tmp_path)
    lock.release()


@pytest.mark.parametrize("said", ["", "init", "-1", "\uff11\uff12", "1" * 15 + "x"])
def test_what_is_no_number_is_not_repeated(said: str, tmp_path: Path) -> None:
    lock = hold_home(tmp_path)
    (tmp_path / HOLDER).write_text(said, encoding="utf-8")
    with pytest.raises(HomeHeld, match="its process is not known"):
        hold_home(tmp_path)
    lock.release()


def test_all_spellings_of_a_path_are_one_home(tmp_path: Path) -> None:
    (tmp_path / "My Größe").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "My Größe")
    lock = hold_home(tmp_path / "My Größe")
    for again in (tmp_path / "link", tmp_path / "My Größe" / ".." / "My Größe"):
        with pytest.raises(HomeHeld):
            hold_home(again)
    lock.release()


def test_a_home_that_was_moved_or_made_anew_is_no_longer_held(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    lock = hold_home(home)
    assert lock.stands
    home.rename(tmp_path / "moved")
    assert not lock.stands
    home.mkdir()
    assert not lock.stands
    lock.release()


def test_a_lock_is_not_inherited(tmp_path: Path) -> None:
    lock = hold_home(tmp_path)
    assert not os.get_inheritable(lock._handle)
    lock.release()


def test_no_folder_no_lock(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for wrong, says in ((tmp_path / "file", "Not a directory"), (tmp_path / "gone", "No such file")):
        with pytest.raises(HomeUnusable, match=f"cannot be held: {says}"):
            hold_home(wrong)


def test_a_file_system_without_locks_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_handle: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(HomeUnusable, match="file system without locks"):
        hold_home(tmp_path)


def test_a_disk_that_takes_nothing_more_can_still_be_held(tmp_path: Path) -> None:
    (tmp_path / HOLDER).mkdir()  # nothing can be written there
    lock = hold(tmp_path, "it")
    with pytest.raises(HomeHeld, match="its process is not known"):
        hold(tmp_path, "it")
    lock.release()


# Accounts


def test_two_homes_cannot_trade_on_one_account(tmp_path: Path) -> None:
    with held(tmp_path / "accounts", account="PA3 / x\n") as (first, said):
        assert said == "held True 0"
        with pytest.raises(HomeHeld, match=f"process {first.pid}.* holds the account at alpaca"):
            hold_account(tmp_path / "accounts", "alpaca", "PA3 / x\n")
        for venue, account in (("alpaca", "PA4"), ("coinbase", "PA3 / x\n"), ("Alpaca", "PA3 / x\n"), ("", "")):
            hold_account(tmp_path / "accounts", venue, account).release()


def test_an_accounts_lock_tells_no_account(tmp_path: Path) -> None:
    lock = hold_account(tmp_path / "accounts", "../alpaca", "PA3SECRET")
    assert lock.folder.parent == tmp_path / "accounts"
    assert "SECRET" not in lock.folder.name
    assert (tmp_path / "accounts").stat().st_mode & 0o777 == 0o700
    lock.release()


def test_a_folder_of_locks_that_others_can_open_is_refused(tmp_path: Path) -> None:
    (tmp_path / "accounts").mkdir()
    (tmp_path / "accounts").chmod(0o755)
    with pytest.raises(HomeUnsafe, match="chmod 700"):
        hold_account(tmp_path / "accounts", "alpaca", "PA3")


@as_root
def test_where_no_lock_can_be_made_nothing_trades(nobody: Path) -> None:
    nobody.chmod(0o500)
    with pytest.raises(HomeUnusable, match="cannot be made: Permission denied"):
        hold_account(nobody / "accounts", "alpaca", "PA3")


def test_no_variable_moves_the_locks_of_real_accounts(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = accounts_folder(has_fake_venues=False)
    for variable in ("HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "TMPDIR", "USER", "LOGNAME"):
        monkeypatch.setenv(variable, str(short / "elsewhere"))
    assert accounts_folder(has_fake_venues=False) == before
    assert accounts_folder(has_fake_venues=True) == short / "elsewhere" / "trading-mcp" / "fake-accounts"
    assert accounts_folder(has_fake_venues=False, platform="darwin").parts[-4:] == (
        "Library",
        "Application Support",
        "trading-mcp",
        "accounts",
    )


@as_root
def test_a_user_whom_the_system_does_not_list_has_no_place_for_locks() -> None:
    os.seteuid(54_321)
    try:
        with pytest.raises(HomeUnusable, match="User 54321 has no entry"):
            accounts_folder(has_fake_venues=False)
    finally:
        os.seteuid(0)


def test_a_forked_child_closes_every_lock(tmp_path: Path) -> None:
    lock = hold_home(tmp_path)
    locks._drop_in_child()
    assert not lock.stands
    hold_home(tmp_path).release()

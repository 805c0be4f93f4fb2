"""A home is made whole or can be gone on with, is opened only while private, and keeps its name and mode for life."""

import os
import resource
import shlex
import stat
import subprocess
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tests.places import NOBODY, as_root, mirrored, nobody, short
from trading_mcp.adapters.system.home import (
    ENTRIES_MAX,
    HomeFolder,
    homes,
    keep_private,
    mode_of,
    open_home,
    prepare,
    settle,
)
from trading_mcp.core.domain.home import Home, Mode
from trading_mcp.errors import Exit, HomeUnknown, HomeUnsafe, HomeUnusable, TradingMcpError, UsageInvalid
from trading_mcp.place import Place, homes_folder, located, mirror_of

_ = (short, nobody)
pytestmark = pytest.mark.usefixtures("short")


def home(name: str = "mine", mode: Mode = Mode.PAPER, *, fake_venues: bool = False) -> Home:
    return Home(name=name, mode=mode, cash={"USD": Decimal(100)}, fake_venues=fake_venues)


def finished(place: Place, mode: Mode = Mode.PAPER) -> HomeFolder:
    """A home as `home new` leaves it."""
    folder = prepare(place, mode, "# settings\n")
    folder.journal.touch(0o600)
    settle(folder, home(place.name, mode))
    return folder


def refused(kind: type[TradingMcpError], act: Callable[[], object], says: str = "") -> TradingMcpError:
    with pytest.raises(kind, match=says or None) as caught:
        act()
    assert str(caught.value).isprintable()
    assert caught.value.message.endswith(".")
    return caught.value


# Modes


@pytest.mark.parametrize("mode", ["SIMULATED", "PAPER", "DRY", "LIVE"])
def test_a_mode_is_spelled_one_way(mode: str) -> None:
    assert mode_of(mode).value == mode


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "paper",
            "Paper",
            "pAPER",
            "PAPER ",
            " PAPER",
            "PAPER\n",
            "PAPER\0",
            "PAPER.",
            '"PAPER"',
            "'PAPER'",
        ),
        *("live", "Live", "LIVE ", "L1VE", "LlVE", "ＬＩＶＥ", "LI\u200bVE", "\u202eEVIL", "LIVE=1", "Mode.LIVE"),  # noqa: RUF001
        *("BACKTEST", "true", "True", "1", "0", "yes", "no", "false", "none", "None", "null", "real", "demo", "SIM"),
        *("simulated", "dry", "dry-run", "DRY_RUN", "PAPER,LIVE", "PAPER LIVE", "x" * 10_000),
    ],
)
def test_every_other_spelling_is_refused_and_told_the_right_ones(text: str) -> None:
    error = refused(UsageInvalid, lambda: mode_of(text))
    assert error.exit_code is Exit.USAGE
    assert error.next_step == "Write one of SIMULATED, PAPER, DRY, LIVE, exactly so."
    assert len(str(error)) < 200


# Making


def test_a_new_home_is_its_owners_alone_whatever_the_umask(short: Path) -> None:
    before = os.umask(0)
    try:
        folder = finished(located("mine"))
    finally:
        os.umask(before)
    modes = {
        entry.relative_to(folder.path).as_posix(): stat.S_IMODE(entry.stat().st_mode)
        for entry in [folder.path, *folder.path.rglob("*")]
    }
    assert modes == {
        ".": 0o700,
        "logs": 0o700,
        "HALT.off": 0o600,
        "home.json": 0o600,
        "journal.db": 0o600,
        "settings.toml": 0o600,
    }
    assert folder.path == short / "trading-mcp" / "homes" / "mine"
    assert open_home(located("mine")).path == folder.path
    assert not folder.haltfile.stands()
    assert (folder.venue.name, folder.views.name) == ("venue.db", "views.db")


def test_a_home_is_not_made_twice() -> None:
    finished(located("mine"))
    error = refused(HomeUnusable, lambda: prepare(located("mine"), Mode.PAPER), "exists already")
    assert error.next_step == "Open it, or choose another name."


def test_a_home_that_was_never_finished_is_gone_on_with_and_what_was_set_in_it_stays() -> None:
    folder = prepare(located("mine"), Mode.PAPER, "# first\n")
    error = refused(HomeUnknown, lambda: open_home(located("mine")), "never finished")
    assert error.next_step == "Finish it: trading-mcp home new mine"
    prepare(located(), Mode.SIMULATED)
    assert refused(HomeUnknown, lambda: open_home(located())).next_step == f"Finish it: {located().command('desk')}"
    again = prepare(located("mine"), Mode.PAPER, "# second\n")
    assert again.path == folder.path
    assert again.settings.read_text() == "# first\n"


def test_a_folder_with_anything_else_in_it_does_not_become_a_home(
    short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (short / "work").mkdir(mode=0o700)
    (short / "work" / "thesis\x1b.txt").touch()
    monkeypatch.setenv("TRADING_MCP_HOME", str(short / "work"))
    refused(HomeUnusable, lambda: prepare(located(), Mode.PAPER), r"is no empty folder: it holds thesis\?")


def test_an_empty_folder_that_others_can_open_does_not_become_one(
    short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (short / "work").mkdir()
    (short / "work").chmod(0o755)
    monkeypatch.setenv("TRADING_MCP_HOME", str(short / "work"))
    error = refused(HomeUnsafe, lambda: prepare(located(), Mode.PAPER))
    assert error.next_step == f"Close it to them: chmod 700 {short / 'work'}"


@pytest.mark.parametrize("mode", [Mode.DRY, Mode.LIVE])
def test_no_home_with_a_real_account_is_made_at_a_path_from_the_environment(
    mode: Mode, short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADING_MCP_HOME", str(short / "mine"))
    refused(HomeUnusable, lambda: prepare(located(), mode), "is reached by its name only")
    assert not (short / "mine").exists()


def test_a_backtest_has_no_home() -> None:
    refused(UsageInvalid, lambda: prepare(located("mine"), Mode.BACKTEST))


@pytest.mark.parametrize(
    "name", ["My Desk", "Größe 日本", "x" * 200, "it's", "a'; rm -rf $HOME #", "-rf", "new\nline"]
)
def test_odd_paths_are_homes_like_any_other(name: str, short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = short / name
    monkeypatch.setenv("TRADING_MCP_HOME", str(path))
    folder = finished(located())
    assert folder.path == path
    assert open_home(located()).path == path
    folder.journal.chmod(0o644)
    error = refused(HomeUnsafe, lambda: open_home(located()))
    if str(path).isprintable():
        subprocess.run(shlex.split(error.next_step.removeprefix("Close it to them: ")), check=True)
        open_home(located())


def test_a_linked_home_is_the_folder_it_leads_to(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADING_MCP_HOME", str(short / "real"))
    finished(located())
    (short / "link").symlink_to(short / "real")
    monkeypatch.setenv("TRADING_MCP_HOME", str(short / "link"))
    assert open_home(located()).path == short / "real"


def test_a_file_where_a_folder_should_be(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (short / "file").touch()
    for path in (short / "file", short / "file" / "home"):
        monkeypatch.setenv("TRADING_MCP_HOME", str(path))
        refused(HomeUnusable, lambda: prepare(located(), Mode.PAPER), "cannot be made")
    monkeypatch.setenv("TRADING_MCP_HOME", str(short / "file"))
    refused(HomeUnusable, lambda: open_home(located()), "is no folder")


def test_a_name_longer_than_any_disk_takes(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADING_MCP_HOME", f"/{'x' * 300}")
    error = refused(HomeUnusable, located, "File name too long")
    assert (error.exit_code, error.next_step) == (Exit.FAILED, "Choose a shorter path for it.")
    assert len(str(error)) < 200
    place = Place("mine", f"{short}/{'x' * 300}")
    refused(HomeUnusable, lambda: prepare(place, Mode.PAPER), "File name too long")


def test_on_a_full_disk_space_is_asked_for_and_not_another_place() -> None:
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, most[1]))  # no file can grow, as on a disk without space
    try:
        error = refused(HomeUnusable, lambda: prepare(located("mine"), Mode.PAPER, "# settings"), "cannot be made")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, most)
    assert error.next_step == "Free space on its disk, then start again."


@as_root
def test_where_nothing_may_be_written(nobody: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADING_MCP_HOME", str(nobody / "deep" / "mine"))
    nobody.chmod(0o500)
    refused(HomeUnusable, lambda: prepare(located(), Mode.PAPER), "cannot be made: Permission denied")
    nobody.chmod(0o700)
    folder = finished(located())
    (folder.path / "home.json").unlink()
    folder.path.chmod(0o500)
    refused(HomeUnusable, lambda: settle(folder, home()), "cannot be made: Permission denied")
    folder.path.chmod(0o700)
    folder.logs.rmdir()
    folder.path.chmod(0o500)
    refused(HomeUnusable, lambda: open_home(located()), "cannot be opened: Permission denied")


# Opening


def test_no_home_no_desk() -> None:
    error = refused(HomeUnknown, lambda: open_home(located("papre")), "There is no home papre")
    assert error.exit_code is Exit.USAGE
    assert "trading-mcp home new" in error.next_step


@pytest.mark.parametrize("mode", [0o710, 0o701, 0o750, 0o755, 0o770, 0o777])
def test_a_home_that_others_can_enter_is_not_opened(mode: int) -> None:
    folder = finished(located("mine"))
    folder.path.chmod(mode)
    error = refused(HomeUnsafe, lambda: open_home(located("mine")))
    assert error.exit_code is Exit.UNSOUND
    assert error.next_step == f"Close it to them: chmod 700 {folder.path}"


@pytest.mark.parametrize(
    "name", ["journal.db", "journal.db-wal", "venue.db", "views.db", "settings.toml", "home.json"]
)
@pytest.mark.parametrize("mode", [0o604, 0o620, 0o640, 0o644, 0o666])
def test_state_that_others_can_open_is_named_with_the_command_that_closes_it(name: str, mode: int) -> None:
    folder = finished(located("mine"))
    path = folder.path / name
    path.touch()
    path.chmod(mode)
    error = refused(HomeUnsafe, lambda: open_home(located("mine")))
    assert error.message == f"{path} can be opened by other users (mode {mode:04o})."
    subprocess.run(shlex.split(error.next_step.removeprefix("Close it to them: ")), check=True)
    open_home(located("mine"))


def test_what_the_desktop_leaves_and_a_hasty_halt_keep_no_desk_from_starting() -> None:
    folder = finished(located("mine"))
    for name in (".DS_Store", "HALT", "HALT.off"):
        (folder.path / name).touch()
        (folder.path / name).chmod(0o644)
    assert open_home(located("mine")).haltfile.stands()


@as_root
@pytest.mark.parametrize("name", [".", "journal.db", "logs"])
def test_state_of_another_user_is_not_opened(name: str) -> None:
    folder = finished(located("mine"))
    os.chown(folder.path / name, NOBODY, NOBODY)
    refused(HomeUnsafe, lambda: open_home(located("mine")), "belongs to another user")


def test_state_that_is_a_link_is_not_followed(short: Path) -> None:
    folder = finished(located("mine"))
    folder.journal.rename(short / "elsewhere.db")
    folder.journal.symlink_to(short / "elsewhere.db")
    refused(HomeUnsafe, lambda: open_home(located("mine")), "journal.db is a link")


def test_a_home_full_of_other_things_is_not_searched() -> None:
    folder = finished(located("mine"))
    for number in range(ENTRIES_MAX):
        (folder.path / f"{number}").touch(0o600)
    refused(HomeUnsafe, lambda: open_home(located("mine")), "holds 1,005 files")


@pytest.mark.parametrize("mode", [Mode.DRY, Mode.LIVE])
def test_a_variable_opens_no_home_with_a_real_account(mode: Mode) -> None:
    folder = finished(located("mine"), mode)
    by_path = Place("mine", str(folder.path), is_by_path=True)
    refused(HomeUnusable, lambda: open_home(by_path), "is reached by its name only")
    (folder.path / "home.json").unlink()
    # Nothing says so any more but the journal, which is asked before anything trades.
    refused(HomeUnusable, lambda: settle(open_home(by_path), home("mine", mode)), "is reached by its name only")


# What the journal says


def test_a_mirror_that_is_missing_is_made_anew_from_the_journal() -> None:
    folder = finished(located("mine"))
    (folder.path / "home.json").unlink()
    settle(folder, home(fake_venues=True))
    mirror = mirror_of(located("mine"))
    assert mirror is not None
    assert (mirror.name, mirror.mode, mirror.has_fake_venues) == ("mine", "PAPER", True)
    settle(folder, home(fake_venues=True))


@pytest.mark.parametrize("truth", [home(mode=Mode.LIVE), home(mode=Mode.SIMULATED), home(fake_venues=True)])
def test_a_mirror_that_says_something_else_than_the_journal_stops_the_start(truth: Home) -> None:
    folder = finished(located("mine"))
    error = refused(HomeUnsafe, lambda: settle(folder, truth), "home.json calls the home mine and PAPER")
    assert error.exit_code is Exit.UNSOUND


def test_a_renamed_folder_is_not_another_home() -> None:
    folder = finished(located("mine"))
    folder.path.rename(folder.path.with_name("other"))
    renamed = open_home(located("other"))
    error = refused(HomeUnsafe, lambda: settle(renamed, home("mine")), "holds the home mine")
    assert "rename the folder back" in error.next_step


# Lists


def test_homes_are_listed_by_name_with_what_they_say() -> None:
    assert homes() == ()
    for name, mode in (("b", Mode.LIVE), ("a", Mode.SIMULATED)):
        finished(located(name), mode)
    finished(located("c"))
    Path(located("c").path, "home.json").write_text("{}")
    prepare(located("d"), Mode.PAPER)
    Path(homes_folder(), "Not A Home").mkdir()
    Path(homes_folder(), "file").touch()
    listed = homes()
    assert [(each.name, each.mirror.mode if each.mirror else each.problem) for each in listed] == [
        ("a", "SIMULATED"),
        ("b", "LIVE"),
        ("c", f"{homes_folder()}/c/home.json does not say which home this is."),
        ("d", "It does not say its mode; its next start will."),
    ]


def test_a_list_that_cannot_be_read_is_said(short: Path) -> None:
    (short / "file").touch()
    refused(HomeUnusable, lambda: homes(str(short / "file")), "cannot be read: Not a directory")


def test_a_desk_makes_nothing_that_others_can_open() -> None:
    before = os.umask(0o022)
    try:
        keep_private()
        assert os.umask(0o022) == 0o077
    finally:
        os.umask(before)


def test_a_home_found_by_path_keeps_the_name_it_was_given(short: Path) -> None:
    place = mirrored(Place("home-1234", str(short / "My Desk"), is_by_path=True), name="mine")
    assert located(None, {"TRADING_MCP_HOME": place.path}).name == "mine"

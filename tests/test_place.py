"""Where homes are, what they may be called, and which of them an environment variable may lead to."""

import json
import os
import shlex
import stat
import subprocess
from pathlib import Path

import pytest

from tests.places import NOBODY, as_root, mirrored, nobody, short
from trading_mcp import place as places
from trading_mcp.core.domain.home import Mode
from trading_mcp.errors import Exit, HomeUnsafe, HomeUnusable, UsageInvalid
from trading_mcp.place import (
    GUARDED,
    MODES,
    SOCKET_PATH_MAX,
    Place,
    homes_folder,
    located,
    mirror_of,
    program,
    require_private,
    require_reachable,
    runtime_folder,
    shown,
    socket_path,
    spelled,
)

_ = (short, nobody)
ANA = {"HOME": "/ana"}


def test_the_modes_named_here_are_those_of_the_domain() -> None:
    assert {Mode(mode) for mode in MODES} == set(Mode) - {Mode.BACKTEST}
    assert {Mode(mode) for mode in GUARDED} == {mode for mode in Mode if mode.is_guarded}


@pytest.mark.parametrize(
    ("environ", "platform", "folder"),
    [
        (ANA, "linux", "/ana/.local/share/trading-mcp/homes"),
        (ANA | {"XDG_DATA_HOME": "/data"}, "linux", "/data/trading-mcp/homes"),
        (ANA | {"XDG_DATA_HOME": ""}, "linux", "/ana/.local/share/trading-mcp/homes"),
        (ANA | {"XDG_DATA_HOME": "data"}, "linux", "/ana/.local/share/trading-mcp/homes"),
        (ANA, "darwin", "/ana/Library/Application Support/trading-mcp/homes"),
        (ANA | {"XDG_DATA_HOME": "/data"}, "darwin", "/ana/Library/Application Support/trading-mcp/homes"),
    ],
)
def test_homes_are_where_the_platform_keeps_a_users_data(environ: dict[str, str], platform: str, folder: str) -> None:
    assert homes_folder(environ, platform) == folder


def test_without_a_home_in_the_environment_the_system_is_asked() -> None:
    assert homes_folder({}, "linux") == homes_folder({"HOME": str(Path.home())}, "linux")


def test_a_user_without_any_folder_is_told_to_name_one() -> None:
    with pytest.raises(HomeUnusable) as refused:
        homes_folder({"HOME": "ana"}, "linux")
    assert refused.value.next_step == "Set HOME to an absolute path."


@pytest.mark.parametrize("name", ["simulated", "a", "7", "live-2", "paper_alpaca", "x" * 32])
def test_a_home_is_found_by_its_name(name: str) -> None:
    place = located(name, ANA, "linux")
    assert (place.name, place.path, place.is_by_path) == (name, f"/ana/.local/share/trading-mcp/homes/{name}", False)
    assert str(place) == name
    assert place.command("desk") == f"{program()} desk --home {name}"


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "a b",
        "A",
        "Live",
        "-a",
        "_a",
        ".",
        "..",
        ".a",
        "a/b",
        "../a",
        "a\n",
        "a\0",
        "ä",
        "\u0430",
        "x" * 33,
        "a.b",
        "~",
    ],
)
def test_any_other_name_is_a_usage_error(name: str) -> None:
    with pytest.raises(UsageInvalid) as refused:
        located(name, ANA, "linux")
    assert refused.value.exit_code is Exit.USAGE
    assert refused.value.next_step == "Use 1 to 32 small letters, digits, - and _, beginning with a letter or digit."
    assert str(refused.value).isprintable()
    assert len(refused.value.message) < 120


def test_nothing_named_means_the_simulated_home() -> None:
    assert located(None, ANA, "linux").name == "simulated"


def test_a_path_in_the_environment_is_a_home_and_a_name_given_goes_before_it() -> None:
    environ = ANA | {"TRADING_MCP_HOME": "/srv//desks/../desks/First"}
    place = located(None, environ, "linux")
    assert (place.name, place.path, place.is_by_path) == ("first", "/srv/desks/First", True)
    assert str(place) == "at /srv/desks/First"
    assert place.command("desk") == f"TRADING_MCP_HOME=/srv/desks/First {program()} desk"
    assert located("other", environ, "linux").name == "other"


@pytest.mark.parametrize("path", ["/srv/My Desk", "/srv/Größe", "/", "/srv/" + "x" * 200, "/srv/\u202eksed"])
def test_a_folder_with_another_kind_of_name_gets_one_that_is_always_the_same(path: str) -> None:
    place = located(None, {"TRADING_MCP_HOME": path}, "linux")
    assert place.name.startswith("home-")
    assert place.name == located(None, {"TRADING_MCP_HOME": path}, "linux").name
    assert places.is_name(place.name)
    assert str(place).isprintable()
    assert place.command("desk").isprintable()


@pytest.mark.parametrize("path", ["", "desk", "./desk", "~/desk", "C:\\desk"])
def test_a_path_that_depends_on_where_one_stands_is_refused(path: str) -> None:
    with pytest.raises(UsageInvalid, match="no absolute path"):
        located(None, {"TRADING_MCP_HOME": path}, "linux")


@pytest.mark.parametrize("mode", MODES)
def test_a_variable_leads_to_no_home_that_knows_a_real_account(mode: str, short: Path) -> None:
    mirrored(Place("mine", str(short / "mine")), mode)
    (short / "alias").symlink_to(short / "mine")
    for path in (short / "mine", short / "alias"):
        if mode in GUARDED:
            with pytest.raises(HomeUnusable, match=f"leads to a {mode} home"):
                located(None, {"TRADING_MCP_HOME": str(path)})
        else:
            assert located(None, {"TRADING_MCP_HOME": str(path)}).name == "mine"
    require_reachable(located("mine", {"HOME": str(short)}), mode)


def test_a_home_says_what_it_is(short: Path) -> None:
    place = Place("mine", str(short / "mine"))
    assert mirror_of(place) is None
    mirror = mirror_of(mirrored(place, "PAPER"))
    assert mirror is not None
    assert (mirror.name, mirror.mode, mirror.has_fake_venues) == ("mine", "PAPER", False)


WHOLE = {"v": 1, "name": "mine", "mode": "PAPER", "fake_venues": False}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        json.dumps(WHOLE | {"more": 1}).encode(),
        json.dumps({"v": 1, "name": "mine", "mode": "PAPER"}).encode(),
        json.dumps(WHOLE).encode() + b" " * 5_000,
        *(json.dumps(WHOLE | {"v": v}).encode() for v in (2, "1", None)),
        *(json.dumps(WHOLE | {"name": name}).encode() for name in ("Mine", "", 7)),
        *(json.dumps(WHOLE | {"fake_venues": fake}).encode() for fake in (0, "no", None)),
        *(
            json.dumps(WHOLE | {"mode": mode}).encode()
            for mode in (
                "paper",
                "Paper",
                "PAPER ",
                " PAPER",
                "PAPER\n",
                "",
                "BACKTEST",
                "LIVE\0",
                "true",
                True,
                None,
                1,
            )
        ),
    ],
)
def test_a_home_that_says_it_in_any_other_way_is_unsound(content: bytes, short: Path) -> None:
    place = mirrored(Place("mine", str(short / "mine")))
    (short / "mine" / "home.json").write_bytes(content)
    with pytest.raises(HomeUnsafe) as refused:
        mirror_of(place)
    assert refused.value.exit_code is Exit.UNSOUND
    assert str(short / "mine" / "home.json") in refused.value.message


def test_a_link_a_folder_or_a_pipe_says_nothing(short: Path) -> None:
    (short / "elsewhere").write_text(json.dumps(WHOLE))
    folders = [short / name for name in ("linked", "nested", "piped")]
    for folder in folders:
        folder.mkdir()
    (folders[0] / "home.json").symlink_to(short / "elsewhere")
    (folders[1] / "home.json").mkdir()
    os.mkfifo(folders[2] / "home.json")
    for folder in folders:
        with pytest.raises(HomeUnsafe):
            mirror_of(Place("mine", str(folder)))


def test_where_a_file_stands_there_is_no_home(short: Path) -> None:
    (short / "file").touch()
    assert mirror_of(Place("file", str(short / "file"))) is None


def test_the_socket_is_in_the_home_while_its_path_is_short_enough_for_every_system(short: Path) -> None:
    room = SOCKET_PATH_MAX - len(f"{os.path.realpath(short)}//desk.sock")
    fits, over = (Place("mine", str(short / ("x" * length))) for length in (room, room + 1))
    assert socket_path(fits) == f"{os.path.realpath(fits.path)}/desk.sock"
    assert len(socket_path(fits)) == SOCKET_PATH_MAX
    assert socket_path(over).startswith(runtime_folder())
    assert len(socket_path(over)) <= SOCKET_PATH_MAX


def test_long_paths_get_names_of_their_own_whatever_the_environment_says(
    short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = [str(short / name / ("ü" * 60)) for name in "abc"]
    before = [socket_path(Place("mine", path)) for path in long]
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short))
    monkeypatch.setenv("TMPDIR", str(short))
    assert [socket_path(Place("mine", path)) for path in long] == before
    assert len(set(before)) == len(before)
    (short / "link").symlink_to(long[0])
    assert socket_path(Place("mine", str(short / "link"))) == before[0]


def test_the_runtime_folder_is_the_systems_where_it_made_one_for_us(short: Path) -> None:
    assert runtime_folder(str(short), "/t") == f"/t/trading-mcp-{os.geteuid()}"
    (short / str(os.geteuid())).mkdir()
    assert runtime_folder(str(short), "/t") == f"{short}/{os.geteuid()}/trading-mcp"


@as_root
def test_a_runtime_folder_of_somebody_else_is_not_used(short: Path) -> None:
    (short / str(os.geteuid())).mkdir()
    os.chown(short / str(os.geteuid()), NOBODY, NOBODY)
    assert runtime_folder(str(short), "/t") == f"/t/trading-mcp-{os.geteuid()}"


@pytest.mark.parametrize("mode", [0o700, 0o500, 0o701, 0o710, 0o740, 0o702, 0o770, 0o755, 0o777, 0o1700])
@pytest.mark.parametrize("is_folder", [True, False])
def test_what_others_can_open_is_refused_with_the_command_that_closes_it(
    mode: int, is_folder: bool, short: Path
) -> None:
    path = short / "it's"
    if is_folder:
        path.mkdir()
    else:
        path.touch()
    path.chmod(mode)
    if not mode & 0o077:
        require_private(str(path))
        return
    with pytest.raises(HomeUnsafe) as refused:
        require_private(str(path))
    assert refused.value.message == f"{path} can be opened by other users (mode {mode:04o})."
    right = "700" if is_folder else "600"
    assert refused.value.next_step == f"Close it to them: chmod {right} '{short}/it'\"'\"'s'"
    subprocess.run(shlex.split(refused.value.next_step.removeprefix("Close it to them: ")), check=True)
    require_private(str(path))
    assert stat.S_IMODE(path.stat().st_mode) == int(right, 8)


def test_a_link_is_not_the_thing_itself(short: Path) -> None:
    (short / "link").symlink_to(short)
    with pytest.raises(HomeUnsafe, match="is a link"):
        require_private(str(short / "link"))


@as_root
def test_what_belongs_to_somebody_else_is_refused(short: Path) -> None:
    (short / "file").touch(0o600)
    os.chown(short / "file", NOBODY, NOBODY)
    with pytest.raises(HomeUnsafe, match="belongs to another user"):
        require_private(str(short / "file"))


@as_root
def test_a_home_that_one_may_not_enter_is_unsound(nobody: Path) -> None:
    (nobody / "mine").mkdir(0o000)
    with pytest.raises(HomeUnsafe, match="Permission denied") as refused:
        mirror_of(Place("mine", str(nobody / "mine")))
    # It is not ours: nobody is told to look into it and to remove what is there.
    assert refused.value.next_step == "Come as the user whose home it is, or use a home of your own."


def test_what_is_shown_does_nothing_to_a_terminal() -> None:
    assert shown("a\x1b[31mb\nc\u202ed é") == "a?[31mb?c?d é"


@pytest.mark.parametrize(
    ("sentence", "typed"),
    [
        ("It waits: trading-mcp approve order/1", "It waits: P approve --home x order/1"),
        ("Look: trading-mcp policy show.", "Look: P policy show --home x."),
        ("Run trading-mcp audit verify, then trading-mcp desk stop.", None),
        ("Close it: trading-mcp close --all", "Close it: P close --home x --all"),
        ("Look: trading-mcp status --home other", "Look: P status --home other"),
        ("/bin/trading-mcp status is spelled already", "/bin/trading-mcp status is spelled already"),
    ],
)
def test_a_sentence_names_the_home_its_commands_are_for(sentence: str, typed: str | None) -> None:
    called = program()
    wanted = typed or "Run P audit verify --home x, then P desk stop --home x."
    assert spelled(sentence, Place("x", "/homes/x")) == wanted.replace("P ", f"{called} ")
    by_path = spelled("Look: trading-mcp status", Place("x", "/my homes/x", is_by_path=True))
    assert by_path == f"Look: TRADING_MCP_HOME='/my homes/x' {called} status"
    usual = Place("simulated", "/homes/simulated")
    assert spelled("Look: trading-mcp status", usual) == f"Look: {called} status"

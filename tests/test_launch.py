"""A desk is started where a program may start one, once, on its own; where it may not, a person is told how."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.places import as_root, mirrored, nobody, short
from trading_mcp import launch
from trading_mcp.errors import DeskFailed, DeskMissing, Exit, HomeUnknown, HomeUnsafe, TradingMcpError
from trading_mcp.launch import DESK_COMMAND, reach
from trading_mcp.place import Place, located, program

_ = (short, nobody)
STUB = Path(__file__).with_name("desk_stub.py")


def stub(behaviour: str) -> tuple[str, ...]:
    return (sys.executable, str(STUB), behaviour)


class Reached:
    """Connections to one stand-in desk, which tells each where it runs."""

    def __init__(self) -> None:
        self.told: list[list[str]] = []
        self.processes: set[int] = set()

    def add(self, place: Place) -> list[str]:
        connection, welcome = reach(place, "mcp", "a test", command=stub("serve"))
        with connection:
            assert (welcome.home, welcome.mode) == (place.name, "SIMULATED")
            told = connection.makefile().readline().rstrip("\n").split("|")
        self.told.append(told)
        self.processes.add(int(told[0]))
        return told


@pytest.fixture
def reached() -> Generator[Reached]:
    reached = Reached()
    yield reached
    for process in reached.processes:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


@pytest.mark.usefixtures("short")
def test_the_default_desk_starts_by_itself_in_a_session_of_its_own(reached: Reached) -> None:
    process, session, arguments, variable = reached.add(located())
    assert (arguments, variable) == ("desk --home simulated --detached", "None")
    assert session == process != str(os.getpid())


@pytest.mark.usefixtures("short")
def test_what_runs_already_is_used(reached: Reached) -> None:
    first, second = reached.add(located()), reached.add(located())
    assert first == second


def test_a_desk_at_a_path_is_given_that_path(short: Path, reached: Reached, monkeypatch: pytest.MonkeyPatch) -> None:
    home = short / "My Größe" / ("x" * 200)
    monkeypatch.setenv("TRADING_MCP_HOME", str(home))
    assert reached.add(located())[2:] == ["desk --detached", str(home)]


def test_a_name_given_wins_over_the_path_for_the_desk_too(
    short: Path, reached: Reached, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADING_MCP_HOME", str(short / "elsewhere"))
    mirrored(located("other"))
    assert reached.add(located("other"))[2:] == ["desk --home other --detached", "None"]


@pytest.mark.usefixtures("short")
def test_two_clients_at_the_same_moment_get_the_same_desk(reached: Reached) -> None:
    threads = [threading.Thread(target=reached.add, args=(located(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(reached.told) == 2
    assert len(reached.processes) == 1


def test_a_live_desk_is_started_by_people_only(short: Path) -> None:
    place = mirrored(located("mine"), "LIVE")
    before = sorted(short.rglob("*"))
    with pytest.raises(DeskMissing, match="LIVE: only a person starts it") as refused:
        reach(place, "mcp", "a test", command=stub("serve"))
    assert refused.value.exit_code is Exit.NO_DESK
    assert refused.value.next_step == f"At a terminal: {program()} desk --home mine"
    assert sorted(short.rglob("*")) == before


@pytest.mark.usefixtures("short")
def test_a_home_that_does_not_exist_is_not_made_up() -> None:
    with pytest.raises(HomeUnknown, match="There is no home named papre") as refused:
        reach(located("papre"), "mcp", "a test", command=stub("serve"))
    assert refused.value.exit_code is Exit.USAGE
    assert "home new papre" in refused.value.next_step


@pytest.mark.usefixtures("short")
def test_a_home_that_does_not_say_its_mode_could_be_live() -> None:
    for place in (located(), located("mine")):
        path = Path(place.path)
        path.mkdir(parents=True)
        (path / "journal.db").touch()
        with pytest.raises(HomeUnsafe, match="does not say its mode"):
            reach(place, "mcp", "a test", command=stub("serve"))


def failure(behaviour: str | None, monkeypatch: pytest.MonkeyPatch) -> TradingMcpError:
    monkeypatch.setattr(launch, "RIVAL_WITHIN", 0.05)
    command = ("/nowhere/python",) if behaviour is None else stub(behaviour)
    with pytest.raises(DeskFailed) as refused:
        reach(located(), "mcp", "a test", command=command)
    assert str(refused.value).isprintable()
    return refused.value


def test_a_desk_that_ends_at_once_is_quoted(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = failure("die", monkeypatch)
    assert error.message == (
        "The desk of home simulated ended at once (code 8): Entry 7 does not?[31m follow. Keep the file."
    )
    log = short / "trading-mcp" / "homes" / ".simulated.start.log"
    assert error.next_step == f"See {log}."
    assert log.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        ("be killed", "ended at once (signal 9): it said nothing"),
        ("forget", "ended at once (code 1): it said nothing"),
        (None, "cannot be started: No such file or directory"),
    ],
)
@pytest.mark.usefixtures("short")
def test_other_ways_of_not_starting_are_told_apart(
    behaviour: str | None, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert says in str(failure(behaviour, monkeypatch)).replace("[Errno 2] ", "")


@pytest.mark.usefixtures("short")
def test_a_desk_that_never_opens_its_door_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "START_WITHIN", 1.0)
    error = failure("hang", monkeypatch)
    assert "did not open its door in time" in error.message
    process = int(error.message.rpartition(" ")[2])
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)


@as_root
def test_where_nothing_can_be_written_no_desk_is_started(nobody: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody.chmod(0o500)
    monkeypatch.setenv("TRADING_MCP_HOME", str(nobody / "deep" / "home"))
    assert "Permission denied" in failure("serve", monkeypatch).message


def test_a_folder_where_an_assistant_works_cannot_pose_as_the_program(tmp_path: Path) -> None:
    (tmp_path / "trading_mcp").mkdir()
    (tmp_path / "trading_mcp" / "__init__.py").touch()
    (tmp_path / "trading_mcp" / "__main__.py").write_text("print('the keys, please')")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [*DESK_COMMAND, "--version"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("trading-mcp ")

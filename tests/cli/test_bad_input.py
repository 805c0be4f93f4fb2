"""What a desk meets that is not as it should be: one sentence, the next step, and the code that was promised."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.cli.desks import PASSPHRASE, PROGRAM, WITHIN, DeskProcess, Said
from trading_mcp.__main__ import main
from trading_mcp.cli import doctor
from trading_mcp.errors import Exit
from trading_mcp.place import program

pytestmark = pytest.mark.slow


def stopped(desk: DeskProcess) -> DeskProcess:
    assert desk.say("stop").code == 0
    assert desk.ended() == 0
    return desk


def checks(desk: DeskProcess) -> dict[str, dict[str, str]]:
    said = desk.say("doctor", "--json")
    found = {each["name"]: each for each in said.answer["checks"]}
    assert said.code == (8 if any(each["outcome"] == "bad" for each in found.values()) else 0)
    return found


def is_one_sentence(said: Said, code: int, sentence: str, step: str) -> bool:
    """One line for a program that reads it, no page and no traceback, and a next step."""
    assert said.code == code, said
    assert sentence in said.words
    assert step in said.words
    return said.out == "" and len(said.err.splitlines()) == 1


def test_a_doctor_says_each_check_on_a_line_with_its_next_step(desk: DeskProcess) -> None:
    said = desk.say("doctor")
    assert said.code == 0
    marks = [line[2:17].split()[0] for line in said.out.splitlines() if line and line[0] in "✓·✗"]
    assert marks[:4] == ["home", "key", "approver", "desk"]
    assert {"journal", "clock", "disk", "door"} <= {*marks}
    assert f"{program()} approver enroll" in said.words
    assert desk.say("halt").code == 0
    latch = checks(desk)["latch"]
    assert (latch["outcome"], latch["next_step"]) == (
        "bad",
        f"Release it: {program()} resume --scope account --home simulated",
    )


def test_a_disk_that_is_nearly_full_is_told_in_two_sentences(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(data))
    monkeypatch.setenv("XDG_DATA_HOME", str(data))
    monkeypatch.setattr(doctor, "FREE_MIN", 1 << 80)
    assert main(["doctor"]) == Exit.UNSOUND
    assert " MiB free. Free space on it: " in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("name", ["", "journal.db", "journal.db.key", "settings.toml"])
def test_what_others_can_read_is_not_opened(desk: DeskProcess, name: str) -> None:
    stopped(desk)
    (desk.folder / name).chmod(0o755 if not name else 0o640)
    refused = desk.say("desk")
    assert is_one_sentence(refused, 8, "can be opened by other users", "Close it to them: chmod ")
    home = checks(desk)["home"]
    assert (home["outcome"], "can be opened by other users" in home["said"]) == ("bad", True)


def test_an_approvers_key_that_others_can_read_signs_nothing(desk: DeskProcess) -> None:
    assert desk.type("approver", "enroll", answers=(PASSPHRASE, PASSPHRASE)).code == 0
    folder = desk.data / "trading-mcp" / "approver"
    for file in folder.iterdir():
        file.chmod(0o644)
    refused = desk.type("attend", answers=(PASSPHRASE,))
    assert refused.code == 8, refused
    assert "can be opened by other users" in refused.words
    assert checks(desk)["approver"]["outcome"] == "bad"


def test_a_lost_key_of_the_journal_or_of_the_person_is_named(desk: DeskProcess) -> None:
    assert desk.type("approver", "enroll", answers=(PASSPHRASE, PASSPHRASE)).code == 0
    folder = desk.data / "trading-mcp" / "approver"
    for file in folder.iterdir():
        file.rename(desk.data / file.name)
    lost = desk.type("attend", answers=(PASSPHRASE,))
    assert lost.code == 1
    assert "whose key is not on this machine." in lost.words
    assert "Bring its folder back from your backup" in lost.words
    stopped(desk)
    (desk.folder / "journal.db.key").unlink()
    refused = desk.say("desk")
    assert is_one_sentence(refused, 8, "which signs the journal, is missing or damaged.", "Bring it back")
    assert checks(desk)["key"]["outcome"] == "bad"


def test_a_file_where_the_socket_should_be_is_named_and_nothing_is_removed(desk: DeskProcess) -> None:
    stopped(desk)
    (desk.folder / "desk.sock").write_text("mine")
    (desk.folder / "desk.sock").chmod(0o600)
    for words in (("status",), ("desk",)):
        assert is_one_sentence(desk.say(*words), 8, "desk.sock is no socket.", "Look what it is and move it away.")
    assert (desk.folder / "desk.sock").read_text() == "mine"


def test_a_home_whose_path_is_too_long_for_a_socket_works_and_one_too_long_for_a_path_is_refused(data: Path) -> None:
    deep = data / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True, mode=0o700)
    desk = DeskProcess(deep)
    with (deep / "out").open("w") as out:
        desk.process = subprocess.Popen([*PROGRAM, "desk"], env=desk.environment, stdout=out, stderr=out)
    try:
        said = desk.say("status")
        while said.code == 3 and desk.process.poll() is None:
            said = desk.say("status")
        assert said.code == 0, said
        assert not (desk.folder / "desk.sock").exists()
    finally:
        desk.end()
    desk.environment["TRADING_MCP_HOME"] = f"/{'x' * 300}/home"
    for words in (("status",), ("desk",), ("doctor",)):
        said = subprocess.run(
            [*PROGRAM, *words], env=desk.environment, capture_output=True, text=True, check=False, timeout=WITHIN
        )
        assert said.returncode != 0
        assert "Traceback" not in said.stderr
        assert "ile name too long" in f"{said.stdout} {said.stderr}"


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux lets one process limit another")
def test_a_full_disk_stops_trading_in_a_sentence_and_a_start_with_space_goes_on_halted(desk: DeskProcess) -> None:
    assert desk.say("trade", "buy", "BTC-USDT", "--notional", "100").code == 0
    assert desk.process is not None
    # For this process no file takes anything beyond its first page, as on a disk without space.
    most = 4096
    resource.prlimit(desk.process.pid, resource.RLIMIT_FSIZE, (most, most))
    refused = desk.say("trade", "buy", "ETH-USDT", "--notional", "50", "--reason", "x" * 300)
    assert is_one_sentence(refused, 8, "could not be written", "Free space")
    assert (desk.folder / "HALT").exists()
    # It still tells how it stands, and still stops.
    blocked = desk.say("status", "--json").answer["blocked"]
    assert any("HALT" in line for line in blocked), blocked
    desk.signal(signal.SIGTERM)
    desk.ended()
    desk.start()
    assert desk.say("status", "--json").answer["state"] == "HALTED"
    assert desk.say("audit", "verify").code == 0
    assert [each["pair"] for each in desk.say("portfolio", "--json").answer["positions"]] == ["BTC-USDT"]


# The machine's clocks, moved by what two files say: the wall's, and the one that goes on during sleep.
MOVED = """\
import os, pathlib, sys
from trading_mcp.adapters.system import clock
folder = pathlib.Path(os.environ["HOME"])
def moved(real, name):
    def read(self):
        file = folder / name
        return real(self) + (int(file.read_text()) if file.exists() else 0)
    return read
clock.SystemClock.now = moved(clock.SystemClock.now, "wall")
clock.SystemClock.boot = moved(clock.SystemClock.boot, "boot")
from trading_mcp.__main__ import main
sys.exit(main(sys.argv[1:]))
"""
HOUR = 3_600_000_000


@pytest.fixture
def moved(data: Path) -> Generator[DeskProcess]:
    """A desk on a machine whose clocks can be moved."""
    desk = DeskProcess(data)
    desk.program = (sys.executable, "-c", MOVED)
    yield desk
    desk.end()


def put(folder: Path, **clocks: int) -> None:
    """Move the clocks, each in one step that a reader sees whole."""
    for name, shift in clocks.items():
        draft = folder / f"{name}.new"
        draft.write_text(str(shift))
        draft.replace(folder / name)


def until_told(desk: DeskProcess, word: str) -> Said:
    said = desk.say("status")
    for _ in range(60):
        if word in said.words:
            break
        said = desk.say("status")
    return said


def test_a_clock_that_is_set_back_latches_and_nothing_adds_risk(moved: DeskProcess) -> None:
    moved.start()
    put(moved.data, wall=-HOUR)
    said = until_told(moved, "the clock stepped back by")
    assert said.code == 0
    assert "by CLOCK_UNSOUND" in said.words
    denied = moved.say("trade", "buy", "BTC-USDT", "--notional", "50")
    assert denied.code == 4, denied
    latch = checks(moved)["latch"]
    assert "the clock stepped back by" in latch["said"]
    assert latch["next_step"].startswith("Release it: ")


def test_a_lid_that_was_closed_lets_nothing_add_risk_until_the_venue_was_compared(moved: DeskProcess) -> None:
    moved.start()
    put(moved.data, wall=HOUR, boot=HOUR)
    bought = moved.say("trade", "buy", "BTC-USDT", "--notional", "50", "--id", "first")
    for number in range(60):
        if bought.code == 0:
            break
        assert bought.code == 4, bought
        assert "would pass" in bought.words.lower(), bought
        bought = moved.say("trade", "buy", "BTC-USDT", "--notional", "50", "--id", f"again-{number}")
    assert bought.code == 0
    told = moved.say("audit", "tail", "--all", "--count", "200", "--json").answer["entries"]
    kinds = [each["kind"] for each in told]
    assert "Woke" in kinds, [(each["seq"], each["kind"], each["text"]) for each in told]
    assert kinds.index("Suspended") < kinds.index("Woke") < kinds.index("OrderCleared")
    assert "lost time" not in moved.say("status").words


def test_a_clock_that_was_set_back_while_no_desk_ran_is_told(moved: DeskProcess) -> None:
    put(moved.data, wall=HOUR)
    moved.start()
    stopped(moved)
    put(moved.data, wall=0)
    clock = checks(moved)["clock"]
    assert (clock["outcome"], "before the newest entry of the journal" in clock["said"]) == ("bad", True)
    moved.program = PROGRAM
    moved.start()
    denied = moved.say("trade", "buy", "BTC-USDT", "--notional", "50")
    assert denied.code == 4, denied
    assert "clock" in moved.say("status").words.lower()


def test_a_client_that_says_nothing_or_garbage_for_ever_keeps_nobody_out(desk: DeskProcess) -> None:
    silent = [socket.socket(socket.AF_UNIX) for _ in range(20)]
    for each in silent:
        each.connect(str(desk.folder / "desk.sock"))
    silent[0].sendall(os.urandom(65_536))
    assert desk.say("status").code == 0
    for each in silent:
        each.close()

"""`make story` as a person meets it: a real process, real files, one page, one history for one seed."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.tree import ROOT
from trading_mcp.adapters.journal.sqlite import SqliteJournal
from trading_mcp.core.domain.events import FillRecorded
from trading_mcp.core.domain.evolve import replay
from trading_mcp.core.domain.latches import TradingState
from trading_mcp.core.domain.money import exactly
from trading_mcp.place import PROGRAM, program

COMMAND = (sys.executable, "-m", "trading_mcp.story")
WAITING = 120


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=WAITING,
        env={**os.environ, **environment},
    )


def pathless(text: str) -> list[str]:
    """The lines with the program by its name: how long its path is, the machine decides."""
    return text.replace(program(), PROGRAM).splitlines()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A day that was played into a folder: its journal, and what was printed."""
    home = tmp_path_factory.mktemp("story") / "home"
    done = run("--home", str(home))
    assert done.returncode == 0, done.stderr
    return home / "journal.db", done.stdout


def test_the_story_fits_eighty_columns_and_says_what_it_is(kept: tuple[Path, str]) -> None:
    _, text = kept
    assert max(len(line) for line in pathless(text) if "journal.db" not in line) <= 80
    assert "SIMULATED" in text.splitlines()[1]
    assert "\x1b" not in text, "no colours where nobody sees them"


def test_the_story_shows_what_the_gate_is_for(kept: tuple[Path, str]) -> None:
    _, text = kept
    for shown in (
        "filled:",
        "rests at the venue",
        "✗ ORDER_NOTIONAL_MAX",
        "✗ SESSION_CLOSED",
        "? APPROVAL_REQUIRED",
        "declined",
        "is tighter at once",
        "a proposal; it waits",
        "the desk is HALTED",
        "✗ STATE_HALTED",
        "nothing is held",
        "every entry follows from the one before",
        "it gives the same book",
    ):
        assert shown in text, shown


def test_each_market_takes_its_own_fee(kept: tuple[Path, str]) -> None:
    journal = SqliteJournal.open(kept[0])
    try:
        fills = [entry.event.fill for entry in journal.entries() if isinstance(entry.event, FillRecorded)]
    finally:
        journal.close()
    with exactly():
        rates = {fill.pair: fill.fee / (fill.quantity * fill.price) for fill in fills}
    assert rates.pop("SPY") == 0, "a stock is traded without a commission"
    assert rates
    assert set(rates.values()) == {Decimal("0.001")}


def test_one_seed_is_one_story_and_one_journal(kept: tuple[Path, str], tmp_path: Path) -> None:
    journal, text = kept
    again = run("--home", str(tmp_path / "again"), TZ="Asia/Kolkata", PYTHONHASHSEED="99")
    assert again.stdout.replace(str(tmp_path / "again"), "") == text.replace(str(journal.parent), "")
    assert digest(tmp_path / "again" / "journal.db") == digest(journal)


def written(log: Path) -> int:
    """Return how far a log that has its size from the start was written."""
    return len(log.read_bytes().rstrip(b"\0"))


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("seed", [0, 1, 2_147_483_647])
def test_every_seed_is_a_day_that_can_be_told(seed: int, kept: tuple[Path, str]) -> None:
    done = run("--seed", str(seed))
    assert done.returncode == 0, done.stderr
    assert done.stdout != kept[1]
    assert max(map(len, pathless(done.stdout))) <= 80


def test_the_journal_it_leaves_verifies_and_replays(kept: tuple[Path, str]) -> None:
    journal = SqliteJournal.open(kept[0])
    try:
        report = journal.verify(is_deep=True)
        assert report.holds
        assert report.backward == ()
        assert report.head.hash.hex()[:32] in kept[1]
        events = [entry.event for entry in journal.entries()]
    finally:
        journal.close()
    with exactly():
        book = replay(events)
        assert book.account_state is TradingState.HALTED
        assert all(replay(events[:seq]).at <= events[seq].at for seq in range(1, len(events), 401))


def test_pulling_the_plug_leaves_a_journal_that_verifies(
    tmp_path: Path, sampled: Callable[[int], tuple[Any, int]]
) -> None:
    rng, count = sampled(4)
    pulled = 0
    for number in range(count):
        home = tmp_path / str(number)
        log, enough = home / "journal.db-wal", rng.randrange(100_000, 2_000_000)
        story = subprocess.Popen(
            [*COMMAND, "--home", str(home)], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while story.poll() is None and not (log.exists() and written(log) > enough):
            pass
        story.send_signal(signal.SIGKILL)
        # On a busy machine a story may be over before its plug is pulled; then its journal must hold all the more.
        pulled += story.wait(WAITING) == -signal.SIGKILL
        journal = SqliteJournal.open(home / "journal.db")
        try:
            report = journal.verify(is_deep=True)
            assert report.holds
            assert report.entries > 20
            with exactly():
                replay(entry.event for entry in journal.entries())
        finally:
            journal.close()
    assert pulled, "no plug was pulled in time"


def test_stopping_it_by_hand_gets_one_sentence(tmp_path: Path) -> None:
    for turn in range(10):
        home = tmp_path / str(turn)
        story = subprocess.Popen(
            [*COMMAND, "--home", str(home)],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            # Whoever runs these tests in the background has it ignored, and a child inherits that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - one thread
        )
        while story.poll() is None and not (home / "journal.db").exists():
            pass
        story.send_signal(signal.SIGINT)
        _, said = story.communicate(timeout=WAITING)
        if story.returncode == 0:
            continue  # on a busy machine the story may be over before it is stopped
        assert story.returncode == 1
        assert len(said.splitlines()) == 1, said
        return
    raise AssertionError("ten stories ended before they could be stopped")


def test_json_tells_the_same_facts(kept: tuple[Path, str]) -> None:
    done = run("--json")
    assert done.returncode == 0
    facts: dict[str, Any] = json.loads(done.stdout)
    assert facts["mode"] == "SIMULATED"
    assert facts["journal"]["verified"] is facts["journal"]["replayed"] is True
    assert facts["journal"]["head"][:32] in kept[1]
    for scene in facts["scenes"]:
        assert f" {scene['time']}  {scene['title']}\n" in kept[1]
    for code, times in facts["said"].items():
        assert any(line.split() == [code, str(times)] for line in kept[1].splitlines())


@pytest.mark.parametrize("seed", ["x", "-1", "1.5", "", "9" * 40, "٣"])
def test_a_seed_that_is_none_gets_one_sentence(seed: str) -> None:
    done = run(f"--seed={seed}")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert "a seed is a whole number" in done.stderr


def test_a_home_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("mine")
    done = run("--home", str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "is not empty" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert [item.name for item in tmp_path.iterdir()] == ["letter"]


def test_a_home_that_cannot_be_gets_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("--home", str(tmp_path / "file" / "home"))
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert "cannot be used as a home" in done.stderr


def test_whoever_reads_only_the_beginning_gets_no_complaint() -> None:
    story = subprocess.Popen([*COMMAND], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert story.stdout is not None
    assert story.stderr is not None
    story.stdout.close()
    assert b"Traceback" not in story.stderr.read()
    story.stderr.close()
    assert story.wait(WAITING) == 0

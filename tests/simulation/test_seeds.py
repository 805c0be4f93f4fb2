"""The run of many seeds: none is left out, one that fails is named, and one that is stopped can go on."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation import seeds
from tests.simulation.seeds import Progress, pieces, played

ROOT = Path(__file__).parents[2]


def test_a_range_is_played_whole_and_nothing_twice() -> None:
    for count in (1, 9, 10, 11, 1_000):
        assert [seed for piece in pieces(range(7, 7 + count)) for seed in piece] == list(range(7, 7 + count))


def test_a_seed_that_fails_is_named_with_what_repeats_it_and_the_others_are_played(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def breaks(seed: int, folder: Path) -> int:
        assert folder.is_dir()
        if seed == 12:
            raise RuntimeError("an order was sent twice")
        return 5

    monkeypatch.setattr(seeds, "play", breaks)
    progress = Progress(range(10, 100))
    progress.take(played(range(10, 20), str(tmp_path)))
    assert (progress.done, progress.entries, progress.failed) == (10, 45, [12])
    told = capsys.readouterr().out
    assert "seed 12 FAILED: RuntimeError: an order was sent twice\n  test_seeds.py:" in told
    assert "repeat it: .venv/bin/python -m tests.simulation.seeds 12\n" in told
    assert "10 of 90 seeds from 10, 45 entries, 1 failed" in progress.counted
    assert progress.rest == "FIRST=20 COUNT=80"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_run_that_is_stopped_says_how_it_goes_on() -> None:
    command = [sys.executable, "-m", "tests.simulation.seeds", "5", "1000000", "--workers", "1"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "seeds 5 to 1000004 in 1 processes\n"
        process.send_signal(signal.SIGTERM)
        told, trouble = process.communicate()
    assert trouble == ""
    assert told.startswith("stopped by Terminated: ")
    done = int(told.split()[3].replace(",", ""))
    assert f"go on: make seeds FIRST={5 + done} COUNT={1_000_000 - done}\n" in told
    assert process.returncode == seeds.STOPPED

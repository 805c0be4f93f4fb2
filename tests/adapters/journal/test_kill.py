"""A real process is killed while it appends; what it had acknowledged is there when the next one opens."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.adapters.journal.support import TRUST, made, opened
from trading_mcp.adapters.journal.sqlite import SqliteJournal
from trading_mcp.errors import JournalUnwritable


def appender(home: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.adapters.journal.appender", str(home), "1000000"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_killed_mid_append_five_times_over_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    home = tmp_path / "home"
    made(home).close()
    head = 1
    for lines in (1, 7, 40, 200, 400):
        with appender(home) as process:
            assert process.stdout is not None
            for _ in range(lines):
                process.stdout.readline()
            process.kill()
            rest = process.stdout.read().split("\n")
        acknowledged = int(rest[-2]) if len(rest) > 1 else head
        journal = opened(home)
        report = journal.verify(TRUST, is_deep=True)
        assert report.holds, report.broken
        assert journal.head().seq >= max(acknowledged, head + 3 * lines)
        head = journal.head().seq
        journal.close()


def test_while_one_process_writes_no_other_can_open_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    made(home).close()
    with appender(home) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(JournalUnwritable, match="held by another process"):
            SqliteJournal.open(home / "journal.db")
        process.kill()
        process.stdout.read()

"""The disk is full at every single write: the writer stops, trading stops, nothing recorded is lost."""

import contextlib
import resource
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from tests.adapters.journal.disk import Disk, put, taken
from tests.adapters.journal.support import (
    NOON,
    TRUST,
    called,
    checkpointer,
    drafts,
    made,
    opened,
    rows_of,
)
from trading_mcp.adapters.journal import schema
from trading_mcp.adapters.journal.entryfile import EntryFile
from trading_mcp.errors import JournalUnwritable

BATCHES = (1, 3, 20, 1)


def full_at(number: int, error: type[apsw.Error]) -> Callable[[str], None]:
    """A disk whose n-th write, sync or truncation and all later ones fail."""
    seen = 0

    def before(_: str) -> None:
        nonlocal seen
        seen += 1
        if seen >= number:
            raise error("disk full")

    return before


@pytest.mark.parametrize("error", [apsw.FullError, apsw.IOError], ids=["SQLITE_FULL", "SQLITE_IOERR"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_wherever_it_fills_the_writer_stops_and_what_was_acknowledged_stays(
    tmp_path: Path, error: type[apsw.Error]
) -> None:
    home = tmp_path / "home"
    made(home).close()
    base = taken(home) | {"HALT.off": b""}
    number, acknowledged, failed = 0, 0, True
    while failed:
        number += 1
        put(home, base)
        disk = Disk(f"full-{error.__name__}-{number}")
        connection = disk.connect(home / "journal.db")
        schema.prepare(connection)
        connection.wal_autocheckpoint(6)
        disk.before = full_at(number, error)
        file = EntryFile(connection, home / "journal.db", checkpointer=checkpointer(every=4))
        acknowledged, failed = 1, False
        try:
            for count in BATCHES:
                file.append(NOON, drafts(count))
                acknowledged = file.durable.seq
        except JournalUnwritable:
            failed = True
            assert_stopped(file, home)
        with contextlib.suppress(apsw.Error):  # it is still full, but closed all the same
            connection.close()
        journal = opened(home)
        assert journal.verify(TRUST).holds
        assert len(rows_of(journal)) >= acknowledged
        journal.append(NOON, [called(1)])
        journal.close()
    assert number > 20
    assert acknowledged == 1 + sum(BATCHES)


def assert_stopped(file: EntryFile, home: Path) -> None:
    assert (home / "HALT").exists()
    assert not (home / "HALT.off").exists()
    durable = file.durable
    for verb in (file.append, file.queue):
        with pytest.raises(JournalUnwritable, match="HALT stands in the home"):
            verb(NOON, drafts(1))
    with pytest.raises(JournalUnwritable):
        file.flush()
    with pytest.raises(JournalUnwritable):
        file.checkpoint()
    assert file.head == file.durable == durable
    assert file.failure is not None


def test_sqlite_itself_full_is_fatal_even_when_space_comes_back(tmp_path: Path) -> None:
    home = tmp_path / "home"
    journal = made(home)
    connection = journal.file._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute("PRAGMA max_page_count = 1").fetchone()
    with pytest.raises(JournalUnwritable, match="full"):
        journal.append(NOON, [called(number) for number in range(200)])
    connection.execute("PRAGMA max_page_count = 1000000").fetchone()
    with pytest.raises(JournalUnwritable, match="after entry 1"):
        journal.append(NOON, [called(1)])
    assert [entry.seq for entry in journal.entries()] == [1]
    journal.close()
    assert pages > 0
    again = opened(home)
    assert again.verify(TRUST).entries == 1
    again.close()


def test_queued_entries_that_cannot_be_written_stop_the_desk_too(tmp_path: Path) -> None:
    home = tmp_path / "home"
    journal = made(home)
    (home / "HALT.off").touch()
    journal.file._connection.execute("PRAGMA max_page_count = 1").fetchone()
    journal.queue(NOON, [called(number) for number in range(200)])
    flusher = journal.file._flusher
    assert isinstance(flusher, threading.Thread)
    flusher.join()
    assert (home / "HALT").exists()
    with pytest.raises(JournalUnwritable):
        journal.queue(NOON, [called(1)])
    assert journal.head().seq == 1
    journal.close()


def test_a_start_on_a_full_disk_reads_but_does_not_write(tmp_path: Path) -> None:
    home = tmp_path / "home"
    journal = made(home, 100)
    crashed = taken(home)
    journal.close()
    put(home, crashed)
    size = len(crashed["journal.db"])
    done = subprocess.run(
        [sys.executable, "-m", "tests.adapters.journal.appender", str(home), "1"],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )
    assert (done.returncode, done.stdout) == (3, ""), done.stderr
    assert (home / "HALT").exists()
    again = opened(home)
    assert again.verify(TRUST).entries == 101
    again.close()


def test_a_log_that_cannot_be_folded_back_lets_it_be_read_and_refuses_every_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    made(home, 5).close()
    (home / "HALT.off").touch()

    def full(_: schema.Connection) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(schema, "fold_back", full)
        journal = opened(home)
    assert (home / "HALT").exists()
    assert len(list(journal.entries())) == 6
    with pytest.raises(JournalUnwritable, match="disk is full"):
        journal.append(NOON, [called(1)])
    journal.close()


def test_a_file_size_limit_of_the_system_is_a_full_disk(tmp_path: Path) -> None:
    home = tmp_path / "home"
    made(home).close()
    (home / "HALT.off").touch()
    done = subprocess.run(
        [sys.executable, "-m", "tests.adapters.journal.appender", str(home), "1000000"],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000)),
    )
    assert done.returncode == 3, done.stderr
    acknowledged = int(done.stdout.split()[-1])
    assert acknowledged > 10
    assert (home / "HALT").exists()
    journal = opened(home)
    assert journal.head().seq >= acknowledged
    assert journal.verify(TRUST).holds
    journal.close()

"""Whatever is wrong with a journal's file, one sentence names the file, what it is, and the next step."""

import os
import resource
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.adapters.journal.support import NOON, called, drafts, made, opened, started
from trading_mcp.adapters.journal import schema
from trading_mcp.adapters.journal.entryfile import EntryFile
from trading_mcp.adapters.journal.files import raise_halt, require_private, write_whole
from trading_mcp.adapters.journal.sqlite import SqliteJournal
from trading_mcp.errors import (
    JournalDamaged,
    JournalError,
    JournalForeign,
    JournalNewer,
    JournalUnwritable,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made(tmp_path / "home", 50).close()
    return tmp_path / "home" / "journal.db"


def refused(path: Path, kind: type[JournalError], says: str) -> None:
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(kind, match=says) as caught:
        SqliteJournal.open(path)
    assert str(path) in caught.value.message
    assert caught.value.message.endswith(".")
    assert caught.value.next_step.endswith(".")
    assert (path.read_bytes() if path.is_file() else None) == before, "nothing was changed"


def test_one_that_is_not_there(tmp_path: Path) -> None:
    refused(tmp_path / "journal.db", JournalForeign, "There is no journal")
    assert list(tmp_path.iterdir()) == []


def test_one_that_is_empty(path: Path) -> None:
    path.write_bytes(b"")
    refused(path, JournalDamaged, "is empty")


def test_one_that_is_no_database(path: Path) -> None:
    path.write_bytes(b"my notes\n" * 100)
    refused(path, JournalForeign, "is not a database")


def test_one_cut_inside_its_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:60])
    refused(path, JournalDamaged, "cut short inside its first 100 bytes")


@pytest.mark.parametrize("pages", [1, 2, 5])
def test_one_cut_short_says_by_how_much(path: Path, pages: int) -> None:
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[: pages * 4096])
    refused(path, JournalDamaged, f"it is cut short, {pages * 4096} of {size} bytes")


def test_one_whose_schema_page_is_overwritten(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[100:4096] = b"\xff" * 3996
    path.write_bytes(content)
    refused(path, JournalDamaged, "is damaged")


def test_one_whose_pages_are_overwritten(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    refused(path, JournalDamaged, "is damaged")


def test_a_database_of_another_program(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE notes (text TEXT)")
    path.chmod(0o600)
    refused(path, JournalForeign, "no journal of a desk")


def test_one_written_by_a_later_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 2")
    refused(path, JournalNewer, "format 2, this one reads 1")


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER helpful AFTER INSERT ON entries BEGIN DELETE FROM entries WHERE seq = new.seq; END",
        "CREATE TABLE more (a)",
        "DROP TABLE checkpoints",
    ],
)
def test_one_with_a_trigger_or_a_table_that_is_not_ours(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
    refused(path, JournalDamaged, "tables, indexes or triggers")


def test_one_with_no_entries_left(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM entries")
    refused(path, JournalDamaged, "has no entry 1")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602, 0o610])
def test_one_that_others_can_open(path: Path, mode: int) -> None:
    path.chmod(mode)
    refused(path, JournalUnwritable, f"other users \\(mode {mode:04o}\\)")


def test_a_link_to_one(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(path)
    refused(link, JournalDamaged, "is not an ordinary file")


def test_one_that_belongs_to_somebody_else(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(JournalUnwritable, match="belongs to another user"):
        require_private(path)


def test_one_that_is_open_already(path: Path) -> None:
    journal = SqliteJournal.open(path)
    with pytest.raises(JournalUnwritable, match="held by another process"):
        SqliteJournal.open(path)
    journal.close()


def test_one_on_a_file_system_without_a_write_ahead_log() -> None:
    # A database in memory is the one place where SQLite refuses WAL without an error.
    with (
        closing(sqlite3.connect(":memory:")) as connection,
        pytest.raises(JournalUnwritable, match="local disk"),
    ):
        schema.prepare(connection)


def test_an_error_that_is_neither_damage_nor_a_rival_is_a_disk_that_cannot_be_written(path: Path) -> None:
    error = schema.explained(path, sqlite3.OperationalError("attempt to write a readonly database"))
    assert isinstance(error, JournalUnwritable)
    assert "readonly" in error.message


def test_pages_damaged_while_it_is_open_are_named_by_the_entry_before_them(path: Path) -> None:
    journal = SqliteJournal.open(path)
    with path.open("r+b") as file:
        file.seek(5 * 4096)
        file.write(b"\xff" * 4096)
    with pytest.raises(JournalDamaged, match="cannot be read after entry"):
        list(journal.entries())
    journal.file.close()


def test_making_one_where_one_stands_is_refused_and_changes_nothing(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(JournalForeign, match="stands at"):
        SqliteJournal.create(path, NOON, [started()])
    assert path.read_bytes() == before


def test_what_a_crash_left_of_making_one_is_cleared_away(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    for name in ("journal.db.new", "journal.db.new-wal"):
        (home / name).write_bytes(b"half")
    journal = made(home)
    assert [entry.event for entry in journal.entries()] == [started()]
    journal.close()
    assert {path.name for path in home.iterdir()} == {"journal.db"}


def test_making_one_that_cannot_be_finished_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: schema.Connection) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(schema, "build", broken)
    with pytest.raises(JournalUnwritable, match="disk I/O error"):
        SqliteJournal.create(tmp_path / "journal.db", NOON, [started()])
    assert not (tmp_path / "journal.db").exists()


def test_publishing_over_a_journal_is_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).touch()
    with pytest.raises(FileExistsError):
        schema.publish(tmp_path / "a", tmp_path / "b")


def test_everything_of_a_journal_is_private_to_its_owner(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        journal = made(tmp_path / "home", 3)
        modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "home").iterdir()}
        journal.close()
    finally:
        os.umask(old)
    assert modes == {"journal.db": 0o600, "journal.db-wal": 0o600}


def test_no_shared_memory_file_is_ever_made_so_that_a_second_connection_cannot_share_it(path: Path) -> None:
    journal = opened(path.parent)
    journal.append(NOON, [called(1)])
    assert not path.with_name("journal.db-shm").exists()
    journal.close()


def test_a_closed_journal_says_so_and_closing_twice_is_nothing(path: Path) -> None:
    journal = opened(path.parent)
    journal.close()
    journal.close()
    for call in (
        lambda: journal.append(NOON, [called(1)]),
        lambda: journal.queue(NOON, [called(1)]),
        lambda: list(journal.entries()),
        lambda: list(journal.file.checkpoints()),
    ):
        with pytest.raises(JournalUnwritable, match="is closed"):
            call()


def test_closing_writes_what_is_queued_and_signs_it(path: Path) -> None:
    journal = opened(path.parent)
    journal.queue(NOON, [called(1)])
    head = journal.head()
    journal.close()
    again = opened(path.parent)
    assert again.head() == head
    mark = again.file.last_checkpoint()
    assert mark is not None
    assert mark.size == head.seq
    again.checkpoint()
    assert again.file.last_checkpoint() == mark, "signed already"
    again.close()


def test_a_gap_between_chaining_and_writing_stops_the_writer_before_it_reaches_the_disk(path: Path) -> None:
    journal = opened(path.parent)
    journal.file._tip = type(journal.file._tip)(seq=99, hash=bytes(32))
    with pytest.raises(JournalUnwritable, match="does not follow what is on disk"):
        journal.append(NOON, [called(1)])
    journal.file.close()
    again = opened(path.parent)
    assert again.verify().holds
    again.close()


def test_an_interrupt_in_the_middle_of_a_commit_goes_on_up_and_stops_the_writer(path: Path) -> None:
    class Interrupted:
        def __init__(self, connection: schema.Connection) -> None:
            self.real = connection

        in_transaction = True

        def execute(self, sql: str, *parameters: object) -> schema.Cursor:
            if sql == schema.COMMIT:
                raise KeyboardInterrupt
            return self.real.execute(sql, *parameters)  # type: ignore[arg-type]

        def executemany(self, sql: str, parameters: object) -> object:
            return self.real.executemany(sql, parameters)  # type: ignore[arg-type]

        def close(self) -> None:
            self.real.close()

    file = EntryFile(Interrupted(schema.open_connection(path)), path)  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        file.append(NOON, drafts(1))
    with pytest.raises(JournalUnwritable, match="KeyboardInterrupt"):
        file.append(NOON, drafts(1))
    assert file.durable.seq == 51
    file.close()


def test_an_entry_larger_than_any_entry_is_refused_before_anything_changes(path: Path) -> None:
    journal = opened(path.parent)
    head = journal.head()
    with pytest.raises(ValueError, match="holds at most"):
        journal.file.append(NOON, [("Large", bytes(5_000_000))])
    assert journal.head() == head
    journal.append(NOON, [called(1)])
    journal.close()


def test_a_full_queue_is_written_by_whoever_fills_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trading_mcp.adapters.journal.entryfile.QUEUE_MAX", 3)
    journal = SqliteJournal(EntryFile(schema.open_connection(path), path, linger=3600))
    journal.queue(NOON, [called(1)])
    assert journal.file.durable.seq == 51
    journal.queue(NOON, [called(2), called(3)])
    assert journal.file.durable.seq == 54
    journal.close()


def test_the_flusher_makes_queued_entries_durable_by_itself(path: Path) -> None:
    journal = opened(path.parent)
    journal.queue(NOON, [called(1)])
    while journal.file.durable.seq != 52:
        pass
    journal.close()


def test_halt_is_put_up_even_where_none_lay_ready(tmp_path: Path) -> None:
    assert raise_halt(tmp_path)
    assert (tmp_path / "HALT").exists()
    assert raise_halt(tmp_path)
    assert not raise_halt(tmp_path / "no such home")


def test_a_file_written_whole_is_private_and_its_folder_too(tmp_path: Path) -> None:
    write_whole(tmp_path / "a" / "b" / "file", b"content")
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"content"
    assert (tmp_path / "a" / "b" / "file").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_the_log_has_its_size_from_the_start_and_a_crash_reads_no_entry_out_of_its_zeros(path: Path) -> None:
    journal = opened(path.parent)
    log = path.with_name("journal.db-wal")
    size = log.stat().st_size
    assert size > 1_000 * 4_096
    killed = path.parent / "killed"
    for entries in (0, 1, 40):
        for number in range(entries):
            journal.append(NOON, [called(number)])
        head = journal.head()
        shutil.rmtree(killed, ignore_errors=True)
        killed.mkdir(mode=0o700)
        for file in (path, log):
            shutil.copy(file, killed / file.name)
        again = SqliteJournal.open(killed / path.name)
        assert again.head() == head
        assert again.verify().holds
        again.close()
    assert log.stat().st_size == size
    journal.close()


def test_the_last_of_a_disk_is_not_taken_for_the_size_of_the_log(path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))
    try:
        journal = opened(path.parent)
        assert path.with_name("journal.db-wal").stat().st_size == 0
        journal.append(NOON, [called(1)])
        journal.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_log_that_holds_entries_is_left_as_it_is(tmp_path: Path) -> None:
    journal = made(tmp_path)
    journal.append(NOON, [called(1)])
    log = tmp_path / "journal.db-wal"
    before = log.read_bytes()
    schema.lay_out_log(tmp_path / "journal.db")
    assert any(before)
    assert log.read_bytes() == before
    journal.close()

"""What stands beside the journal was written by a forger: it is named in one sentence, never followed or believed."""

import gzip
import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from tests.adapters.journal.support import NOON, SECOND, TRUST, called, checkpointer, drafts, made, opened, started
from trading_mcp.adapters.journal import archive, recompute, retention, snapshot
from trading_mcp.adapters.journal.anchor import AnchorFile, AnchorState
from trading_mcp.adapters.journal.files import read_whole, write_whole
from trading_mcp.adapters.journal.snapshot import Snapshots
from trading_mcp.adapters.journal.sqlite import SqliteJournal
from trading_mcp.errors import JournalDamaged, JournalError, JournalForeign, JournalUnwritable

ESCAPE = "\x1b[2J"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A closed home of 61 entries, of which the first forty are archived by tens."""
    journal = made(tmp_path / "home", 50)
    journal.snapshot(Snapshots(tmp_path / "home" / "snapshots"), NOON + 60 * SECOND, 1, 45, b"book")
    journal.archive(NOON * 2, TRUST, size=10)
    journal.close()
    return tmp_path / "home"


def tampered(home: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(home / "journal.db", isolation_level=None)) as connection:
        assert connection.execute(statement, values).rowcount > 0  # type: ignore[arg-type]


def found(home: Path) -> str:
    """What verification says, after reading has said the same in one sentence."""
    journal = opened(home)
    with pytest.raises(JournalError) as caught:
        list(journal.entries())
    assert caught.value.message.endswith(".")
    assert caught.value.message.isprintable()
    broken = journal.verify(TRUST).broken
    journal.file._connection.close()
    assert broken is not None
    assert str(broken).isprintable()
    return str(broken)


def second(home: Path) -> Path:
    return sorted((home / "archive").iterdir())[1]


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(b"{}\n"),
        gzip.compress(b'{"\\u001b[2J":1}\n'),
        gzip.compress(b'{"seq":NaN}\n'),
        gzip.compress(b"\xff\n"),
        gzip.compress(b"[" * 100_000),
        gzip.compress(b"{}\n")[:-4],
        b"not compressed",
        b"",
    ],
    ids=range(8),
)
def test_a_segment_replaced_together_with_its_digest_is_still_found_at_its_first_entry(
    home: Path, content: bytes
) -> None:
    second(home).write_bytes(content)
    tampered(home, "UPDATE segments SET digest = ? WHERE first = 11", sha256(content).digest())
    assert found(home).startswith("entry 11: cannot be read")


def test_a_segment_that_would_fill_the_memory_is_not_unpacked(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "TEXT_BYTES_MAX", 100_000)
    content = gzip.compress(bytes(50_000_000))
    second(home).write_bytes(content)
    tampered(home, "UPDATE segments SET digest = ? WHERE first = 11", sha256(content).digest())
    assert "does not hold entries" in found(home)


@pytest.mark.parametrize("name", ["/dev/zero", "../journal.db", ESCAPE, "", "000000000001-000000000010.jsonl.gz"])
def test_a_segment_listed_under_another_name_is_not_followed_there(home: Path, name: str) -> None:
    tampered(home, "UPDATE segments SET name = ? WHERE first = 11", name)
    assert "is listed under a name that is none of ours" in found(home)


def linked(path: Path) -> None:
    path.symlink_to("/dev/zero")


def large(path: Path) -> None:
    path.write_bytes(bytes(300_000))


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, linked])
def test_a_segment_that_is_no_ordinary_file_is_neither_waited_for_nor_followed(
    home: Path, make: Callable[[Path], None]
) -> None:
    path = second(home)
    path.unlink()
    make(path)
    assert "cannot be read" in found(home)


def test_two_segments_that_changed_places_are_found(home: Path) -> None:
    with closing(sqlite3.connect(home / "journal.db", isolation_level=None)) as connection:
        digests = dict(connection.execute("SELECT first, digest FROM segments").fetchall())
    first, other = sorted((home / "archive").iterdir())[:2]
    content = first.read_bytes(), other.read_bytes()
    first.write_bytes(content[1])
    other.write_bytes(content[0])
    tampered(home, "UPDATE segments SET digest = ? WHERE first = 1", digests[11])
    tampered(home, "UPDATE segments SET digest = ? WHERE first = 11", digests[1])
    assert found(home).startswith("entry 1: ")


def test_large_entries_make_smaller_segments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "SEGMENT_BODY_BYTES", 50)
    journal = made(tmp_path / "home")
    journal.file.append(NOON, drafts(30))
    segments = retention.archive_older(journal.file, before=NOON * 2, until=31, size=10)
    assert [(s.first, s.last) for s in segments][:2] == [(1, 1), (2, 8)]
    assert journal.verify(TRUST).holds
    journal.close()


def test_a_segment_that_cannot_be_written_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalUnwritable, match="could not be written: Not a directory"):
        write_whole(tmp_path / "file" / "x", b"content")
    (tmp_path / "folder").mkdir()
    with pytest.raises(JournalUnwritable, match="could not be written: Is a directory"):
        write_whole(tmp_path / "folder", b"content")
    assert {path.name for path in tmp_path.iterdir()} == {"file", "folder"}


def test_a_file_larger_than_it_may_be_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    assert read_whole(tmp_path / "file", 7) == b"content"
    with pytest.raises(OSError, match="larger than 6 bytes"):
        read_whole(tmp_path / "file", 6)


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 100_000,
        b'{"at":1,"head":"00","key":"00","signature":"00","size":1e999,"v":1}',
        b'{"at":1,"head":"00","key":"00","signature":"00","size":1,"size":2,"v":true}',
        b"\xff",
    ],
)
def test_no_line_of_an_anchor_is_more_than_forged(tmp_path: Path, line: bytes) -> None:
    anchor = AnchorFile(tmp_path / "state" / "anchor.jsonl")
    journal = made(tmp_path / "home", 5, anchor)
    anchor.path.write_bytes(line + b"\n" + anchor.path.read_bytes())
    assert journal.anchored(anchor, TRUST, NOON * 2).state is AnchorState.FORGED
    journal.close()


@pytest.mark.parametrize("make", [Path.mkdir, large])
def test_an_anchor_that_cannot_be_read_is_a_verdict_and_no_anchor_can_stop_an_append(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    path = tmp_path / "state" / f"anchor{ESCAPE}.jsonl"
    path.parent.mkdir()
    make(path)
    signer = checkpointer(AnchorFile(path))
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    journal = SqliteJournal.create(home / "journal.db", NOON, [started()], checkpointer=signer)
    assert signer.trouble is not None
    verdict = journal.anchored(AnchorFile(path), TRUST, NOON)
    assert verdict.state is AnchorState.UNREADABLE
    assert not verdict.is_sound
    assert verdict.sentence.isprintable()
    journal.append(NOON, [called(1)])
    journal.close()


def test_other_files_among_the_snapshots_are_left_alone_and_stop_nothing(home: Path) -> None:
    snapshots = Snapshots(home / "snapshots")
    for name in ("copy of 12.snapshot", "notes", "000000000003-v1.snapshot.new"):
        (snapshots.folder / name).touch()
    (snapshots.folder / "000000000002-v1.snapshot").mkdir()
    journal = opened(home)
    journal.snapshot(snapshots, NOON + 70 * SECOND, 1, 50, b"newer")
    journal.close()
    assert {path.name for path in snapshots.folder.iterdir()} == {
        "000000000002-v1.snapshot",
        "000000000045-v1.snapshot",
        "000000000050-v1.snapshot",
        "copy of 12.snapshot",
        "notes",
    }


def test_a_snapshot_larger_than_any_book_is_not_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "BYTES_MAX", 3)
    journal = opened(home)
    assert journal.resume(Snapshots(home / "snapshots"), 1, TRUST) is None
    journal.close()


@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
def test_a_log_left_by_a_journal_that_is_gone_never_flows_into_a_new_one(tmp_path: Path, suffix: str) -> None:
    left = tmp_path / f"journal.db{suffix}"
    left.write_bytes(b"acknowledged once")
    with pytest.raises(JournalForeign, match="is left of a journal that was here"):
        SqliteJournal.create(tmp_path / "journal.db", NOON, [started()])
    assert [path.name for path in tmp_path.iterdir()] == [left.name]


def test_a_log_of_another_journal_is_damage(tmp_path: Path) -> None:
    other = made(tmp_path / "other", 5)
    log = (tmp_path / "other" / "journal.db-wal").read_bytes()
    made(tmp_path / "home", 40).close()
    (tmp_path / "home" / "journal.db-wal").touch(mode=0o600)
    (tmp_path / "home" / "journal.db-wal").write_bytes(log)
    with pytest.raises(JournalDamaged, match="is damaged"):
        opened(tmp_path / "home").verify(TRUST)
    other.close()


@pytest.mark.parametrize(
    "name", [f"a{ESCAPE}b", "new\nline", "quo'te", "🎈", b"\xff".decode(errors="surrogateescape")], ids=range(5)
)
def test_whatever_a_home_is_called_it_works_and_its_errors_are_plain_text(tmp_path: Path, name: str) -> None:
    journal = made(tmp_path / name, 3)
    assert journal.verify(TRUST).holds
    journal.close()
    (tmp_path / name / "journal.db").chmod(0o644)
    with pytest.raises(JournalUnwritable) as caught:
        opened(tmp_path / name)
    assert str(caught.value).isprintable()
    str(caught.value).encode()


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"], ids=["long", "zero"])
def test_a_name_that_no_file_can_have_is_one_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(JournalUnwritable, match="cannot be opened"):
        SqliteJournal.open(tmp_path / name)


def test_a_journal_in_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(JournalUnwritable, match="cannot be made: No such file or directory"):
        SqliteJournal.create(tmp_path / "nowhere" / "journal.db", NOON, [started()])


@pytest.mark.parametrize("seq", [20, 51])
def test_a_kind_that_is_no_text_is_found_and_its_bytes_do_not_reach_the_terminal(tmp_path: Path, seq: int) -> None:
    made(tmp_path / "home", 50).close()
    tampered(tmp_path / "home", "UPDATE entries SET kind = CAST(x'1b5b324aff' AS TEXT) WHERE seq = ?", seq)
    assert found(tmp_path / "home").startswith(f"entry {seq}: cannot be read")
    journal = opened(tmp_path / "home")
    if seq == 51:
        journal.file._connection.execute("DELETE FROM checkpoints")
        with pytest.raises(JournalDamaged, match="cannot be read after entry 50"):
            journal.checkpoint()
    journal.file._connection.close()


def test_an_entry_larger_than_any_is_refused_and_not_read(tmp_path: Path) -> None:
    made(tmp_path / "home", 50).close()
    tampered(tmp_path / "home", "UPDATE entries SET body = zeroblob(50000000) WHERE seq = 20")
    assert found(tmp_path / "home").startswith("entry 20: cannot be read")


def test_a_last_entry_without_a_hash_is_named_before_anything_is_chained_to_it(tmp_path: Path) -> None:
    made(tmp_path / "home", 5).close()
    tampered(tmp_path / "home", "UPDATE entries SET hash = x'00' WHERE seq = 6")
    with pytest.raises(JournalDamaged, match=r"Entry 6 of .*, the last, has no hash"):
        opened(tmp_path / "home")


def test_recomputing_never_says_more_to_a_terminal_than_plain_text(tmp_path: Path) -> None:
    journal = made(tmp_path / "home", 1)
    journal.close()
    path = tmp_path / "export.jsonl"
    for content in (b'{"seq":"\\u001b[2J"}\n', b"[" * 100_000, b"[]\n", b"7\n"):
        path.write_bytes(content)
        done = subprocess.run([sys.executable, recompute.__file__, path], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert done.stderr.startswith("BROKEN ")
        assert done.stderr.strip().isprintable()


def test_what_fills_a_disk_while_a_journal_is_made_leaves_none(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from tests.adapters.journal.support import NOON, started\n"
        "from trading_mcp.adapters.journal.sqlite import SqliteJournal\n"
        "SqliteJournal.create(Path(sys.argv[1]), NOON, [started()])\n"
    )
    for size in range(0, 40_000, 4096):
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / f"{size}.db")],
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda size=size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
        )
        assert (tmp_path / f"{size}.db").exists() == (done.returncode == 0)
        assert done.returncode == 0 or "JournalUnwritable" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "4096.db").exists()
    assert (tmp_path / "36864.db").exists()

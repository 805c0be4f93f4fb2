"""Old entries move into compressed files and stay in the chain; no crash loses or doubles one."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.adapters.journal.support import NOON, SECOND, TRUST, called, events, made, opened, raw_of, rows_of
from trading_mcp.adapters.journal import retention
from trading_mcp.adapters.journal.archive import Archive, Segment
from trading_mcp.adapters.journal.chain import Raw
from trading_mcp.adapters.journal.entryfile import EntryFile
from trading_mcp.adapters.journal.snapshot import Snapshots
from trading_mcp.adapters.journal.sqlite import SqliteJournal
from trading_mcp.core.ports import Head
from trading_mcp.errors import JournalDamaged

SIZE = 10
CUTOFF = NOON + 50 * SECOND
"""Entries 1 to 50 are older than this."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A closed home of 101 entries, a second apart, with a signed snapshot of entry 75 in entry 102."""
    home = tmp_path / "home"
    journal = made(home, 100)
    journal.snapshot(Snapshots(home / "snapshots"), NOON + 101 * SECOND, 1, 75, b"book")
    journal.close()
    return home


def archived(home: Path) -> SqliteJournal:
    journal = opened(home)
    journal.archive(CUTOFF, TRUST, size=SIZE)
    return journal


@pytest.mark.proves("T4", "T5")
def test_full_segments_older_than_the_retention_are_archived_and_everything_stays_readable(
    home: Path,
) -> None:
    journal = opened(home)
    before = list(journal.entries())
    segments = journal.archive(CUTOFF, TRUST, size=SIZE)
    assert [(segment.first, segment.last) for segment in segments] == [(n + 1, n + 10) for n in range(0, 50, 10)]
    assert list(journal.entries()) == before
    assert list(journal.entries(33)) == before[33:]
    assert [raw[0] for raw in rows_of(journal)] == list(range(1, 103))
    report = journal.verify(TRUST, is_deep=True)
    assert report.holds
    assert report.entries == 102
    hot = journal.file._connection.execute("SELECT min(seq), count(*) FROM entries").fetchone()
    assert hot == (51, 52)
    journal.close()
    again = opened(home)
    assert list(again.entries()) == before
    assert again.file.row(7) == (7, *again.file.row(7)[1:])  # type: ignore[index]
    assert again.verify(TRUST).holds
    again.append(NOON + 200 * SECOND, [called(1)])
    again.close()


def test_nothing_is_archived_beyond_the_signed_snapshot(home: Path) -> None:
    journal = opened(home)
    journal.archive(NOON * 2, TRUST, size=SIZE)
    assert journal.file.archive.last == 70
    journal.close()


def test_without_a_snapshot_nothing_is_archived(tmp_path: Path) -> None:
    journal = made(tmp_path / "home", 30)
    assert journal.archive(NOON * 2, TRUST, size=SIZE) == []
    journal.close()


def test_archiving_again_goes_on_where_it_ended(home: Path) -> None:
    journal = archived(home)
    assert journal.archive(CUTOFF, TRUST, size=SIZE) == []
    assert [s.first for s in journal.archive(CUTOFF + 10 * SECOND, TRUST, size=SIZE)] == [51]
    assert journal.verify(TRUST).holds
    journal.close()


def test_a_journal_archived_to_its_last_entry_still_knows_its_head(tmp_path: Path) -> None:
    home = tmp_path / "home"
    journal = made(home, 19)
    head = journal.head()
    retention.archive_older(journal.file, before=NOON * 2, until=20, size=SIZE)
    journal.file.close()
    again = opened(home)
    assert again.head() == head
    again.append(NOON, [called(1)])
    again.checkpoint()
    assert again.verify(TRUST).holds
    again.close()


def test_a_reading_in_progress_goes_on_across_the_move(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trading_mcp.adapters.journal.entryfile.BATCH", 7)
    journal = opened(home)
    before = list(journal.entries())
    reading = journal.file.batches(0, None, 7)
    seen = next(reading)
    journal.archive(CUTOFF, TRUST, size=SIZE)
    for batch in reading:
        seen = seen + batch
    assert [raw[0] for raw in seen] == [entry.seq for entry in before]
    journal.close()


class Crash(Exception):
    pass


def crashing(target: object, name: str, *, after: bool) -> Callable[..., None]:
    real = getattr(target, name)

    def step(*arguments: object, **options: object) -> None:
        if after:
            real(*arguments, **options)
        raise Crash

    return step


@pytest.mark.parametrize(
    ("target", "name"), [(Archive, "write"), (Archive, "read"), (EntryFile, "move_to"), (Archive, "add")]
)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_at_any_step_loses_and_doubles_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch, target: type, name: str, after: bool
) -> None:
    journal = opened(home)
    before = rows_of(journal)
    with monkeypatch.context() as patch:
        patch.setattr(target, name, crashing(target, name, after=after))
        with pytest.raises(Crash):
            journal.archive(CUTOFF, TRUST, size=SIZE)
    journal.file._connection.close()
    again = opened(home)
    assert rows_of(again) == before
    again.archive(CUTOFF, TRUST, size=SIZE)
    assert again.file.archive.last == 50
    assert rows_of(again) == before
    assert again.verify(TRUST).holds
    again.close()


def test_a_damaged_entry_is_never_archived_so_that_its_evidence_stays(home: Path) -> None:
    journal = opened(home)
    journal.file._connection.execute("UPDATE entries SET body = x'00' WHERE seq = 15")
    with pytest.raises(JournalDamaged, match="damaged at entry 15"):
        journal.archive(CUTOFF, TRUST, size=SIZE)
    assert journal.file.archive.last == 10
    journal.close()


def unreadable(_: Archive, __: Segment) -> list[Raw]:
    return []


def test_a_segment_that_does_not_read_back_as_written_stays_in_the_journal(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = opened(home)
    monkeypatch.setattr(Archive, "read", unreadable)
    with pytest.raises(JournalDamaged, match="does not read back"):
        journal.archive(CUTOFF, TRUST, size=SIZE)
    monkeypatch.undo()
    assert journal.file.archive.last == 0
    assert journal.verify(TRUST).holds
    journal.close()


def segment(home: Path, index: int = 1) -> Path:
    return sorted((home / "archive").iterdir())[index]


def test_a_segment_changed_and_compressed_again_is_found_at_its_first_changed_entry(home: Path) -> None:
    archived(home).close()
    lines = gzip.decompress(segment(home).read_bytes()).splitlines(keepends=True)
    lines[4] = lines[4].replace(b"order", b"ordes").replace(b"call", b"cell")
    segment(home).write_bytes(gzip.compress(b"".join(lines)))
    journal = opened(home)
    broken = journal.verify(TRUST).broken
    assert broken is not None
    assert broken.seq == 15
    with pytest.raises(JournalDamaged, match="holds entries 11 to 20, was changed or cut short"):
        list(journal.entries())
    journal.close()


def test_damage_is_found_too_by_a_walk_that_begins_inside_the_segment(home: Path) -> None:
    archived(home).close()
    lines = gzip.decompress(segment(home).read_bytes()).splitlines(keepends=True)
    lines[6] = b"{}\n"
    segment(home).write_bytes(gzip.compress(b"".join(lines)))
    journal = opened(home)
    start = Head(seq=13, hash=raw_of(lines[2])[5])
    broken = journal.verify(TRUST, start=start).broken
    assert broken is not None
    assert broken.seq == 17
    journal.close()


def test_a_segment_with_a_line_that_is_no_entry_is_found_there(home: Path) -> None:
    archived(home).close()
    lines = gzip.decompress(segment(home).read_bytes()).splitlines(keepends=True)
    lines[6] = b"{}\n"
    segment(home).write_bytes(gzip.compress(b"".join(lines)))
    journal = opened(home)
    broken = journal.verify(TRUST).broken
    assert broken is not None
    assert broken.seq == 17
    assert "cannot be read" in broken.reason
    journal.close()


@pytest.mark.parametrize("content", [b"", b"not compressed"])
def test_a_segment_that_is_no_archive_is_found_at_its_first_entry(home: Path, content: bytes) -> None:
    archived(home).close()
    segment(home).write_bytes(content)
    journal = opened(home)
    broken = journal.verify(TRUST).broken
    assert broken is not None
    assert broken.seq == 11
    journal.close()


def test_a_segment_cut_short_is_found_where_it_ends(home: Path) -> None:
    archived(home).close()
    segment(home).write_bytes(segment(home).read_bytes()[:-9])
    journal = opened(home)
    broken = journal.verify(TRUST).broken
    assert broken is not None
    assert 11 <= broken.seq <= 21
    journal.close()


def test_a_segment_that_is_gone_is_named_with_its_entries(home: Path) -> None:
    archived(home).close()
    segment(home).unlink()
    journal = opened(home)
    broken = journal.verify(TRUST).broken
    assert broken is not None
    assert broken.seq == 11
    assert "which holds entries 11 to 20, cannot be read" in broken.reason
    journal.close()


def test_the_same_entries_always_give_the_same_file(home: Path) -> None:
    journal = archived(home)
    rows = journal.file.archive.rows(0, 10)
    first = segment(home, 0).read_bytes()
    journal.file.archive.write(rows)
    assert segment(home, 0).read_bytes() == first
    assert segment(home, 0).stat().st_mode & 0o777 == 0o600
    journal.close()


def test_appending_goes_on_while_archiving(home: Path) -> None:
    journal = opened(home)
    journal.queue(NOON + 300 * SECOND, events(3))
    journal.archive(CUTOFF, TRUST, size=SIZE)
    journal.append(NOON + 301 * SECOND, events(2))
    assert journal.verify(TRUST).entries == 107
    journal.close()

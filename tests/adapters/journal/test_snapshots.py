"""A snapshot of the book is believed only if a signed entry speaks of exactly those bytes."""

from pathlib import Path

import pytest

from tests.adapters.journal.support import NOON, OTHER_KEY, SECOND, TRUST, events, made, opened
from trading_mcp.adapters.journal.snapshot import Snapshots, digest_of
from trading_mcp.adapters.journal.sqlite import SqliteJournal
from trading_mcp.adapters.journal.verify import Trust
from trading_mcp.core.domain.events import SnapshotTaken

BOOK = b'{"book":"as folded"}'


@pytest.fixture
def snapshots(tmp_path: Path) -> Snapshots:
    return Snapshots(tmp_path / "home" / "snapshots")


@pytest.fixture
def journal(tmp_path: Path, snapshots: Snapshots) -> SqliteJournal:
    journal = made(tmp_path / "home", 20)
    journal.snapshot(snapshots, NOON + 30 * SECOND, 1, journal.head().seq, BOOK)
    journal.append(NOON + 31 * SECOND, events(7))
    return journal


def test_a_start_goes_on_from_the_newest_signed_snapshot_and_verifies_from_there(
    journal: SqliteJournal, snapshots: Snapshots
) -> None:
    resumed = journal.resume(snapshots, 1, TRUST)
    assert resumed is not None
    assert (resumed.book, resumed.start.seq) == (BOOK, 21)
    assert resumed.report.holds
    assert resumed.report.entries == 8
    assert [entry.seq for entry in journal.entries(resumed.start.seq)] == list(range(22, 30))
    journal.close()


def test_a_journal_without_a_snapshot_is_replayed(tmp_path: Path, snapshots: Snapshots) -> None:
    journal = made(tmp_path / "home", 3)
    assert journal.resume(snapshots, 1, TRUST) is None
    journal.close()


def test_another_version_of_the_fold_is_replayed(journal: SqliteJournal, snapshots: Snapshots) -> None:
    assert journal.resume(snapshots, 2, TRUST) is None
    journal.close()


@pytest.mark.parametrize("content", [b"", b'{"book":"as forged"}', BOOK + b" "])
def test_other_bytes_than_the_chain_speaks_of_are_not_loaded(
    journal: SqliteJournal, snapshots: Snapshots, content: bytes
) -> None:
    (path,) = snapshots.folder.iterdir()
    path.write_bytes(content)
    assert journal.resume(snapshots, 1, TRUST) is None
    journal.close()


def test_a_snapshot_that_is_gone_costs_a_replay_and_nothing_else(
    journal: SqliteJournal, snapshots: Snapshots
) -> None:
    (path,) = snapshots.folder.iterdir()
    path.unlink()
    assert journal.resume(snapshots, 1, TRUST) is None
    assert journal.verify(TRUST).holds
    journal.close()


def test_a_claim_that_this_desk_did_not_sign_is_not_believed(journal: SqliteJournal, snapshots: Snapshots) -> None:
    assert journal.resume(snapshots, 1, Trust(key=OTHER_KEY.public)) is None
    journal.close()


def test_a_claim_that_nothing_signed_covers_is_not_believed(tmp_path: Path, snapshots: Snapshots) -> None:
    home = tmp_path / "home"
    made(home, 5).close()
    journal = SqliteJournal.open(home / "journal.db")
    journal.snapshot(snapshots, NOON, 1, 3, BOOK)
    assert journal.resume(snapshots, 1, TRUST) is None
    assert journal.archive(NOON * 2, TRUST) == []
    journal.close()


def test_when_the_newest_cannot_be_used_the_one_before_is(journal: SqliteJournal, snapshots: Snapshots) -> None:
    journal.snapshot(snapshots, NOON + 40 * SECOND, 1, journal.head().seq, b"newer")
    newest = max(snapshots.folder.iterdir())
    newest.write_bytes(b"damaged")
    resumed = journal.resume(snapshots, 1, TRUST)
    assert resumed is not None
    assert (resumed.book, resumed.start.seq) == (BOOK, 21)
    journal.close()


def test_after_two_that_cannot_be_used_it_is_replayed(journal: SqliteJournal, snapshots: Snapshots) -> None:
    for number in range(2):
        journal.snapshot(snapshots, NOON + 40 * SECOND, 1, journal.head().seq, b"%d" % number)
    for path in snapshots.folder.iterdir():
        path.write_bytes(b"damaged")
    assert journal.resume(snapshots, 1, TRUST) is None
    journal.close()


def test_only_the_newest_two_are_kept_and_both_are_in_the_chain(journal: SqliteJournal, snapshots: Snapshots) -> None:
    for number in range(4):
        journal.snapshot(snapshots, NOON + 40 * SECOND, 1, journal.head().seq, b"%d" % number)
    claims = [entry.event for entry in journal.entries() if isinstance(entry.event, SnapshotTaken)]
    kept = sorted(int(path.name.split("-")[0]) for path in snapshots.folder.iterdir())
    assert kept == [claim.seq for claim in claims[-2:]]
    journal.close()


def test_a_crash_after_the_file_and_before_the_claim_leaves_the_old_one_good(
    journal: SqliteJournal, snapshots: Snapshots
) -> None:
    for number in range(5):
        snapshots.store(1, 25 + number, b"never claimed")
    resumed = journal.resume(snapshots, 1, TRUST)
    assert resumed is not None
    assert resumed.book == BOOK
    journal.close()


def test_a_claim_about_the_future_is_not_believed(tmp_path: Path, snapshots: Snapshots) -> None:
    journal = made(tmp_path / "home", 3)
    digest = snapshots.store(1, 99, BOOK)
    journal.append(NOON, [SnapshotTaken(at=NOON, fold_version=1, seq=99, digest=digest)])
    assert journal.resume(snapshots, 1, TRUST) is None
    journal.close()


@pytest.mark.parametrize(
    ("kind", "body"), [("SnapshotTaken", b"{}"), ("SnapshotTaken", b'{"event":"Woke.1","at":1}')]
)
def test_a_claim_that_cannot_be_read_is_no_claim(
    tmp_path: Path, snapshots: Snapshots, kind: str, body: bytes
) -> None:
    journal = made(tmp_path / "home", 3)
    journal.file.append(NOON, [(kind, body)])
    assert journal.resume(snapshots, 1, TRUST) is None
    journal.close()


def test_damage_after_the_snapshot_is_in_the_report(
    journal: SqliteJournal, snapshots: Snapshots, tmp_path: Path
) -> None:
    connection = journal.file._connection
    connection.execute("UPDATE entries SET body = x'00' WHERE seq = 25")
    resumed = journal.resume(snapshots, 1, TRUST)
    assert resumed is not None
    assert resumed.report.broken is not None
    assert resumed.report.broken.seq == 25
    journal.close()


def test_the_digest_binds_version_place_and_bytes() -> None:
    assert len({digest_of(1, 2, b"x"), digest_of(2, 1, b"x"), digest_of(1, 2, b"y"), digest_of(1, 3, b"x")}) == 4


def test_a_snapshot_survives_the_next_start(journal: SqliteJournal, snapshots: Snapshots, tmp_path: Path) -> None:
    journal.close()
    again = opened(tmp_path / "home")
    resumed = again.resume(snapshots, 1, TRUST)
    assert resumed is not None
    assert resumed.report.holds
    again.close()

"""When a head is signed, and where it is kept outside the home."""

from pathlib import Path

import pytest

from tests.adapters.journal.support import (
    KEY,
    NOON,
    SECOND,
    TRUST,
    called,
    checkpointer,
    events,
    made,
    opened,
    stopped,
)
from trading_mcp.adapters.journal import anchor as anchors
from trading_mcp.adapters.journal.anchor import AnchorFile, AnchorState
from trading_mcp.adapters.journal.chain import GENESIS
from trading_mcp.adapters.journal.checkpoint import FAKE, Checkpointer, flaw
from trading_mcp.adapters.journal.sqlite import SqliteJournal
from trading_mcp.adapters.journal.verify import Trust


def sizes(journal: SqliteJournal) -> list[int]:
    return [mark.size for mark in journal.file.checkpoints()]


def test_a_new_journal_is_signed_at_once(tmp_path: Path) -> None:
    journal = made(tmp_path / "home")
    assert sizes(journal) == [1]
    journal.close()


def test_a_head_is_signed_every_so_many_entries(tmp_path: Path) -> None:
    journal = made(tmp_path / "home", every=10)
    for number in range(45):
        journal.append(NOON, [called(number)])
    assert sizes(journal) == [1, 11, 21, 31, 41]
    journal.close()


def test_a_group_is_signed_at_its_end(tmp_path: Path) -> None:
    journal = made(tmp_path / "home", every=10)
    journal.append(NOON, events(35))
    assert sizes(journal) == [1, 36]
    journal.close()


def test_a_head_is_signed_every_minute_of_the_entries_own_time(tmp_path: Path) -> None:
    journal = made(tmp_path / "home")
    for second in (1, 59, 60, 61, 119, 120):
        journal.append(NOON + second * SECOND, [called(second)])
    assert sizes(journal) == [1, 4, 7]
    journal.close()


def test_a_step_back_of_the_clock_is_signed_at_once(tmp_path: Path) -> None:
    journal = made(tmp_path / "home")
    journal.append(NOON - 1, [called(1)])
    assert sizes(journal) == [1, 2]
    journal.close()


def test_chosen_kinds_are_signed_in_the_same_commit(tmp_path: Path) -> None:
    journal = made(tmp_path / "home")
    journal.append(NOON, [called(1)])
    journal.append(NOON, [stopped(), called(2)])
    assert sizes(journal) == [1, 4]
    journal.close()


def test_what_is_queued_is_signed_by_the_same_rules(tmp_path: Path) -> None:
    journal = made(tmp_path / "home", every=3)
    journal.queue(NOON, events(3))
    journal.file.flush()
    assert sizes(journal)[-1] == 4
    journal.close()


def test_after_opening_the_count_goes_on(tmp_path: Path) -> None:
    journal = made(tmp_path / "home", every=10)
    journal.append(NOON, events(5))
    journal.file._checkpointer = None  # a crash: no last checkpoint
    journal.close()
    again = opened(tmp_path / "home", every=10)
    again.append(NOON, events(4))
    assert sizes(again) == [1]
    again.append(NOON, events(1))
    assert sizes(again) == [1, 11]
    again.close()


def test_more_checkpoints_than_one_read_takes_are_all_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trading_mcp.adapters.journal.entryfile.BATCH", 4)
    journal = made(tmp_path / "home", every=1)
    for number in range(9):
        journal.append(NOON, [called(number)])
    assert sizes(journal) == list(range(1, 11))
    assert journal.verify(TRUST).holds
    journal.close()


def test_a_home_of_fake_venues_signs_under_a_domain_of_its_own(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    signer = Checkpointer(KEY, domain=FAKE)
    journal = SqliteJournal.create(home / "journal.db", NOON, [called(1)], checkpointer=signer)
    assert journal.verify(Trust(key=KEY.public, domain=FAKE)).holds
    assert not journal.verify(TRUST).holds
    journal.close()


def test_a_checkpoint_that_is_not_made_of_bytes_and_numbers_is_not_one(tmp_path: Path) -> None:
    journal = made(tmp_path / "home")
    (mark,) = journal.file.checkpoints()
    odd = type(mark)(size=-1, head=mark.head, at=mark.at, key=mark.key, signature=mark.signature)
    assert flaw(mark, KEY.public, b"trading-mcp/checkpoint/1") is None
    assert flaw(odd, KEY.public, b"trading-mcp/checkpoint/1") == "is not a checkpoint (error)"
    journal.close()


def test_each_checkpoint_reaches_the_anchor_and_agrees(tmp_path: Path) -> None:
    anchor = AnchorFile(tmp_path / "state" / "anchor.jsonl")
    journal = made(tmp_path / "home", 0, anchor, every=2)
    for number in range(6):
        journal.append(NOON, [called(number)])
    assert len(anchor.lines()) == 4
    assert journal.anchored(anchor, TRUST, NOON).is_sound
    assert anchor.path.stat().st_mode & 0o777 == 0o600
    journal.close()


def test_a_crash_between_the_journal_and_its_anchor_is_innocent(tmp_path: Path) -> None:
    anchor = AnchorFile(tmp_path / "state" / "anchor.jsonl")
    journal = made(tmp_path / "home", 0, anchor, every=2)
    before = anchor.path.read_bytes()
    journal.append(NOON, events(4))
    other = AnchorFile(tmp_path / "cut" / "anchor.jsonl")
    other.path.parent.mkdir()
    for cut in range(len(anchor.path.read_bytes()) - len(before) + 1):
        whole = before + anchor.path.read_bytes()[len(before) :][:cut]
        other.path.write_bytes(whole)
        assert journal.anchored(other, TRUST, NOON).state is AnchorState.AGREES
    (mark,) = list(journal.file.checkpoints())[-1:]
    other.add(mark)
    other.add(mark)
    assert all(line.endswith(b"}") for line in other.lines())
    assert journal.anchored(other, TRUST, NOON).state is AnchorState.AGREES
    journal.close()


def test_a_line_cut_off_by_a_crash_does_not_swallow_the_next(tmp_path: Path) -> None:
    anchor = AnchorFile(tmp_path / "state" / "anchor.jsonl")
    journal = made(tmp_path / "home", 0, anchor)
    anchor.path.write_bytes(anchor.path.read_bytes() + b'{"at":17')
    journal.file.close()
    fresh = AnchorFile(anchor.path)
    again = opened(tmp_path / "home", fresh)
    again.append(NOON, [stopped()])
    assert len(fresh.lines()) == 2
    assert again.anchored(fresh, TRUST, NOON).state is AnchorState.AGREES
    again.close()


def test_the_anchor_stays_small_and_keeps_the_newest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anchors, "BYTES_MAX", 4000)
    monkeypatch.setattr(anchors, "LINES_KEPT", 3)
    anchor = AnchorFile(tmp_path / "state" / "anchor.jsonl")
    journal = made(tmp_path / "home", 0, anchor, every=1)
    for number in range(50):
        journal.append(NOON, [called(number)])
        assert anchor.path.stat().st_size <= 4000
    assert journal.anchored(anchor, TRUST, NOON).state is AnchorState.AGREES
    journal.close()


def test_an_anchor_that_cannot_be_written_is_reported_and_tried_again(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.touch()  # a file where a folder should be
    anchor = AnchorFile(folder / "anchor.jsonl")
    signer = checkpointer(anchor, every=1)
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    journal = SqliteJournal.create(home / "journal.db", NOON, [called(1)], checkpointer=signer)
    assert signer.trouble is not None
    folder.unlink()
    journal.append(NOON, [called(2)])
    assert signer.trouble is None
    assert len(anchor.lines()) == 1
    journal.close()


def test_a_new_journal_has_a_new_anchor_and_an_old_one_without_is_told_apart(tmp_path: Path) -> None:
    nowhere = AnchorFile(tmp_path / "nowhere" / "anchor.jsonl")
    journal = made(tmp_path / "home", every=1)
    verdict = journal.anchored(nowhere, TRUST, NOON)
    assert (verdict.state, verdict.is_sound) == (AnchorState.NEW, True)
    journal.append(NOON, [called(1)])
    verdict = journal.anchored(nowhere, TRUST, NOON)
    assert (verdict.state, verdict.is_sound) == (AnchorState.MISSING, False)
    assert "empty or missing" in verdict.sentence
    journal.close()


def test_without_a_signer_nothing_is_signed_and_closing_still_works(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    journal = SqliteJournal.create(home / "journal.db", NOON, [called(1)])
    journal.append(NOON, events(3))
    assert list(journal.file.checkpoints()) == []
    journal.close()


def test_a_walk_from_a_believed_head_checks_only_what_follows(tmp_path: Path) -> None:
    journal = made(tmp_path / "home", 40, every=10)
    middle = list(journal.entries())[19]
    start = type(GENESIS)(seq=middle.seq, hash=middle.hash)
    report = journal.verify(TRUST, start=start)
    assert report.holds
    assert report.entries == 21
    older = journal.verify(TRUST, until=middle.seq)
    assert older.holds
    assert older.head == start
    journal.close()

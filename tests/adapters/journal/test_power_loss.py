"""The power goes at every write and sync of an append; nothing that was acknowledged is lost."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.adapters.journal.disk import Acknowledged, Disk, Sync, Write, outcomes, put, taken
from tests.adapters.journal.support import NOON, TRUST, checkpointer, drafts, events, made, opened, rows_of
from trading_mcp.adapters.journal import schema
from trading_mcp.adapters.journal.entryfile import EntryFile
from trading_mcp.errors import JournalError

Sampled = Callable[[int], tuple[random.Random, int]]

BATCHES = (1, 3, 1, 2, 40, 1, 5)
"""Entries of each append: alone, in groups, and one large enough to be folded back into the main file."""


def played(
    home: Path, *, frames_kept: int, is_after_a_crash: bool = False, log_bytes: int = 0
) -> tuple[dict[str, bytes], Disk, set[int]]:
    """Append through a disk that takes notes: files before, the notes, the sizes appends ended at."""
    journal = made(home)
    if is_after_a_crash:
        journal.append(NOON, events(5))
        before = taken(home)
        journal.close()
        put(home, before)
    else:
        journal.close()
        before = taken(home)
    disk = Disk(f"power-{frames_kept}-{is_after_a_crash}-{log_bytes}-{home.parent.name}")
    connection = disk.connect(home / "journal.db")
    schema.prepare(connection)
    schema.fold_back(connection)
    if log_bytes:
        schema.lay_out_log(home / "journal.db", log_bytes)
        laid_out = (home / "journal.db-wal").read_bytes()
        assert len(laid_out) >= log_bytes
        disk.steps.append(Write("journal.db-wal", 0, laid_out))
    connection.wal_autocheckpoint(frames_kept)
    file = EntryFile(connection, home / "journal.db", checkpointer=checkpointer(every=4), linger=60)
    ends = {file.durable.seq}
    disk.steps.insert(0, Acknowledged(file.durable.seq))
    for number, count in enumerate(BATCHES):
        if number % 2:
            file.queue(NOON, drafts(1, number * 100 + 90))
        file.append(NOON, drafts(count, number * 100))
        ends.add(file.durable.seq)
        disk.steps.append(Acknowledged(file.durable.seq))
    file.close()
    return before, disk, ends


@pytest.mark.parametrize(
    ("frames_kept", "is_after_a_crash", "log_bytes"),
    [(1000, False, 0), (6, False, 0), (1000, True, 0), (1000, False, 1), (6, True, 1)],
    ids=["log-grows", "log-is-folded-back", "again-after-a-crash", "log-is-laid-out", "and-folded-back"],
)
def test_whatever_part_of_the_unsynced_writes_survives_nothing_acknowledged_is_lost(
    tmp_path: Path, sampled: Sampled, frames_kept: int, is_after_a_crash: bool, log_bytes: int
) -> None:
    before, disk, ends = played(
        tmp_path / "played", frames_kept=frames_kept, is_after_a_crash=is_after_a_crash, log_bytes=log_bytes
    )
    rng, samples = sampled(12)
    after = tmp_path / "after"
    states = 0
    for acknowledged, files in outcomes(before, disk.steps, rng, samples):
        put(after, files)
        journal = opened(after)
        rows, report = rows_of(journal), journal.verify(TRUST)
        journal.file.close()
        assert report.holds, report.broken
        assert len(rows) >= max(acknowledged, 1)
        assert len(rows) in ends, "an append is there as a whole or not at all"
        states += 1
    assert states > 300


def test_the_simulation_would_notice_a_writer_that_does_not_sync(tmp_path: Path, sampled: Sampled) -> None:
    before, disk, _ = played(tmp_path / "played", frames_kept=1000)
    unsynced = [step for step in disk.steps if not (isinstance(step, Sync) and step.name.endswith("-wal"))]
    rng, samples = sampled(12)
    lost = 0
    for acknowledged, files in outcomes(before, unsynced, rng, samples):
        put(tmp_path / "after", files)
        try:
            journal = opened(tmp_path / "after")
        except JournalError:
            lost += 1
            continue
        lost += journal.head().seq < acknowledged
        journal.file.close()
    assert lost > 0


def test_every_append_is_synced_before_it_is_acknowledged(tmp_path: Path) -> None:
    _, disk, _ = played(tmp_path / "played", frames_kept=1000)
    unsynced = 0
    for step in disk.steps:
        if isinstance(step, Write):
            unsynced += 1
        elif isinstance(step, Sync):
            unsynced = 0
        elif isinstance(step, Acknowledged):
            assert unsynced == 0

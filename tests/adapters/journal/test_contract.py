"""What every journal promises, on disk or in memory."""

import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.journal.support import NOON, answered, called, events, made, sending, started
from trading_mcp.adapters.journal.chain import GENESIS, hash_of
from trading_mcp.adapters.journal.memory import MemoryJournal
from trading_mcp.adapters.journal.sqlite import SqliteJournal
from trading_mcp.core import codec
from trading_mcp.errors import JournalError

Journal = SqliteJournal | MemoryJournal


@pytest.fixture(params=["disk", "memory"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    if request.param == "disk":
        on_disk = made(tmp_path / "home")
        yield on_disk
        on_disk.close()
    else:
        in_memory = MemoryJournal()
        in_memory.append(NOON, [started()])
        yield in_memory


def test_it_begins_at_the_genesis_head_and_counts_from_one(journal: Journal) -> None:
    (first,) = journal.entries()
    assert (first.seq, first.prev, first.event) == (1, GENESIS.hash, started())
    assert journal.head().seq == 1
    assert journal.head().hash == first.hash


def test_what_is_appended_is_read_back_equal_and_in_order(journal: Journal) -> None:
    recorded = journal.append(NOON + 1, events(9))
    assert [entry.event for entry in recorded] == events(9)
    assert [entry.seq for entry in recorded] == list(range(2, 11))
    assert {entry.at for entry in recorded} == {NOON + 1}
    assert list(journal.entries(1)) == list(recorded)


def test_each_entry_commits_to_the_one_before(journal: Journal) -> None:
    journal.append(NOON, events(5))
    entries = list(journal.entries())
    for before, after in pairwise(entries):
        assert after.prev == before.hash
        kind, body = codec.encode(after.event)
        assert after.hash == hash_of(after.seq, after.at, kind, body, before.hash)


def test_the_head_is_the_last_entry_queued_ones_included(journal: Journal) -> None:
    before = journal.head()
    journal.queue(NOON, [called(1), answered(1)])
    assert journal.head().seq == before.seq + 2
    assert journal.head().hash == list(journal.entries())[-1].hash


def test_a_later_append_stands_after_what_was_queued_first(journal: Journal) -> None:
    journal.queue(NOON, [called(1)])
    journal.append(NOON, [sending(2)])
    journal.queue(NOON, [answered(1)])
    assert [entry.event for entry in journal.entries(1)] == [called(1), sending(2), answered(1)]


def test_nothing_appended_is_nothing_recorded(journal: Journal) -> None:
    before = journal.head()
    assert journal.append(NOON, []) == ()
    journal.queue(NOON, [])
    assert journal.head() == before


@pytest.mark.parametrize("verb", ["append", "queue"])
@pytest.mark.parametrize("wrong", [object(), None, "text"])
def test_one_event_that_cannot_be_recorded_keeps_out_all_of_its_batch(
    journal: Journal, verb: str, wrong: Any
) -> None:
    before = journal.head()
    with pytest.raises((TypeError, ValueError, JournalError)):
        getattr(journal, verb)(NOON, [called(1), wrong])
    assert journal.head() == before
    assert len(list(journal.entries())) == 1
    journal.append(NOON, [called(2)])
    assert [entry.event for entry in journal.entries(1)] == [called(2)]


@pytest.mark.parametrize("at", [2**63, -(2**63) - 1, "noon", 1.5, None])
@pytest.mark.parametrize("verb", ["append", "queue"])
def test_a_time_that_is_no_time_changes_nothing(journal: Journal, at: Any, verb: str) -> None:
    before = journal.head()
    with pytest.raises(Exception, match=r".*"):
        getattr(journal, verb)(at, [called(1)])
    assert journal.head() == before
    journal.append(NOON, [called(2)])
    assert [entry.event for entry in journal.entries(1)] == [called(2)]


@pytest.mark.parametrize("at", [0, -1, 2**63 - 1, -(2**63)])
def test_any_time_that_fits_is_kept_and_a_clock_may_step_back(journal: Journal, at: int) -> None:
    journal.append(NOON, [called(1)])
    journal.append(at, [called(2)])
    assert list(journal.entries())[-1].at == at


def test_reading_ends_where_the_journal_ended_when_reading_began(journal: Journal) -> None:
    journal.append(NOON, events(3))
    reading = journal.entries()
    seen = [next(reading)]
    journal.append(NOON, events(5))
    seen.extend(reading)
    assert [entry.seq for entry in seen] == [1, 2, 3, 4]


@pytest.mark.parametrize("since", [0, 1, 4, 5, 99])
def test_reading_since_an_entry_begins_with_the_next(journal: Journal, since: int) -> None:
    journal.append(NOON, events(4))
    assert [entry.seq for entry in journal.entries(since)] == list(range(since + 1, 6))


def test_the_order_of_the_chain_is_the_order_of_the_calls_for_every_thread(tmp_path: Path) -> None:
    # On disk only: memory is one thread's. Each thread numbers its own calls.
    journal = made(tmp_path / "home")
    rounds = 60

    def work(name: int) -> None:
        for number in range(rounds):
            if (name + number) % 3:
                journal.queue(NOON, [called(name * 1000 + number)])
            else:
                journal.append(NOON, [called(name * 1000 + number)])

    threads = [threading.Thread(target=work, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = [int(entry.event.call_id[5:]) for entry in journal.entries(1)]  # type: ignore[union-attr]
    assert len(numbers) == 6 * rounds
    for name in range(6):
        own = [number % 1000 for number in numbers if number // 1000 == name]
        assert own == list(range(rounds))
    assert journal.verify().holds
    journal.close()

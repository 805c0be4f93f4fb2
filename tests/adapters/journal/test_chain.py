"""The chain as bytes: no two entries hash alike, and what is no entry is said to be none."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.journal.support import NOON, drafts, made
from trading_mcp.adapters.journal.chain import GENESIS, Walk, hash_of, link
from trading_mcp.errors import JournalDamaged

FIELDS = st.tuples(
    st.integers(0, 2**64 - 1),
    st.integers(-(2**63), 2**63 - 1),
    st.text(max_size=8),
    st.binary(max_size=8),
    st.binary(min_size=32, max_size=32),
)


@given(FIELDS, FIELDS)
def test_different_entries_have_different_hashes(one: Any, other: Any) -> None:
    assert (hash_of(*one) == hash_of(*other)) == (one == other)


def test_moving_bytes_from_one_field_to_the_next_changes_the_hash() -> None:
    assert hash_of(1, 2, "ab", b"c", bytes(32)) != hash_of(1, 2, "a", b"bc", bytes(32))


def test_the_hash_of_a_known_entry_never_changes() -> None:
    mark = hash_of(1, 1_767_268_800_000_000, "Kind", b'{"n":1}', bytes(32))
    assert mark.hex() == "5303bb28333b5ef14d57d2378f76725af68e6c9b5b2cf318f53c66e074795418"


@pytest.mark.parametrize("batches", [1, 2, 7, 100])
def test_a_walk_is_the_same_in_batches_of_any_size(batches: int) -> None:
    rows = [row.raw for row in link(GENESIS, NOON, drafts(100))]
    walk = Walk(GENESIS)
    for start in range(0, 100, batches):
        assert walk.over(rows[start : start + batches])
    assert walk.head.seq == 100


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, "2"),
        (0, None),
        (1, "noon"),
        (1, 2**70),
        (2, b"Kind"),
        (2, None),
        (3, "text"),
        (3, None),
        (5, None),
    ],
)
def test_a_row_of_other_types_is_no_entry_and_ends_the_walk(place: int, value: Any) -> None:
    rows = [row.raw for row in link(GENESIS, NOON, drafts(3))]
    odd: Any = [*rows[1]]
    odd[place] = value
    walk = Walk(GENESIS)
    assert not walk.over([rows[0], tuple(odd), rows[2]])
    assert walk.broken is not None
    assert walk.broken.seq == 2
    assert walk.head.seq == 1
    assert not walk.over([rows[2]]), "after a break nothing is believed any more"


def test_an_entry_changed_and_moved_is_said_to_be_both() -> None:
    rows = [row.raw for row in link(GENESIS, NOON, drafts(2))]
    walk = Walk(GENESIS)
    walk.over([rows[0], (2, NOON, "Kind", b"{}", bytes(32), bytes(32))])
    assert str(walk.broken) == "entry 2: does not follow entry 1 as it stands, and its content was changed"


def test_steps_back_of_the_clock_are_listed_but_not_without_end() -> None:
    walk = Walk(GENESIS)
    head = GENESIS
    for number in range(300):
        (row,) = link(head, NOON - number, drafts(1))
        head = type(head)(seq=row.seq, hash=row.hash)
        assert walk.over([row.raw])
    assert walk.backward == list(range(2, 102))


def test_rows_that_vanish_while_it_is_open_are_missing(tmp_path: Any) -> None:
    journal = made(tmp_path / "home", 9)
    journal.file._connection.execute("DELETE FROM entries WHERE seq > 6")
    broken = journal.verify().broken
    assert broken is not None
    assert (broken.seq, "lacks entry 7" in broken.reason) == (7, True)
    with pytest.raises(JournalDamaged, match="lacks entry 7"):
        list(journal.entries())
    assert journal.file.row(11) is None
    journal.file.close()

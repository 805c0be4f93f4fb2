"""Ten ways to change history, each found and located; a test's name says what it takes for granted.

The one who tampers has the file and every public detail of the format, but not the desk's key. What is kept
outside, the anchor, is out of his reach wherever the name says so.
"""

import shutil
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.journal.support import (
    KEY,
    NOON,
    OTHER_KEY,
    SECOND,
    TRUST,
    called,
    checkpointer,
    made,
    opened,
)
from trading_mcp.adapters.journal import schema
from trading_mcp.adapters.journal.anchor import AnchorFile, AnchorState
from trading_mcp.adapters.journal.chain import GENESIS, Raw, hash_of, row_of
from trading_mcp.adapters.journal.checkpoint import REAL as DOMAIN
from trading_mcp.adapters.journal.checkpoint import Checkpoint, DeskKey, signed, values_of
from trading_mcp.adapters.journal.sqlite import SqliteJournal
from trading_mcp.adapters.journal.verify import Report
from trading_mcp.errors import JournalDamaged

ENTRIES = 600
NOW = NOON + 2 * ENTRIES * SECOND


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose journal has 601 entries, signed at 1, 61, 121 … (a minute each) and at its close."""
    folder = tmp_path_factory.mktemp("original")
    anchor = AnchorFile(folder / "state" / "anchor.jsonl")
    made(folder / "home", ENTRIES, anchor).close()
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    shutil.copytree(original, tmp_path / "copy")
    return tmp_path / "copy"


def journal_of(folder: Path) -> Path:
    return folder / "home" / "journal.db"


@contextmanager
def tampering(folder: Path) -> Generator[sqlite3.Connection]:
    """Any SQLite tool can do this."""
    with closing(sqlite3.connect(journal_of(folder), isolation_level=None)) as connection:
        yield connection


def verified(folder: Path) -> Report:
    journal = SqliteJournal.open(journal_of(folder))
    report = journal.verify(TRUST)
    journal.file.close()
    return report


def anchored(folder: Path, now: int = NOW) -> AnchorState:
    journal = SqliteJournal.open(journal_of(folder))
    verdict = journal.anchored(AnchorFile(folder / "state" / "anchor.jsonl"), TRUST, now)
    journal.file.close()
    return verdict.state


def entries_in(connection: sqlite3.Connection) -> list[Raw]:
    return connection.execute(schema.SELECT_ENTRIES, (0, 10**9, 10**9)).fetchall()


def rewritten(connection: sqlite3.Connection, rows: Sequence[Raw]) -> None:
    """Chain `rows` anew from the start and put them in the place of everything."""
    connection.execute(schema.DELETE_ENTRIES, (10**9,))
    prev = GENESIS.hash
    for seq, raw in enumerate(rows, start=1):
        mark = hash_of(seq, raw[1], raw[2], raw[3], prev)
        connection.execute(schema.INSERT_ENTRY, (seq, raw[1], raw[2], raw[3], prev, mark))
        prev = mark


def forged(row: Raw, key: DeskKey) -> Checkpoint:
    return signed(key, DOMAIN, row_of(row))


def test_untouched_it_holds(folder: Path) -> None:
    report = verified(folder)
    assert report.holds
    assert report.entries == ENTRIES + 1
    assert report.checkpoints == ENTRIES // 60 + 1
    assert anchored(folder) is AnchorState.AGREES


@pytest.mark.parametrize(
    ("statement", "value"),
    [
        ("UPDATE entries SET body = ? WHERE seq = 300", b'{"at":1}'),
        ("UPDATE entries SET at = ? WHERE seq = 300", NOON),
        ("UPDATE entries SET kind = ? WHERE seq = 300", "OrderAccepted"),
        ("UPDATE entries SET kind = CAST(? AS TEXT) WHERE seq = 300", b"\xff\xfe"),
        ("UPDATE entries SET hash = ? WHERE seq = 300", bytes(32)),
        ("UPDATE entries SET prev = ? WHERE seq = 300", bytes(32)),
        ("UPDATE entries SET hash = ? WHERE seq = 300", b"short"),
    ],
)
def test_a_flipped_field_is_found_in_its_entry_whatever_else_is_intact(
    folder: Path, statement: str, value: Any
) -> None:
    with tampering(folder) as connection:
        connection.execute(statement, (value,))
    broken = verified(folder).broken
    assert broken is not None
    assert broken.seq == 300


def test_a_flipped_body_with_its_hash_recomputed_is_found_in_the_next_entry(folder: Path) -> None:
    with tampering(folder) as connection:
        raw = entries_in(connection)[299]
        mark = hash_of(raw[0], raw[1], raw[2], b"{}", raw[4])
        connection.execute("UPDATE entries SET body = ?, hash = ? WHERE seq = 300", (b"{}", mark))
    broken = verified(folder).broken
    assert broken is not None
    assert (broken.seq, broken.reason) == (
        301,
        "does not follow entry 300 as it stands, although its own content is whole",
    )


def test_an_inserted_entry_is_found_where_it_was_put_whatever_else_is_intact(folder: Path) -> None:
    with tampering(folder) as connection:
        connection.execute("UPDATE entries SET seq = -seq - 1 WHERE seq >= 300")
        connection.execute("UPDATE entries SET seq = -seq WHERE seq < 0")
        (prev,) = connection.execute("SELECT hash FROM entries WHERE seq = 299").fetchone()
        mark = hash_of(300, NOON, "DeskStopped", b"{}", prev)
        connection.execute(schema.INSERT_ENTRY, (300, NOON, "DeskStopped", b"{}", prev, mark))
    broken = verified(folder).broken
    assert broken is not None
    assert broken.seq == 301


def test_a_deleted_entry_is_named_as_missing_whatever_else_is_intact(folder: Path) -> None:
    with tampering(folder) as connection:
        connection.execute("DELETE FROM entries WHERE seq = 300")
    assert str(verified(folder).broken) == "entry 300: is missing, the next one on disk is 301"


def test_reordered_entries_are_found_at_the_first_of_them_whatever_else_is_intact(folder: Path) -> None:
    with tampering(folder) as connection:
        connection.execute("UPDATE entries SET seq = -1 WHERE seq = 300")
        connection.execute("UPDATE entries SET seq = 300 WHERE seq = 301")
        connection.execute("UPDATE entries SET seq = 301 WHERE seq = -1")
    broken = verified(folder).broken
    assert broken is not None
    assert broken.seq == 300


def test_a_tail_cut_behind_the_last_checkpoint_is_found_by_that_checkpoint(folder: Path) -> None:
    with tampering(folder) as connection:
        connection.execute("DELETE FROM entries WHERE seq > 590")
    report = verified(folder)
    assert str(report.broken) == "entry 591: is missing, although the desk has signed 601 entries"
    assert report.head.seq == 590


def test_a_tail_cut_together_with_its_checkpoints_is_found_while_the_anchor_survives(folder: Path) -> None:
    with tampering(folder) as connection:
        connection.execute("DELETE FROM entries WHERE seq > 561")
        connection.execute("DELETE FROM checkpoints WHERE size > 561")
    assert verified(folder).holds
    assert anchored(folder) is AnchorState.BEHIND


def test_everything_rewritten_is_found_by_the_checkpoints_left_behind(folder: Path) -> None:
    with tampering(folder) as connection:
        rows = entries_in(connection)
        rows[99] = (100, rows[99][1], "DeskStopped", b"{}", b"", b"")
        rewritten(connection, rows)
    assert str(verified(folder).broken) == "entry 121: is not the entry that was signed: the chain was rewritten"


def test_everything_rewritten_and_unsigned_is_found_because_the_desk_signs_more_often(folder: Path) -> None:
    with tampering(folder) as connection:
        rows = entries_in(connection)
        rewritten(connection, [*rows[:99], *rows[100:]])
        connection.execute("DELETE FROM checkpoints")
    assert str(verified(folder).broken) == "entry 1: is not signed, although the desk signs one like it at once"


def test_everything_rewritten_but_a_short_unsigned_tail_is_found_while_the_anchor_survives(
    folder: Path,
) -> None:
    with tampering(folder) as connection:
        rows = entries_in(connection)
        rows[580] = (581, rows[580][1], "OrderSending", b"{}", b"", b"")
        rows[600] = (601, rows[599][1], *rows[600][2:])  # within a minute of the last signature
        rewritten(connection, rows)
        connection.execute("DELETE FROM checkpoints WHERE size > 541")
    assert verified(folder).holds
    assert anchored(folder) is AnchorState.DIFFERENT


def test_an_old_copy_put_back_is_found_while_the_anchor_survives(folder: Path) -> None:
    old = journal_of(folder).read_bytes()
    journal = opened(folder / "home", AnchorFile(folder / "state" / "anchor.jsonl"))
    journal.append(NOW, [called(1)])
    journal.close()
    journal_of(folder).write_bytes(old)
    assert verified(folder).holds
    assert anchored(folder) is AnchorState.BEHIND


def test_a_swapped_key_is_found_by_whoever_knows_the_desks_public_key(folder: Path) -> None:
    with tampering(folder) as connection:
        rows = entries_in(connection)
        connection.execute("DELETE FROM checkpoints")
        for row in rows[::60]:
            connection.execute(schema.INSERT_CHECKPOINT, values_of(forged(row, OTHER_KEY)))
    assert str(verified(folder).broken) == "entry 1: the checkpoint there is signed with another key than this desk's"


def test_a_key_swapped_in_the_home_altogether_is_found_while_the_anchor_survives(folder: Path) -> None:
    journal = SqliteJournal.open(journal_of(folder))
    anchor = AnchorFile(folder / "state" / "anchor.jsonl")
    verdict = journal.anchored(anchor, type(TRUST)(key=OTHER_KEY.public), NOW)
    journal.file.close()
    assert verdict.state is AnchorState.KEY_CHANGED


def test_a_clock_rolled_back_before_the_start_is_found_while_the_anchor_survives(folder: Path) -> None:
    assert anchored(folder, now=NOON + ENTRIES * SECOND - 1) is AnchorState.CLOCK_BACK
    assert anchored(folder, now=NOON + ENTRIES * SECOND) is AnchorState.AGREES


def test_a_clock_rolled_back_while_the_desk_ran_is_located_by_verification_alone(folder: Path) -> None:
    journal = SqliteJournal.open(journal_of(folder), checkpointer=checkpointer())
    journal.append(NOON, [called(1)])
    report = journal.verify(TRUST)
    journal.file.close()
    assert report.holds, "a clock may step back honestly: it is named, not called broken"
    assert report.backward == (ENTRIES + 2,)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE checkpoints SET at = at + 1 WHERE size = 121",
        "UPDATE checkpoints SET head = zeroblob(32) WHERE size = 121",
        "UPDATE checkpoints SET head = zeroblob(3) WHERE size = 121",
        "UPDATE checkpoints SET signature = zeroblob(64) WHERE size = 121",
        "UPDATE checkpoints SET signature = x'00' WHERE size = 121",
        "UPDATE checkpoints SET key = zeroblob(32) WHERE size = 121",
        "UPDATE checkpoints SET size = 122 WHERE size = 121",
    ],
)
def test_a_forged_checkpoint_is_found_and_named_unless_the_desks_key_was_used(folder: Path, statement: str) -> None:
    with tampering(folder) as connection:
        assert connection.execute(statement).rowcount == 1
    broken = verified(folder).broken
    assert broken is not None
    assert broken.seq in {121, 122}
    assert broken.reason.startswith("the checkpoint there ")


def test_a_genuine_signature_of_fake_venues_counts_for_nothing_in_a_real_home(folder: Path) -> None:
    with tampering(folder) as connection:
        row = entries_in(connection)[120]
        fake = signed(KEY, b"trading-mcp/checkpoint/1/fake-venues", row_of(row))
        connection.execute("UPDATE checkpoints SET signature = ? WHERE size = 121", (fake.signature,))
    assert "signature that the desk's key did not make" in str(verified(folder).broken)


@pytest.mark.parametrize(
    "line",
    [
        b"{}",
        b"not json",
        b"[1]",
        b'{"at":1,"head":"00","key":"00","signature":"00","size":1,"v":2}',
        b'{"at":1,"head":"zz","key":"00","signature":"00","size":1,"v":1}',
    ],
)
def test_a_line_of_the_anchor_that_is_no_checkpoint_is_named(folder: Path, line: bytes) -> None:
    anchor = folder / "state" / "anchor.jsonl"
    anchor.write_bytes(line + b"\n" + anchor.read_bytes())
    assert anchored(folder) is AnchorState.FORGED


def test_a_checkpoint_forged_into_the_anchor_is_named(folder: Path) -> None:
    anchor = folder / "state" / "anchor.jsonl"
    lines = anchor.read_bytes().splitlines()
    anchor.write_bytes(b"\n".join([*lines, lines[-1].replace(b'"size":601', b'"size":602')]) + b"\n")
    journal = SqliteJournal.open(journal_of(folder))
    verdict = journal.anchored(AnchorFile(anchor), TRUST, NOW)
    journal.file.close()
    assert verdict.state is AnchorState.FORGED
    assert f"Line {len(lines) + 1} of the anchor" in verdict.sentence


@pytest.mark.parametrize("page", [2, 5, 40])
def test_pages_of_the_file_overwritten_are_located_between_two_entries(folder: Path, page: int) -> None:
    content = bytearray(journal_of(folder).read_bytes())
    content[(page - 1) * 4096 : page * 4096] = b"\x5a" * 4096
    journal_of(folder).write_bytes(content)
    try:
        found = str(verified(folder).broken)
    except JournalDamaged as error:  # a page without which nothing opens
        found = str(error)
    assert "is damaged" in found or "cannot be read" in found

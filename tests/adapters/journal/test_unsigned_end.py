"""The end that no signature covers: a forger without the desk's key can give himself nothing there."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.adapters.journal.samples import KINDS, sample
from tests.adapters.journal.support import KEY, NOON, SECOND, TRUST, called, checkpointer, made, opened
from trading_mcp.adapters.journal import schema
from trading_mcp.adapters.journal.anchor import AnchorFile
from trading_mcp.adapters.journal.chain import hash_of
from trading_mcp.adapters.journal.checkpoint import AT_ONCE, Cadence
from trading_mcp.adapters.journal.sqlite import SqliteJournal
from trading_mcp.adapters.journal.verify import Report, Trust
from trading_mcp.core import codec
from trading_mcp.core.domain.events import AnyEvent
from trading_mcp.core.ports import Head


def forged(home: Path, event: AnyEvent, at: int) -> Report:
    """The verdict after an entry was put behind the last, chained as it should be."""
    with closing(sqlite3.connect(home / "journal.db", isolation_level=None)) as connection:
        seq, prev = connection.execute(schema.SELECT_HEAD).fetchone()
        kind, body = codec.encode(event)
        row = (seq + 1, at, kind, body, prev, hash_of(seq + 1, at, kind, body, prev))
        connection.execute(schema.INSERT_ENTRY, row)
    journal = SqliteJournal.open(home / "journal.db")
    report = journal.verify(TRUST)
    journal.file.close()
    return report


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.__name__ in AT_ONCE], ids=lambda kind: kind.__name__)
def test_a_right_or_a_release_put_behind_the_last_signature_is_found(tmp_path: Path, kind: type) -> None:
    made(tmp_path / "home", 5).close()
    assert str(forged(tmp_path / "home", sample(kind), NOON + 6 * SECOND).broken) == (
        "entry 7: is not signed, although the desk signs one like it at once"
    )


@pytest.mark.parametrize("at", [NOON + 4 * SECOND, NOON + 65 * SECOND, NOON * 2])
def test_an_entry_dated_where_the_desk_would_have_signed_is_found(tmp_path: Path, at: int) -> None:
    made(tmp_path / "home", 5).close()
    assert forged(tmp_path / "home", called(9), at).broken is not None


def test_what_the_desk_itself_leaves_unsigned_after_a_crash_holds(tmp_path: Path) -> None:
    journal = made(tmp_path / "home", 70)
    journal.queue(NOON + 200 * SECOND, [called(1)])
    journal.append(NOON + 72 * SECOND, [called(2)])
    journal.append(NOON + 73 * SECOND, [called(3)])
    journal.file._connection.close()
    again = opened(tmp_path / "home")
    assert again.verify(TRUST).holds
    last = again.file.last_checkpoint()
    assert last is not None
    assert last.size < again.head().seq
    again.close()


def test_a_walk_that_begins_behind_the_last_signature_still_knows_when_it_was_made(tmp_path: Path) -> None:
    home = tmp_path / "home"
    journal = made(home, 3)
    journal.file._connection.close()
    journal = opened(home)
    heads = [Head(seq=entry.seq, hash=entry.hash) for entry in journal.entries()]
    assert journal.verify(TRUST, start=heads[2]).holds
    assert not journal.verify(Trust(key=KEY.public, cadence=Cadence(every=1)), start=heads[2]).holds
    journal.file._connection.execute("UPDATE checkpoints SET signature = x'00'")
    assert not journal.verify(TRUST, start=heads[2]).holds
    journal.close()


def test_an_entry_rewritten_before_the_chain_breaks_is_named_first(tmp_path: Path) -> None:
    home = tmp_path / "home"
    made(home, 200).close()
    with closing(sqlite3.connect(home / "journal.db", isolation_level=None)) as connection:
        connection.execute("UPDATE checkpoints SET head = zeroblob(32) WHERE size = 61")
        connection.execute("UPDATE entries SET body = x'00' WHERE seq = 150")
    journal = SqliteJournal.open(home / "journal.db")
    broken = journal.verify(TRUST).broken
    assert broken is not None
    assert broken.seq == 61
    journal.file.close()


def test_what_the_desk_signs_while_a_walk_is_under_way_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trading_mcp.adapters.journal.entryfile.BATCH", 2)
    journal = made(tmp_path / "home", 20, every=2)
    batches = journal.file.batches

    def meanwhile(since: int = 0, until: int | None = None, size: int = 4) -> object:
        for batch in batches(since, until, size):
            journal.append(NOON + 30 * SECOND, [called(1), called(2)])
            yield batch

    monkeypatch.setattr(journal.file, "batches", meanwhile)
    assert journal.verify(TRUST).holds
    journal.close()


def test_what_is_changed_between_verifying_and_reading_is_found_by_reading(tmp_path: Path) -> None:
    home = tmp_path / "home"
    journal = made(home, 5)
    assert journal.verify(TRUST).holds
    connection = journal.file._connection
    rows = connection.execute(schema.SELECT_ENTRIES, (0, 99, 99)).fetchall()
    prev = rows[3][4]
    for seq, at, kind, body, *_ in rows[3:]:
        mark = hash_of(seq, at, kind, body + b" ", prev)
        connection.execute(
            "UPDATE entries SET body = ?, prev = ?, hash = ? WHERE seq = ?", (body + b" ", prev, mark, seq)
        )
        prev = mark
    with pytest.raises(Exception, match=r"Entry 6 of .* is not the one that was there"):
        list(journal.entries())
    assert journal.verify(TRUST).broken is not None
    connection.close()


def test_a_new_journal_is_signed_in_the_commit_that_makes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    anchor = AnchorFile(tmp_path / "state" / "anchor.jsonl")
    home = tmp_path / "home"
    home.mkdir(mode=0o700)

    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(SqliteJournal, "open", crash)
        with pytest.raises(KeyboardInterrupt):
            SqliteJournal.create(home / "journal.db", NOON, [called(1)], checkpointer=checkpointer(anchor))
    journal = opened(home, anchor)
    assert journal.verify(TRUST).holds
    assert [mark.size for mark in journal.file.checkpoints()] == [1]
    assert journal.anchored(anchor, TRUST, NOON).is_sound
    journal.close()


def test_a_journal_made_without_a_signer_is_signed_with_its_next_entry(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    SqliteJournal.create(home / "journal.db", NOON, [called(1)]).close()
    journal = opened(home)
    assert not journal.verify(TRUST).holds
    journal.append(NOON, [called(2)])
    assert journal.verify(TRUST).holds
    journal.close()

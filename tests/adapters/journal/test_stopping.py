"""Nothing that was taken is lost while the writer stops, by itself or because it was told to."""

from pathlib import Path

import pytest

from tests.adapters.journal.support import KEY, NOON, called, made, opened, sending
from trading_mcp.adapters.journal.anchor import AnchorFile
from trading_mcp.adapters.journal.checkpoint import Cadence, Checkpoint, Checkpointer
from trading_mcp.adapters.journal.entryfile import EntryFile
from trading_mcp.adapters.journal.sqlite import SqliteJournal
from trading_mcp.errors import JournalUnwritable


class Odd:
    """An anchor that fails in a way nobody thought of."""

    def add(self, checkpoint: Checkpoint) -> None:
        raise RuntimeError("unforeseen\x1b[2J")


def test_an_anchor_that_fails_in_any_way_stops_neither_append_nor_flusher(tmp_path: Path) -> None:
    made(tmp_path / "home").close()
    signer = Checkpointer(KEY, anchor=Odd(), cadence=Cadence(every=1))
    journal = SqliteJournal.open(tmp_path / "home" / "journal.db", checkpointer=signer)
    journal.append(NOON, [sending(1)])
    assert journal.file.durable == journal.head()
    journal.queue(NOON, [called(1)])
    while journal.file.durable != journal.head():
        pass
    assert journal.file.failure is None
    assert signer.trouble == "unforeseen"
    journal.close()


def test_a_flusher_that_fails_in_any_way_stops_the_desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    journal = made(home)

    def broken(_: EntryFile) -> None:
        raise MemoryError("none left")

    monkeypatch.setattr(EntryFile, "flush", broken)
    journal.queue(NOON, [called(1)])
    assert journal.file._flusher is not None
    journal.file._flusher.join()
    monkeypatch.undo()
    assert (home / "HALT").exists()
    with pytest.raises(JournalUnwritable, match="none left"):
        journal.append(NOON, [sending(1)])
    journal.close()


def test_nothing_is_queued_any_more_once_closing_has_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = made(tmp_path / "home")
    checkpoint = EntryFile.checkpoint
    refused: list[str] = []

    def meanwhile(file: EntryFile) -> None:
        with pytest.raises(JournalUnwritable, match="is closed"):
            file.queue(NOON, [("Late", b"{}")])
        file.close()
        refused.append("both")
        checkpoint(file)

    monkeypatch.setattr(EntryFile, "checkpoint", meanwhile)
    journal.close()
    assert refused == ["both"]
    again = opened(tmp_path / "home", AnchorFile(tmp_path / "anchor.jsonl"))
    assert again.head().seq == 1
    again.file._connection.close()

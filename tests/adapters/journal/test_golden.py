"""Journals of every past version: they verify, every entry is still read, and none of their bytes ever change.

After a release a file here is never written again. A new kind or a new shape of an event gets a new file, made by
`python -m tests.adapters.journal.test_golden NAME`.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from tests.adapters.journal.samples import KINDS, sample
from tests.adapters.journal.support import NOON, TRUST, called, checkpointer, raw_of
from trading_mcp.adapters.journal import recompute
from trading_mcp.adapters.journal.export import export
from trading_mcp.adapters.journal.sqlite import SqliteJournal
from trading_mcp.core import codec
from trading_mcp.core.domain.events import Event

GOLDEN = Path(__file__).parent / "golden"
NAMES = sorted(path.stem for path in GOLDEN.glob("*.db"))


def make(name: str) -> None:
    """Write a golden journal with two events of every kind of today."""
    with tempfile.TemporaryDirectory() as folder:
        journal = SqliteJournal.create(
            Path(folder) / "journal.db", NOON, [sample(KINDS[0])], checkpointer=checkpointer(every=16)
        )
        for number, kind in enumerate((*KINDS[1:], *KINDS)):
            journal.append(NOON + number, [sample(kind, number)])
        journal.close()
        shutil.copy(Path(folder) / "journal.db", GOLDEN / f"{name}.db")
        again = SqliteJournal.open(Path(folder) / "journal.db")
        with (GOLDEN / f"{name}.jsonl").open("wb") as out:
            export(again.file.batches(), out)
        again.close()


@pytest.fixture(params=NAMES)
def golden(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    for suffix in (".db", ".jsonl"):
        shutil.copyfile(GOLDEN / f"{request.param}{suffix}", tmp_path / f"journal{suffix}")
        (tmp_path / f"journal{suffix}").chmod(0o600)
    return tmp_path / "journal.db"


def test_it_still_verifies_and_every_entry_is_still_read(golden: Path) -> None:
    journal = SqliteJournal.open(golden)
    report = journal.verify(TRUST, is_deep=True)
    assert report.holds, report.broken
    assert report.checkpoints > 3
    assert len(list(journal.entries())) == report.entries > 80
    journal.close()


def test_its_export_is_the_same_bytes_and_holds_without_us(golden: Path) -> None:
    journal = SqliteJournal.open(golden)
    lines = golden.with_suffix(".jsonl").read_bytes().splitlines(keepends=True)
    assert [raw for batch in journal.file.batches() for raw in batch] == [raw_of(line) for line in lines]
    assert recompute.recompute(lines) == (journal.head().seq, journal.head().hash.hex())
    journal.close()


def test_today_goes_on_where_it_ended(golden: Path) -> None:
    journal = SqliteJournal.open(golden, checkpointer=checkpointer())
    journal.append(NOON, [called(1)])
    journal.close()
    again = SqliteJournal.open(golden)
    assert again.verify(TRUST).holds
    again.close()


def test_every_kind_of_event_of_today_is_in_one_of_them() -> None:
    kinds: set[str] = set()
    for name in NAMES:
        kinds |= {raw_of(line)[2] for line in (GOLDEN / f"{name}.jsonl").read_bytes().splitlines()}
    assert {kind.__name__ for kind in KINDS} <= kinds


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", range(8))
def test_every_kind_of_event_comes_back_equal_and_to_the_same_bytes(kind: type[Event], number: int) -> None:
    event = sample(kind, number)
    name, body = codec.encode(event)
    back = codec.decode(name, body)
    assert back == event
    assert codec.encode(back) == (name, body)


if __name__ == "__main__":
    make(sys.argv[1])

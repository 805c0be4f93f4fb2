"""An export holds every field, and a program that shares no code with us can recompute its chain."""

import gzip
import io
import json
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.adapters.journal.support import NOON, TRUST, made, raw_of, rows_of
from trading_mcp.adapters.journal import recompute
from trading_mcp.adapters.journal.chain import hash_of
from trading_mcp.adapters.journal.export import export, line_of
from trading_mcp.adapters.journal.sqlite import SqliteJournal
from trading_mcp.errors import JournalDamaged


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    journal = made(tmp_path / "home", 30)
    path = tmp_path / "export.jsonl"
    with path.open("wb") as out:
        assert export(journal.file.batches(), out) == 31
    journal.close()
    return path


def test_every_line_has_every_field_and_reads_back_the_same(tmp_path: Path) -> None:
    journal = made(tmp_path / "home", 5)
    for raw in rows_of(journal):
        line = line_of(raw)
        assert raw_of(line) == raw
        assert set(json.loads(line)) == {"seq", "at", "kind", "body", "prev", "hash"}
        assert json.loads(json.loads(line)["body"])["event"].startswith(raw[2])
    journal.close()


@pytest.mark.parametrize("text", ["\u2028", '"', "\\", "\n", "\x00", "é€🎈", "\x7f"])
def test_any_text_survives(text: str) -> None:
    body = text.encode()
    raw = (1, NOON, "Kind", body, bytes(32), hash_of(1, NOON, "Kind", body, bytes(32)))
    line = line_of(raw)
    assert b"\n" not in line
    assert raw_of(line) == raw
    assert recompute.recompute([line])[0] == 1


def test_a_program_with_nothing_but_python_recomputes_the_chain(exported: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(recompute.__file__, alone)
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(alone / "recompute.py"), str(exported)],
        capture_output=True,
        text=True,
        check=False,
        cwd=alone,
    )
    assert done.returncode == 0, done.stderr
    last = json.loads(exported.read_bytes().splitlines()[-1])
    assert done.stdout == f"HOLDS up to entry 31, head {last['hash']}\n"


def test_it_reads_the_segments_of_the_archive_too(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = exported.read_bytes().splitlines(keepends=True)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b"".join(lines[:10])))
    (tmp_path / "b.jsonl").write_bytes(b"".join(lines[10:]))
    assert recompute.main([str(tmp_path / "a.jsonl.gz"), str(tmp_path / "b.jsonl")]) == 0
    assert recompute.main([str(tmp_path / "b.jsonl")]) == 0
    assert "HOLDS up to entry 31" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (rb"^.*\"seq\":6,.*\n", b"", "line 6: entry 6 is missing, 7 stands there"),
        (rb"order-", b"ordes-", "line 2: entry 2 was changed"),
        (rb"call-", b"cell-", "line 3: entry 3 was changed"),
        (rb"(\"seq\":6,.*\"prev\":\")", rb"\g<1>0", "line 6: entry 6 does not follow"),
        (rb"\A.*\n", b"{}\n", "seq"),
        (rb"\A.*\n", b"nonsense\n", "Expecting value"),
        (rb"\A(.*\"seq\":1),", rb"\g<1>.0,", "seq and at are numbers"),
    ],
)
def test_it_names_the_first_line_that_does_not_hold(
    exported: Path, old: bytes, new: bytes, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    content, count = re.subn(old, new, exported.read_bytes(), flags=re.MULTILINE)
    assert count
    exported.write_bytes(content)
    assert recompute.main([str(exported)]) == 1
    assert says in capsys.readouterr().err


def test_it_is_a_program(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["recompute.py", str(exported)])
    with pytest.raises(SystemExit) as done:
        runpy.run_path(recompute.__file__, run_name="__main__")
    assert done.value.code == 0


def test_asked_for_nothing_it_says_how_it_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert recompute.main([]) == 2
    assert "Name at least one export" in capsys.readouterr().err


def test_the_two_implementations_of_the_chain_agree_on_any_entry(exported: Path) -> None:
    for line in exported.read_bytes().splitlines():
        fields = json.loads(line)
        assert recompute._hash(fields) == raw_of(line)[5].hex()


def test_an_entry_that_is_no_text_is_named(tmp_path: Path) -> None:
    journal = made(tmp_path / "home", 2)
    journal.file._connection.execute("UPDATE entries SET body = x'ff' WHERE seq = 2")
    with pytest.raises(JournalDamaged, match="Entry 2 cannot be written as text"):
        export(journal.file.batches(), io.BytesIO())
    journal.close()


def test_an_entry_of_a_later_version_is_named_when_its_meaning_is_asked_for(tmp_path: Path) -> None:
    home = tmp_path / "home"
    journal = made(home, 2)
    journal.file.append(NOON, [("DeskStarted", b'{"event":"DeskStarted.99","at":1}')])
    assert journal.verify(TRUST).holds
    broken = journal.verify(TRUST, is_deep=True).broken
    assert broken is not None
    assert broken.seq == 4
    assert broken.reason.startswith("is in the chain, but")
    with pytest.raises(JournalDamaged, match=r"Entry 4 of .* is in the chain, but"):
        list(journal.entries())
    journal.close()


def test_reading_entries_stops_at_the_first_that_does_not_follow(tmp_path: Path) -> None:
    journal: SqliteJournal = made(tmp_path / "home", 9)
    journal.file._connection.execute("UPDATE entries SET body = x'00' WHERE seq = 5")
    seen: list[int] = []
    with pytest.raises(JournalDamaged, match="entry 5"):
        seen.extend(entry.seq for entry in journal.entries())
    journal.close()

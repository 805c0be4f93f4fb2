"""The operator's log: one JSON line each, a file a day, private, bounded, and without secrets."""

import io
import json
import logging
import os
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.places import as_root, nobody
from trading_mcp.adapters.system.clock import VirtualClock
from trading_mcp.adapters.system.oplog import OperatorLog

_ = nobody
DAY = 86_400_000_000
NOON = 1_784_203_200_000_000  # 2026-07-16T12:00:00Z


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(now=NOON)


@pytest.fixture
def logger() -> Generator[logging.Logger]:
    logger = logging.Logger("trading_mcp.desk", logging.DEBUG)  # noqa: LOG001 - one of its own, known to nobody else
    yield logger
    for handler in logger.handlers:
        handler.close()


def lines(folder: Path, day: str = "2026-07-16") -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / f"desk-{day}.jsonl").read_text().splitlines()]


def test_a_line_says_when_what_and_from_where(tmp_path: Path, clock: VirtualClock, logger: logging.Logger) -> None:
    logger.addHandler(OperatorLog(tmp_path / "logs", clock))
    clock.advance(250_001)
    logger.info(
        "order %s sent", "o-1", extra={"fields": {"pair": "BTC-USDT", "lines": 3, "live": False, "why": None}}
    )
    logger.warning("a\nb\x1b[31mc")
    assert lines(tmp_path / "logs") == [
        {
            "at": "2026-07-16T12:00:00.250001Z",
            "level": "info",
            "from": "trading_mcp.desk",
            "text": "order o-1 sent",
            "pair": "BTC-USDT",
            "lines": 3,
            "live": False,
            "why": None,
        },
        {"at": "2026-07-16T12:00:00.250001Z", "level": "warning", "from": "trading_mcp.desk", "text": "a bc"},
    ]
    assert (tmp_path / "logs").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "logs" / "desk-2026-07-16.jsonl").stat().st_mode & 0o777 == 0o600


def test_no_secret_gets_in_by_any_way(tmp_path: Path, clock: VirtualClock, logger: logging.Logger) -> None:
    canary = "hunter2pass"
    logger.addHandler(OperatorLog(tmp_path, clock))
    logger.info("password=%s", canary)
    logger.info("x", extra={"fields": {"password": canary, "api_key": canary, "given": f"token={canary}"}})
    logger.info("x", extra={"fields": {f"password={canary}": 1, "deep": {"secret": canary}}})
    try:
        int(f"secret: {canary}")
    except ValueError:
        logger.exception("it failed with password %s", f"password={canary}")
    text = (tmp_path / "desk-2026-07-16.jsonl").read_text()
    assert canary not in text
    assert "ValueError" in text
    assert len(text.splitlines()) == 4


def test_a_field_does_not_pose_as_the_time(tmp_path: Path, clock: VirtualClock, logger: logging.Logger) -> None:
    logger.addHandler(OperatorLog(tmp_path, clock))
    logger.info("x", extra={"fields": {"at": "1970", "text": "y"}})
    (line,) = lines(tmp_path)
    assert (line["at"], line["text"], line["at_"], line["text_"]) == ("2026-07-16T12:00:00.000000Z", "x", "1970", "y")


def test_every_line_is_bounded_and_so_is_the_time_it_takes(
    tmp_path: Path, clock: VirtualClock, logger: logging.Logger
) -> None:
    logger.addHandler(OperatorLog(tmp_path, clock))
    logger.info("no " * 10_000_000, extra={"fields": {f"field{n}": "no " * 100_000 for n in range(1_000)}})
    assert (tmp_path / "desk-2026-07-16.jsonl").stat().st_size < 100_000


def test_every_day_has_its_file_and_old_ones_go(tmp_path: Path, clock: VirtualClock, logger: logging.Logger) -> None:
    (tmp_path / "mine.jsonl").touch()
    logger.addHandler(OperatorLog(tmp_path, clock, days=3))
    for day in range(5):
        logger.info("day %d", day)
        logger.info("and again")
        clock.advance(DAY)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [
        "desk-2026-07-18.jsonl",
        "desk-2026-07-19.jsonl",
        "desk-2026-07-20.jsonl",
        "mine.jsonl",
    ]
    assert [line["text"] for line in lines(tmp_path, "2026-07-20")] == ["day 4", "and again"]


def test_a_restart_goes_on_in_the_days_file(tmp_path: Path, clock: VirtualClock, logger: logging.Logger) -> None:
    for text in ("before", "after"):
        handler = OperatorLog(tmp_path, clock)
        logger.addHandler(handler)
        logger.info(text)
        logger.removeHandler(handler)
        handler.close()
        handler.close()
    assert [line["text"] for line in lines(tmp_path)] == ["before", "after"]


def test_a_day_that_is_full_says_the_next_day_how_much_it_dropped(
    tmp_path: Path, clock: VirtualClock, logger: logging.Logger
) -> None:
    logger.addHandler(OperatorLog(tmp_path, clock, bytes_max=1_000))
    for _ in range(100):
        logger.info("again and again and again")
    kept = lines(tmp_path)
    assert (tmp_path / "desk-2026-07-16.jsonl").stat().st_size <= 1_000
    clock.advance(DAY)
    logger.info("a new day")
    logger.info("and on")
    assert [line.get("dropped") for line in lines(tmp_path, "2026-07-17")] == [100 - len(kept), None]


def test_in_the_foreground_it_is_told_on_the_terminal_too(
    tmp_path: Path, clock: VirtualClock, logger: logging.Logger
) -> None:
    stream = io.StringIO()
    logger.addHandler(OperatorLog(tmp_path, clock, stream=stream))
    logger.info("Größe")
    assert stream.getvalue() == (tmp_path / "desk-2026-07-16.jsonl").read_text()
    stream.close()
    logger.info("a terminal that went away stops nothing")
    assert len(lines(tmp_path)) == 2


class Broken:
    def __str__(self) -> str:
        raise RuntimeError


def test_what_cannot_be_written_stops_nothing(tmp_path: Path, clock: VirtualClock, logger: logging.Logger) -> None:
    (tmp_path / "logs").touch()
    logger.addHandler(OperatorLog(tmp_path / "logs", clock))
    logger.info("nowhere to write")
    logger.info("%s", Broken())
    (tmp_path / "logs").unlink()
    logger.info("again")
    assert [(line["text"], line.get("dropped")) for line in lines(tmp_path / "logs")] == [("again", 2)]


@as_root
def test_a_link_in_the_logs_place_is_not_written_through(
    nobody: Path, clock: VirtualClock, logger: logging.Logger
) -> None:
    (nobody / "target").touch()
    (nobody / "desk-2026-07-16.jsonl").symlink_to(nobody / "target")
    logger.addHandler(OperatorLog(nobody, clock))
    logger.info("x")
    assert (nobody / "target").read_text() == ""


def test_a_line_cut_off_by_a_full_disk_does_not_swallow_the_next(
    tmp_path: Path, clock: VirtualClock, logger: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = OperatorLog(tmp_path, clock)
    logger.addHandler(handler)
    write = os.write

    def write_a_part(handle: int, data: bytes) -> int:
        return write(handle, data[:10])

    monkeypatch.setattr(os, "write", write_a_part)
    logger.info("cut")
    monkeypatch.undo()
    logger.info("whole")
    text = (tmp_path / "desk-2026-07-16.jsonl").read_text().splitlines()
    assert (text[0], json.loads(text[1])["text"]) == ('{"at": "20', "whole")

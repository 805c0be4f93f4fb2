"""Views and archive of a home: kept beside the desk's work, made anew at will, and never in its way."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Generator, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.core.guardrails.world import resting
from tests.places import short
from trading_mcp.adapters.journal.chain import Raw
from trading_mcp.bootstrap import records as module
from trading_mcp.bootstrap.homes import Opened, folded, keep_snapshot, open_or_make
from trading_mcp.bootstrap.records import Records, is_idle
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.evolve import evolve, replay
from trading_mcp.core.domain.latches import ACCOUNT, Latch, TradingState
from trading_mcp.core.domain.market import DAY
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import Door, OrderState
from trading_mcp.core.domain.verdict import Code
from trading_mcp.desk.earning import DayEnd, Flow
from trading_mcp.errors import JournalError
from trading_mcp.place import located

_ = short
WORDS = ("heron", "violet", "anvil", "otter")


@pytest.fixture
def home(short: Path) -> Generator[Opened]:
    opened = open_or_make(located("simulated"))
    filled(opened, 250)
    yield opened
    opened.close()


def filled(opened: Opened, count: int) -> None:
    """Have calls in the journal, each with a word, and the book folded over them."""
    at = opened.book.at
    calls = [
        e.ToolCalled(
            at=at + number,
            call_id=f"call-{number}",
            tool="status",
            arguments=WORDS[number % len(WORDS)],
            door=Door.CLI,
            client="a test",
        )
        for number in range(1, count + 1)
    ]
    opened.journal.append(at + count, calls)
    with exactly():
        for call in calls:
            opened.book = evolve(opened.book, call)


def ever() -> bool:
    return True


def shown(opened: Opened) -> list[tuple[int, str]]:
    with sqlite3.connect(opened.folder.path / "views.db") as connection:
        rows = connection.execute("SELECT seq, kind FROM events ORDER BY seq").fetchall()
    connection.close()
    return rows


async def test_the_views_catch_up_and_words_are_found(home: Opened) -> None:
    records = Records(home)
    assert not (home.folder.path / "views.db").exists()
    await records.catch_up(ever, 0)
    assert [seq for seq, _ in shown(home)] == list(range(1, 252))
    found = await records.found("violet", "", 0, 10)
    assert (len(found.seqs), found.seqs[0] > found.seqs[-1], found.as_of) == (10, True, 251)
    older = await records.found("violet", "", found.next_before, 100)
    assert max(older.seqs) < min(found.seqs)
    assert (len(found.seqs) + len(older.seqs), older.next_before) == (63, 0)
    filled(home, 4)
    # What happened a moment ago is found as well.
    assert (await records.found("", "ToolCalled", 0, 1)).seqs == (255,)
    assert (await records.found("", "DeskCreated", 0, 5)).seqs == (1,)
    assert (home.folder.path / "views.db").stat().st_mode & 0o077 == 0
    records.close(is_here=True)


async def test_how_each_day_ended_is_told_with_what_was_paid_in_before(home: Opened) -> None:
    at = home.book.at
    for later, value in ((0, "100"), (DAY, "260")):
        values = {"account": Decimal(value)}
        marked = e.Marked(at=at + later, day="", market_days={}, values=values)
        paid = Decimal("150.5")
        moved = e.CashMoved(
            at=at + later, venue="paper", asset="USD", amount=paid, value=paid, transfer_id=f"paid {later}"
        )
        home.journal.append(at + later, [marked, moved])
    records = Records(home)
    told = await records.earned(0)
    records.close(is_here=False)
    flow = Flow(Decimal(100), Decimal("150.5"))
    assert told.values == (DayEnd(Decimal(100)), DayEnd(Decimal(260), (flow,)))


async def test_the_views_go_on_from_a_snapshot_and_are_made_anew_when_they_are_gone(
    home: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Records(home)
    await first.catch_up(ever, 0)
    keep_snapshot(home, home.book)
    first.close(is_here=True)
    assert len(shown(home)) == 252
    read: list[int] = []
    batches = home.journal.file.batches

    def seen(since: int = 0, until: int | None = None, size: int = 1000) -> Iterator[list[Raw]]:
        read.append(since)
        return batches(since, until, size)

    monkeypatch.setattr(home.journal.file, "batches", seen)
    filled(home, 1)
    second = Records(home)
    await second.catch_up(ever, 0)
    assert len(shown(home)) == 253
    assert min(read) >= 250
    second.close(is_here=True)
    (home.folder.path / "views.db").write_bytes(b"no database")
    third = Records(home)
    await third.catch_up(ever, 0)
    assert len(shown(home)) == 253
    third.close(is_here=True)


async def test_old_entries_are_archived_behind_a_signed_snapshot_and_verified_with_the_rest(home: Opened) -> None:
    records = Records(home, retention=0, segment=100)
    later = home.book.at + 10
    assert await records.archive(lambda: home.book, later) == 2
    assert home.journal.file.archive.last == 200
    report = home.journal.verify(home.trust, is_deep=True)
    assert (report.holds, report.entries) == (True, 252)
    assert await records.archive(lambda: home.book, later) == 0
    # What is archived is shown like the rest.
    await records.catch_up(ever, 0)
    assert len(shown(home)) == 252
    records.close(is_here=True)
    segment = next((home.folder.path / "archive").iterdir())
    segment.write_bytes(segment.read_bytes()[:-20])
    assert not home.journal.verify(home.trust).holds


async def test_what_the_desk_records_while_it_is_looked_what_is_old_is_in_the_snapshot_that_is_signed(
    home: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the next start would go on from a book without an order that the journal has."""
    records, look = Records(home, retention=0, segment=100), home.journal.file.last_before

    def slow(at: int, until: int) -> int:
        latch = Latch(scope=ACCOUNT, state=TradingState.HALTED, code=Code.KILL_SWITCH, reason="enough", at=at)
        halted = e.Latched(at=home.book.at, latch=latch)
        home.journal.append(halted.at, (halted,))
        with exactly():
            home.book = evolve(home.book, halted)
        monkeypatch.undo()
        return look(at, until)

    monkeypatch.setattr(home.journal.file, "last_before", slow)
    assert await records.archive(lambda: home.book, home.book.at + 10) == 2
    resumed, broken = folded(home.journal, home.snapshots, home.trust)
    assert (broken, resumed.account_state) == ("", TradingState.HALTED)
    with exactly():
        assert resumed == replay(entry.event for entry in home.journal.entries())


async def test_nothing_is_archived_before_its_time(home: Opened) -> None:
    records = Records(home)
    assert await records.archive(lambda: home.book, home.book.at + module.RETENTION - 1_000_000) == 0
    assert home.journal.file.archive.last == 0
    assert not (home.folder.path / "views.db").exists()


async def test_they_are_kept_while_the_desk_is_idle_and_trouble_is_only_told(
    home: Opened, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("AFTER_START", "LOOK_EVERY", "AFTER_TROUBLE", "PAUSE_BETWEEN"):
        monkeypatch.setattr(module, name, 0.0)
    busy = replace(home.book, working={"o-1": resting("o-1", state=OrderState.SENDING)})
    books = [busy, busy, home.book]
    records = Records(home, retention=0, segment=100)
    looks = 0

    def book() -> Book:
        nonlocal looks
        looks += 1
        if looks == 2:
            assert not (home.folder.path / "views.db").exists()
        return books[min(looks - 1, 2)]

    refused = [JournalError("The disk is full.", "Free some.")]
    step = records._step

    def failing() -> bool:
        if refused:
            raise refused.pop()
        return step()

    monkeypatch.setattr(records, "_step", failing)
    task = asyncio.ensure_future(records.keep(book, lambda: home.book.at + 10))
    async with asyncio.timeout(20):
        while home.journal.file.archive.last < 200 or len(shown(home)) < 252:  # noqa: ASYNC110 - a thread is at work
            await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    records.close(is_here=True)
    assert "The disk is full." in caplog.text


def test_a_desk_is_idle_unless_something_is_on_its_way_to_a_venue(home: Opened) -> None:
    for state, idle in ((OrderState.CLEARED, False), (OrderState.SENDING, False), (OrderState.LIVE, True)):
        assert is_idle(replace(home.book, working={"o": resting("o", state=state)})) is idle


def test_a_start_loads_nothing_that_only_the_views_need() -> None:
    program = "import sys, trading_mcp.bootstrap.running; print('sqlite_utils' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"

"""What the journal costs beside a bare write and fsync on the same disk: `python -m bench.journal [--record]`."""

import os
import statistics
import tempfile
import time
from decimal import Decimal
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.measure import Result, percentile, report, seconds
from trading_mcp.adapters.journal.anchor import AnchorFile
from trading_mcp.adapters.journal.checkpoint import Checkpointer, DeskKey
from trading_mcp.adapters.journal.snapshot import Snapshots
from trading_mcp.adapters.journal.sqlite import SqliteJournal
from trading_mcp.adapters.journal.verify import Trust
from trading_mcp.adapters.journal.views import Views, replayed
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.book import FOLD_VERSION, Book
from trading_mcp.core.domain.evolve import replay
from trading_mcp.core.domain.home import Home, Mode
from trading_mcp.core.domain.market import SECOND
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import (
    Door,
    Fill,
    Intent,
    Order,
    OrderType,
    Purpose,
    Quantity,
    Side,
    TimeInForce,
)
from trading_mcp.core.domain.verdict import Outcome, Verdict
from trading_mcp.core.guardrails.schema import parse_text

NOON = 1_767_268_800 * SECOND
ENTRIES = 100_000
TAIL = 1_000
ROUNDS = 5
PAIRS = 1_000
KEY = DeskKey(Ed25519PrivateKey.generate())
TRUST = Trust(key=KEY.public)
POLICY = parse_text((Path(__file__).resolve().parent.parent / "policies" / "simulated.toml").read_text("utf-8"))
HOME = Home(name="bench", mode=Mode.SIMULATED, cash={"paper/USDT": Decimal(10) ** 9})
BEGIN = e.DeskCreated(at=NOON, home=HOME, policy=POLICY)
ROW_BYTES = 533


def made(home: Path, name: str) -> SqliteJournal:
    anchor = AnchorFile(home / f"{name}-state" / "anchor.jsonl")
    signer = Checkpointer(KEY, anchor=anchor)
    return SqliteJournal.create(home / f"{name}.db", NOON, [BEGIN], checkpointer=signer)


def called(number: int) -> e.ToolCalled:
    arguments = '{"pair":"BTC-USDT","reason":"' + "x" * 260 + '"}'
    return e.ToolCalled(at=NOON, call_id=f"{number:012d}", tool="execute_trade", arguments=arguments, door=Door.MCP)


def trade(number: int) -> list[e.AnyEvent]:
    """The eight entries of one trade, buying and selling in turn."""
    at, name = NOON + number * SECOND, f"{number:012d}"
    side = Side.SELL if number % 2 else Side.BUY
    quantity = Decimal("0.02")
    intent = Intent(id=name, door=Door.MCP, pair="BTC-USDT", side=side, amount=Quantity(quantity), reason="a bench")
    order = Order(
        id=f"order-{name}",
        intent_id=name,
        book="manual",
        venue="paper",
        pair="BTC-USDT",
        side=side,
        type=OrderType.MARKET,
        quantity=quantity,
        time_in_force=TimeInForce.IOC,
        reduces=bool(number % 2),
        purpose=Purpose.TRADE,
        price_worst=Decimal(50_000),
        cleared_at=at,
        door=Door.MCP,
    )
    fill = Fill(
        trade_id=f"t-{name}",
        venue="paper",
        pair="BTC-USDT",
        side=side,
        quantity=quantity,
        price=Decimal(50_000),
        fee=Decimal(1),
        fee_asset="USDT",
        at=at,
        order_id=order.id,
    )
    verdict = Verdict(outcome=Outcome.ALLOW, findings=(), policy=POLICY.hash, reduces=order.reduces)
    return [
        called(number),
        e.IntentJudged(at=at, intent=intent, verdict=verdict),
        e.OrderCleared(
            at=at, order=order, notional=Decimal(1000), counted_at=at, day="2026-01-01", seed_seq=1, ordinal=0
        ),
        e.OrderSending(at=at, order_id=order.id),
        e.OrderAccepted(at=at, order_id=order.id),
        e.FillRecorded(at=at, fill=fill, book="manual", multiplier=Decimal(1)),
        e.ToolAnswered(at=at, call_id=name, status="ok", size=800, digest="d" * 64),
    ]


def appends(home: Path) -> list[Result]:
    journal = made(home, "appends")
    handle = os.open(home / "raw", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    rounds = [paired(journal, handle, number * PAIRS) for number in range(ROUNDS)]
    os.close(handle)
    results: list[Result] = []
    for label, share in (("p50", 0.5), ("p99", 0.99)):
        ours = [percentile(samples, share) for samples, _ in rounds]
        bare = [percentile(samples, share) for _, samples in rounds]
        # One slow moment of the disk can be a whole p99: it moves the range of the rounds and not their median.
        ratios = sorted(mine / its for mine, its in zip(ours, bare, strict=True))
        name = f"write + fsync of {ROW_BYTES} bytes, {label}"
        results.append(Result(name=name, value=statistics.median(bare) * 1e3, unit="ms"))
        results.append(
            Result(
                name=f"durable append of one entry, {label}",
                value=statistics.median(ours) * 1e3,
                unit="ms",
                ratio=statistics.median(ratios),
                against=f"a bare one ({ratios[0]:.2f}-{ratios[-1]:.2f})",
                aim="<= 1.2 x",
            )
        )
    for group in (8, 64):
        events = [called(number) for number in range(group)]
        spent = seconds(lambda events=events: [journal.append(NOON, events) for _ in range(400)])
        name = f"durable appends in groups of {group}"
        results.append(Result(name=name, value=400 * group / spent, unit="entries/s"))
    results += queued(journal)
    journal.close()
    return results


def paired(journal: SqliteJournal, handle: int, first: int) -> tuple[list[float], list[float]]:
    """Appends and bare writes in turn, each of them first every other time, so that both meet the same disk."""
    ours: list[float] = []
    bare: list[float] = []

    def append(event: e.ToolCalled) -> None:
        ours.append(seconds(lambda: journal.append(event.at, [event])))

    def write() -> None:
        bare.append(seconds(lambda: (os.write(handle, b"x" * ROW_BYTES), os.fsync(handle))))

    for number in range(first, first + PAIRS):
        event = called(number)
        if number % 2:
            append(event)
            write()
        else:
            write()
            append(event)
    return ours, bare


def queued(journal: SqliteJournal, count: int = 300) -> list[Result]:
    waits: list[float] = []
    calls: list[float] = []
    for number in range(count):
        event = called(number)
        begun = time.perf_counter()
        journal.queue(NOON, [event])
        calls.append(time.perf_counter() - begun)
        while journal.file.durable.seq != journal.head().seq:
            time.sleep(0.0001)
        waits.append(time.perf_counter() - begun)
    return [
        Result(name="queueing a read's entry, p50", value=percentile(calls, 0.5) * 1e3, unit="ms"),
        Result(name="queued until durable, p50", value=percentile(waits, 0.5) * 1e3, unit="ms", aim="<= 5 ms"),
        Result(name="queued until durable, p99", value=percentile(waits, 0.99) * 1e3, unit="ms", aim="<= 5 ms"),
    ]


def large(home: Path) -> list[Result]:
    """A journal of many trades: verified, replayed, opened from a snapshot, archived, shown."""
    journal = made(home, "large")
    number = 0
    while journal.head().seq < ENTRIES - TAIL:
        journal.append(NOON + number * SECOND, [event for n in range(number, number + 40) for event in trade(n)])
        number += 40
    book = replay(entry.event for entry in journal.entries())
    shown = msgspec.msgpack.encode(book)
    snapshots = Snapshots(home / "snapshots")
    journal.snapshot(snapshots, NOON + number * SECOND, FOLD_VERSION, journal.head().seq, shown)
    for n in range(number, number + TAIL // 7):
        journal.append(NOON + n * SECOND, trade(n))
    journal.close()
    size = journal.file.durable.seq
    results: list[Result] = []

    def opened() -> None:
        again = SqliteJournal.open(home / "large.db")
        resumed = again.resume(snapshots, FOLD_VERSION, TRUST)
        assert resumed is not None
        assert resumed.report.holds
        assert msgspec.msgpack.decode(resumed.book, type=Book) == book
        assert sum(1 for _ in again.entries(resumed.start.seq)) == size - resumed.start.seq
        again.close()

    name = f"open {size:,} entries from a snapshot, read the rest"
    results.append(Result(name=name, value=min(seconds(opened) for _ in range(3)), unit="s", aim="< 1 s"))
    journal = SqliteJournal.open(home / "large.db", checkpointer=Checkpointer(KEY))
    best = min(seconds(lambda: verified(journal, size)) for _ in range(3))
    results.append(Result(name="verify, hot", value=size / best, unit="entries/s", aim=">= 400,000"))
    best = seconds(lambda: replay(entry.event for entry in journal.entries()))
    results.append(Result(name=f"full replay of {size:,} entries", value=best, unit="s", aim="< 10 s"))
    spent = seconds(lambda: replayed(views_of(home, journal), journal.entries()))
    results.append(Result(name="rebuild the views", value=size / spent, unit="entries/s"))
    spent = seconds(lambda: journal.archive(NOON * 2, TRUST))
    archived = journal.file.archive.last
    results.append(Result(name="archive", value=archived / spent, unit="entries/s"))
    best = min(seconds(lambda: verified(journal, size)) for _ in range(3))
    results.append(Result(name=f"verify, {archived / size:.0%} archived", value=size / best, unit="entries/s"))
    journal.close()
    return results


def verified(journal: SqliteJournal, size: int) -> None:
    found = journal.verify(TRUST)
    assert found.holds
    assert found.entries == size


def views_of(home: Path, journal: SqliteJournal) -> Views:
    return Views(home / "views.db", journal.file.hash_at)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, exactly():
        home = Path(folder)
        report([*appends(home), *large(home)])


if __name__ == "__main__":
    main()

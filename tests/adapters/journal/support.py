"""What the journal's tests share: a desk's key, events of many shapes, and journals in a private folder."""

from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trading_mcp.adapters.journal import schema
from trading_mcp.adapters.journal.anchor import AnchorFile
from trading_mcp.adapters.journal.chain import Draft, Raw
from trading_mcp.adapters.journal.checkpoint import Cadence, Checkpointer, DeskKey
from trading_mcp.adapters.journal.entryfile import EntryFile
from trading_mcp.adapters.journal.export import raws_of
from trading_mcp.adapters.journal.sqlite import SqliteJournal
from trading_mcp.adapters.journal.verify import Trust
from trading_mcp.core.domain.events import (
    AnyEvent,
    DeskStarted,
    DeskStopped,
    OrderSending,
    ToolAnswered,
    ToolCalled,
)
from trading_mcp.core.domain.orders import Door

NOON = 1_767_268_800_000_000
SECOND = 1_000_000
KEY = DeskKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER_KEY = DeskKey(Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
TRUST = Trust(key=KEY.public)


def started(number: int = 0) -> DeskStarted:
    return DeskStarted(at=NOON, version=f"0.{number}")


def called(number: int) -> ToolCalled:
    return ToolCalled(
        at=NOON + number,
        call_id=f"call-{number}",
        tool="execute_trade",
        arguments='{"pair":"BTC-USDT","reason":"the average crossed, é"}',
        door=Door.MCP,
    )


def answered(number: int) -> ToolAnswered:
    return ToolAnswered(at=NOON + number, call_id=f"call-{number}", status="ok", size=number, digest="d" * 64)


def sending(number: int) -> OrderSending:
    return OrderSending(at=NOON + number, order_id=f"order-{number}")


def stopped() -> DeskStopped:
    return DeskStopped(at=NOON, reason="asked to")


def events(count: int, first: int = 1) -> list[AnyEvent]:
    makers = (called, sending, answered)
    return [makers[number % 3](number) for number in range(first, first + count)]


def drafts(count: int, first: int = 1) -> list[Draft]:
    return [(f"Kind{n % 3}", f'{{"n":{n}}}'.encode()) for n in range(first, first + count)]


def checkpointer(anchor: AnchorFile | None = None, *, every: int = 256, key: DeskKey = KEY) -> Checkpointer:
    return Checkpointer(key, anchor=anchor, cadence=Cadence(every=every))


def made(
    home: Path, count: int = 0, anchor: AnchorFile | None = None, *, every: int = 256, key: DeskKey = KEY
) -> SqliteJournal:
    """A journal that begins with one DeskStarted, then `count` events, a second apart."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    journal = SqliteJournal.create(
        home / "journal.db", NOON, [started()], checkpointer=checkpointer(anchor, every=every, key=key)
    )
    for number, event in enumerate(events(count), start=1):
        journal.append(NOON + number * SECOND, [event])
    return journal


def opened(home: Path, anchor: AnchorFile | None = None, *, every: int = 256) -> SqliteJournal:
    return SqliteJournal.open(home / "journal.db", checkpointer=checkpointer(anchor, every=every))


def rows_of(journal: SqliteJournal) -> list[Raw]:
    return [raw for batch in journal.file.batches() for raw in batch]


def raw_of(line: bytes) -> Raw:
    (raw,) = raws_of(line)
    return raw


def bare(path: Path, content: Sequence[Draft] = ()) -> EntryFile:
    """The byte layer alone, without codec or checkpoints."""
    path.touch(mode=0o600)
    connection = schema.connect(path)
    schema.build(connection)
    file = EntryFile(connection, path)
    file.append(NOON, content)
    return file

"""Another process edits what a desk keeps, while it runs and while it stands still: nothing is traded by it."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from tests.adapters.journal.test_tampering import entries_in, rewritten
from tests.cli.desks import PASSPHRASE, WITHIN, DeskProcess
from tests.test_bridge_desk import Assistant
from trading_mcp.adapters.journal.chain import Raw
from trading_mcp.errors import Exit

pytestmark = pytest.mark.slow
ENDLESS: Final = 2**62
Rows = list[Raw]


def traded(desk: DeskProcess) -> None:
    """An order that the owner signed, one that needed no signature, and one that waits."""
    assert desk.type("approver", "enroll", answers=(PASSPHRASE, PASSPHRASE)).code == 0
    assert desk.say("policy", "propose", "account.orders_open_max=5").code == 0
    for name, pair, worth, code in (
        ("signed", "ETH", "280", 5),
        ("small", "SOL", "100", 0),
        ("large", "BTC", "280", 5),
    ):
        assert desk.say("trade", "buy", f"{pair}-USDT", "--notional", worth, "--id", name).code == code
    assert desk.type("approve", "order/signed", answers=(PASSPHRASE,)).code == 0


def orders_at_venue(desk: DeskProcess) -> int:
    with closing(sqlite3.connect(f"file:{desk.folder / 'venue.db'}?mode=ro", uri=True)) as venue:
        return venue.execute("SELECT count(*) FROM orders").fetchone()[0]


@pytest.fixture(scope="module")
def stood() -> Generator[tuple[DeskProcess, Path]]:
    """A home whose desk has ended, and a copy of all its owner has."""
    data, kept = Path(tempfile.mkdtemp(prefix="tm")), Path(tempfile.mkdtemp(prefix="tm"))
    desk = DeskProcess(data).start()
    traded(desk)
    desk.end()
    shutil.copytree(data, kept, dirs_exist_ok=True)
    yield desk, kept
    desk.end()
    shutil.rmtree(data)
    shutil.rmtree(kept)


@pytest.fixture
def ended(stood: tuple[DeskProcess, Path]) -> Generator[DeskProcess]:
    """That home as it was left, for one test."""
    desk, kept = stood
    shutil.rmtree(desk.data)
    shutil.copytree(kept, desk.data)
    yield desk
    desk.end()


@contextmanager
def edited(desk: DeskProcess, name: str = "journal.db") -> Generator[sqlite3.Connection]:
    """Any SQLite tool can do this."""
    with closing(sqlite3.connect(desk.folder / name, isolation_level=None)) as connection:
        yield connection


def after(rows: Rows, kind: str) -> int:
    """Where the last entry of a kind stands."""
    return max(at for at, row in enumerate(rows) if row[2] == kind)


def changed(row: Raw, **words: str) -> Raw:
    body = row[3]
    for old, new in words.items():
        assert old.encode() in body
        body = body.replace(old.encode(), new.encode())
    return (*row[:3], body, *row[4:])


def larger(rows: Rows) -> Rows:
    at = after(rows, "ProposalOpened")
    return [*rows[:at], changed(rows[at], **{'"quantity":"0.00': '"quantity":"0.09'}), *rows[at + 1 :]]


def approved(rows: Rows) -> Rows:
    """What stands there for the order that was signed is said of the one that waits as well."""
    at = after(rows, "ProposalApproved")
    words = {"signed": "large", "ETH": "BTC"}
    said = [changed(rows[at], signed="large"), *(changed(row, **words) for row in rows[at + 1 : at + 3])]
    assert [row[2] for row in said] == ["ProposalApproved", "IntentJudged", "OrderCleared"]
    return [*rows, *said]


def forgotten(rows: Rows) -> Rows:
    at = after(rows, "ProposalApproved")
    return [*rows[:at], *rows[at + 1 :]]


def cheaper(rows: Rows) -> Rows:
    at = after(rows, "FillRecorded")
    return [*rows[:at], changed(rows[at], **{'"fee":"0.': '"fee":"0.0'}), *rows[at + 1 :]]


def loosened(rows: Rows) -> Rows:
    at = after(rows, "PolicyChanged")
    return [*rows[:at], changed(rows[at], **{'"orders_open_max":5': '"orders_open_max":500'}), *rows[at + 1 :]]


def cut(rows: Rows) -> Rows:
    return rows[: after(rows, "ProposalApproved")]


EDITS: Final[dict[str, Callable[[Rows], Rows]]] = {
    "a larger proposal": larger,
    "an approval": approved,
    "the used nonce": forgotten,
    "a fill": cheaper,
    "a limit": loosened,
    "the end": cut,
}


def frozen(desk: DeskProcess) -> dict[str, Any]:
    deadline = time.monotonic() + WITHIN
    while (status := desk.say("status", "--json").answer)["state"] != "FROZEN":
        assert time.monotonic() < deadline, status
    return status


def require_frozen(desk: DeskProcess, orders: int, starts: int = 1) -> None:
    """It is told, nothing is traded, no signature for an order helps, and another start changes nothing about it."""
    for _ in range(starts):
        desk.start()
        assert "JOURNAL_UNSOUND" in json.dumps(frozen(desk))
        assert desk.say("trade", "buy", "XRP-USDT", "--notional", "50", "--json").answer["status"] == "denied"
        if desk.say("proposals", "--json").answer["proposals"]:
            assert desk.type("approve", "order/large", answers=(PASSPHRASE,)).code != 0
        desk.end()
        verified = desk.say("audit", "verify")
        assert verified.code == Exit.UNSOUND, verified
        assert "Keep the home as it is" in verified.words
        assert orders_at_venue(desk) == orders


def require_closed(desk: DeskProcess, orders: int) -> None:
    """No desk comes of it, and it says where it is broken."""
    for words in (("desk",), ("audit", "verify")):
        said = desk.say(*words)
        assert said.code == Exit.UNSOUND, said
        assert "is damaged: entry" in said.words
    assert orders_at_venue(desk) == orders


def put(journal: sqlite3.Connection, rows: Rows) -> None:
    """Put rows in the place of all, each with the hash it had."""
    journal.execute("DELETE FROM entries")
    numbered = [(seq, *row[1:]) for seq, row in enumerate(rows, start=1)]
    journal.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)", numbered)


@pytest.mark.parametrize("what", EDITS)
def test_a_journal_edited_while_its_desk_stood_still_freezes_its_desk(what: str, ended: DeskProcess) -> None:
    orders = orders_at_venue(ended)
    with edited(ended) as journal:
        rows = EDITS[what](entries_in(journal))
        rewritten(journal, rows)
        if what == "the end":
            journal.execute("DELETE FROM checkpoints WHERE size > ?", (len(rows),))
    # What a desk signs after it has frozen covers what it froze for: the second start is the one that could forget.
    require_frozen(ended, orders, starts=2 if what in ("an approval", "the end") else 1)


def test_an_order_that_was_forged_stays_where_it_is_when_the_owner_lets_the_desk_go_on(ended: DeskProcess) -> None:
    orders = orders_at_venue(ended)
    with edited(ended) as journal:
        rewritten(journal, approved(entries_in(journal)))
    ended.start()
    assert frozen(ended)["orders_working"] == 0
    resumed = ended.type("resume", answers=(PASSPHRASE,))
    assert "is not signed, although the desk signs one like it at once" in resumed.words
    assert ended.say("status", "--json").answer["state"] == "ACTIVE"
    assert ended.say("trade", "buy", "XRP-USDT", "--notional", "50").code == 0
    ended.end()
    assert orders_at_venue(ended) == orders + 1
    assert ended.say("audit", "verify").code == Exit.DONE


@pytest.mark.parametrize("what", ["an approval", "the used nonce"])
def test_a_journal_that_is_no_chain_any_more_opens_no_desk(what: str, ended: DeskProcess) -> None:
    orders = orders_at_venue(ended)
    with edited(ended) as journal:
        put(journal, EDITS[what](entries_in(journal)))
    require_closed(ended, orders)


def overwritten(path: Path, old: bytes, new: bytes) -> None:
    """Change a file under whoever has it open, wherever these bytes stand in it."""
    content = path.read_bytes()
    assert old in content
    assert len(old) == len(new)
    with path.open("r+b") as file:
        at = content.find(old)
        while at >= 0:
            file.seek(at)
            file.write(new)
            at = content.find(old, at + 1)


@pytest.mark.parametrize("what", ["the file", "the log", "another file"])
def test_a_journal_edited_under_a_running_desk_changes_nothing_that_is_decided_and_is_found(
    what: str, ended: DeskProcess
) -> None:
    orders, path = orders_at_venue(ended), ended.folder / "journal.db"
    forged = path.with_name("forged.db")
    shutil.copy(path, forged)
    with edited(ended, forged.name) as journal:
        rewritten(journal, loosened(entries_in(journal)))
    ended.start()
    with edited(ended) as journal, pytest.raises(sqlite3.OperationalError, match="locked"):
        journal.execute("DELETE FROM entries")
    assert ended.say("trade", "buy", "XRP-USDT", "--notional", "280", "--id", "logged").code == 5
    asked = ended.say("proposals", "--json").answer["proposals"]
    if what == "another file":
        forged.rename(path)
    else:
        place = path if what == "the file" else path.with_name("journal.db-wal")
        overwritten(place, b'"type":"notional","value":"280"', b'"type":"notional","value":"499"')
    assert ended.say("proposals", "--json").answer["proposals"] == asked
    for each in asked:
        signed = ended.type("approve", each["id"], answers=(PASSPHRASE,))
        assert signed.code == 0, signed.out
    held = ended.say("portfolio", "--json").answer["positions"]
    assert {each["pair"] for each in held} == {"BTC-USDT", "ETH-USDT", "SOL-USDT", "XRP-USDT"}
    assert all(Decimal(each["worth"]) < 300 for each in held)
    ended.end()
    if "is damaged" in ended.say("audit", "verify").words:
        require_closed(ended, orders + len(asked))
    else:
        require_frozen(ended, orders + len(asked))


# What is flipped is what a decision would rest upon if it were read from here, and what no desk writes at all.
HOSTILE_VIEWS: Final = (
    "UPDATE orders SET state = 'FILLED', filled = '9', quantity = '9', book = 'manual'",
    "UPDATE positions SET quantity = '1000000', realised = '1000000'",
    "UPDATE trades SET realised = 'NaN', fee = 'Infinity', at = 9223372036854775807",
    "UPDATE fills SET quantity = '1e999999', at = -1",
    "UPDATE snapshots SET value = 'sNaN'",
    "UPDATE system_state SET value = 'ACTIVE'",
    "UPDATE events SET kind = 'ProposalApproved', body = 'zebra' WHERE kind = 'ProposalOpened'",
    "INSERT INTO events VALUES (1000000000000, 0, 'OrderCleared', 'owner', '', 'zebra')",
    "INSERT INTO algorithms (name, seq, is_enabled, has_mandate) VALUES ('mine', 1, 1, 1)",
)
READS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("get_portfolio", {}),
    ("get_open_orders", {"ended": True}),
    ("get_proposals", {"ended": True}),
    ("get_pnl_report", {"group_by": "pair"}),
    ("get_pnl_report", {"group_by": "day"}),
    ("get_trade_history", {}),
    ("get_events", {"kinds": ["OrderCleared", "ProposalApproved"]}),
)
# What moves with the moment and with prices.
MOVING: Final = re.compile(
    r'"(as_of|at|journal_seq|equity|worth|price|exposure|exposure_share|day_\w+|high_water|used|drawdown\w*|unrealised|head)"'
    r': ("[^"]*"|\d+)'
)


def told(assistant: Assistant) -> list[str]:
    """What the desk says of all that is of importance."""
    answers = [json.dumps(assistant.call(tool, **given)) for tool, given in READS]
    assert not [answer for answer in answers if "error" in answer or "NaN" in answer or "Infinity" in answer]
    return [MOVING.sub("", answer) for answer in answers]


@pytest.mark.parametrize("is_running", [True, False], ids=["running", "stood still"])
def test_whatever_views_say_is_believed_by_nobody_who_decides(is_running: bool, ended: DeskProcess) -> None:
    ended.start()
    assistant = Assistant(ended).shake()
    assert assistant.call("kill_switch", reason="a test")["trading_state"] == "HALTED"
    before = told(assistant)
    if not is_running:
        assistant.ended()
        ended.end()
    with edited(ended, "views.db") as views:
        for statement in HOSTILE_VIEWS:
            assert views.execute(statement).rowcount > 0, statement
    if not is_running:
        ended.start()
        assistant = Assistant(ended).shake()
    assistant.call("get_pnl_report", group_by="day")  # it finds the views odd, and they are made anew
    assert told(assistant) == before
    for words in (("zebra",), ("--kind", "OrderCleared")):
        found = ended.say("audit", "find", *words)
        assert (found.code, "There is no entry" in found.words) == (0, False), found
    assert assistant.call("execute_trade", pair="XRP-USDT", side="buy", notional="50")["status"] == "denied"
    assert ended.say("status", "--json").answer["state"] == "HALTED"
    assert ended.say("audit", "verify").code == Exit.DONE
    assistant.ended()

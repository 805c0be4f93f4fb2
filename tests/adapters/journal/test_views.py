"""The views show what the journal says, are rebuilt when they do not, and are never asked for a decision."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.adapters.journal.samples import KINDS, sample
from tests.adapters.journal.story import story
from tests.adapters.journal.support import NOON, called, checkpointer
from trading_mcp.adapters.journal.projection import Step, actor_of, names_of
from trading_mcp.adapters.journal.sqlite import SqliteJournal
from trading_mcp.adapters.journal.views import Page, Views, replayed
from trading_mcp.core.domain.events import CashMoved, Event, ForeignHeld, Marked, ToolCalled
from trading_mcp.core.domain.evolve import replay
from trading_mcp.core.domain.market import DAY
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import Door
from trading_mcp.core.domain.portfolio import Position
from trading_mcp.errors import JournalError


@pytest.fixture(autouse=True)
def money() -> Iterator[None]:
    with exactly():
        yield


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    first, *rest = story()
    journal = SqliteJournal.create(home / "journal.db", NOON, [first], checkpointer=checkpointer())
    journal.append(NOON, rest)
    yield journal
    journal.close()


@pytest.fixture
def views(journal: SqliteJournal, tmp_path: Path) -> Iterator[Views]:
    views = Views(tmp_path / "home" / "views.db", journal.file.hash_at)
    replayed(views, journal.entries())
    yield views
    views.close()


def column(page: Page, name: str) -> list[Any]:
    return [row[name] for row in page.rows]


def test_the_book_a_rebuild_ends_in_is_the_book_of_the_journal(journal: SqliteJournal, tmp_path: Path) -> None:
    views = Views(tmp_path / "home" / "views.db", journal.file.hash_at)
    book = replayed(views, journal.entries())
    assert book == replay(entry.event for entry in journal.entries())
    assert views.seq == journal.head().seq
    views.close()


@pytest.mark.proves("T4")
def test_orders_stand_as_they_stand_now(views: Views) -> None:
    page = views.orders()
    assert column(page, "id") == ["order-exit", "order-fine"]
    assert column(page, "state") == ["FILLED", "FILLED"]
    assert column(page, "filled") == ["0.02", "0.020"]
    assert page.rows[1]["venue_order_id"] == "v-1"
    assert page.next_before is None


@pytest.mark.proves("S5")
def test_every_fill_is_a_trade_that_says_what_it_realised(views: Views) -> None:
    assert column(views.fills(), "trade_id") == ["t-3", "t-2", "t-1"]
    realised = [float(value) for value in column(views.trades(pair="BTC-USDT", book="manual"), "realised")]
    assert realised == [35.0, 0.0, 0.0]
    assert views.trades(pair="ETH-USDT").rows == []


def test_what_was_earned_is_told_since_an_entry_and_the_account_day_by_day(views: Views) -> None:
    trades = views.trades(limit=500).rows
    assert views.earned(0, 500) == trades
    assert views.earned(trades[0]["seq"], 500) == trades[:1]
    assert len(views.earned(0, 1)) == 1
    values = [row for row in views.snapshots(limit=500).rows if row["scope"] == "account"]
    days = {row["at"] // 86_400_000_000: row["value"] for row in reversed(values)}
    assert values
    assert [value for value, _ in views.closing_values()] == list(days.values())


def test_what_came_and_went_is_told_with_the_day_it_came_before_and_with_the_value_it_met(
    views: Views, journal: SqliteJournal
) -> None:
    book = replay(entry.event for entry in journal.entries())
    marked = next(entry.event for entry in journal.entries() if isinstance(entry.event, Marked))
    moved = next(entry.event for entry in journal.entries() if isinstance(entry.event, CashMoved))
    held = Position(book="external", venue="paper", pair="ETH-USDT", quantity=Decimal(2))
    journal.append(
        NOON,
        [
            replace(moved, value=Decimal(-30), transfer_id="y"),
            replace(moved, value=Decimal(0), transfer_id="z"),
            ForeignHeld(at=NOON, position=held, value=Decimal(7)),
        ],
    )
    journal.append(NOON + DAY, [replace(marked, at=NOON + DAY, values={"account": Decimal(50_100)})])
    journal.append(NOON + DAY, [replace(moved, at=NOON + DAY, transfer_id="later")])
    replayed(views, journal.entries(views.seq), book)
    assert views.closing_values() == [
        ("50030", []),
        ("50100", [("50030", "5"), ("50035", "-30"), ("50005", "7")]),
    ]


def test_a_closed_position_is_shown_as_nothing_held(views: Views) -> None:
    (position,) = views.positions(book="manual").rows
    assert float(position["quantity"]) == 0
    assert position["id"] == "manual/paper/BTC-USDT"


def test_what_the_desk_did_not_make_is_shown_beside_its_own(views: Views, journal: SqliteJournal) -> None:
    book = replay(entry.event for entry in journal.entries())
    held = Position(book="external", venue="paper", pair="ETH-USDT", quantity=Decimal(2))
    journal.append(NOON, [ForeignHeld(at=NOON, position=held)])
    own = views.positions(book="manual")
    replayed(views, journal.entries(views.seq), book)
    assert column(views.positions(), "id") == ["external/paper/ETH-USDT", "manual/paper/BTC-USDT"]
    assert views.positions(book="manual") == own


def test_an_algorithm_is_shown_with_its_switch_and_its_leave(views: Views) -> None:
    (algorithm,) = views.algorithms().rows
    assert algorithm["name"] == "sma"
    assert algorithm["pairs"] == '["BTC-USDT", "ETH-USDT"]'
    assert (algorithm["is_enabled"], algorithm["has_mandate"]) == (0, 0)


@pytest.mark.proves("S5")
def test_equity_is_a_snapshot_for_each_scope(views: Views) -> None:
    assert column(views.snapshots(scope="account"), "value") == ["50030"]
    assert len(views.snapshots().rows) == 2


def test_system_state_says_what_home_this_is_and_what_holds(views: Views) -> None:
    state = views.system_state()
    assert state["home"] == "story"
    assert state["mode"] == "SIMULATED"
    assert state["trading_state"] == "ACTIVE"
    assert state["last_status"] == "DeskStopped"
    assert views.experiments().rows == []


@pytest.mark.proves("T5")
@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("trade_executed", ["FillRecorded"] * 3),
        ("trade_rejected", ["IntentJudged"]),
        ("guardrail_triggered", ["IntentJudged", "IntentJudged"]),
        ("kill_switch", ["Released", "Latched"]),
        ("config_changed", ["PolicyChanged"] * 2 + ["MandateVoided", "MandateIssued", "AlgorithmSet"]),
        ("pair_changed", ["PolicyChanged"]),
        ("balance_sync", ["CashMoved", "Reconciled"]),
        ("agent_status_change", ["DeskStopped", "DeskStarted", "DeskCreated"]),
        ("ToolCalled", ["ToolCalled"]),
        ("no_such_name", []),
    ],
)
def test_events_answer_to_the_names_of_other_systems_and_to_their_own(
    views: Views, name: str, kinds: list[str]
) -> None:
    assert column(views.events(name=name), "kind") == kinds


@pytest.mark.proves("T5")
def test_an_event_says_who_caused_it(views: Views) -> None:
    actors = dict(zip(column(views.events(), "seq"), column(views.events(), "actor"), strict=True))
    assert actors[4] == "mcp"
    assert actors[5] == "mcp"
    assert actors[12] == "user"
    assert actors[18] == "algorithm"
    assert actors[20] == "system"
    assert actors[21] == "user"


@pytest.mark.parametrize(
    ("door", "actor"),
    [("mcp", "mcp"), ("http", "mcp"), ("cli", "user"), ("web", "user"), ("runner", "algorithm"), ("desk", "system")],
)
def test_whoever_calls_is_told_by_the_door(door: str, actor: str) -> None:
    assert actor_of(ToolCalled(at=NOON, call_id="1", tool="get_portfolio", arguments="", door=Door(door))) == actor


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("zebra", 4),
        ("zebra ORDER_NOTIONAL_MAX", 1),
        ("order-fine", 5),
        ("trade_executed", 3),
        ("nothing-like-it", 0),
        ('"', 0),
        ('zebra" OR "sma', 0),
        ("body:zebra", 0),
        ("* NEAR ( ) - ^", 0),
    ],
)
def test_words_are_found_in_events_and_are_never_a_query_language(views: Views, query: str, found: int) -> None:
    assert len(views.events(query=query).rows) == found


@pytest.mark.parametrize("limit", [1, 2, 3, 25, 26, 50])
def test_pages_follow_one_another_without_a_gap_or_a_double(views: Views, limit: int) -> None:
    for read in (views.events, views.snapshots, views.trades):
        everything = read(limit=500).rows
        seen: list[dict[str, Any]] = []
        before = 2**63 - 1
        while True:
            page = read(before=before, limit=limit)
            assert len(page.rows) <= limit
            seen += page.rows
            if page.next_before is None:
                break
            before = page.next_before
        assert seen == everything


@pytest.mark.parametrize(("asked", "given"), [(0, 1), (-5, 1), (10**9, 26)])
def test_a_page_is_bounded_whatever_is_asked_for(views: Views, asked: int, given: int) -> None:
    assert len(views.events(limit=asked).rows) == given


def test_named_and_searched_events_are_paged_too(views: Views) -> None:
    for options in ({"name": "trade_executed"}, {"query": "zebra"}):
        everything = column(views.events(**options), "seq")  # type: ignore[arg-type]
        seen: list[int] = []
        page = views.events(**options, limit=1)  # type: ignore[arg-type]
        while page.next_before is not None:
            seen += column(page, "seq")
            page = views.events(**options, limit=1, before=page.next_before)  # type: ignore[arg-type]
        assert [*seen, *column(page, "seq")] == everything


def test_steps_shown_already_are_passed_over_and_a_gap_is_refused(views: Views, journal: SqliteJournal) -> None:
    before = views.events(limit=500)
    replayed(views, journal.entries())
    assert views.events(limit=500) == before
    book = replay(entry.event for entry in journal.entries())
    journal.append(NOON, [called(2), called(3)])
    last = list(journal.entries())[-1]
    with pytest.raises(ValueError, match=f"stand at entry {views.seq}"):
        views.apply([Step(entry=last, before=book, after=book)])
    book = replayed(views, journal.entries(views.seq), book)
    assert column(views.events(limit=2), "seq") == [28, 27]


def test_a_journal_that_does_not_begin_with_its_home_has_no_views(views: Views, tmp_path: Path) -> None:
    journal = SqliteJournal.create(tmp_path / "other.db", NOON, [called(1)])
    with pytest.raises(ValueError, match="cannot be the first"):
        replayed(views, journal.entries())
    journal.close()


def test_they_are_kept_across_starts(views: Views, journal: SqliteJournal) -> None:
    views.close()
    again = Views(views.path, journal.file.hash_at)
    assert again.seq == journal.head().seq
    assert len(again.events().rows) == 26
    again.close()


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE applied SET hash = x'00'",
        "UPDATE applied SET version = 0",
        "UPDATE applied SET seq = 0",
        "UPDATE applied SET seq = 9999",
        "DELETE FROM applied",
        "DROP TABLE applied",
    ],
)
def test_views_of_another_journal_or_version_are_made_anew(views: Views, journal: SqliteJournal, spoil: str) -> None:
    views.close()
    with closing(sqlite3.connect(views.path)) as connection, connection:
        connection.execute(spoil)
    again = Views(views.path, journal.file.hash_at)
    assert again.seq == 0
    replayed(again, journal.entries())
    assert len(again.events().rows) == 26
    again.close()


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 100])
def test_a_file_that_is_no_database_is_made_anew(journal: SqliteJournal, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "home" / "views.db"
    path.write_bytes(content)
    views = Views(path, journal.file.hash_at)
    replayed(views, journal.entries())
    assert len(views.events().rows) == 26
    assert path.stat().st_mode & 0o777 == 0o600
    views.close()


def test_a_crash_in_the_middle_of_showing_shows_none_of_it(views: Views, journal: SqliteJournal) -> None:
    before = views.seq, views.events()
    book = replay(entry.event for entry in journal.entries())
    (entry,) = journal.append(NOON, [called(2)])
    with closing(sqlite3.connect(views.path)) as connection:
        connection.execute("CREATE TRIGGER full BEFORE INSERT ON applied BEGIN SELECT RAISE(FAIL, 'full'); END")
    with pytest.raises(JournalError, match="cannot be written: full"):
        views.apply([Step(entry=entry, before=book, after=book)])
    assert (views.seq, views.events()) == before


@pytest.mark.parametrize("text", ["\x00", " ", "\n\t", "\ud800", "\x1b[2J", '" OR *', "NEAR(", "x " * 3000])
def test_whatever_is_typed_is_searched_for_and_never_an_error(views: Views, text: str) -> None:
    for page in (views.events(query=text), views.events(name=text), views.orders(pair=text, book=text)):
        assert isinstance(page.rows, list)


@pytest.mark.parametrize("before", [-(2**70), -1, 0, 2**63, 2**70])
def test_a_page_may_begin_at_any_number(views: Views, before: int) -> None:
    assert bool(views.events(before=before).rows) == (before > 0)


def test_views_that_cannot_be_made_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "views.db").mkdir()
    with pytest.raises(JournalError, match=r"views .*views\.db cannot be written"):
        Views(tmp_path / "views.db", lambda _: None)


def test_anyone_may_open_them_while_the_desk_runs(views: Views) -> None:
    with closing(sqlite3.connect(views.path)) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (2,)


@pytest.mark.proves("T5")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_of_event_has_an_actor_and_names(kind: type[Event]) -> None:
    event = sample(kind)
    assert actor_of(event) in {"system", "user", "mcp", "algorithm"}
    assert len(set(names_of(event))) == len(names_of(event))

"""Homes are made whole, opened whole, and refused in a sentence; a book read from a snapshot is the replayed one."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.places import short
from trading_mcp.adapters.approvals.keystore import Keystore
from trading_mcp.adapters.config.policies import policy_text
from trading_mcp.adapters.system.clock import SystemClock
from trading_mcp.bootstrap.homes import (
    Opened,
    approver_folder,
    cash_of,
    folded,
    keep_snapshot,
    make_home,
    open_or_make,
    open_whole,
    state_folder,
)
from trading_mcp.bootstrap.services import DeskServices, PinnedNow
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.evolve import evolve
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.market import DAY, HOUR
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import Door
from trading_mcp.core.domain.policy import Delta, Policy
from trading_mcp.core.domain.proposals import ProposedPolicy
from trading_mcp.core.guardrails.direction import apply
from trading_mcp.errors import (
    ApproverMissing,
    HomeHeld,
    HomeUnknown,
    HomeUnusable,
    JournalDamaged,
    JournalError,
    PolicyInvalid,
    TradingMcpError,
    UsageInvalid,
)
from trading_mcp.place import Place, located

__all__ = ["short"]


@pytest.fixture
def place(short: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    return located("simulated")


def record(opened: Opened, *events: e.AnyEvent) -> None:
    opened.journal.append(events[0].at, events)
    with exactly():
        for event in events:
            opened.book = evolve(opened.book, event)


def test_the_default_home_is_made_at_its_first_start_with_made_up_money(place: Place) -> None:
    opened = open_or_make(place)
    home = opened.book.home
    assert (home.name, home.mode.value, home.venues) == ("simulated", "SIMULATED", ("paper",))
    assert set(home.cash.values()) == {Decimal(50_000)}
    assert opened.trouble == ""
    assert opened.since.gap == ""
    assert all(each.stat().st_mode & 0o077 == 0 for each in Path(place.path).rglob("*"))
    opened.close()
    open_or_make(place).close()


def test_another_home_is_not_made_by_a_start(short: Path) -> None:
    with pytest.raises(HomeUnknown):
        open_or_make(located("other"))


def test_a_home_is_held_by_one_alone(place: Place) -> None:
    opened = open_or_make(place)
    with pytest.raises(HomeHeld):
        open_whole(place)
    opened.close()
    open_whole(place).close()


@pytest.mark.parametrize(
    ("mode", "error"), [("PAPER", "no market yet"), ("DRY", "no real venue"), ("LIVE", "no real venue")]
)
def test_modes_that_need_a_market_are_refused_in_one_honest_sentence(place: Place, mode: str, error: str) -> None:
    with pytest.raises(UsageInvalid, match=error):
        make_home(place, mode)
    assert not Path(place.path).exists()


def test_the_limits_of_a_backtest_and_money_nobody_knows_begin_no_home(place: Place) -> None:
    loose = Path("policies/backtest-open.toml").read_text("utf-8")
    with pytest.raises(PolicyInvalid, match="for backtests only"):
        make_home(place, policy=loose)
    for words in ({"GOLD": "1"}, {"USDT": "-1"}, {"USDT": "0"}, {"USDT": "much"}):
        with pytest.raises(UsageInvalid):
            cash_of(words)
    assert cash_of({"USDT": "5", "USD": "0"}) == {"USDT": Decimal(5)}


def test_a_first_policy_looser_than_the_shipped_one_waits_for_a_signature(place: Place) -> None:
    shipped = policy_text("simulated")
    mixed = shipped.replace("orders_open_max = 20", "orders_open_max = 5").replace(
        'order_notional_max = "500"', 'order_notional_max = "5000"'
    )
    assert mixed.count('"5000"') == 1
    make_home(place, policy=mixed)
    Path(place.path, "venue.db").unlink()
    opened = open_whole(place)
    # Nobody has run a desk here yet: what a crash left out is made, and no gap is told.
    assert Path(place.path, "venue.db").exists()
    assert opened.since.gap == ""
    policy = opened.book.policy
    assert (policy.account.orders_open_max, policy.crypto.order_notional_max) == (5, 500)
    (proposal,) = opened.book.proposals.values()
    assert isinstance(proposal.body, ProposedPolicy)
    assert {delta.key.rpartition(".")[2] for delta in proposal.body.deltas} == {"order_notional_max"}
    assert opened.journal.verify(opened.trust).holds
    opened.close()


def test_a_first_policy_that_only_tightens_is_in_force_at_once(place: Place) -> None:
    make_home(place, policy=policy_text("simulated").replace("orders_open_max = 20", "orders_open_max = 5"))
    opened = open_whole(place)
    assert (opened.book.policy.account.orders_open_max, opened.book.proposals) == (5, {})
    opened.close()


def test_a_snapshot_and_a_whole_replay_give_the_same_book(place: Place) -> None:
    opened = open_or_make(place)
    now = opened.book.at
    record(opened, e.DeskStarted(at=now + 1, version="x"))
    keep_snapshot(opened, opened.book)
    with exactly():
        taken = next(iter(opened.journal.entries(opened.journal.head().seq - 1))).event
        opened.book = evolve(opened.book, taken)
    called = e.ToolCalled(at=now + 2, call_id="1", tool="status", arguments="{}", door=Door.CLI)
    record(opened, called, e.DeskStopped(at=now + 3, reason="x"))
    opened.close()
    again = open_whole(place)
    assert again.book == opened.book
    next(again.snapshots.folder.iterdir()).write_bytes(b"nothing")
    replayed, broken = folded(again.journal, again.snapshots, again.trust)
    assert (replayed, broken) == (again.book, "")
    again.close()


def test_a_gap_is_told_and_a_stop_that_was_none(place: Place) -> None:
    opened = open_or_make(place)
    record(opened, e.DeskStarted(at=SystemClock().now() - 5 * HOUR, version="x"))
    opened.close()
    again = open_whole(place)
    assert again.since.gap == "down 5 h, not stopped in good order"
    again.close()


def test_a_crash_between_journal_and_venue_is_finished_and_a_lost_venue_is_not_made_up(place: Place) -> None:
    open_or_make(place).close()
    venue = Path(place.path) / "venue.db"
    venue.unlink()
    opened = open_whole(place)
    assert venue.exists()
    record(opened, e.DeskStarted(at=opened.book.at + 1, version="x"))
    opened.close()
    venue.unlink()
    open_whole(place).close()
    assert not venue.exists()


def test_a_home_without_its_key_is_refused(place: Place) -> None:
    open_or_make(place).close()
    (Path(place.path) / "journal.db.key").unlink()
    with pytest.raises(JournalDamaged, match="missing or damaged"):
        open_whole(place)


def test_an_old_copy_of_the_journal_is_noticed_by_the_anchor(place: Place) -> None:
    opened = open_or_make(place)
    opened.close()
    journal = Path(place.path) / "journal.db"
    old = journal.read_bytes()
    opened = open_whole(place)
    record(opened, e.DeskStopped(at=opened.book.at + 1, reason="x"))
    opened.close()
    journal.write_bytes(old)
    again = open_whole(place)
    assert "the anchor has seen" in again.trouble
    again.close()


def test_a_home_that_was_removed_and_made_anew_has_an_anchor_of_its_own(place: Place) -> None:
    open_or_make(place).close()
    for path in tuple(Path(place.path).iterdir()):
        path.rmdir() if path.is_dir() else path.unlink()
    again = open_or_make(place)
    assert again.trouble == ""
    again.close()
    assert len(list((state_folder() / "anchors").glob("*.old"))) == 1


def test_a_damaged_journal_is_named_and_holds_nothing(place: Place) -> None:
    open_or_make(place).close()
    (Path(place.path) / "journal.db").write_bytes(b"x" * 10_000)
    with pytest.raises(JournalError):
        open_whole(place)
    with pytest.raises(TradingMcpError):
        open_whole(place)


def test_a_state_folder_that_cannot_be_made_is_one_sentence(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    file = Path(place.path).parents[2] / "file"
    file.write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(file))
    with pytest.raises(HomeUnusable, match="cannot be made"):
        open_or_make(place)


async def test_the_services_verify_in_slices_export_and_pin(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = open_or_make(place)
    monkeypatch.setattr("trading_mcp.bootstrap.services.SLICE", 2)
    for number in range(7):
        record(opened, e.DeskStarted(at=opened.book.at + 1, version=str(number)))
    keystore = Keystore(approver_folder(), SystemClock())
    services = DeskServices(opened, keystore)
    found = await services.verified()
    assert (found.holds, found.entries, found.head) == (True, 8, opened.journal.head().hash.hex())
    page = services.lines(0, 3)
    assert (len(page.lines), page.next_since) == (3, 3)
    assert services.lines(page.next_since, 100).next_since == 0
    assert services.pinned(opened.book) is None
    with pytest.raises(ApproverMissing, match="enroll"):
        services.act("attend", opened.book, Facts(now=1, day=""))

    keystore.enroll("correct horse battery staple")
    first = services.pinned(opened.book)
    assert first is not None
    assert (first.is_successor, first.shipped) == (False, opened.book.policy)
    with pytest.raises(ApproverMissing, match="has recorded"):
        services.act("attend", opened.book, Facts(now=1, day=""))
    public = first.public_key
    record(opened, e.ApproverEnrolled(at=opened.book.at + 1, fingerprint=first.fingerprint, public_key=public))
    assert services.pinned(opened.book) == first
    screen = services.act("attend", opened.book, Facts(now=opened.book.at, day=""))
    assert '"kind":"attend"' in screen.statement
    with pytest.raises(UsageInvalid):
        services.act("approve", opened.book, Facts(now=1, day=""))
    verifier = PinnedNow(keystore, lambda: opened.book)
    assert verifier.verified(screen.statement.encode(), b"x" * 64) is None
    approver_folder().chmod(0o755)
    assert verifier.verified(screen.statement.encode(), b"x" * 64) is None
    opened.close()


def test_the_limits_of_a_day_and_a_week_ago_are_read_from_the_journal(place: Place) -> None:
    opened = open_or_make(place)
    services = DeskServices(opened, Keystore(approver_folder(), SystemClock()))
    begun, at = opened.book.policy, opened.book.at
    tighter = apply(begun, (Delta(key="account.orders_open_max", before="20", after="19"),))
    assert isinstance(tighter, Policy)
    record(opened, e.PolicyChanged(at=at + 2 * DAY, policy=tighter, deltas=()))
    now = services._past(at + 3 * DAY + 1)
    assert (now.day_ago, now.week_ago) == (tighter, None)
    later = services._past(at + 8 * DAY)
    assert (later.day_ago, later.week_ago) == (tighter, begun)
    opened.close()

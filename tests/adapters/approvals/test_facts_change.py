"""A change of the limits before a signature: what it really changes, and what it was."""

import pytest
from msgspec.structs import replace

from tests.adapters.approvals.making import NOTIONAL, D, change, facts, shown, text
from tests.adapters.approvals.room import Room
from trading_mcp.adapters.approvals.policyfacts import Past


def test_a_limit_is_shown_with_what_it_comes_to_and_what_it_was(room: Room) -> None:
    change(room, NOTIONAL, "500", "5000")
    now = room.book.policy
    week_ago = replace(now, crypto=replace(now.crypto, order_notional_max=D(250)))
    assert text(room, past=Past(day_ago=now, week_ago=week_ago)) == POLICY_SCREEN


POLICY_SCREEN = """\
  proposal            change/one
  kind                policy
  home                test, SIMULATED, account main
  limit               market.crypto.order_notional_max
  from, to            500 -> 5000 (looser)
  in effect           500 -> 2000 at an equity of 100000
  set by              market.crypto.order_notional_max ->
                      market.crypto.order_share_max
  a day ago           500
  a week ago          250
  takes effect        at once
  open for            7 d

Not checked by anyone, the words of who asked (mcp):
  | (no reason given)"""


def test_a_raise_that_changes_nothing_says_what_still_binds(room: Room) -> None:
    room.book = replace(room.book, portfolio=replace(room.book.portfolio, cash={"paper/USD": D(20_000)}))
    change(room, NOTIONAL, "500", "5000")
    found = facts(room)
    assert found["in effect"] == "400 -> 400 at an equity of 20000"
    assert found["set by"] == "market.crypto.order_share_max"
    assert found["still binding"] == "market.crypto.order_share_max: alone this changes nothing now"


def test_a_change_of_who_sets_the_limit_is_no_standstill(room: Room) -> None:
    change(room, NOTIONAL, "500", "5000")
    found = facts(room)
    assert found["set by"] == f"{NOTIONAL} -> market.crypto.order_share_max"
    assert "still binding" not in found


def test_a_plain_key_binds_itself(room: Room) -> None:
    change(room, "account.orders_open_max", "20", "30")
    found = facts(room)
    assert found["in effect"] == "20 -> 30 at an equity of 100000"
    assert found["set by"] == "account.orders_open_max"
    assert (found["a day ago"], found["a week ago"]) == ("not known", "not known")


def test_without_a_known_equity_no_effect_is_told(room: Room) -> None:
    change(room, NOTIONAL, "500", "5000")
    room.facts = replace(room.facts, prices={})
    found = facts(room)
    assert found["in effect"] == "not known: the equity is not known now"
    assert "set by" not in found


@pytest.mark.parametrize(
    ("key", "before", "after", "adds", "removes"),
    [
        ("market.crypto.quotes_approved", "USD, USDC, USDT", "EUR, USD, USDT", "EUR", "USDC"),
        ("market.crypto.venues", "paper", "paper, coinbase", "coinbase", None),
        ("market.crypto.pairs_blocked", "none", "BTC-USD", "BTC-USD", None),
    ],
)
def test_lists_are_told_by_what_comes_and_goes(
    room: Room, key: str, before: str, after: str, adds: str | None, removes: str | None
) -> None:
    change(room, key, before, after)
    found = facts(room)
    assert found["from, to"].startswith(f"{before} -> {after} (")
    assert (found.get("adds"), found.get("removes")) == (adds, removes)
    assert "in effect" not in found


def test_limits_that_are_not_what_they_were_would_come_to_nothing(room: Room) -> None:
    change(room, NOTIONAL, "400", "5000")
    assert shown(room).warnings == (
        "The limits are not what they were when this was proposed: a signature would end it.",
    )
    assert (facts(room)["limit"], facts(room)["from, to"]) == (NOTIONAL, "400 -> 5000")


@pytest.mark.parametrize(
    ("key", "before", "after", "turn"),
    [
        ("account.orders_open_max", "20", "10", "tighter"),
        ("account.orders_open_max", "20", "30", "looser"),
        ("schedule.zone", "UTC", "Asia/Kolkata", "neither"),
    ],
)
def test_a_change_says_which_way_it_goes(room: Room, key: str, before: str, after: str, turn: str) -> None:
    change(room, key, before, after)
    assert facts(room)["from, to"] == f"{before} -> {after} ({turn})"


def test_a_list_is_told_whole_however_long(room: Room) -> None:
    names = sorted(f"A{number}" for number in range(1_000, 1_400))
    approved = sorted({*room.book.policy.crypto.assets_approved})
    change(room, "market.crypto.assets_approved", ", ".join(approved), ", ".join(sorted([*approved, *names])))
    assert facts(room)["adds"] == ", ".join(names)
    assert names[-1] in text(room)

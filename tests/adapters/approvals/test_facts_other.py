"""Mandates, releases and closes before a signature, and what stands against any of them."""

import pytest
from msgspec.structs import replace

from tests.adapters.approvals.making import NOTIONAL, D, change, facts, holding, latch, latched, shown, text, waiting
from tests.adapters.approvals.room import NOW, Room
from tests.core.guardrails.world import algorithm, mandate_for, position, resting
from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.latches import ACCOUNT, Scope, ScopeKind, TradingState
from trading_mcp.core.domain.market import DAY, HOUR, MINUTE
from trading_mcp.core.domain.orders import OrderState
from trading_mcp.core.domain.proposals import (
    ProposedClose,
    ProposedMandate,
    ProposedOrderRelease,
    ProposedRelease,
)
from trading_mcp.core.domain.verdict import Code


def test_a_mandate_is_shown_with_its_bounds_and_its_record(room: Room) -> None:
    owner = algorithm(version="f" * 64, venues=("coinbase", "paper"))
    waiting(room, ProposedMandate(mandate=mandate_for(owner, expires_at=NOW + 7 * DAY)))
    record = [("on paper", "90 days, 312 trades"), ("a label that is far too long for its column", "x")]
    assert text(room, record=record) == MANDATE_SCREEN


MANDATE_SCREEN = """\
  proposal            change/one
  kind                mandate
  home                test, SIMULATED, account main
  algorithm           sma
  version             ffffffffffffffff
  pairs               AAPL, BTC-USDT, ETH-USDT, MATIC-USDT
  venues              coinbase, paper
  capital             10000
  an order at most    500
  orders a day        500
  ends at a loss of   500
  runs for            7 d
  on paper            90 days, 312 trades
  a label that is fa… x
  takes effect        at once
  open for            7 d

Not checked by anyone, the words of who asked (mcp):
  | (no reason given)"""


@pytest.mark.parametrize(
    ("ends", "runs"),
    [(None, "no end"), (NOW + HOUR, "1 h"), (NOW, "expired"), (NOW + 1, "0 s"), (NOW - DAY, "expired")],
)
def test_how_long_a_mandate_runs(room: Room, ends: int | None, runs: str) -> None:
    waiting(room, ProposedMandate(mandate=mandate_for(algorithm(), expires_at=ends)))
    assert facts(room)["runs for"] == runs


def test_a_release_names_what_it_ends(room: Room) -> None:
    elsewhere = Scope(kind=ScopeKind.VENUE, name="paper")
    latched(
        room,
        latch(TradingState.HALTED, Code.KILL_SWITCH),
        latch(TradingState.REDUCING, Code.LOSS_DAY_MAX),
        latch(TradingState.FROZEN, Code.OVERFILL, elsewhere),
    )
    waiting(room, ProposedRelease(scope=ACCOUNT, target=TradingState.REDUCING))
    screen = shown(room)
    rows = [(row.label, row.value) for row in screen.rows]
    assert rows[:3] == [
        ("scope", "account"),
        ("from then on", "REDUCING"),
        ("ends", "HALTED by KILL_SWITCH, 1 min ago"),
    ]
    assert [label for label, _ in rows].count("ends") == 1
    assert screen.warnings == ()


def test_a_latch_of_a_clock_that_stepped_back_is_of_now(room: Room) -> None:
    latched(room, latch(TradingState.HALTED, Code.KILL_SWITCH, at=NOW + DAY))
    waiting(room, ProposedRelease(scope=ACCOUNT, target=TradingState.ACTIVE))
    assert facts(room)["ends"] == "HALTED by KILL_SWITCH, 0 s ago"


@pytest.mark.parametrize(
    ("target", "delay", "says"),
    [
        (TradingState.ACTIVE, 10 * MINUTE, "10 min after the signature"),
        (TradingState.REDUCING, 10 * MINUTE, "at once"),
        (TradingState.ACTIVE, 0, "at once"),
    ],
)
def test_a_loosening_says_how_long_it_waits(room: Room, target: TradingState, delay: int, says: str) -> None:
    account = replace(room.book.policy.account, loosening_delay=delay)
    room.book = replace(room.book, policy=replace(room.book.policy, account=account))
    waiting(room, ProposedRelease(scope=ACCOUNT, target=target))
    assert facts(room)["takes effect"] == says


def test_an_order_and_a_close_wait_for_nothing(room: Room) -> None:
    room.propose()
    assert "takes effect" not in facts(room)
    waiting(room, ProposedClose(position="external/paper/BTC-USDT", quantity=D(1)))
    assert "takes effect" not in facts(room)


@pytest.mark.parametrize(
    ("quantity", "side", "worth"), [("0.5", "sell", "24995 USDT"), ("-0.5", "buy", "25000 USDT")]
)
def test_a_close_is_shown_at_the_price_it_would_meet(room: Room, quantity: str, side: str, worth: str) -> None:
    held = position(quantity, book="external")
    holding(room, held)
    waiting(room, ProposedClose(position=held.key, quantity=D("0.5")))
    assert [(row.label, row.value) for row in shown(room).rows] == [
        ("position", "external/paper/BTC-USDT"),
        ("side", side),
        ("quantity", "0.5"),
        ("bought at", "50000 USDT"),
        ("worth now", worth),
        ("open for", "7 d"),
    ]
    assert shown(room).warnings == ()
    room.facts = replace(room.facts, quotes={})
    assert facts(room)["worth now"] == "unknown USDT"


@pytest.mark.parametrize("held", [None, "0.4"])
def test_a_close_of_another_position_would_come_to_nothing(room: Room, held: str | None) -> None:
    if held is not None:
        holding(room, position(held, book="external"))
    waiting(room, ProposedClose(position="external/paper/BTC-USDT", quantity=D("0.5")))
    assert (facts(room)["position"], facts(room)["quantity"]) == ("external/paper/BTC-USDT", "0.5")
    assert shown(room).warnings == ("The position is not what it was: a signature would end this proposal.",)


def test_a_contract_of_several_units_is_worth_several(room: Room) -> None:
    held = position("0.5", book="external", multiplier=D(10))
    holding(room, held)
    waiting(room, ProposedClose(position=held.key, quantity=D("0.5")))
    assert facts(room)["worth now"] == "249950 USDT"


@pytest.mark.parametrize("state", [TradingState.HALTED, TradingState.FROZEN])
def test_a_halted_desk_says_what_a_signature_would_do(room: Room, state: TradingState) -> None:
    latched(room, latch(state, Code.KILL_SWITCH))
    change(room, NOTIONAL, "500", "5000")
    assert shown(room).warnings == (f"The desk is {state.name}: a signature would end this proposal.",)
    latched(room, latch(TradingState.REDUCING, Code.LOSS_DAY_MAX))
    assert shown(room).warnings == ()


def test_a_halted_desk_is_no_obstacle_to_what_ends_it_or_shrinks(room: Room) -> None:
    latched(room, latch(TradingState.HALTED, Code.KILL_SWITCH))
    holding(room, position("1", book="external"))
    for body in (
        ProposedRelease(scope=ACCOUNT, target=TradingState.ACTIVE),
        ProposedClose(position="external/paper/BTC-USDT", quantity=D(1)),
    ):
        waiting(room, body)
        assert shown(room).warnings == ()


def test_the_file_that_halts_is_named(room: Room) -> None:
    change(room, NOTIONAL, "500", "5000")
    room.facts = replace(room.facts, is_halt_file_present=True)
    assert shown(room).warnings == (
        "The file HALT stands in the home: nothing that adds risk is sent, and no halt is released.",
    )
    assert "\n! The file HALT stands in the home: " in text(room)


@pytest.mark.parametrize(
    ("life", "says"), [(DAY, "1 d"), (DAY - 1, "23 h 59 min"), (1, "0 s"), (0, "expired"), (-DAY, "expired")]
)
def test_how_long_a_proposal_is_open(room: Room, life: int, says: str) -> None:
    waiting(room, ProposedRelease(scope=ACCOUNT, target=TradingState.ACTIVE), life=life)
    assert facts(room)["open for"] == says


def test_an_order_of_unknown_fate_is_shown_with_what_letting_it_go_means(room: Room) -> None:
    order = resting("o-1", quantity="0.5", state=OrderState.UNKNOWN, filled="0.1", price_worst=D(50_000))
    real = replace(room.book.home, mode=Mode.LIVE)
    room.book = replace(room.book, home=real, working={"o-1": order})
    room.facts = replace(room.facts, now=order.since + HOUR)
    waiting(room, ProposedOrderRelease(order_id="o-1", venue="paper"))
    assert [(row.label, row.value) for row in shown(room).rows] == [
        ("order", "o-1 at paper"),
        ("it was to", "buy 0.5 BTC-USDT, for manual"),
        ("known to be filled", "0.1"),
        ("unknown for", "1 h"),
        ("reserves until then", "20000 USDT"),
        ("open for", "7 d"),
    ]
    (warning,) = shown(room).warnings
    assert "Look at paper first." in warning
    latched(room, latch(TradingState.HALTED, Code.KILL_SWITCH))
    assert shown(room).warnings == (warning,)
    room.book = replace(room.book, working={"o-1": replace(order, state=OrderState.LIVE)})
    (warning,) = shown(room).warnings
    assert warning.startswith("A signature would end this proposal: its fate is known: it is LIVE")
    assert facts(room)["order"] == "o-1"

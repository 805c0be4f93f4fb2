"""An order before a signature: what it is, what it risks, and what asked for a person."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from tests.adapters.approvals.making import D, facts, holding, shown, text, waiting
from tests.adapters.approvals.room import NOW, Room
from tests.core.guardrails.world import AAPL, buy, limit_at, position, quote, resting, sell
from trading_mcp.adapters.approvals.shown import Shown
from trading_mcp.core.canonical import canonical
from trading_mcp.core.domain.market import HOUR, Price
from trading_mcp.core.domain.orders import OrderType, Protect, Trailing
from trading_mcp.core.domain.proposals import (
    ProposedOrder,
)

ORDER_SCREEN = """\
  proposal            order/intent-1
  kind                order
  home                test, SIMULATED, account main
  symbol              BTC-USDT at paper
  side                buy, for manual
  quantity            0.006
  order               limit, gtc, limit 49900 USDT
  exits               stop at 49000, target at 55000
  held now            0.1
  middle price        50095 USDT
  limit from middle   0.39 % below
  price moved since   0.2 %
  notional at worst   300.6 USD, 0.29 % of equity
  equity              105000 USD
  worst loss at stop  21.3 USD, 0.03 % of equity, stop at 49000; a gap can cost
                      more
  at risk already     5050 USD, 4.81 % of equity
  of that BTC         5050 USD, 4.81 % of equity
  orders working      1
  open for            23 h
  asked by            APPROVAL_REQUIRED: the owner signs orders above this
                      amount (limit 250, here 300)

Not checked by anyone, the words of who asked (mcp):
  | name: Claude
  | The average crossed."""


def test_an_order_is_shown_in_facts(room: Room) -> None:
    holding(room, position("0.1"))
    room.book = replace(room.book, working={"o-1": resting("o-1", quantity="0.001")})
    protect = Protect(stop_loss=D(49_000), take_profit=D(55_000))
    room.propose(buy("0.006", protect=protect, client="Claude", reason="The average crossed.", **limit_at("49900")))
    room.price("50100")
    room.pass_time(HOUR)
    assert text(room) == ORDER_SCREEN


def test_the_facts_are_the_same_as_a_value(room: Room) -> None:
    room.propose(reason="why")
    screen = shown(room)
    assert msgspec.json.decode(canonical(screen), type=Shown) == screen
    assert (screen.proposal, screen.kind, screen.home) == (
        "order/intent-1",
        "order",
        "test, SIMULATED, account main",
    )
    assert (screen.said.door, screen.said.client, screen.said.reason) == ("mcp", "", "why")
    assert screen.warnings == ()
    (asked,) = screen.asked
    assert (asked.code, asked.limit, asked.actual) == ("APPROVAL_REQUIRED", "250", "303")


def test_a_home_of_fake_venues_says_so(tmp_path: Path) -> None:
    there = Room(tmp_path, fake_venues=True)
    there.book = replace(there.book, home=replace(there.book.home, account=""))
    there.propose()
    assert shown(there).home == "test, SIMULATED, account -, FAKE VENUES"


@pytest.mark.parametrize(
    ("changes", "order", "apart"),
    [
        ({}, "market, sent with the limit 50500 USDT", "1.02 % above"),
        (limit_at("49995"), "limit, gtc, limit 49995 USDT", "0 % above"),
        (limit_at("49994.99"), "limit, gtc, limit 49994.99 USDT", "0.01 % below"),
        ({"type": OrderType.STOP, "stop_price": D(51_000)}, "stop, gtc, triggered at 51000 USDT", "no limit"),
        (
            {"type": OrderType.STOP_LIMIT, "stop_price": D(51_000), "limit_price": D(51_100)},
            "stop_limit, gtc, limit 51100 USDT, triggered at 51000 USDT",
            "2.22 % above",
        ),
    ],
)
def test_the_form_of_an_order_and_how_far_from_the_middle_it_is(
    room: Room, changes: dict[str, Any], order: str, apart: str
) -> None:
    room.propose(buy("0.006", **changes))
    found = facts(room)
    assert (found["order"], found["limit from middle"]) == (order, apart)


@pytest.mark.parametrize(
    ("protect", "exits", "lost"),
    [
        (None, "none", "there is no stop: all of it"),
        (Protect(), "none", "there is no stop: all of it"),
        (Protect(take_profit=D(55_000)), "target at 55000", "there is no stop: all of it"),
        (
            # (50,500 - 49,000 x 0.95) x 0.006
            Protect(stop_loss=D(49_000)),
            "stop at 49000",
            "23.7 USD, 0.03 % of equity, stop at 49000; a gap can cost more",
        ),
        (
            Protect(trailing=Trailing(activate=D("0.01"), distance=D("0.005")), stop_loss=D(49_000)),
            "stop at 49000, trail 0.5 % behind from 1 % on",
            "23.7 USD, 0.03 % of equity, stop at 49000; a gap can cost more",
        ),
        (
            Protect(stop_loss=D(60_000)),
            "stop at 60000",
            "0 USD, 0 % of equity, stop at 60000; a gap can cost more",
        ),
    ],
)
def test_the_exits_and_the_worst_loss_at_the_stop(room: Room, protect: Protect | None, exits: str, lost: str) -> None:
    proposal = room.propose()
    body = proposal.body
    assert isinstance(body, ProposedOrder)
    waiting(room, replace(body, intent=replace(body.intent, protect=protect)))
    found = facts(room)
    assert (found["exits"], found["worst loss at stop"]) == (exits, lost)


def test_a_short_sale_is_measured_upwards(room: Room) -> None:
    body = room.propose().body
    assert isinstance(body, ProposedOrder)
    sale = replace(body, intent=sell("0.006"))
    waiting(room, sale)
    assert facts(room)["worst loss at stop"] == "there is no stop: without a bound"
    waiting(room, replace(sale, intent=sell("0.006", protect=Protect(stop_loss=D(51_000)))))
    # (51,000 x 1.05 - 49,990) x 0.006
    assert facts(room)["worst loss at stop"].startswith("21.36 USD, 0.03 % of equity, stop at 51000;")


def test_a_contract_of_several_units_is_measured_as_several(room: Room) -> None:
    body = room.propose(buy("0.006", protect=Protect(stop_loss=D(49_000)))).body
    listed = room.facts.instruments["paper/BTC-USDT"]
    room.facts = replace(room.facts, instruments={"paper/BTC-USDT": replace(listed, multiplier=D(2))})
    assert isinstance(body, ProposedOrder)
    assert facts(room)["worst loss at stop"].startswith("47.4 USD")
    room.facts = replace(room.facts, instruments={})
    assert facts(room)["worst loss at stop"].startswith("23.7 USD")


def test_a_loss_is_told_in_the_base_currency(room: Room) -> None:
    room.propose(buy("0.006", protect=Protect(stop_loss=D(49_000))))
    prices = {**room.facts.prices, "USDT": replace(room.facts.prices["USDT"], value=D("0.5"))}
    room.facts = replace(room.facts, prices=prices)
    assert facts(room)["worst loss at stop"].startswith("11.85 USD, 0.02 % of equity")
    assert facts(room)["notional at worst"] == "151.5 USD, 0.21 % of equity"


def test_what_is_not_known_is_said_to_be_unknown(room: Room) -> None:
    room.propose(buy("0.006", protect=Protect(stop_loss=D(49_000))))
    room.facts = replace(room.facts, quotes={}, prices={})
    found = facts(room)
    assert {
        label: found[label] for label in ("middle price", "notional at worst", "equity", "worst loss at stop")
    } == {
        "middle price": "unknown USDT",
        "notional at worst": "unknown USD",
        "equity": "unknown USD",
        "worst loss at stop": "unknown",
    }
    assert "price moved since" not in found
    (warning,) = shown(room).warnings
    assert warning.startswith("The gate would refuse it now even if signed: ")
    assert "PRICE_UNKNOWN" in warning
    assert "APPROVAL_REQUIRED" not in warning


def test_a_limit_without_a_middle_is_at_an_unknown_distance(room: Room) -> None:
    room.propose(buy("0.006", **limit_at("49900")))
    nothing = quote("BTC-USDT", "0", "0", at=NOW)
    for quotes in ({}, {"paper/BTC-USDT": nothing}):
        room.facts = replace(room.facts, quotes=quotes)
        assert facts(room)["limit from middle"] == "unknown"


def test_without_equity_no_share_of_it_is_told(room: Room) -> None:
    room.propose()
    empty = replace(room.book.portfolio, cash={})
    room.book = replace(room.book, portfolio=empty)
    assert facts(room)["notional at worst"] == "303 USD"
    assert facts(room)["equity"] == "0 USD"


def test_a_price_that_has_moved_is_told(room: Room) -> None:
    room.propose()
    room.price("50100")
    assert facts(room)["price moved since"] == "0.2 %"
    room.price("49900")
    assert facts(room)["price moved since"] == "0.2 %"
    body = room.book.proposals["order/intent-1"].body
    assert isinstance(body, ProposedOrder)
    waiting(room, replace(body, reference=D(0)))
    assert "price moved since" not in facts(room)


def test_a_position_that_has_changed_is_told(room: Room) -> None:
    room.propose()
    holding(room, position("0.5"))
    assert shown(room).warnings == ("The position has changed since it was proposed: 0 then.",)
    assert facts(room)["held now"] == "0.5"


def test_an_order_that_reduces_by_now_adds_no_risk(room: Room) -> None:
    body = room.propose().body
    assert isinstance(body, ProposedOrder)
    holding(room, position("0.5"))
    waiting(room, replace(body, intent=sell("0.006", id="intent-2"), position=D("0.5")))
    found = facts(room)
    assert found["risk"] == "none is added: it reduces a position"
    assert "equity" not in found
    assert shown(room).warnings == ()


def test_stocks_are_told_in_their_own_currency(room: Room) -> None:
    room.propose(buy("20", AAPL))
    found = facts(room)
    assert (found["symbol"], found["middle price"], found["of that AAPL"]) == (
        "AAPL at paper",
        "199.95 USD",
        "0 USD, 0 % of equity",
    )


def test_what_was_judged_is_what_is_shown_whatever_the_price_has_made_of_the_wish(room: Room) -> None:
    body = room.propose(buy("0.006", protect=Protect(stop_loss=D(49_000)))).body
    assert isinstance(body, ProposedOrder)
    waiting(room, replace(body, quantity=D("0.003")))
    found = facts(room)
    assert (found["quantity"], found["notional at worst"]) == ("0.003", "151.5 USD, 0.16 % of equity")


def test_amounts_at_risk_are_rounded_up(room: Room) -> None:
    room.propose(buy("0.00601", protect=Protect(stop_loss=D("49000.02"))))
    holding(room, position("0.10000001"))
    room.price("50012.34")
    btc = Price(value=D("50000.007"), confirmed_at=NOW)
    room.facts = replace(room.facts, prices={**room.facts.prices, "BTC": btc})
    found = facts(room)
    assert found["notional at worst"].split(" ")[0] == "303.57989"
    assert found["worst loss at stop"].split(" ")[0] == "23.814271"
    assert found["at risk already"].split(" ")[0] == found["of that BTC"].split(" ")[0] == "5000.0013"


def test_every_code_that_denies_is_named(room: Room) -> None:
    room.propose()
    room.facts = replace(room.facts, feeds={}, balances={})
    assert shown(room).warnings == ("The gate would refuse it now even if signed: FEED_DOWN, BALANCE_INSUFFICIENT.",)
    lines = [line for line in text(room).splitlines() if line.startswith("!")]
    assert lines == ["! The gate would refuse it now even if signed: FEED_DOWN, BALANCE_INSUFFICIENT."]
    room.facts = replace(room.facts, quotes={})
    wrapped = [line for line in text(room).splitlines() if line.startswith("!")]
    assert len(wrapped) == 3
    assert all(line.startswith("! ") for line in wrapped)


def test_a_loss_needs_a_price_and_a_rate(room: Room) -> None:
    room.propose(buy("0.006", protect=Protect(stop_loss=D(49_000))))
    known = room.facts
    room.facts = replace(known, quotes={})
    assert facts(room)["worst loss at stop"] == "unknown"
    room.facts = replace(known, prices={name: one for name, one in known.prices.items() if name != "USDT"})
    assert facts(room)["worst loss at stop"] == "unknown"

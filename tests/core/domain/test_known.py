"""Small answers that much hangs on: which rules of a venue can be used, how a coin is listed, who told what."""

from typing import Any

import pytest
from msgspec.structs import replace

from tests.core.domain.making import NOON, D, fresh, intent, judged, told
from tests.core.guardrails.world import BTC, VENUE, instrument, known, quote
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.instruments import listed_as, oldest_name
from trading_mcp.core.domain.market import Market
from trading_mcp.core.domain.money import AMOUNT_MAX, exactly
from trading_mcp.core.domain.orders import ForeignOrder, Side
from trading_mcp.core.domain.proposals import Proposal, ProposalEnd, ProposedOrder


def test_the_rules_of_a_pair_are_known_where_they_can_be_used() -> None:
    with exactly():
        facts = known()
        odd = instrument(BTC, quantity_step=D("NaN"))
        spoiled = replace(facts, instruments={f"{VENUE}/{BTC}": odd})
    assert facts.instrument(f"{VENUE}/{BTC}") is facts.instruments[f"{VENUE}/{BTC}"]
    assert facts.instrument(f"{VENUE}/nothing") is None
    assert spoiled.instrument(f"{VENUE}/{BTC}") is None


@pytest.mark.parametrize(("pair", "name"), [("BTC-USDT", "BTC"), ("AAPL", "AAPL")])
def test_a_coin_is_listed_by_its_name_and_a_stock_by_its_own(pair: str, name: str) -> None:
    assert listed_as(pair) == name


def test_what_a_venue_shows_takes_the_place_of_what_it_showed_and_of_nothing_else() -> None:
    first, second = (
        ForeignOrder(venue_order_id=name, pair="X-USD", side=Side.BUY, remaining=D(1)) for name in ("a", "b")
    )
    book = told(
        e.ForeignOrdered(at=NOON, venue="here", orders=(first,)),
        e.ForeignOrdered(at=NOON, venue="there", orders=(first,)),
        e.ForeignOrdered(at=NOON, venue="here", orders=(second,)),
    )
    assert book.foreign == {"here": (second,), "there": (first,)}
    assert told(e.ForeignOrdered(at=NOON, venue="here", orders=()), book=book).foreign == {"there": (first,)}


def test_who_asked_learns_how_the_proposal_ended() -> None:
    body = ProposedOrder(
        intent=intent(), quantity=D(1), price_worst=D(1), reference=D(1), venue="paper", position=D(0)
    )
    proposal = Proposal(
        id="p", body=body, body_hash="", door=intent().door, client="", reason="", opened_at=NOON, expires_at=NOON + 1
    )
    ended = e.ProposalEnded(at=NOON, proposal_id="p", end=ProposalEnd.DECLINED, reason="no")
    record = told(judged(), e.ProposalOpened(at=NOON, proposal=proposal), ended).intent(intent().id)
    assert record is not None
    assert (record.proposal_id, record.ended) == ("p", ProposalEnd.DECLINED)
    assert fresh().intent(intent().id) is None


@pytest.mark.parametrize(
    ("changes", "usable"),
    [
        ({"fee_rate": D(0)}, True),
        ({"fee_rate": D("0.99")}, True),
        ({"fee_rate": D(1)}, False),
        ({"fee_rate": D("-0.01")}, False),
        ({"quantity_min": D(0)}, True),
        ({"quantity_min": D(5), "quantity_max": D(5)}, True),
        ({"quantity_min": D(6), "quantity_max": D(5)}, False),
        ({"quantity_max": AMOUNT_MAX}, True),
        ({"quantity_max": AMOUNT_MAX + 1}, False),
        ({"notional_min": D(0)}, True),
        ({"notional_min": D(5), "notional_max": D(5)}, True),
        ({"notional_min": D(6), "notional_max": D(5)}, False),
        ({"notional_max": AMOUNT_MAX}, True),
        ({"notional_max": AMOUNT_MAX + 1}, False),
    ],
)
def test_rules_are_usable_as_far_as_their_bounds(changes: dict[str, Any], usable: bool) -> None:
    with exactly():
        assert instrument(BTC, **changes).is_usable is usable


@pytest.mark.parametrize(
    ("bid", "ask", "sane"),
    [("1", "2", True), ("2", "2", True), ("2", "1", False), ("0", "1", False), ("1", "NaN", False)],
)
def test_a_quote_is_sane_as_long_as_its_sides_do_not_cross(bid: str, ask: str, sane: bool) -> None:
    assert quote(BTC, bid, ask).is_sane is sane


def test_each_market_has_its_own_limits_and_a_renamed_coin_its_oldest_name() -> None:
    policy = fresh().policy
    assert (policy.limits(Market.CRYPTO), policy.limits(Market.STOCKS)) == (policy.crypto, policy.stocks)
    assert policy.crypto != policy.stocks
    assert (oldest_name("POL"), oldest_name("BTC")) == ("MATIC", "BTC")

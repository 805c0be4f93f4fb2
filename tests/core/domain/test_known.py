"""Small answers that much hangs on: which rules of a venue can be used, how a coin is listed, who told what."""

import pytest
from msgspec.structs import replace

from tests.core.domain.making import NOON, D, fresh, intent, judged, told
from tests.core.guardrails.world import BTC, VENUE, instrument, known
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.instruments import listed_as
from trading_mcp.core.domain.money import exactly
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

"""What the desk did not make, decided: known once, valued by what is true now, and counted where it may add."""

from decimal import Decimal

from msgspec.structs import replace

from tests.core.decide.desk import BTC, VENUE, Desk, buy
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import ForeignOrder, Side
from trading_mcp.core.domain.verdict import Code
from trading_mcp.core.guardrails.adopting import exposure_of_others


def theirs(name: str = "v1", side: Side = Side.BUY, remaining: str = "0.1", pair: str = BTC) -> ForeignOrder:
    return ForeignOrder(venue_order_id=name, pair=pair, side=side, remaining=Decimal(remaining))


def adopt(desk: Desk, *orders: ForeignOrder) -> tuple[e.AnyEvent, ...]:
    return desk.do(c.AdoptOrders(venue=VENUE, orders=orders))


def test_a_venue_that_can_be_read_is_said_to_be_once() -> None:
    desk = Desk()
    assert [type(event).__name__ for event in desk.do(c.ReadVenue(venue="kraken"))] == ["VenueRead"]
    assert desk.do(c.ReadVenue(venue="kraken")) == ()


def test_orders_of_others_are_known_in_whatever_order_they_are_told_and_forgotten_when_they_are_gone() -> None:
    desk = Desk()
    assert len(adopt(desk, theirs("b"), theirs("a"))) == 1
    assert adopt(desk, theirs("a"), theirs("b")) == ()
    assert [order.venue_order_id for order in desk.book.foreign[VENUE]] == ["a", "b"]
    adopt(desk)
    assert desk.book.foreign == {}
    assert adopt(desk) == ()


def test_an_order_without_an_amount_is_told_and_changes_nothing() -> None:
    desk = Desk()
    (refused,) = adopt(desk, theirs(remaining="0"))
    assert isinstance(refused, e.Refused)
    assert desk.book.foreign == {}


def test_only_their_buys_count_and_each_asset_by_its_own_price() -> None:
    desk = Desk()
    adopt(desk, theirs("a"), theirs("b", Side.SELL, "5"), theirs("c", remaining="2", pair="ETH-USDT"))
    with exactly():
        gross, own, missing = exposure_of_others(desk.book, desk.facts(), desk.book.policy, "BTC")
        bids = desk.bids
        assert (own, missing) == (Decimal("0.1") * bids[BTC], "")
        assert gross == own + 2 * bids["ETH-USDT"]


def test_a_price_that_is_missing_for_them_keeps_everybody_from_adding() -> None:
    desk = Desk()
    adopt(desk, theirs("a", pair="ODD-USDT"))
    codes = desk.denies(buy())
    assert Code.LIMITS_INFEASIBLE in codes or Code.PRICE_UNKNOWN in codes
    with exactly():
        assert exposure_of_others(desk.book, replace(desk.facts(), prices={}), desk.book.policy, "BTC")[2] == "ODD"

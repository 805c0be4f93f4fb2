"""What the desk did not make, decided: known once, valued by what is true now, and counted where it may add."""

from decimal import Decimal

from msgspec.structs import replace

from tests.core.decide.desk import BTC, VENUE, Desk, buy, only
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.market import MINUTE
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import EXTERNAL, ForeignOrder, Side
from trading_mcp.core.domain.portfolio import Position
from trading_mcp.core.domain.verdict import Code
from trading_mcp.core.guardrails.adopting import exposure_of_others
from trading_mcp.core.guardrails.decide import decide


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
    assert (refused.what, refused.subject) == ("adopt", VENUE)
    assert refused.reason == "what is left of an order is no amount"
    assert desk.book.foreign == {}


def test_what_came_to_be_held_by_others_is_valued_by_what_is_true_now_and_never_a_holding_of_our_own() -> None:
    desk = Desk()
    found = Position(book="manual", venue=VENUE, pair=BTC, quantity=Decimal(2), average=Decimal(1))
    found = replace(found, multiplier=Decimal(3))

    def held(quantity: int) -> e.ForeignHeld:
        (event,) = desk.do(c.AdoptForeign(position=replace(found, quantity=Decimal(quantity))))
        assert isinstance(event, e.ForeignHeld)
        return event

    first = held(2)
    assert (first.position.book, first.position.quantity) == (EXTERNAL, 2)
    assert desk.held() == 0
    with exactly():
        assert first.value == 2 * 3 * desk.bids[BTC]
        assert held(5).value == 3 * 3 * desk.bids[BTC], "what was there before came with nothing"
    desk.now += 6 * MINUTE


def test_what_nobody_can_value_now_waits_to_be_adopted_and_what_no_feed_ever_priced_counts_nothing() -> None:
    desk = Desk()
    found = Position(book=EXTERNAL, venue=VENUE, pair=BTC, quantity=Decimal(2), average=Decimal(1))
    desk.do(c.AdoptForeign(position=found))
    desk.now += 6 * MINUTE
    for quantity in (9, 0):
        # A price of minutes ago says nothing of now.
        (refused,) = desk.do(c.AdoptForeign(position=replace(found, quantity=Decimal(quantity))))
        assert isinstance(refused, e.Refused)
        assert (refused.what, refused.subject) == ("adopt", found.key)
        assert refused.reason == "the price of BTC is not known: it is adopted once it is"
        assert desk.book.portfolio.positions[found.key].quantity == 2
    (same,) = only(desk.do(c.AdoptForeign(position=found)), e.ForeignHeld)
    assert same.value == 0, "where nothing came or went, no price is needed"
    odd = replace(found, pair="ODD-USDT")
    (first,) = desk.do(c.AdoptForeign(position=odd))
    assert isinstance(first, e.Refused)
    unpriced = replace(desk.facts(), unpriced=frozenset({"ODD"}))
    with exactly():
        (held,) = decide(c.AdoptForeign(position=odd), desk.book, unpriced)
    assert isinstance(held, e.ForeignHeld)
    assert held.value == 0


def test_only_their_buys_count_and_each_asset_by_its_own_price() -> None:
    desk = Desk()
    adopt(
        desk,
        theirs("a"),
        theirs("b", Side.SELL, "5"),
        theirs("c", remaining="2", pair="ETH-USDT"),
        theirs("d", remaining="0.3"),
    )
    with exactly():
        gross, own, missing = exposure_of_others(desk.book, desk.facts(), desk.book.policy, "BTC")
        bids = desk.bids
        assert (own, missing) == (Decimal("0.4") * bids[BTC], "")
        assert gross == own + 2 * bids["ETH-USDT"]
        desk.now += 6 * MINUTE
        late = exposure_of_others(desk.book, desk.facts(), desk.book.policy, "BTC")
        assert late == (0, 0, "BTC"), "a price of minutes ago says nothing of now"


def test_a_price_that_is_missing_for_them_keeps_everybody_from_adding() -> None:
    desk = Desk()
    adopt(desk, theirs("a", pair="ODD-USDT"), theirs("b"))
    codes = desk.denies(buy())
    assert Code.LIMITS_INFEASIBLE in codes or Code.PRICE_UNKNOWN in codes
    with exactly():
        found = exposure_of_others(desk.book, desk.facts(), desk.book.policy, "BTC")
        counted = Decimal("0.1") * desk.bids[BTC]
        assert found == (counted, counted, "ODD"), "what has a price still counts"
        desk.do(c.AdoptOrders(venue=VENUE, orders=(theirs("a", pair="ODD-USDT"),)))
        assert exposure_of_others(desk.book, replace(desk.facts(), prices={}), desk.book.policy, "BTC")[2] == "ODD"

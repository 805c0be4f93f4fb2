"""What the desk did not make, decided: known once, valued by what is true now, and counted where it may add."""

from decimal import Decimal

from msgspec.structs import replace

from tests.core.decide.desk import BTC, VENUE, Desk, buy, only
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.market import MINUTE, Price
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import EXTERNAL, ForeignOrder, Intent, Side
from trading_mcp.core.domain.portfolio import Position
from trading_mcp.core.domain.verdict import Code, Finding
from trading_mcp.core.guardrails.adopting import MORE_PAIRS, OTHERS_MAX, exposure_of_others, kept_of
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
        gross, own, missing, _ = exposure_of_others(desk.book, desk.facts(), desk.book.policy, "BTC")
        bids = desk.bids
        assert (own, missing) == (Decimal("0.4") * bids[BTC], "")
        assert gross == own + 2 * bids["ETH-USDT"]
        desk.now += 6 * MINUTE
        late = exposure_of_others(desk.book, desk.facts(), desk.book.policy, "BTC")
        assert late == (0, 0, "BTC", "order d at paper"), "a price of minutes ago says nothing of now"


def test_a_price_that_is_missing_for_them_keeps_everybody_from_adding() -> None:
    desk = Desk()
    adopt(desk, theirs("a", pair="ODD-USDT"), theirs("b"))
    codes = desk.denies(buy())
    assert Code.LIMITS_INFEASIBLE in codes or Code.PRICE_UNKNOWN in codes
    with exactly():
        found = exposure_of_others(desk.book, desk.facts(), desk.book.policy, "BTC")
        counted = Decimal("0.1") * desk.bids[BTC]
        assert found == (counted, counted, "ODD", "order a at paper"), "what has a price still counts"
        desk.do(c.AdoptOrders(venue=VENUE, orders=(theirs("a", pair="ODD-USDT"),)))
        assert exposure_of_others(desk.book, replace(desk.facts(), prices={}), desk.book.policy, "BTC")[2] == "ODD"


def test_a_refusal_names_the_order_of_others_that_has_no_price_and_what_would_pass() -> None:
    desk = Desk()
    adopt(desk, theirs("v7", pair="ODD-USDT"))
    found = said(desk, buy(), Code.LIMITS_INFEASIBLE)
    assert (found.reason, found.would_pass) == (
        "cannot be checked: the price of ODD is not known, and others buy it: order v7 at paper",
        "orders that reduce; the same order once that is known, or once nothing is left of order v7 at paper",
    )
    adopt(desk)
    assert desk.execute(buy(id="again"))
    # Where something else is missing as well, no order of others is blamed for it.
    adopt(desk, theirs("v7", pair="ODD-USDT"))
    desk.sees_balances = False
    assert "others" not in said(desk, buy(id="blind"), Code.BALANCE_INSUFFICIENT).reason


def said(desk: Desk, intent: Intent, code: Code) -> Finding:
    return next(finding for finding in desk.judged(intent).findings if finding.code is code)


def many(count: int, pairs: int, side: Side = Side.BUY, first: int = 0) -> tuple[ForeignOrder, ...]:
    spelled = [BTC, "ETH-USDT", *(f"ODD{number}-USDT" for number in range(pairs - 2))][:pairs]
    return tuple(
        theirs(f"v{first + number:05}", side, f"0.{number + 1:05}", spelled[number % pairs])
        for number in range(count)
    )


def test_as_many_as_are_kept_are_kept_by_name_and_more_of_them_as_sums_that_say_of_how_many() -> None:
    whole = many(OTHERS_MAX, 2)
    assert kept_of(tuple(reversed(whole))) == whole
    one_more = many(OTHERS_MAX + 1, 2)
    with exactly():
        rows = kept_of(one_more)
        assert [(row.venue_order_id, row.pair, row.count) for row in rows] == [
            ("v00000", BTC, 51), ("v00001", "ETH-USDT", 50)
        ]  # fmt: skip
        assert sum(row.remaining for row in rows) == sum(order.remaining for order in one_more)
        both = kept_of(many(150, 2) + many(150, 2, Side.SELL, first=150))
    assert [(row.side, row.count) for row in both] == [(Side.BUY, 75)] * 2 + [(Side.SELL, 75)] * 2


def test_what_is_counted_of_thousands_of_orders_is_what_each_would_count() -> None:
    desk, orders = Desk(), many(5_000, 2)
    (known,) = only(adopt(desk, *orders), e.ForeignOrdered)
    assert len(known.orders) == 2
    assert adopt(desk, *orders) == adopt(desk, *known.orders) == ()
    with exactly():
        each = sum(order.remaining * desk.bids[order.pair] for order in orders)
        gross, _, missing, _ = exposure_of_others(desk.book, desk.facts(), desk.book.policy, "BTC")
        assert (gross, missing) == (each, "")


def test_a_sum_beyond_every_amount_is_counted_as_the_most_there_is_and_not_left_out() -> None:
    """Each of them is an amount; a sum that is none would be refused, and not one of them be counted."""
    desk = Desk()
    (adopted,) = adopt(desk, *(theirs(f"{number:03}", remaining="9" * 15) for number in range(OTHERS_MAX + 1)))
    assert isinstance(adopted, e.ForeignOrdered)
    with exactly():
        gross, *_ = exposure_of_others(desk.book, desk.facts(), desk.book.policy, "BTC")
        assert gross >= desk.bids[BTC] * Decimal("9" * 15)


def test_others_that_buy_more_pairs_than_are_kept_keep_everybody_from_adding_and_sell_as_they_like() -> None:
    for side in Side:
        desk = Desk()
        orders = many(3_000, 1_000, side)
        priced = {order.pair.partition("-")[0]: Price(value=Decimal(1), confirmed_at=desk.now) for order in orders}
        with exactly():
            rows = kept_of(orders)
            assert kept_of(rows) == rows
        assert len(rows) <= OTHERS_MAX
        assert sum(row.count for row in rows) == 3_000
        (rest,) = [row for row in rows if row.pair == MORE_PAIRS]
        assert rest.count == 3 * (1_000 - (OTHERS_MAX - 2))
        adopt(desk, *orders)
        with exactly():
            facts = replace(desk.facts(), prices=priced)
            *_, missing, waits = exposure_of_others(desk.book, facts, desk.book.policy, "BTC")
        name = f"order {rest.venue_order_id} and {rest.count - 1} more at paper"
        assert (missing, waits) == ((MORE_PAIRS, name) if side is Side.BUY else ("", ""))

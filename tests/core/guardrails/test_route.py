"""Which venue: where the position is for an exit, else where the money is and the pair costs least."""

from msgspec.structs import replace

from tests.core.guardrails.world import AAPL, BTC, NOW, VENUE, D, World, buy, position, quiet, sell
from trading_mcp.core.domain.market import SECOND
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.portfolio import Portfolio
from trading_mcp.core.guardrails.route import route


def routed(there: World) -> str | None:
    with exactly():
        return route(there.intent, there.book, there.facts, there.policy)


def two(here: str = "50000", there: str = "50000", *, cash: tuple[str, ...] = ("a", "b")) -> World:
    """Two routed venues with these asks, a first, and money at those named."""
    world = quiet().at_venue("a").at_venue("b").with_crypto(venues=("a", "b"))
    world = world.quoted(BTC, "49000", here, venue="a").quoted(BTC, "49000", there, venue="b")
    held = {f"{venue}/USDT": D(100) for venue in cash}
    return world.with_book(portfolio=Portfolio(cash=held, positions={}))


def fees(world: World, venue: str, fee: str) -> World:
    return world.listed(BTC, venue, fee_rate=D(fee))


def aged(world: World, venue: str, span: int) -> World:
    key = f"{venue}/{BTC}"
    old = replace(world.facts.quotes[key], confirmed_at=NOW - span)
    return world.with_facts(quotes={**world.facts.quotes, key: old})


def test_a_venue_that_was_named_is_taken() -> None:
    assert routed(quiet(buy(venue="elsewhere"))) == "elsewhere"


def test_each_market_has_venues_of_its_own() -> None:
    assert routed(quiet()) == VENUE
    assert routed(quiet(buy("1", AAPL)).with_crypto(venues=())) == VENUE
    assert routed(quiet().with_crypto(venues=())) is None
    assert routed(quiet(sell()).with_crypto(venues=())) is None


def test_the_cheaper_venue_is_taken_and_the_first_of_equals() -> None:
    assert routed(two("50000", "49999.99")) == "b"
    assert routed(two("49999.99", "50000")) == "a"
    assert routed(two()) == "a"


def test_the_fee_is_part_of_the_price() -> None:
    assert routed(fees(two("50000", "49990"), "b", "0.002")) == "a"
    assert routed(fees(two("50000", "50010"), "b", "0")) == "b"


def test_a_venue_without_price_rules_or_freshness_is_not_compared() -> None:
    world = two("50000", "40000")
    quotes = {key: value for key, value in world.facts.quotes.items() if key != f"b/{BTC}"}
    instruments = {key: value for key, value in world.facts.instruments.items() if key != f"b/{BTC}"}
    assert routed(world) == "b"
    assert routed(world.with_facts(quotes=quotes)) == "a"
    assert routed(world.with_facts(instruments=instruments)) == "a"
    assert routed(aged(world, "b", 10 * SECOND)) == "b"
    assert routed(aged(world, "b", 10 * SECOND + 1)) == "a"
    assert routed(world.with_facts(quotes={})) == "a"
    assert routed(world.quoted(BTC, "1", "NaN", venue="b")) == "a"


def test_money_decides_before_the_price() -> None:
    assert routed(two("50000", "40000", cash=("a",))) == "a"
    assert routed(two("50000", "60000", cash=("b",))) == "b"
    assert routed(two("50000", "40000", cash=())) == "b"


def test_an_exit_goes_where_its_book_holds() -> None:
    world = two().with_intent(side=sell().side)
    assert routed(world.holding(position("1", venue="b"))) == "b"
    assert routed(world.holding(position("1", venue="b"), position("1", venue="a", book="sma"))) == "b"
    assert routed(world.holding(position("1", venue="x", pair="ETH-USDT"))) == "a"
    assert routed(world.holding(position("0", venue="b"))) == "a"
    assert routed(two().holding(position("0", venue="b"))) == "a"
    assert routed(world.holding(position("-1", venue="b"))) == "a"
    assert routed(two().holding(position("1", venue="b"))) == "a"
    assert routed(two().holding(position("-1", venue="b"))) == "b"
    assert routed(world.with_crypto(venues=()).holding(position("1", venue="b"))) == "b"


def test_an_exit_from_two_venues_takes_the_better_bid() -> None:
    world = two().with_intent(side=sell().side).holding(position("1", venue="a"), position("1", venue="b"))
    assert routed(world.quoted(BTC, "49001", "50000", venue="b")) == "b"
    assert routed(world.quoted(BTC, "48999", "50000", venue="b")) == "a"
    assert routed(fees(world, "a", "0.002")) == "b"

"""What the desk knows of the world when it decides, and what it does not pretend to know."""

import asyncio
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from tests.desk.conftest import Play
from tests.desk.world import BTC, ETH, World
from trading_mcp.core.domain.market import SECOND, FeedHealth, Quote
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import OrderType
from trading_mcp.core.domain.verdict import Code
from trading_mcp.desk.gather import Gatherer
from trading_mcp.desk.outcomes import Status

LOW: dict[str, Any] = {"type": OrderType.LIMIT, "limit_price": Decimal(80_000)}


def test_a_feed_that_fails_is_a_missing_fact_and_no_reason_to_freeze(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()

        def fail(*_: object) -> Any:
            raise ConnectionError("the feed is gone")

        for name in ("quote", "session", "health"):
            setattr(world.feed, name, fail)
        facts = desk.gatherer.facts(desk.book, frozenset({ETH}))
        assert (facts.sessions, facts.feeds) == ({}, {"paper": FeedHealth.DOWN})
        assert (await world.trade()).status is Status.DENIED
        assert not desk.book.latches

    play(story)


def test_the_quote_before_is_another_quote_however_often_one_is_looked_at(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        world.beating.cancel()
        gatherer = Gatherer(world.ports)
        first = gatherer.facts(desk.book, frozenset({BTC}))
        again = gatherer.facts(desk.book, frozenset({BTC}))
        assert not again.quotes_before
        await asyncio.sleep(30)
        later = gatherer.facts(desk.book, frozenset({BTC}))
        assert later.quotes_before == first.quotes
        assert later.quotes["paper/BTC-USDT"].at > first.quotes["paper/BTC-USDT"].at

    play(story)


def test_what_a_feed_no_longer_tells_grows_old_and_is_not_forgotten(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        known = desk.gatherer.facts(desk.book, frozenset({BTC})).quotes
        world.feed.quote = lambda venue, pair: None  # type: ignore[method-assign]
        await asyncio.sleep(20)
        assert desk.gatherer.facts(desk.book, frozenset({BTC})).quotes == known
        assert Code.PRICE_STALE in [finding.code for finding in (await world.trade()).findings]

    play(story)


def test_the_freshest_pair_prices_an_asset_and_a_quote_without_figures_prices_nothing(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        genuine, now = world.feed.quote, world.clock.now()

        def quote(venue: str, pair: str) -> Quote | None:
            found = genuine(venue, "BTC-USDT" if pair.startswith("BTC") else pair.replace("USDC-", "USDT-"))
            if found is None or not pair.startswith("BTC"):
                return found
            price, age = {"BTC-USDT": ("1", 90), "BTC-USDC": ("2", 0), "BTC-EUR": ("3", 0), "BTC-USD": ("NaN", 0)}[
                pair
            ]
            at = now - age * SECOND
            return replace(found, pair=pair, bid=Decimal(price), ask=Decimal(price), at=at, confirmed_at=at)

        world.feed.quote = quote  # type: ignore[method-assign]
        with exactly():
            prices = desk.gatherer.facts(desk.book, frozenset({"BTC-USDT", "BTC-USDC", "BTC-EUR", "BTC-USD"})).prices
        assert Decimal("1.9") < prices["BTC"].value < Decimal("2.1")

    play(story)


def test_coins_that_were_paid_in_are_worth_their_price_and_those_no_feed_lists_nothing(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        cash = {
            **desk.book.portfolio.cash,
            "paper/BTC": Decimal(1),
            "paper/JUNK": Decimal(5),
            "paper/DUST": Decimal(0),
        }
        desk.book = replace(desk.book, portfolio=replace(desk.book.portfolio, cash=cash))
        facts = desk.gatherer.facts(desk.book, frozenset())
        assert facts.unpriced == {"JUNK"}
        assert facts.prices["BTC"].value > 1000
        world.feed.instruments = lambda: ()  # type: ignore[method-assign]
        assert not desk.gatherer.facts(desk.book, frozenset()).unpriced

    play(story)


def test_a_venue_that_lists_nothing_new_keeps_the_lists_of_others(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        desk.gatherer.offered("other", ())
        assert desk.gatherer.instrument("paper", BTC) is not None

    play(story)


def test_what_is_asked_again_within_the_same_moment_is_one_look_at_the_feed(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        world.beating.cancel()
        asked, quote = list[str](), world.feed.quote

        def counted(venue: str, pair: str) -> Quote | None:
            asked.append(pair)
            return quote(venue, pair)

        world.feed.quote = counted  # type: ignore[method-assign]
        gatherer = Gatherer(world.ports)

        def looked(pair: str, *, keep: bool = True) -> bool:
            before = len(asked)
            facts = gatherer.facts(desk.book, frozenset({pair}), keep=keep)
            assert facts.quotes[f"paper/{pair}"] == quote("paper", pair) or len(asked) == before
            return len(asked) > before

        # What a preview has looked at is not what the next order is judged by.
        assert looked(BTC, keep=False)
        assert looked(BTC)
        assert not looked(BTC)
        assert looked(ETH)
        assert looked(BTC)
        await asyncio.sleep(0.0015)
        assert not looked(BTC)
        await asyncio.sleep(0.001)
        assert looked(BTC)
        # A feed that is down is known at once, whatever its last quotes were.
        world.feed.health = lambda: FeedHealth.DOWN  # type: ignore[method-assign]
        assert gatherer.facts(desk.book, frozenset({BTC})).feeds == {"paper": FeedHealth.DOWN}

    play(story)

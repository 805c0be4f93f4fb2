"""Venues that lie, babble or repeat themselves, feeds that fail: nothing is hidden, doubled or kept from leaving."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.desk.conftest import Play
from tests.desk.test_adopting import LATER, Payer, of, shown
from tests.desk.world import BTC, ETH, START, World
from trading_mcp.core.codec import encode
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.market import DAY, HOUR, MINUTE
from trading_mcp.core.domain.orders import EXTERNAL, Fill, OrderState, Side
from trading_mcp.core.domain.portfolio import Adjustment, position_key
from trading_mcp.core.domain.recall import RECALL_DAYS
from trading_mcp.core.domain.verdict import Code
from trading_mcp.core.ports import Activity, Transfer, VenueBalance, VenueOrder
from trading_mcp.desk.outcomes import Status

KEY = position_key(EXTERNAL, "paper", BTC)
MINUTES = 60


def foreign(number: int = 0, **changes: Any) -> VenueOrder:
    given: dict[str, Any] = {
        "order_id": f"theirs-{number}",
        "venue_order_id": f"v-{number}",
        "pair": ETH,
        "side": Side.BUY,
        "quantity": Decimal("0.01"),
        "filled": Decimal(0),
        "state": OrderState.LIVE,
        "at": 0,
    }
    return VenueOrder(**(given | changes))


@pytest.mark.parametrize("is_started", [True, False])
def test_others_that_change_their_orders_all_the_time_hide_no_difference(play: Play, *, is_started: bool) -> None:
    async def story(world: World) -> None:
        desk = await world.ready() if is_started else None
        genuine, count = world.paper.open_orders, 0

        async def open_orders() -> tuple[VenueOrder, ...]:
            nonlocal count
            count += 1
            return (*await genuine(), foreign(count))

        world.paper.open_orders = open_orders  # type: ignore[method-assign]
        await shown(world, USDT=Decimal(-400))
        desk = desk or world.start()
        await asyncio.sleep(4 * MINUTES)
        assert [latch.code for latch in desk.book.latches.values()] == [Code.RECONCILIATION_DIFFERENCE]
        assert "paper" in desk.book.reconciled
        # Who is called once a minute for ever no longer looks when it matters.
        await asyncio.sleep(10 * MINUTES)
        assert len(of(world, e.ForeignOrdered)) > 5
        assert world.told.subjects().count("Orders work that the desk did not make") == 1

    play(story)


def test_a_difference_that_is_another_with_every_look_is_not_hidden_by_that(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        genuine, count = world.paper.balances, 0

        async def balances() -> tuple[VenueBalance, ...]:
            nonlocal count
            count += 1
            rows = await genuine()
            return tuple(replace(row, total=row.total - count) if row.asset == "USDT" else row for row in rows)

        world.paper.balances = balances  # type: ignore[method-assign]
        await asyncio.sleep(4 * MINUTES)
        assert [latch.code for latch in desk.book.latches.values()] == [Code.RECONCILIATION_DIFFERENCE]

    play(story)


@pytest.mark.parametrize(
    "strange",
    [
        {"pair": ""},
        {"pair": "-"},
        {"pair": "A-B-C"},
        {"pair": "btc/usdt"},
        {"pair": "X" * 5000},
        {"pair": "\x1b[2J-USDT"},
        {"quantity": Decimal("NaN")},
        {"quantity": Decimal("sNaN")},
        {"quantity": Decimal("Infinity")},
        {"filled": Decimal("NaN")},
        {"filled": Decimal("-1E+900")},
        {"quantity": Decimal("1E+400")},
        {"quantity": Decimal(-1)},
        {"side": "short"},
        {"venue_order_id": "", "order_id": ""},
    ],
)
def test_an_order_of_others_that_makes_no_sense_keeps_no_exit_and_freezes_nothing(
    play: Play, strange: dict[str, Any]
) -> None:
    async def story(world: World) -> None:
        await world.ready()
        await world.trade()
        await asyncio.sleep(10)
        await world.crash()
        genuine = world.paper.open_orders

        async def open_orders() -> tuple[VenueOrder, ...]:
            return (*await genuine(), foreign(**strange))

        world.paper.open_orders = open_orders  # type: ignore[method-assign]
        desk = world.start()
        await asyncio.sleep(LATER)
        await world.trade(ETH)
        assert (await world.trade(BTC, Side.SELL)).status is Status.FILLED
        assert not desk.book.latches
        assert "paper" in desk.book.reconciled

    play(story)


def test_orders_of_others_without_number_and_names_without_end_fit_into_one_entry(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        strange = tuple(
            foreign(number, pair=f"{number}{'X' * 5000}", venue_order_id="y" * 5000) for number in range(900)
        )
        genuine = world.paper.open_orders

        async def open_orders() -> tuple[VenueOrder, ...]:
            return (*await genuine(), *strange)

        world.paper.open_orders = open_orders  # type: ignore[method-assign]
        await asyncio.sleep(LATER)
        (known,) = of(world, e.ForeignOrdered)
        assert sum(order.count for order in known.orders) == 900
        assert len(encode(known)[1]) < 25_000
        await asyncio.sleep(60)  # the next look for what stands
        assert "900 at paper" in dict(world.told.texts)["Orders work that the desk did not make"]
        assert not desk.book.latches

    play(story)


def test_what_others_bring_and_take_at_another_price_is_neither_gain_nor_loss_of_its_market(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await shown(world, BTC=Decimal("0.001"))
        await asyncio.sleep(LATER)
        held = desk.book.portfolio.positions[KEY]
        # As if it had been there since the price was half of what it is.
        cheap = {**desk.book.portfolio.positions, KEY: replace(held, average=held.average / 2)}
        desk.book = replace(desk.book, portfolio=replace(desk.book.portfolio, positions=cheap))
        desk.commit(c.Mark())
        before = desk.book.measures["market/crypto"].value
        await shown(world, BTC=Decimal(1))
        await asyncio.sleep(LATER)
        assert desk.book.portfolio.positions[KEY].quantity == Decimal("1.001")
        desk.commit(c.Mark())
        assert abs(desk.book.measures["market/crypto"].value - before) < 1500
        await shown(world, BTC=Decimal(-1))
        await asyncio.sleep(LATER)
        desk.commit(c.Mark())
        assert desk.book.portfolio.positions[KEY].quantity == Decimal("0.001")
        assert abs(desk.book.measures["market/crypto"].value - before) < 1500

    play(story)


def test_what_others_bring_of_an_asset_that_nobody_held_is_no_gain_that_could_hide_a_loss(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await shown(world, ETH=Decimal(5))
        await asyncio.sleep(LATER)
        assert desk.book.portfolio.positions[position_key(EXTERNAL, "paper", ETH)].quantity == 5
        desk.commit(c.Mark())
        assert abs(desk.book.measures["account"].day_loss) < 200

    play(story)


def test_while_its_price_is_not_known_nothing_of_others_is_valued_at_nothing(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        genuine = world.feed.quote
        world.feed.quote = lambda venue, pair: None if pair == "USDT-USD" else genuine(venue, pair)  # type: ignore[method-assign]
        await shown(world, ETH=Decimal(5))
        await asyncio.sleep(6 * MINUTES)
        assert not of(world, e.ForeignHeld)
        assert [latch.code for latch in desk.book.latches.values()] == [Code.RECONCILIATION_DIFFERENCE]

    play(story)


def test_an_activity_without_an_id_is_not_folded_with_every_reading(play: Play) -> None:
    async def story(world: World) -> None:
        payer = Payer(world.venue)
        world.venue = payer  # type: ignore[assignment]
        desk = await world.ready()
        before = desk.book.portfolio.cash["paper/USD"]
        reward = Activity(id="", kind=Adjustment.REWARD, asset="USD", amount=Decimal(100), at=world.clock.now())
        payer.done.append(reward)
        await asyncio.sleep(10 * MINUTES)
        assert desk.book.portfolio.cash["paper/USD"] <= before + 100
        assert len(of(world, e.Adjusted)) <= 1

    play(story)


def test_a_venue_that_tells_of_everything_since_ever_has_nothing_folded_that_is_forgotten(play: Play) -> None:
    """What was asked for begins where memory does; what is older than that was folded once, and its id is gone."""

    async def story(world: World) -> None:
        payer = Payer(world.venue)
        world.venue = payer  # type: ignore[assignment]
        desk = await world.ready()
        await world.trade()
        await asyncio.sleep(LATER)
        (made_once,), began = await payer.inner.fills(0), world.clock.now() - 10 * DAY
        today = next(reversed(desk.book.trades))
        days = {today - back: {"": ""} for back in reversed(range(RECALL_DAYS))}
        desk.book = replace(desk.book, trades={**days, today: desk.book.trades[today]})
        cash, held = desk.book.portfolio.cash, world.held()
        old = replace(made_once, trade_id="old", at=began)
        payer.inner = Gossip(payer.inner, old, Transfer(id="old", asset="USD", amount=Decimal(900), at=began))
        await asyncio.sleep(5 * MINUTES)
        assert (desk.book.portfolio.cash, world.held()) == (cash, held)
        assert not desk.book.latches

    play(story)


def test_what_a_venue_did_before_there_was_a_home_is_adopted_and_not_folded(play: Play) -> None:
    """Years of an account's own records would be folded into a fresh home, and its opening cash counted twice."""

    async def story(world: World) -> None:
        asked: list[int] = []
        genuine, before = world.paper.fills, START - MINUTE

        async def fills(since: int) -> tuple[Fill, ...]:
            asked.append(since)
            return await genuine(since)

        world.paper.fills = fills  # type: ignore[method-assign]
        # As if another program had bought there, for money that was gone before the home counted it.
        old = Fill(
            trade_id="old", venue="paper", pair=BTC, side=Side.BUY, quantity=Decimal(1), price=Decimal(90_000),
            fee=Decimal(0), fee_asset="USDT", at=before,
        )  # fmt: skip
        moved = Transfer(id="old", asset="USDT", amount=Decimal(90_000), at=before)
        world.venue = Gossip(world.venue, old, moved)  # type: ignore[assignment]
        await shown(world, BTC=Decimal(1))
        desk = await world.ready()
        await asyncio.sleep(LATER)
        assert asked
        assert min(asked) >= START - HOUR
        assert desk.book.portfolio.positions[KEY].quantity == 1
        assert not of(world, e.FillRecorded, e.CashMoved)
        assert len(of(world, e.ForeignHeld)) == 1
        assert not desk.book.latches

    play(story)


def test_a_home_made_while_the_clock_was_ahead_loses_no_fill_of_its_own_once_it_is_right(play: Play) -> None:
    """Its orders would work for a day without an end, and what they bought be guarded by nothing."""

    async def story(world: World) -> None:
        desk = await world.ready()
        desk.book = replace(desk.book, created_at=world.clock.now() + DAY)
        assert (await world.trade()).status is Status.FILLED
        await asyncio.sleep(LATER)
        assert not desk.book.latches

    play(story)


def test_a_fill_of_our_own_is_folded_though_its_venue_dates_it_before_the_home(play: Play) -> None:
    async def story(world: World) -> None:
        genuine, behind = world.paper.fills, 10 * MINUTE

        async def fills(since: int) -> tuple[Fill, ...]:
            return tuple(replace(fill, at=fill.at - behind) for fill in await genuine(since + behind))

        world.paper.fills = fills  # type: ignore[method-assign]
        desk = await world.ready()
        assert (await world.trade()).status is Status.FILLED
        (recorded,) = of(world, e.FillRecorded)
        assert recorded.fill.at < desk.book.created_at
        await asyncio.sleep(LATER)
        assert not desk.book.latches

    play(story)


class Gossip:
    """A venue that tells of old times whatever it is asked."""

    def __init__(self, inner: Any, fill: Fill, transfer: Transfer) -> None:
        self.inner, self.fill, self.transfer = inner, fill, transfer

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def fills(self, since: int) -> tuple[Fill, ...]:
        return (*await self.inner.fills(since), self.fill)

    async def transfers(self, since: int) -> tuple[Transfer, ...]:
        return (*await self.inner.transfers(since), self.transfer)

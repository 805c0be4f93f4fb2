"""What was: entries and fills newest first, page by page, narrowed by every filter, and what was earned."""

import asyncio
from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.desk.conftest import Play
from tests.desk.test_queries import reader
from tests.desk.world import BTC, ETH, World
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import Door, Notional, Side
from trading_mcp.core.domain.policy import Delta
from trading_mcp.desk import history, limits, markets
from trading_mcp.desk.earning import DAYS_A_YEAR, RETURNS_MIN, Closed, DayEnd, Earned, Flow, steadiness
from trading_mcp.desk.history import Filter, moment_of
from trading_mcp.errors import UsageInvalid


async def traded(world: World) -> None:
    await world.ready()
    await world.trade(id="first", reason="a Reason of its own", client="a client")
    await asyncio.sleep(60)
    await world.trade(ETH, id="second", door=Door.CLI)
    await asyncio.sleep(60)
    await world.trade(side=Side.SELL, id="third")


def test_moments_are_read_as_people_write_them() -> None:
    assert moment_of("", "since") == 0
    assert moment_of("2026-01-01", "since") == moment_of("2026-01-01T00:00:00Z", "since") == 1_767_225_600_000_000
    assert moment_of("2026-01-01T01:00:00.000005+01:00", "since") == 1_767_225_600_000_005
    for wrong in ("yesterday", "2026-13-01", "9" * 40):
        with pytest.raises(UsageInvalid, match="since is no moment"):
            moment_of(wrong, "since")


def test_every_entry_is_met_once_page_by_page_newest_first(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "STEP", 4)
    monkeypatch.setattr(history, "REACH", 9)

    async def story(world: World) -> None:
        await traded(world)
        seen: list[int] = []
        cursor = ""
        while True:
            page = await history.events(world.pages, Filter(limit=5, cursor=cursor))
            assert len(page.events) <= 5
            seen += [each.seq for each in page.events]
            cursor = page.cursor
            if not cursor:
                break
        assert seen == list(range(world.journal.head().seq, 0, -1))
        rare = await history.events(world.pages, Filter(kinds=("DeskCreated",), limit=5))
        head = world.journal.head().seq
        assert (rare.events, rare.cursor) == ((), str(head - 9))
        # An empty page is not the end, and says so in words: a model takes it for one otherwise.
        assert rare.note.startswith(f"Only the entries {head - 8} to {head} were looked through, back to 20")
        assert rare.note.endswith("ask again, the same and with this cursor.")
        assert (page.note, page.cursor) == ("", "")

    play(story)


def test_every_filter_narrows(play: Play) -> None:
    async def story(world: World) -> None:
        await traded(world)
        pages = world.pages

        async def kinds(wanted: Filter) -> set[str]:
            return {each.kind for each in (await history.events(pages, replace(wanted, limit=200))).events}

        assert await kinds(Filter(kinds=("FillRecorded",))) == {"FillRecorded"}
        assert await kinds(Filter(intent_id="first")) == {"IntentJudged", "OrderCleared"}
        assert "FillRecorded" in await kinds(Filter(pair=ETH))
        assert await kinds(Filter(actor="cli", kinds=("IntentJudged",))) == {"IntentJudged"}
        assert await kinds(Filter(actor="a client")) == {"IntentJudged"}
        assert await kinds(Filter(actor="nobody")) == set()
        assert await kinds(Filter(text="REASON of its")) == {"IntentJudged"}
        assert await kinds(Filter(text="is at its venue")) == {"OrderAccepted"}
        assert await kinds(Filter(text="nowhere at all")) == set()
        middle = world.clock.now() - 90_000_000
        early = (await history.events(pages, Filter(until=middle, limit=200))).events
        late = (await history.events(pages, Filter(since=middle, limit=200))).events
        assert len(early) + len(late) == world.journal.head().seq
        assert {each.at < middle for each in early} == {True}
        for wrong in (Filter(kinds=("Nothing",)), Filter(cursor="x"), Filter(cursor="9" * 30)):
            with pytest.raises(UsageInvalid):
                await history.events(pages, wrong)

    play(story)


def test_fills_are_told_with_the_intent_behind_them(play: Play) -> None:
    async def story(world: World) -> None:
        await traded(world)

        async def found(**wanted: str) -> list[tuple[str, str]]:
            rows = (await history.trades(world.desk.book, world.pages, Filter(**wanted))).trades  # pyright: ignore[reportArgumentType]
            return list(dict.fromkeys((each.intent_id, each.side) for each in rows))

        assert await found() == [("third", "sell"), ("second", "buy"), ("first", "buy")]
        assert await found(pair=ETH) == [("second", "buy")]
        assert await found(text="a reason of") == [("first", "buy")]
        assert await found(book="manual") == await found()
        assert await found(book="somebody") == []
        forgotten = replace(world.desk.book, closed={}, intents={})
        row = (await history.trades(forgotten, world.pages, Filter(limit=1))).trades[0]
        assert (row.intent_id, row.reason) == ("", "")
        assert Decimal(row.quantity) * Decimal(row.price) == pytest.approx(Decimal(row.worth), abs=Decimal("0.01"))

    play(story)


def test_results_add_up_and_what_has_no_price_is_not_made_up(play: Play) -> None:
    async def story(world: World) -> None:
        await traded(world)
        told = history.results(reader(world))
        assert [each.group for each in told.groups] == [BTC, ETH]
        assert [each.positions for each in told.groups] == [0, 1]
        by_venue = history.results(reader(world), group_by="venue")
        (whole,) = by_venue.groups
        parts = sum(Decimal(each.realised) for each in told.groups)
        assert abs(parts - Decimal(whole.realised)) <= Decimal("0.01")
        assert [each.group for each in history.results(reader(world), group_by="algorithm").groups] == ["manual"]
        assert [each.group for each in history.results(reader(world), pair=ETH).groups] == [ETH]
        assert history.results(reader(world), book="nobody").groups == ()
        blind = history.results(reader(world, quotes={}))
        assert [each.unrealised for each in blind.groups] == ["0.00", ""]
        unpriced = history.results(reader(world, prices={}))
        assert unpriced.groups[0].fees == ""
        early = history.results(reader(world, book=replace(world.desk.book, measures={})))
        assert (early.day, early.day_result, early.drawdown) == ("", "", "")

    play(story)


def test_ended_proposals_are_told_with_their_end(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade(ETH, id="asked", amount=Notional(Decimal(280)))
        await world.sign(desk.book.proposals["order/asked"])
        await asyncio.sleep(60)
        await world.trade(id="other", amount=Notional(Decimal(280)))
        await desk.handle(c.Decline(proposal_id="order/other", reason="not now"))
        told = await history.proposals(lambda: reader(world), world.pages, Filter())
        assert [(each.id, each.end, each.reason) for each in told.ended] == [
            ("order/other", "declined", "not now"),
            ("order/asked", "approved", ""),
        ]

    play(story)


def test_changes_that_cannot_be_made_together_come_to_nothing(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        assert limits.effects(reader(world), (Delta(key="account.nothing", before="1", after="2"),)) == ()

    play(story)


def test_a_pair_that_is_added_gets_all_that_it_needs_to_be_traded(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        policy = world.desk.book.policy
        bare = replace(policy.crypto, assets_approved=frozenset({"ETH"}), order_quantity_max={"ETH": Decimal(20)})
        read = reader(world, book=replace(world.desk.book, policy=replace(policy, crypto=bare)))
        with exactly():
            keys = {each.key: each.after for each in limits.of_pairs(read, "add", [BTC, "AAPL", "MSFT"])}
        assert keys["market.crypto.assets_approved"] == "BTC, ETH"
        amounts = keys["market.crypto.order_quantity_max"]
        most = Decimal(amounts.split("BTC=")[1].split(",")[0])
        assert Decimal("0.9") < most * world.price() / 100_000 < Decimal("1.1")
        unknown = {each.key for each in limits.of_pairs(read, "add", ["PEPE-USDT"])}
        assert unknown == {"market.crypto.assets_approved"}

    play(story)


def test_signals_of_many_pairs_are_bounded_and_recorded(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        told = markets.signals(desk, reader(world), ())
        assert {BTC, ETH} <= {each.pair for each in told.signals}
        entry = next(world.journal.entries(told.signal_seq - 1))
        assert isinstance(entry.event, e.SignalsRecorded)
        assert [row[0] for row in entry.event.signals] == [each.pair for each in told.signals]
        many = markets.signals(desk, reader(world), [BTC] * 40)
        assert (len(many.signals), many.left_out) == (1, 40 - markets.PAIRS_MAX)

    play(story)


def test_a_market_that_says_nothing_is_empty(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        read = reader(world)
        monkeypatch.setattr(desk.ports.feed, "quote", _nothing)
        monkeypatch.setattr(desk.ports.feed, "depth", _nothing)
        blind: Facts = replace(read.facts, sessions={}, feeds={})
        read = replace(read, facts=blind)
        told = markets.market(desk, read, BTC, "order_book", timeframe="1m", limit=5)
        assert (told.bid, told.feed, told.open, told.bids, told.age_seconds) == ("", "", False, (), "")

    play(story)


def _nothing(*_: object) -> None:
    """Answer as a feed does that knows nothing."""


def test_trades_tell_what_they_realised_and_days_and_signals_what_they_earned(play: Play) -> None:
    async def story(world: World) -> None:
        await traded(world)
        told = await history.trades(world.desk.book, world.pages, Filter())
        fills = tuple(
            Closed(
                seq=each.seq,
                at=each.at - number * 86_400_000_000,
                pair=each.pair,
                venue=each.venue,
                book=each.book,
                order_id=each.order_id,
                fee=Decimal("0.5"),
                fee_asset="USD",
                realised=Decimal("-1.234") if number == 0 else Decimal(0),
            )
            for number, each in enumerate(told.trades[:2])
        )
        earned = Earned(fills, (), 9)
        rows = history.with_realised(told, earned).trades
        assert [each.realised for each in rows] == ["-1.23", "0.00", ""]
        read = reader(world)
        by_day = history.results(read, group_by="day")
        assert by_day.groups == ()
        by_day = history.with_earned(by_day, read, earned, pair="", book="")
        assert [(each.fills, each.fees) for each in by_day.groups] == [(1, "0.50"), (1, "0.50")]
        assert by_day.groups[0].group > by_day.groups[1].group
        assert by_day.groups[0].realised.startswith("-1.2")
        assert (by_day.sharpe, "20" in by_day.note) == ("", True)
        by_signal = history.with_earned(
            history.results(read, group_by="signal"), read, earned, pair=fills[0].pair, book="manual"
        )
        assert [each.group for each in by_signal.groups] == ["none, or not remembered"]
        by_pair = history.with_earned(history.results(read), read, earned, pair="", book="")
        assert by_pair.groups == history.results(read).groups

    play(story)


def test_how_steadily_was_earned_is_told_once_there_are_days_enough() -> None:
    few = [DayEnd(Decimal(100))] * RETURNS_MIN
    assert steadiness(few)[:2] == ("", "")
    assert "19 daily returns so far" in steadiness(few).note
    level = steadiness([*few, DayEnd(Decimal(100))])
    assert level[:2] == ("", "")
    ups_and_downs = [Decimal(100), *(Decimal(102) if n % 2 else Decimal(100) for n in range(1, 41))]
    ratios = steadiness([DayEnd(value) for value in ups_and_downs])
    # By hand: returns alternate between 0.02 and -2/102.
    up, down = Decimal("0.02"), Decimal(-2) / 102
    mean = (up + down) / 2
    spread = (((up - mean) ** 2 + (down - mean) ** 2) * 20 / 39).sqrt()
    assert ratios.sharpe == f"{mean / spread * DAYS_A_YEAR.sqrt():.2f}"
    below = (down**2 / 2).sqrt()
    assert ratios.sortino == f"{mean / below * DAYS_A_YEAR.sqrt():.2f}"


def test_money_paid_in_or_out_is_no_return() -> None:
    values = [Decimal(102) if n % 2 else Decimal(100) for n in range(RETURNS_MIN + 1)]
    plain = steadiness([DayEnd(value) for value in values])
    # The same ups and downs, but at 101 twice as much is paid in, and a day later half of it all is taken out.
    paid = [
        DayEnd(Decimal(100)),
        DayEnd(Decimal(306), (Flow(Decimal(101), Decimal(202)),)),
        DayEnd(Decimal(150), (Flow(Decimal(306), Decimal(-100)), Flow(Decimal(206), Decimal(-53)))),
        *(DayEnd(value * Decimal("1.5")) for value in values[3:]),
    ]
    assert plain.sharpe
    assert steadiness(paid) == plain
    assert plain.note.endswith("money paid in or out is none.")


def test_a_day_that_stood_at_nothing_has_no_return() -> None:
    nothing = [DayEnd(Decimal(0)), DayEnd(Decimal(50), (Flow(Decimal(0), Decimal(50)),))]
    assert steadiness(nothing).note.startswith("0 daily returns")
    emptied = [DayEnd(Decimal(50)), DayEnd(Decimal(0), (Flow(Decimal(50), Decimal(-50)),))]
    assert steadiness(emptied).note.startswith("0 daily returns")

"""What the desk tells when it is asked: every figure from the book and the facts of now, bounded, nothing changed."""

import asyncio
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from tests.desk.conftest import Play
from tests.desk.world import BTC, ETH, XRP, World, policy_with
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.latches import Latch, Scope, ScopeKind, TradingState
from trading_mcp.core.domain.mandates import Algorithm
from trading_mcp.core.domain.market import HOUR, FeedHealth
from trading_mcp.core.domain.orders import Door, Notional, OrderState, OrderType, Protect, Side, Trailing
from trading_mcp.core.domain.policy import Delta
from trading_mcp.core.domain.verdict import Code
from trading_mcp.core.guardrails.finding import span_text
from trading_mcp.desk import limits, past, queries
from trading_mcp.desk.answers import Answer
from trading_mcp.desk.wording import is_quiet, sentence
from trading_mcp.errors import PolicyInvalid, UsageInvalid


def reader(world: World, **given: Any) -> queries.Reader:
    desk = world.desk
    facts = desk.gatherer.facts(desk.book, frozenset({BTC, ETH, XRP}), keep=False)
    since = given.pop("since", queries.Since(started_at=world.clock.now()))
    return queries.Reader(
        book=given.pop("book", desk.book),
        facts=replace(facts, **given),
        head=world.journal.head(),
        since=since,
        version="test",
    )


def flat(answer: Answer) -> str:
    """Every answer travels as JSON."""
    return msgspec.json.encode(answer).decode()


def test_a_quiet_desk_says_that_nothing_but_a_closed_market_is_blocked(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        told = queries.status(reader(world))
        assert (told.state, told.mode, told.home, told.version) == ("ACTIVE", "SIMULATED", "test", "test")
        assert told.venues[0].reconciled
        assert all(line.startswith("stocks: orders wait") for line in told.blocked)
        assert Decimal(told.equity) > 99_000
        assert told.journal_entries == world.journal.head().seq

    play(story)


def test_the_status_names_what_is_blocked_and_by_what(play: Play) -> None:
    async def story(world: World) -> None:
        desk = world.start()
        assert any("until it has been compared" in line for line in queries.status(reader(world)).blocked)
        await world.until(lambda: "paper" in desk.book.reconciled)
        await world.trade()
        algorithm = Algorithm(
            name="sma", version="1", pairs=frozenset({BTC}), venues=("paper",), capital=Decimal(1000)
        )
        await desk.handle(c.SetAlgorithm(algorithm=algorithm, door=Door.CLI))
        venue = Scope(kind=ScopeKind.VENUE, name="paper")
        latch = Latch(scope=venue, state=TradingState.REDUCING, code=Code.RECONCILIATION_DIFFERENCE, reason="x", at=0)
        await desk.handle(c.AddLatch(latch=latch))
        await desk.handle(c.Halt(door=Door.CLI, reason="enough"))
        told = queries.status(
            reader(
                world,
                feeds={"paper": FeedHealth.DEGRADED},
                is_halt_file_present=True,
                book=replace(desk.book, suspended_at=1),
            )
        )
        said = "\n".join(told.blocked)
        assert told.state == "HALTED"
        assert "account: everything but cancels, protection and a close from here, by KILL_SWITCH (enough)" in said
        assert "venue/paper: orders that add risk, by RECONCILIATION_DIFFERENCE (x)" in said
        assert "by the file HALT" in said
        assert "its prices are DEGRADED" in said
        assert "after lost time" in said
        assert [each.state for each in told.latches] == ["HALTED", "REDUCING"]
        assert [(each.name, each.enabled) for each in told.algorithms] == [("sma", False)]
        assert any("its prices are DOWN" in line for line in queries.status(reader(world, feeds={})).blocked)

    play(story)


def test_an_order_of_unknown_fate_blocks_its_pair_and_says_so(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        outcome = await world.trade(type=OrderType.LIMIT, limit_price=world.price() * Decimal("0.97"))
        working = desk.book.working[outcome.order_id]
        assert queries.status(reader(world)).orders_unknown == 0
        lost = replace(working, state=OrderState.UNKNOWN)
        told = queries.status(reader(world, book=replace(desk.book, working={outcome.order_id: lost})))
        assert told.orders_unknown == 1
        assert any(outcome.order_id in line for line in told.blocked)

    play(story)


@pytest.mark.parametrize(
    ("since", "gap"),
    [
        (queries.Since(started_at=1), ""),
        (queries.Since(started_at=1, down_for=76 * HOUR), "down 3 d 4 h"),
        (
            queries.Since(started_at=1, down_for=76 * HOUR, was_clean=False, exits_unwatched=2),
            "down 3 d 4 h, not stopped in good order, 2 exits were not watched",
        ),
        (queries.Since(started_at=1, down_for=HOUR, exits_unwatched=1), "down 1 h, 1 exit was not watched"),
    ],
)
def test_the_gap_before_a_start_is_told(since: queries.Since, gap: str) -> None:
    assert since.gap == gap


@pytest.mark.parametrize(
    ("span", "text"),
    [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (3600, "1 h"), (3605, "1 h"), (90_000, "1 d 1 h")],
)
def test_a_span_is_written_in_its_two_largest_units(span: int, text: str) -> None:
    assert span_text(span * 1_000_000) == text


def test_the_portfolio_values_what_is_held_and_names_what_guards_it(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        price = world.price()
        guard = Protect(
            stop_loss=price * Decimal("0.9"),
            take_profit=price * Decimal("1.2"),
            trailing=Trailing(activate=Decimal("0.5"), distance=Decimal("0.01")),
        )
        await world.trade(protect=guard)
        told = queries.portfolio(reader(world))
        (position,) = told.positions
        assert (position.pair, position.book, position.closing) == (BTC, "manual", False)
        assert Decimal(position.stop) < price < Decimal(position.target)
        assert position.kept in ("venue", "desk")
        assert Decimal(told.exposure) > 190
        assert {each.asset for each in told.cash} == {"USD", "USDT"}
        assert queries.unwatched(desk.book) == 1
        blind = queries.portfolio(reader(world, quotes={}, prices={}))
        assert (blind.equity, blind.positions[0].price, blind.positions[0].unrealised) == ("", "", "")
        assert blind.missing_price

    play(story)


def test_orders_are_bounded_newest_first_and_the_ended_on_demand(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        await world.trade()
        await asyncio.sleep(1)
        await world.trade(ETH, type=OrderType.LIMIT, limit_price=world.price(ETH) * Decimal("0.97"))
        working = queries.orders(reader(world))
        assert [each.pair for each in working.orders] == [ETH]
        assert Decimal(working.orders[0].reserved) > 0
        everything = queries.orders(reader(world), ended=True)
        assert [each.pair for each in everything.orders] == [ETH, BTC]
        page = queries.orders(reader(world), ended=True, limit=1)
        assert (len(page.orders), page.left_out) == (1, 1)
        assert queries.orders(reader(world), pair=XRP).orders == ()

    play(story)


def test_proposals_show_what_waits_and_what_waits_out_its_delay(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade(amount=Notional(Decimal(280)), id="large", reason="because\x1b[2J of it")
        key = "market.crypto.order_notional_max"
        asked = await desk.handle(
            c.ChangePolicy(id="more", deltas=(Delta(key=key, before="500", after="600"),), door=Door.MCP)
        )
        await desk.handle(c.Release(scope=Scope(kind=ScopeKind.ACCOUNT), target=TradingState.ACTIVE))
        told = queries.proposals(reader(world))
        assert [each.kind for each in told.proposals] == ["order", "policy"]
        assert told.proposals[0].findings[0].code == "APPROVAL_REQUIRED"
        assert "\x1b" not in told.proposals[0].reason
        assert "500 -> 600" in told.proposals[1].about
        opened = next(event.proposal for event in asked if isinstance(event, e.ProposalOpened))
        await world.sign(opened)
        waiting = queries.proposals(reader(world)).proposals[-1]
        assert (waiting.kind, waiting.effective_at > world.clock.now()) == ("policy", True)
        assert "in force" not in flat(queries.proposals(reader(world)))

    play(story, policy=policy_with(loosening_delay='"10min"'))


def test_pairs_say_why_one_may_not_be_traded(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        told = {each.pair: each for each in queries.pairs(reader(world)).pairs}
        assert told[XRP].why_not == "blocked by the owner"
        assert told[ETH].why_not == "ETH is not approved"
        assert (told[BTC].active, told[BTC].open, bool(told[BTC].bid)) == (True, True, True)
        assert queries.pairs(reader(world), limit=2).left_out > 0
        nowhere = replace(world.desk.book.policy.crypto, venues=())
        policy = replace(world.desk.book.policy, crypto=nowhere)
        assert "is not routed" in flat(queries.pairs(reader(world, book=replace(world.desk.book, policy=policy))))
        no_tether = replace(world.desk.book.policy.crypto, quotes_approved=frozenset({"USD"}))
        policy = replace(world.desk.book.policy, crypto=no_tether)
        assert "USDT is not approved" in flat(
            queries.pairs(reader(world, book=replace(world.desk.book, policy=policy)))
        )

    text = policy_with()
    crypto = replace(
        text.crypto, pairs_blocked=frozenset({XRP}), assets_approved=text.crypto.assets_approved - {"ETH"}
    )
    play(story, policy=replace(text, crypto=crypto))


def test_the_policy_is_told_with_its_use_and_its_effect(play: Play) -> None:
    async def story(world: World) -> None:
        desk = world.start()
        assert {each.limit for each in limits.policy(reader(world)).used} >= {"account.orders_open_max"}
        unmeasured = replace(desk.book, measures={})
        assert "account.loss_day_max" not in flat(limits.policy(reader(world, book=unmeasured), "venues"))
        await world.until(lambda: "paper" in desk.book.reconciled)
        await world.trade()
        await world.trade(amount=Notional(Decimal(900)))
        told = limits.policy(reader(world))
        used = {each.limit: each.used for each in told.used}
        assert (used["account.orders_day_manual_max"], used["account.rate_orders_max"]) == ("1", "1")
        assert told.triggered["ORDER_NOTIONAL_MAX"] == 1
        by_key = {each.key: each for each in told.limits}
        assert by_key["market.crypto.order_notional_max"].triggered == 1
        assert by_key["account.rate_orders_max"].used == "1"
        assert by_key["account.drawdown_high_water_max"].used.endswith("%")
        assert all(len(each.effective.partition(".")[2]) <= 2 for each in told.limits if "_max" in each.key[-4:])
        alone = limits.policy(reader(world), "rate_orders_max")
        assert [each.limit for each in alone.used] == ["account.rate_orders_max"]
        assert told.infeasible == ()
        (one,) = limits.policy(reader(world), "market.crypto.ask_above").limits
        assert (one.value, one.direction) == ("250", "lower")
        with pytest.raises(UsageInvalid, match="is no key of a policy"):
            limits.policy(reader(world), "moon")
        assert limits.policy(reader(world, prices={}), "ask_above").equity == ""

    play(story)


def test_a_file_is_compared_key_by_key_and_becomes_changes(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        with open("policies/live.toml", encoding="utf-8") as file:  # noqa: ASYNC230, PTH123 - a test's own file
            live = file.read()
        told = limits.difference(desk.book.policy, live)
        assert {each.turn for each in told.changes} == {"tighter", "looser", "neither"}
        assert len(limits.deltas_of(desk.book, {}, live)) == len(told.changes)
        (delta,) = limits.deltas_of(desk.book, {"account.orders_open_max": "19"}, "")
        assert (delta.before, delta.after) == ("20", "19")
        with pytest.raises(UsageInvalid, match="Nothing is changed"):
            limits.deltas_of(desk.book, {}, "")
        with pytest.raises(UsageInvalid, match="already"):
            limits.deltas_of(desk.book, {"account.orders_open_max": "20"}, "")
        with open("policies/simulated.toml", encoding="utf-8") as file:  # noqa: ASYNC230, PTH123 - as above
            same = file.read()
        with pytest.raises(UsageInvalid, match="in force already"):
            limits.deltas_of(desk.book, {}, same)
        with open("policies/backtest-open.toml", encoding="utf-8") as file:  # noqa: ASYNC230, PTH123 - as above
            loose = file.read()
        with pytest.raises(PolicyInvalid, match="for backtests only"):
            limits.difference(desk.book.policy, loose)

    play(story)


def test_why_shows_findings_as_they_were_recorded(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade(amount=Notional(Decimal(900)), id="large")
        outcome = await world.trade(id="fine")
        await desk.handle(
            c.ChangePolicy(
                id="t",
                deltas=(Delta(key="market.crypto.order_notional_max", before="500", after="300"),),
                door=Door.CLI,
            )
        )
        told = past.why("large", desk.book, world.pages)
        assert (told.outcome, told.status) == ("DENY", "denied")
        assert told.findings[0].limit == "500"
        kinds = {type(entry.event).__name__: entry.seq for entry in world.journal.entries()}
        cleared = past.why(str(kinds["OrderCleared"]), desk.book, world.pages)
        assert (cleared.subject, cleared.outcome, cleared.status) == ("fine", "ALLOW", "FILLED")
        judged = past.why(str(kinds["IntentJudged"]), desk.book, world.pages)
        assert judged.kind == "IntentJudged"
        begun = past.why("1", desk.book, world.pages)
        assert (begun.kind, begun.outcome, begun.findings) == ("DeskCreated", "", ())
        filled = past.why(str(kinds["FillRecorded"]), desk.book, world.pages)
        assert filled.subject in ("", "fine")
        assert outcome.order_id
        for nothing in ("0", "99999", "nobody", "9" * 40):
            with pytest.raises(UsageInvalid):
                past.why(nothing, desk.book, world.pages)
        assert past.why("fine", desk.book, world.pages).seq == judged.seq
        # Too far from where its clock says it was judged: its findings are in the book all the same.
        monkeypatch.setattr(past, "REACH", 0)
        told = past.why("large", desk.book, world.pages)
        assert (told.seq, told.findings[0].limit) == (0, "500")

    play(story)


def test_the_tail_shows_news_and_everything_on_demand_page_by_page(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade()
        desk.note((e.ToolCalled(at=world.clock.now(), call_id="1", tool="status", arguments="{}", door=Door.CLI),))
        news = past.tail(world.pages, 50)
        assert "ToolCalled" not in {each.kind for each in news.entries}
        assert "ToolCalled" in {each.kind for each in past.tail(world.pages, 50, is_quiet_shown=True).entries}
        seen, since = 0, 0
        while True:
            page = past.tail(world.pages, 3, since=since, is_quiet_shown=True)
            seen += len(page.entries)
            assert len(page.entries) <= 3
            if not page.next_since:
                break
            since = page.next_since
        assert seen == world.journal.head().seq
        assert past.show(world.pages, 1).kind == "DeskCreated"

    play(story)


def test_every_event_of_a_day_is_one_sentence(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade(protect=Protect(stop_loss=world.price() * Decimal("0.9")))
        await world.trade(amount=Notional(Decimal(280)))
        await world.trade(XRP, Side.SELL)
        await desk.handle(c.Close(intent_id="away", door=Door.CLI))
        await world.until(lambda: not desk.book.closings)
        await desk.handle(c.Halt(door=Door.CLI, reason="password: hunter2-is-secret"))
        told = {type(event).__name__: sentence(event) for event in world.events()}
        assert all(text and "\n" not in text for text in told.values())
        assert "hunter2" not in "".join(told.values())
        assert any(is_quiet(event) for event in world.events())

    play(story)

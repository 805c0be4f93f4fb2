"""The one door: what is decided, recorded and told, and what goes on when something behind it fails."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from tests.desk.conftest import Play
from tests.desk.world import BTC, ETH, World, policy_with
from trading_mcp.adapters.brokers.faults import Call, Fault
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.latches import TradingState
from trading_mcp.core.domain.market import HOUR, MINUTE, SECOND
from trading_mcp.core.domain.orders import Door, Notional, OrderState, OrderType, Protect, Purpose, Side
from trading_mcp.core.domain.policy import Delta
from trading_mcp.core.domain.verdict import Code
from trading_mcp.desk.opening import closed
from trading_mcp.desk.outcomes import Status
from trading_mcp.desk.ports import Signature
from trading_mcp.errors import DeskFrozen

QUICK = policy_with(rate_orders_max="1000", pair_cooldown='"1s"', duplicate_window='"1s"')
LOW: dict[str, Any] = {"type": OrderType.LIMIT, "limit_price": Decimal(80_000)}


def stop(world: World, pair: str = BTC, share: str = "0.95") -> Protect:
    return Protect(stop_loss=(world.price(pair) * Decimal(share)).quantize(Decimal("0.01")))


def states(world: World) -> list[OrderState]:
    return [working.state for working in world.desk.book.working.values()]


def test_a_market_order_is_filled_and_the_answer_says_so(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        outcome = await world.trade()
        assert (outcome.status, outcome.filled) == (Status.FILLED, outcome.quantity)
        assert world.held() == outcome.filled
        again = await world.desk.settled(outcome.intent_id)
        assert again == outcome

    play(story)


def test_whoever_asks_about_a_resting_order_is_not_kept_waiting(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        began = world.clock.boot()
        outcome = await world.trade(**LOW)
        assert (outcome.status, outcome.is_resting) == (Status.WORKING, True)
        assert world.clock.boot() - began < SECOND

    play(story)


def test_whoever_stops_waiting_loses_nothing(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        world.venue.script(Fault.HANG, call=Call.SUBMIT, lasts=3 * SECOND)
        caller = asyncio.ensure_future(world.trade(id="left"))
        await asyncio.sleep(0.5)
        caller.cancel()
        await asyncio.sleep(5)
        assert (await world.desk.settled("left")).status is Status.FILLED

    play(story)


def test_a_venue_that_does_not_answer_in_time_leaves_the_order_working(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        world.venue.script(Fault.HANG, call=Call.SUBMIT)
        outcome = await world.trade()
        assert outcome.status is Status.WORKING
        await asyncio.sleep(30)
        assert (await world.desk.settled(outcome.intent_id)).status is Status.FILLED

    play(story)


def test_a_preview_changes_nothing_not_even_what_the_desk_has_seen(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        world.beating.cancel()
        await asyncio.sleep(1)
        seen = desk.gatherer.facts(desk.book, frozenset())
        head, book, cleared = world.journal.head(), desk.book, c.Execute(intent=world.intent(ETH))
        events = desk.preview(cleared)
        assert any(isinstance(event, e.OrderCleared) for event in events)
        await asyncio.sleep(1)
        assert (world.journal.head(), desk.book) == (head, book)
        assert desk.gatherer.facts(desk.book, frozenset()).quotes == seen.quotes
        assert not world.venue.asked

    play(story)


def test_what_comes_before_a_command_is_recorded_with_it_and_first(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        called = e.ToolCalled(at=world.clock.now(), call_id="1", tool="execute_trade", arguments="", door=Door.MCP)
        answer = await desk.handle(c.Execute(intent=world.intent()), before=(called,))
        assert called not in answer
        names = [type(event).__name__ for event in world.events()]
        assert names.index("ToolCalled") + 1 == names.index("IntentJudged")

    play(story)


def test_sixty_callers_at_once_get_exactly_what_there_is_room_for(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        intents = [world.intent(amount=Notional(Decimal(30 + n))) for n in range(60)]
        outcomes = await asyncio.gather(*(desk.execute(c.Execute(intent=intent)) for intent in intents))
        assert sum(outcome.status is Status.FILLED for outcome in outcomes) == 7
        assert len(world.venue.asked) == 7

    roomy = policy_with(rate_orders_max="7", pair_cooldown='"0s"', duplicate_window='"1s"')
    play(story, policy=roomy)


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.TIMEOUT_AFTER, Fault.GATEWAY_TIMEOUT])
def test_a_venue_in_trouble_delays_neither_a_kill_nor_another_exit(play: Play, fault: Fault) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        assert (await world.trade(ETH, protect=stop(world, ETH))).status is Status.FILLED
        for _ in range(8):
            world.venue.script(fault, call=Call.SUBMIT)
        for n in range(8):
            world.desk.commit(c.Execute(intent=world.intent(amount=Notional(Decimal(30 + n)))))
        await asyncio.sleep(0.2)
        world.venue.calm()
        began = world.clock.boot()
        outcome = await world.trade(ETH, Side.SELL)
        assert outcome.status is Status.FILLED
        assert world.clock.boot() - began < SECOND
        sent = len(world.venue.asked)
        await desk.handle(c.Halt(door=Door.CLI, reason="enough"))
        assert world.clock.boot() - began < SECOND
        await asyncio.sleep(60)
        assert len(world.venue.asked) == sent, "something was sent after the kill"
        assert states(world) == []

    play(story, policy=policy_with(rate_orders_max="1000", pair_cooldown='"0s"', duplicate_window='"1s"'))


def test_a_clearance_that_waits_past_a_kill_is_void(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        desk.commit(c.Execute(intent=world.intent(id="late")))
        desk.commit(c.Halt(door=Door.MCP, reason="enough"))
        outcome = await desk.settled("late")
        assert (outcome.status, outcome.findings[-1].code) == (Status.DENIED, Code.CLEARANCE_VOID)
        assert not world.venue.asked

    play(story)


def test_a_kill_leaves_stops_in_place_and_those_of_the_desk_still_fire(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade(ETH, protect=stop(world, ETH))
        price = world.price()
        target = (price * Decimal("1.00002")).quantize(Decimal("0.01"))
        await world.trade(BTC, protect=Protect(stop_loss=stop(world).stop_loss, take_profit=target))
        await asyncio.sleep(3)
        await desk.handle(c.Halt(door=Door.MCP, reason="enough"))
        await world.until(lambda: world.held(BTC) == 0, 3600)
        assert [w.order.purpose for w in desk.book.working.values()] == [Purpose.PROTECTION]
        assert desk.book.account_state is TradingState.HALTED

    play(story)


def test_after_a_kill_the_terminal_closes_all_without_a_signature_and_nothing_else_does(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade(ETH, protect=stop(world, ETH))
        await desk.handle(c.Halt(door=Door.MCP, reason="enough"))
        await desk.handle(c.Close(intent_id="m", door=Door.MCP))
        await asyncio.sleep(5)
        assert world.held(ETH) > 0
        await desk.handle(c.Close(intent_id="t", door=Door.CLI))
        await asyncio.sleep(5)
        assert world.held(ETH) == 0
        assert not desk.book.working

    play(story)


def test_only_a_signature_that_holds_ends_a_halt(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await desk.handle(c.Halt(door=Door.MCP, reason="enough"))
        opened = await desk.handle(c.Release(scope=next(iter(desk.book.latches.values())).scope,
                                             target=TradingState.ACTIVE))  # fmt: skip
        (proposal,) = [event.proposal for event in opened if isinstance(event, e.ProposalOpened)]
        good = world.statement("release", proposal.id, proposal.body_hash)
        approve = c.Approve(proposal_id=proposal.id)
        for bad in (None, Signature(statement=good.statement, signature=b"forged"),
                    Signature(statement=b"no statement", signature=b"signed")):  # fmt: skip
            await desk.handle(approve, signature=bad)
            assert desk.book.account_state is TradingState.HALTED
        await desk.handle(approve, signature=good)
        assert desk.book.account_state is TradingState.ACTIVE

    play(story)


def test_a_signed_loosening_waits_while_the_desk_runs_and_no_clock_or_restart_shortens_that(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        deltas = (Delta(key="market.crypto.ask_above", before="250", after="300"),)
        (asked,) = await desk.handle(c.ChangePolicy(id="more", deltas=deltas, door=Door.MCP))
        assert isinstance(asked, e.ProposalOpened)
        await world.sign(asked.proposal)
        await asyncio.sleep(5 * 60)
        world.clock.shift = HOUR
        await asyncio.sleep(60)
        assert desk.book.changes, "an hour on the wall alone is no hour"
        await world.crash()
        await asyncio.sleep(3600)
        desk = await world.ready()
        await asyncio.sleep(2 * 60)
        assert desk.book.changes, "nor is one in which no desk ran"
        await asyncio.sleep(3 * 60)
        assert not desk.book.changes
        assert desk.book.policy.crypto.ask_above == 300

    play(story, policy=policy_with(loosening_delay='"10min"'))


def test_what_a_person_signs_is_judged_by_the_prices_of_now(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        asked = await world.trade(ETH, amount=Notional(Decimal(300)))
        assert asked.status is Status.AWAITING_APPROVAL
        await asyncio.sleep(20)
        await world.sign(desk.book.proposals[asked.proposal_id])
        assert (await desk.settled(asked.intent_id)).status is Status.FILLED

    play(story)


def test_a_desk_that_stops_takes_no_more_commands_and_says_when_it_stopped(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        world.venue.script(Fault.HANG, call=Call.SUBMIT, lasts=2 * SECOND)
        desk.commit(c.Execute(intent=world.intent(id="last")))
        await asyncio.sleep(0.1)
        await closed(desk, "asked to")
        with pytest.raises(DeskFrozen):
            await world.trade()
        names = [type(event).__name__ for event in world.events()]
        assert names[-1] == "DeskStopped"
        assert (await desk.settled("last")).status is Status.FILLED

    play(story)


def test_what_is_still_on_the_wire_when_a_desk_stops_is_unknown_and_found_by_the_next_one(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        world.venue.script(Fault.HANG, call=Call.SUBMIT, lasts=MINUTE)
        desk.commit(c.Execute(intent=world.intent(id="last")))
        await asyncio.sleep(0.1)
        await closed(desk, "in a hurry", patience=1.0)
        assert states(world) == [OrderState.UNKNOWN]
        await world.crash()
        await world.ready()
        await asyncio.sleep(10)
        assert (await world.desk.settled("last")).status is Status.FILLED
        assert world.venue.asked.total() == 1

    play(story)

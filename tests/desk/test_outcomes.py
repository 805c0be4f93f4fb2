"""The words for a fate, the notices an owner gets, and the tasks behind them."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.desk.conftest import Play
from tests.desk.world import START, World
from trading_mcp.adapters.brokers.faults import Call, Fault
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.latches import ACCOUNT
from trading_mcp.core.domain.orders import Door, Notional, OrderType, Protect, Side
from trading_mcp.desk.crew import Crew
from trading_mcp.desk.notices import notice_of
from trading_mcp.desk.outcomes import Status, outcome_of

LOW: dict[str, Any] = {"type": OrderType.LIMIT, "limit_price": Decimal(80_000)}


@pytest.mark.parametrize("what", ["decline", "withdraw", "expire", "void"])
def test_whoever_asked_hears_how_a_proposal_ended(play: Play, what: str) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        asked = await world.trade(amount=Notional(Decimal(300)))
        key = asked.proposal_id
        match what:
            case "decline":
                await desk.handle(c.Decline(proposal_id=key))
            case "withdraw":
                await desk.handle(c.Withdraw(proposal_id=key, door=Door.MCP))
            case "expire":
                await asyncio.sleep(10)
                desk.book = replace(desk.book, proposals={
                    name: replace(item, expires_at=world.clock.now()) for name, item in desk.book.proposals.items()
                })  # fmt: skip
                await asyncio.sleep(2)
            case _:
                await desk.handle(c.Halt(door=Door.MCP, reason="enough"))
        words = {"decline": Status.DECLINED, "withdraw": Status.CANCELLED, "expire": Status.EXPIRED,
                 "void": Status.DENIED}  # fmt: skip
        assert outcome_of(desk.book, asked.intent_id).status is words[what]

    play(story)


def test_nobody_has_heard_of_it(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        assert outcome_of(desk.book, "x").status is None

    play(story)


def test_a_proposal_that_is_gone_without_an_end_is_still_under_way(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        asked = await world.trade(amount=Notional(Decimal(300)))
        desk.book = replace(desk.book, proposals={})
        assert outcome_of(desk.book, asked.intent_id).status is Status.WORKING

    play(story)


def test_an_exit_that_was_given_up_before_it_was_sent_is_cancelled(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade(protect=Protect(stop_loss=Decimal(110_000) if world.price() > 115_000 else Decimal(80_000)))
        await asyncio.sleep(3)
        for _ in range(3):
            world.venue.script(Fault.TIMEOUT_BEFORE, call=Call.CANCEL)
        sold = world.intent(side=Side.SELL)
        await desk.handle(c.Execute(intent=sold))
        assert outcome_of(desk.book, sold.id).status is Status.WORKING
        await desk.handle(c.Halt(door=Door.CLI, reason="enough"))
        assert outcome_of(desk.book, sold.id).status is Status.CANCELLED

    play(story)


def test_the_owner_is_told_what_matters_and_nothing_else(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade(amount=Notional(Decimal(300)))
        await desk.handle(c.Halt(door=Door.CLI, reason="enough"))
        await world.release(ACCOUNT)
        subjects = world.told.subjects()
        assert subjects[:3] == ["The desk started", "A proposal waits for you", "account is HALTED"]
        assert subjects[-1] == "account is ACTIVE again"
        words = "In words not checked by anyone: “x”."
        assert notice_of(e.DeskStopped(at=START, reason="x")) == ("The desk stopped", words)
        assert notice_of(e.Woke(at=START)) is None

    play(story)


async def test_a_crew_runs_one_task_of_a_name_and_hears_of_every_end() -> None:
    ends: list[tuple[str, BaseException | None]] = []
    crew = Crew(lambda name, error: ends.append((name, error)))
    turns: list[int] = []

    async def wait() -> None:
        turns.append(1)
        await crew.pause("a", 1000)
        raise KeyError("a")

    crew.start("a", wait)
    crew.start("b", lambda: asyncio.sleep(1000))
    await asyncio.sleep(0)
    crew.start("a", wait)
    assert not await crew.finish("b", 0.01)
    assert await crew.finish("a", 1)
    assert await crew.finish("nothing", 1)
    await crew.stop()
    assert turns == [1]
    assert [(name, type(error)) for name, error in ends] == [("a", KeyError), ("b", type(None))]
    assert not crew.has("b")

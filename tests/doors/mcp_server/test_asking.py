"""What becomes of what assistants ask for: proposals and their ends, and a kill switch that several pull at once."""

import asyncio
from decimal import Decimal

from msgspec.structs import replace

from tests.desk.world import BTC, ETH, World, policy_with
from tests.doors.mcp_server.conftest import Play, connected, door_of
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.market import MINUTE
from trading_mcp.core.domain.verdict import Code


def test_a_kill_switch_that_several_pull_at_once_halts_once_and_all_are_told(play: Play, era: str) -> None:
    async def story(world: World) -> None:
        await world.ready()
        door = door_of(world)
        async with connected(door, era) as one, connected(door, era) as two, connected(door, era) as three:
            clients = (one, two, three)
            told = await asyncio.gather(
                *(each.calls("kill_switch", reason=f"client {number}") for number, each in enumerate(clients))
            )
            assert all(each["done"] and each["trading_state"] == "HALTED" for each in told)
            latched = [each for each in world.events() if isinstance(each, e.Latched)]
            assert [each.latch.code for each in latched] == [Code.KILL_SWITCH]
            reasons = {(await each.calls("get_portfolio"))["state_reason"] for each in clients}
            assert len(reasons) == 1
            assert reasons.pop().startswith("KILL_SWITCH (client ")

    play(story)


def test_an_assistant_learns_what_the_owner_made_of_its_proposal(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        async with connected(door_of(world)) as assistant:
            asked = {"pair": ETH, "side": "buy", "notional": "280", "intent_id": "two"}
            told = await assistant.calls("execute_trade", **asked)
            assert (told["status"], told["order"]["id"]) == ("awaiting_approval", "")
            assert told["proposal_id"] in told["next_step"]
            await world.desk.handle(c.Decline(proposal_id=told["proposal_id"], reason="too large"))
            again = await assistant.calls("execute_trade", **asked)
            assert (again["status"], again["seq"]) == ("declined", told["seq"])
            assert "said no" in again["next_step"]
            ended = (await assistant.calls("get_proposals", ended=True))["ended"]
            assert [(each["id"], each["end"], each["reason"]) for each in ended] == [
                (told["proposal_id"], "declined", "too large")
            ]
            events = await assistant.calls("get_events", kinds=["ProposalEnded"])
            assert "declined: too large" in events["events"][0]["text"]
            other = await assistant.calls("execute_trade", **{**asked, "intent_id": "three"})
            await asyncio.sleep(11 * 60)
            late = await assistant.calls("execute_trade", **{**asked, "intent_id": "three"})
            assert (other["status"], late["status"]) == ("awaiting_approval", "expired")
            assert "Nobody signed" in late["next_step"]

    limits = policy_with()
    play(story, policy=replace(limits, account=replace(limits.account, proposal_order_life=10 * MINUTE)))


def test_questions_beyond_what_an_owner_can_answer_are_denied_until_one_is_withdrawn(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        async with connected(door_of(world)) as assistant:
            asked = {"side": "buy", "notional": "280"}
            first = await assistant.calls("execute_trade", **asked, pair=ETH, intent_id="one")
            assert first["status"] == "awaiting_approval"
            more = await assistant.calls("execute_trade", **asked, pair=BTC, intent_id="two")
            assert more["status"] == "denied"
            found = {each["code"]: each for each in more["findings"]}["PROPOSALS_OPEN_MAX"]
            assert found["limit"]
            assert found["would_pass"]
            taken = await assistant.calls("withdraw_proposal", proposal_id=first["proposal_id"], reason="not needed")
            assert taken["done"]
            then = await assistant.calls("execute_trade", **asked, pair=BTC, intent_id="three")
            assert then["status"] == "awaiting_approval"

    limits = policy_with()
    play(story, policy=replace(limits, account=replace(limits.account, proposals_actor_max=1)))


def test_the_words_of_who_asks_stand_apart_from_the_facts(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        async with connected(door_of(world)) as assistant:
            lie = "quantity 0.0001, approved by the owner"
            await assistant.calls("execute_trade", pair=ETH, side="buy", notional="280", intent_id="two", reason=lie)
            (waiting,) = (await assistant.calls("get_proposals"))["proposals"]
            assert waiting["reason"] == lie
            assert lie not in waiting["about"]
            assert Decimal(waiting["findings"][0]["actual"]) > Decimal(250)

    play(story)

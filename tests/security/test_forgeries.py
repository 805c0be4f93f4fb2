"""The whole list of forgeries: which test holds each, and through the assistants' door those that pass through it."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from mcp import Client, types

from tests.desk.world import BTC, ETH
from tests.doors.mcp_server.conftest import ERAS, Line, door_of, wired
from tests.security.auditor import Auditor
from tests.security.wire import Raw, Ready, Watched, lived, raw, said
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.proposals import Proposal, ProposedOrder
from trading_mcp.desk.ports import Signature

TESTS: Final = Path(__file__).parents[1]
ROOM: Final = "adapters/approvals/test_forgeries.py"
HERE: Final = "security/test_forgeries.py"
TYPED: Final = "test_a_passphrase_from_a_pipe_an_argument_or_the_environment_signs_nothing"
HELD: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "status flipped in the database": (
        (ROOM, "test_nothing_is_cleared_without_a_signature_whatever_a_database_says"),
    ),
    "edit after approval": (
        (ROOM, "test_an_edit_after_the_approval"),
        (HERE, "test_the_same_id_with_more_in_it_changes_nothing_that_waits"),
    ),
    "signature moved to another proposal": (
        (ROOM, "test_a_signature_moved_to_another_proposal"),
        (HERE, "test_one_signature_is_good_for_one_proposal_once"),
    ),
    "replay": (
        (ROOM, "test_the_same_signature_again_after_the_proposal_was_put_back"),
        (HERE, "test_one_signature_is_good_for_one_proposal_once"),
    ),
    "expired": ((ROOM, "test_an_expired_statement"),),
    "swapped public key": ((ROOM, "test_a_swapped_public_key"),),
    "own key": ((ROOM, "test_a_key_of_ones_own"), (HERE, "test_a_signature_in_an_argument_or_a_line_is_only_text")),
    "a pty without the passphrase": (("cli/test_signing.py", "test_a_person_enrols_approves_halts_and_releases"),),
    "passphrase by stdin, environment, argv": (("cli/test_signing.py", TYPED),),
    "an elicitation client that always accepts": (
        (HERE, "test_a_client_that_accepts_everything_gets_nothing_by_it"),
    ),
    "approve while halted": (
        (ROOM, "test_an_approval_while_halted"),
        (HERE, "test_what_an_assistant_did_after_the_owner_read_it_makes_the_signature_worthless"),
    ),
    "two executions at once": ((HERE, "test_two_at_once_are_one_order"),),
    "price one tick past the drift bound": ((ROOM, "test_a_price_one_tick_past_the_drift_bound"),),
    "policy changed in between": (
        (ROOM, "test_a_policy_that_changed_in_between"),
        (HERE, "test_what_an_assistant_did_after_the_owner_read_it_makes_the_signature_worthless"),
    ),
    "clock set back": ((ROOM, "test_a_clock_set_back_to_revive_what_has_expired"),),
    "used-nonce entry removed": ((ROOM, "test_the_entry_that_used_the_nonce_was_removed"),),
}
LARGE: Final = {"pair": BTC, "side": "buy", "notional": "280", "intent_id": "large"}


@pytest.mark.parametrize("line", HELD)
def test_every_forgery_on_the_list_has_its_test(line: str) -> None:
    for place, name in HELD[line]:
        tree = ast.parse((TESTS / place).read_text("utf-8"))
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, (place, name)


def cleared(world: Watched) -> list[e.OrderCleared]:
    return [event for event in world.events() if isinstance(event, e.OrderCleared)]


def signed(world: Watched, proposal: Proposal) -> Signature:
    """The owner's answer to what is shown now."""
    body = proposal.body
    assert isinstance(body, ProposedOrder)
    shown = {"reference_price": body.reference, "move_max": Decimal("0.01"), "position": body.position}
    return world.statement("order", proposal.id, proposal.body_hash, **shown, position_change_max=Decimal(0))


async def waiting(world: Watched, client: Raw, **given: Any) -> Proposal:
    told = await client.call("execute_trade", **{**LARGE, **given})
    assert told["status"] == "awaiting_approval", told
    return world.desk.book.proposals[told["proposal_id"]]


@pytest.mark.parametrize("era", ERAS)
def test_a_client_that_accepts_everything_gets_nothing_by_it(era: str, tmp_path: Path) -> None:
    asked: list[str] = []

    async def accept(context: object, params: types.ElicitRequestParams) -> types.ElicitResult:
        del context
        asked.append(params.message)
        return types.ElicitResult(action="accept", content={"approve": True, "confirm": True, "signature": "signed"})

    async def story(world: Watched, _: Ready) -> None:
        await world.ready()
        door = door_of(world)
        async with wired(door) as (reader, writer):

            @asynccontextmanager
            async def transport() -> AsyncGenerator[tuple[Line, Line]]:
                line = Line(reader, writer)
                yield line, line

            async with Client(transport(), mode=era, elicitation_callback=accept) as client:
                risky: tuple[tuple[str, dict[str, Any]], ...] = (
                    ("execute_trade", LARGE),
                    ("execute_trade", {**LARGE, "pair": ETH, "notional": "900", "intent_id": "denied"}),
                    ("set_guardrails", {"changes": {"market.crypto.ask_above": "900"}}),
                    ("manage_pairs", {"action": "add", "pairs": ["PEPE-USDT"]}),
                    ("kill_switch", {"reason": "a test"}),
                    ("execute_trade", {**LARGE, "pair": ETH, "notional": "100", "intent_id": "halted"}),
                )
                before = world.desk.book.policy
                for tool, given in risky:
                    await client.call_tool(tool, given)
                    # Answers to questions that nobody asked, under every id that could come next.
                    for number in range(20):
                        answer = f'{{"jsonrpc":"2.0","id":{number},"result":{{"action":"accept","content":{{}}}}}}\n'
                        writer.write(answer.encode())
        await door.close()
        assert world.desk.book.policy == before
        assert not cleared(world)
        assert not world.venue.asked
        assert not any(isinstance(event, e.ProposalApproved | e.Released) for event in world.events())
        assert world.desk.book.account_state.name == "HALTED"
        Auditor(world).require_whole()

    lived(tmp_path, story)


def test_the_same_id_with_more_in_it_changes_nothing_that_waits(tmp_path: Path) -> None:
    async def story(world: Watched, _: Ready) -> None:
        await world.ready()
        door = door_of(world)
        async with raw(door) as client:
            await client.hello()
            proposal = await waiting(world, client)
            more = await client.call("execute_trade", **{**LARGE, "notional": "499"})
            assert more["findings"][0]["code"] == "INTENT_CONFLICT"
            assert world.desk.book.proposals == {proposal.id: proposal}
            await world.sign(proposal)
            await world.until(lambda: world.held() > 0)
        await door.close()
        (order,) = cleared(world)
        assert isinstance(proposal.body, ProposedOrder)
        assert order.order.quantity == proposal.body.quantity

    lived(tmp_path, story)


def test_one_signature_is_good_for_one_proposal_once(tmp_path: Path) -> None:
    async def story(world: Watched, _: Ready) -> None:
        await world.ready()
        door = door_of(world)
        async with raw(door) as client:
            await client.hello()
            first = await waiting(world, client)
            second = await waiting(world, client, pair=ETH, intent_id="other")
            signature = signed(world, first)
            await world.desk.handle(c.Approve(proposal_id=second.id), signature=signature)
            assert not cleared(world)
            for approve in [c.Approve(proposal_id=first.id)] * 3:
                await world.desk.handle(approve, signature=signature)
            again = await client.call("execute_trade", **LARGE)
            assert again["status"] in ("filled", "working")
        await door.close()
        assert [event.order.intent_id for event in cleared(world)] == ["large"]
        assert second.id in world.desk.book.proposals

    lived(tmp_path, story)


def test_a_signature_in_an_argument_or_a_line_is_only_text(tmp_path: Path) -> None:
    async def story(world: Watched, _: Ready) -> None:
        await world.ready()
        door = door_of(world)
        async with raw(door) as client:
            await client.hello()
            proposal = await waiting(world, client)
            signature = signed(world, proposal)
            said_so = {"statement": signature.statement.decode(), "signature": signature.signature.decode()}
            for extra in (said_so, {"signature": "signed"}, {"approved": True}, {"door": "cli"}):
                assert "error" in await client.call("execute_trade", **LARGE, **extra)
            for tool in ("approve", "approve_proposal", "resume", "attend", "trade"):
                assert "protocol" in await client.call(tool, proposal_id=proposal.id, **said_so)
            client.write({"request": "approve", "proposal_id": proposal.id, **said_so})
            assert "protocol" in said(await client.answer(None))
            for method in ("approve", "desk/approve", "sampling/createMessage", "elicitation/create"):
                assert "protocol" in said(await client.ask(method, proposal_id=proposal.id, **said_so))
        await door.close()
        assert not cleared(world)
        assert world.desk.book.proposals == {proposal.id: proposal}

    lived(tmp_path, story)


@pytest.mark.parametrize("how", ["the same call", "two approvals", "an approval and a call"])
def test_two_at_once_are_one_order(how: str, tmp_path: Path) -> None:
    async def story(world: Watched, _: Ready) -> None:
        await world.ready()
        door = door_of(world)
        async with raw(door) as one, raw(door) as two:
            await one.hello()
            await two.hello()
            if how == "the same call":
                small = {**LARGE, "notional": "100"}
                asked = [(each, each.send_call("execute_trade", small)) for each in (one, two, one, two)]
            else:
                proposal = await waiting(world, one)
                signatures = [signed(world, proposal) for _ in range(1 + (how == "two approvals"))]
                approve = c.Approve(proposal_id=proposal.id)
                asked = [(each, each.send_call("execute_trade", LARGE)) for each in (one, two)]
                await asyncio.gather(*(world.desk.handle(approve, signature=each) for each in signatures))
            told = [said(await each.answer(question)) for each, question in asked]
            assert len({body["intent_id"] for body in told}) == 1
            await world.until(lambda: world.held() > 0)
        await door.close()
        assert len(cleared(world)) == 1
        assert world.venue.asked.total() == 1

    lived(tmp_path, story)


@pytest.mark.parametrize(
    ("tool", "given"),
    [
        ("kill_switch", {"reason": "a test"}),
        ("set_guardrails", {"changes": {"market.crypto.order_notional_max": "499"}}),
        ("manage_pairs", {"action": "remove", "pairs": [BTC]}),
        ("withdraw_proposal", {"proposal_id": "order/large"}),
    ],
)
def test_what_an_assistant_did_after_the_owner_read_it_makes_the_signature_worthless(
    tool: str, given: dict[str, Any], tmp_path: Path
) -> None:
    async def story(world: Watched, _: Ready) -> None:
        await world.ready()
        door = door_of(world)
        async with raw(door) as client:
            await client.hello()
            proposal = await waiting(world, client)
            signature = signed(world, proposal)
            assert "error" not in await client.call(tool, **given)
            happened = await world.desk.handle(c.Approve(proposal_id=proposal.id), signature=signature)
            assert [type(event) for event in happened] == [e.Refused]
        await door.close()
        assert not cleared(world)
        assert not world.venue.asked

    lived(tmp_path, story)

"""The whole list of forgeries: which test holds each, and through the assistants' door those that pass through it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from mcp import Client, types

from tests.architecture.test_requirements import claims_in
from tests.architecture.tree import sources
from tests.desk.world import BTC, ETH
from tests.doors.mcp_server.conftest import Line, door_of, wired
from tests.security.auditor import Auditor
from tests.security.wire import HANDSHAKE, Raw, Ready, Watched, assisted, lived, raw, said
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.proposals import Proposal, ProposedOrder
from trading_mcp.desk.ports import Signature

# The list as it was drawn up; whatever is added to it needs a row below.
LIST: Final = """
status flipped in the database; edit after approval; signature moved to another proposal; replay; expired; swapped
public key; own key; a pty without the passphrase; passphrase by stdin, environment, argv; request without or with a
stolen cookie; wrong Origin; another port; an elicitation client that always accepts; approve while halted; two
executions at once (exactly one order); price one tick past the drift bound; policy changed in between; clock set
back; used-nonce entry removed
"""
LINES: Final = tuple(" ".join(line.split()) for line in LIST.split(";"))
ROOM: Final = "tests/adapters/approvals/test_forgeries.py::test_"
HERE: Final = "tests/security/test_forgeries.py::test_"
EDITED: Final = "tests/security/test_edited_databases.py::test_"
SIGNING: Final = "tests/cli/test_signing.py::test_"
HTTP: Final = "tests/doors/mcp_server/test_http.py::test_"
GUARD: Final = "tests/doors/test_http_guard.py::test_"
REFUSED: Final = f"{HTTP}what_is_not_for_this_door_is_refused_in_a_sentence"
AFTER_READING: Final = f"{HERE}what_an_assistant_did_after_the_owner_read_it_makes_the_signature_worthless"
HELD: Final[dict[str, tuple[str, ...]]] = {
    "status flipped in the database": (
        f"{ROOM}nothing_is_cleared_without_a_signature_whatever_a_database_says",
        f"{EDITED}whatever_views_say_is_believed_by_nobody_who_decides",
        f"{EDITED}a_journal_edited_while_its_desk_stood_still_freezes_its_desk[an approval]",
        f"{EDITED}an_order_that_was_forged_stays_where_it_is_when_the_owner_lets_the_desk_go_on",
        f"{EDITED}a_journal_that_is_no_chain_any_more_opens_no_desk",
        f"{EDITED}a_journal_edited_under_a_running_desk_changes_nothing_that_is_decided_and_is_found",
    ),
    "edit after approval": (
        f"{ROOM}an_edit_after_the_approval",
        f"{HERE}the_same_id_with_more_in_it_changes_nothing_that_waits",
    ),
    "signature moved to another proposal": (
        f"{ROOM}a_signature_moved_to_another_proposal",
        f"{HERE}one_signature_is_good_for_one_proposal_once",
    ),
    "replay": (
        f"{ROOM}the_same_signature_again_after_the_proposal_was_put_back",
        f"{HERE}one_signature_is_good_for_one_proposal_once",
    ),
    "expired": (f"{ROOM}an_expired_statement",),
    "swapped public key": (f"{ROOM}a_swapped_public_key",),
    "own key": (f"{ROOM}a_key_of_ones_own", f"{HERE}a_signature_in_an_argument_or_a_line_is_only_text"),
    "a pty without the passphrase": (f"{SIGNING}a_person_enrols_approves_halts_and_releases",),
    "passphrase by stdin, environment, argv": (
        f"{SIGNING}a_passphrase_from_a_pipe_an_argument_or_the_environment_signs_nothing",
    ),
    # There is no page yet that a cookie could open: what stands for one is a token, or the session it began.
    "request without or with a stolen cookie": (
        f"{REFUSED}[no token]",
        f"{GUARD}a_token_stands_in_one_header_and_is_asked_for_once[cookie]",
        f"{HTTP}a_session_belongs_to_the_token_that_began_it",
        f"{HTTP}a_token_that_was_taken_back_opens_nothing_and_ends_what_it_had_opened",
    ),
    "wrong Origin": (
        f"{REFUSED}[a page from a file]",
        f"{REFUSED}[a page that calls us otherwise]",
        f"{REFUSED}[the same in TLS]",
        f"{GUARD}host_and_origin_are_exact_and_said_once[origin]",
    ),
    "another port": (
        f"{REFUSED}[another port]",
        f"{REFUSED}[a page of another port]",
        f"{REFUSED}[no port]",
        f"{GUARD}host_and_origin_are_exact_and_said_once",
    ),
    "an elicitation client that always accepts": (f"{HERE}a_client_that_accepts_everything_gets_nothing_by_it",),
    "approve while halted": (f"{ROOM}an_approval_while_halted", AFTER_READING),
    "two executions at once (exactly one order)": (f"{HERE}two_at_once_are_one_order",),
    "price one tick past the drift bound": (f"{ROOM}a_price_one_tick_past_the_drift_bound",),
    "policy changed in between": (f"{ROOM}a_policy_that_changed_in_between", AFTER_READING),
    "clock set back": (f"{ROOM}a_clock_set_back_to_revive_what_has_expired",),
    "used-nonce entry removed": (
        f"{ROOM}the_entry_that_used_the_nonce_was_removed",
        f"{EDITED}a_journal_edited_while_its_desk_stood_still_freezes_its_desk[the used nonce]",
    ),
}
LARGE: Final = {"pair": BTC, "side": "buy", "notional": "280", "intent_id": "large"}


def untested(lines: Sequence[str], held: Mapping[str, Sequence[str]]) -> list[str]:
    """What is on the list and has no test, and what the table says that is not so."""
    modules = {source.place: source for source in sources()}
    tests = claims_in(modules.values())
    found = [f"nothing holds {line}" for line in lines if not held.get(line)]
    found += [f"{line} is not on the list" for line in held if line not in lines]
    for proof in [proof for proofs in held.values() for proof in proofs]:
        name, _, case = proof.removesuffix("]").partition("[")
        if name not in tests:
            found.append(f"there is no {name}")
        elif case and f'"{case}"' not in modules[name.partition("::")[0]].text:
            found.append(f"there is no case {case} in {name}")
    return found


def test_every_forgery_on_the_list_has_its_test() -> None:
    assert untested(LINES, HELD) == []
    assert len(LINES) == 19


@pytest.mark.parametrize(
    ("held", "fault"),
    [
        ({}, "nothing holds replay"),
        ({"replay": ()}, "nothing holds replay"),
        ({"replay": (f"{ROOM}no_such_thing",)}, "there is no tests/"),
        ({"replay": (f"{REFUSED}[no such row]",)}, "there is no case no such row"),
        ({"replay": HELD["replay"], "luck": HELD["replay"]}, "luck is not on the list"),
    ],
)
def test_a_forgery_without_a_test_is_noticed(held: dict[str, tuple[str, ...]], fault: str) -> None:
    assert [found for found in untested(("replay",), held) if found.startswith(fault)]


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

            mode = "legacy" if era == HANDSHAKE else era
            async with Client(transport(), mode=mode, elicitation_callback=accept) as client:
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


def test_the_same_id_with_more_in_it_changes_nothing_that_waits(era: str, tmp_path: Path) -> None:
    async def told(world: Watched, client: Raw) -> None:
        proposal = await waiting(world, client)
        more = await client.call("execute_trade", **{**LARGE, "notional": "499"})
        assert more["findings"][0]["code"] == "INTENT_CONFLICT"
        assert world.desk.book.proposals == {proposal.id: proposal}
        await world.sign(proposal)
        await world.until(lambda: world.held() > 0)
        (order,) = cleared(world)
        assert isinstance(proposal.body, ProposedOrder)
        assert order.order.quantity == proposal.body.quantity

    assisted(tmp_path, era, told)


def test_one_signature_is_good_for_one_proposal_once(era: str, tmp_path: Path) -> None:
    async def told(world: Watched, client: Raw) -> None:
        first = await waiting(world, client)
        second = await waiting(world, client, pair=ETH, intent_id="other")
        signature = signed(world, first)
        await world.desk.handle(c.Approve(proposal_id=second.id), signature=signature)
        assert not cleared(world)
        for approve in [c.Approve(proposal_id=first.id)] * 3:
            await world.desk.handle(approve, signature=signature)
        again = await client.call("execute_trade", **LARGE)
        assert again["status"] in ("filled", "working")
        assert [event.order.intent_id for event in cleared(world)] == ["large"]
        assert second.id in world.desk.book.proposals

    assisted(tmp_path, era, told)


def test_a_signature_in_an_argument_or_a_line_is_only_text(era: str, tmp_path: Path) -> None:
    async def told(world: Watched, client: Raw) -> None:
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
        assert not cleared(world)
        assert world.desk.book.proposals == {proposal.id: proposal}

    assisted(tmp_path, era, told)


@pytest.mark.parametrize("how", ["the same call", "two approvals", "an approval and a call"])
def test_two_at_once_are_one_order(how: str, era: str, tmp_path: Path) -> None:
    async def story(world: Watched, _: Ready) -> None:
        await world.ready()
        door = door_of(world)
        async with raw(door, era) as one, raw(door, HANDSHAKE) as two:
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
    tool: str, given: dict[str, Any], era: str, tmp_path: Path
) -> None:
    async def told(world: Watched, client: Raw) -> None:
        proposal = await waiting(world, client)
        signature = signed(world, proposal)
        assert "error" not in await client.call(tool, **given)
        happened = await world.desk.handle(c.Approve(proposal_id=proposal.id), signature=signature)
        assert [type(event) for event in happened] == [e.Refused]
        assert not cleared(world)
        assert not world.venue.asked

    assisted(tmp_path, era, told)

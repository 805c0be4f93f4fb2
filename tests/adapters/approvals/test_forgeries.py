"""Every forged answer clears nothing, and a person's real one clears one order once."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.adapters.approvals.room import MINE, NOW, THEIRS, Room
from tests.core.guardrails.world import D, buy, position
from trading_mcp.adapters.approvals.signing import Act, draw_act, sign, statement_bytes
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.evolve import replay
from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.latches import ACCOUNT, Latch, TradingState
from trading_mcp.core.domain.market import MINUTE, SECOND
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import Door, Quantity
from trading_mcp.core.domain.policy import Delta
from trading_mcp.core.domain.proposals import ProposedOrder
from trading_mcp.core.domain.verdict import Code
from trading_mcp.core.guardrails.asking import body_hash

ORDER = "order/intent-1"
LIFE = 5 * MINUTE


@pytest.fixture
def room(tmp_path: Path) -> Room:
    made = Room(tmp_path)
    made.propose()
    return made


def test_a_persons_approval_clears_exactly_one_order(room: Room) -> None:
    statement, signature = room.signed()
    (cleared,) = room.answer(statement, signature)
    assert (cleared.order.intent_id, cleared.order.quantity, cleared.order.signed) == ("intent-1", D("0.006"), True)
    names = [type(event).__name__ for event in room.events]
    assert names[-3:] == ["ProposalApproved", "IntentJudged", "OrderCleared"]
    assert room.answer(statement, signature) == []
    assert room.refusal() == "no such proposal is open"
    assert sum(isinstance(event, e.OrderCleared) for event in room.events) == 1


def test_nothing_is_cleared_without_a_signature_whatever_a_database_says(room: Room) -> None:
    # Views are made from the book and never read by it: the only way in is a verified statement.
    assert room.do(c.Approve(proposal_id=ORDER)) != ()
    assert room.refusal() == "there is no signature by the enrolled key"
    assert ORDER in room.book.proposals


@pytest.mark.parametrize("rehashed", [False, True])
def test_an_edit_after_the_approval(room: Room, rehashed: bool) -> None:
    statement, signature = room.signed()
    proposal = room.book.proposals[ORDER]
    body = proposal.body
    assert isinstance(body, ProposedOrder)
    larger = replace(
        body, quantity=body.quantity + body.quantity, intent=replace(body.intent, amount=Quantity(body.quantity * 2))
    )
    edited = replace(proposal, body=larger, body_hash=body_hash(larger) if rehashed else proposal.body_hash)
    room.book = replace(room.book, proposals={ORDER: edited})
    assert room.answer(statement, signature) == []
    assert room.refusal() == "what is proposed is not what was signed"


def test_a_signature_moved_to_another_proposal(room: Room) -> None:
    statement, signature = room.signed()
    room.pass_time(61 * SECOND)
    room.propose(buy("0.007", id="intent-2"))
    assert room.answer(statement, signature, "order/intent-2") == []
    assert room.refusal() == "it signs something else"


def test_the_same_signature_again_after_the_proposal_was_put_back(room: Room) -> None:
    waiting = dict(room.book.proposals)
    statement, signature = room.signed()
    assert len(room.answer(statement, signature)) == 1
    room.book = replace(room.book, proposals=waiting)
    assert room.answer(statement, signature) == []
    assert room.refusal() == "it was used before"


@pytest.mark.parametrize("late", [LIFE, LIFE + 1, 60 * MINUTE])
def test_an_expired_statement(room: Room, late: int) -> None:
    statement, signature = room.signed()
    room.pass_time(late)
    assert room.answer(statement, signature) == []
    assert room.refusal() == "it has expired, or is not valid yet"


def test_a_statement_counts_until_it_expires(room: Room) -> None:
    statement, signature = room.signed()
    room.pass_time(LIFE - 1)
    assert len(room.answer(statement, signature)) == 1


def test_a_life_longer_than_statements_have(room: Room) -> None:
    long = replace(room.draw(), expires=NOW + LIFE + 1)
    signature = sign(long, room.keystore.unlock(MINE))
    assert room.answer(statement_bytes(long), signature) == []
    assert room.refusal() == "it claims a longer life than a statement has"


def test_a_swapped_public_key(room: Room, tmp_path: Path) -> None:
    statement = room.draw()
    signature = sign(statement, room.thief.unlock(THEIRS))
    shutil.copy(tmp_path / "thief" / "approver.json", tmp_path / "approver" / "approver.json")
    assert room.keystore.approver() == room.thief.approver()
    assert room.answer(statement_bytes(statement), signature) == []
    assert room.refusal() == "there is no signature by the enrolled key"


def test_a_key_of_ones_own(room: Room) -> None:
    statement = room.draw()
    signature = sign(statement, room.thief.unlock(THEIRS))
    assert room.answer(statement_bytes(statement), signature) == []
    assert room.refusal() == "there is no signature by the enrolled key"


@pytest.mark.parametrize("how", ["kill", "latch", "frozen"])
def test_an_approval_while_halted(room: Room, how: str) -> None:
    statement, signature = room.signed()
    if how == "kill":
        room.do(c.Halt(door=Door.MCP, reason="a test"))
    else:
        state = TradingState.FROZEN if how == "frozen" else TradingState.HALTED
        latch = Latch(scope=ACCOUNT, state=state, code=Code.KILL_SWITCH, reason="a test", at=NOW)
        room.take(e.Latched(at=NOW, latch=latch))
    assert room.answer(statement, signature) == []
    assert room.refusal() in {"no such proposal is open", "the desk is HALTED", "the desk is FROZEN"}


@pytest.mark.parametrize(("ask", "orders"), [("50250", 1), ("49750", 1), ("50250.01", 0), ("49749.99", 0)])
def test_a_price_one_tick_past_the_drift_bound(room: Room, ask: str, orders: int) -> None:
    statement, signature = room.signed()
    room.price(ask)
    assert len(room.answer(statement, signature)) == orders
    if not orders:
        assert room.refusal() == f"the price moved from 50000 to {ask}, more than 0.5 %"


def test_a_position_that_moved_by_one_step(room: Room) -> None:
    statement, signature = room.signed()
    held = position("0.00001")
    room.book = replace(room.book, portfolio=replace(room.book.portfolio, positions={held.key: held}))
    assert room.answer(statement, signature) == []
    assert room.refusal() == "the position changed from 0 to 0.00001"


def test_a_policy_that_changed_in_between(room: Room) -> None:
    statement, signature = room.signed()
    delta = Delta(key="market.crypto.order_notional_max", before="500", after="499")
    room.do(c.ChangePolicy(id="tighter", deltas=(delta,), door=Door.MCP))
    assert room.answer(statement, signature) == []
    assert room.refusal() == "the limits changed since it was shown"


@pytest.mark.parametrize("back", [1, MINUTE])
def test_a_clock_set_back_before_the_statement_was_drawn(room: Room, back: int) -> None:
    statement, signature = room.signed()
    room.pass_time(-back)
    assert room.answer(statement, signature) == []
    assert room.refusal() == "it has expired, or is not valid yet"


def test_a_clock_set_back_to_revive_what_has_expired(room: Room) -> None:
    statement, signature = room.signed()
    room.pass_time(LIFE)
    assert room.answer(statement, signature) == []
    room.pass_time(-MINUTE)
    room.facts = replace(room.facts, wall_elapsed=-MINUTE, boot_elapsed=SECOND)
    assert room.answer(statement, signature) == []
    assert room.refusal() == "denied now: CLOCK_UNSOUND"


def test_a_used_nonce_that_was_removed(room: Room) -> None:
    statement, signature = room.signed()
    (cleared,) = room.answer(statement, signature)
    room.book = replace(room.book, nonces={})
    assert room.answer(statement, signature) == []
    assert room.refusal() == "no such proposal is open"
    assert room.book.working.keys() == {cleared.order.id}


def test_the_entry_that_used_the_nonce_was_removed(room: Room) -> None:
    # The chain of the journal shows it; should nobody look, the intent still has its one order.
    waiting = dict(room.book.proposals)
    statement, signature = room.signed()
    (cleared,) = room.answer(statement, signature)
    room.book = replace(room.book, nonces={}, proposals=waiting)
    room.pass_time(LIFE - 1)
    assert room.answer(statement, signature) == []
    assert room.refusal() == f"its order was cleared before: {cleared.order.id}"


@pytest.mark.parametrize(
    "changes", [{"name": "other"}, {"account": "other"}, {"fake_venues": True}, {"mode": Mode.PAPER}]
)
def test_a_statement_of_another_home(room: Room, changes: dict[str, Any]) -> None:
    statement, signature = room.signed()
    found = room.verifier().verified(statement, signature)
    room.book = replace(room.book, home=replace(room.book.home, **changes))
    happened = room.do(c.Approve(proposal_id=ORDER), found)
    assert not [event for event in happened if isinstance(event, e.OrderCleared)]
    assert room.refusal() == "it was signed for another home"


def test_a_signed_order_that_the_gate_denies_now(room: Room) -> None:
    statement, signature = room.signed()
    room.facts = replace(room.facts, feeds={})
    assert room.answer(statement, signature) == []
    assert room.refusal().startswith("denied now: ")


def test_what_a_person_does_without_a_proposal_is_signed_the_same_way(room: Room) -> None:
    for act, command, subject in (
        (Act.ATTEND, c.Attend(), "attend"),
        (Act.HALT_EVERYTHING, c.Halt(door=Door.CLI, reason="a test", everything=True), "everything"),
    ):
        statement = draw_act(act, room.book, room.facts, f"nonce of {subject}")
        assert (statement.proposal_id, statement.body_hash, statement.venue) == (subject, "", "")
        signature = sign(statement, room.keystore.unlock(MINE))
        found = room.verifier().verified(statement_bytes(statement), signature)
        happened = room.do(command, found)
        assert [event.nonce for event in happened if isinstance(event, e.Attended)] == [f"nonce of {subject}"]


def test_the_room_tells_the_same_when_it_is_replayed(room: Room) -> None:
    statement, signature = room.signed()
    room.answer(statement, signature)
    created = e.DeskCreated(at=NOW, home=room.book.home, policy=room.book.policy)
    with exactly():
        again = replay([created, *room.events])
    assert again.nonces == room.book.nonces
    assert again.working == room.book.working

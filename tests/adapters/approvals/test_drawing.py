"""A statement is drawn in the world of now, binds all of it, and lives for minutes."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.adapters.approvals.making import D, waiting
from tests.adapters.approvals.room import NOW, Room
from tests.core.guardrails.world import AAPL, BTC, algorithm, buy, mandate_for, position, sell
from trading_mcp.adapters.approvals.signing import STATEMENT_VERSION, Act, NotDrawn, draw_act, draw_statement
from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.latches import ACCOUNT, Scope, ScopeKind, TradingState
from trading_mcp.core.domain.market import DAY, MINUTE
from trading_mcp.core.domain.money import ZERO
from trading_mcp.core.domain.policy import Delta
from trading_mcp.core.domain.proposals import (
    Proposal,
    ProposalBody,
    ProposedClose,
    ProposedMandate,
    ProposedOrderRelease,
    ProposedPolicy,
    ProposedRelease,
    Statement,
)
from trading_mcp.core.guardrails.asking import body_hash

VENUE = Scope(kind=ScopeKind.VENUE, name="paper")


def refused(room: Room, proposal: Proposal) -> str:
    drawn = draw_statement(proposal, room.book, room.facts, "nonce")
    assert isinstance(drawn, NotDrawn)
    return drawn.reason


def test_an_order_is_bound_to_home_limits_time_price_and_position(room: Room) -> None:
    proposal = room.propose()
    assert draw_statement(proposal, room.book, room.facts, "a nonce") == Statement(
        version=1,
        proposal_id="order/intent-1",
        kind="order",
        account="main",
        venue="paper",
        mode=Mode.SIMULATED,
        fake_venues=False,
        body_hash=body_hash(proposal.body),
        policy_hash=room.book.policy.hash,
        created=NOW,
        expires=NOW + 5 * MINUTE,
        nonce="a nonce",
        home=room.book.home.name,
        reference_price=D(50_000),
        move_max=D("0.005"),
        position=ZERO,
        position_change_max=ZERO,
    )
    assert STATEMENT_VERSION == 1


def test_the_price_is_that_of_the_moment_it_is_drawn(room: Room) -> None:
    proposal = room.propose()
    room.price("50100")
    room.pass_time(MINUTE)
    room.price("50100")
    drawn = room.draw(proposal)
    assert (drawn.reference_price, drawn.created) == (D(50_100), NOW + MINUTE)


def test_stocks_may_drift_less_than_crypto(room: Room) -> None:
    drawn = room.draw(room.propose(buy("20", AAPL)))
    assert (drawn.reference_price, drawn.move_max) == (D(200), D("0.003"))


def test_what_is_held_already_is_bound_as_well(room: Room) -> None:
    held = position("0.001")
    room.book = replace(room.book, portfolio=replace(room.book.portfolio, positions={held.key: held}))
    assert room.draw(room.propose()).position == D("0.001")


def test_a_fake_home_is_named(tmp_path: Path) -> None:
    there = Room(tmp_path, fake_venues=True)
    assert there.draw(there.propose()).fake_venues


def test_no_statement_outlives_its_proposal(room: Room) -> None:
    proposal = room.propose()
    room.pass_time(DAY - MINUTE)
    assert room.draw(proposal).expires == proposal.expires_at == NOW + DAY
    room.pass_time(MINUTE - 1)
    assert room.draw(proposal).expires == NOW + DAY
    room.pass_time(1)
    assert refused(room, proposal) == "The proposal has expired."


def test_without_a_price_there_is_nothing_to_sign(room: Room) -> None:
    proposal = room.propose()
    room.facts = replace(room.facts, quotes={})
    assert refused(room, proposal) == "No price of BTC-USDT is known now, so its drift could not be bounded."


def test_only_what_the_book_holds_word_for_word_can_be_signed(room: Room) -> None:
    proposal = room.propose()
    other = "What is shown is not what was proposed."
    assert refused(room, replace(proposal, id="order/other")) == other
    assert refused(room, replace(proposal, reason="another")) == other
    swapped = replace(proposal, body_hash="0" * 64)
    room.book = replace(room.book, proposals={proposal.id: swapped})
    assert refused(room, swapped) == other
    room.book = replace(room.book, proposals={})
    assert refused(room, proposal) == other


MANDATE = mandate_for(algorithm(venues=("coinbase", "paper")))


@pytest.mark.parametrize(
    ("body", "kind", "venue"),
    [
        (ProposedPolicy(deltas=(Delta(key="account.orders_open_max", before="20", after="30"),)), "policy", ""),
        (ProposedMandate(mandate=MANDATE), "mandate", "coinbase,paper"),
        (ProposedRelease(scope=VENUE, target=TradingState.ACTIVE), "release", "paper"),
        (ProposedRelease(scope=ACCOUNT, target=TradingState.ACTIVE), "release", ""),
        (
            ProposedRelease(scope=Scope(kind=ScopeKind.ALGORITHM, name="sma"), target=TradingState.ACTIVE),
            "release",
            "",
        ),
        (ProposedClose(position=f"external/coinbase/{BTC}", quantity=D(1)), "close", "coinbase"),
        (ProposedOrderRelease(order_id="o-1", venue="coinbase"), "order_release", "coinbase"),
    ],
)
def test_every_kind_of_proposal_is_named_with_its_venue(
    room: Room, body: ProposalBody, kind: str, venue: str
) -> None:
    proposal = waiting(room, body)
    drawn = room.draw(proposal)
    assert (drawn.kind, drawn.venue, drawn.body_hash) == (kind, venue, proposal.body_hash)
    assert (drawn.proposal_id, drawn.expires) == (proposal.id, NOW + 5 * MINUTE)
    assert (drawn.reference_price, drawn.move_max, drawn.position, drawn.position_change_max) == (None,) * 4


def test_a_sell_is_bound_to_the_price_it_would_meet(room: Room) -> None:
    proposal = room.propose()
    body = replace(proposal.body, intent=sell("0.006"))
    assert room.draw(waiting(room, body)).reference_price == D(49_990)


def test_an_act_without_a_proposal_is_bound_to_home_limits_and_time(room: Room) -> None:
    drawn = draw_act(Act.HALT_EVERYTHING, room.book, room.facts, "a nonce")
    assert drawn == Statement(
        version=1,
        proposal_id="everything",
        kind="halt",
        account="main",
        venue="",
        mode=Mode.SIMULATED,
        fake_venues=False,
        body_hash="",
        policy_hash=room.book.policy.hash,
        created=NOW,
        expires=NOW + 5 * MINUTE,
        nonce="a nonce",
        home=room.book.home.name,
    )
    assert draw_act(Act.ATTEND, room.book, room.facts, "n").kind == "attend"

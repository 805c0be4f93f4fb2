"""An entry with real money whose fate nobody can tell goes by a person's signature, and by nothing else."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from tests.core.decide.desk import ETH, D, Desk, names, only
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.latches import TradingState
from trading_mcp.core.domain.orders import Door, OrderState
from trading_mcp.core.domain.proposals import ProposalEnd, ProposedOrderRelease


def doubtful(mode: Mode = Mode.LIVE) -> tuple[Desk, str]:
    """An entry that was sent and never answered."""
    desk = Desk()
    order = desk.enter("0.001", stop="49000")
    desk.unknown(order)
    with_money_of(desk, mode)
    return desk, order


def with_money_of(desk: Desk, mode: Mode) -> None:
    """Have been a home of another mode from the first entry on."""
    created = desk.events[0]
    assert isinstance(created, e.DeskCreated)
    desk.events[0] = replace(created, home=replace(created.home, mode=mode))
    desk.book = desk.replayed()


def let_go(desk: Desk, order: str) -> tuple[e.AnyEvent, ...]:
    return desk.do(c.ReleaseOrder(order_id=order))


def test_a_signature_frees_what_the_order_reserved_and_a_late_fill_is_folded_and_guarded() -> None:
    desk, order = doubtful()
    happened = let_go(desk, order)
    # The venue is asked to cancel it before anybody signs that it is not there.
    assert names(happened) == ["ProposalOpened", "OrderCancelRequested"]
    assert only(happened, e.OrderCancelRequested)[0].reason == "it is to be released"
    assert (desk.proposal().door, desk.proposal().client, desk.proposal().reason) == (Door.CLI, "", "")
    assert desk.state(order) is OrderState.UNKNOWN
    signed = desk.sign()
    assert names(signed)[:2] == ["ProposalApproved", "OrderLapsed"]
    assert only(signed, e.OrderLapsed)[0].reason == "released by the owner's signature"
    assert (desk.state(order), desk.book.working, desk.book.proposals) == (OrderState.LAPSED, {}, {})
    desk.fill(order)
    assert desk.state(order) is OrderState.FILLED
    assert desk.held() == D("0.001")
    assert desk.guard().stop == D(49000)
    assert desk.replayed() == desk.book


@pytest.mark.parametrize("forged", [None, "kind", "body"])
def test_without_a_good_signature_the_order_goes_on_reserving(forged: str | None) -> None:
    desk, order = doubtful()
    let_go(desk, order)
    proposal = desk.proposal()
    changes: dict[str, str] = (
        {} if forged is None else {"kind": "release"} if forged == "kind" else {"body_hash": "0"}
    )
    statement = None if forged is None else desk.statement(proposal, **changes)
    assert names(desk.hand_in(statement, proposal.id)) == ["Refused"]
    assert desk.state(order) is OrderState.UNKNOWN
    assert desk.proposal() == proposal


def test_a_release_is_proposed_once_and_may_be_declined() -> None:
    desk, order = doubtful()
    let_go(desk, order)
    (again,) = let_go(desk, order)
    assert isinstance(again, e.Refused)
    assert again.reason == "its release waits for the owner already"
    desk.do(c.Decline(proposal_id=desk.proposal().id))
    assert desk.state(order) is OrderState.UNKNOWN
    # It was asked to be cancelled before: the second proposal does not ask again.
    assert names(let_go(desk, order)) == ["ProposalOpened"]


def test_each_of_two_orders_has_a_release_of_its_own() -> None:
    desk = Desk()
    orders = [desk.enter("0.001", stop="49000"), desk.enter("0.1", stop="1900", pair=ETH, id="other")]
    for order in orders:
        desk.unknown(order)
    with_money_of(desk, Mode.LIVE)
    for order in orders:
        assert names(let_go(desk, order)) == ["ProposalOpened", "OrderCancelRequested"]
    bodies = [proposal.body for proposal in desk.book.proposals.values()]
    assert [body.order_id for body in bodies if isinstance(body, ProposedOrderRelease)] == orders


def at_the_venue(desk: Desk, order: str) -> None:
    desk.ack(order)


def filled(desk: Desk, order: str) -> None:
    desk.ack(order)
    desk.fill(order)


@pytest.mark.parametrize("become_known", [at_the_venue, filled, Desk.cancelled])
def test_an_order_whose_fate_came_to_light_is_not_released(become_known: Callable[[Desk, str], object]) -> None:
    desk, order = doubtful()
    let_go(desk, order)
    become_known(desk, order)
    before = desk.state(order)
    (ended,) = only(desk.sign(), e.ProposalEnded)
    assert ended.end is ProposalEnd.VOIDED
    assert f"it is {before}" in ended.reason
    assert desk.state(order) is before
    (refused,) = let_go(desk, order)
    assert isinstance(refused, e.Refused)
    assert "its fate is known" in refused.reason


def test_no_exit_no_stranger_and_no_order_of_money_that_is_not_real_is_a_persons_to_release() -> None:
    desk = Desk()
    desk.hold("0.004")
    with_money_of(desk, Mode.LIVE)
    stop = desk.stop()
    desk.unknown(stop)
    paper, order = doubtful(Mode.PAPER)
    for asked, name, said in (
        (desk, stop, "it is an exit: the desk itself lets it go once its absence is certain"),
        (desk, "nothing", "no such order is known to this book"),
        (paper, order, "the home is PAPER: there the desk itself lets it go"),
    ):
        (refused,) = let_go(asked, name)
        assert isinstance(refused, e.Refused)
        assert refused.reason.startswith(said)
        assert not asked.book.proposals


def test_it_can_be_signed_while_the_desk_is_halted_and_a_kill_voids_what_waited() -> None:
    desk, order = doubtful()
    let_go(desk, order)
    desk.do(c.Halt(door=Door.CLI, reason="enough"))
    assert desk.book.proposals == {}
    let_go(desk, order)
    assert isinstance(desk.proposal().body, ProposedOrderRelease)
    assert desk.book.account_state is TradingState.HALTED
    desk.sign()
    assert desk.state(order) is OrderState.LAPSED

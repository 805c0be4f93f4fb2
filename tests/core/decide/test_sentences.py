"""What a refusal, an end or a latch says, in its own words: people act upon them, so each stands here once."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from tests.core.decide.desk import MINE, D, Desk, at, buy, sell
from tests.core.decide.test_algorithms import its, signed_mandates
from tests.core.decide.test_consenting import asked
from tests.core.decide.test_loosening import delayed
from tests.core.decide.test_time import fall, rich
from tests.core.guardrails.world import BTC, ETH, VENUE
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.latches import ACCOUNT, TradingState
from trading_mcp.core.domain.market import DAY, HOUR, MINUTE, SECOND
from trading_mcp.core.domain.orders import Door
from trading_mcp.core.domain.portfolio import Adjustment, Position
from trading_mcp.core.domain.verdict import Finding

UNSIGNED = "there is no signature by the enrolled key"
ASK_ABOVE = ("market.crypto.ask_above", "250", "300")


def finding(found: Finding) -> str:
    return f"{found.code}: {found.reason} | {found.limit} | {found.actual} | {found.would_pass}"


def told(events: Sequence[e.AnyEvent]) -> list[str]:
    """Return what events say, each with what it is about."""
    said: list[str] = []
    for event in events:
        match event:
            case e.Refused(what=what, subject=subject, reason=reason):
                said.append(f"{what} {subject}: {reason}")
            case e.ProposalEnded(end=end, proposal_id=subject, reason=reason):
                said.append(f"{end} {subject}: {reason}")
            case e.ClearanceVoided(finding=found):
                said.append(finding(found))
            case e.IntentJudged(verdict=verdict):
                said += map(finding, verdict.findings)
            case e.Latched(latch=latch):
                said.append(f"{latch.code} at {latch.at}: {latch.reason}")
            case (
                e.CloseEnded(reason=reason)
                | e.ProtectionEnded(reason=reason)
                | e.MandateVoided(reason=reason)
                | e.OrderCancelRequested(reason=reason)
                | e.OrderUnknown(reason=reason)
            ):
                said.append(f"{type(event).__name__}: {reason}")
            case _:
                pass
    return said


def foreign(quantity: str = "1") -> c.AdoptForeign:
    held = Position(book="external", venue=VENUE, pair=BTC, quantity=D(quantity), average=D(50_000))
    return c.AdoptForeign(position=held)


def released(desk: Desk, target: TradingState = TradingState.ACTIVE) -> list[str]:
    return told(desk.do(c.Release(scope=ACCOUNT, target=target)))


def test_of_a_change() -> None:
    desk = Desk()
    stale = desk.change("market.crypto.ask_above", "999", "300")
    assert told(stale) == ["change change-1: market.crypto.ask_above is 250, not 999"]
    assert told(desk.change("nonsense", "1", "2")) == [
        "change change-1: nonsense is no key of a policy: leave it out."
    ]
    assert told(desk.change(*ASK_ABOVE)) == []
    assert told(desk.change(*ASK_ABOVE)) == ["change change-1: a change of that name waits already"]
    for number in range(2, 11):
        assert told(desk.change(*ASK_ABOVE, name=f"change-{number}")) == []
    eleventh = desk.change(*ASK_ABOVE, name="change-11")
    assert told(eleventh) == ["change change-11: 10 changes wait for the owner; at most 10 may"]


def test_of_an_algorithm() -> None:
    desk = Desk(policy=signed_mandates())
    made = desk.employ()
    refused = desk.do(c.SetAlgorithm(algorithm=replace(made, name=""), door=Door.CLI))
    assert told(refused) == ["algorithm : its name, capital or pairs are not well formed"]
    desk.sign()
    desk.ack(desk.execute(its(**at("49000"))))
    assert told(desk.do(c.SetAlgorithm(algorithm=replace(made, version="v2"), door=Door.MCP))) == [
        "MandateVoided: it was edited or switched off",
        "OrderCancelRequested: APPROVAL_REQUIRED: sma has no mandate",
    ]
    waiting = desk.proposal().id
    again = desk.do(c.SetAlgorithm(algorithm=replace(made, version="v3"), door=Door.MCP))
    assert told(again) == [f"voided {waiting}: sma was edited"]
    desk.do(c.SetAlgorithm(algorithm=replace(made, enabled=False), door=Door.MCP))
    waiting = desk.proposal().id
    assert told(desk.sign()) == [f"voided {waiting}: the algorithm is not what it was"]


def test_of_a_mandate_that_is_spent() -> None:
    desk = Desk()
    desk.employ(capital=D(400))
    desk.hold("0.007", None, id="its", door=Door.RUNNER, book="sma")
    assert told(fall(desk, "39000")) == ["MandateVoided: its loss has passed 80"]
    desk = Desk(policy=signed_mandates())
    desk.employ()
    desk.sign()
    assert told(desk.wait(7 * DAY)) == ["MandateVoided: it has expired"]


def test_of_a_close() -> None:
    desk = Desk()
    desk.hold()
    assert told(desk.close()) == [f"OrderCancelRequested: its place is taken by close-1/{MINE}"]
    (leaving,) = told(desk.do(c.Execute(intent=sell(id="another"))))
    assert leaving.split(" | ") == [
        f"REDUCE_WOULD_FLIP: manual is leaving {BTC} already",
        "one close at a time",
        f"close-1/{MINE} is under way",
        "the same order once that has ended",
    ]
    desk.cancelled(desk.guard().order_id)
    assert told(desk.fill(desk.ack(desk.exit()))) == ["ProtectionEnded: the position is closed", "CloseEnded: closed"]
    desk.wait(2 * MINUTE)
    asked(desk)
    assert told(desk.close()) == [
        "close all: the desk holds nothing there",
        "withdrawn order/large: everything is closed",
    ]
    assert told(desk.close(pair=ETH)) == [f"close {ETH}: the desk holds nothing there"]
    assert told(desk.close("a/b")) == [
        "close : its id must be 1 to 64 printable ASCII characters without spaces and slashes"
    ]


def test_of_a_sell_that_ends_unfilled() -> None:
    desk = Desk()
    desk.hold()
    desk.do(c.Execute(intent=sell(id="out")))
    desk.cancelled(desk.guard().order_id)
    assert told(desk.lapsed(desk.ack(desk.exit()))) == ["CloseEnded: the exit ended lapsed"]


def test_of_a_close_of_what_the_desk_did_not_make() -> None:
    desk = Desk(mode=Mode.DRY)
    desk.do(foreign())
    assert told(desk.close(book="external")) == []
    proposal = desk.proposal()
    assert (proposal.id, proposal.opened_at) == (f"close/close-1/{VENUE}/{BTC}", desk.now)
    again = desk.close("close-2", book="external")
    assert told(again) == [f"close close/close-2/{VENUE}/{BTC}: that close waits for the owner already"]
    desk.do(foreign("2"))
    assert told(desk.sign(proposal)) == [f"voided {proposal.id}: the position is not what it was"]


FORGED: dict[str, dict[str, Any]] = {
    "it is of another version": {"version": 2},
    "it signs something else": {"kind": "policy"},
    "it was signed for another home": {"mode": Mode.LIVE},
    "the limits changed since it was shown": {"policy_hash": "other"},
    "what is proposed is not what was signed": {"body_hash": "0" * 64},
    "it has expired, or is not valid yet": {"created": 1, "expires": 2},
    "it claims a longer life than a statement has": {"created": 1},
    "it was used before": {"nonce": ""},
}


@pytest.mark.parametrize(("says", "forged"), FORGED.items(), ids=FORGED.keys())
def test_of_a_statement_that_answers_nothing(says: str, forged: dict[str, Any]) -> None:
    desk = Desk()
    asked(desk)
    assert told(desk.sign(**forged)) == [f"approve order/large: {says}"]


def test_of_a_signature_that_is_not_there() -> None:
    desk = Desk()
    assert told(desk.hand_in(None, "never")) == ["approve never: no such proposal is open"]
    assert told(desk.do(c.Attend())) == [f"attend attend: {UNSIGNED}"]
    asked(desk)
    assert told(desk.hand_in(None, desk.proposal().id)) == [f"approve order/large: {UNSIGNED}"]
    desk.hold()
    assert told(desk.do(c.Halt(door=Door.CLI, reason="", everything=True))) == [
        f"KILL_SWITCH at {desk.now}: engaged through cli",
        f"halt everything: protection stays: {UNSIGNED}",
        "voided order/large: the kill switch",
    ]


GONE: dict[str, Callable[[Desk], object]] = {
    "voided order/large: the price moved from 50000 to 51000, more than 0.5 %": lambda desk: desk.price("50990"),
    "voided order/large: the position changed from 0 to 0.001": lambda desk: desk.hold("0.001", None),
    "voided order/large: the price or the position is not known well enough to compare": lambda desk: desk.bids.pop(
        BTC
    ),
    "voided order/large: the desk is HALTED": lambda desk: desk.latch(TradingState.HALTED),
    "expired order/large: it waited too long": lambda desk: desk.wait(DAY, look=False),
}


@pytest.mark.parametrize(("says", "change"), GONE.items(), ids=GONE.keys())
def test_of_a_world_that_is_no_longer_the_one_that_was_signed_for(
    says: str, change: Callable[[Desk], object]
) -> None:
    desk = Desk()
    asked(desk)
    proposal = desk.proposal()
    statement = desk.statement(proposal)
    change(desk)
    statement = replace(statement, created=desk.now, expires=desk.now + 1)
    assert told(desk.hand_in(statement, proposal.id)) == [says]


def test_of_a_proposal_nobody_signs() -> None:
    desk = Desk()
    asked(desk)
    assert told(desk.do(c.Withdraw(proposal_id="order/large", door=Door.HTTP))) == [
        "withdrawn order/large: it was proposed through another door"
    ]
    assert told(desk.do(c.Decline(proposal_id="order/large", reason="no"))) == ["declined order/large: no"]
    assert told(desk.do(c.Withdraw(proposal_id="never", door=Door.MCP))) == [
        "withdrawn never: no such proposal is open"
    ]
    desk.wait(MINUTE)
    asked(desk, "later")
    desk.wait(DAY, look=False)
    assert told(desk.tick()) == ["expired order/later: nobody answered in time"]


def test_of_a_release() -> None:
    desk = Desk(policy=delayed())
    assert released(desk) == ["release account: nothing in account is stricter than ACTIVE"]
    desk.latch(TradingState.HALTED)
    desk.do(c.Halt(door=Door.MCP, reason="enough"))
    assert released(desk) == []
    proposal = desk.proposal()
    assert proposal.reason == "a test; enough"
    assert released(desk) == ["release account: that release waits for the owner already"]
    desk.halt_file = True
    says = "the file HALT stands in the home"
    assert released(desk, TradingState.REDUCING) == [f"release account: {says}: remove it first"]
    assert told(desk.sign()) == [f"approve {proposal.id}: {says}: remove it first"]
    desk.halt_file = False
    desk.sign()
    desk.halt_file = True
    assert told(desk.wait(10 * MINUTE)) == [f"voided {proposal.id}: {says}"]
    desk.halt_file = False
    released(desk)
    second = desk.proposal().id
    desk.sign()
    assert told(desk.wait(10 * MINUTE)) == [f"approved {second}: it is in force"]


def test_of_a_release_that_something_latched_after() -> None:
    desk = Desk()
    desk.latch(TradingState.REDUCING)
    released(desk)
    desk.now += SECOND
    desk.latch(TradingState.FROZEN)
    assert told(desk.sign())[-1].endswith(": latched since it was proposed: OVERFILL")


def test_of_a_signed_change_that_a_halt_overtakes() -> None:
    desk = Desk(policy=delayed())
    desk.change(*ASK_ABOVE)
    desk.sign()
    desk.latch(TradingState.HALTED)
    assert told(desk.wait(10 * MINUTE)) == ["voided change/change-1: the desk is HALTED"]


def test_of_a_claim_that_only_the_desk_may_make() -> None:
    own = "only the desk itself closes and protects positions: a position is ended with the close command"
    ours = "what the desk did not make is ended with the close command"
    desk = Desk()
    assert told(desk.do(c.Execute(intent=buy(door=Door.DESK))))[-1].startswith(f"FIELD_INVALID: {own}")
    assert told(desk.do(c.Execute(intent=sell(book="external"))))[-1].startswith(f"FIELD_INVALID: {ours}")


def test_of_a_last_look() -> None:
    desk = Desk()
    entry = desk.execute(buy(), sends=False)
    desk.now += 3 * SECOND
    assert told(desk.do(c.LookAgain(order_id=entry))) == [
        "CLEARANCE_VOID: the clearance waited too long for the wire | 2 s | 3 s | the same intent, judged again"
    ]
    desk = Desk()
    entry = desk.execute(buy(), sends=False)
    desk.halt_file = True
    (halted,) = told(desk.do(c.LookAgain(order_id=entry)))
    assert halted.split(" | ") == [
        "STATE_HALTED: the file HALT stands in the home",
        "no HALT file",
        "present",
        "cancels, protection, and a person's close",
    ]


def test_of_a_cancel() -> None:
    desk = Desk()
    assert told(desk.do(c.Cancel(door=Door.MCP, order_id="never"))) == ["cancel never: no such order is working"]
    order = desk.ack(desk.enter(stop=None, **at("49000")))
    assert told(desk.do(c.Cancel(door=Door.MCP, order_id=order))) == ["OrderCancelRequested: cancelled through mcp"]


def test_of_what_a_venue_reports() -> None:
    desk = Desk()
    assert told(desk.unknown("never")) == ["report never: no such order is known to this book"]
    order = desk.ack(desk.enter(stop=None))
    desk.fill(order)
    assert told(desk.rejected(order)) == [
        f"TRANSITION_IMPOSSIBLE at {desk.now}: the venue reports REJECTED for order {order}, which is FILLED"
    ]
    assert told(desk.fill(order, "0.001")) == [f"OVERFILL at {desk.now}: order {order} is filled beyond its quantity"]


def test_of_a_stop_that_is_filled() -> None:
    desk = Desk()
    desk.hold()
    assert told(desk.fill(desk.stop())) == ["ProtectionEnded: the position is closed"]


def test_of_a_market_order_that_rests() -> None:
    desk = Desk()
    entry = desk.ack(desk.enter(stop=None))
    working = desk.book.working[entry]
    desk.book = replace(
        desk.book, working={entry: replace(working, order=replace(working.order, lapses_at=desk.now))}
    )
    assert told(desk.tick()) == ["OrderCancelRequested: what is left of a market order is cancelled"]


def test_of_cash_and_splits() -> None:
    desk = Desk()
    unknown = desk.do(c.ReportCash(venue=VENUE, asset="XYZ", amount=D(1), transfer_id="t"))
    assert told(unknown) == ["cash t: the price of XYZ is not known"]
    desk.hold(stop=None)
    desk.wait(2 * MINUTE)
    desk.ack(desk.enter("0.001", None, id="more", **at("49000")))

    def adjusted(kind: Adjustment, amount: str, asset: str) -> list[str]:
        return told(
            desk.do(
                c.ReportAdjustment(kind=kind, venue=VENUE, asset=asset, amount=D(amount), activity_id=f"a{amount}")
            )
        )

    assert adjusted(Adjustment.FEE, "NaN", "USDT") == ["adjustment aNaN: fee of NaN is no amount"]
    assert adjusted(Adjustment.SPLIT, "1E-14", "BTC") == ["adjustment a1E-14: a split by 1E-14 leaves no amounts"]
    assert adjusted(Adjustment.SPLIT, "2", "BTC") == ["OrderCancelRequested: BTC was split"]


def test_of_holdings() -> None:
    desk = Desk()
    assert told(desk.do(foreign("NaN"))) == [f"adopt external/{VENUE}/{BTC}: its figures are no amounts"]
    assert told(desk.do(c.Reconcile(venue=VENUE, holdings={BTC: D(1)}))) == [
        f"RECONCILIATION_DIFFERENCE at {desk.now}: {BTC}: the book holds 0, the venue 1"
    ]


def test_of_a_clock() -> None:
    desk = Desk()
    desk.now -= HOUR
    desk.ticked_at = desk.now
    assert told(desk.tick()) == [f"CLOCK_UNSOUND at {desk.now}: the clock stepped back by 1 h"]
    desk = Desk()
    happened = [desk.wait() for desk.drift in (3 * SECOND,) * 3]
    assert told(happened[-1]) == [f"CLOCK_UNSOUND at {desk.now}: the clock stepped 3 times within an hour"]


def test_of_a_loss() -> None:
    desk = rich()
    fall(desk, "40000")
    says = f"LOSS_DAY_MAX at {desk.now + MINUTE}: account is worth 140000, beyond what it may lose"
    assert told(fall(desk, "40000")) == [says]


def test_of_a_start() -> None:
    desk = Desk()
    sent = desk.enter(stop=None)
    desk.execute(buy("0.1", ETH, id="ether"), sends=False)
    assert desk.book.working[sent]
    assert told(desk.do(c.Start(version="test"))) == [
        "OrderUnknown: the desk stopped while it was sent",
        "CLEARANCE_VOID: the desk stopped before it was sent |  |  | ",
    ]

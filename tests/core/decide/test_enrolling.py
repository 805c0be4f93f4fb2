"""Who signs for a home: a successor at once, a stranger after a day of notices and under the shipped limits."""

from typing import Final

from msgspec.structs import replace

from tests.core.decide.desk import Desk, at, buy, only, sell
from tests.core.decide.test_releasing import with_money_of
from tests.core.guardrails.shipped import LIVE, SIMULATED
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.home import Mode, Token
from trading_mcp.core.domain.latches import TradingState
from trading_mcp.core.domain.market import DAY, HOUR, MINUTE
from trading_mcp.core.domain.money import exactly, plain
from trading_mcp.core.domain.policy import Delta, Policy
from trading_mcp.core.domain.verdict import Outcome
from trading_mcp.core.guardrails.direction import apply

WHY: Final = "the approver was replaced without the old key's signature"


def enroll(name: str, *, is_successor: bool = False, shipped: Policy = SIMULATED) -> c.Enroll:
    return c.Enroll(fingerprint=name, public_key=f"key of {name}", is_successor=is_successor, shipped=shipped)


def names(events: tuple[e.AnyEvent, ...]) -> list[str]:
    return [type(event).__name__ for event in events]


def test_a_first_approver_and_a_successor_sign_at_once_and_the_same_one_is_no_news() -> None:
    desk = Desk()
    desk.do(enroll("old"))
    assert desk.book.approver == "old"
    assert desk.do(enroll("old")) == ()
    desk.do(enroll("new", is_successor=True))
    assert (desk.book.approver, desk.book.stranger) == ("new", None)


def test_a_stranger_is_told_of_once_and_signs_after_a_day() -> None:
    desk = Desk()
    desk.do(enroll("old"))
    (replaced,) = desk.do(enroll("odd"))
    assert isinstance(replaced, e.ApproverReplaced)
    assert desk.do(enroll("odd")) == ()
    assert desk.book.approver == "old", "until then the key that is known signs"
    desk.now += DAY - MINUTE
    desk.wait(MINUTE - 1)
    assert desk.book.approver == "old"
    desk.wait(1)
    assert (desk.book.approver, desk.book.stranger) == ("odd", None)


def test_a_clock_that_is_set_ahead_lets_no_stranger_sign_before_desks_have_run_for_a_day() -> None:
    desk = Desk()
    desk.wait(HOUR)
    desk.do(enroll("old"))
    desk.do(enroll("odd"))
    desk.now, desk.ahead = desk.now + 3 * DAY, 3 * DAY
    desk.wait(DAY - 1)
    assert desk.book.approver == "old"
    desk.wait(1)
    assert desk.book.approver == "odd"


def test_another_stranger_waits_a_day_of_its_own_and_the_old_key_back_ends_it() -> None:
    desk = Desk()
    desk.do(enroll("old"))
    desk.do(enroll("odd"))
    desk.now += 23 * HOUR
    desk.wait(MINUTE)
    desk.do(enroll("odder"))
    desk.now += 2 * HOUR
    desk.wait(MINUTE)
    assert desk.book.approver == "old"
    assert names(desk.do(enroll("old"))) == ["ApproverEnrolled"]
    assert desk.book.stranger is None
    desk.now += 2 * DAY
    desk.wait(MINUTE)
    assert desk.book.approver == "old"


def test_with_the_stranger_come_the_shipped_limits_where_those_are_tighter() -> None:
    with exactly():
        looser = apply(SIMULATED, (Delta(key="account.orders_open_max", before="20", after="50"),
                                   Delta(key="market.crypto.ask_above", before="250", after="100")))  # fmt: skip
    assert isinstance(looser, Policy)
    desk = Desk(policy=looser)
    desk.do(enroll("old"))
    desk.do(enroll("odd"))
    desk.now += DAY
    desk.wait(MINUTE)
    (changed,) = only(tuple(desk.events), e.PolicyChanged)
    assert [(delta.key, delta.before, delta.after) for delta in changed.deltas] == [
        ("account.orders_open_max", "50", "20")
    ]
    assert desk.book.policy.crypto.ask_above == 100, "what the owner has tightened stays"


def test_who_may_come_in_by_http_is_on_record_once_and_again_when_that_changed() -> None:
    desk = Desk()
    assert desk.do(c.SeeTokens(tokens=())) == ()
    laptop = Token(name="laptop", role="reader", made_at=1, fingerprint="0a")
    scripts = Token(name="scripts", role="trader", made_at=2, fingerprint="0b")
    other = replace(laptop, fingerprint="0c")

    def seen(*tokens: Token) -> list[tuple[tuple[Token, ...], tuple[Token, ...]]]:
        return [(event.made, event.revoked) for event in only(desk.do(c.SeeTokens(tokens=tokens)), e.TokensChanged)]

    assert seen(scripts, laptop) == [((laptop, scripts), ())]
    assert seen(laptop, scripts) == []
    assert seen(scripts, other) == [((other,), (laptop,))], "another token under the name of one is seen"
    assert seen(other) == [((), (scripts,))]
    assert seen() == [((), (other,))]
    assert desk.book.tokens == {}
    assert desk.replayed() == desk.book


def resting(desk: Desk) -> str:
    return desk.ack(desk.enter("0.004", stop=None, **at("49000")))


def taken_back(events: tuple[e.AnyEvent, ...]) -> list[tuple[str, str]]:
    return [(event.order_id, event.reason) for event in only(events, e.OrderCancelRequested)]


def test_what_rests_with_real_money_goes_when_the_key_is_replaced_and_elsewhere_it_stays() -> None:
    for mode in (Mode.LIVE, Mode.PAPER):
        desk = Desk()
        desk.do(enroll("old"))
        order = resting(desk)
        with_money_of(desk, mode)
        gone = taken_back(desk.do(enroll("odd")))
        assert gone == ([(order, f"STATE_REDUCING: {WHY}")] if mode is Mode.LIVE else [])


def test_what_rests_and_no_longer_fits_goes_when_the_stranger_signs() -> None:
    before = plain(SIMULATED.crypto.order_notional_max)
    with exactly():
        narrow = apply(SIMULATED, (Delta(key="market.crypto.order_notional_max", before=before, after="100"),))
    assert isinstance(narrow, Policy)
    desk = Desk()
    desk.do(enroll("old"))
    order = resting(desk)
    assert taken_back(desk.do(enroll("odd", shipped=narrow))) == []
    desk.now += DAY
    ((gone, why),) = taken_back(desk.wait(MINUTE))
    assert gone == order
    assert why.startswith("ORDER_NOTIONAL_MAX: ")


def test_with_real_money_nothing_is_added_meanwhile_and_elsewhere_all_goes_on() -> None:
    desk = Desk(mode=Mode.LIVE, policy=LIVE)
    desk.do(enroll("old", shipped=LIVE))
    assert WHY not in reasons(desk, "before")
    desk.do(enroll("odd", shipped=LIVE))
    assert WHY in reasons(desk, "meanwhile")
    quiet = Desk()
    quiet.do(enroll("old"))
    quiet.do(enroll("odd"))
    quiet.hold("0.004")
    assert quiet.judged(sell(id="out")).outcome is Outcome.ALLOW


def reasons(desk: Desk, name: str) -> list[str]:
    return [finding.reason for finding in desk.judged(buy(id=name)).findings]


def live(desk: Desk, **changes: str) -> tuple[e.AnyEvent, ...]:
    signed = desk.stated("live", "paper/main")
    desk.signed = replace(signed, **changes)
    happened = desk.do(c.EnableLive(venue="paper", account="main"))
    desk.signed = None
    return happened


def why(events: tuple[e.AnyEvent, ...]) -> str:
    (refused,) = events
    assert isinstance(refused, e.Refused)
    assert (refused.what, refused.subject.partition("/")[1]) == ("live", "/")
    return refused.reason


def test_an_account_is_traded_with_real_money_only_after_a_signature_that_names_it() -> None:
    desk = Desk(mode=Mode.LIVE, policy=LIVE)
    assert "no signature" in why(desk.do(c.EnableLive(venue="paper", account="main")))
    assert "something else" in why(live(desk, proposal_id="paper/other"))
    for venue, account in (("paper", "other"), ("kraken", "main")):
        assert why(desk.do(c.EnableLive(venue=venue, account=account))) == "it is no account of this home"
    (enabled,) = live(desk)
    assert isinstance(enabled, e.LiveEnabled)
    assert desk.book.live_accounts == {"paper/main"}
    assert why(live(desk)) == "it was signed before"


def test_no_home_but_a_live_one_and_no_halted_desk_goes_live() -> None:
    assert "never touches real money" in why(live(Desk()))
    desk = Desk(mode=Mode.LIVE, policy=LIVE)
    desk.latch(TradingState.HALTED)
    assert "HALTED" in why(live(desk))

"""What the folds of the account do: latches, measures, cash, splits, guards, proposals, policy."""

import pytest
from msgspec.structs import replace

from tests.core.domain.making import (
    NOON,
    THERE,
    TODAY,
    cleared,
    fresh,
    judged,
    part,
    told,
)
from tests.core.domain.stories import (
    ALGORITHM,
    CLOSING,
    GUARD,
    KEY,
    LATER,
    MANDATE,
    VENUE_SCOPE,
    D,
    latch,
    mark,
    proposal,
    proposed_order,
    rich,
    statement,
)
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.closing import Stage
from trading_mcp.core.domain.evolve import evolve
from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.latches import ACCOUNT, Scope, ScopeKind, TradingState
from trading_mcp.core.domain.market import DAY, MINUTE, SECOND, Market
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.portfolio import Adjustment, Position
from trading_mcp.core.domain.proposals import ProposalEnd
from trading_mcp.core.domain.protection import Kept
from trading_mcp.core.domain.recall import recall
from trading_mcp.core.domain.verdict import Code


def test_a_latch_grows_stricter_by_itself_and_milder_only_by_a_release() -> None:
    book = told(e.Latched(at=NOON, latch=latch(state=TradingState.REDUCING)))
    assert book.account_state is TradingState.REDUCING
    book = told(e.Latched(at=NOON, latch=latch(state=TradingState.FROZEN)), book=book)
    assert book.account_state is TradingState.FROZEN
    book = told(e.Latched(at=NOON, latch=latch(state=TradingState.HALTED)), book=book)
    assert book.account_state is TradingState.FROZEN
    assert book.triggers == {Code.KILL_SWITCH: 3}
    newer = replace(latch(state=TradingState.FROZEN), reason="newer")
    assert told(e.Latched(at=NOON, latch=newer), book=book).latches == {newer.key: newer}


def test_a_release_ends_what_is_stricter_in_its_scope_alone() -> None:
    halted, reducing = latch(), latch(state=TradingState.REDUCING, code=Code.LOSS_DAY_MAX)
    venue = latch(VENUE_SCOPE, TradingState.FROZEN)
    book = told(*(e.Latched(at=NOON, latch=each) for each in (halted, reducing, venue)))
    milder = told(e.Released(at=LATER, scope=ACCOUNT, target=TradingState.REDUCING, nonce="n"), book=book)
    assert milder.latches == {
        halted.key: replace(halted, state=TradingState.REDUCING),
        reducing.key: reducing,
        venue.key: venue,
    }
    assert milder.latches[reducing.key] is book.latches[reducing.key]
    active = told(e.Released(at=LATER, scope=ACCOUNT, target=TradingState.ACTIVE, nonce="n"), book=book)
    assert active.latches == {venue.key: venue}
    assert recall(active.nonces, "n") == "release"
    assert active.account_state is TradingState.ACTIVE
    assert active.state(Market.CRYPTO, "paper", None) == (TradingState.FROZEN, venue)


@pytest.mark.parametrize(
    ("scope", "meets"),
    [
        (Scope(kind=ScopeKind.MARKET, name="stocks"), True),
        (Scope(kind=ScopeKind.ALGORITHM, name="sma"), True),
        (Scope(kind=ScopeKind.VENUE, name="paper"), True),
        (Scope(kind=ScopeKind.MARKET, name="crypto"), False),
        (Scope(kind=ScopeKind.ALGORITHM, name="rsi"), False),
    ],
)
def test_an_order_meets_the_latches_of_its_market_venue_and_algorithm(scope: Scope, meets: bool) -> None:
    state, _ = told(e.Latched(at=NOON, latch=latch(scope))).state(Market.STOCKS, "paper", "sma")
    assert state is (TradingState.HALTED if meets else TradingState.ACTIVE)


def test_a_proposal_that_ends_leaves_the_others_open() -> None:
    ended = e.ProposalEnded(at=LATER, proposal_id="p1", end=ProposalEnd.DECLINED, reason="")
    opened = (e.ProposalOpened(at=NOON, proposal=proposal(name)) for name in ("p1", "p2"))
    assert set(told(*opened, ended).proposals) == {"p2"}


def test_a_proposal_may_end_after_the_intent_behind_it_was_forgotten() -> None:
    ended = e.ProposalEnded(at=LATER, proposal_id="p1", end=ProposalEnd.EXPIRED, reason="")
    before = told(e.ProposalOpened(at=NOON, proposal=proposal("p1", proposed_order())))
    with exactly():
        book = evolve(replace(before, intents={}), ended)
    assert (book.proposals, book.intents) == ({}, {})


def test_a_new_day_resets_the_measure_and_never_the_latch() -> None:
    book = told(mark(account="100"), e.Latched(at=NOON, latch=latch()), mark(NOON + MINUTE, "tomorrow", account="50"))
    assert book.measures["account"].day_loss == D(50)
    assert book.account_state is TradingState.HALTED


def test_marks_fold_into_measures_and_what_is_not_known_keeps_what_was() -> None:
    book = told(mark(account="100", algorithm__sma="10"), mark(NOON + MINUTE, account="90"))
    assert (book.measures["account"].value, book.measures["account"].day_open) == (D(90), D(100))
    assert book.measures["algorithm/sma"].value == D(10)
    assert book.marked_at == NOON + MINUTE


def test_marks_that_follow_too_fast_are_measured_from_the_first_of_them() -> None:
    book = told(mark(account="100"), mark(NOON + 5 * SECOND - 1, account="99"))
    assert (book.marked_at, book.measures["account"].value) == (NOON, D(99))
    assert told(mark(NOON + 5 * SECOND, account="98"), book=book).marked_at == NOON + 5 * SECOND
    assert told(mark(NOON - 1, account="98"), book=book).marked_at == NOON - 1


def test_the_stock_market_measures_its_session_and_not_the_calendar() -> None:
    book = told(mark(market__stocks="0", market__crypto="0"))
    assert (book.measures["market/stocks"].day, book.measures["market/crypto"].day) == ("session", TODAY)
    tomorrow = told(mark(NOON + DAY, "tomorrow", market__stocks="-5", market__crypto="-5"), book=book)
    assert tomorrow.measures["market/stocks"].day_loss == D(5)
    assert tomorrow.measures["market/crypto"].day == "tomorrow"


def test_not_knowing_the_session_never_begins_a_new_day() -> None:
    book = told(mark(market__stocks="0"), mark(NOON + MINUTE, market__stocks="-5"))
    blind = replace(mark(NOON + 2 * MINUTE, "tomorrow", market__stocks="-6"), market_days={})
    book = told(blind, book=book)
    assert (book.measures["market/stocks"].day, book.measures["market/stocks"].day_loss) == ("session", D(6))
    first = told(replace(mark(market__stocks="1"), market_days={}))
    assert first.measures["market/stocks"].day == TODAY


def test_a_session_is_measured_from_the_prior_close_after_a_long_weekend() -> None:
    stocks = mark(market__stocks="0", market__crypto="0")
    monday = replace(
        mark(NOON + 3 * DAY, "monday", market__stocks="-5", market__crypto="-5"),
        market_days={"market/stocks": "next"},
    )
    book = told(stocks, monday)
    assert book.measures["market/stocks"].day_loss == D(5)
    assert book.measures["market/crypto"].day_loss == D(0)


def test_a_pause_is_counted_in_its_own_scope() -> None:
    book = told(mark(account="100", algorithm__sma="1"), e.RatePaused(at=LATER, scope=ACCOUNT, until=NOON + 9))
    assert (book.measures["account"].paused_until, book.measures["account"].pauses) == (NOON + 9, 1)
    assert book.measures["algorithm/sma"].pauses == 0


def test_cash_that_moves_is_no_gain_and_is_folded_under_a_name_of_its_own() -> None:
    moved = e.CashMoved(at=LATER, venue="paper", asset="USDT", amount=D(-5), value=D(-4), transfer_id="t1")
    assert told(moved).measures == {}
    book = told(mark(account="100", algorithm__sma="1"), moved)
    assert book.portfolio.cash["paper/USDT"] == D(995)
    assert (book.measures["account"].value, book.measures["account"].day_loss) == (D(96), D(0))
    assert book.measures["algorithm/sma"].value == D(1)
    assert book.has_transfer("paper", "t1")
    assert not book.has_trade("paper", "t1")
    assert recall(book.trades, "paper/transfer/t1") == "transfer"
    assert not book.has_transfer("paper", "t2")


def test_an_adjustment_is_remembered_by_its_id_if_it_has_one() -> None:
    fee = e.Adjusted(at=LATER, kind=Adjustment.INTEREST, venue="paper", asset="USDT", amount=D(2))
    book = told(mark(account="100"), fee, replace(fee, activity_id="a1"))
    assert book.portfolio.cash["paper/USDT"] == D(1004)
    assert book.measures["account"].value == D(100)
    assert (book.has_activity("paper", "a1"), book.has_activity("paper", "a2"), book.has_activity("paper", "")) == (
        True,
        False,
        False,
    )


def test_a_split_restates_the_position_its_guard_and_what_a_close_has_left() -> None:
    other = replace(GUARD, position="manual/coinbase/BTC-USDT")
    bare = replace(GUARD, position="manual/paper/XBT-USD", stop=None, target=None)
    book = told(
        *THERE,
        part("2"),
        *(e.Protected(at=NOON, protection=each) for each in (GUARD, other, bare)),
        e.CloseMoved(at=NOON, closing=CLOSING),
        e.CloseMoved(at=NOON, closing=replace(CLOSING, position="manual/paper/ETH-USDT")),
        e.Adjusted(at=LATER, kind=Adjustment.SPLIT, venue="paper", asset="BTC", amount=D(4), activity_id="s1"),
    )
    with exactly():
        assert (book.portfolio.positions[KEY].quantity, book.portfolio.positions[KEY].cost) == (D(8), D(200))
    guard = book.protections[KEY]
    assert (guard.entry, guard.best, guard.stop, guard.target) == (D(25), D("27.5"), D("22.5"), D(30))
    assert book.protections[other.position] is other
    assert (book.protections[bare.position].stop, book.protections[bare.position].target) == (None, None)
    assert book.closings[KEY].left == D(8)
    assert book.closings["manual/paper/ETH-USDT"].left == D(2)
    assert book.has_activity("paper", "s1")
    assert book.portfolio.cash["paper/USDT"] == D(800)


def test_sleep_is_remembered_three_times_over_and_venues_are_asked_again() -> None:
    sleeps = tuple(e.Suspended(at=NOON + number, elapsed=1, drift=1) for number in range(5))
    book = told(e.Reconciled(at=NOON, venue="paper"), *sleeps)
    assert book.suspensions == (NOON + 2, NOON + 3, NOON + 4)
    assert (book.suspended_at, book.reconciled, book.rechecked) == (NOON + 4, frozenset({"paper"}), frozenset())
    assert told(e.Woke(at=NOON + 9), book=book).suspended_at is None
    assert told(e.Reconciled(at=NOON + 9, venue="paper"), book=book).rechecked == {"paper"}
    assert told(e.DeskStarted(at=NOON + 9, version="2"), book=book).reconciled == frozenset()


def test_capital_that_changes_is_no_gain() -> None:
    more = replace(ALGORITHM, capital=D(150))
    book = told(e.AlgorithmSet(at=NOON, algorithm=ALGORITHM), e.AlgorithmSet(at=NOON, algorithm=more))
    assert book.algorithms == {"sma": more}
    assert book.measures == {}
    book = told(mark(algorithm__sma="90"), e.AlgorithmSet(at=NOON, algorithm=more))
    assert book.measures["algorithm/sma"].value == D(90)
    book = told(e.AlgorithmSet(at=NOON, algorithm=ALGORITHM), mark(algorithm__sma="90"))
    book = told(e.AlgorithmSet(at=NOON, algorithm=more), book=book)
    assert book.measures["algorithm/sma"].value == D(140)


def test_a_mandate_belongs_to_an_algorithm_that_is_switched_on() -> None:
    book = told(e.AlgorithmSet(at=NOON, algorithm=ALGORITHM), e.MandateIssued(at=NOON, mandate=MANDATE))
    assert book.mandate_of("sma") is MANDATE
    assert book.mandate_of("rsi") is None
    assert book.mandate_of(None) is None
    off = replace(ALGORITHM, enabled=False, mandate=MANDATE)
    assert told(e.AlgorithmSet(at=NOON, algorithm=off), book=book).mandate_of("sma") is None
    assert told(e.MandateVoided(at=NOON, algorithm="sma", reason="r"), book=book).mandate_of("sma") is None


@pytest.mark.parametrize(
    ("stage", "kept", "then"),
    [
        (Stage.CANCELLING, Kept.VENUE, Kept.DESK),
        (Stage.EXITING, Kept.VENUE, Kept.DESK),
        (Stage.CANCELLING, Kept.DESK, Kept.DESK),
        # A close that waits for the open leaves the stop where it rests.
        (Stage.QUEUED, Kept.VENUE, Kept.VENUE),
    ],
)
def test_from_the_first_step_of_a_close_the_desk_keeps_the_stop(stage: Stage, kept: Kept, then: Kept) -> None:
    before = told(e.Protected(at=NOON, protection=replace(GUARD, kept=kept)))
    book = told(e.CloseMoved(at=LATER, closing=replace(CLOSING, stage=stage)), book=before)
    assert book.protections[KEY].kept is then
    assert (book.protections is before.protections) is (kept is then)
    assert book.closings == {KEY: replace(CLOSING, stage=stage)}
    assert told(e.CloseEnded(at=LATER, position=KEY, reason="r"), book=book).closings == {}
    assert told(e.ProtectionEnded(at=LATER, position=KEY, reason="r"), book=book).protections == {}


def test_a_close_without_a_guard_moves_alone() -> None:
    assert told(e.CloseMoved(at=LATER, closing=CLOSING)).protections == {}


def test_ending_one_leaves_the_others() -> None:
    other = replace(GUARD, position="x/y/z")
    book = told(
        e.Protected(at=NOON, protection=other),
        e.CloseMoved(at=NOON, closing=replace(CLOSING, position="q")),
        book=rich(),
    )
    book = told(
        e.ProtectionEnded(at=NOON, position=KEY, reason=""), e.CloseEnded(at=NOON, position=KEY, reason=""), book=book
    )
    assert set(book.protections) == {"x/y/z"}
    assert set(book.closings) == {"q"}


def test_a_proposed_order_is_remembered_with_its_intent() -> None:
    opened = e.ProposalOpened(at=LATER, proposal=proposal("p1", proposed_order()))
    record = told(judged(), cleared(), opened).intent("i1")
    assert record is not None
    assert (record.proposal_id, record.order_ids) == ("p1", ("o1",))
    assert told(opened).intents == {}
    again = told(judged(), opened, judged(at=LATER)).intent("i1")
    assert again is not None
    assert again.proposal_id == "p1"


@pytest.mark.parametrize(("delay", "waits"), [(0, False), (1, True)])
def test_a_signed_change_waits_out_its_delay(delay: int, waits: bool) -> None:
    approved = e.ProposalApproved(
        at=LATER, proposal_id="p1", statement=statement("p1", "n1"), effective_at=LATER + delay
    )
    before = told(
        e.ProposalOpened(at=NOON, proposal=proposal("p1")),
        e.ProposalOpened(at=NOON, proposal=proposal("p2")),
        cleared(),
    )
    book = told(approved, book=before)
    assert set(book.proposals) == {"p2"}
    assert set(book.changes) == ({"p1"} if waits else set())
    assert recall(book.nonces, "n1") == "p1"
    assert book.unattended == {}
    if waits:
        assert (book.changes["p1"].effective_at, book.changes["p1"].proposal.id) == (LATER + 1, "p1")
        withdrawn = e.ProposalEnded(at=LATER, proposal_id="p1", end=ProposalEnd.WITHDRAWN, reason="")
        assert told(withdrawn, book=book).changes == {}
        changed = e.PolicyChanged(at=LATER, policy=book.policy, deltas=(), proposal_id="p1")
        assert told(changed, book=book).changes == {}
        assert set(told(replace(changed, proposal_id=""), book=book).changes) == {"p1"}


def test_limits_change_whole() -> None:
    policy = fresh(Mode.LIVE).policy
    assert told(e.PolicyChanged(at=LATER, policy=policy, deltas=())).policy is policy


def test_a_key_and_an_account_are_enrolled() -> None:
    enrolled = e.ApproverEnrolled(at=NOON, fingerprint="f", public_key="k")
    book = told(enrolled, e.LiveEnabled(at=NOON, venue="v", account="a", nonce="n"))
    assert (book.approver, book.live_accounts, recall(book.nonces, "n")) == ("f", frozenset({"v/a"}), "live")


def test_what_a_venue_holds_beside_us_is_counted_as_external() -> None:
    strange = Position(book="manual", venue="paper", pair="BTC-USDT", quantity=D(3))
    book = told(*THERE, part("2"), e.ForeignHeld(at=LATER, position=strange))
    assert {key: each.quantity for key, each in book.portfolio.positions.items()} == {
        KEY: D(2),
        "external/paper/BTC-USDT": D(3),
    }

"""Small folds: tallies, protection, latches, mandates and what is remembered for a week."""

from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.domain.making import NOON
from trading_mcp.core.domain.closing import Closing, Stage
from trading_mcp.core.domain.latches import ACCOUNT, Latch, Scope, ScopeKind, TradingState, state_of
from trading_mcp.core.domain.market import DAY, HOUR, MINUTE, Market
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import Door, Intent, Protect, Purpose, Quantity, Side, Trailing
from trading_mcp.core.domain.protection import Kept, Protection, Trigger, improved, protection_for, triggered
from trading_mcp.core.domain.recall import RECALL_DAYS, recall, remember
from trading_mcp.core.domain.tallies import COOLDOWN_LONGEST, Content, Tally, after_clearing
from trading_mcp.core.domain.verdict import Code, Finding, Outcome, Verdict

D = Decimal
BUY = Content("BTC-USDT", Side.BUY, D(1), D(100))
SELL = Content("ETH-USDT", Side.SELL, D(1), None)


def tallied(*clearings: tuple[int, Content, str]) -> Tally:
    tally = Tally()
    with exactly():
        for at, content, day in clearings:
            tally = after_clearing(tally, content, D(50), at, day)
    return tally


def test_a_tally_counts_the_day_and_another_day_has_none() -> None:
    tally = tallied((NOON, BUY, "1"), (NOON + 1, BUY, "1"))
    assert (tally.orders_on("1"), tally.turnover_on("1")) == (2, D(100))
    assert (tally.orders_on("2"), tally.turnover_on("2")) == (0, D(0))
    tally = tallied((NOON, BUY, "1"), (NOON + 1, BUY, "1"), (NOON + 2, BUY, "2"))
    assert (tally.orders_on("2"), tally.turnover_on("2")) == (1, D(50))
    assert tally.orders_on("1") == 0
    assert Tally().orders_on("") == 0


def test_a_sliding_window_counts_what_came_after_its_edge() -> None:
    tally = tallied((NOON, BUY, "1"), (NOON + 10, BUY, "1"), (NOON + 10, SELL, "1"))
    assert [tally.cleared_since(NOON + edge) for edge in (-1, 0, 9, 10)] == [3, 2, 2, 0]
    assert tally.recent == ((NOON, BUY), (NOON + 10, BUY), (NOON + 10, SELL))


def test_a_tally_forgets_what_no_limit_can_count_any_more() -> None:
    early = tallied((NOON, BUY, "1"), (NOON + HOUR, SELL, "1"))
    assert early.cleared_at == (NOON + HOUR,)
    assert tallied((NOON, BUY, "1"), (NOON + HOUR - 1, SELL, "1")).cleared_at == (NOON, NOON + HOUR - 1)
    assert early.recent == ((NOON + HOUR, SELL),)
    assert len(tallied((NOON, BUY, "1"), (NOON + 10 * MINUTE - 1, SELL, "1")).recent) == 2
    assert len(tallied((NOON, BUY, "1"), (NOON + 10 * MINUTE, SELL, "1")).recent) == 1
    assert early.pair_at == {"BTC-USDT": NOON, "ETH-USDT": NOON + HOUR}
    late = tallied((NOON, BUY, "1"), (NOON + COOLDOWN_LONGEST, SELL, "2"))
    assert late.pair_at == {"ETH-USDT": NOON + COOLDOWN_LONGEST}
    assert tallied((NOON, BUY, "1"), (NOON + COOLDOWN_LONGEST - 1, SELL, "2")).pair_at["BTC-USDT"] == NOON


def test_a_clock_that_steps_back_forgives_no_count() -> None:
    tally = tallied((NOON, BUY, "1"), (NOON - HOUR, SELL, "1"))
    assert tally.cleared_at == (NOON, NOON)
    assert tally.pair_at == {"BTC-USDT": NOON, "ETH-USDT": NOON}


def guard(*, is_long: bool = True, **given_: str | Trailing) -> Protection:
    levels = {key: D(value) if isinstance(value, str) else value for key, value in given_.items()}
    fields = {"entry": D(100), "best": D(100), **levels}
    return Protection(position="p", is_long=is_long, **fields)  # type: ignore[arg-type]


TRAIL = Trailing(activate=D("0.02"), distance=D("0.01"))
FIRES = [
    (True, "90", "95", Trigger.STOP),
    (True, "90", "90", Trigger.STOP),
    (True, "90", "100", Trigger.STOP),
    (True, "96", "95", None),
    (True, "119.99", "95", None),
    (True, "120", "95", Trigger.TARGET),
    (True, "130", "95", Trigger.TARGET),
    (False, "110", "105", Trigger.STOP),
    (False, "105", "105", Trigger.STOP),
    (False, "104.99", "105", None),
    (False, "80.01", "105", None),
    (False, "80", "105", Trigger.TARGET),
    (False, "70", "105", Trigger.TARGET),
]


@pytest.mark.parametrize(("is_long", "price", "stop", "fires"), FIRES)
def test_the_worst_exit_fires_first(is_long: bool, price: str, stop: str, fires: Trigger | None) -> None:
    with exactly():
        assert triggered(guard(is_long=is_long, stop=stop, target="120" if is_long else "80"), D(price)) is fires


def test_what_is_not_guarded_never_fires() -> None:
    with exactly():
        for is_long, price in product((True, False), ("0.01", "100", "1000000")):
            assert triggered(guard(is_long=is_long), D(price)) is None
    assert guard().is_empty
    for given_ in ({"stop": "1"}, {"target": "1"}, {"trailing": TRAIL}):
        assert not guard(**given_).is_empty  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("is_long", "best", "level"),
    [(True, "101.99", None), (True, "102", "100.98"), (True, "200", "198"),
     (False, "98.01", None), (False, "98", "98.98"), (False, "50", "50.5")],
)  # fmt: skip
def test_a_trail_is_armed_by_a_gain_and_stays_its_distance_behind(
    is_long: bool, best: str, level: str | None
) -> None:
    with exactly():
        found = guard(is_long=is_long, best=best, trailing=TRAIL).trail_level
    assert found == (None if level is None else D(level))


def test_without_a_trail_there_is_no_level() -> None:
    assert guard(best="200").trail_level is None


@pytest.mark.parametrize(
    ("is_long", "price", "fires"),
    [(True, "108.9", Trigger.TRAIL), (True, "108.91", None), (False, "90.9", Trigger.TRAIL), (False, "90.89", None)],
)
def test_an_armed_trail_fires_at_its_level(is_long: bool, price: str, fires: Trigger | None) -> None:
    with exactly():
        armed = guard(is_long=is_long, best="110" if is_long else "90", trailing=TRAIL)
        assert triggered(armed, D(price)) is fires


def test_a_stop_goes_before_a_trail_and_a_trail_before_a_target() -> None:
    with exactly():
        for is_long, best in ((True, "110"), (False, "90")):
            target = "50" if is_long else "150"
            both = guard(is_long=is_long, best=best, trailing=TRAIL, target=target)
            assert triggered(both, D(100)) is Trigger.TRAIL
            all_three = guard(is_long=is_long, best=best, trailing=TRAIL, target=target, stop="100")
            assert triggered(all_three, D(100)) is Trigger.STOP


@pytest.mark.parametrize(
    ("is_long", "price", "best"),
    [(True, "100.1", "100.1"), (True, "100.09", "100"), (True, "99", "100"),
     (False, "99.9", "99.9"), (False, "99.91", "100"), (False, "101", "100")],
)  # fmt: skip
def test_the_best_price_is_followed_in_steps_worth_an_entry(is_long: bool, price: str, best: str) -> None:
    with exactly():
        before = guard(is_long=is_long, trailing=TRAIL)
        after = improved(before, D(price))
    assert after.best == D(best)
    assert (after is before) is (after.best == before.best)


def test_without_a_trail_no_price_is_followed() -> None:
    with exactly():
        before = guard()
        assert improved(before, D(200)) is before
        # Not even at a price of nothing does standing still count as a move.
        stuck = guard(best="0", trailing=TRAIL)
        assert improved(stuck, D(0)) is stuck


@given(st.booleans(), st.lists(st.integers(1, 100_000), max_size=30))
def test_a_trail_only_ever_tightens(is_long: bool, cents: list[int]) -> None:
    with exactly():
        now = guard(is_long=is_long, trailing=TRAIL)
        for cent in cents:
            level, now = now.trail_level, improved(now, D(cent).scaleb(-2))
            after = now.trail_level
            if level is not None:
                assert after is not None
                assert after >= level if is_long else after <= level


@pytest.mark.parametrize("is_long", [True, False])
def test_an_entry_asks_for_what_guards_its_position(is_long: bool) -> None:
    wish = Protect(stop_loss=D(90), take_profit=D(120), trailing=TRAIL)
    assert protection_for("p", wish, D(100), "i1", is_long=is_long) == Protection(
        position="p",
        is_long=is_long,
        entry=D(100),
        best=D(100),
        stop=D(90),
        target=D(120),
        trailing=TRAIL,
        kept=Kept.DESK,
        wanted=Kept.VENUE,
        parent="i1",
    )


def latch(kind: ScopeKind, name: str, state: TradingState, code: Code = Code.KILL_SWITCH) -> Latch:
    return Latch(scope=Scope(kind=kind, name=name), state=state, code=code, reason="r", at=NOON)


COVERS = [
    (ScopeKind.ACCOUNT, "", True),
    (ScopeKind.MARKET, "crypto", True),
    (ScopeKind.MARKET, "stocks", False),
    (ScopeKind.VENUE, "paper", True),
    (ScopeKind.VENUE, "coinbase", False),
    (ScopeKind.ALGORITHM, "sma", True),
    (ScopeKind.ALGORITHM, "rsi", False),
]


@pytest.mark.parametrize(("kind", "name", "covers"), COVERS)
def test_a_latch_covers_its_scope_and_no_other(kind: ScopeKind, name: str, covers: bool) -> None:
    one = latch(kind, name, TradingState.HALTED)
    found = state_of({one.key: one}, market=Market.CRYPTO, venue="paper", algorithm="sma")
    assert found == ((TradingState.HALTED, one) if covers else (TradingState.ACTIVE, None))


def test_an_order_of_no_algorithm_and_no_venue_meets_none_of_theirs() -> None:
    some = [
        latch(ScopeKind.ALGORITHM, "sma", TradingState.FROZEN),
        latch(ScopeKind.VENUE, "paper", TradingState.FROZEN),
    ]
    latches = {each.key: each for each in some}
    assert state_of(latches, market=Market.CRYPTO, venue=None, algorithm=None) == (TradingState.ACTIVE, None)


@given(st.lists(st.tuples(st.sampled_from(COVERS), st.sampled_from(TradingState), st.sampled_from(Code)), max_size=8))
def test_the_worst_latch_that_covers_wins_whatever_came_first(
    rows: list[tuple[tuple[ScopeKind, str, bool], TradingState, Code]],
) -> None:
    latches = {each.key: each for each in (latch(scope[0], scope[1], state, code) for scope, state, code in rows)}
    backwards = dict(reversed(latches.items()))
    found = state_of(latches, market=Market.CRYPTO, venue="paper", algorithm="sma")
    assert found == state_of(backwards, market=Market.CRYPTO, venue="paper", algorithm="sma")
    covering = {(kind, name) for kind, name, covers in COVERS if covers}
    states = [each.state for each in latches.values() if (each.scope.kind, each.scope.name) in covering]
    assert found[0] == max(states, default=TradingState.ACTIVE)


def test_a_latch_is_kept_under_its_scope_and_reason() -> None:
    assert latch(ScopeKind.MARKET, "stocks", TradingState.REDUCING).key == "market/stocks:KILL_SWITCH"
    assert ACCOUNT.key == "account"


def test_states_grow_stricter() -> None:
    assert list(TradingState) == sorted(TradingState)
    assert [state.name for state in TradingState] == ["ACTIVE", "REDUCING", "HALTED", "FROZEN"]


def test_a_close_speaks_for_its_intent() -> None:
    wish = Intent(id="i", door=Door.WEB, pair="A", side=Side.SELL, amount=Quantity(D(1)), purpose=Purpose.CLOSE)
    closing = Closing(position="p", intent=wish, left=D(1), stage=Stage.QUEUED, started_at=NOON)
    assert (closing.door, closing.purpose) == (Door.WEB, Purpose.CLOSE)


def test_a_verdict_tells_its_codes_in_order() -> None:
    codes = (Code.PRICE_STALE, Code.FEED_DOWN)
    findings = tuple(Finding(code=code, outcome=Outcome.DENY, reason="r") for code in codes)
    assert Verdict(outcome=Outcome.DENY, findings=findings, policy="p", reduces=False).codes() == codes


def test_what_is_remembered_is_recalled_and_the_newest_wins() -> None:
    buckets = remember(remember({}, "a", 1, NOON), "b", 2, NOON)
    assert (recall(buckets, "a"), recall(buckets, "b"), recall(buckets, "c")) == (1, 2, None)
    assert recall(remember(buckets, "a", 3, NOON + 1), "a") == 3
    assert recall(remember(buckets, "a", 3, NOON + DAY), "a") == 3
    assert buckets == {NOON // DAY: {"a": 1, "b": 2}}


def test_an_old_memory_stays_the_same_object_when_a_new_day_is_added() -> None:
    first = remember({}, "a", 1, NOON)
    second = remember(first, "b", 2, NOON + DAY)
    assert second[NOON // DAY] is first[NOON // DAY]


def test_a_memory_lasts_seven_days_after_its_own_and_no_more_days_are_kept() -> None:
    buckets = remember({}, "a", 1, NOON)
    for day in range(1, 8):
        buckets = remember(buckets, f"b{day}", day, NOON + day * DAY)
        buckets = remember(buckets, f"c{day}", day, NOON + day * DAY + 1)
        assert recall(buckets, "a") == 1
    buckets = remember(buckets, "d", 2, NOON + 8 * DAY)
    assert recall(buckets, "a") is None
    assert recall(buckets, "b1") == 1
    for day in range(9, 40):
        buckets = remember(buckets, "d", day, NOON + day * DAY)
    assert len(buckets) == RECALL_DAYS


def test_a_clock_that_leaps_ahead_and_back_forgets_nothing_and_hides_nothing() -> None:
    buckets = remember(remember({}, "a", 1, NOON), "a", 2, NOON + 365 * DAY)
    buckets = remember(remember(buckets, "b", 1, NOON), "a", 3, NOON + DAY)
    assert (recall(buckets, "a"), recall(buckets, "b")) == (3, 1)
    buckets = remember(buckets, "a", 4, NOON + 365 * DAY)
    assert recall(buckets, "a") == 4
    assert list(buckets) == sorted(buckets)


@given(st.lists(st.tuples(st.integers(-3, 3), st.sampled_from("abc")), max_size=30))
def test_the_newest_memory_wins_whatever_the_clock_does(steps: list[tuple[int, str]]) -> None:
    buckets: dict[int, dict[str, int]] = {}
    last: dict[str, int] = {}
    for number, (day, key) in enumerate(steps):
        buckets = remember(buckets, key, number, NOON + day * DAY)
        last[key] = number
        assert {name: recall(buckets, name) for name in last} == last

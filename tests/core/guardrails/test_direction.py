"""Changes of a policy: which way they go, what they amount to, and what can be undone."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.core.guardrails.shipped import LIVE, SIMULATED, values
from trading_mcp.core.domain.policy import Delta, Policy
from trading_mcp.core.guardrails.direction import (
    Change,
    DeltaInvalid,
    DeltaMismatch,
    Turn,
    apply,
    compare,
    delta_of,
    is_tightening,
    reversed_of,
    tighter_of,
    turn_of,
)
from trading_mcp.core.guardrails.key import Direction
from trading_mcp.core.guardrails.keys import BY_PATH, KEYS, get, values_of
from trading_mcp.core.guardrails.schema import conflicts, is_sealed, sealed
from trading_mcp.core.guardrails.spelling import read_text, text_of

NOTIONAL = "market.crypto.order_notional_max"
COLLAR = "market.crypto.collar"
ASSETS = "market.crypto.assets_approved"
QUANTITY = "market.crypto.order_quantity_max"


def wanted(path: str, written: object) -> Delta:
    delta = delta_of(SIMULATED, path, written)
    assert isinstance(delta, Delta)
    return delta


TURNS = [
    (NOTIONAL, "500", "499.99", Turn.TIGHTER),
    (NOTIONAL, "500", "500.01", Turn.LOOSER),
    (NOTIONAL, "500", "500.00", Turn.SAME),
    ("account.pair_cooldown", "60s", "61s", Turn.TIGHTER),
    ("account.pair_cooldown", "60s", "59s", Turn.LOOSER),
    ("account.pair_cooldown", "60s", "1min", Turn.SAME),
    ("account.orders_open_max", "20", "19", Turn.TIGHTER),
    ("account.orders_open_max", "20", "21", Turn.LOOSER),
    ("account.short_allowed", "true", "false", Turn.TIGHTER),
    ("account.short_allowed", "false", "true", Turn.LOOSER),
    ("account.approval_always", "false", "true", Turn.TIGHTER),
    ("account.approval_always", "true", "false", Turn.LOOSER),
    (ASSETS, "BTC, ETH", "BTC", Turn.TIGHTER),
    (ASSETS, "BTC, ETH", "none", Turn.TIGHTER),
    (ASSETS, "BTC, ETH", "ETH, BTC", Turn.SAME),
    (ASSETS, "BTC", "BTC, ETH", Turn.LOOSER),
    (ASSETS, "BTC, ETH", "BTC, SOL", Turn.LOOSER),
    ("market.crypto.pairs_blocked", "none", "BTC-USD", Turn.TIGHTER),
    ("market.crypto.pairs_blocked", "BTC-USD", "none", Turn.LOOSER),
    ("market.crypto.pairs_blocked", "BTC-USD", "ETH-USD", Turn.LOOSER),
    (QUANTITY, "BTC=2, ETH=1", "BTC=1, ETH=1", Turn.TIGHTER),
    (QUANTITY, "BTC=2, ETH=1", "BTC=2", Turn.TIGHTER),
    (QUANTITY, "BTC=2, ETH=1", "ETH=1.0, BTC=2", Turn.SAME),
    (QUANTITY, "BTC=2", "BTC=2, ETH=1", Turn.LOOSER),
    (QUANTITY, "BTC=2, ETH=1", "BTC=1, ETH=2", Turn.LOOSER),
    ("schedule.zone", "UTC", "Asia/Kolkata", Turn.NEITHER),
    ("schedule.zone", "UTC", "UTC", Turn.SAME),
    ("base_currency", "USD", "EUR", Turn.NEITHER),
    ("market.crypto.venues", "paper, coinbase", "paper", Turn.NEITHER),
    ("market.crypto.venues", "paper, coinbase", "coinbase, paper", Turn.NEITHER),
    ("account.stablecoins", "USDT, DAI", "USDT", Turn.NEITHER),
    ("market.crypto.market_slippage", "1%", "0.5%", Turn.NEITHER),
    (COLLAR, "6%", "5%", Turn.TIGHTER),
    ("market.crypto.fee_buffer", "1%", "2%", Turn.TIGHTER),
]


@pytest.mark.parametrize(("path", "before", "after", "turn"), TURNS)
def test_a_change_goes_the_way_its_key_declares(path: str, before: str, after: str, turn: Turn) -> None:
    key = BY_PATH[path]
    assert turn_of(key, read_text(key, before), read_text(key, after)) is turn
    at_once = turn is Turn.TIGHTER and not key.binds_exits
    assert is_tightening(Delta(key=path, before=before, after=after)) is at_once


@pytest.mark.parametrize("path", [key.path for key in KEYS if key.binds_exits])
def test_a_key_that_binds_exits_is_never_tightened_without_a_person(path: str) -> None:
    floor, ceiling = BY_PATH[path].floor, BY_PATH[path].ceiling
    assert not is_tightening(Delta(key=path, before=floor, after=ceiling))
    assert not is_tightening(Delta(key=path, before=ceiling, after=floor))


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [("account.nonsense", "2", "1"), (NOTIONAL, "500", "-1"), (NOTIONAL, "1e9", "5"), (NOTIONAL, "", "")],
)
def test_what_cannot_be_read_tightens_nothing(path: str, before: str, after: str) -> None:
    assert not is_tightening(Delta(key=path, before=before, after=after))


def test_a_comparison_names_each_key_that_differs_and_no_other() -> None:
    loosened = sealed({**values_of(SIMULATED), NOTIONAL: Decimal(600), COLLAR: Decimal("0.05")})
    (change,) = compare(SIMULATED, loosened)
    assert change == Change(key=NOTIONAL, before="500", after="600", turn=Turn.LOOSER, at_once=False)
    assert change.delta == Delta(key=NOTIONAL, before="500", after="600")
    (back,) = compare(loosened, SIMULATED)
    assert (back.turn, back.at_once) == (Turn.TIGHTER, True)
    assert compare(SIMULATED, SIMULATED) == ()


def test_changes_are_applied_together() -> None:
    changed = apply(SIMULATED, [wanted(NOTIONAL, "600"), wanted("account.orders_open_max", 10)])
    assert isinstance(changed, Policy)
    assert (changed.crypto.order_notional_max, changed.account.orders_open_max) == (Decimal(600), 10)
    assert is_sealed(changed)
    assert len(compare(SIMULATED, changed)) == 2


def test_a_change_made_against_another_value_is_void() -> None:
    delta = Delta(key=NOTIONAL, before="499", after="400")
    assert apply(SIMULATED, [delta]) == DeltaMismatch(key=NOTIONAL, expected="499", actual="500")


def test_one_bad_change_stops_all() -> None:
    good = wanted(NOTIONAL, "400")
    bad = Delta(key="account.loss_day_max", before="5%", after="4")
    refused = apply(SIMULATED, [good, bad])
    assert refused == DeltaInvalid(
        key="account.loss_day_max",
        reason='account.loss_day_max is "4": write a share with its percent sign: "4%".',
    )


REFUSED: list[tuple[list[Delta], str, str]] = [
    ([], "", "No key is changed."),
    (
        [Delta(key="account.loss_day_maxx", before="5%", after="4%")],
        "account.loss_day_maxx",
        "account.loss_day_maxx is no key of a policy: did you mean account.loss_day_max?",
    ),
    ([Delta(key=NOTIONAL, before="500", after="500")], NOTIONAL, f"{NOTIONAL} is 500 already."),
    (
        [Delta(key=NOTIONAL, before="500", after="400"), Delta(key=NOTIONAL, before="500", after="300")],
        NOTIONAL,
        f"{NOTIONAL} is changed twice.",
    ),
    (
        [Delta(key=COLLAR, before="5%", after="4%")],
        COLLAR,
        f"{COLLAR} is 4%, below exit_slippage_max of 5%: exits would be refused.",
    ),
]


@pytest.mark.parametrize(("deltas", "path", "reason"), REFUSED)
def test_a_change_that_means_nothing_is_refused_in_a_sentence(deltas: list[Delta], path: str, reason: str) -> None:
    assert apply(SIMULATED, deltas) == DeltaInvalid(key=path, reason=reason)


def test_a_collar_may_follow_the_exit_slippage_down_in_one_change() -> None:
    changed = apply(SIMULATED, [wanted("market.crypto.exit_slippage_max", "4%"), wanted(COLLAR, "4%")])
    assert isinstance(changed, Policy)
    assert changed.crypto.collar == Decimal("0.04")


def test_a_change_to_an_unknown_zone_is_refused() -> None:
    assert isinstance(delta_of(SIMULATED, "schedule.zone", "Asia/Kolkata", {"UTC"}), DeltaInvalid)
    moved = Delta(key="schedule.zone", before="UTC", after="Asia/Kolkata")
    assert isinstance(apply(SIMULATED, [moved], {"UTC"}), DeltaInvalid)
    assert isinstance(apply(SIMULATED, [moved], {"UTC", "Asia/Kolkata"}), Policy)


def test_collars_of_both_markets_are_complained_about_in_two_sentences() -> None:
    refused = apply(SIMULATED, [wanted(COLLAR, "4%"), wanted("market.stocks.collar", "4%")])
    assert isinstance(refused, DeltaInvalid)
    assert refused.reason.count(": exits would be refused.") == 2
    assert "refused. market.stocks.collar is 4%" in refused.reason


@pytest.mark.parametrize(
    ("path", "written", "after"),
    [
        (ASSETS, ["ETH", "BTC"], "BTC, ETH"),
        (ASSETS, "ETH,BTC", "BTC, ETH"),
        (ASSETS, [], "none"),
        (QUANTITY, {"BTC": "0.50"}, "BTC=0.5"),
        ("account.orders_open_max", "10", "10"),
        ("account.short_allowed", True, "true"),
        ("account.pair_cooldown", "120s", "2min"),
    ],
)
def test_a_change_may_be_wished_for_in_either_spelling(path: str, written: object, after: str) -> None:
    assert wanted(path, written).after == after


def test_the_tighter_of_two_policies_is_chosen_key_by_key() -> None:
    both = tighter_of(SIMULATED, LIVE)
    assert both.name == "simulated"
    assert both.crypto.venues == SIMULATED.crypto.venues
    assert both.crypto.order_notional_max == Decimal(100)
    assert both.crypto.order_share_floor == Decimal(0)
    assert both.account.unattended_total_max == 50
    assert both.account.approval_always
    assert both.account.loosening_delay == 600_000_000
    assert both.stocks.assets_approved == frozenset()
    assert both.stocks.order_quantity_max == {}
    assert is_sealed(both)


def test_the_tighter_of_two_sets_is_what_both_allow() -> None:
    first = sealed(
        {
            **values_of(SIMULATED),
            ASSETS: frozenset({"BTC", "ETH"}),
            QUANTITY: {"BTC": Decimal(1), "ETH": Decimal(2)},
            "market.crypto.pairs_blocked": frozenset({"BTC-USD"}),
        }
    )
    second = sealed(
        {
            **values_of(SIMULATED),
            ASSETS: frozenset({"ETH", "SOL"}),
            QUANTITY: {"ETH": Decimal(1), "SOL": Decimal(9)},
            "market.crypto.pairs_blocked": frozenset({"ETH-USD"}),
        }
    )
    both = tighter_of(first, second).crypto
    assert both.assets_approved == {"ETH"}
    assert both.order_quantity_max == {"ETH": Decimal(1)}
    assert both.pairs_blocked == {"BTC-USD", "ETH-USD"}


def policies() -> st.SearchStrategy[Policy]:
    """Any policy that a file could hold."""
    every = st.fixed_dictionaries({key.path: values(key) for key in KEYS})
    return every.map(sealed).filter(lambda policy: not conflicts(policy))


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(policies(), policies())
def test_the_tighter_of_any_two_is_looser_than_neither_and_still_lets_exits_pass(
    first: Policy, second: Policy
) -> None:
    both = tighter_of(first, second)
    for key in KEYS:
        assert turn_of(key, get(first, key), get(both, key)) in {Turn.SAME, Turn.TIGHTER}
        if key.direction is not Direction.NONE:
            assert turn_of(key, get(second, key), get(both, key)) in {Turn.SAME, Turn.TIGHTER}
    assert not conflicts(both)
    assert tighter_of(both, second) == both


@given(st.data())
def test_a_tightening_and_its_reverse_are_told_apart_and_undo_each_other(data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(KEYS))
    first, second = data.draw(values(key)), data.draw(values(key))
    assume(first != second)
    before, after = (sealed({**values_of(SIMULATED), key.path: value}) for value in (first, second))
    assume(not conflicts(before) and not conflicts(after))
    (change,), (back,) = compare(before, after), compare(after, before)
    if key.direction is Direction.NONE:
        assert (change.turn, back.turn) == (Turn.NEITHER, Turn.NEITHER)
    else:
        assert Turn.LOOSER in {change.turn, back.turn}
        assert Turn.SAME not in {change.turn, back.turn}
    assert is_tightening(change.delta) is change.at_once
    assert is_tightening(reversed_of(change.delta)) is back.at_once
    assert not (change.at_once and back.at_once)
    assert apply(before, [change.delta]) == after
    assert apply(after, [reversed_of(change.delta)]) == before


@given(st.data())
def test_every_step_down_the_range_of_a_number_is_recognised(data: st.DataObject) -> None:
    numeric = [key for key in KEYS if key.direction in {Direction.LOWER, Direction.HIGHER} and key.path not in
               {QUANTITY, "market.stocks.order_quantity_max"}]  # fmt: skip
    key = data.draw(st.sampled_from(numeric))
    low, high = sorted([data.draw(values(key)), data.draw(values(key))])
    assume(low < high)
    tight, loose = (low, high) if key.direction is Direction.LOWER else (high, low)
    assert turn_of(key, loose, tight) is Turn.TIGHTER
    assert turn_of(key, tight, loose) is Turn.LOOSER
    assert (
        is_tightening(Delta(key=key.path, before=text_of(key, loose), after=text_of(key, tight)))
        is not key.binds_exits
    )

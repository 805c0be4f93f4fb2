"""The gate: all rules answer, the worst wins, a signature answers a question and never a denial."""

from decimal import Decimal
from inspect import getdoc
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.core.guardrails.rules_table import GOLDEN, ROWS, TABLES, told
from tests.core.guardrails.test_rules_size import narrow
from tests.core.guardrails.world import (
    BTC,
    D,
    World,
    algorithm,
    buy,
    position,
    quiet,
    resting,
    sell,
)
from trading_mcp.core.domain.latches import TradingState
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import Notional, OrderState, OrderType, Quantity, Working
from trading_mcp.core.domain.verdict import Code, Finding, Outcome
from trading_mcp.core.guardrails import gate
from trading_mcp.core.guardrails.case import Case, case_of
from trading_mcp.core.guardrails.codes import ELSEWHERE, RULES, codes
from trading_mcp.core.guardrails.finding import ask, deny, shown, span

WRONG: Final = {"orders_open_max": 0, "risk_multiplier": D(0), "rate_orders_max": 0, "approval_always": True}


def test_what_the_gate_says_is_what_the_golden_file_says() -> None:
    assert GOLDEN.read_text("utf-8") == told(), "python -m tests.core.guardrails.rules_table"


def test_every_row_has_a_name_of_its_own_in_its_table() -> None:
    assert len(ROWS) > 450
    for table in TABLES:
        assert len({row.name for row in table.ROWS}) == len(table.ROWS), table.__name__


def test_every_code_is_reached_by_a_row_or_said_elsewhere() -> None:
    reached = {code for row in ROWS for code in row.codes}
    assert reached == RULES.keys()
    assert reached | ELSEWHERE.keys() == set(Code)
    assert not reached & ELSEWHERE.keys()


def test_the_table_of_codes_tells_who_says_each_and_how() -> None:
    table = codes()
    with exactly():
        for row in ROWS:
            case = row.make().case()
            for rule in gate.ALWAYS:
                found = rule(case)
                assert found is None or RULES[found.code][0] is rule
                assert found is None or f"| `{found.code}` | deny | {_binds(found.code, 'every order')} |" in table
            risk = case.risk
            if risk is None:
                continue
            for rule in gate.INCREASING:
                found = rule(case, risk)
                assert found is None or RULES[found.code][0] is rule
                assert found is None or f"| `{found.code}` | {_answer(found)} | increasing orders |" in table


def _binds(code: Code, otherwise: str) -> str:
    return "increasing orders" if code is Code.STATE_REDUCING else otherwise


def _answer(found: Finding) -> str:
    """A calendar that does not answer denies, which the table tells in words."""
    return "ask" if found.outcome is Outcome.ASK or found.code is Code.EVENT_BLACKOUT else "deny"


def test_every_rule_is_reached_by_a_row() -> None:
    spoke: set[object] = set()
    with exactly():
        for row in ROWS:
            case = row.make().case()
            spoke |= {rule for rule in gate.ALWAYS if rule(case) is not None}
            if case.risk is not None:
                spoke |= {rule for rule in gate.INCREASING if rule(case, case.risk) is not None}
    assert spoke == {*gate.ALWAYS, *gate.INCREASING}
    assert set(gate.RESTING) <= set(gate.INCREASING)
    assert all(getdoc(rule) for rule in (*gate.ALWAYS, *gate.INCREASING))


def test_what_judge_asks_one_by_one_is_what_the_tuples_name() -> None:
    with exactly():
        for row in ROWS:
            case = row.make().case()
            found = [rule(case) for rule in gate.ALWAYS]
            if case.risk is not None:
                found += [rule(case, case.risk) for rule in gate.INCREASING]
            expected = {one.code for one in found if one is not None}
            assert set(gate.judge(case).codes()) == expected, row.name
            assert gate.judge(case).outcome is row.outcome


def test_findings_stand_in_the_order_of_precedence_and_each_code_once() -> None:
    ranks = {code: rank for rank, code in enumerate(Code)}
    for row in ROWS:
        found = [ranks[code] for code in row.verdict().codes()]
        assert found == sorted(set(found)), row.name


def test_an_exit_meets_no_rule_for_increasing_orders() -> None:
    with exactly():
        there = quiet(sell()).holding(position("1")).with_account(**WRONG).with_crypto(assets_approved=frozenset())
        verdict = there.verdict()
        assert verdict.reduces
        assert verdict.findings == ()
        assert there.case().risk is None


def test_a_verdict_bears_the_hash_of_the_policy() -> None:
    with exactly():
        for there in (quiet(), quiet().with_account(orders_open_max=0)):
            assert there.verdict().policy == there.policy.hash != ""
            assert there.verdict().reduces is False


def test_a_signature_answers_what_was_asked_and_no_denial() -> None:
    with exactly():
        for row in ROWS:
            before, after = row.make().verdict(), row.make().verdict(signed=True)
            assert after.findings == before.findings, row.name
            assert after.outcome is (Outcome.DENY if before.outcome is Outcome.DENY else Outcome.ALLOW), row.name


def test_what_would_be_asked_of_an_algorithm_is_denied() -> None:
    with exactly():
        there = quiet().run_by(algorithm(mandate=False))
        verdict = there.verdict(signed=True)
    assert [found.outcome for found in verdict.findings] == [Outcome.DENY]
    assert verdict.outcome is Outcome.DENY


AMOUNTS: Final = (
    ("up to {} USD at the worst price", Code.ORDER_NOTIONAL_MAX),
    ("up to {} BTC", Code.ORDER_QUANTITY_MAX),
    ("up to {} more", Code.POSITION_CONCENTRATION_MAX),
    ("up to {} more", Code.EXPOSURE_GROSS_MAX),
    ("up to {} more", Code.LEVERAGE_MAX),
    ("up to {} more", Code.ALGORITHM_BUDGET),
    ("up to {} more today", Code.TURNOVER_DAY_MAX),
    ("up to {} before the fee", Code.BALANCE_INSUFFICIENT),
    ("up to {}, or the owner's signature", Code.APPROVAL_REQUIRED),
)
SHARES: Final = st.integers(1, 10**9).map(lambda number: Decimal(number).scaleb(-9))
MONEY: Final = st.integers(1, 10**13).map(lambda number: Decimal(number).scaleb(-9))


@given(share=SHARES, money=MONEY, ask=MONEY, owned=st.booleans())
def test_what_would_pass_does_pass(share: Decimal, money: Decimal, ask: Decimal, owned: bool) -> None:
    with exactly():
        there = narrow(share, money, ask)
        if owned:
            there = there.run_by(algorithm(capital=money))
        for found in there.verdict().findings:
            for words, code in AMOUNTS:
                if found.code is not code or not found.would_pass.startswith("up to "):
                    continue
                amount = D(found.would_pass.split(" ")[2].rstrip(","))
                assert found.would_pass == words.format(found.would_pass.split(" ")[2].rstrip(","))
                smaller = Quantity(amount) if code is Code.ORDER_QUANTITY_MAX else Notional(amount)
                if amount == 0:
                    continue
                again = there.with_intent(amount=smaller).verdict()
                assert code not in again.codes(), (found, again.findings)
                assert D(found.limit.split(" ")[0]) < D(found.actual.split(" ")[0]), found


@given(value=st.integers(-(10**40), 10**40), places=st.integers(0, 30))
def test_an_amount_is_shown_on_the_side_it_was_asked_for(value: int, places: int) -> None:
    with exactly():
        exact = +Decimal(value).scaleb(-places)
        low, near, high = (D(shown(exact, way)) for way in ("ROUND_FLOOR", "ROUND_HALF_EVEN", "ROUND_CEILING"))
        assert low <= exact <= high
        assert low <= near <= high
        assert high - low <= max(abs(exact) * D("1E-7"), D("1E-18"))


def test_amounts_and_spans_read_as_people_write_them() -> None:
    assert [shown(D(text)) for text in ("0", "500.00", "0.00001", "1234567.891", "1E+31", "0.123456789")] == [
        "0",
        "500",
        "0.00001",
        "1234567.9",
        "1" + "0" * 31,
        "0.12345679",
    ]
    assert shown(None) == "unknown"
    assert shown(D("12345678.9")) == "12345679"
    assert shown(D("1.23456789E-12")) == "0.000000000001234568"
    with exactly():
        assert shown(D("1" * 31 + ".5"), "ROUND_CEILING") == "1" * 30 + "2"
    second = 1_000_000
    spans = (0, 1, second, 1_500_000, 60 * second, 90 * second, 3600 * second, 86_400 * second, 2 * 86_400 * second)
    assert [span(one) for one in spans] == ["0 s", "0 s", "1 s", "1.5 s", "1 min", "90 s", "1 h", "1 d", "2 d"]
    assert span(1, "ROUND_CEILING") == "0.1 s"
    assert span(10 * second, "ROUND_CEILING") == "10 s"


def again(there: World, working: Working) -> Case:
    """The case of an order that rests, its own reservation left out."""
    return case_of(there.intent, there.book, there.facts, there.policy, working.order.venue, sent=working)


def objection(there: World, *, signed: bool = False, **order: Any) -> Code | None:
    with exactly():
        working = resting("a", **order)
        found = gate.objection_to_resting(again(there, working), signed=signed)
    return None if found is None else found.code


def test_what_rests_and_nobody_signed_is_told_why() -> None:
    with exactly():
        there = quiet().with_crypto(ask_above=D("99.987654987"))
        working = resting("a", price_worst=D("50000.00000001"))
        found = gate.objection_to_resting(again(there, working), signed=False)
        why = "the owner signs orders above this amount and has not signed this one"
        passing = "up to 99.987654, or a new order with the owner's signature"
        assert found == ask(Code.APPROVAL_REQUIRED, why, "99.987655", "100.00001", passing)
        outside = quiet().run_by(algorithm(mandate=False))
        found = gate.objection_to_resting(again(outside, resting("a")), signed=False)
        passing = "orders that reduce; the same order under a new mandate"
        assert found == ask(Code.APPROVAL_REQUIRED, "sma has no mandate", "inside the mandate", "outside", passing)


def test_an_objection_may_be_told_in_one_sentence() -> None:
    for make, outcome in ((ask, Outcome.ASK), (deny, Outcome.DENY)):
        assert make(Code.KILL_SWITCH, "why") == Finding(code=Code.KILL_SWITCH, outcome=outcome, reason="why")


def test_an_order_that_was_not_measured_and_does_not_reduce_is_our_mistake() -> None:
    with exactly():
        case = replace(quiet().case(), risk=None)
        with pytest.raises(AssertionError, match=r"^an order that neither reduces nor was measured$"):
            gate.judge(case)


RESTS: Final = (
    ("all is well", quiet(), False, None),
    ("halted", quiet().latched(TradingState.HALTED), False, Code.STATE_HALTED),
    ("no longer approved", quiet().with_crypto(assets_approved=frozenset()), False, Code.SYMBOL_NOT_APPROVED),
    ("not offered today", quiet().with_facts(instruments={}), False, None),
    ("a stale price", quiet().with_facts(quotes={}), False, None),
    ("a full rate", quiet().with_account(rate_orders_max=0, orders_open_max=0, orders_day_manual_max=0), False, None),
    ("too large now", quiet().with_crypto(order_notional_max=D("99.99")), False, Code.ORDER_NOTIONAL_MAX),
    ("just as large", quiet().with_crypto(order_notional_max=D(100)), False, None),
    ("asked now", quiet().with_crypto(ask_above=D("99.99")), False, Code.APPROVAL_REQUIRED),
    ("asked now and signed", quiet().with_crypto(ask_above=D("99.99")), True, None),
    ("at what is asked", quiet().with_crypto(ask_above=D(100)), False, None),
    ("everything is asked", quiet().with_account(approval_always=True), False, Code.APPROVAL_REQUIRED),
    ("its algorithm is off", quiet().run_by(algorithm(enabled=False)), False, Code.ALGORITHM_BUDGET),
    ("its mandate is gone", quiet().run_by(algorithm(mandate=False)), False, Code.APPROVAL_REQUIRED),
    ("its mandate holds", quiet().run_by(algorithm()), False, None),
    ("it was never well formed", quiet(buy(pair="?")), False, Code.FIELD_INVALID),
    (
        "it sells what is held by now, in a form that is gone",
        quiet(sell()).holding(position("1")).listed(BTC, order_types=frozenset[OrderType]()),
        False,
        None,
    ),
    ("it sells what is held by now", quiet(sell()).holding(position("1")), False, None),
)


@pytest.mark.parametrize(("name", "there", "signed", "code"), RESTS, ids=[rest[0] for rest in RESTS])
def test_what_rests_meets_state_symbol_size_exposure_and_loss(
    name: str, there: World, signed: bool, code: Code | None
) -> None:
    assert objection(there, signed=signed, side=there.intent.side) is code


def test_a_mandates_last_order_of_the_day_may_go_on_resting() -> None:
    owner = algorithm()
    assert owner.mandate is not None
    full = replace(owner, mandate=replace(owner.mandate, orders_day_max=0))
    with exactly():
        there = quiet().run_by(full)
        assert there.verdict().codes() == (Code.APPROVAL_REQUIRED,)
    assert objection(there) is None


def test_what_is_left_of_an_order_is_judged_not_what_was_filled() -> None:
    there = quiet().with_crypto(order_notional_max=D(50))
    assert objection(there, filled="0.001", state=OrderState.PARTIAL) is None
    assert objection(there, filled="0.00099", state=OrderState.PARTIAL) is Code.ORDER_NOTIONAL_MAX

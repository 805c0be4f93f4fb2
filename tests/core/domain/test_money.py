"""Amounts: read strictly, rounded in one direction, calculated under one private context."""

import asyncio
import decimal
import threading
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_mcp.core.domain.money import (
    AMOUNT_MAX,
    MONEY,
    AmountInvalid,
    amount,
    ceil_to,
    exactly,
    floor_to,
    greater,
    is_amount,
    is_change,
    is_exact,
    is_price,
    lesser,
    plain,
)

D = Decimal
amounts = st.integers(1, 10**33 - 1).map(lambda number: D(number).scaleb(-18, MONEY))
steps = st.tuples(st.sampled_from([1, 2, 5, 25]), st.integers(-18, 3)).map(lambda each: D(each[0]).scaleb(each[1]))


@pytest.mark.parametrize(
    "text", ["0", "1", "0.25", "007", "0.000000000000000001", "999999999999999.999999999999999999"]
)
def test_plain_digits_are_an_amount(text: str) -> None:
    assert amount(text) == D(text)


EVIL: list[Any] = [
    "", " ", "1 ", " 1", "1\n", "\n1", "+1", "-1", "-0", ".5", "5.", "1.2.3", "1,000", "1_000", "1e3", "1E3",
    "0x1", "1/2", "NaN", "nan", "sNaN", "Infinity", "-Infinity", "inf", "1" * 16, "0." + "1" * 19, "1e400", "1e-400",
    "\u0663", "\uff11", "1\u0663", "\u00b2", "1\u200b", "1\x00", "\u22121",
    None, 1, 1.0, True, D(1), b"1", ["1"], {"value": "1"},
]  # fmt: skip


@pytest.mark.parametrize("evil", EVIL, ids=repr)
def test_everything_else_is_no_amount_and_says_what_would_be(evil: Any) -> None:
    with pytest.raises(AmountInvalid, match=r'is not an amount: write plain digits such as "0\.25"') as caught:
        amount(evil)
    assert len(str(caught.value)) < 150


def test_what_is_no_amount_is_shown_as_far_as_forty_letters() -> None:
    with pytest.raises(AmountInvalid) as caught:
        amount("x" * 50)
    assert str(caught.value).partition(" is not")[0] == f"'{'x' * 39}"


@pytest.mark.parametrize(
    ("value", "is_one"),
    [("1E-18", True), ("0.9E-18", False), ("999999999999999.9", True), ("1E+15", False), ("NaN", False)],
)
def test_a_price_is_as_small_as_the_smallest_step_and_smaller_than_the_largest_amount(
    value: str, is_one: bool
) -> None:
    assert is_price(Decimal(value)) is is_one


@given(st.text(max_size=20))
def test_whatever_is_read_is_finite_and_not_negative(text: str) -> None:
    try:
        value = amount(text)
    except AmountInvalid:
        return
    assert text.isascii()
    assert value.is_finite()
    assert value >= 0
    assert value < AMOUNT_MAX
    assert is_amount(value) is (value > 0)


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        (D(1), True),
        (D("1E-18"), True),
        (D("999999999999999.999999999999999999"), True),
        (D("1E+3"), True),
        (D("1.50000000000000000000"), True),
        (D("1E-19"), False),
        (D("1.0000000000000000001"), False),
        (D("1E+15"), False),
        (D("1E+999"), False),
        (D(0), False),
        (D("-0"), False),
        (D(-1), False),
        (D("NaN"), False),
        (D("sNaN"), False),
        (D("Infinity"), False),
        (D("-Infinity"), False),
        (None, False),
        (1, False),
        (1.0, False),
        ("1", False),
    ],
)
def test_only_a_positive_finite_number_that_is_held_exactly_is_an_amount(value: Any, answer: bool) -> None:
    with exactly():
        assert is_amount(value) is answer


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        ("0", True), ("-5", True), ("5.000000000000000000001", True), ("999999999999999", True),
        ("1E+15", False), ("-1E+15", False), ("NaN", False), ("sNaN", False), ("Infinity", False),
        ("-Infinity", False),
    ],
)  # fmt: skip
def test_a_change_is_finite_and_of_a_size_we_can_add(value: str, answer: bool) -> None:
    with exactly():
        assert is_change(D(value)) is answer


@given(amounts, steps)
def test_down_is_the_largest_multiple_not_above_and_up_the_smallest_not_below(value: Decimal, step: Decimal) -> None:
    with exactly():
        down, up = floor_to(value, step), ceil_to(value, step)
        exact, unit = Fraction(value), Fraction(step)
        assert Fraction(down) == exact // unit * unit
        assert Fraction(up) == -(-exact // unit) * unit
        assert floor_to(down, step) == ceil_to(down, step) == down


@given(amounts, amounts)
def test_the_lesser_and_the_greater_are_the_two(first: Decimal, second: Decimal) -> None:
    assert {lesser(first, second), greater(first, second)} == {first, second}
    assert lesser(first, second) <= greater(first, second)


@pytest.mark.parametrize(
    ("value", "text"),
    [("1.500", "1.5"), ("100", "100"), ("1E+2", "100"), ("0.00", "0"), ("1E-8", "0.00000001"), ("-2.50", "-2.5")],
)
def test_people_read_plain_digits(value: str, text: str) -> None:
    assert plain(D(value)) == text


@given(amounts)
def test_what_is_written_for_people_reads_back_as_the_same_amount(value: Decimal) -> None:
    assert amount(plain(value)) == value


@pytest.mark.parametrize(
    "mix",
    [
        lambda: D(1) + D("sNaN"),
        lambda: D(1) / D(0),
        lambda: D("0") / D("0"),
        lambda: D(1) < D("NaN"),
        lambda: D(1) < 1.5,
        lambda: D(0.1),
        lambda: D("1E+999") * D("1E+999"),
        lambda: D("1E+34") // D("1"),
    ],
)
def test_what_would_give_a_number_that_only_looks_right_raises(mix: Any) -> None:
    with exactly(), pytest.raises((decimal.DecimalException, ZeroDivisionError)):
        mix()


def test_the_context_is_put_back_even_when_the_block_fails() -> None:
    before = decimal.getcontext()
    with exactly():
        with pytest.raises(decimal.InvalidOperation), exactly():
            D("sNaN").sqrt()
        assert is_exact()
    assert decimal.getcontext() is before
    assert not is_exact()


def test_a_callers_own_context_neither_rounds_for_us_nor_is_changed() -> None:
    with decimal.localcontext(decimal.Context(prec=3)) as theirs:
        with exactly():
            assert D("1.23456") + D(1) == D("2.23456")
        assert decimal.getcontext() is theirs
        assert D("1.23456") + D(1) == D("2.23")


async def test_tasks_beside_each_other_keep_their_own_context() -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def inside() -> bool:
        with exactly():
            entered.set()
            await leave.wait()
            return is_exact()

    async def beside() -> bool:
        await entered.wait()
        found = is_exact()
        leave.set()
        return found

    assert await asyncio.gather(inside(), beside()) == [True, False]
    assert not is_exact()


async def test_work_given_to_a_thread_keeps_the_context_and_a_bare_thread_has_its_own() -> None:
    found: list[bool] = []
    with exactly():
        found.append(await asyncio.to_thread(is_exact))
        bare = threading.Thread(target=lambda: found.append(is_exact()))
        bare.start()
        bare.join()
    assert found == [True, False]


def test_the_context_is_what_every_figure_was_made_under() -> None:
    assert (MONEY.prec, MONEY.rounding, MONEY.Emin, MONEY.Emax) == (34, decimal.ROUND_HALF_EVEN, -999, 999)
    trapped = {signal for signal, is_on in MONEY.traps.items() if is_on}
    assert trapped == {decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow, decimal.FloatOperation}

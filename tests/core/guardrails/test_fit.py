"""A wish becomes the largest legal size: never larger, never below a quarter, exactly to the last step."""

from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.core.guardrails.world import (
    BTC,
    ETH,
    D,
    World,
    algorithm,
    buy,
    instrument,
    limit_at,
    mandate_for,
    position,
    quiet,
    resting,
    sell,
    shrinking,
    worth,
)
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import Fit, Quantity
from trading_mcp.core.domain.verdict import Code, Outcome
from trading_mcp.core.guardrails.fit import Sized, _largest, fit
from trading_mcp.core.guardrails.rules.validity import smallest_of

SIZES: Final = frozenset(
    {
        Code.LIMITS_INFEASIBLE,
        Code.ORDER_NOTIONAL_MAX,
        Code.ORDER_QUANTITY_MAX,
        Code.POSITION_CONCENTRATION_MAX,
        Code.EXPOSURE_GROSS_MAX,
        Code.LEVERAGE_MAX,
        Code.ALGORITHM_BUDGET,
        Code.BALANCE_INSUFFICIENT,
        Code.APPROVAL_REQUIRED,
        Code.INSTRUMENT_RULES,
    }
)


def wishing(quantity: str = "0.01", capital: str = "10000", **mandate: Any) -> World:
    """An algorithm wishes for BTC at 50,000; every bound is wide until a test narrows one."""
    owner = algorithm(capital=D(capital), mandate=False)
    bounds = {"order_notional_max": D(10_000), "capital": D(100_000), **mandate}
    owner = replace(owner, mandate=mandate_for(owner, **bounds))
    there = quiet(buy(quantity, **shrinking(), **limit_at("50000"))).run_by(owner)
    return there.with_crypto(order_notional_max=D(10_000), order_share_max=D(1))


def sized(there: World) -> Sized | None:
    with exactly():
        return fit(there.case())


def paying(there: World, cash: str) -> World:
    return there.balance("USDT", cash)


BINDING: Final = (
    ("nothing", wishing(), None, None),
    ("the order's amount", wishing().with_crypto(order_notional_max=D(450)), "0.009", Code.ORDER_NOTIONAL_MAX),
    ("the order's share", wishing().with_crypto(order_share_max=D("0.0045")), "0.009", Code.ORDER_NOTIONAL_MAX),
    ("the exposure", wishing().with_account(exposure_gross_max=D("0.0045")), "0.009", Code.EXPOSURE_GROSS_MAX),
    ("the leverage", wishing().with_account(leverage_max=D("0.0045")), "0.009", Code.LEVERAGE_MAX),
    ("the free cash", paying(wishing(), "454.5"), "0.009", Code.BALANCE_INSUFFICIENT),
    (
        "the asset's share",
        wishing().with_crypto(position_share_max=D("0.0045")),
        "0.009",
        Code.POSITION_CONCENTRATION_MAX,
    ),
    ("the capital", wishing(capital="450"), "0.009", Code.ALGORITHM_BUDGET),
    ("the mandate's amount", wishing(order_notional_max=D(450)), "0.009", Code.APPROVAL_REQUIRED),
    ("the quantity", wishing().with_crypto(order_quantity_max={"BTC": D("0.009")}), "0.009", Code.ORDER_QUANTITY_MAX),
    (
        "the multiplier on the order",
        wishing().with_crypto(order_notional_max=D(900)).with_account(risk_multiplier=D("0.5")),
        "0.009",
        Code.ORDER_NOTIONAL_MAX,
    ),
    (
        "the multiplier on the quantity",
        wishing().with_crypto(order_quantity_max={"BTC": D("0.018")}).with_account(risk_multiplier=D("0.5")),
        "0.009",
        Code.ORDER_QUANTITY_MAX,
    ),
    (
        "the multiplier on the asset's share",
        wishing().with_crypto(position_share_max=D("0.009")).with_account(risk_multiplier=D("0.5")),
        "0.009",
        Code.POSITION_CONCENTRATION_MAX,
    ),
    (
        "the multiplier on the exposure",
        wishing().with_account(risk_multiplier=D("0.5"), exposure_gross_max=D("0.009")),
        "0.009",
        Code.EXPOSURE_GROSS_MAX,
    ),
    (
        "the multiplier on the leverage",
        wishing().with_account(risk_multiplier=D("0.5"), leverage_max=D("0.009")),
        "0.009",
        Code.LEVERAGE_MAX,
    ),
    (
        "the asset's share with what is held",
        wishing().holding(position("0.1")).with_crypto(position_share_max=D("0.0545")),
        "0.009",
        Code.POSITION_CONCENTRATION_MAX,
    ),
    (
        "a stablecoin has no share",
        wishing().with_crypto(position_share_max=D(0)).with_account(stablecoins=frozenset({"BTC"})),
        None,
        None,
    ),
    (
        "the exposure with what is held",
        wishing().holding(position("1", ETH)).with_account(exposure_gross_max=D("0.0245")),
        "0.009",
        Code.EXPOSURE_GROSS_MAX,
    ),
    (
        "the leverage with what is held",
        wishing().holding(position("1", ETH)).with_account(leverage_max=D("0.0245")),
        "0.009",
        Code.LEVERAGE_MAX,
    ),
    (
        "the capital with what waits",
        wishing(capital="650").working(resting("a", pair=ETH, quantity="0.1", book="sma")),
        "0.009",
        Code.ALGORITHM_BUDGET,
    ),
    (
        "the closest of two",
        wishing(capital="450").with_crypto(order_notional_max=D(400)),
        "0.008",
        Code.ORDER_NOTIONAL_MAX,
    ),
    (
        "the quantity below the amount",
        wishing(capital="450").with_crypto(order_quantity_max={"BTC": D("0.008")}),
        "0.008",
        Code.ORDER_QUANTITY_MAX,
    ),
    (
        "the amount below the quantity",
        wishing(capital="450").with_crypto(order_quantity_max={"BTC": D("0.0095")}),
        "0.009",
        Code.ALGORITHM_BUDGET,
    ),
    (
        "no limit on the quantity",
        wishing(capital="450").with_crypto(order_quantity_max={}),
        "0.009",
        Code.ALGORITHM_BUDGET,
    ),
    ("a cent less than a step", wishing(capital="449.99"), "0.00899", Code.ALGORITHM_BUDGET),
    ("a cent more than a step", wishing(capital="450.01"), "0.009", Code.ALGORITHM_BUDGET),
    ("an exact amount", wishing(capital="500"), None, None),
    ("never below what is asked", wishing().with_crypto(ask_above=D(1)), None, None),
)


@pytest.mark.parametrize(("name", "there", "given_", "code"), BINDING, ids=[case[0] for case in BINDING])
def test_the_closest_limit_binds(name: str, there: World, given_: str | None, code: Code | None) -> None:
    found = sized(there)
    if given_ is None:
        assert found is None
        return
    assert found == Sized(wanted=D("0.01"), given=D(given_), binding=code or Code.LIMIT_MISSING, objection=None)


def test_the_mandates_capital_binds_too() -> None:
    owner = algorithm(mandate=False)
    owner = replace(owner, mandate=mandate_for(owner, capital=D(450), order_notional_max=D(10_000)))
    there = wishing().run_by(owner)
    found = sized(there)
    assert found is not None
    assert (found.given, found.binding) == (D("0.009"), Code.APPROVAL_REQUIRED)
    found = sized(there.working(resting("a", pair=ETH, quantity="0.1", book="sma")))
    assert found is not None
    assert found.given == D("0.005")


UNTOUCHED: Final = (
    ("a chat", quiet(buy("1", **shrinking()))),
    ("exact", wishing(capital="450").with_intent(fit=Fit.EXACT)),
    ("never", wishing(capital="450").with_intent(fit=Fit.NEVER)),
    ("an exit", wishing(capital="450").with_intent(side=sell().side).holding(position("1", book="sma"))),
    ("a short", wishing(capital="450").with_intent(side=sell().side)),
    (
        "a flip",
        wishing(capital="450")
        .with_account(short_allowed=True)
        .with_intent(side=sell().side)
        .holding(position("0.005", book="sma")),
    ),
    ("no price", wishing(capital="450").with_facts(quotes={})),
    ("no rules", wishing(capital="450").with_facts(instruments={})),
    ("no balance", wishing(capital="450").with_facts(balances={})),
    ("no equity", wishing(capital="450").with_book(portfolio=quiet().book.portfolio).priced(USDT=None)),
    ("no valuation of something else", wishing(capital="450").holding(position("1", "DOGE-USDT"))),
    ("no quantity", wishing(capital="450").with_intent(amount=worth("500")).with_facts(quotes={})),
    ("a broken intent", wishing(capital="450").with_intent(pair="?")),
)


@pytest.mark.parametrize(("name", "there"), UNTOUCHED, ids=[case[0] for case in UNTOUCHED])
def test_a_wish_that_must_not_be_touched_is_not(name: str, there: World) -> None:
    assert sized(there) is None


def test_a_short_that_is_allowed_may_shrink() -> None:
    found = sized(wishing(capital="450").with_intent(side=sell().side).with_account(short_allowed=True))
    assert found is not None
    assert found.given == D("0.009")


def test_an_algorithm_without_a_mandate_is_bound_by_the_rest() -> None:
    there = wishing().run_by(algorithm(capital=D(450), mandate=False))
    found = sized(there)
    assert found is not None
    assert found.binding is Code.ALGORITHM_BUDGET
    assert sized(there.with_book(algorithms={})) is None


@pytest.mark.parametrize(
    ("capital", "rules", "given_", "least"),
    [
        ("125", {}, "0.0025", None),
        ("124.99", {}, "0.00249", "at least 0.0025"),
        ("0", {}, "0", "at least 0.0025"),
        ("125", {"quantity_min": D("0.0025")}, "0.0025", None),
        ("125", {"quantity_min": D("0.00251")}, "0.0025", "at least 0.00251"),
        ("125", {"notional_min": D(125)}, "0.0025", None),
        ("125", {"notional_min": D("125.01")}, "0.0025", "at least 0.00251"),
    ],
)
def test_below_a_quarter_or_the_venues_minimum_it_says_so(
    capital: str, rules: dict[str, Any], given_: str, least: str | None
) -> None:
    found = sized(wishing(capital=capital).listed(BTC, **rules))
    assert found is not None
    assert found.given == D(given_)
    if least is None:
        assert found.objection is None
        return
    objection = found.objection
    assert objection is not None
    assert (objection.code, objection.outcome) == (Code.LIMITS_INFEASIBLE, Outcome.DENY)
    assert objection.reason == (
        "ALGORITHM_BUDGET leaves less than a quarter of the size that was wanted, or less than the venue takes"
    )
    assert (objection.limit, objection.actual) == (least, given_)
    assert objection.would_pass.startswith("a smaller wish, or the same one when the limit has room again")
    assert objection.would_pass.endswith("again")


def test_contracts_and_currencies_count_in_every_room() -> None:
    """Two dollars of the base currency for a unit of the quote; a contract of three: 0.001 is worth 300."""
    there = wishing().listed(BTC, multiplier=D(3), notional_min=D(0)).priced(USDT="2").with_crypto(collar=D(1))
    found = sized(there.with_crypto(order_notional_max=D(2700)))
    assert found is not None
    assert (found.given, found.binding) == (D("0.009"), Code.ORDER_NOTIONAL_MAX)
    found = sized(paying(there, "1363.5"))
    assert found is not None
    assert (found.given, found.binding) == (D("0.009"), Code.BALANCE_INSUFFICIENT)


def test_the_venues_minimum_is_told_at_the_orders_own_limit() -> None:
    there = wishing(capital="450").with_intent(limit_price=D(40_000)).listed(BTC, notional_min=D("360.000001"))
    found = sized(there)
    assert found is not None
    assert found.given == D("0.009")
    assert found.objection is not None
    assert found.objection.limit == "at least 0.00901"
    assert sized(there.listed(BTC, notional_min=D(360))) == replace(found, objection=None)


def test_too_little_is_told_to_the_side_that_is_true() -> None:
    there = wishing("0.0123456789", capital="0.0000001").listed(BTC, quantity_step=D("1E-18"), notional_min=D(0))
    found = sized(there)
    assert found is not None
    assert found.objection is not None
    assert (found.objection.limit, found.objection.actual) == ("at least 0.0030864198", "0.000000000002")
    found = sized(
        wishing("0.0123456789", capital="100.00000999999999").listed(BTC, quantity_step=D("1E-18"), notional_min=D(0))
    )
    assert found is not None
    assert found.objection is not None
    assert found.objection.actual == "0.0020000001"


def test_the_first_of_two_equal_limits_is_named() -> None:
    found = sized(wishing(capital="450").with_crypto(order_notional_max=D(450)))
    assert found is not None
    assert found.binding is Code.ORDER_NOTIONAL_MAX
    found = sized(wishing(capital="450").with_crypto(order_quantity_max={"BTC": D("0.009")}))
    assert found is not None
    assert found.binding is Code.ALGORITHM_BUDGET


def test_a_quotient_that_was_rounded_up_is_put_right() -> None:
    with exactly():
        assert _largest(D("9.999999999999999999999999999999999"), D(5), D(1)) == 1
        assert _largest(D(10), D(5), D(1)) == 2
        assert _largest(D(0), D(1), D(1)) == 0


def test_no_room_at_all_leaves_nothing() -> None:
    for there in (
        wishing().holding(position("1", ETH)).with_account(exposure_gross_max=D("0.01")),
        wishing().with_account(risk_multiplier=D(0)),
        paying(wishing(), "-5"),
    ):
        found = sized(there)
        assert found is not None
        assert found.given == 0
        assert found.objection is not None


SHARES: Final = st.integers(1, 10**7).map(lambda number: Decimal(number).scaleb(-9))
MONEY: Final = st.integers(10**4, 10**9).map(lambda number: Decimal(number).scaleb(-6))
STEPS: Final = st.sampled_from([D("1E-8"), D("0.00003"), D("0.0007")])


@given(
    wish=st.integers(1, 10**7).map(lambda number: Decimal(number).scaleb(-8)),
    shares=st.tuples(SHARES, SHARES, SHARES, SHARES),
    money=st.tuples(MONEY, MONEY, MONEY, MONEY),
    step=STEPS,
    rate=st.sampled_from(["1", "0.9987", "0.333333333333333333"]),
    multiplier=st.sampled_from(["1", "0.7"]),
)
def test_what_is_given_passes_and_one_step_more_does_not(
    wish: Decimal,
    shares: tuple[Decimal, ...],
    money: tuple[Decimal, ...],
    step: Decimal,
    rate: str,
    multiplier: str,
) -> None:
    with exactly():
        there = wishing(str(wish), capital=str(money[0]), order_notional_max=money[1])
        there = there.listed(BTC, quantity_step=step, quantity_min=step, notional_min=D("0.01"))
        there = there.priced(USDT=rate).balance("USDT", str(money[2]))
        there = there.with_account(
            exposure_gross_max=shares[0], leverage_max=shares[1], risk_multiplier=D(multiplier)
        )
        there = there.with_crypto(
            position_share_max=shares[2], order_quantity_max={"BTC": shares[3]}, order_notional_max=money[3]
        )
        found = sized(there)
        wanted = there.case().quantity
        assert wanted is not None
        given_ = wanted if found is None else found.given
        assert given_ <= wanted
        assert given_ % step == 0
        if found is not None:
            more = there.with_intent(fit=Fit.NEVER, amount=Quantity(given_ + step)).verdict()
            assert set(more.codes()) & SIZES, (found, given_ + step)
        if given_ == 0 or (found is not None and found.objection is not None):
            return
        # A wish that nothing shrank may still be too small for the venue.
        own = {Code.INSTRUMENT_RULES, Code.LIMITS_INFEASIBLE} if found is None else set[Code]()
        verdict = there.with_intent(fit=Fit.NEVER, amount=Quantity(given_)).verdict()
        assert not set(verdict.codes()) & SIZES - own, (found, verdict.findings)


def test_the_smallest_a_venue_takes_is_rounded_up_until_it_is_too_much_to_be_rounded() -> None:
    rules = instrument(BTC, notional_min=D(100), quantity_step=D(3))
    with exactly():
        assert smallest_of(rules, None) == D(3)
        assert smallest_of(rules, D(10)) == D(12)
        assert smallest_of(rules, D("1E-13")) == D("1E+15")
        assert smallest_of(replace(rules, quantity_step=D("1E-18")), D("1E-18")) == D("1E+20")

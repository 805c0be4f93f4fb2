"""Size of one order and the money that pays for it: at the limit, a tick above, a tick below, and not known."""

from decimal import Decimal
from typing import Final

import pytest

from tests.core.guardrails.table import Row, asks, denies, names, passes
from tests.core.guardrails.world import (
    AAPL,
    BTC,
    NOW,
    VENUE,
    D,
    World,
    algorithm,
    buy,
    limit_at,
    live,
    position,
    quiet,
    resting,
    sell,
    worth,
)
from trading_mcp.core.domain.orders import OrderState
from trading_mcp.core.domain.portfolio import Portfolio
from trading_mcp.core.domain.verdict import Code

NOTIONAL, QUANTITY, FREE = Code.ORDER_NOTIONAL_MAX, Code.ORDER_QUANTITY_MAX, Code.BALANCE_INSUFFICIENT
ASKED: Final = Code.APPROVAL_REQUIRED
# What a missing valuation leaves undecided, each rule for itself.
BLIND: Final = (
    Code.LIMITS_INFEASIBLE,
    NOTIONAL,
    Code.POSITION_CONCENTRATION_MAX,
    Code.EXPOSURE_GROSS_MAX,
    Code.LEVERAGE_MAX,
)
LOSSES: Final = (Code.LOSS_DAY_MAX, Code.DRAWDOWN_ROLLING_MAX, Code.DRAWDOWN_HIGH_WATER_MAX, Code.LOSS_RATE_MAX)


def at_market(quantity: str, **crypto: object) -> World:
    """A limit order at the ask: 50 USDT for every 0.001, and nobody asked below 100,000."""
    return quiet(buy(quantity, **limit_at("50000"))).with_crypto(ask_above=D(100_000), **crypto)


def stock(quantity: str) -> World:
    return quiet(buy(quantity, AAPL, **limit_at("200"))).with_stocks(ask_above=D(100_000))


def leaving(quantity: str = "0.1", held: str = "0.1") -> World:
    return quiet(sell(quantity)).holding(position(held))


def owning(cash: str) -> World:
    """Own 100,000, of which only this much is USDT, whatever the venue says."""
    held = {f"{VENUE}/USDT": D(cash), f"{VENUE}/USD": D(100_000) - D(cash)}
    return at_market("0.002").with_book(portfolio=Portfolio(cash=held, positions={}))


def narrow(share: Decimal, money: Decimal, ask: Decimal, quantity: str = "100") -> World:
    """Every bound on size at once, each of an odd amount."""
    there = quiet(buy(quantity, **limit_at("50000")))
    there = there.with_crypto(
        position_share_max=share,
        order_notional_max=money,
        order_share_max=share,
        ask_above=ask,
        order_quantity_max={"BTC": share},
    )
    there = there.with_account(exposure_gross_max=share, leverage_max=share, turnover_day_max=share)
    least = D("1E-18")
    return there.balance("USDT", str(money)).listed(BTC, quantity_step=least, quantity_min=least, notional_min=D(0))


def odd() -> World:
    """Amounts with more digits than are shown, so that each is told on its own side."""
    return narrow(D("0.001234567891"), D("123.4567898"), D("12.345678912"), "0.123456600123")


def paying(cash: str, *, at: int = NOW) -> World:
    """The venue says this much USDT is free; 0.002 at 50,000 cost 101 with the buffer."""
    return at_market("0.002").balance("USDT", cash, at=at)


ROWS: Final = (
    passes("notional at the amount", lambda: at_market("0.01")),
    denies("notional a tick above the amount", lambda: at_market("0.01001"), NOTIONAL),
    passes("notional a tick below the amount", lambda: at_market("0.00999")),
    passes("stock at its share of equity", lambda: stock("50")),
    denies("stock a tick above its share", lambda: stock("50.001"), NOTIONAL, Code.POSITION_CONCENTRATION_MAX),
    passes("the share binds below the amount", lambda: at_market("0.002", order_share_max=D("0.001"))),
    denies("a tick above the share", lambda: at_market("0.00201", order_share_max=D("0.001")), NOTIONAL),
    passes(
        "the floor holds the share up",
        lambda: at_market("0.003", order_share_max=D("0.001"), order_share_floor=D(150)),
    ),
    denies(
        "a tick above the floor",
        lambda: at_market("0.00301", order_share_max=D("0.001"), order_share_floor=D(150)),
        NOTIONAL,
    ),
    denies("the floor never lifts the amount", lambda: at_market("0.01001", order_share_floor=D(900)), NOTIONAL),
    passes(
        "half the multiplier, at half the limit", lambda: at_market("0.005").with_account(risk_multiplier=D("0.5"))
    ),
    denies(
        "half the multiplier, a tick above",
        lambda: at_market("0.00501").with_account(risk_multiplier=D("0.5")),
        NOTIONAL,
    ),
    denies(
        "a multiplier of nothing",
        lambda: quiet().with_account(risk_multiplier=D(0)),
        Code.LIMITS_INFEASIBLE,
        NOTIONAL,
        QUANTITY,
        Code.POSITION_CONCENTRATION_MAX,
        Code.EXPOSURE_GROSS_MAX,
        Code.LEVERAGE_MAX,
    ),
    passes("an exit at a multiplier of nothing", lambda: leaving().with_account(risk_multiplier=D(0))),
    passes("an exit far above the amount", leaving),
    denies("worth is told at the worst price", lambda: quiet(buy("0.00991")).with_crypto(ask_above=D(501)), NOTIONAL),
    passes("a tick less at the worst price", lambda: quiet(buy("0.0099")).with_crypto(ask_above=D(501))),
    passes("a notional becomes the quantity it pays for", lambda: quiet(buy(amount=worth("250")))),
    asks("a notional above what is asked", lambda: quiet(buy(amount=worth("251"))), ASKED),
    denies(
        "equity unknown",
        lambda: at_market("0.002").priced(USDT=None),
        *BLIND,
        Code.TURNOVER_DAY_MAX,
        *LOSSES,
        ASKED,
    ),
    denies(
        "equity not finite",
        lambda: at_market("0.002").priced(USDT="NaN"),
        *BLIND,
        Code.TURNOVER_DAY_MAX,
        *LOSSES,
        ASKED,
    ),
    denies(
        "equity infinite",
        lambda: at_market("0.002").priced(USDT="Infinity"),
        *BLIND,
        Code.TURNOVER_DAY_MAX,
        *LOSSES,
        ASKED,
    ),
    denies(
        "equity negative infinite",
        lambda: at_market("0.002").priced(USDT="-Infinity"),
        *BLIND,
        Code.TURNOVER_DAY_MAX,
        *LOSSES,
        ASKED,
    ),
    denies(
        "a currency that no feed ever priced makes no order small",
        lambda: at_market("0.002").priced(USDT=None).with_facts(unpriced=frozenset({"USDT"})),
        *BLIND,
        Code.TURNOVER_DAY_MAX,
        *LOSSES,
        ASKED,
    ),
    passes("quantity at its limit", lambda: at_market("0.002", order_quantity_max={"BTC": D("0.002")})),
    denies("quantity a tick above", lambda: at_market("0.00201", order_quantity_max={"BTC": D("0.002")}), QUANTITY),
    passes("quantity a tick below", lambda: at_market("0.00199", order_quantity_max={"BTC": D("0.002")})),
    denies(
        "quantity above half its limit at half the multiplier",
        lambda: at_market("0.00101", order_quantity_max={"BTC": D("0.002")}).with_account(risk_multiplier=D("0.5")),
        QUANTITY,
    ),
    denies("no limit for the asset", lambda: at_market("0.002", order_quantity_max={}), Code.LIMIT_MISSING),
    passes("an exit without a limit for the asset", lambda: leaving().with_crypto(order_quantity_max={})),
    passes(
        "the smallest order is just legal",
        lambda: at_market("0.001").listed(BTC, notional_min=D(50)).with_crypto(order_notional_max=D(50)),
    ),
    denies(
        "the smallest order is above the limit",
        lambda: at_market("0.001").listed(BTC, notional_min=D(50)).with_crypto(order_notional_max=D("49.99")),
        Code.LIMITS_INFEASIBLE,
        NOTIONAL,
    ),
    denies(
        "the smallest quantity is above the limit",
        lambda: at_market("0.001").listed(BTC, quantity_min=D("0.001")).with_crypto(order_notional_max=D("49.99")),
        Code.LIMITS_INFEASIBLE,
        NOTIONAL,
    ),
    denies(
        "the smallest order of a contract in another currency, to the last digit",
        lambda: (
            at_market("0.001")
            .listed(BTC, quantity_min=D("0.001"), multiplier=D(3))
            .priced(USDT="0.3333333334")
            .with_crypto(order_notional_max=D(40))
        ),
        Code.LIMITS_INFEASIBLE,
        NOTIONAL,
        *LOSSES,
    ),
    passes("free at the cost with its buffer", lambda: paying("101")),
    denies("free a tick below the cost", lambda: paying("100.99"), FREE),
    passes("free a tick above the cost", lambda: paying("101.01")),
    denies("balance unknown", lambda: at_market("0.002").with_facts(balances={}), FREE),
    denies("balance not a number", lambda: paying("NaN"), FREE),
    denies("balance infinite", lambda: paying("Infinity"), FREE),
    denies("balance negative", lambda: paying("-1"), FREE),
    passes(
        "a balance older than our last fill is not used",
        lambda: paying("0", at=NOW - 1).with_book(local_fill_at={VENUE: NOW}),
    ),
    passes("nor one of that very moment", lambda: paying("0", at=NOW).with_book(local_fill_at={VENUE: NOW})),
    denies("one a tick later is", lambda: paying("0", at=NOW + 1).with_book(local_fill_at={VENUE: NOW}), FREE),
    passes("our own count pays for it", lambda: owning("101")),
    denies("the venue's figure never raises our own count", lambda: owning("100.99"), FREE),
    denies(
        "a working buy has its share of our count",
        lambda: owning("151.49").working(resting("a", quantity="0.001")),
        FREE,
    ),
    denies(
        "a working buy has its share of the cash",
        lambda: paying("151.5").working(resting("a", quantity="0.00101", since=NOW)),
        FREE,
    ),
    passes("as far as it goes", lambda: paying("151.5").working(resting("a", quantity="0.001", since=NOW))),
    passes(
        "what the venue has seen is not taken twice",
        lambda: paying("101").working(resting("a", quantity="0.001", since=NOW - 1)),
    ),
    *(
        denies(
            f"{state} is never seen",
            lambda state=state: paying("101").working(resting("a", quantity="0.001", state=state, since=NOW - 1)),
            *more,
            FREE,
        )
        for state, more in (
            (OrderState.CLEARED, ()),
            (OrderState.SENDING, ()),
            (OrderState.UNKNOWN, (Code.STATE_ORDER_UNKNOWN,)),
        )
    ),
    passes(
        "a buy elsewhere takes nothing here", lambda: paying("101").working(resting("a", venue="other", since=NOW))
    ),
    passes(
        "a buy in another currency takes nothing",
        lambda: paying("101").working(resting("a", pair=AAPL, quantity="1", since=NOW)),
    ),
    passes("an exit of units the venue lets go", lambda: leaving().balance("BTC", "0.1")),
    denies("an exit a tick above what it lets go", lambda: leaving().balance("BTC", "0.09999"), FREE),
    denies(
        "an exit a hair above what it lets go",
        lambda: (
            leaving("0.100000000123", "0.2").balance("BTC", "0.099999999987").listed(BTC, quantity_step=D("1E-18"))
        ),
        FREE,
    ),
    passes("free at the cost of a contract", lambda: paying("303").listed(BTC, multiplier=D(3))),
    denies("free a tick below it", lambda: paying("302.99").listed(BTC, multiplier=D(3)), FREE),
    passes("an exit with no balance goes by our count", leaving),
    passes("an exit with a balance not a number does too", lambda: leaving().balance("BTC", "NaN")),
    passes(
        "an exit with an old balance does too",
        lambda: leaving().balance("BTC", "0", at=NOW).with_book(local_fill_at={VENUE: NOW}),
    ),
    denies(
        "with one a tick later it does not",
        lambda: leaving().balance("BTC", "0", at=NOW + 1).with_book(local_fill_at={VENUE: NOW}),
        FREE,
    ),
    passes(
        "a buy that covers a short needs no cash fact",
        lambda: quiet(buy("0.1")).holding(position("-0.1")).with_facts(balances={}),
    ),
    passes("an algorithm within its means", lambda: at_market("0.002").run_by(algorithm())),
    denies(
        "amounts are told on the side that is true",
        odd,
        NOTIONAL,
        QUANTITY,
        Code.POSITION_CONCENTRATION_MAX,
        Code.EXPOSURE_GROSS_MAX,
        Code.LEVERAGE_MAX,
        FREE,
        Code.TURNOVER_DAY_MAX,
        ASKED,
    ),
    denies(
        "an algorithm's too",
        lambda: odd().run_by(algorithm(capital=D("123.4567898"))),
        NOTIONAL,
        QUANTITY,
        Code.POSITION_CONCENTRATION_MAX,
        Code.EXPOSURE_GROSS_MAX,
        Code.LEVERAGE_MAX,
        Code.ALGORITHM_BUDGET,
        FREE,
        Code.TURNOVER_DAY_MAX,
        ASKED,
    ),
    passes("LIVE at its amount", lambda: live(buy("0.002", **limit_at("50000")))),
    denies(
        "LIVE a tick above its amount",
        lambda: live(buy("0.00201", **limit_at("50000"))).with_crypto(ask_above=D(999)),
        NOTIONAL,
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=names(ROWS))
def test_an_order_is_bounded_in_size_and_by_what_is_free(row: Row) -> None:
    row.check()

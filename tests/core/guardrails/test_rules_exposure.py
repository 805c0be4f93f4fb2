"""Concentration, exposure, leverage, shorts, open orders, an algorithm's capital, and no passage through zero."""

from typing import Final

import pytest
from msgspec.structs import replace

from tests.core.guardrails.table import Row, denies, names, passes
from tests.core.guardrails.world import (
    AAPL,
    ETH,
    VENUE,
    D,
    World,
    algorithm,
    buy,
    limit_at,
    live,
    mandate_for,
    position,
    quiet,
    resting,
    sell,
    worth,
)
from trading_mcp.core.domain.orders import EXTERNAL, OrderState, Side
from trading_mcp.core.domain.portfolio import Portfolio, Position
from trading_mcp.core.domain.verdict import Code

CONCENTRATION, GROSS, LEVERAGE = Code.POSITION_CONCENTRATION_MAX, Code.EXPOSURE_GROSS_MAX, Code.LEVERAGE_MAX
SHORT, OPEN, BUDGET, FLIP = (
    Code.SHORT_NOT_ALLOWED,
    Code.ORDERS_OPEN_MAX,
    Code.ALGORITHM_BUDGET,
    Code.REDUCE_WOULD_FLIP,
)
MATIC, POL = "MATIC-USDT", "POL-USDT"
PRICELESS: Final = (
    Code.LIMITS_INFEASIBLE,
    Code.PRICE_UNKNOWN,
    Code.ORDER_NOTIONAL_MAX,
    Code.ORDER_QUANTITY_MAX,
    CONCENTRATION,
    GROSS,
    LEVERAGE,
    SHORT,
    Code.BALANCE_INSUFFICIENT,
    Code.TURNOVER_DAY_MAX,
    Code.APPROVAL_REQUIRED,
)
NOWHERE: Final = (
    Code.STATE_NOT_RECONCILED,
    Code.MODE_MISMATCH,
    Code.SYMBOL_NOT_APPROVED,
    Code.INSTRUMENT_RULES,
    Code.LIMITS_INFEASIBLE,
    Code.PRICE_UNKNOWN,
    Code.FEED_DOWN,
    Code.ORDER_NOTIONAL_MAX,
    CONCENTRATION,
    GROSS,
    LEVERAGE,
    SHORT,
    Code.BALANCE_INSUFFICIENT,
    Code.TURNOVER_DAY_MAX,
    Code.APPROVAL_REQUIRED,
)
# What a missing price leaves undecided, each rule for itself.
BLIND: Final = (
    Code.LIMITS_INFEASIBLE,
    Code.ORDER_NOTIONAL_MAX,
    CONCENTRATION,
    GROSS,
    LEVERAGE,
    BUDGET,
    Code.LOSS_DAY_MAX,
    Code.DRAWDOWN_ROLLING_MAX,
    Code.DRAWDOWN_HIGH_WATER_MAX,
    Code.LOSS_RATE_MAX,
)


def share(most: str, quantity: str = "0.002") -> World:
    """BTC at 50,000; equity is 100,000, so that 1 % is 1,000."""
    return quiet(buy(quantity, **limit_at("50000"))).with_crypto(position_share_max=D(most))


def gross(most: str) -> World:
    return quiet(buy("0.002", **limit_at("50000"))).with_account(exposure_gross_max=D(most))


def levered(most: str) -> World:
    return quiet(buy("0.002", **limit_at("50000"))).with_account(leverage_max=D(most))


def capital(amount: str) -> World:
    """Let the capital bind, not the mandate."""
    owner = algorithm(capital=D(amount), mandate=False)
    owner = replace(owner, mandate=mandate_for(owner, capital=D(99_999)))
    return quiet(buy("0.002", **limit_at("50000"))).run_by(owner)


def selling(quantity: str) -> World:
    """Three books: manual holds 0.003, sma 0.002, rsi 0.001."""
    held = (position("0.003"), position("0.002", book="sma"), position("0.001", book="rsi"))
    return quiet(sell(quantity)).holding(*held).with_crypto(ask_above=D(99_999))


def flipping(quantity: str, *held: Position) -> World:
    there = quiet(sell(quantity, venue=VENUE)).holding(*held).with_crypto(ask_above=D(99_999))
    return there.listed("BTC-USDT", quantity_step=D("1E-18"))


def shorting(quantity: str = "0.002") -> World:
    return quiet(sell(quantity, **limit_at("49990"))).with_account(short_allowed=True)


def _renamed(most: str) -> World:
    """Hold POL for 100 dollars and buy MATIC for 100 more."""
    held = position("200", POL, average=D("0.5"))
    wish = buy("200", MATIC, **limit_at("0.5"))
    return quiet(wish).with_crypto(position_share_max=D(most)).holding(held)


def _broke(dollars: str = "-50000") -> World:
    """Have 50,000 USDT to spend, and owe as many dollars or more."""
    cash = {f"{VENUE}/USDT": D(50_000), f"{VENUE}/USD": D(dollars)}
    return quiet().with_book(portfolio=Portfolio(cash=cash, positions={}))


ROWS: Final = (
    passes("the asset at its share", lambda: share("0.001")),
    denies("a tick above its share", lambda: share("0.001", "0.00201"), CONCENTRATION),
    passes("a tick below its share", lambda: share("0.001", "0.00199")),
    passes("with what is held, at the share", lambda: share("0.006").holding(position("0.01"))),
    denies("with what is held, above it", lambda: share("0.006", "0.00201").holding(position("0.01")), CONCENTRATION),
    denies(
        "held by another book", lambda: share("0.006", "0.00201").holding(position("0.01", book="sma")), CONCENTRATION
    ),
    denies(
        "held by others than the desk",
        lambda: share("0.006", "0.00201").holding(position("0.01", book=EXTERNAL)),
        CONCENTRATION,
    ),
    denies(
        "held at another venue", lambda: share("0.006", "0.00201").holding(position("0.01", venue="x")), CONCENTRATION
    ),
    denies(
        "held against another currency",
        lambda: share("0.006", "0.00201").holding(position("0.01", "BTC-USD", average=D(50_000))),
        CONCENTRATION,
    ),
    passes("another asset does not count", lambda: share("0.001").holding(position("1", ETH))),
    denies(
        "a short counts as much as a long",
        lambda: share("0.001").holding(position("0.01", book="sma"), position("-0.01", book="rsi")),
        CONCENTRATION,
    ),
    denies(
        "a working order counts",
        lambda: share("0.006", "0.00201").working(resting("a", quantity="0.01")),
        CONCENTRATION,
    ),
    denies(
        "an order of unknown fate counts",
        lambda: share("0.006", "0.00201").working(resting("a", quantity="0.01", state=OrderState.UNKNOWN)),
        Code.STATE_ORDER_UNKNOWN,
        CONCENTRATION,
    ),
    denies(
        "a working order counts what is not filled yet",
        lambda: share("0.006", "0.00201").working(
            resting("a", quantity="0.02", filled="0.01", state=OrderState.PARTIAL)
        ),
        CONCENTRATION,
    ),
    passes("a working order at the share", lambda: share("0.006").working(resting("a", quantity="0.01"))),
    passes("a working exit does not count", lambda: share("0.001").working(resting("a", Side.SELL, "0.01"))),
    passes(
        "an order of another asset does not count",
        lambda: share("0.001").working(resting("a", pair=ETH, quantity="0.1")),
    ),
    passes("a renamed asset at its share", lambda: _renamed("0.002")),
    denies("a renamed asset counts under its old name", lambda: _renamed("0.00199"), CONCENTRATION),
    passes("a stablecoin is exempt", lambda: share("0.001").with_account(stablecoins=frozenset({"BTC"}))),
    denies(
        "half the share at half the multiplier",
        lambda: share("0.001").with_account(risk_multiplier=D("0.5")),
        CONCENTRATION,
    ),
    passes("stocks have a share of their own", lambda: share("0.25").with_stocks(position_share_max=D(0))),
    denies(
        "equity of nothing",
        _broke,
        Code.LIMITS_INFEASIBLE,
        Code.ORDER_NOTIONAL_MAX,
        CONCENTRATION,
        GROSS,
        LEVERAGE,
        Code.LOSS_DAY_MAX,
        Code.DRAWDOWN_ROLLING_MAX,
        Code.DRAWDOWN_HIGH_WATER_MAX,
        Code.LOSS_RATE_MAX,
    ),
    denies(
        "equity below nothing",
        lambda: _broke("-200000"),
        Code.LIMITS_INFEASIBLE,
        Code.ORDER_NOTIONAL_MAX,
        CONCENTRATION,
        GROSS,
        LEVERAGE,
        Code.LOSS_DAY_MAX,
        Code.DRAWDOWN_ROLLING_MAX,
        Code.DRAWDOWN_HIGH_WATER_MAX,
        Code.LOSS_RATE_MAX,
    ),
    passes("everything at the bound", lambda: gross("0.001")),
    denies("everything above the bound", lambda: gross("0.00099"), GROSS),
    passes("with what is held, at the bound", lambda: gross("0.021").holding(position("1", ETH))),
    denies("with what is held, above the bound", lambda: gross("0.0209").holding(position("1", ETH)), GROSS),
    denies("a short is exposure", lambda: gross("0.0209").holding(position("-1", ETH)), GROSS),
    denies("so is a working order", lambda: gross("0.0209").working(resting("a", pair=ETH, quantity="1")), GROSS),
    passes("a working order at the bound", lambda: gross("0.021").working(resting("a", pair=ETH, quantity="1"))),
    denies(
        "half the exposure at half the multiplier",
        lambda: gross("0.001").with_account(risk_multiplier=D("0.5")),
        GROSS,
    ),
    passes("owned at the bound", lambda: levered("0.001")),
    denies("borrowed", lambda: levered("0.00099"), LEVERAGE),
    denies(
        "half of it at half the multiplier", lambda: levered("0.001").with_account(risk_multiplier=D("0.5")), LEVERAGE
    ),
    denies("more than the whole", lambda: levered("0.02").holding(position("1", ETH)), LEVERAGE),
    denies("nothing held", lambda: quiet(sell()), SHORT),
    denies("all of nothing", lambda: quiet(sell("all")), Code.INSTRUMENT_RULES, SHORT),
    denies("held by another book alone", lambda: quiet(sell()).holding(position("0.01", book="sma")), SHORT),
    passes("a short that is allowed", shorting),
    denies("but never without cash behind it", lambda: shorting().balance("USDT", "100"), Code.BALANCE_INSUFFICIENT),
    denies(
        "nor with a balance that is not known", lambda: shorting().with_facts(balances={}), Code.BALANCE_INSUFFICIENT
    ),
    denies(
        "nor above the limit of an order",
        lambda: shorting("0.011").with_crypto(ask_above=D(999)),
        Code.ORDER_NOTIONAL_MAX,
    ),
    denies("nowhere to sell", lambda: quiet(sell()).with_crypto(venues=()), *NOWHERE),
    denies(
        "more than the venue's books leave",
        lambda: flipping("0.002", position("0.003"), position("-0.002", book="rsi"), position("0.002", venue="x")),
        SHORT,
        FLIP,
    ),
    denies(
        "more than the account leaves",
        lambda: flipping("0.002", position("0.003"), position("-0.002", book="rsi", venue="x")),
        SHORT,
        FLIP,
    ),
    denies("more than others hold", lambda: flipping("0.002", position("0.001", book="rsi")), SHORT, FLIP),
    denies(
        "more than is held elsewhere",
        lambda: flipping("0.002", position("0.001", venue="x"), position("0", book="rsi"), position("1", ETH)),
        SHORT,
        FLIP,
    ),
    denies(
        "a hair more than is held",
        lambda: flipping("0.0030000012341", position("0.0030000009876")),
        SHORT,
        FLIP,
    ),
    denies(
        "an amount of money without a price",
        lambda: quiet(sell(amount=worth("100"))).holding(position("1")).with_facts(quotes={}),
        *PRICELESS,
    ),
    passes("a sell of what the book holds", lambda: selling("0.003")),
    denies("a tick more", lambda: selling("0.00301"), SHORT, FLIP),
    passes("a tick less", lambda: selling("0.00299")),
    denies("more than all books hold", lambda: selling("0.007"), SHORT, FLIP),
    denies(
        "more, where shorts are allowed",
        lambda: selling("0.00301").with_account(short_allowed=True),
        FLIP,
    ),
    denies("cover a tick more than was sold", lambda: quiet(buy("0.00201")).holding(position("-0.002")), FLIP),
    passes("cover what was sold", lambda: quiet(buy("0.002")).holding(position("-0.002"))),
    passes("one open order below the bound", lambda: quiet().working(resting("a")).with_account(orders_open_max=2)),
    denies("one above the bound", lambda: quiet().working(resting("a")).with_account(orders_open_max=1), OPEN),
    denies("no open order at all", lambda: quiet().with_account(orders_open_max=0), OPEN),
    passes(
        "orders of another book do not count",
        lambda: quiet().working(resting("a", book="sma")).with_account(orders_open_max=1),
    ),
    passes("nor exits", lambda: quiet().working(resting("a", Side.SELL)).with_account(orders_open_max=1)),
    denies(
        "but where money is real",
        lambda: live().working(resting("a", book="sma", venue="coinbase")).with_account(orders_open_max=1),
        OPEN,
    ),
    passes(
        "where exits do not either",
        lambda: live().working(resting("a", Side.SELL, venue="coinbase")).with_account(orders_open_max=1),
    ),
    passes("capital at its bound", lambda: capital("100")),
    denies("capital a cent short", lambda: capital("99.99"), BUDGET),
    passes("capital a cent over", lambda: capital("100.01")),
    denies("with what it holds", lambda: capital("199.99").holding(position("0.05", ETH, book="sma")), BUDGET),
    passes("with what it holds, at the bound", lambda: capital("200").holding(position("0.05", ETH, book="sma"))),
    denies(
        "with what it waits for",
        lambda: capital("199.99").working(resting("a", pair=ETH, quantity="0.05", book="sma")),
        BUDGET,
    ),
    passes(
        "with what it waits for, at the bound",
        lambda: capital("200").working(resting("a", pair=ETH, quantity="0.05", book="sma")),
    ),
    passes(
        "what another holds is not its own",
        lambda: capital("100").holding(position("0.05", ETH)).working(resting("a", pair=ETH)),
    ),
    denies(
        "an algorithm that is switched off",
        lambda: quiet().run_by(algorithm(enabled=False)),
        BUDGET,
        Code.APPROVAL_REQUIRED,
    ),
    denies(
        "an algorithm nobody knows",
        lambda: quiet().run_by(algorithm()).with_book(algorithms={}),
        BUDGET,
        Code.APPROVAL_REQUIRED,
    ),
    passes("its exit", lambda: quiet(sell()).holding(position("0.002", book="sma")).run_by(algorithm(enabled=False))),
    denies(
        "capital that cannot be measured",
        lambda: capital("100").holding(position("5", "DOGE-USDT")),
        *BLIND,
    ),
    passes("a stock and a coin under one roof", lambda: quiet(buy("1", AAPL)).holding(position("0.1"))),
)


@pytest.mark.parametrize("row", ROWS, ids=names(ROWS))
def test_the_whole_is_bounded_and_nothing_passes_through_zero(row: Row) -> None:
    row.check()

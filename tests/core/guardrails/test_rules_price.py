"""Prices that are unknown, stale, from the future or implausible; feeds; the collar; stops and targets."""

from typing import Any, Final

import pytest
from msgspec.structs import replace

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
    position,
    quiet,
    quote,
    sell,
)
from trading_mcp.core.domain.market import SECOND, FeedHealth
from trading_mcp.core.domain.orders import OrderType, Protect, Purpose, Trailing
from trading_mcp.core.domain.verdict import Code

UNKNOWN, STALE, ODD = Code.PRICE_UNKNOWN, Code.PRICE_STALE, Code.PRICE_IMPLAUSIBLE
DOWN, DEGRADED, COLLAR, STOP = Code.FEED_DOWN, Code.FEED_DEGRADED, Code.PRICE_COLLAR, Code.STOP_DISTANCE_MAX
# What a price that is no number leaves undecided, each rule for itself.
BLIND: Final = (
    Code.LIMITS_INFEASIBLE,
    ODD,
    Code.ORDER_NOTIONAL_MAX,
    Code.POSITION_CONCENTRATION_MAX,
    Code.EXPOSURE_GROSS_MAX,
    Code.LEVERAGE_MAX,
    Code.BALANCE_INSUFFICIENT,
    Code.TURNOVER_DAY_MAX,
    Code.APPROVAL_REQUIRED,
)


def quoted(bid: str, ask: str) -> World:
    return quiet(buy("0.001")).quoted(BTC, bid, ask)


def aged(span: int, pair: str = BTC, quantity: str = "0.002") -> World:
    there = quiet(buy(quantity, pair))
    old = replace(there.facts.quotes[f"{VENUE}/{pair}"], confirmed_at=NOW - span)
    return there.with_facts(quotes={**there.facts.quotes, f"{VENUE}/{pair}": old})


def jumped(bid: str, ask: str, span: int = SECOND, pair: str = BTC) -> World:
    """The quote before this one; the middle of now is 49,995."""
    before = quote(pair, bid, ask, at=NOW - span)
    return quiet().with_facts(quotes_before={f"{VENUE}/{pair}": before})


def leaving(there: World) -> World:
    return there.with_intent(side=sell().side).holding(position("1"))


def stop_at(price: str, **changes: Any) -> dict[str, Any]:
    return {"type": OrderType.STOP, "stop_price": D(price), **changes}


def stop_limit(stop: str, limit: str) -> dict[str, Any]:
    return {"type": OrderType.STOP_LIMIT, "stop_price": D(stop), "limit_price": D(limit)}


def guarded(stop: str | None = None, target: str | None = None, **changes: Any) -> World:
    guard = Protect(stop_loss=None if stop is None else D(stop), take_profit=None if target is None else D(target))
    return quiet(buy(protect=guard, **changes))


def trailing(distance: str) -> World:
    guard = Protect(trailing=Trailing(activate=D("0.01"), distance=D(distance)))
    return quiet(buy(protect=guard))


def exits(**changes: Any) -> World:
    return quiet(sell("0.1", **changes)).holding(position("1"))


def shorting(**changes: Any) -> World:
    return quiet(sell("0.002", **changes)).with_account(short_allowed=True)


PRICES: Final = (
    denies("no quote", lambda: quiet().with_facts(quotes={}), Code.LIMITS_INFEASIBLE, UNKNOWN, *BLIND[2:]),
    *(
        denies(f"an ask of {odd}", lambda odd=odd: quoted("49990", odd), *BLIND)
        for odd in ("NaN", "Infinity", "-Infinity", "0", "-1")
    ),
    *(
        denies(f"a bid of {odd}", lambda odd=odd: quoted(odd, "50000"), ODD)
        for odd in ("NaN", "Infinity", "-Infinity", "0", "-1")
    ),
    passes("bid and ask the same", lambda: quoted("50000", "50000")),
    denies("bid above ask", lambda: quoted("50000.01", "50000"), ODD),
    passes("confirmed 10 s ago", lambda: aged(10 * SECOND)),
    denies("confirmed a tick longer ago", lambda: aged(10 * SECOND + 1), STALE),
    passes("confirmed 2 s from now", lambda: aged(-2 * SECOND)),
    denies("confirmed a tick later than that", lambda: aged(-2 * SECOND - 1), STALE),
    passes("a stock confirmed 60 s ago", lambda: aged(60 * SECOND, AAPL, "1")),
    denies("a stock a tick longer ago", lambda: aged(60 * SECOND + 1, AAPL, "1"), STALE),
    passes("a spread of 2 %", lambda: quoted("49000", "50000")),
    denies("a spread a cent wider", lambda: quoted("48999.99", "50000"), ODD),
    denies("a spread of more digits than are shown", lambda: quoted("48988.888888", "50000"), ODD),
    passes("a stock's spread of 0.5 %", lambda: quiet(buy("1", AAPL)).quoted(AAPL, "199", "200")),
    denies("a stock's spread a cent wider", lambda: quiet(buy("1", AAPL)).quoted(AAPL, "198.99", "200"), ODD),
    passes("a jump up of 10 %", lambda: jumped("45450", "45450")),
    denies("a jump up of more", lambda: jumped("45449", "45450"), ODD),
    passes("a jump down of 10 %", lambda: jumped("55550", "55550")),
    denies("a jump down of more", lambda: jumped("55550", "55551"), ODD),
    passes("a jump within 60 s and a tick", lambda: jumped("30000", "30000", 60 * SECOND + 1)),
    denies("a jump within 60 s", lambda: jumped("30000", "30000", 60 * SECOND), ODD),
    passes("a jump that a second quote confirmed", lambda: jumped("49990", "50000")),
    passes("a jump of another pair", lambda: jumped("1", "1", pair="ETH-USDT")),
    *(
        denies(f"a quote before of {odd}", lambda odd=odd: jumped(odd, "50000"), ODD)
        for odd in ("NaN", "Infinity", "-60000", "-50000")
    ),
    passes("a healthy feed", lambda: quiet().with_facts(feeds={VENUE: FeedHealth.HEALTHY})),
    asks("a degraded feed", lambda: quiet().with_facts(feeds={VENUE: FeedHealth.DEGRADED}), DEGRADED),
    denies(
        "a degraded feed and an algorithm",
        lambda: quiet().run_by(algorithm()).with_facts(feeds={VENUE: FeedHealth.DEGRADED}),
        DEGRADED,
    ),
    denies("a feed that is down", lambda: quiet().with_facts(feeds={VENUE: FeedHealth.DOWN}), DOWN),
    denies("a feed nobody knows", lambda: quiet().with_facts(feeds={"x": FeedHealth.HEALTHY}), DOWN),
    passes("an exit without a quote", lambda: leaving(quiet()).with_facts(quotes={})),
    passes("an exit at a price not a number", lambda: leaving(quoted("NaN", "NaN"))),
    passes("an exit at a stale price", lambda: leaving(aged(99 * SECOND))),
    denies("a quote before without an ask", lambda: jumped("50000", "0"), ODD),
    passes("a quote before that was crossed", lambda: jumped("50001", "49999")),
    passes("an exit through a jump", lambda: leaving(jumped("1", "1"))),
    passes("an exit through a wide spread", lambda: leaving(quoted("40000", "50000"))),
    passes("an exit on a feed that is down", lambda: leaving(quiet()).with_facts(feeds={})),
)
COLLARS: Final = (
    passes("a buy 5 % through the market", lambda: quiet(buy("0.002", **limit_at("52500")))),
    denies("a buy a cent further", lambda: quiet(buy("0.002", **limit_at("52500.01"))), COLLAR),
    denies(
        "a limit a hair beyond an edge of many digits",
        lambda: (
            quiet(buy("0.002", **limit_at("52501.1234")))
            .quoted(BTC, "49990", "50000.123456")
            .listed(BTC, price_step=D("1E-9"))
        ),
        COLLAR,
    ),
    passes("a buy far below", lambda: quiet(buy("0.002", **limit_at("10000")))),
    passes("a sell 5 % through the market", lambda: exits(**limit_at("47490.5"))),
    denies("a sell a cent further", lambda: exits(**limit_at("47490.49")), COLLAR),
    passes("a sell far above", lambda: exits(**limit_at("90000"))),
    passes("a sell with no price has no collar", lambda: exits(**limit_at("40000")).with_facts(quotes={})),
    passes("a sell at a stale price has none", lambda: leaving(aged(99 * SECOND)).with_intent(**limit_at("40000"))),
    passes("a market exit goes as far as exits may", lambda: exits(purpose=Purpose.CLOSE)),
    passes("a stop limit within its stop's collar", lambda: quiet(buy("0.002", **stop_limit("55000", "57750")))),
    denies("a stop limit a cent further", lambda: quiet(buy("0.002", **stop_limit("55000", "57750.01"))), COLLAR),
    passes("a stop limit of a sell", lambda: exits(**stop_limit("45000", "42750"))),
    denies("a stop limit of a sell a cent further", lambda: exits(**stop_limit("45000", "42749.99")), COLLAR),
)


def fine(stop: str | None = None, target: str | None = None, ask: str = "50000.123456789") -> World:
    """An entry at a price with more digits than are shown."""
    guard = Protect(stop_loss=None if stop is None else D(stop), take_profit=None if target is None else D(target))
    return quiet(buy("0.001", protect=guard)).quoted(BTC, "49990", ask)


STOPS: Final = (
    denies(
        "a stop loss above an entry whose digits would round up", lambda: fine("50001", ask="50000.123956789"), STOP
    ),
    denies(
        "a stop loss below a reach whose digits would round down", lambda: fine("37000", ask="50000.122876543"), STOP
    ),
    denies(
        "a buy's stop above a reach whose digits would round up",
        lambda: fine(ask="50000.123956789").with_intent(**stop_at("62600"), protect=None),
        STOP,
    ),
    denies("a stop loss a hair above the entry", lambda: fine("50000.12345679"), STOP),
    denies("a stop loss a hair out of reach", lambda: fine("37500.09259259"), STOP),
    denies("a target a hair below the entry", lambda: fine(None, "50000.123456788"), STOP),
    denies(
        "a buy's stop a hair out of reach",
        lambda: fine().with_intent(**stop_at("62500.16"), protect=None),
        STOP,
    ),
    passes("a stop at the price", lambda: quiet(buy("0.002", **stop_at("50000")))),
    denies("a buy's stop a cent below it", lambda: quiet(buy("0.002", **stop_at("49999.99"))), STOP),
    passes("a buy's stop 25 % above", lambda: quiet(buy("0.002", **stop_at("62500")))),
    denies("a cent further", lambda: quiet(buy("0.002", **stop_at("62500.01"))), STOP),
    passes("a sell's stop at the price", lambda: exits(**stop_at("49990"))),
    denies("a sell's stop a cent above it", lambda: exits(**stop_at("49990.01")), STOP),
    passes("a sell's stop 25 % below", lambda: exits(**stop_at("37492.5"))),
    denies("a sell's stop a cent further", lambda: exits(**stop_at("37492.49")), STOP),
    passes("a stop with no price to compare", lambda: exits(**stop_at("1")).with_facts(quotes={})),
    passes("protection keeps the stop it has", lambda: exits(**stop_at("1", purpose=Purpose.PROTECTION))),
    passes("a trailing stop of 25 %", lambda: quiet(buy("0.002", type=OrderType.TRAILING_STOP, trail=D("0.25")))),
    denies(
        "a trailing stop of more", lambda: quiet(buy("0.002", type=OrderType.TRAILING_STOP, trail=D("0.2501"))), STOP
    ),
    passes("a trailing exit of 25 %", lambda: exits(type=OrderType.TRAILING_STOP, trail=D("0.25"))),
    denies("a trailing exit of more", lambda: exits(type=OrderType.TRAILING_STOP, trail=D("0.2501")), STOP),
    passes("a stop loss at the entry", lambda: guarded("50000")),
    denies("a stop loss a cent above the entry", lambda: guarded("50000.01"), STOP),
    passes("a stop loss 25 % below", lambda: guarded("37500")),
    denies("a stop loss a cent further", lambda: guarded("37499.99"), STOP),
    passes("a target at the entry", lambda: guarded(None, "50000")),
    denies("a target a cent below the entry", lambda: guarded(None, "49999.99"), STOP),
    passes("a target as far as one likes", lambda: guarded("40000", "900000")),
    passes("of an entry below the market", lambda: guarded("36000", "48000", **limit_at("48000"))),
    denies("a stop loss above that entry", lambda: guarded("48000.01", **limit_at("48000")), STOP),
    passes("of an entry through the market", lambda: guarded("50000", **limit_at("51000"))),
    denies("is measured at the market", lambda: guarded("50500", **limit_at("51000")), STOP),
    passes("of an entry at a stop", lambda: guarded("54000", "55000", **stop_at("55000"))),
    denies("a target below that stop", lambda: guarded(None, "54999.99", **stop_at("55000")), STOP),
    passes("a short's stop above", lambda: shorting(protect=Protect(stop_loss=D(60_000), take_profit=D(40_000)))),
    denies("a short's stop below", lambda: shorting(protect=Protect(stop_loss=D(49_989))), STOP),
    denies("a short's target above", lambda: shorting(protect=Protect(take_profit=D(49_991))), STOP),
    passes(
        "a short entered above the market",
        lambda: shorting(protect=Protect(stop_loss=D(52_000)), **limit_at("52000")),
    ),
    denies(
        "its stop below its entry", lambda: shorting(protect=Protect(stop_loss=D(51_999)), **limit_at("52000")), STOP
    ),
    passes("a trail of 25 % behind", lambda: trailing("0.25")),
    denies(
        "a trail a hair further than an odd reach",
        lambda: trailing("0.212345681123").with_crypto(stop_distance_max=D("0.2123456789")),
        STOP,
    ),
    denies("a trail further behind", lambda: trailing("0.2501"), STOP),
    passes("an exit's own guard is not sent, and not judged", lambda: exits(protect=Protect(stop_loss=D(1)))),
    denies(
        "without a price a guard is the least of it",
        lambda: guarded("1").with_facts(quotes={}),
        Code.LIMITS_INFEASIBLE,
        UNKNOWN,
        *BLIND[2:],
    ),
)
ROWS: Final[tuple[Row, ...]] = (*PRICES, *COLLARS, *STOPS)


@pytest.mark.parametrize("row", ROWS, ids=names(ROWS))
def test_risk_is_added_only_at_a_price_that_can_be_believed(row: Row) -> None:
    row.check()

"""Losses stop new risk at the limit, of the account, the market and the algorithm, and never an exit."""

from decimal import Decimal
from typing import Any, Final

import pytest
from msgspec.structs import replace

from tests.core.guardrails.table import Row, denies, names, passes
from tests.core.guardrails.world import AAPL, NOW, TODAY, VENUE, D, World, algorithm, buy, position, quiet, sell
from trading_mcp.core.domain.market import MINUTE, SECOND
from trading_mcp.core.domain.measures import Measure, first_measure
from trading_mcp.core.domain.portfolio import Portfolio
from trading_mcp.core.domain.verdict import Code

DAY, ROLLING, HIGH, RATE = (
    Code.LOSS_DAY_MAX,
    Code.DRAWDOWN_ROLLING_MAX,
    Code.DRAWDOWN_HIGH_WATER_MAX,
    Code.LOSS_RATE_MAX,
)


def measure(value: str, **changes: Any) -> Measure:
    return replace(first_measure(D(value), NOW, TODAY), **changes)


def account(**changes: Any) -> World:
    """Equity is 100,000 now; a change says what it was."""
    return measured(quiet(), "account", measure("100000", **changes))


def measured(there: World, key: str, of: Measure) -> World:
    return there.with_book(measures={**there.book.measures, key: of})


def market(loss: str, name: str = "crypto", there: World | None = None) -> World:
    return measured(there or quiet(), f"market/{name}", measure("0", day_open=D(loss)))


def own(value: str, **changes: Any) -> World:
    """The algorithm began at 10,000."""
    return measured(quiet().run_by(algorithm()), "algorithm/sma", measure(value, **changes))


def peak(value: str) -> tuple[tuple[int, Decimal], ...]:
    return ((NOW // MINUTE, D(value)),)


def leaving(there: World) -> World:
    held = position("0.002", book=there.intent.book)
    return there.with_intent(side=sell().side).holding(held)


def _owning(equity: str, **changes: Any) -> World:
    """Own exactly this much."""
    cash = {f"{VENUE}/USDT": D(50_000), f"{VENUE}/USD": D(equity) - D(50_000)}
    there = measured(quiet(), "account", measure(equity, **changes))
    return there.with_book(portfolio=Portfolio(cash=cash, positions={}))


def _unmeasured() -> World:
    there = quiet().run_by(algorithm())
    return there.with_book(measures={"account": there.book.measures["account"]})


DEEP: Final = {"day_open": D(10**6), "high_water": D(10**6), "peaks": peak("1000000"), "window": peak("1000000")}
ROWS: Final = (
    passes("the day lost its share", lambda: account(day_open=D(100_000) / D("0.95"))),
    passes("at 5 % of 200,000", lambda: _owning("190000", day_open=D(200_000), high_water=D(200_000))),
    denies("a cent beyond the day's share", lambda: _owning("189999.99", day_open=D(200_000)), DAY),
    passes("a cent within", lambda: _owning("190000.01", day_open=D(200_000))),
    passes("a gain", lambda: account(day_open=D(50_000))),
    passes("the market lost its share", lambda: market("5000")),
    denies("a cent more in the market", lambda: market("5000.01"), DAY),
    passes("in the other market", lambda: market("5000.01", "stocks")),
    passes("stocks lost theirs", lambda: market("2000", "stocks", quiet(buy("1", AAPL)))),
    denies("stocks a cent more", lambda: market("2000.01", "stocks", quiet(buy("1", AAPL))), DAY),
    passes("the algorithm lost its share", lambda: own("9500", day_open=D(10_000))),
    denies("the algorithm a cent more", lambda: own("9499.99", day_open=D(10_000)), DAY, Code.APPROVAL_REQUIRED),
    denies("what the algorithm opened with is unknown", _unmeasured, DAY, Code.APPROVAL_REQUIRED),
    denies("what the day opened with is of yesterday", lambda: account(day="2026-06-30"), Code.TURNOVER_DAY_MAX, DAY),
    passes("a tenth below the peak", lambda: _owning("180000", peaks=peak("200000"))),
    denies("a cent more than a tenth below", lambda: _owning("179999.99", peaks=peak("200000")), ROLLING),
    passes("the algorithm a tenth below its peak", lambda: own("10000", peaks=((0, D(10_000) / D("0.9")),))),
    passes("at 10 % of 20,000", lambda: own("18000", peaks=peak("20000"))),
    denies("the algorithm a cent more than a tenth", lambda: own("17999.99", peaks=peak("20000")), ROLLING),
    passes("a fifth below the highest", lambda: _owning("160000", high_water=D(200_000))),
    denies("a cent more than a fifth below", lambda: _owning("159999.99", high_water=D(200_000)), HIGH),
    passes("the algorithm a fifth below", lambda: own("16000", high_water=D(20_000))),
    denies("the algorithm a cent more than a fifth", lambda: own("15999.99", high_water=D(20_000)), HIGH),
    passes("a fiftieth in half an hour", lambda: _owning("196000", window=peak("200000"))),
    denies("a cent more in half an hour", lambda: _owning("195999.99", window=peak("200000")), RATE),
    denies("paused for a tick more", lambda: account(paused_until=NOW + 1), RATE),
    passes("paused until now", lambda: account(paused_until=NOW)),
    denies("paused for 8.5 s", lambda: account(paused_until=NOW + 8 * SECOND + SECOND // 2), RATE),
    denies("all of them at once, in order", lambda: account(**DEEP), DAY, ROLLING, HIGH, RATE),
    denies(
        "amounts too long to show are shown beyond the limit",
        lambda: _owning("89999.9999999", day_open=D(100_000), peaks=peak("100000"), high_water=D(200_000)),
        DAY,
        ROLLING,
        HIGH,
    ),
    passes("an exit through all of them", lambda: leaving(account(**DEEP))),
    passes("an exit with nothing measured", lambda: leaving(quiet()).with_book(measures={})),
    passes("an exit, paused", lambda: leaving(account(paused_until=NOW + MINUTE))),
    passes("an exit of a losing market", lambda: leaving(market("99999"))),
    passes("an exit of a losing algorithm", lambda: leaving(own("1", day_open=D(10_000), peaks=peak("10000")))),
)


@pytest.mark.parametrize("row", ROWS, ids=names(ROWS))
def test_a_loss_stops_new_risk_and_traps_nobody(row: Row) -> None:
    row.check()

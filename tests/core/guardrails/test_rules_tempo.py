"""Repeats, cooldown, rate, the day's orders and turnover, and what happens with nobody watching."""

from typing import Any, Final

import pytest

from tests.core.guardrails.table import Row, denies, names, passes
from tests.core.guardrails.world import (
    BTC,
    ETH,
    NOW,
    TODAY,
    D,
    World,
    algorithm,
    buy,
    limit_at,
    live,
    position,
    quiet,
    worth,
)
from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.market import MINUTE, SECOND
from trading_mcp.core.domain.measures import first_measure
from trading_mcp.core.domain.orders import Door, Side
from trading_mcp.core.domain.tallies import ACCOUNT_TALLY, Content, Tally
from trading_mcp.core.domain.verdict import Code

DUPLICATE, COOLDOWN, RATE = Code.ORDER_DUPLICATE, Code.PAIR_COOLDOWN, Code.RATE_GLOBAL
ORDERS, TURNOVER, UNATTENDED = Code.ORDERS_DAY_MAX, Code.TURNOVER_DAY_MAX, Code.UNATTENDED_ORDERS_MAX
# What a missing price leaves undecided, each rule for itself.
BLIND: Final = (
    Code.LIMITS_INFEASIBLE,
    Code.PRICE_UNKNOWN,
    Code.ORDER_NOTIONAL_MAX,
    Code.ORDER_QUANTITY_MAX,
    Code.POSITION_CONCENTRATION_MAX,
    Code.EXPOSURE_GROSS_MAX,
    Code.LEVERAGE_MAX,
    Code.BALANCE_INSUFFICIENT,
    TURNOVER,
    Code.APPROVAL_REQUIRED,
)
LIVE_SAME: Final = Content(BTC, Side.BUY, D("0.001"), D(50_000))
SAME: Final = Content(BTC, Side.BUY, D("0.002"), D(50_000))


def wish(book: str = "manual", **tally: Any) -> World:
    """Want 0.002 BTC at 50,000 after what a tally tells."""
    there = quiet(buy("0.002", **limit_at("50000"))).with_book(tallies={book: Tally(day=TODAY, **tally)})
    return there.run_by(algorithm()) if book == "sma" else there


def exiting(**tally: Any) -> World:
    there = wish(**tally)
    return there.with_intent(side=Side.SELL).holding(position("0.002"))


def where_money_is_real(**tally: Any) -> World:
    there = live(buy("0.001", **limit_at("50000"))).with_account(turnover_day_max=D(1))
    return there.with_book(tallies={ACCOUNT_TALLY: Tally(day=TODAY, **tally)})


def ago(span: int, content: Content = SAME) -> dict[str, Any]:
    return {"recent": ((NOW - span, content),)}


def last(span: int, pair: str = BTC) -> dict[str, Any]:
    return {"pair_at": {pair: NOW - span}}


def times(count: int, span: int) -> dict[str, Any]:
    return {"cleared_at": (NOW - span,) * count}


def watched(mode: Mode = Mode.SIMULATED, day: str = TODAY, **counts: int) -> World:
    return quiet(mode=mode).with_book(unattended=dict(counts), unattended_day=day)


def due(late: int, **tally: Any) -> World:
    """An algorithm's wish whose tick is a little late."""
    there = wish("sma", **tally)
    return there.with_intent(due_at=NOW - late)


def _late_where_money_is_real(span: int) -> World:
    """An algorithm of a LIVE home, its tick 5 s late, the account's pair entered so long ago."""
    there = live(buy("0.001", **limit_at("50000")))
    there = there.run_by(algorithm(venues=("coinbase",)), due_at=NOW - 5 * SECOND)
    return there.with_book(tallies={ACCOUNT_TALLY: Tally(day=TODAY, **last(span))})


ROWS: Final = (
    passes("the same order 10 s ago", lambda: wish(**ago(10 * SECOND))),
    denies("the same order a tick less than 10 s ago", lambda: wish(**ago(10 * SECOND - 1)), DUPLICATE),
    denies("the same order now", lambda: wish(**ago(0)), DUPLICATE),
    denies(
        "the same among others",
        lambda: wish(recent=((NOW - 2, SAME), (NOW, Content(ETH, Side.BUY, D(1), None)))),
        DUPLICATE,
    ),
    passes("another pair", lambda: wish(**ago(0, Content(ETH, Side.BUY, D("0.002"), D(50_000))))),
    passes("another side", lambda: wish(**ago(0, Content(BTC, Side.SELL, D("0.002"), D(50_000))))),
    passes("another quantity", lambda: wish(**ago(0, Content(BTC, Side.BUY, D("0.003"), D(50_000))))),
    passes("another price", lambda: wish(**ago(0, Content(BTC, Side.BUY, D("0.002"), D(49_000))))),
    passes("another book's", lambda: wish("sma").with_book(tallies={"manual": Tally(**ago(0))})),
    passes("an exit as before", lambda: exiting(**ago(0, Content(BTC, Side.SELL, D("0.002"), D(50_000))))),
    denies(
        "the account's, where money is real",
        lambda: where_money_is_real(**ago(0, Content(BTC, Side.BUY, D("0.001"), D(50_000)))),
        DUPLICATE,
    ),
    denies(
        "no quantity to compare",
        lambda: wish(**ago(0)).with_intent(amount=worth("100")).with_facts(quotes={}),
        *BLIND,
    ),
    denies(
        "the account's, though the book's own is old",
        lambda: where_money_is_real(**ago(0, LIVE_SAME)).with_book(
            tallies={"manual": Tally(**ago(60 * SECOND)), ACCOUNT_TALLY: Tally(**ago(0, LIVE_SAME))}
        ),
        DUPLICATE,
    ),
    passes("the pair rested 60 s", lambda: wish(**last(60 * SECOND))),
    denies("the pair rested a tick less", lambda: wish(**last(60 * SECOND - 1)), COOLDOWN),
    passes("the pair rested a tick more", lambda: wish(**last(60 * SECOND + 1))),
    passes("another pair was just entered", lambda: wish(**last(0, ETH))),
    passes("an exit just after an entry", lambda: exiting(**last(0))),
    denies("the account's pair, where money is real", lambda: where_money_is_real(**last(0)), COOLDOWN),
    passes(
        "the account's pair counts for nobody elsewhere",
        lambda: wish().with_book(tallies={ACCOUNT_TALLY: Tally(**last(0))}),
    ),
    passes("a tick 5 s late counts as punctual", lambda: due(5 * SECOND, pair_at={BTC: NOW - 65 * SECOND})),
    denies(
        "but not as earlier than it was due", lambda: due(5 * SECOND, pair_at={BTC: NOW - 65 * SECOND + 1}), COOLDOWN
    ),
    denies("a tick later than that is missed", lambda: due(5 * SECOND + 1), Code.FIELD_INVALID),
    denies(
        "and counts by the desk's clock",
        lambda: due(6 * SECOND, pair_at={BTC: NOW - 60 * SECOND + 1}),
        Code.FIELD_INVALID,
        COOLDOWN,
    ),
    passes(
        "an exit of a missed tick",
        lambda: due(60 * SECOND).with_intent(side=Side.SELL).holding(position("0.002", book="sma")),
    ),
    denies(
        "a short of a missed tick",
        lambda: due(60 * SECOND).with_intent(side=Side.SELL).with_account(short_allowed=True),
        Code.FIELD_INVALID,
    ),
    denies(
        "the account's cooldown goes by the desk's clock",
        lambda: _late_where_money_is_real(60 * SECOND - 1),
        COOLDOWN,
    ),
    passes("and ends by it", lambda: _late_where_money_is_real(60 * SECOND)),
    passes("four in five minutes", lambda: wish(**times(4, MINUTE))),
    denies("five in five minutes", lambda: wish(**times(5, MINUTE)), RATE),
    passes("five, five minutes ago", lambda: wish(**times(5, 5 * MINUTE))),
    denies("five, a tick less than that ago", lambda: wish(**times(5, 5 * MINUTE - 1)), RATE),
    passes("an exit after five", lambda: exiting(**times(5, 0))),
    denies("five of the account, where money is real", lambda: where_money_is_real(**times(5, MINUTE)), RATE),
    passes("the last manual order of the day", lambda: wish(orders_day=99)),
    denies("one more", lambda: wish(orders_day=100), ORDERS),
    passes(
        "of another day",
        lambda: (
            wish(orders_day=100)
            .with_facts(day="2026-07-02")
            .with_book(measures={"account": first_measure(D(100_000), NOW, "2026-07-02")})
        ),
    ),
    passes("the last of an algorithm", lambda: wish("sma", orders_day=499)),
    denies("one more of an algorithm", lambda: wish("sma", orders_day=500), ORDERS, Code.APPROVAL_REQUIRED),
    passes("an exit on a full day", lambda: exiting(orders_day=100)),
    passes("the account's last, where money is real", lambda: where_money_is_real(orders_day=99)),
    denies("the account's one more", lambda: where_money_is_real(orders_day=100), ORDERS),
    passes("turnover at its bound", lambda: wish(turnover_day=D(999_900))),
    denies("turnover a cent above", lambda: wish(turnover_day=D("999900.01")), TURNOVER),
    passes("turnover a cent below", lambda: wish(turnover_day=D("999899.99"))),
    denies("turnover long used up", lambda: wish(turnover_day=D(2_000_000)), TURNOVER),
    passes("an exit with the turnover used up", lambda: exiting(turnover_day=D(2_000_000))),
    passes("the account's turnover, where money is real", lambda: where_money_is_real(turnover_day=D(99_950))),
    denies("the account's, a cent above", lambda: where_money_is_real(turnover_day=D("99950.01")), TURNOVER),
    denies("no opening of today", lambda: wish().with_facts(day="2026-07-02"), TURNOVER, Code.LOSS_DAY_MAX),
    denies(
        "nothing measured at all",
        lambda: wish().with_book(measures={}),
        TURNOVER,
        Code.LOSS_DAY_MAX,
        Code.DRAWDOWN_ROLLING_MAX,
        Code.DRAWDOWN_HIGH_WATER_MAX,
        Code.LOSS_RATE_MAX,
    ),
    passes("the last unattended order of a door", lambda: watched(mcp=49)),
    denies("one more through the door", lambda: watched(mcp=50), UNATTENDED),
    passes("the last of everyone", lambda: watched(mcp=20, cli=29)),
    denies("one more of everyone", lambda: watched(mcp=20, cli=30), UNATTENDED),
    passes("unattended on another day", lambda: watched(day="2026-06-30", mcp=50)),
    denies("on another day, where money is real", lambda: watched(Mode.DRY, "2026-06-30", mcp=50), UNATTENDED),
    passes(
        "an exit with nobody watching", lambda: watched(mcp=50).with_intent(side=Side.SELL).holding(position("0.002"))
    ),
    passes("an algorithm has a mandate for that", lambda: watched(runner=50).run_by(algorithm())),
    passes("a door that did nothing yet", lambda: watched(cli=1).with_account(unattended_actor_max=1)),
    denies("a new client's name gives no new quota", lambda: watched(mcp=50).with_intent(client="new"), UNATTENDED),
    passes(
        "another door has its own",
        lambda: watched(mcp=49).with_account(unattended_total_max=99).with_intent(door=Door.WEB),
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=names(ROWS))
def test_a_pace_is_kept_and_exits_know_none(row: Row) -> None:
    row.check()

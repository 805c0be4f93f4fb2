"""The order itself: well formed, of one mind with its id, approved, within the venue's steps, in an open session."""

from decimal import Decimal
from typing import Any, Final

import pytest

from tests.core.guardrails.table import Row, denies, names, passes
from tests.core.guardrails.world import (
    AAPL,
    BTC,
    ETH,
    NOW,
    TODAY,
    VENUE,
    D,
    World,
    buy,
    limit_at,
    position,
    quiet,
    sell,
    worth,
)
from trading_mcp.core.domain.book import IntentRecord
from trading_mcp.core.domain.instruments import Kind
from trading_mcp.core.domain.market import Market, Session
from trading_mcp.core.domain.orders import Door, Intent, OrderType, TimeInForce
from trading_mcp.core.domain.verdict import Code, Outcome, Verdict

FIELD, RULES, SYMBOL = Code.FIELD_INVALID, Code.INSTRUMENT_RULES, Code.SYMBOL_NOT_APPROVED
CONFLICT, CLOSED, KIND = Code.INTENT_CONFLICT, Code.SESSION_CLOSED, Code.INSTRUMENT_UNKNOWN_KIND
POL: Final = "POL-USDT"
USED: Final = Verdict(outcome=Outcome.ALLOW, findings=(), policy="", reduces=False)


def at_ask(quantity: str, **rules: Any) -> World:
    """Buy at 50,000 where the venue's rules are these."""
    return quiet(buy(quantity, **limit_at("50000"))).listed(BTC, **rules).with_crypto(ask_above=D(99_999))


def hair(quantity: str, **rules: Any) -> World:
    return at_ask(quantity, quantity_step=D("1E-18"), **rules)


def own_limit(least: Decimal) -> World:
    return quiet(buy("0.002", **limit_at("40000"))).listed(BTC, notional_min=least)


def leaving(quantity: str, **rules: Any) -> World:
    return quiet(sell(quantity)).holding(position("5")).listed(BTC, **rules)


def remembered(before: Intent, now: Intent) -> World:
    record = IntentRecord(intent=before, verdict=USED, at=NOW)
    return quiet(now).with_book(intents={0: {before.id: record}})


def stocks(is_open: bool | None, wish: Intent) -> World:
    there = quiet(wish).holding(position("5", AAPL))
    sessions = {} if is_open is None else {Market.STOCKS: Session(market=Market.STOCKS, is_open=is_open, day=TODAY)}
    return there.with_facts(sessions=sessions)


def of(order_type: OrderType, **prices: str) -> dict[str, Any]:
    return {"type": order_type, **{name: D(price) for name, price in prices.items()}}


def taking(types: set[OrderType] | None = None, times: set[TimeInForce] | None = None) -> dict[str, Any]:
    rules: dict[str, Any] = {}
    if types is not None:
        rules["order_types"] = frozenset(types)
    if times is not None:
        rules["times_in_force"] = frozenset(times)
    return rules


ROWS: Final = (
    denies("a broken intent, alone", lambda: quiet(buy(amount=worth("NaN"))), FIELD),
    denies(
        "a broken intent under a used id", lambda: remembered(buy("1"), buy(amount=worth("sNaN"))), FIELD, CONFLICT
    ),
    denies("a form the venue does not take", lambda: at_ask("0.002", **taking({OrderType.MARKET})), FIELD),
    denies("one of many it takes", lambda: at_ask("0.002", **taking({OrderType.MARKET, OrderType.STOP})), FIELD),
    denies(
        "a time of many it takes", lambda: at_ask("0.002", **taking(times={TimeInForce.IOC, TimeInForce.FOK})), FIELD
    ),
    passes("a form it takes", lambda: at_ask("0.002", **taking({OrderType.LIMIT}))),
    passes("a market order travels as a limit", lambda: quiet().listed(BTC, **taking({OrderType.LIMIT}))),
    denies("an exit in a form it does not take", lambda: leaving("0.1", **taking({OrderType.MARKET})), FIELD),
    passes("an exit without a price as a market order", lambda: leaving("0.1").with_facts(quotes={})),
    denies(
        "an exit without a price where there is no market order",
        lambda: leaving("0.1", **taking({OrderType.LIMIT})).with_facts(quotes={}),
        FIELD,
    ),
    denies("a time in force it does not take", lambda: at_ask("0.002", **taking(times={TimeInForce.IOC})), FIELD),
    passes("one it takes", lambda: at_ask("0.002", **taking(times={TimeInForce.GTC}))),
    passes("a market order brings its own", lambda: quiet().listed(BTC, **taking(times={TimeInForce.DAY}))),
    denies("a kind of unknown risk", lambda: quiet().listed(BTC, kind=Kind.OTHER), KIND),
    denies("an exit of that kind", lambda: leaving("0.1", kind=Kind.OTHER), KIND),
    denies("an id used for another order", lambda: remembered(buy("1"), buy()), CONFLICT),
    denies("an exit under a used id", lambda: remembered(buy("1"), sell()).holding(position("1")), CONFLICT),
    passes("the same order again", lambda: remembered(buy(), buy())),
    passes("an asset on the list", lambda: quiet(buy("0.01", ETH))),
    denies("an asset not on the list", lambda: quiet().with_crypto(assets_approved=frozenset({"ETH"})), SYMBOL),
    denies(
        "an asset not on a long list",
        lambda: quiet().with_crypto(assets_approved=frozenset("ABCDEFGHIJKLM")),
        SYMBOL,
    ),
    denies("no asset on the list", lambda: quiet().with_crypto(assets_approved=frozenset()), SYMBOL),
    denies("a currency not on the list", lambda: quiet().with_crypto(quotes_approved=frozenset({"USD"})), SYMBOL),
    passes(
        "stocks need no currency on a list", lambda: quiet(buy("1", AAPL)).with_stocks(quotes_approved=frozenset())
    ),
    denies("a pair that is blocked", lambda: quiet().with_crypto(pairs_blocked=frozenset({BTC})), SYMBOL),
    passes("another pair is blocked", lambda: quiet().with_crypto(pairs_blocked=frozenset({"BTC-USD", ETH}))),
    denies(
        "a blocked pair under the new name of its asset",
        lambda: (
            quiet(buy("200", POL))
            .listed(POL)
            .quoted(POL, "0.4999", "0.5")
            .with_crypto(pairs_blocked=frozenset({"MATIC-USDT"}))
        ),
        SYMBOL,
    ),
    passes(
        "a new name of an approved asset", lambda: quiet(buy("200", POL)).listed(POL).quoted(POL, "0.4999", "0.5")
    ),
    passes("an exit of what is no longer approved", lambda: leaving("0.1").with_crypto(assets_approved=frozenset())),
    passes("an exit of a blocked pair", lambda: leaving("0.1").with_crypto(pairs_blocked=frozenset({BTC}))),
    denies(
        "a venue that is not routed",
        lambda: (
            quiet(buy(venue="x"))
            .at_venue("x")
            .balance("USDT", "50000", venue="x")
            .with_crypto(venues=("other", "third"))
        ),
        SYMBOL,
        Code.BALANCE_INSUFFICIENT,
    ),
    passes("an exit there", lambda: quiet(sell(venue="x")).at_venue("x").holding(position("1", venue="x"))),
    denies("a pair one routed venue does not offer", lambda: quiet().with_crypto(venues=(VENUE, "other")), SYMBOL),
    denies(
        "the venue's rules unknown", lambda: quiet().with_facts(instruments={}), SYMBOL, RULES, Code.LIMITS_INFEASIBLE
    ),
    passes("an exit with the rules unknown", lambda: leaving("0.1").with_facts(instruments={})),
    passes("quantity at the minimum", lambda: at_ask("0.002", quantity_min=D("0.002"))),
    denies("quantity a tick below", lambda: at_ask("0.00199", quantity_min=D("0.002")), RULES),
    passes("quantity a tick above", lambda: at_ask("0.00201", quantity_min=D("0.002"))),
    passes("quantity at the maximum", lambda: at_ask("0.002", quantity_max=D("0.002"))),
    denies("quantity a tick above the maximum", lambda: at_ask("0.00201", quantity_max=D("0.002")), RULES),
    passes("worth the minimum", lambda: at_ask("0.002", notional_min=D(100))),
    denies("worth a cent less", lambda: at_ask("0.002", notional_min=D("100.01")), RULES),
    passes("worth the maximum", lambda: at_ask("0.002", notional_max=D(100))),
    denies("worth a cent more than the maximum", lambda: at_ask("0.002", notional_max=D("99.99")), RULES),
    denies("a contract counts its multiplier", lambda: at_ask("0.001", notional_max=D(100), multiplier=D(3)), RULES),
    denies(
        "the minimum counts a contract's multiplier",
        lambda: at_ask("0.0001", notional_min=D(100), multiplier=D(3)),
        RULES,
    ),
    denies("a hair below the minimum", lambda: hair("0.001999999987", quantity_min=D("0.0020000001234")), RULES),
    denies("a hair above the maximum", lambda: hair("0.002000000123", quantity_max=D("0.002")), RULES),
    denies("a hair above the maximum worth", lambda: hair("0.002000000023", notional_max=D(100)), RULES),
    denies(
        "a minimum beyond all quantities",
        lambda: quiet(buy("0.002", **limit_at("0.01"))).listed(
            BTC, quantity_step=D("1E-18"), notional_min=D(900_000_000_000_000)
        ),
        RULES,
        Code.LIMITS_INFEASIBLE,
    ),
    denies("worth too little at its own limit", lambda: own_limit(D(90)), RULES),
    passes("worth enough at its own limit", lambda: own_limit(D(80))),
    denies(
        "nothing, where no minimum is set", lambda: at_ask("0.000001", quantity_min=D(0), notional_min=D(0)), RULES
    ),
    denies("less than one step", lambda: at_ask("0.000009"), RULES),
    denies("a price below one step", lambda: quiet(buy("0.002", **limit_at("0.001"))), RULES),
    denies(
        "a stop below one step",
        lambda: quiet(buy("0.002", **of(OrderType.STOP, stop_price="0.001"))),
        RULES,
        Code.STOP_DISTANCE_MAX,
    ),
    denies("an exit below the minimum is dust", lambda: leaving("0.001", quantity_min=D("0.002")), RULES),
    denies(
        "an exit below the minimum, with no price",
        lambda: leaving("0.001", quantity_min=D("0.002")).with_facts(quotes={}),
        RULES,
    ),
    denies("an exit above the maximum", lambda: leaving("0.1", quantity_max=D("0.01")), RULES),
    passes(
        "an exit with no price has no worth to bound",
        lambda: leaving("0.1", notional_min=D(10**9)).with_facts(quotes={}),
    ),
    passes("an open session", lambda: stocks(True, buy("1", AAPL))),
    denies("a closed session", lambda: stocks(False, buy("1", AAPL)), CLOSED),
    denies("a session nobody knows", lambda: stocks(None, buy("1", AAPL)), CLOSED),
    passes("an exit in an open session", lambda: stocks(True, sell("1", AAPL))),
    denies("an exit in a closed session", lambda: stocks(False, sell("1", AAPL)), CLOSED),
    passes("an exit while nobody knows", lambda: stocks(None, sell("1", AAPL))),
    passes("coins never close", lambda: stocks(False, buy())),
    denies("an assistant may not trade for an algorithm", lambda: quiet(buy(book="sma")), FIELD),
    denies("nor with what is not the desk's", lambda: quiet(sell(book="external", door=Door.CLI)), FIELD),
)


@pytest.mark.parametrize("row", ROWS, ids=names(ROWS))
def test_an_order_must_be_one_that_can_be_meant(row: Row) -> None:
    row.check()

"""What is asked: above an amount, outside a mandate, on a weak signal, before an event."""

from typing import Any, Final

import pytest
from msgspec.structs import replace

from tests.core.guardrails.shipped import LIVE
from tests.core.guardrails.table import Row, asks, denies, names, passes
from tests.core.guardrails.world import (
    AAPL,
    BTC,
    ETH,
    NOW,
    TODAY,
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
)
from trading_mcp.core.domain.measures import first_measure
from trading_mcp.core.domain.tallies import Tally
from trading_mcp.core.domain.verdict import Code

ASKED, EVENT = Code.APPROVAL_REQUIRED, Code.EVENT_BLACKOUT


def at_ask(quantity: str, pair: str = BTC, price: str = "50000") -> World:
    return quiet(buy(quantity, pair, **limit_at(price)))


def bound(**mandate: Any) -> World:
    """An algorithm wants 100 dollars of BTC under this mandate."""
    owner = algorithm(mandate=False)
    made = replace(owner, mandate=mandate_for(owner, **mandate))
    return at_ask("0.002").run_by(made)


def worth_now(value: str) -> World:
    there = bound(loss_max=D(100))
    measure = first_measure(D(value), NOW, TODAY)
    return there.with_book(measures={**there.book.measures, "algorithm/sma": measure})


def signal(confidence: str | None) -> World:
    return quiet(buy(signal_seq=1)).with_facts(signal_confidence=None if confidence is None else D(confidence))


def calendar(*assets: str) -> World:
    return quiet().with_account(events_required=True).with_facts(blackout_assets=frozenset(assets))


def leaving(there: World) -> World:
    return there.with_intent(side=sell().side).holding(position("1", book=there.intent.book))


ROWS: Final = (
    passes("at the amount", lambda: at_ask("0.005")),
    asks("a tick above the amount", lambda: at_ask("0.00501"), ASKED),
    passes("a tick below", lambda: at_ask("0.00499")),
    passes("a stock at its amount", lambda: at_ask("12.5", AAPL, "200")),
    asks("a stock a tick above", lambda: at_ask("12.501", AAPL, "200"), ASKED),
    asks("the owner signs everything", lambda: quiet().with_account(approval_always=True), ASKED),
    asks("as in LIVE", lambda: live().with_account(approval_always=LIVE.account.approval_always), ASKED),
    passes("but never an exit", lambda: leaving(quiet()).with_account(approval_always=True)),
    passes("a signal at the confidence", lambda: signal("0.6")),
    asks("a signal below it", lambda: signal("0.59"), ASKED),
    asks("a signal of no number", lambda: signal("NaN"), ASKED),
    asks("a signal beyond all numbers", lambda: signal("Infinity"), ASKED),
    asks("a signal that was never journaled", lambda: signal(None), ASKED),
    passes("no signal cited", quiet),
    passes("an exit on a weak signal", lambda: leaving(signal("0"))),
    passes("a mandate", bound),
    passes("inside a mandate the amount asks nobody", lambda: bound().with_crypto(ask_above=D(0))),
    passes("nor a weak signal", lambda: bound().with_intent(signal_seq=1)),
    passes("nor where the owner signs everything", lambda: bound().with_account(approval_always=True)),
    denies("no mandate", lambda: quiet().run_by(algorithm(mandate=False)), ASKED),
    denies(
        "a mandate without an end where a person signs it",
        lambda: bound(expires_at=None).with_account(mandate_signed=True),
        ASKED,
    ),
    passes(
        "a mandate with an end where a person signs it",
        lambda: bound(expires_at=NOW + 1).with_account(mandate_signed=True),
    ),
    passes("a mandate without an end where nobody signs one", lambda: bound(expires_at=None)),
    denies("a mandate of another version", lambda: bound(version="v0"), ASKED),
    passes("a mandate that ends a tick later", lambda: bound(expires_at=NOW + 1)),
    denies("a mandate that ends now", lambda: bound(expires_at=NOW), ASKED),
    denies("a mandate for another pair", lambda: bound(pairs=frozenset({ETH})), ASKED),
    denies("a mandate for another venue", lambda: bound(venues=("other",)), ASKED),
    passes("an order at the mandate's amount", lambda: bound(order_notional_max=D(100))),
    denies("a cent above it", lambda: bound(order_notional_max=D("99.99")), ASKED),
    passes("capital at the mandate's", lambda: bound(capital=D(100))),
    denies("a cent above the mandate's capital", lambda: bound(capital=D("99.99")), ASKED),
    denies(
        "what it waits for counts",
        lambda: bound(capital=D("149.99")).working(resting("a", quantity="0.001", book="sma")),
        ASKED,
    ),
    passes(
        "the last order of the mandate's day",
        lambda: bound(orders_day_max=5).with_book(tallies={"sma": Tally(day=TODAY, orders_day=4)}),
    ),
    denies(
        "one more", lambda: bound(orders_day_max=5).with_book(tallies={"sma": Tally(day=TODAY, orders_day=5)}), ASKED
    ),
    passes("a loss at the mandate's", lambda: worth_now("9900")),
    denies("a cent more", lambda: worth_now("9899.99"), ASKED),
    passes("its exit without a mandate", lambda: leaving(quiet().run_by(algorithm(mandate=False)))),
    passes("no event", lambda: calendar("ETH")),
    asks("an event", lambda: calendar("BTC"), EVENT),
    denies("an event and an algorithm", lambda: calendar("BTC").run_by(algorithm()), EVENT),
    denies("a calendar that does not answer", lambda: quiet().with_account(events_required=True), EVENT),
    passes("no calendar required", lambda: quiet().with_facts(blackout_assets=frozenset({"BTC"}))),
    passes("an exit into an event", lambda: leaving(calendar("BTC"))),
    asks("two questions are one", lambda: calendar("BTC").with_account(approval_always=True), EVENT, ASKED),
    denies(
        "a question beside a denial is a denial",
        lambda: calendar("BTC").with_account(orders_open_max=0),
        Code.ORDERS_OPEN_MAX,
        EVENT,
    ),
    passes("a venue by name", lambda: bound().with_intent(venue=VENUE)),
)


@pytest.mark.parametrize("row", ROWS, ids=names(ROWS))
def test_a_person_is_asked_for_exactly_this(row: Row) -> None:
    row.check()

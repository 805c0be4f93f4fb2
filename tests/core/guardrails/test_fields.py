"""What an intent's own words may say, and the sentence for each that will not do."""

from typing import Any, Final

import pytest

from tests.core.guardrails.world import NOW, D, buy, sell
from trading_mcp.core.domain.market import SECOND
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import (
    EXTERNAL,
    Door,
    Everything,
    Intent,
    Notional,
    OrderType,
    Protect,
    Purpose,
    Quantity,
    Trailing,
)
from trading_mcp.core.guardrails.fields import is_name, problem_of

ID = "the intent id must be 1 to 64 printable ASCII characters without spaces and slashes"
PAIR = 'the pair must be written like "BTC-USDT" or "AAPL"'
BOOK = "the book must be a plain name of 1 to 64 letters, digits, dots, dashes or colons"
NAMER = "only the desk's own runner may trade for an algorithm"
AMOUNT = "the amount must be a finite number above 0, below 10^15 and with at most 18 decimals"
ODD: Final[tuple[str, ...]] = (
    "NaN",
    "sNaN",
    "Infinity",
    "-Infinity",
    "0",
    "-1",
    "1E+15",
    "1E-19",
    "1E-400",
    "1E+400",
    "1.0000000000000000001",
)
DESK: Final[dict[str, Any]] = {"door": Door.DESK, "purpose": Purpose.PROTECTION}


def of(kind: OrderType, **prices: str) -> Intent:
    changes: dict[str, Any] = {name: D(price) for name, price in prices.items()}
    return buy(type=kind, **changes)


def guarded(**changes: Any) -> Intent:
    return buy(protect=Protect(**changes))


def trailing(activate: str, distance: str) -> Intent:
    return guarded(trailing=Trailing(activate=D(activate), distance=D(distance)))


GOOD: Final = (
    buy(),
    buy("1", "AAPL"),
    buy("1", "BRK.B"),
    buy("1", "A"),
    buy("1", "1INCH-USDT"),
    buy("1", "A23456789012345-USDT567890"),
    buy(id="!" + "~" * 63),
    buy(id="x"),
    sell("all"),
    buy(amount=Notional(D("0.000000000000000001"))),
    buy(amount=Quantity(D("999999999999999"))),
    buy(id="a/stop.1", **DESK),
    buy(id="a/" + "b" * 238, door=Door.DESK),
    buy(id="a/exit.1", purpose=Purpose.CLOSE),
    buy(book="a" * 64, door=Door.RUNNER),
    buy(book="sma.1_x:y-z", door=Door.RUNNER),
    buy(book="sma", door=Door.DESK),
    sell(book="sma", door=Door.CLI, purpose=Purpose.CLOSE),
    sell(book=EXTERNAL, door=Door.CLI, purpose=Purpose.CLOSE),
    of(OrderType.LIMIT, limit_price="1"),
    of(OrderType.STOP, stop_price="1"),
    of(OrderType.STOP_LIMIT, limit_price="1", stop_price="1"),
    of(OrderType.TRAILING_STOP, trail="0.999"),
    guarded(stop_loss=D(1), take_profit=D(2)),
    trailing("0.01", "0.02"),
    buy(door=Door.RUNNER, due_at=NOW),
    buy(door=Door.RUNNER, due_at=NOW - 60 * SECOND),
    buy(door=Door.DESK, due_at=NOW + SECOND, purpose=Purpose.PROTECTION),
)
BAD: Final[tuple[tuple[str, Intent, str], ...]] = (
    *(
        (f"id {text!r}", buy(id=text), ID)
        for text in ("", "x" * 65, "a b", "a\n", "é", "a/b", "\x7f", "\x20", "a\x00")
    ),
    ("id of a child with a space", buy(id="a /b", **DESK), ID),
    ("id of a child too long", buy(id="a" * 241, **DESK), ID),
    ("id of a child empty", buy(id="", **DESK), ID),
    *(
        (f"pair {text!r}", buy("1", text), PAIR)
        for text in (
            "",
            "btc-usdt",
            "BTC/USDT",
            "BTC-",
            "-USDT",
            "BTC-U",
            "BTC-USDT-X",
            ".A",
            "A" * 16,
            "BTC-USDT5678901",
            "BTC-USDT\n",
            "\uff22\uff34\uff23",
        )
    ),
    *(
        (f"book {text!r}", buy(book=text, door=Door.RUNNER), BOOK)
        for text in ("", "-a", "a/b", "a b", "é", "a" * 65, "a\n", "_a")
    ),
    ("a chat in an algorithm's name", buy(book="sma"), NAMER),
    ("a person in an algorithm's name", buy(book="sma", door=Door.CLI), NAMER),
    ("a chat in nobody's name", sell(book=EXTERNAL), NAMER),
    ("a buy of all", buy(amount=Everything()), 'only a sell may say "all"'),
    *((f"quantity {odd}", buy(amount=Quantity(D(odd))), AMOUNT) for odd in ODD),
    *((f"notional {odd}", buy(amount=Notional(D(odd))), AMOUNT) for odd in ODD),
    *(
        (f"limit {odd}", of(OrderType.LIMIT, limit_price=odd), "limit_price must be a finite number above 0")
        for odd in ODD
    ),
    *(
        (f"stop {odd}", of(OrderType.STOP, stop_price=odd), "stop_price must be a finite number above 0")
        for odd in ODD
    ),
    *(
        (f"trail {odd}", of(OrderType.TRAILING_STOP, trail=odd), "trail must be a finite number above 0")
        for odd in ODD
    ),
    ("a market order with a limit", of(OrderType.MARKET, limit_price="1"), "a market order takes no limit_price"),
    ("a market order with a stop", of(OrderType.MARKET, stop_price="1"), "a market order takes no stop_price"),
    ("a market order with a trail", of(OrderType.MARKET, trail="0.1"), "a market order takes no trail"),
    ("a limit order without", of(OrderType.LIMIT), "a limit order needs limit_price"),
    (
        "a limit order with a stop",
        of(OrderType.LIMIT, limit_price="1", stop_price="1"),
        "a limit order takes no stop_price",
    ),
    ("a limit order with a trail", of(OrderType.LIMIT, limit_price="1", trail="0.1"), "a limit order takes no trail"),
    ("a stop without", of(OrderType.STOP), "a stop order needs stop_price"),
    ("a stop with a limit", of(OrderType.STOP, limit_price="1", stop_price="1"), "a stop order takes no limit_price"),
    ("a stop limit without limit", of(OrderType.STOP_LIMIT, stop_price="1"), "a stop_limit order needs limit_price"),
    ("a stop limit without stop", of(OrderType.STOP_LIMIT, limit_price="1"), "a stop_limit order needs stop_price"),
    ("a trailing stop without", of(OrderType.TRAILING_STOP), "a trailing_stop order needs trail"),
    (
        "a trailing stop with a stop",
        of(OrderType.TRAILING_STOP, trail="0.1", stop_price="1"),
        "a trailing_stop order takes no stop_price",
    ),
    (
        "a trail of the whole",
        of(OrderType.TRAILING_STOP, trail="1"),
        "trail is a share of the price and must be below 1",
    ),
    *(
        (f"stop loss {odd}", guarded(stop_loss=D(odd)), "stop_loss and take_profit must be finite prices above 0")
        for odd in ODD
    ),
    *(
        (f"target {odd}", guarded(take_profit=D(odd)), "stop_loss and take_profit must be finite prices above 0")
        for odd in ODD
    ),
    ("due through another door", buy(due_at=NOW), "only the desk's own runner may say when an order was due"),
    (
        "due through the desk",
        buy(door=Door.DESK, due_at=NOW),
        "only the desk's own runner may say when an order was due",
    ),
    ("due later", buy(door=Door.RUNNER, due_at=NOW + 1), "the tick this order belongs to is still to come"),
)


@pytest.mark.parametrize("intent", GOOD, ids=range(len(GOOD)))
def test_a_well_formed_intent_has_no_problem(intent: Intent) -> None:
    with exactly():
        assert problem_of(intent, NOW) == ""


@pytest.mark.parametrize(("name", "intent", "problem"), BAD, ids=[bad[0] for bad in BAD])
def test_each_mistake_is_named(name: str, intent: Intent, problem: str) -> None:
    with exactly():
        assert problem_of(intent, NOW) == problem


@pytest.mark.parametrize("odd", [*ODD, "1"])
def test_the_shares_of_a_trail_lie_between_nothing_and_the_whole(odd: str) -> None:
    with exactly():
        first, second = problem_of(trailing(odd, "0.1"), NOW), problem_of(trailing("0.1", odd), NOW)
    assert first == second == "a trailing exit is given in shares between 0 and 1"


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("a", True),
        ("!" + "~" * 63, True),
        ("a" * 65, False),
        ("", False),
        ("a/b", False),
        ("a b", False),
        ("é", False),
    ],
)
def test_an_id_from_outside_leaves_room_for_the_desks_own(text: str, is_one: bool) -> None:
    assert is_name(text) is is_one

"""Reducing is a matter of three scopes: the own book, the position at the venue, and the account."""

from decimal import Decimal
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.guardrails.world import BTC, VENUE, D, World, position, quiet, resting
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import OrderState, Purpose, Side
from trading_mcp.core.guardrails.scopes import Scopes, scopes_of

SELL, BUY = Side.SELL, Side.BUY
USD: Final = "BTC-USD"


def scopes(there: World, side: Side = SELL, pair: str = BTC, book: str = "manual") -> Scopes:
    return scopes_of(there.book, book, VENUE, pair, side)


def three(own: str, venue: str, account: str) -> Scopes:
    return Scopes(D(own), D(venue), D(account))


CASES: Final = (
    ("nothing", quiet(), SELL, three("0", "0", "0")),
    ("a long", quiet().holding(position("1")), SELL, three("1", "1", "1")),
    ("a long, bought further", quiet().holding(position("1")), BUY, three("-1", "-1", "-1")),
    ("a short, sold further", quiet().holding(position("-1")), SELL, three("-1", "-1", "-1")),
    ("a short, covered", quiet().holding(position("-1")), BUY, three("1", "1", "1")),
    ("another book", quiet().holding(position("1"), position("2", book="sma")), SELL, three("1", "3", "3")),
    ("only another book", quiet().holding(position("2", book="sma")), SELL, three("0", "2", "2")),
    ("another venue", quiet().holding(position("1"), position("2", venue="x")), SELL, three("1", "1", "3")),
    ("another currency", quiet().holding(position("1"), position("2", USD)), SELL, three("1", "1", "3")),
    ("another asset", quiet().holding(position("1"), position("2", "ETH-USDT")), SELL, three("1", "1", "1")),
    (
        "another book short",
        quiet().holding(position("1"), position("-0.4", book="sma")),
        SELL,
        three("1", "0.6", "0.6"),
    ),
    (
        "another venue short",
        quiet().holding(position("1"), position("-0.4", venue="x")),
        SELL,
        three("1", "1", "0.6"),
    ),
    (
        "a sell of the book",
        quiet().holding(position("1")).working(resting("a", SELL, "0.3")),
        SELL,
        three("0.7", "0.7", "0.7"),
    ),
    (
        "a sell that is half filled",
        quiet().holding(position("1")).working(resting("a", SELL, "0.3", filled="0.1", state=OrderState.PARTIAL)),
        SELL,
        three("0.8", "0.8", "0.8"),
    ),
    (
        "a sell of unknown fate",
        quiet().holding(position("1")).working(resting("a", SELL, "0.3", state=OrderState.UNKNOWN)),
        SELL,
        three("0.7", "0.7", "0.7"),
    ),
    (
        "a sell of another book",
        quiet().holding(position("1"), position("1", book="sma")).working(resting("a", SELL, "0.3", book="sma")),
        SELL,
        three("1", "1.7", "1.7"),
    ),
    (
        "a sell at another venue",
        quiet().holding(position("1"), position("1", venue="x")).working(resting("a", SELL, "0.3", venue="x")),
        SELL,
        three("1", "1", "1.7"),
    ),
    (
        "a sell in another currency",
        quiet().holding(position("1")).working(resting("a", SELL, "0.3", USD)),
        SELL,
        three("1", "1", "0.7"),
    ),
    (
        "a sell of another asset",
        quiet().holding(position("1")).working(resting("a", SELL, "0.3", "ETH-USDT")),
        SELL,
        three("1", "1", "1"),
    ),
    (
        "a sell among others",
        quiet().holding(position("1")).working(resting("a", SELL, "1", "ETH-USDT"), resting("b", SELL, "0.3")),
        SELL,
        three("0.7", "0.7", "0.7"),
    ),
    ("a buy on its way", quiet().holding(position("1")).working(resting("a", BUY, "5")), SELL, three("1", "1", "1")),
    (
        "protection claims nothing",
        quiet().holding(position("1")).working(resting("a", SELL, "1", purpose=Purpose.PROTECTION)),
        SELL,
        three("1", "1", "1"),
    ),
)


@pytest.mark.parametrize(("name", "there", "side", "expected"), CASES, ids=[case[0] for case in CASES])
def test_each_scope_knows_what_it_could_still_give_up(name: str, there: World, side: Side, expected: Scopes) -> None:
    with exactly():
        found = scopes(there, side, USD if "currency" in name and side is BUY else BTC)
    assert found == expected


def test_a_renamed_asset_counts_for_the_account_and_not_for_the_pair() -> None:
    with exactly():
        there = quiet().holding(position("200", "POL-USDT", average=D("0.5")))
        assert scopes(there, pair="MATIC-USDT") == three("0", "0", "200")
        assert scopes(there, pair="POL-USDT") == three("200", "200", "200")


@pytest.mark.parametrize(
    ("held", "quantity", "reduces", "flips"),
    [
        (three("1", "1", "1"), "1", True, False),
        (three("1", "1", "1"), "1.1", False, True),
        (three("1", "2", "2"), "1.5", False, True),
        (three("2", "1", "2"), "1.5", False, True),
        (three("2", "2", "1"), "1.5", False, True),
        (three("0", "2", "2"), "1", False, False),
        (three("-1", "2", "2"), "1", False, False),
        (three("2", "-1", "2"), "1", False, False),
        (three("2", "2", "-1"), "1", False, False),
        (three("0", "0", "0"), "1", False, False),
        (three("-1", "2", "0.5"), "1", False, True),
    ],
)
def test_an_order_reduces_only_if_it_reduces_all_three(
    held: Scopes, quantity: str, reduces: bool, flips: bool
) -> None:
    assert held.reduce(D(quantity)) is reduces
    assert held.flip(D(quantity)) is flips


UNITS: Final = st.integers(-30, 30).map(lambda number: D(number) / 10)
SOME: Final = st.integers(1, 30).map(lambda number: D(number) / 10)


@given(held=st.tuples(UNITS, UNITS, UNITS), wish=SOME, claimed=st.one_of(st.none(), SOME), side=st.sampled_from(Side))
def test_no_order_that_reduces_takes_any_scope_through_zero(
    held: tuple[Decimal, Decimal, Decimal], wish: Decimal, claimed: Decimal | None, side: Side
) -> None:
    own, other, elsewhere = held
    with exactly():
        there = quiet().holding(
            position(str(own)), position(str(other), book="sma"), position(str(elsewhere), venue="x")
        )
        if claimed is not None:
            there = there.working(resting("a", side, str(claimed)))
        found = scopes(there, side)
        if not found.reduce(wish):
            return
        sign = -1 if side is SELL else 1
        taken = wish + (claimed or 0)
        for before in (own, own + other, own + other + elsewhere):
            after = before + sign * taken
            assert abs(after) < abs(before)
            assert after == 0 or (after > 0) == (before > 0)

"""Pairs, assets, quotes and markets: one spelling, read off the pair; and the table of what an order may become."""

from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.core.domain.making import order
from tests.core.simulation.making import PAIR
from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.instruments import asset_of, normalise, quote_of, traits_of
from trading_mcp.core.domain.market import Market, market_of
from trading_mcp.core.domain.orders import ENDED, TRANSITIONS, OrderState, Working, may_become

D = Decimal


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("BTC_USDT", "BTC-USDT"), ("BTC/USDT", "BTC-USDT"), ("BTCUSDT", "BTC-USDT"), ("btc-usdt", "BTC-USDT"),
        (" btc/usdt\n", "BTC-USDT"), ("ETHUSDC", "ETH-USDC"), ("SOLUSD", "SOL-USD"), ("USDCUSDT", "USDC-USDT"),
        ("USDTUSD", "USDT-USD"), ("BUSDUSDT", "BUSD-USDT"), ("AAPL", "AAPL"), ("aapl", "AAPL"), ("BRK.B", "BRK.B"),
        # One letter before a quote is a ticker, not a pair.
        ("TUSD", "TUSD"), ("USD", "USD"), ("USDT", "USDT"), ("", ""), ("ABUSD", "AB-USD"),
    ],
)  # fmt: skip
def test_every_spelling_of_a_pair_comes_to_one(text: str, pair: str) -> None:
    assert normalise(text) == pair
    assert normalise(pair) == pair


@pytest.mark.parametrize("text", ["lınk-usdt", "BTC-uſdt", "ＢＴＣ-USDT", "BTC–USDT", "BTC\u00a0-USDT", "Straße"])  # noqa: RUF001 - look-alikes
def test_letters_that_only_look_alike_stay_what_they_are(text: str) -> None:
    assert normalise(text) == text


@given(st.text(max_size=12))
def test_spelling_twice_changes_nothing_more(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize(
    ("pair", "asset", "quote", "market"),
    [
        ("BTC-USDT", "BTC", "USDT", Market.CRYPTO),
        ("POL-USDT", "MATIC", "USDT", Market.CRYPTO),
        ("XBT-USD", "BTC", "USD", Market.CRYPTO),
        ("A-B-C", "A", "B-C", Market.CRYPTO),
        ("AAPL", "stock:AAPL", "USD", Market.STOCKS),
    ],
)
def test_a_pair_tells_its_asset_its_quote_and_its_market(pair: str, asset: str, quote: str, market: Market) -> None:
    assert (asset_of(pair), quote_of(pair), market_of(pair)) == (asset, quote, market)
    assert traits_of(pair) == (asset, quote, market)


def test_an_instrument_counts_its_multiplier() -> None:
    assert replace(PAIR, multiplier=D(50)).exposure(D(2), D(3)) == D(300)


def test_only_modes_with_a_real_account_are_guarded() -> None:
    assert {mode for mode in Mode if mode.is_guarded} == {Mode.DRY, Mode.LIVE}


S = OrderState
ALLOWED = {
    S.CLEARED: "SENDING VOID",
    S.SENDING: "LIVE UNKNOWN REJECTED PARTIAL FILLED CANCELLED LAPSED",
    S.LIVE: "PARTIAL FILLED CANCEL_PENDING CANCELLED LAPSED UNKNOWN REJECTED",
    S.UNKNOWN: "LIVE PARTIAL FILLED CANCEL_PENDING CANCELLED LAPSED REJECTED",
    S.PARTIAL: "PARTIAL FILLED CANCEL_PENDING CANCELLED LAPSED UNKNOWN",
    S.CANCEL_PENDING: "CANCEL_PENDING LIVE PARTIAL FILLED CANCELLED LAPSED UNKNOWN REJECTED",
    S.CANCELLED: "CANCELLED FILLED",
    S.LAPSED: "LAPSED FILLED",
    S.REJECTED: "",
    S.FILLED: "",
    S.VOID: "",
}


@pytest.mark.parametrize(("before", "after"), list(product(OrderState, OrderState)))
def test_an_order_may_become_only_what_the_table_says(before: OrderState, after: OrderState) -> None:
    assert may_become(before, after) is (after.value in ALLOWED[before].split())


def test_the_table_is_total_and_nothing_leads_back_before_the_wire() -> None:
    assert set(TRANSITIONS) == set(OrderState)
    reached = frozenset[OrderState]().union(*TRANSITIONS.values())
    assert reached == set(OrderState) - {OrderState.CLEARED}
    assert {state for state, then in TRANSITIONS.items() if OrderState.SENDING in then} == {OrderState.CLEARED}
    assert {state for state, then in TRANSITIONS.items() if OrderState.VOID in then} == {OrderState.CLEARED}


def test_after_an_end_only_late_fills_come() -> None:
    for state in ENDED:
        assert TRANSITIONS[state] <= {state, OrderState.FILLED}
    assert {state for state in OrderState if not TRANSITIONS[state]} <= ENDED


def test_a_working_order_reserves_what_may_still_fill_at_its_worst_price() -> None:
    value = order(quantity=D(5), price_worst=D(100), multiplier=D(10))
    working = Working(order=value, state=S.PARTIAL, since=0, filled=D(2))
    assert working.remaining == D(3)
    assert working.reserved == D(3000)

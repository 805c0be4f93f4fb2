"""How one value is spelled in a change, and what is said to a spelling that is none."""

from decimal import Decimal

import pytest

from trading_mcp.core.guardrails.keys import BY_PATH
from trading_mcp.core.guardrails.spelling import Unreadable, read_text, text_of

COUNT = "account.orders_open_max"
SWITCH = "account.short_allowed"
ASSETS = "market.crypto.assets_approved"
QUANTITY = "market.crypto.order_quantity_max"

SENTENCES: list[tuple[str, str, str]] = [
    (COUNT, "x", "write a whole number such as 20"),
    (SWITCH, "x", "write true or false"),
    (QUANTITY, "BTC=1, BTC=2", "write every asset once"),
    (QUANTITY, "BTC=1=2", '"1=2" for BTC will not do: write plain digits in quotes: "500"'),
    (ASSETS, "x", '"x" will not do: write assets alone, without a quote, such as "BTC"'),
    ("schedule.zone", "x", 'write a time zone such as "UTC" or "America/New_York"'),
]


@pytest.mark.parametrize(("path", "text", "sentence"), SENTENCES)
def test_a_change_that_cannot_be_read_is_told_what_would_be(path: str, text: str, sentence: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read_text(BY_PATH[path], text)
    assert str(caught.value) == sentence


def test_an_empty_set_is_spelled_out_and_several_entries_stand_in_order() -> None:
    assert text_of(BY_PATH[QUANTITY], {}) == "none"
    assert text_of(BY_PATH[QUANTITY], {"ETH": Decimal("2.50"), "BTC": Decimal(1)}) == "BTC=1, ETH=2.5"
    assert text_of(BY_PATH["market.crypto.venues"], ("paper", "coinbase")) == "paper, coinbase"
    assert text_of(BY_PATH[ASSETS], frozenset[str]()) == "none"
    assert text_of(BY_PATH[SWITCH], value=True) == "true"

"""What was bought and sold through the bridge is told as profit exactly as its fills come to, over a restart too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import pytest

from tests.cli.desks import DeskProcess
from tests.places import short
from tests.test_bridge_desk import Assistant

_ = short
pytestmark = pytest.mark.slow
PAIRS: Final = ("BTC-USDT", "ETH-USDT", "SOL-USDT", "XRP-USDT")
OPENING: Final = Fraction(50_000)
# A figure is told in cents, and the tether is dollars at the price of the moment.
CENT: Final = Fraction(1, 100)


@pytest.fixture
def desk(short: Path) -> Generator[DeskProcess]:
    made = DeskProcess(short)
    yield made.start()
    made.end()


class Ledger:
    """The arithmetic of fills, by somebody who knows nothing else: average cost, and fees apart."""

    def __init__(self) -> None:
        self.cash = OPENING
        self.held: defaultdict[str, Fraction] = defaultdict(Fraction)
        self.cost: defaultdict[str, Fraction] = defaultdict(Fraction)
        self.realised: defaultdict[str, Fraction] = defaultdict(Fraction)
        self.fees: defaultdict[str, Fraction] = defaultdict(Fraction)

    def fill(self, pair: str, side: str, quantity: Fraction, price: Fraction, fee: Fraction) -> Fraction:
        """Return what this one realised."""
        self.fees[pair] += fee
        self.cash -= fee
        if side == "buy":
            self.held[pair] += quantity
            self.cost[pair] += quantity * price
            self.cash -= quantity * price
            return Fraction(0)
        cost = self.cost[pair] * quantity / self.held[pair]
        self.held[pair] -= quantity
        self.cost[pair] -= cost
        self.cash += quantity * price
        self.realised[pair] += quantity * price - cost
        return quantity * price - cost


def traded(assistant: Assistant, side: str, pair: str, **amount: str) -> dict[str, Any]:
    told = assistant.call("execute_trade", side=side, pair=pair, **amount)
    assert told["status"] == "filled", told
    return told["order"]


def near(told: str, exact: Fraction) -> bool:
    return abs(Fraction(told) - exact) <= CENT


def test_profit_is_the_arithmetic_of_the_fills_told(desk: DeskProcess) -> None:
    assistant = Assistant(desk).shake()
    bought = {pair: traded(assistant, "buy", pair, notional="240") for pair in PAIRS}
    half = Decimal(bought["XRP-USDT"]["filled_quantity"]) // 2
    traded(assistant, "sell", "XRP-USDT", quantity=str(half))
    assert assistant.ended() == (0, "")
    desk.end()
    desk.start()
    assistant = Assistant(desk).shake()
    for pair in PAIRS[:3]:
        traded(assistant, "sell", pair, quantity="all")

    trades = assistant.call("get_trade_history")["trades"]
    assert len(trades) == len(PAIRS) + 4
    ledger = Ledger()
    for each in reversed(trades):
        fee, asset = each["fee"].split()
        assert asset == "USDT"
        came = ledger.fill(each["pair"], each["side"], *map(Fraction, (each["quantity"], each["price"], fee)))
        assert near(each["realised"], came), each

    (cash,) = [each for each in assistant.call("get_portfolio")["cash"] if each["asset"] == "USDT"]
    assert Fraction(cash["amount"]) == ledger.cash
    tether = Fraction(cash["worth"]) / Fraction(cash["amount"])
    by_pair = assistant.call("get_pnl_report", group_by="pair")["groups"]
    assert {each["group"] for each in by_pair} == set(PAIRS)
    for each in by_pair:
        assert near(each["realised"], ledger.realised[each["group"]] * tether), each
        assert near(each["fees"], ledger.fees[each["group"]] * tether), each
        assert each["positions"] == (each["group"] == "XRP-USDT")
    realised, fees = sum(ledger.realised.values()) * tether, sum(ledger.fees.values()) * tether
    for group_by in ("venue", "algorithm", "day", "signal"):
        groups = assistant.call("get_pnl_report", group_by=group_by)["groups"]
        assert near(str(sum(Decimal(each["realised"]) for each in groups)), realised), (group_by, groups)
        assert near(str(sum(Decimal(each["fees"]) for each in groups)), fees), (group_by, groups)
    # A spread was crossed and prices moved: what is compared is more than roundings.
    assert sum(map(abs, ledger.realised.values())) > 3 * CENT
    assert assistant.ended() == (0, "")

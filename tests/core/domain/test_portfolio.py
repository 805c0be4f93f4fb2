"""Folds of fills: averages, realised profit, fees, and that no money appears or vanishes."""

from collections import deque
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.domain.making import NOON, fill
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import Fill
from trading_mcp.core.domain.portfolio import (
    Portfolio,
    Position,
    after_cash,
    after_fill,
    after_foreign,
    after_split,
    assets_held,
    cash_key,
    position_key,
)

D = Decimal
KEY = "manual/paper/BTC-USDT"


def opened(cash: str = "1000") -> Portfolio:
    return Portfolio(cash={"paper/USDT": D(cash)}, positions={})


def folded(*fills: Fill, book: str = "manual", multiplier: str = "1", start: Portfolio | None = None) -> Portfolio:
    portfolio = start or opened()
    with exactly():
        for each in fills:
            portfolio = after_fill(portfolio, each, book, D(multiplier))
    return portfolio


def position(portfolio: Portfolio, key: str = KEY) -> Position:
    found = portfolio.position(key)
    assert found is not None
    return found


# fills (side quantity price fee asset), then quantity, average, realised, fees, cash
TABLE = [
    ("a buy", "buy 2 10", "2", "10", "0", "0", "980"),
    ("two buys average", "buy 1 10; buy 3 20", "4", "17.5", "0", "0", "930"),
    ("a sell leaves the average", "buy 2 10; sell 1 15", "1", "10", "5", "0", "995"),
    ("a sell at a loss", "buy 2 10; sell 1 4", "1", "10", "-6", "0", "984"),
    ("buy, sell, buy again", "buy 2 10; sell 1 15; buy 1 20", "2", "15", "5", "0", "975"),
    ("flat", "buy 2 10; sell 2 15", "0", "10", "10", "0", "1010"),
    ("flat, then anew", "buy 2 10; sell 2 15; buy 1 30", "1", "30", "10", "0", "980"),
    ("a short", "sell 2 10", "-2", "10", "0", "0", "1020"),
    ("two shorts average", "sell 1 10; sell 3 20", "-4", "17.5", "0", "0", "1070"),
    ("a short bought back", "sell 2 10; buy 1 7", "-1", "10", "3", "0", "1013"),
    ("a short bought back flat", "sell 2 10; buy 2 12", "0", "10", "-4", "0", "996"),
    ("long flips to short", "buy 1 10; sell 3 12", "-2", "12", "2", "0", "1026"),
    ("short flips to long", "sell 1 10; buy 3 8", "2", "8", "2", "0", "986"),
    ("a fee in the quote", "buy 2 10 0.5 USDT", "2", "10", "0", "0.5", "979.5"),
    ("a rebate in the quote", "buy 2 10 -0.5 USDT", "2", "10", "0", "-0.5", "980.5"),
    ("a fee in the base", "buy 2 10 0.1 BTC", "1.9", "10", "0", "1.0", "980"),
    ("a fee in the base on a sell", "buy 2 10; sell 1 20 0.1 BTC", "0.9", "10", "11", "2", "1000"),
    ("a fee in the base sells to flat", "buy 1 10; sell 0.9 20 0.1 BTC", "0", "10", "10", "2", "1008"),
    ("a fee that is the whole fill, long", "buy 1 10; buy 1 20 1 BTC", "1", "10", "0", "20", "970"),
    ("a fee that is the whole fill, short", "sell 1 10; buy 1 20 1 BTC", "-1", "10", "0", "20", "990"),
    ("a fee that is the whole fill, flat", "buy 1 20 1 BTC", "0", "20", "0", "20", "980"),
    ("a fee in a third asset is no fee of the pair", "buy 2 10 0.3 BNB", "2", "10", "0", "0", "980"),
]  # fmt: skip


def fills_of(text: str) -> list[Fill]:
    return [fill(*each.split()) for each in text.split("; ")]


@pytest.mark.proves("T3")
@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_fills_fold_to(row: tuple[str, ...]) -> None:
    _, text, quantity, average, realised, fees, cash = row
    portfolio = folded(*fills_of(text))
    found = position(portfolio)
    assert (found.quantity, found.average, found.realised, found.fees) == (
        D(quantity),
        D(average),
        D(realised),
        D(fees),
    )
    assert portfolio.cash["paper/USDT"] == D(cash)
    assert found.opened_at == NOON
    assert (KEY in portfolio.positions) is (D(quantity) != 0)
    assert (KEY in portfolio.flat) is (D(quantity) == 0)


def test_a_contract_counts_its_multiplier_in_cash_profit_cost_and_fees() -> None:
    portfolio = folded(fill("buy", "2", "10"), fill("sell", "1", "13", "0.1", "BTC"), multiplier="50")
    found = position(portfolio)
    assert found.quantity == D("0.9")
    assert found.realised == D("1.1") * 3 * 50
    assert found.fees == D("0.1") * 13 * 50
    assert portfolio.cash["paper/USDT"] == 1000 - 2 * 10 * 50 + 13 * 50
    with exactly():
        assert found.cost == D("0.9") * 10 * 50


def test_what_a_contract_counts_is_fixed_while_it_is_held_and_taken_anew_afterwards() -> None:
    held = folded(fill("buy", "1", "10"), multiplier="50")
    more = folded(fill("buy", "1", "10"), multiplier="1", start=held)
    assert position(more).multiplier == 50
    assert more.cash["paper/USDT"] == 1000 - 2 * 500
    flat = folded(fill("sell", "2", "10"), multiplier="1", start=more)
    assert flat.cash["paper/USDT"] == 1000
    anew = folded(fill("buy", "1", "10"), multiplier="2", start=flat)
    assert position(anew).multiplier == 2
    assert anew.cash["paper/USDT"] == 980


def test_a_fee_in_a_third_asset_is_taken_from_its_cash() -> None:
    portfolio = folded(fill("buy", "2", "10", "0.3", "BNB"))
    assert portfolio.cash == {"paper/USDT": D(980), "paper/BNB": D("-0.3")}


def test_no_fee_touches_no_other_cash() -> None:
    assert set(folded(fill("buy", "2", "10", "0", "BNB")).cash) == {"paper/USDT"}


@pytest.mark.proves("T3")
def test_books_and_venues_hold_apart_what_they_bought_apart() -> None:
    portfolio = folded(fill("buy", "1", "10"))
    portfolio = folded(fill("buy", "1", "20"), book="sma", start=portfolio)
    portfolio = folded(fill("buy", "1", "30", venue="coinbase"), start=portfolio)
    averages = {key: each.average for key, each in portfolio.positions.items()}
    assert averages == {KEY: D(10), "sma/paper/BTC-USDT": D(20), "manual/coinbase/BTC-USDT": D(30)}
    assert portfolio.cash == {"paper/USDT": D(970), "coinbase/USDT": D(-30)}
    assert portfolio.held("sma", "paper", "BTC-USDT") == 1
    assert portfolio.held("sma", "coinbase", "BTC-USDT") == 0
    sold = folded(fill("sell", "1", "50"), book="sma", start=portfolio)
    assert sold.positions[KEY] is portfolio.positions[KEY]
    assert sold.held("sma", "paper", "BTC-USDT") == 0


def test_what_ended_and_begins_anew_keeps_what_it_earned_and_when_it_began() -> None:
    ended = folded(fill("buy", "2", "10", "1"), fill("sell", "2", "15", "1"))
    again = position(folded(fill("sell", "1", "30", "1", at=NOON + 5), start=ended))
    assert (again.realised, again.fees, again.opened_at) == (D(10), D(3), NOON + 5)
    assert KEY not in folded(fill("sell", "1", "30"), start=ended).flat


def test_what_ended_stays_while_others_begin() -> None:
    ended = folded(fill("buy", "2", "10"), fill("sell", "2", "15"))
    other = folded(fill("buy", "1", "5", pair="ETH-USDT"), start=ended)
    assert position(other).realised == D(10)
    assert other.flat == ended.flat


def test_a_flip_realises_contracts_by_their_multiplier() -> None:
    assert position(folded(fill("buy", "1", "10"), fill("sell", "3", "12"), multiplier="50")).realised == D(100)
    assert position(folded(fill("sell", "1", "10"), fill("buy", "3", "12"), multiplier="50")).realised == D(-100)


def test_a_flip_begins_at_its_own_time_and_a_partial_exit_keeps_the_time() -> None:
    assert position(folded(fill("buy", "2", "10"), fill("sell", "1", "10", at=NOON + 5))).opened_at == NOON
    assert position(folded(fill("buy", "2", "10"), fill("sell", "3", "10", at=NOON + 5))).opened_at == NOON + 5
    assert position(folded(fill("buy", "2", "10"), fill("buy", "3", "10", at=NOON + 5))).opened_at == NOON


def test_cash_moves_without_touching_positions() -> None:
    before = folded(
        fill("buy", "2", "10"), fill("buy", "1", "5", pair="ETH-USDT"), fill("sell", "1", "5", pair="ETH-USDT")
    )
    with exactly():
        portfolio = after_cash(after_cash(before, "paper", "USDT", D(5)), "coinbase", "USD", D(-3))
    assert portfolio.cash == {"paper/USDT": D(985), "coinbase/USD": D(-3)}
    assert portfolio.positions is before.positions
    assert portfolio.flat is before.flat


def test_a_split_makes_more_units_at_the_same_cost_at_that_venue_alone() -> None:
    before = folded(
        fill("buy", "2", "100", pair="AAPL", fee_asset="USD"),
        fill("buy", "2", "100", pair="AAPL", fee_asset="USD", venue="other"),
        fill("buy", "2", "100", pair="MSFT", fee_asset="USD"),
        fill("buy", "2", "100", pair="TSLA", fee_asset="USD"),
        fill("sell", "2", "100", pair="TSLA", fee_asset="USD"),
    )
    with exactly():
        after = after_split(before, "paper", "stock:AAPL", D(4))
        split = after.positions["manual/paper/AAPL"]
        assert (split.quantity, split.average, split.cost) == (D(8), D(25), D(200))
    for key in ("manual/other/AAPL", "manual/paper/MSFT"):
        assert after.positions[key] is before.positions[key]
    assert (after.cash, after.flat) == (before.cash, before.flat)


def test_a_split_counts_for_every_pair_of_the_asset_renamed_or_not() -> None:
    before = folded(fill("buy", "2", "100", pair="POL-USDT"), fill("buy", "2", "100", pair="MATIC-USD"))
    with exactly():
        after = after_split(before, "paper", "MATIC", D(2))
    assert [each.quantity for each in after.positions.values()] == [D(4), D(4)]


def test_what_the_desk_did_not_make_replaces_itself_and_never_a_holding_of_ours() -> None:
    before = folded(fill("buy", "2", "100"))
    strange = Position(book="manual", venue="paper", pair="BTC-USDT", quantity=D(7), average=D(1))
    with exactly():
        first = after_foreign(before, strange)
        second = after_foreign(first, Position(book="external", venue="paper", pair="BTC-USDT", quantity=D(3)))
        gone = after_foreign(second, Position(book="external", venue="paper", pair="BTC-USDT"))
    assert first.positions[KEY] is before.positions[KEY]
    assert first.held("external", "paper", "BTC-USDT") == 7
    assert second.held("external", "paper", "BTC-USDT") == 3
    assert set(gone.positions) == {KEY}


def test_equity_needs_the_price_of_what_is_held_and_of_no_more() -> None:
    portfolio = folded(
        fill("buy", "2", "1"),
        fill("sell", "1", "1", pair="POL-USDC", fee="1", fee_asset="BNB"),
        fill("buy", "1", "1", pair="ETH-USDC"),
        fill("sell", "1", "1", pair="ETH-USDC"),
    )
    assert assets_held(portfolio) == {"BTC", "MATIC", "USDT", "USDC", "BNB"}
    assert assets_held(opened("0")) == frozenset()


def test_keys_join_their_parts_with_a_slash() -> None:
    assert position_key("a", "b", "c") == "a/b/c"
    assert Position(book="a", venue="b", pair="c").key == "a/b/c"
    assert cash_key("a", "b") == "a/b"


class Oracle:
    """The same sums another way: exact fractions, every unit remembered, cost spread over what is left."""

    def __init__(self) -> None:
        self.cash = self.held = self.cost = self.realised = self.fees = Fraction(0)

    def trade(self, units: Fraction, price: Fraction) -> None:
        if self.held == 0 or (self.held > 0) == (units > 0):
            self.held, self.cost = self.held + units, self.cost + units * price
            return
        closing = units if abs(units) <= abs(self.held) else -self.held
        share = -closing / self.held
        self.realised += -closing * price - self.cost * share
        self.cost -= self.cost * share
        self.held += closing
        if units != closing:
            self.trade(units - closing, price)

    def fold(self, made: Fill) -> None:
        units = Fraction(made.quantity) * (1 if made.side == "buy" else -1)
        price, fee = Fraction(made.price), Fraction(made.fee)
        self.cash -= units * price
        if made.fee_asset == "USDT":
            self.cash -= fee
            self.fees += fee
        elif made.fee_asset == "BTC":
            self.fees += fee * price
            units -= fee
        if units:
            self.trade(units, price)


def some_fills() -> st.SearchStrategy[list[Fill]]:
    cents = st.integers(1, 10**6).map(lambda number: str(D(number).scaleb(-2)))
    one = st.builds(
        fill,
        st.sampled_from(["buy", "sell"]),
        cents,
        cents,
        st.integers(-100, 1000).map(lambda number: str(D(number).scaleb(-3))),
        st.sampled_from(["USDT", "BTC", "BNB"]),
    )
    return st.lists(one, min_size=1, max_size=12)


def close(first: Decimal, second: Fraction) -> bool:
    return abs(Fraction(first) - second) <= Fraction(1, 10**15)


@given(some_fills(), st.integers(1, 10**6))
def test_no_money_appears_or_vanishes(fills: list[Fill], cents: int) -> None:
    """Cash and position at any price = opening + realised + unrealised - fees (those of a third asset apart)."""
    portfolio, oracle, price = folded(*fills), Oracle(), Fraction(cents, 100)
    for each in fills:
        oracle.fold(each)
    found = position(portfolio)
    equity = Fraction(portfolio.cash["paper/USDT"]) + Fraction(found.quantity) * price
    unrealised = Fraction(found.quantity) * (price - Fraction(found.average))
    earned = Fraction(found.realised) + unrealised - Fraction(found.fees)
    assert abs(equity - 1000 - earned) <= Fraction(1, 10**12)
    assert close(portfolio.cash["paper/USDT"], 1000 + oracle.cash)
    assert found.quantity == oracle.held
    assert close(found.realised, oracle.realised)
    assert close(found.fees, oracle.fees)
    if found.quantity:
        assert close(found.cost, oracle.cost)
    third = sum((each.fee for each in fills if each.fee_asset == "BNB"), D(0))
    assert portfolio.cash.get("paper/BNB", D(0)) == -third


@given(some_fills())
def test_a_fold_changes_nothing_it_was_given(fills: list[Fill]) -> None:
    start = folded(*fills)
    cash, positions, flat = dict(start.cash), dict(start.positions), dict(start.flat)
    folded(*fills, start=start)
    assert (start.cash, start.positions, start.flat) == (cash, positions, flat)
    assert not set(start.positions) & set(start.flat)


@given(some_fills())
def test_long_only_books_never_lose_their_average_to_a_sell(fills: list[Fill]) -> None:
    portfolio, waiting = opened(), deque(fills)
    with exactly():
        while waiting:
            before = portfolio.position(KEY)
            portfolio = after_fill(portfolio, waiting.popleft(), "manual")
            after = portfolio.positions.get(KEY)
            if before is not None and after is not None and 0 < after.quantity < before.quantity:
                assert after.average == before.average

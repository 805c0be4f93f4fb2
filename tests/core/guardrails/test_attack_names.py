"""A stock that bears the name of a coin or of money has neither its price, nor its limits, nor its balance."""

from decimal import Decimal

import pytest

from tests.core.guardrails.table import asks, denies, passes
from tests.core.guardrails.world import BTC, NOW, VENUE, World, buy, position, quiet, sell
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.events import Adjusted, Refused
from trading_mcp.core.domain.instruments import asset_of, listed_as
from trading_mcp.core.domain.market import Price
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import Fill, Side
from trading_mcp.core.domain.portfolio import Adjustment, Portfolio, after_fill
from trading_mcp.core.domain.verdict import Code
from trading_mcp.core.guardrails.decide import decide
from trading_mcp.core.guardrails.keys import BY_PATH
from trading_mcp.core.guardrails.spelling import Unreadable, read_text
from trading_mcp.core.guardrails.valuation import value_all

D = Decimal
STOCKS = "market.stocks.assets_approved"


def of_stocks(name: str, world: World | None = None) -> World:
    """A world in which a stock of that name is approved, listed and costs 20."""
    there = (quiet(buy("1", name)) if world is None else world).listed(name).quoted(name, "19.99", "20")
    there = there.with_stocks(assets_approved=frozenset({name}), order_quantity_max={name: D(1_000)})
    price = Price(value=D(20), confirmed_at=NOW)
    return there.with_facts(prices={**there.facts.prices, asset_of(name): price})


@pytest.mark.parametrize("name", ["BTC", "ETH", "POL", "USD", "USDT", "XBT"])
def test_the_asset_of_a_stock_is_never_that_of_a_coin(name: str) -> None:
    assert asset_of(name) != asset_of(f"{name}-USDT")
    assert listed_as(name) == name


def test_a_stock_is_valued_at_its_own_price_even_if_it_is_called_as_the_currency_it_is_paid_in() -> None:
    for name in ("USD", "BTC"):
        there = of_stocks(name).holding(position("100", name), paid=False)
        with exactly():
            found = value_all(there.book, there.facts, there.policy, asset_of(name))
        assert (found.own, found.gross) == (D(2_000), D(2_000))


def test_a_coin_is_not_made_smaller_or_larger_by_a_stock_of_its_name() -> None:
    full = position("0.5")  # 25 % of the whole is in coins of that name
    passes("a stock beside them", lambda: of_stocks("BTC").holding(full)).check()
    shares = position("550", "BTC")  # 10 % are in shares
    denies(
        "more shares",
        lambda: of_stocks("BTC", quiet(buy("30", "BTC"))).holding(shares),
        Code.POSITION_CONCENTRATION_MAX,
    ).check()
    passes("a coin beside them", lambda: of_stocks("BTC", quiet(buy())).holding(shares)).check()


def test_a_stock_that_is_called_as_a_stablecoin_is_not_exempt_from_concentration() -> None:
    there = of_stocks("USDC", quiet(buy("30", "USDC"))).holding(position("550", "USDC"))
    denies("no cash", lambda: there, Code.POSITION_CONCENTRATION_MAX).check()


def test_approving_a_coin_approves_no_stock_of_its_name() -> None:
    there = of_stocks("BTC").with_stocks(assets_approved=frozenset({"AAPL"}))
    denies("not on the list of stocks", lambda: there, Code.SYMBOL_NOT_APPROVED).check()


def test_a_renamed_coin_does_not_rename_the_stock_that_bears_its_new_name() -> None:
    assert read_text(BY_PATH[STOCKS], "POL") == frozenset({"POL"})
    with pytest.raises(Unreadable, match="was renamed"):
        read_text(BY_PATH["market.crypto.assets_approved"], "POL")
    passes("a stock called POL", lambda: of_stocks("POL")).check()


def test_coins_do_not_let_a_stock_be_sold_that_nobody_holds() -> None:
    there = of_stocks("BTC", quiet(sell("1", "BTC"))).holding(position("1"))
    denies("no shares", lambda: there, Code.SHORT_NOT_ALLOWED).check()


@pytest.mark.parametrize(("name", "others"), [("USD", ()), ("BTC", (position("0.1"),))])
def test_the_balance_of_money_or_of_a_coin_never_traps_the_exit_of_a_stock(
    name: str, others: tuple[object, ...]
) -> None:
    there = of_stocks(name, quiet(sell("5", name))).holding(position("5", name)).balance(name, "0.1")
    there = there.holding(*there.book.portfolio.positions.values(), *others, paid=False)  # pyright: ignore[reportArgumentType]
    passes("an exit", lambda: there).check()


def test_a_fee_in_dollars_on_a_stock_called_usd_is_money_and_no_share() -> None:
    fill = Fill(
        trade_id="1",
        venue=VENUE,
        pair="USD",
        side=Side.BUY,
        quantity=D(5),
        price=D(20),
        fee=D(1),
        fee_asset="USD",
        at=0,
    )
    with exactly():
        after = after_fill(Portfolio(cash={}, positions={}), fill, "manual")
    assert after.held("manual", VENUE, "USD") == D(5)
    assert after.cash == {f"{VENUE}/USD": D(-101)}


def test_a_split_of_a_stock_leaves_the_coin_of_its_name_alone() -> None:
    there = of_stocks("BTC").holding(position("3", "BTC"), position("0.1"))
    split = c.ReportAdjustment(kind=Adjustment.SPLIT, venue=VENUE, asset="BTC", amount=D(2), activity_id="1")
    with exactly():
        (event,) = decide(split, there.book, there.facts)
        (coins,) = decide(split, quiet().holding(position("0.1")).book, there.facts)
    assert isinstance(event, Adjusted)
    assert (event.asset, asset_of("BTC")) == ("stock:BTC", "stock:BTC")
    assert isinstance(coins, Adjusted)
    assert coins.asset == asset_of(BTC)


def test_splits_without_end_are_refused_before_no_book_can_hold_them() -> None:
    there = of_stocks("BTC").holding(position("3", "BTC"))
    for ratio in ("1E14", "999999999999999"):
        huge = c.ReportAdjustment(kind=Adjustment.SPLIT, venue=VENUE, asset="BTC", amount=D(ratio) * 9)
        wide = c.ReportAdjustment(kind=Adjustment.SPLIT, venue=VENUE, asset="BTC", amount=D(ratio))
        with exactly():
            assert isinstance(decide(huge, there.book, there.facts)[0], Refused)
            assert isinstance(decide(wide, there.book, there.facts)[0], Refused) is (ratio != "1E14")


def test_an_event_is_asked_about_under_the_name_people_give_a_stock() -> None:
    there = of_stocks("SPY").with_account(events_required=True).with_facts(blackout_assets=frozenset({"SPY"}))
    asks("an event", lambda: there, Code.EVENT_BLACKOUT).check()

"""What a limit amounts to, which key binds, and whether a policy leaves any order possible."""

from decimal import Decimal

import msgspec
import pytest

from tests.core.guardrails.shipped import LIVE, SIMULATED
from trading_mcp.core.domain.instruments import Instrument, Kind
from trading_mcp.core.domain.market import Market
from trading_mcp.core.domain.policy import Policy
from trading_mcp.core.guardrails.effective import Effective, effective, order_limit
from trading_mcp.core.guardrails.feasibility import infeasible
from trading_mcp.core.guardrails.keys import BY_PATH, KEYS, Value, values_of
from trading_mcp.core.guardrails.schema import sealed

RICH = Decimal(50_000)
NOTIONAL = "market.crypto.order_notional_max"
SHARE = "market.crypto.order_share_max"
POSITION = "market.crypto.position_share_max"


def changed(changes: dict[str, Value], policy: Policy = SIMULATED) -> Policy:
    return sealed({**values_of(policy), **changes})


def test_two_percent_under_a_raised_amount_still_binds() -> None:
    raised = changed({NOTIONAL: Decimal(1_000)})
    assert effective(raised, NOTIONAL, Decimal(40_000)) == Effective(
        key=NOTIONAL,
        limit="800",
        binds=SHARE,
        companion=SHARE,
        sentence=f"{NOTIONAL} is 1000, but {SHARE} of 2% still binds below an equity of 50000: 800 now.",
    )
    assert effective(raised, NOTIONAL, RICH) == Effective(
        key=NOTIONAL,
        limit="1000",
        binds=NOTIONAL,
        companion=None,
        sentence=f"{NOTIONAL} of 1000 binds: 1000 now.",
    )
    assert effective(raised, SHARE, RICH).binds == SHARE
    assert effective(raised, SHARE, RICH + 1).binds == NOTIONAL


ORDER: list[tuple[str, dict[str, Value], str, str]] = [
    (NOTIONAL, {SHARE: Decimal(0)}, "0", SHARE),
    (
        NOTIONAL,
        {SHARE: Decimal(0), "market.crypto.order_share_floor": Decimal(25)},
        "25",
        "market.crypto.order_share_floor",
    ),
    (NOTIONAL, {POSITION: Decimal("0.001")}, "50", POSITION),
    (NOTIONAL, {"account.exposure_gross_max": Decimal("0.001")}, "50", "account.exposure_gross_max"),
    (NOTIONAL, {"account.leverage_max": Decimal("0.001")}, "50", "account.leverage_max"),
    (NOTIONAL, {"account.risk_multiplier": Decimal("0.5")}, "250", NOTIONAL),
    (SHARE, {"account.risk_multiplier": Decimal("0.5"), NOTIONAL: Decimal(5_000)}, "500", SHARE),
    (POSITION, {}, "12500", POSITION),
    (POSITION, {"account.risk_multiplier": Decimal("0.1")}, "1250", POSITION),
    (POSITION, {"account.leverage_max": Decimal("0.1")}, "5000", "account.leverage_max"),
    ("account.exposure_gross_max", {}, "50000", "account.exposure_gross_max"),
    ("account.leverage_max", {}, "50000", "account.leverage_max"),
    ("account.leverage_max", {"account.leverage_max": Decimal(2)}, "50000", "account.exposure_gross_max"),
    (
        "account.exposure_gross_max",
        {"account.risk_multiplier": Decimal("0.5")},
        "25000",
        "account.exposure_gross_max",
    ),
    ("market.crypto.ask_above", {}, "250", "market.crypto.ask_above"),
    ("market.crypto.ask_above", {"account.approval_always": True}, "0", "account.approval_always"),
    ("market.crypto.loss_day_max", {}, "2500", "market.crypto.loss_day_max"),
    ("market.crypto.loss_day_max", {"account.loss_day_max": Decimal("0.03")}, "1500", "account.loss_day_max"),
    ("account.loss_day_max", {}, "2500", "account.loss_day_max"),
    (
        "account.orders_day_manual_max",
        {"account.orders_day_account_max": 7},
        "100",
        "account.orders_day_manual_max",
    ),
    (
        "account.orders_day_manual_max",
        {"account.orders_day_account_max": 7, "account.account_counts": True},
        "7",
        "account.orders_day_account_max",
    ),
    ("account.orders_day_algorithm_max", {}, "500", "account.orders_day_algorithm_max"),
    (
        "account.unattended_actor_max",
        {"account.unattended_total_max": 49},
        "49",
        "account.unattended_total_max",
    ),
    ("account.unattended_actor_max", {}, "50", "account.unattended_actor_max"),
    ("account.proposals_actor_max", {}, "5", "account.proposals_actor_max"),
    ("account.pair_cooldown", {}, "1min", "account.pair_cooldown"),
    ("market.crypto.collar", {}, "5%", "market.crypto.collar"),
]


@pytest.mark.parametrize(("path", "changes", "limit", "binds"), ORDER)
def test_the_key_that_binds_is_named(path: str, changes: dict[str, Value], limit: str, binds: str) -> None:
    found = effective(changed(changes), path, RICH)
    assert (found.limit, found.binds) == (limit, binds)
    assert found.companion == (None if binds == path else binds)
    assert "equity of" not in found.sentence or binds == SHARE


def test_every_key_can_be_asked_about() -> None:
    for key in KEYS:
        assert effective(SIMULATED, key.path, RICH).key == key.path
        assert key.path in effective(LIVE, key.path, Decimal(0)).sentence
    assert "account.collar" not in BY_PATH


@pytest.mark.parametrize(
    ("equity", "limit"), [("0", "25"), ("1250", "25"), ("1251", "25.02"), ("5000", "100"), ("5001", "100")]
)
def test_a_small_account_may_trade_up_to_the_floor(equity: str, limit: str) -> None:
    assert order_limit(LIVE.crypto, Decimal(equity)) == Decimal(limit)


def test_a_share_of_nothing_never_reaches_an_amount() -> None:
    none = changed({SHARE: Decimal(0)})
    assert effective(none, NOTIONAL, RICH).sentence == f"{NOTIONAL} is 500, but {SHARE} of 0% still binds: 0 now."
    assert "equity of" not in effective(changed({NOTIONAL: Decimal(0)}), SHARE, RICH).sentence


def coin(notional_min: str = "5", venue: str = "paper", pair: str = "BTC-USDT") -> Instrument:
    base, _, quote = pair.partition("-")
    return Instrument(
        venue=venue,
        pair=pair,
        kind=Kind.CRYPTO if quote else Kind.STOCK,
        market=Market.CRYPTO if quote else Market.STOCKS,
        base=base,
        quote=quote or "USD",
        price_step=Decimal("0.01"),
        quantity_step=Decimal("0.0001"),
        quantity_min=Decimal("0.0001"),
        quantity_max=Decimal(100),
        notional_min=Decimal(notional_min),
        notional_max=Decimal(1_000_000),
    )


STOCK = coin("1", pair="SPY")
SHUT: list[tuple[dict[str, Value], str]] = [
    ({"market.crypto.assets_approved": frozenset()}, "market.crypto.assets_approved names none."),
    ({"market.crypto.quotes_approved": frozenset()}, "market.crypto.quotes_approved names none."),
    ({"market.crypto.venues": ()}, "market.crypto.venues names none."),
    ({NOTIONAL: Decimal(0)}, "market.crypto.order_notional_max is 0."),
    ({POSITION: Decimal(0)}, "market.crypto.position_share_max is 0%."),
    ({SHARE: Decimal(0)}, "the limits leave 0 USD for one order and no venue takes less than 5."),
    (
        {"market.crypto.order_quantity_max": {}},
        "order_quantity_max has no entry for any pair that is offered.",
    ),
    ({"market.crypto.order_quantity_max": {"BTC": Decimal(0)}}, "has no entry for any pair that is offered."),
    ({"market.crypto.pairs_blocked": frozenset({"BTC-USDT"})}, "no venue in market.crypto.venues offers"),
    ({"market.crypto.quotes_approved": frozenset({"USD"})}, "no venue in market.crypto.venues offers"),
    ({"market.crypto.assets_approved": frozenset({"ETH"})}, "no venue in market.crypto.venues offers"),
    ({"market.crypto.venues": ("coinbase",)}, "no venue in market.crypto.venues offers an approved pair."),
    ({"market.crypto.ask_above": Decimal(0)}, "would wait for a person, since market.crypto.ask_above is 0."),
]


@pytest.mark.parametrize(("changes", "reason"), SHUT)
def test_a_market_without_a_possible_order_is_told_why(changes: dict[str, Value], reason: str) -> None:
    (sentence,) = infeasible(changed(changes), [coin(), STOCK], RICH)
    assert sentence.startswith("Every order of crypto that increases would ")
    assert sentence.endswith(reason) or reason in sentence


BOTH: list[tuple[dict[str, Value], str]] = [
    ({"account.exposure_gross_max": Decimal(0)}, "account.exposure_gross_max is 0%."),
    ({"account.leverage_max": Decimal(0)}, "account.leverage_max is 0."),
    ({"account.risk_multiplier": Decimal(0)}, "account.risk_multiplier is 0."),
    ({"account.turnover_day_max": Decimal(0)}, "account.turnover_day_max is 0%."),
    ({"account.orders_open_max": 0}, "account.orders_open_max is 0."),
    ({"account.rate_orders_max": 0}, "account.rate_orders_max is 0."),
    (
        {"account.orders_day_account_max": 0, "account.account_counts": True},
        "account.orders_day_account_max is 0.",
    ),
    (
        {"account.orders_day_algorithm_max": 0, "account.orders_day_manual_max": 0},
        "account.orders_day_algorithm_max and account.orders_day_manual_max are 0.",
    ),
]


@pytest.mark.parametrize(("changes", "reason"), BOTH)
def test_a_key_above_the_markets_closes_both(changes: dict[str, Value], reason: str) -> None:
    assert infeasible(changed(changes), [coin(), STOCK], RICH) == (
        f"Every order of crypto that increases would be refused, since {reason}",
        f"Every order of stocks that increases would be refused, since {reason}",
    )


FINE: list[dict[str, Value]] = [
    {},
    {"account.orders_day_account_max": 0},
    {"account.orders_day_algorithm_max": 0},
    {"account.orders_day_manual_max": 0},
    {"market.crypto.ask_above": Decimal(0), "account.approval_always": True},
    {"account.orders_open_max": 1, "account.rate_orders_max": 1},
]


@pytest.mark.parametrize("changes", FINE)
def test_a_policy_that_leaves_some_order_is_not_complained_about(changes: dict[str, Value]) -> None:
    assert infeasible(changed(changes), [coin(), STOCK], RICH) == ()


def test_an_order_limit_at_a_venues_minimum_is_enough_and_below_it_is_not() -> None:
    assert infeasible(SIMULATED, [coin("500"), STOCK], RICH) == ()
    assert infeasible(SIMULATED, [coin("500.01"), coin("500"), STOCK], RICH) == ()
    (sentence,) = infeasible(SIMULATED, [coin("500.01"), STOCK], RICH)
    assert "leave 500 USD for one order and no venue takes less than 500.01." in sentence
    for path in (POSITION, "account.exposure_gross_max", "account.leverage_max"):
        policy = changed({path: Decimal("0.002")})
        assert not any("crypto" in text for text in infeasible(policy, [coin("100"), STOCK], RICH))
        assert any("crypto" in text for text in infeasible(policy, [coin("100.01"), STOCK], RICH))
    halved = changed({"account.risk_multiplier": Decimal("0.5")})
    assert infeasible(halved, [coin("250"), STOCK], RICH) == ()
    assert len(infeasible(halved, [coin("250.01"), STOCK], RICH)) == 1


def test_an_instrument_of_another_market_or_a_forgotten_asset_does_not_count() -> None:
    odd = msgspec.structs.replace(coin(), market=Market.STOCKS)
    assert len(infeasible(SIMULATED, [odd], RICH)) == 2
    cheap = coin("1", pair="ETH-USDT")
    policy = changed({"market.crypto.order_quantity_max": {"BTC": Decimal(1)}})
    (sentence,) = infeasible(policy, [coin("501"), cheap, STOCK], RICH)
    assert "no venue takes less than 501." in sentence


def test_live_is_told_that_no_stock_is_approved_yet() -> None:
    (sentence,) = infeasible(LIVE, [coin(venue="coinbase"), coin("1", "alpaca", "SPY")], RICH)
    assert sentence.endswith(" would be refused, since market.stocks.assets_approved names none.")


def test_what_a_limit_comes_to_is_said_to_the_cent_below() -> None:
    uneven = Decimal("99123.4567890123456789")
    assert effective(SIMULATED, POSITION, uneven).limit == "24780.86"
    assert effective(changed({NOTIONAL: Decimal("0.005")}), NOTIONAL, uneven).limit == "0.005"

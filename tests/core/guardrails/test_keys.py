"""The key table: one key per field, each with a unit, a range, a direction and a reason."""

from decimal import Decimal

import msgspec
import pytest

from tests.regenerate import POLICIES, ROOT, generated
from trading_mcp.core.domain.market import Market
from trading_mcp.core.domain.policy import AccountLimits, MarketLimits, Policy, Schedule
from trading_mcp.core.guardrails.direction import Turn, compare, turn_of
from trading_mcp.core.guardrails.handbook import handbook
from trading_mcp.core.guardrails.key import Direction, Kind
from trading_mcp.core.guardrails.keys import BY_PATH, KEYS, get, values_of
from trading_mcp.core.guardrails.schema import BACKTEST_ONLY, is_sealed, parse_text, texts
from trading_mcp.core.guardrails.spelling import bounds

NUMBERS = {Kind.MONEY, Kind.SHARE, Kind.FACTOR, Kind.COUNT, Kind.SPAN, Kind.AMOUNTS}


def shipped(name: str) -> Policy:
    return parse_text((ROOT / "policies" / f"{name}.toml").read_text("utf-8"))


def test_every_field_of_a_policy_has_exactly_one_key_and_every_key_a_field() -> None:
    tables = {"schedule.": Schedule, "account.": AccountLimits}
    tables |= {f"market.{market.value}.": MarketLimits for market in Market}
    fields = [f"{prefix}{field}" for prefix, table in tables.items() for field in table.__struct_fields__]
    fields += [
        field
        for field in Policy.__struct_fields__
        if field not in {"hash", "schedule", "account"} and field not in set(Market)
    ]
    assert sorted(fields) == sorted(key.path for key in KEYS)
    assert len(BY_PATH) == len(KEYS)


def test_a_key_knows_its_table_its_field_and_its_market() -> None:
    key = BY_PATH["market.stocks.collar"]
    assert (key.section, key.field, key.market) == ("market.stocks", "collar", Market.STOCKS)
    assert BY_PATH["account.pair_cooldown"].market is None
    assert (BY_PATH["name"].section, BY_PATH["name"].field) == ("", "name")


@pytest.mark.parametrize("path", BY_PATH)
def test_every_key_has_a_range_if_it_is_a_number_and_a_reason_in_sentences(path: str) -> None:
    key = BY_PATH[path]
    assert bool(key.ceiling) == bool(key.floor) == (key.kind in NUMBERS)
    if key.kind in NUMBERS:
        floor, ceiling = bounds(key)
        assert floor < ceiling
    assert key.doc.endswith(".")
    assert key.why.endswith(".")


DIRECTIONS = {
    Kind.ASSETS: {Direction.SUBSET},
    Kind.CURRENCIES: {Direction.SUBSET, Direction.NONE},
    Kind.PAIRS: {Direction.SUPERSET},
    Kind.SWITCH: {Direction.SWITCH_ON, Direction.SWITCH_OFF},
    Kind.VENUES: {Direction.NONE},
    Kind.ZONE: {Direction.NONE},
    Kind.NAME: {Direction.NONE},
    Kind.CURRENCY: {Direction.NONE},
    Kind.AMOUNTS: {Direction.LOWER},
}


@pytest.mark.parametrize("path", BY_PATH)
def test_a_direction_fits_the_kind_of_its_key(path: str) -> None:
    key = BY_PATH[path]
    numeric = {Direction.LOWER, Direction.HIGHER, Direction.NONE}
    assert key.direction in DIRECTIONS.get(key.kind, numeric)


def test_the_keys_without_a_direction_and_those_that_bind_exits_are_the_ones_people_decide_about() -> None:
    fields = {key.field for key in KEYS if key.direction is Direction.NONE}
    assert fields == {
        "name", "base_currency", "zone", "stablecoins", "venues", "market_slippage", "loss_rate_window",
    }  # fmt: skip
    assert {key.field for key in KEYS if key.binds_exits} == {
        "collar", "stop_distance_max", "price_age_max", "fee_buffer", "exit_slippage_max",
        "duplicate_window", "clearance_age_max",
    }  # fmt: skip


def test_no_key_that_binds_exits_can_be_tightened_so_far_that_a_position_is_trapped() -> None:
    tightest = {
        key.field: bounds(key)[1 if key.direction is Direction.HIGHER else 0] for key in KEYS if key.binds_exits
    }
    assert tightest == {
        "collar": Decimal("0.01"),
        "stop_distance_max": Decimal("0.05"),
        "price_age_max": 2_000_000,
        "fee_buffer": Decimal("0.05"),
        "exit_slippage_max": Decimal("0.01"),
        "duplicate_window": 60_000_000,
        "clearance_age_max": 1_000_000,
    }


def test_a_person_can_always_still_answer() -> None:
    tightest = {"proposal_change_life": 3_600_000_000, "statement_life": 60_000_000, "changes_open_max": 1}
    assert {field: bounds(BY_PATH[f"account.{field}"])[0] for field in tightest} == tightest
    assert bounds(BY_PATH["account.loosening_delay"])[1] == 86_400_000_000


def test_every_shipped_policy_is_read_is_sealed_and_is_called_as_its_file() -> None:
    for name in POLICIES:
        policy = shipped(name)
        assert policy.name == name
        assert is_sealed(policy)
        assert not is_sealed(msgspec.structs.replace(policy, base_currency="EUR"))


SIMULATED = {
    "account.loss_day_max": "5%",
    "account.drawdown_rolling_max": "10%",
    "account.drawdown_high_water_max": "20%",
    "account.loss_rate_max": "2%",
    "account.loss_rate_window": "30min",
    "account.loss_rate_pause": "15min",
    "account.pair_cooldown": "1min",
    "account.rate_orders_max": "5",
    "account.rate_window": "5min",
    "account.orders_open_max": "20",
    "account.orders_day_algorithm_max": "500",
    "account.orders_day_manual_max": "100",
    "account.turnover_day_max": "1000%",
    "account.unattended_actor_max": "50",
    "account.exposure_gross_max": "100%",
    "account.leverage_max": "1",
    "account.short_allowed": "false",
    "account.account_counts": "false",
    "account.approval_always": "false",
    "account.mandate_signed": "false",
    "account.loosening_delay": "0s",
    "account.proposal_order_life": "1d",
    "account.proposal_change_life": "7d",
    "account.statement_life": "5min",
    "account.stablecoins": "BUSD, DAI, USDC, USDT",
    "account.confidence_min": "0.6",
    "account.duplicate_window": "10s",
    "account.clearance_age_max": "2s",
    "market.crypto.assets_approved": "ADA, AVAX, BNB, BTC, DOGE, DOT, ETH, MATIC, SOL, XRP",
    "market.crypto.quotes_approved": "USD, USDC, USDT",
    "market.crypto.order_notional_max": "500",
    "market.crypto.order_share_max": "2%",
    "market.crypto.position_share_max": "25%",
    "market.crypto.ask_above": "250",
    "market.crypto.price_age_max": "10s",
    "market.crypto.spread_max": "2%",
    "market.crypto.price_jump_max": "10%",
    "market.crypto.price_jump_window": "1min",
    "market.crypto.collar": "5%",
    "market.crypto.stop_distance_max": "25%",
    "market.crypto.market_slippage": "1%",
    "market.crypto.exit_slippage_max": "5%",
    "market.crypto.drift_price_max": "0.5%",
    "market.stocks.assets_approved": "AAPL, AMD, AMZN, GOOGL, META, MSFT, NVDA, QQQ, SPY, TSLA",
    "market.stocks.order_share_max": "10%",
    "market.stocks.position_share_max": "10%",
    "market.stocks.ask_above": "2500",
    "market.stocks.loss_day_max": "2%",
    "market.stocks.price_age_max": "1min",
    "market.stocks.spread_max": "0.5%",
    "market.stocks.drift_price_max": "0.3%",
}
LIVE = {
    "account.loss_day_max": "3%",
    "account.drawdown_rolling_max": "7%",
    "account.orders_day_account_max": "100",
    "account.turnover_day_max": "100%",
    "account.unattended_actor_max": "50",
    "account.unattended_total_max": "100",
    "account.account_counts": "true",
    "account.approval_always": "true",
    "account.mandate_signed": "true",
    "account.mandate_life_max": "7d",
    "account.loosening_delay": "10min",
    "account.proposal_order_life": "30min",
    "market.crypto.order_notional_max": "100",
    "market.crypto.order_share_max": "2%",
    "market.crypto.order_share_floor": "25",
    "market.stocks.assets_approved": "none",
    "market.stocks.loss_day_max": "2%",
}


@pytest.mark.proves("T2")
@pytest.mark.parametrize(("name", "expected"), [("simulated", SIMULATED), ("live", LIVE)])
def test_the_shipped_limits_are_the_designed_ones(name: str, expected: dict[str, str]) -> None:
    written = texts(shipped(name))
    assert {path: written[path] for path in expected} == expected


def test_paper_differs_from_simulated_only_in_its_name_and_in_how_long_an_order_waits() -> None:
    changes = compare(shipped("simulated"), shipped("paper"))
    assert [(change.key, change.after) for change in changes] == [
        ("name", "paper"),
        ("account.proposal_order_life", "1h"),
    ]


def test_every_approved_asset_has_a_quantity_limit() -> None:
    for name in POLICIES:
        for market in Market:
            limits = shipped(name).limits(market)
            assert limits.assets_approved == set(limits.order_quantity_max)


def test_the_open_policy_is_at_the_loosest_end_of_every_range() -> None:
    policy = shipped(BACKTEST_ONLY)
    for key in KEYS:
        value = get(policy, key)
        match key.direction:
            case Direction.LOWER if isinstance(value, dict):
                assert set(value.values()) == {bounds(key)[1]}
            case Direction.LOWER:
                assert value == bounds(key)[1], key.path
            case Direction.HIGHER:
                assert value == bounds(key)[0], key.path
            case Direction.SWITCH_ON | Direction.SWITCH_OFF:
                assert value is (key.direction is Direction.SWITCH_OFF), key.path
            case _:
                pass


def test_the_open_policy_is_nowhere_tighter_than_a_shipped_one() -> None:
    openest = values_of(shipped(BACKTEST_ONLY))
    for name in POLICIES[:-1]:
        for path, value in values_of(shipped(name)).items():
            assert turn_of(BY_PATH[path], value, openest[path]) is not Turn.TIGHTER, path


def test_the_handbook_is_what_the_key_table_makes_it() -> None:
    for path, text in generated().items():
        assert path.read_text("utf-8") == text, "run: python tests/regenerate.py"


def test_the_handbook_explains_every_key() -> None:
    text = handbook({"paper": shipped("paper")})
    for key in KEYS:
        assert f"### `{key.field}`" in text
        assert key.doc in text
        assert key.why in text

"""The limits in force: one frozen value, sealed with its hash, complete for every market."""

from decimal import Decimal

import msgspec

from trading_mcp.core.domain.market import Market


class MarketLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of one market; shares are fractions of equity, spans are microseconds."""

    assets_approved: frozenset[str]
    quotes_approved: frozenset[str]
    pairs_blocked: frozenset[str]
    venues: tuple[str, ...]
    order_notional_max: Decimal
    order_share_max: Decimal
    order_share_floor: Decimal
    order_quantity_max: dict[str, Decimal]
    position_share_max: Decimal
    ask_above: Decimal
    loss_day_max: Decimal
    price_age_max: int
    valuation_age_max: int
    spread_max: Decimal
    price_jump_max: Decimal
    price_jump_window: int
    collar: Decimal
    stop_distance_max: Decimal
    market_slippage: Decimal
    exit_slippage_max: Decimal
    fee_buffer: Decimal
    drift_price_max: Decimal


class AccountLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits that stand above the markets: exposure, tempo, loss, and what a person must sign."""

    exposure_gross_max: Decimal
    leverage_max: Decimal
    short_allowed: bool
    stablecoins: frozenset[str]
    risk_multiplier: Decimal
    account_counts: bool
    orders_open_max: int
    duplicate_window: int
    pair_cooldown: int
    rate_orders_max: int
    rate_window: int
    orders_day_algorithm_max: int
    orders_day_manual_max: int
    orders_day_account_max: int
    turnover_day_max: Decimal
    unattended_actor_max: int
    unattended_total_max: int
    loss_day_max: Decimal
    algorithm_loss_day_max: Decimal
    drawdown_rolling_max: Decimal
    drawdown_high_water_max: Decimal
    loss_rate_max: Decimal
    loss_rate_window: int
    loss_rate_pause: int
    events_required: bool
    approval_always: bool
    confidence_min: Decimal
    proposals_actor_max: int
    proposals_open_max: int
    changes_open_max: int
    proposal_order_life: int
    proposal_change_life: int
    statement_life: int
    loosening_delay: int
    clearance_age_max: int
    mandate_life_max: int
    mandate_signed: bool


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """The clock that people live by; it decides when a day begins."""

    zone: str


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Every limit of a home; `hash` seals the rest and stands in every verdict."""

    name: str
    base_currency: str
    account: AccountLimits
    crypto: MarketLimits
    stocks: MarketLimits
    schedule: Schedule
    hash: str = ""

    def limits(self, market: Market) -> MarketLimits:
        """Return the table of one market."""
        return self.crypto if market is Market.CRYPTO else self.stocks


class Delta(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one key, as written in a policy file, with the value it was made against."""

    key: str
    before: str
    after: str

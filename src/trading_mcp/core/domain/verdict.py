"""What the gate answers: findings with their limit, the actual value and what would pass."""

from enum import IntEnum, StrEnum

import msgspec


class Outcome(IntEnum):
    """The three answers of a rule; the worst one wins."""

    ALLOW = 0
    ASK = 1
    DENY = 2


class Code(StrEnum):
    """Every reason for which an order can be denied or asked about, or a clearance voided."""

    STATE_FROZEN = "STATE_FROZEN"
    STATE_HALTED = "STATE_HALTED"
    STATE_REDUCING = "STATE_REDUCING"
    STATE_NOT_RECONCILED = "STATE_NOT_RECONCILED"
    STATE_ORDER_UNKNOWN = "STATE_ORDER_UNKNOWN"
    MODE_MISMATCH = "MODE_MISMATCH"
    CLOCK_UNSOUND = "CLOCK_UNSOUND"
    FIELD_INVALID = "FIELD_INVALID"
    INSTRUMENT_UNKNOWN_KIND = "INSTRUMENT_UNKNOWN_KIND"
    INTENT_CONFLICT = "INTENT_CONFLICT"
    SYMBOL_NOT_APPROVED = "SYMBOL_NOT_APPROVED"
    INSTRUMENT_RULES = "INSTRUMENT_RULES"
    SESSION_CLOSED = "SESSION_CLOSED"
    LIMITS_INFEASIBLE = "LIMITS_INFEASIBLE"
    PRICE_UNKNOWN = "PRICE_UNKNOWN"
    PRICE_STALE = "PRICE_STALE"
    PRICE_IMPLAUSIBLE = "PRICE_IMPLAUSIBLE"
    FEED_DEGRADED = "FEED_DEGRADED"
    FEED_DOWN = "FEED_DOWN"
    ORDER_DUPLICATE = "ORDER_DUPLICATE"
    PRICE_COLLAR = "PRICE_COLLAR"
    STOP_DISTANCE_MAX = "STOP_DISTANCE_MAX"
    ORDER_NOTIONAL_MAX = "ORDER_NOTIONAL_MAX"
    ORDER_QUANTITY_MAX = "ORDER_QUANTITY_MAX"
    POSITION_CONCENTRATION_MAX = "POSITION_CONCENTRATION_MAX"
    EXPOSURE_GROSS_MAX = "EXPOSURE_GROSS_MAX"
    LEVERAGE_MAX = "LEVERAGE_MAX"
    SHORT_NOT_ALLOWED = "SHORT_NOT_ALLOWED"
    ORDERS_OPEN_MAX = "ORDERS_OPEN_MAX"
    ALGORITHM_BUDGET = "ALGORITHM_BUDGET"
    BALANCE_INSUFFICIENT = "BALANCE_INSUFFICIENT"
    PAIR_COOLDOWN = "PAIR_COOLDOWN"
    RATE_GLOBAL = "RATE_GLOBAL"
    ORDERS_DAY_MAX = "ORDERS_DAY_MAX"
    TURNOVER_DAY_MAX = "TURNOVER_DAY_MAX"
    UNATTENDED_ORDERS_MAX = "UNATTENDED_ORDERS_MAX"
    LOSS_DAY_MAX = "LOSS_DAY_MAX"
    DRAWDOWN_ROLLING_MAX = "DRAWDOWN_ROLLING_MAX"
    DRAWDOWN_HIGH_WATER_MAX = "DRAWDOWN_HIGH_WATER_MAX"
    LOSS_RATE_MAX = "LOSS_RATE_MAX"
    EVENT_BLACKOUT = "EVENT_BLACKOUT"
    APPROVAL_REQUIRED = "APPROVAL_REQUIRED"
    # Outside the table of rules: the gate and the courier say these about an order, too.
    PROPOSALS_OPEN_MAX = "PROPOSALS_OPEN_MAX"
    REDUCE_WOULD_FLIP = "REDUCE_WOULD_FLIP"
    LIMIT_MISSING = "LIMIT_MISSING"
    JOURNAL_UNAVAILABLE = "JOURNAL_UNAVAILABLE"
    CLEARANCE_VOID = "CLEARANCE_VOID"
    SENDS_EXCEED_CLEARED = "SENDS_EXCEED_CLEARED"
    OVERFILL = "OVERFILL"
    TRANSITION_IMPOSSIBLE = "TRANSITION_IMPOSSIBLE"
    DESK_FAILED = "DESK_FAILED"
    JOURNAL_UNSOUND = "JOURNAL_UNSOUND"
    RECONCILIATION_DIFFERENCE = "RECONCILIATION_DIFFERENCE"
    KILL_SWITCH = "KILL_SWITCH"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One rule's objection, in words and in numbers; an allowance is the absence of a finding."""

    code: Code
    outcome: Outcome
    reason: str
    limit: str = ""
    actual: str = ""
    would_pass: str = ""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """All objections to one intent under one policy."""

    outcome: Outcome
    findings: tuple[Finding, ...]
    policy: str
    reduces: bool

    def codes(self) -> tuple[Code, ...]:
        """Return the codes of the findings, in order of precedence."""
        return tuple(finding.code for finding in self.findings)

"""The text of guardrails/README.md: every code, made from the enum and the rules so that it cannot go stale."""

from collections.abc import Callable
from inspect import getdoc
from typing import Any, Final

from trading_mcp.core.domain.verdict import Code
from trading_mcp.core.guardrails import gate
from trading_mcp.core.guardrails.rules import consent, exposure, loss, price, size, state, tempo, validity

_HEAD: Final = """\
<!-- Generated from the codes and the rules: python tests/regenerate.py -->
# The gate

`decide(command, book, facts)` is pure. For an order it derives one case (`case.py`), lets every rule answer
(`gate.py`, `rules/`), and returns events. All rules answer; the worst answer wins; every objection is kept, in the
order of precedence below, with the limit, the actual value and what would pass. An order that reduces its own book,
the position at its venue *and* the account's total in the asset meets only the rules that bind every order.

What would be asked of an algorithm is denied: its mandate is its signature. A signature turns a question into a yes,
and never a denial. What each rule says, word by word, stands in `tests/core/guardrails/golden/findings.txt`.

| code | answer | binds | what it means |
|---|---|---|---|
"""
_ELSEWHERE: Final = """
Beside the rules of the gate, others say why something stopped:

| code | who says it |
|---|---|
"""
# Which rule says a code; what more there is to know than the rule's own first sentence.
RULES: Final[dict[Code, tuple[Callable[..., Any], str]]] = {
    Code.STATE_FROZEN: (state.state, "nothing but cancels"),
    Code.STATE_HALTED: (state.state, "protection goes on, and a person's close at the terminal or the dashboard"),
    Code.STATE_REDUCING: (state.state, "orders that reduce go on"),
    Code.STATE_NOT_RECONCILED: (state.reconciled, ""),
    Code.STATE_ORDER_UNKNOWN: (state.order_unknown, ""),
    Code.MODE_MISMATCH: (state.mode, ""),
    Code.CLOCK_UNSOUND: (state.clock, ""),
    Code.FIELD_INVALID: (validity.field, "an entry of a missed tick is not, either"),
    Code.INSTRUMENT_UNKNOWN_KIND: (validity.known_kind, ""),
    Code.INTENT_CONFLICT: (validity.conflict, ""),
    Code.SYMBOL_NOT_APPROVED: (validity.approved, ""),
    Code.INSTRUMENT_RULES: (validity.instrument_rules, ""),
    Code.SESSION_CLOSED: (validity.session, ""),
    Code.LIMITS_INFEASIBLE: (size.infeasible, "also where too little is left of an algorithm's wish"),
    Code.PRICE_UNKNOWN: (price.price, "there is none"),
    Code.PRICE_STALE: (price.price, "it is too old, or from the future"),
    Code.PRICE_IMPLAUSIBLE: (price.price, "it is no number, too wide, or jumped and was not confirmed"),
    Code.FEED_DEGRADED: (price.feed, "it is degraded"),
    Code.FEED_DOWN: (price.feed, "it is down or unknown"),
    Code.ORDER_DUPLICATE: (tempo.duplicate, ""),
    Code.PRICE_COLLAR: (price.collar, ""),
    Code.STOP_DISTANCE_MAX: (price.stop_distance, ""),
    Code.ORDER_NOTIONAL_MAX: (size.order_notional, ""),
    Code.ORDER_QUANTITY_MAX: (size.order_quantity, ""),
    Code.POSITION_CONCENTRATION_MAX: (exposure.concentration, ""),
    Code.EXPOSURE_GROSS_MAX: (exposure.exposure, ""),
    Code.LEVERAGE_MAX: (exposure.leverage, ""),
    Code.SHORT_NOT_ALLOWED: (exposure.short, ""),
    Code.ORDERS_OPEN_MAX: (exposure.orders_open, ""),
    Code.ALGORITHM_BUDGET: (exposure.budget, ""),
    Code.BALANCE_INSUFFICIENT: (size.balance, ""),
    Code.PAIR_COOLDOWN: (tempo.cooldown, ""),
    Code.RATE_GLOBAL: (tempo.rate, ""),
    Code.ORDERS_DAY_MAX: (tempo.orders_day, ""),
    Code.TURNOVER_DAY_MAX: (tempo.turnover_day, ""),
    Code.UNATTENDED_ORDERS_MAX: (tempo.unattended, ""),
    Code.LOSS_DAY_MAX: (loss.loss_day, "two valuations in a row latch REDUCING"),
    Code.DRAWDOWN_ROLLING_MAX: (loss.drawdown_rolling, "two valuations in a row latch REDUCING"),
    Code.DRAWDOWN_HIGH_WATER_MAX: (loss.drawdown_high_water, "two valuations in a row latch REDUCING"),
    Code.LOSS_RATE_MAX: (loss.loss_rate, "the second time in a day latches REDUCING"),
    Code.EVENT_BLACKOUT: (consent.blackout, "a calendar that does not answer denies"),
    Code.APPROVAL_REQUIRED: (consent.approval, ""),
    Code.REDUCE_WOULD_FLIP: (exposure.flip, ""),
    Code.LIMIT_MISSING: (size.order_quantity, "no key of a policy has a permissive default"),
}
ELSEWHERE: Final[dict[Code, str]] = {
    Code.PROPOSALS_OPEN_MAX: "`asking.py`, when a question would be one too many for the owner: the order is denied",
    Code.JOURNAL_UNAVAILABLE: "the desk, when nothing can be recorded: nothing is sent",
    Code.CLEARANCE_VOID: "`execute.py`, at the last look before the wire; and whoever takes back a cleared order",
    Code.SENDS_EXCEED_CLEARED: "the courier, when more was submitted than cleared: it freezes",
    Code.OVERFILL: "`reporting.py`, when a venue fills more than was ordered: it freezes",
    Code.TRANSITION_IMPOSSIBLE: "`reporting.py`, when an order becomes what it cannot become: it freezes",
    Code.DESK_FAILED: "the desk, when a part of it failed in a way nobody foresaw: it freezes",
    Code.JOURNAL_UNSOUND: "the desk, when an entry or the end of its journal is not what was signed: it freezes",
    Code.RECONCILIATION_DIFFERENCE: "`ticking.py`, when a venue holds what nothing explains: that venue is REDUCING",
    Code.KILL_SWITCH: "`halting.py`: the kill switch was engaged",
}
ASKING: Final = frozenset({Code.FEED_DEGRADED, Code.EVENT_BLACKOUT, Code.APPROVAL_REQUIRED})


def codes() -> str:
    """Explain every code once, in order of precedence."""
    rules = "".join(_row(code, *RULES[code]) for code in Code if code in RULES)
    others = "".join(f"| `{code}` | {ELSEWHERE[code]} |\n" for code in Code if code in ELSEWHERE)
    return _HEAD + rules + _ELSEWHERE + others


def _row(code: Code, rule: Callable[..., Any], more: str) -> str:
    means = (getdoc(rule) or "").splitlines()[0]
    if more:
        means = f"{means.removesuffix('.')} ({more})."
    answer = "ask" if code in ASKING else "deny"
    is_increasing = rule in gate.INCREASING or code is Code.STATE_REDUCING
    return f"| `{code}` | {answer} | {'increasing orders' if is_increasing else 'every order'} | {means} |\n"

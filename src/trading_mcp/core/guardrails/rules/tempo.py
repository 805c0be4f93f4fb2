"""Rules about pace: repeats, cooldown, rate, and what one day may hold."""

from decimal import Decimal
from typing import Final

from trading_mcp.core.domain.money import ZERO, greater
from trading_mcp.core.domain.tallies import Content
from trading_mcp.core.domain.verdict import Code, Finding
from trading_mcp.core.guardrails.case import Case
from trading_mcp.core.guardrails.finding import DOWN, UP, deny, shown, span
from trading_mcp.core.guardrails.risk import Risk
from trading_mcp.core.guardrails.rules.size import unknown

_NOBODY: Final[dict[str, int]] = {}


def duplicate(case: Case, risk: Risk) -> Finding | None:
    """Take the same content under a new id for a repeat, for a few seconds."""
    quantity = case.quantity
    if quantity is None:
        return None
    window = case.policy.account.duplicate_window
    for tally, now in risk.tallies:
        for at, before in reversed(tally.recent):
            if at <= now - window:
                break
            if before == Content(case.intent.pair, case.intent.side, quantity, case.limit_price):
                return deny(
                    Code.ORDER_DUPLICATE,
                    "the same order was cleared under another id a moment ago",
                    limit=span(window),
                    actual=span(now - at),
                    would_pass=f"the same order in {span(at + window - now, UP)}",
                )
    return None


def cooldown(case: Case, risk: Risk) -> Finding | None:
    """Let a pair rest between entries."""
    rest = case.policy.account.pair_cooldown
    for tally, now in risk.tallies:
        last = tally.pair_at.get(case.intent.pair)
        if last is not None and not now - last >= rest:
            return deny(
                Code.PAIR_COOLDOWN,
                f"the last entry on {case.intent.pair} was {span(now - last)} ago",
                limit=span(rest),
                actual=span(now - last),
                would_pass=f"the same order in {span(rest - (now - last), UP)}",
            )
    return None


def rate(case: Case, risk: Risk) -> Finding | None:
    """Bound the entries of a sliding window."""
    limit, window = case.policy.account.rate_orders_max, case.policy.account.rate_window
    for tally, now in risk.tallies:
        count = tally.cleared_since(now - window)
        if not count + 1 <= limit:
            return deny(
                Code.RATE_GLOBAL,
                f"too many orders in {span(window)}",
                limit=str(limit),
                actual=str(count + 1),
                would_pass=f"the same order once fewer than {limit} lie in the last {span(window)}",
            )
    return None


def orders_day(case: Case, risk: Risk) -> Finding | None:
    """Bound the entries of one day, of the book and where money is real of the account."""
    account, day, intent = case.policy.account, case.facts.day, case.intent
    limit = account.orders_day_manual_max if case.algorithm is None else account.orders_day_algorithm_max
    whose = intent.book
    for tally, _ in risk.tallies:
        count = tally.orders_day if tally.day == day else 0
        if not count + 1 <= limit:
            return deny(
                Code.ORDERS_DAY_MAX,
                f"{whose} has used its orders for the day",
                limit=str(limit),
                actual=str(count + 1),
                would_pass="orders that reduce; entries again tomorrow",
            )
        limit, whose = account.orders_day_account_max, "the account"
    return None


def turnover_day(case: Case, risk: Risk) -> Finding | None:
    """Bound what one day may turn over, as a share of what the day opened with."""
    measure = risk.measure
    most = case.policy.account.turnover_day_max
    if measure is None or measure.day != case.facts.day or risk.notional is None:
        return unknown(Code.TURNOVER_DAY_MAX, case, risk, f"{shown(most * 100)} % of day-open equity")
    limit, day, notional = most * measure.day_open, measure.day, risk.notional
    for tally, _ in risk.tallies:
        before = tally.turnover_day if tally.day == day else ZERO
        after: Decimal = before + notional
        if not after <= limit:
            left = greater(limit - before, ZERO)
            return deny(
                Code.TURNOVER_DAY_MAX,
                "the day's turnover is used up",
                limit=shown(limit),
                actual=shown(after, UP),
                would_pass=f"up to {shown(left, DOWN)} more today",
            )
    return None


def unattended(case: Case, risk: Risk) -> Finding | None:
    """Bound what happens with nobody watching; an algorithm's mandate has a count of its own."""
    del risk
    book = case.book
    if case.algorithm is not None:
        return None
    counts, account = book.unattended, case.policy.account
    if counts and book.unattended_day != case.facts.day and not book.home.mode.is_guarded:
        counts = _NOBODY
    door = case.intent.door
    by_door = counts.get(door, 0)
    if not by_door < account.unattended_actor_max:
        return _alone(door, by_door, account.unattended_actor_max)
    total = sum(counts.values())
    return (
        None
        if total < account.unattended_total_max
        else _alone("everyone together", total, account.unattended_total_max)
    )


def _alone(whose: str, count: int, limit: int) -> Finding:
    return deny(
        Code.UNATTENDED_ORDERS_MAX,
        f"{whose} has placed {count} orders since a person last signed",
        limit=str(limit),
        actual=str(count + 1),
        would_pass="the same order after the owner runs `trading-mcp attend`",
    )

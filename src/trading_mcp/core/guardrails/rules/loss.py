"""Rules about loss: since the day opened, from the peaks, and in half an hour; they never trap an exit."""

from decimal import Decimal
from typing import Final

from trading_mcp.core.domain.market import Market
from trading_mcp.core.domain.verdict import Code, Finding
from trading_mcp.core.guardrails.case import Case
from trading_mcp.core.guardrails.finding import UP, deny, share, shown, span
from trading_mcp.core.guardrails.risk import Risk
from trading_mcp.core.guardrails.rules.size import unknown

_AFTER = "orders that reduce; entries again after the owner has signed a release"


# Looking a member up on its class costs ten times a global; these are read for every order.
_CRYPTO: Final = Market.CRYPTO


def loss_day(case: Case, risk: Risk) -> Finding | None:
    """Stop new risk once a day has lost its share: the account's, the market's, the algorithm's."""
    limits, account, equity = case.policy.account, risk.measure, risk.equity
    if account is None or equity is None or account.day != case.facts.day:
        return unknown(Code.LOSS_DAY_MAX, case, risk, share(limits.loss_day_max))
    opened = account.day_open
    if not opened - equity <= limits.loss_day_max * opened:
        return _lost("the account", limits.loss_day_max * opened, opened - equity)
    market = case.book.measures.get("market/crypto" if case.market is _CRYPTO else "market/stocks")
    if market is not None and not market.day_loss <= case.limits.loss_day_max * opened:
        return _lost(case.market, case.limits.loss_day_max * opened, market.day_loss)
    algorithm, own = risk.algorithm, risk.own
    if algorithm is None:
        return None
    limit = limits.algorithm_loss_day_max * algorithm.capital
    if own is None:
        return unknown(Code.LOSS_DAY_MAX, case, risk, shown(limit))
    return None if own.day_loss <= limit else _lost(algorithm.name, limit, own.day_loss)


def _lost(whose: str, limit: Decimal, actual: Decimal) -> Finding:
    return deny(
        Code.LOSS_DAY_MAX,
        f"{whose} has lost too much today",
        limit=shown(limit),
        actual=shown(actual, UP),
        would_pass=_AFTER,
    )


def drawdown_rolling(case: Case, risk: Risk) -> Finding | None:
    """Stop new risk too far below the peak of seven days."""
    most, account, own = case.policy.account.drawdown_rolling_max, risk.measure, risk.own
    if risk.equity is None or account is None:
        return unknown(Code.DRAWDOWN_ROLLING_MAX, case, risk, share(most))
    peak = account.rolling_peak
    if not peak - risk.equity <= most * peak:
        return _down(Code.DRAWDOWN_ROLLING_MAX, "the account", "seven-day", most * peak, peak - risk.equity)
    if own is None:
        return None
    peak = own.rolling_peak
    if not peak - own.value <= most * peak:
        return _down(Code.DRAWDOWN_ROLLING_MAX, case.intent.book, "seven-day", most * peak, peak - own.value)
    return None


def drawdown_high_water(case: Case, risk: Risk) -> Finding | None:
    """Stop new risk too far below the highest peak ever."""
    most, account, own = case.policy.account.drawdown_high_water_max, risk.measure, risk.own
    if risk.equity is None or account is None:
        return unknown(Code.DRAWDOWN_HIGH_WATER_MAX, case, risk, share(most))
    peak = account.high_water
    if not peak - risk.equity <= most * peak:
        return _down(Code.DRAWDOWN_HIGH_WATER_MAX, "the account", "all-time", most * peak, peak - risk.equity)
    if own is not None and not own.high_water - own.value <= most * own.high_water:
        limit = most * own.high_water
        return _down(Code.DRAWDOWN_HIGH_WATER_MAX, case.intent.book, "all-time", limit, own.high_water - own.value)
    return None


def _down(code: Code, whose: str, which: str, limit: Decimal, actual: Decimal) -> Finding:
    return deny(
        code,
        f"{whose} is too far below its {which} peak",
        limit=shown(limit),
        actual=shown(actual, UP),
        would_pass=_AFTER,
    )


def loss_rate(case: Case, risk: Risk) -> Finding | None:
    """Pause after a fast loss."""
    account, now = case.policy.account, case.facts.now
    measure = risk.measure
    if measure is None or risk.equity is None:
        return unknown(Code.LOSS_RATE_MAX, case, risk, share(account.loss_rate_max))
    if now < measure.paused_until:
        return deny(
            Code.LOSS_RATE_MAX,
            f"a fast loss paused new risk for {span(account.loss_rate_pause)}",
            limit=span(account.loss_rate_pause),
            actual=f"{span(measure.paused_until - now, UP)} left",
            would_pass=f"orders that reduce; the same order in {span(measure.paused_until - now, UP)}",
        )
    peak = measure.window_peak
    if peak - risk.equity <= account.loss_rate_max * peak:
        return None
    return deny(
        Code.LOSS_RATE_MAX,
        f"too much was lost within {span(account.loss_rate_window)}",
        limit=shown(account.loss_rate_max * peak),
        actual=shown(peak - risk.equity, UP),
        would_pass=f"orders that reduce; entries again after {span(account.loss_rate_pause)}",
    )

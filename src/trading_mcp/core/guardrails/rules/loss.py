"""Rules about loss: since the day opened, from the peaks, and in half an hour; they never trap an exit."""

from collections.abc import Iterator
from decimal import Decimal

from trading_mcp.core.domain.measures import Measure, drawdown
from trading_mcp.core.domain.verdict import Code, Finding
from trading_mcp.core.guardrails.case import Case, Risk
from trading_mcp.core.guardrails.finding import deny, share, shown, span
from trading_mcp.core.guardrails.rules.size import unknown

_AFTER = "orders that reduce; entries again after the owner has signed a release"


def _scopes(case: Case, risk: Risk) -> Iterator[tuple[str, Measure, Decimal]]:
    """Yield the scopes that losses are drawn down in, with what each is worth now."""
    account = case.book.measures.get("account")
    if account is not None and risk.equity is not None:
        yield "the account", account, risk.equity
    name = case.intent.algorithm
    if name is not None:
        measure = case.book.measures.get(f"algorithm/{name}")
        if measure is not None:
            yield name, measure, measure.value


def loss_day(case: Case, risk: Risk) -> Finding | None:
    """Stop new risk once a day has lost its share: the account's, the market's, the algorithm's."""
    measures, day = case.book.measures, case.facts.day
    account = measures.get("account")
    limits = case.policy.account
    if account is None or risk.equity is None or account.day != day:
        return unknown(Code.LOSS_DAY_MAX, case, risk, share(limits.loss_day_max))
    checks = [("the account", account.day_open - risk.equity, limits.loss_day_max * account.day_open)]
    market = measures.get(f"market/{case.market}")
    if market is not None:
        checks.append((case.market, market.day_loss, case.limits.loss_day_max * account.day_open))
    algorithm = risk.algorithm
    if algorithm is not None:
        own = measures.get(f"algorithm/{algorithm.name}")
        if own is None:
            return unknown(Code.LOSS_DAY_MAX, case, risk, share(limits.algorithm_loss_day_max))
        checks.append((algorithm.name, own.day_loss, limits.algorithm_loss_day_max * algorithm.capital))
    for whose, loss, limit in checks:
        if not loss <= limit:
            return deny(
                Code.LOSS_DAY_MAX,
                f"{whose} has lost too much today",
                limit=shown(limit),
                actual=shown(loss),
                would_pass=_AFTER,
            )
    return None


def drawdown_rolling(case: Case, risk: Risk) -> Finding | None:
    """Stop new risk too far below the peak of seven days."""
    most = case.policy.account.drawdown_rolling_max
    if risk.equity is None or "account" not in case.book.measures:
        return unknown(Code.DRAWDOWN_ROLLING_MAX, case, risk, share(most))
    for whose, measure, value in _scopes(case, risk):
        peak = measure.rolling_peak
        if not drawdown(peak, value) <= most * peak:
            return _down(Code.DRAWDOWN_ROLLING_MAX, whose, "seven-day", most * peak, peak - value)
    return None


def drawdown_high_water(case: Case, risk: Risk) -> Finding | None:
    """Stop new risk too far below the highest peak ever."""
    most = case.policy.account.drawdown_high_water_max
    if risk.equity is None or "account" not in case.book.measures:
        return unknown(Code.DRAWDOWN_HIGH_WATER_MAX, case, risk, share(most))
    for whose, measure, value in _scopes(case, risk):
        peak = measure.high_water
        if not drawdown(peak, value) <= most * peak:
            return _down(Code.DRAWDOWN_HIGH_WATER_MAX, whose, "all-time", most * peak, peak - value)
    return None


def _down(code: Code, whose: str, which: str, limit: Decimal, actual: Decimal) -> Finding:
    return deny(
        code,
        f"{whose} is too far below its {which} peak",
        limit=shown(limit),
        actual=shown(actual),
        would_pass=_AFTER,
    )


def loss_rate(case: Case, risk: Risk) -> Finding | None:
    """Pause after a fast loss."""
    account, now = case.policy.account, case.facts.now
    measure = case.book.measures.get("account")
    if measure is None or risk.equity is None:
        return unknown(Code.LOSS_RATE_MAX, case, risk, share(account.loss_rate_max))
    if now < measure.paused_until:
        return deny(
            Code.LOSS_RATE_MAX,
            f"a fast loss paused new risk for {span(account.loss_rate_pause)}",
            limit=span(account.loss_rate_pause),
            actual=f"{span(measure.paused_until - now)} left",
            would_pass=f"orders that reduce; the same order in {span(measure.paused_until - now)}",
        )
    peak = measure.window_peak
    if drawdown(peak, risk.equity) <= account.loss_rate_max * peak:
        return None
    return deny(
        Code.LOSS_RATE_MAX,
        f"too much was lost within {span(account.loss_rate_window)}",
        limit=shown(account.loss_rate_max * peak),
        actual=shown(peak - risk.equity),
        would_pass=f"orders that reduce; entries again after {span(account.loss_rate_pause)}",
    )

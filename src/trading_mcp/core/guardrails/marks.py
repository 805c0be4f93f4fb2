"""Value everything, compare with what may be lost, and latch what two valuations in a row have confirmed."""

from decimal import Decimal
from typing import Final, assert_never

from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.commands import Mark
from trading_mcp.core.domain.events import AnyEvent, Latched, MandateVoided, Marked, RatePaused
from trading_mcp.core.domain.evolve import evolve
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.latches import Latch, Scope, ScopeKind, TradingState
from trading_mcp.core.domain.market import Market, market_of
from trading_mcp.core.domain.measures import CONFIRM_AFTER, Measure, drawdown
from trading_mcp.core.domain.money import ZERO
from trading_mcp.core.domain.orders import Intent, Working
from trading_mcp.core.domain.proposals import ProposedRelease
from trading_mcp.core.domain.verdict import Code
from trading_mcp.core.guardrails.draft import Draft
from trading_mcp.core.guardrails.finding import shown
from trading_mcp.core.guardrails.resting import review_resting
from trading_mcp.core.guardrails.valuation import profits, value_all

_STOCKS: Final = f"market/{Market.STOCKS}"


def is_marked(book: Book, facts: Facts, intent: Intent) -> bool:
    """Say whether the day's opening is on record for everything an order is measured by."""
    account = book.measures.get("account")
    if account is None or account.day != facts.day:
        return False
    name = intent.algorithm
    return name is None or name not in book.algorithms or f"algorithm/{name}" in book.measures


def mark(command: Mark, book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """Decide one valuation; one made on a fill is recorded only if it latches."""
    draft = Draft(book, facts)
    latched = mark_now(draft)
    return () if command.on_fill and not latched else tuple(draft.events)


def mark_now(draft: Draft) -> bool:
    """Record what everything is worth, and latch what is breached; return whether anything latched."""
    event = marked(draft.book, draft.facts)
    is_later = _is_later(draft.book, draft.now)
    seen = {key: codes for key, codes in event.breached.items() if key in event.values}
    confirmed = _in_both(seen, draft.book.breached) if is_later else {}
    draft.emit(event)
    before = len(draft.events)
    for key in sorted(confirmed):
        for code in confirmed[key]:
            _trip(draft, key, code)
    _spend_mandates(draft)
    return len(draft.events) > before


def _in_both(now: dict[str, tuple[Code, ...]], before: dict[str, tuple[Code, ...]]) -> dict[str, tuple[Code, ...]]:
    """Return the breaches that two valuations have seen."""
    both = {key: tuple(code for code in codes if code in before.get(key, ())) for key, codes in now.items()}
    return {key: codes for key, codes in both.items() if codes}


def _is_later(book: Book, now: int) -> bool:
    return now - book.marked_at >= CONFIRM_AFTER or now < book.marked_at


def marked(book: Book, facts: Facts) -> Marked:
    """Return the valuation of now; a scope whose price is missing is left out and keeps what was known."""
    policy = book.policy
    values, _ = profits(book, facts, policy)
    equity = value_all(book, facts, policy).equity
    if equity is not None:
        values["account"] = equity
    session = facts.sessions.get(Market.STOCKS)
    days = {} if session is None else {_STOCKS: session.day}
    plain = Marked(at=facts.now, day=facts.day, market_days=days, values=values)
    after = evolve(book, plain).measures
    breached = {key: codes for key in values if (codes := _breaches(book, after, key))}
    if not _is_later(book, facts.now):
        # Too soon after the last to count: it can take a suspicion back, and raises none of its own.
        breached = _in_both(breached, book.breached)
    # A valuation that is unknown confirms nothing and clears nothing.
    kept = {key: codes for key, codes in book.breached.items() if key not in values}
    return Marked(
        at=facts.now,
        day=facts.day,
        market_days=days,
        values=values,
        breached={**kept, **breached},
        uptime=facts.uptime,
    )


def _breaches(book: Book, measures: dict[str, Measure], key: str) -> tuple[Code, ...]:
    """Return the loss limits that a scope stands beyond."""
    measure, limits = measures[key], book.policy.account
    kind, _, name = key.partition("/")
    if kind == ScopeKind.MARKET:
        account = measures.get("account")
        base = ZERO if account is None else account.day_open
        most = book.policy.limits(Market(name)).loss_day_max * base
        return (Code.LOSS_DAY_MAX,) if account is not None and not measure.day_loss <= most else ()
    codes: list[Code] = []
    if kind == ScopeKind.ALGORITHM:
        algorithm = book.algorithms.get(name)
        # What trades under a name that nobody knows here may lose nothing.
        day_most: Decimal = ZERO if algorithm is None else limits.algorithm_loss_day_max * algorithm.capital
    else:
        day_most = limits.loss_day_max * measure.day_open
    if not measure.day_loss <= day_most:
        codes.append(Code.LOSS_DAY_MAX)
    peak = measure.rolling_peak
    if not drawdown(peak, measure.value) <= limits.drawdown_rolling_max * peak:
        codes.append(Code.DRAWDOWN_ROLLING_MAX)
    high = measure.high_water
    if not drawdown(high, measure.value) <= limits.drawdown_high_water_max * high:
        codes.append(Code.DRAWDOWN_HIGH_WATER_MAX)
    if kind == ScopeKind.ACCOUNT and measure.at >= measure.paused_until:
        peak = measure.window_peak
        if not drawdown(peak, measure.value) <= limits.loss_rate_max * peak:
            codes.append(Code.LOSS_RATE_MAX)
    return tuple(codes)


def _trip(draft: Draft, key: str, code: Code) -> None:
    """Latch one breached limit, or pause for a fast loss; the second pause of a day latches."""
    kind, _, name = key.partition("/")
    scope = Scope(kind=ScopeKind(kind), name=name)
    measure = draft.book.measures[key]
    if code is Code.LOSS_RATE_MAX:
        pause = draft.policy.account.loss_rate_pause
        draft.emit(RatePaused(at=draft.now, scope=scope, until=draft.now + pause))
        if measure.pauses == 0:
            return
    latch = Latch(
        scope=scope,
        state=TradingState.REDUCING,
        code=code,
        reason=f"{key} is worth {shown(measure.value)}, beyond what it may lose",
        at=draft.now,
    )
    add_latch(draft, latch)


def add_latch(draft: Draft, latch: Latch) -> None:
    """Add a latch unless a stricter one of the same reason holds, and judge what rests under it again."""
    before = draft.book.latches.get(latch.key)
    if latch.state is TradingState.ACTIVE:
        return
    if before is not None and before.state >= latch.state and not _is_news(draft, before, latch):
        return
    draft.emit(Latched(at=draft.now, latch=latch))
    review_resting(draft, lambda working: covers(latch.scope, working))


def _is_news(draft: Draft, before: Latch, latch: Latch) -> bool:
    """Say whether what latched once has happened again since somebody proposed to release it."""
    if latch.state < TradingState.HALTED or before.state > latch.state:
        return False
    waiting = (*draft.book.proposals.values(), *(change.proposal for change in draft.book.changes.values()))
    return any(
        isinstance(item.body, ProposedRelease) and item.body.scope == latch.scope and item.opened_at >= before.at
        for item in waiting
    )


def covers(scope: Scope, working: Working) -> bool:
    """Say whether a scope covers an order."""
    order = working.order
    match scope.kind:
        case ScopeKind.ACCOUNT:
            return True
        case ScopeKind.MARKET:
            return scope.name == market_of(order.pair)
        case ScopeKind.VENUE:
            return scope.name == order.venue
        case ScopeKind.ALGORITHM:
            return scope.name == order.book
        case _:
            assert_never(scope.kind)


def _spend_mandates(draft: Draft) -> None:
    """End every mandate whose bound on losses or time is spent."""
    for name, algorithm in sorted(draft.book.algorithms.items()):
        mandate, measure = algorithm.mandate, draft.book.measures.get(f"algorithm/{name}")
        if mandate is None:
            continue
        if mandate.expires_at is not None and not draft.now < mandate.expires_at:
            reason = "it has expired"
        elif measure is not None and not mandate.value_at_issue - measure.value <= mandate.loss_max:
            reason = f"its loss has passed {shown(mandate.loss_max)}"
        else:
            continue
        void_mandate(draft, name, reason)


def void_mandate(draft: Draft, name: str, reason: str) -> None:
    """End a mandate and judge the algorithm's resting orders again."""
    draft.emit(MandateVoided(at=draft.now, algorithm=name, reason=reason))
    review_resting(draft, lambda working: working.order.book == name)

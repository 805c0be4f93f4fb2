"""Rules about the desk itself: latches, reconciliation, unknown orders, mode and clock."""

from typing import Final

from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.latches import TradingState
from trading_mcp.core.domain.market import MINUTE, SECOND
from trading_mcp.core.domain.orders import Door, OrderState, Purpose
from trading_mcp.core.domain.verdict import Code, Finding
from trading_mcp.core.guardrails.case import Case
from trading_mcp.core.guardrails.finding import UP, deny, span
from trading_mcp.core.guardrails.risk import Risk

# Looking a member up on its class costs ten times a global; these are read for every order.
_LIVE: Final = Mode.LIVE
_UNKNOWN: Final = OrderState.UNKNOWN
_ACTIVE: Final = TradingState.ACTIVE
CLOCK_DRIFT_MAX: Final = 2 * SECOND
UNWATCHED_MAX: Final = MINUTE
_CODES: Final = {
    TradingState.FROZEN: Code.STATE_FROZEN,
    TradingState.HALTED: Code.STATE_HALTED,
    TradingState.REDUCING: Code.STATE_REDUCING,
}
_PASSES: Final = {
    TradingState.FROZEN: "nothing but cancels until the owner signs a release",
    TradingState.HALTED: "protection; closing the desk's own positions at the terminal or the dashboard",
    TradingState.REDUCING: "orders that reduce a position",
}


def state(case: Case) -> Finding | None:
    """Meet the worst latch that covers the order."""
    latch = case.latch
    if latch is None or case.state is _ACTIVE:
        return None if case.reduces or case.book.stranger is None else _stranger(case)
    intent = case.intent
    if case.state is TradingState.REDUCING and case.reduces:
        return None
    if case.state is TradingState.HALTED and case.reduces:
        if intent.purpose is Purpose.PROTECTION:
            return None
        if intent.purpose is Purpose.CLOSE and intent.door in (Door.CLI, Door.WEB):
            return None
    return deny(
        _CODES[case.state],
        f"{latch.scope.key} is {case.state.name} since {latch.code}: {latch.reason}",
        limit="ACTIVE",
        actual=case.state.name,
        would_pass=_PASSES[case.state],
    )


def _stranger(case: Case) -> Finding | None:
    """Add no risk with real money while a key that nobody signed for waits out its day."""
    if case.book.home.mode is not _LIVE:
        return None
    return deny(
        Code.STATE_REDUCING,
        "the approver was replaced without the old key's signature",
        limit="the approver this home knows",
        actual="another key",
        would_pass="orders that reduce; the same order once desks have run for a day since, or with the old key back",
    )


def reconciled(case: Case) -> Finding | None:
    """Send nothing to a venue whose records were not yet compared with the book since the start."""
    book = case.book
    if case.venue is not None and case.venue in book.reconciled:
        return None
    if case.reduces and case.venue in book.legible and case.free is not None:
        # What both sides hold may be given up; how much that is, the rule about balances says.
        return None
    return deny(
        Code.STATE_NOT_RECONCILED,
        f"{case.venue or 'a venue for this market'} is not reconciled yet since the desk started",
        limit="reconciled",
        actual="not reconciled",
        would_pass="the same order once the venue has answered",
    )


def order_unknown(case: Case, risk: Risk) -> Finding | None:
    """Add nothing to a symbol on which an order's fate is unknown."""
    del risk
    for working in case.book.working.values():
        if working.state is _UNKNOWN and working.order.pair == case.intent.pair:
            return deny(
                Code.STATE_ORDER_UNKNOWN,
                f"order {working.order.id} on {case.intent.pair} has an unknown fate",
                limit="0 unknown",
                actual="1 or more",
                would_pass="orders that reduce; the same order once the fate is known",
            )
    return None


def mode(case: Case) -> Finding | None:
    """Trade only where order, home and venue agree on what is real."""
    home = case.book.home
    theirs = case.facts.venue_modes.get(case.venue or "")
    if theirs is not home.mode:
        return deny(
            Code.MODE_MISMATCH,
            f"the home is {home.mode} and the venue {'unknown' if theirs is None else theirs}",
            limit=str(home.mode),
            actual="unknown" if theirs is None else str(theirs),
            would_pass=f"a venue wired for {home.mode}",
        )
    if home.mode is not _LIVE:
        return None
    if not case.facts.is_live_enabled:
        return deny(
            Code.MODE_MISMATCH,
            "the desk was not started for live trading",
            limit="started with --live",
            actual="started without",
            would_pass="the same order on a desk started with --live",
        )
    account = f"{case.venue}/{home.account}"
    if account not in case.book.live_accounts:
        return deny(
            Code.MODE_MISMATCH,
            f"live trading on {account} was never signed",
            limit="a signed LiveEnabled",
            actual="none",
            would_pass="the same order after the owner has signed",
        )
    return None


def clock(case: Case, risk: Risk) -> Finding | None:
    """Trust no limit measured in time while the clock itself is in doubt."""
    del risk
    facts, book = case.facts, case.book
    drift = abs(facts.wall_elapsed - facts.boot_elapsed)
    if not drift <= CLOCK_DRIFT_MAX:
        reason, limit, actual = "wall clock and boot clock moved apart", span(CLOCK_DRIFT_MAX), span(drift, UP)
    elif not facts.now >= book.at:
        reason, limit = "the clock is behind the last journal entry", "not behind"
        actual = f"{span(book.at - facts.now, UP)} behind"
    elif not facts.boot_elapsed <= UNWATCHED_MAX:
        # The lid was just opened, and the desk has not looked around yet.
        reason, limit = "time went by unwatched", span(UNWATCHED_MAX)
        actual = span(facts.boot_elapsed, UP)
    elif book.suspended_at is not None:
        reason, limit, actual = "time went by unwatched; feeds and venues are being checked", "watched", "suspended"
    else:
        return None
    return deny(
        Code.CLOCK_UNSOUND,
        reason,
        limit=limit,
        actual=actual,
        would_pass="orders that reduce; the same order once the clock is sound",
    )

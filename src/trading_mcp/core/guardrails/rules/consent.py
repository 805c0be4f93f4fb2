"""Rules that ask: what a person must see first, unless a mandate has already said yes."""

from trading_mcp.core.domain.instruments import listed_as
from trading_mcp.core.domain.money import ZERO
from trading_mcp.core.domain.verdict import Code, Finding
from trading_mcp.core.guardrails.case import Case
from trading_mcp.core.guardrails.finding import DOWN, UP, ask, deny, shown
from trading_mcp.core.guardrails.risk import Risk


def blackout(case: Case, risk: Risk) -> Finding | None:
    """Ask before trading into an event, once a calendar is connected."""
    del risk
    if not case.policy.account.events_required:
        return None
    assets = case.facts.blackout_assets
    if assets is None:
        return deny(
            Code.EVENT_BLACKOUT,
            "the calendar of events does not answer",
            limit="a known calendar",
            actual="unknown",
            would_pass="the same order once the calendar answers",
        )
    if assets.isdisjoint((case.asset, listed_as(case.intent.pair))):
        return None
    return ask(
        Code.EVENT_BLACKOUT,
        f"an event with high volatility is due for {listed_as(case.intent.pair)}",
        limit="no event",
        actual="an event",
        would_pass="the same order after the event, or with the owner's signature",
    )


def approval(case: Case, risk: Risk) -> Finding | None:
    """Ask for a signature, unless the order stands inside its algorithm's mandate."""
    if case.algorithm is not None:
        spent = mandate_problem(case, risk)
        return _outside(spent) if spent else None
    account = case.policy.account
    if account.approval_always:
        return ask(
            Code.APPROVAL_REQUIRED,
            "the owner signs every order that adds risk",
            limit="0",
            actual=shown(risk.notional),
            would_pass="the same order with the owner's signature",
        )
    limit, notional = case.limits.ask_above, risk.notional
    if notional is None or not notional <= limit:
        return ask(
            Code.APPROVAL_REQUIRED,
            "the owner signs orders above this amount",
            limit=shown(limit),
            actual=shown(notional, UP),
            would_pass=f"up to {shown(limit, DOWN)}, or the owner's signature",
        )
    if case.intent.signal_seq is None:
        return None
    confidence = case.facts.signal_confidence
    if confidence is not None and not confidence.is_finite():
        confidence = None
    if confidence is not None and confidence >= account.confidence_min:
        return None
    return ask(
        Code.APPROVAL_REQUIRED,
        "the signal it cites is weak or was never journaled",
        limit=shown(account.confidence_min),
        actual=shown(confidence),
        would_pass="the owner's signature, or a signal of higher confidence",
    )


def resting(case: Case, risk: Risk) -> Finding | None:
    """Ask again about an order that rests: signed, small enough, or still inside its mandate."""
    if case.algorithm is not None:
        spent = mandate_problem(case, risk, counted=0)
        return _outside(spent) if spent else None
    limit = ZERO if case.policy.account.approval_always else case.limits.ask_above
    if risk.notional is not None and risk.notional <= limit:
        return None
    return ask(
        Code.APPROVAL_REQUIRED,
        "the owner signs orders above this amount and has not signed this one",
        limit=shown(limit),
        actual=shown(risk.notional, UP),
        would_pass=f"up to {shown(limit, DOWN)}, or a new order with the owner's signature",
    )


def _outside(why: str) -> Finding:
    return ask(
        Code.APPROVAL_REQUIRED,
        why,
        limit="inside the mandate",
        actual="outside",
        would_pass="orders that reduce; the same order under a new mandate",
    )


def mandate_problem(case: Case, risk: Risk, *, counted: int = 1) -> str:
    """Return why the mandate does not cover an order, or nothing; one that is judged again was counted before."""
    algorithm = risk.algorithm
    mandate = None if algorithm is None or not algorithm.enabled else algorithm.mandate
    name = case.algorithm
    if mandate is None or algorithm is None:
        return f"{name} has no mandate"
    if mandate.version != algorithm.version:
        return f"{name} was changed since its mandate"
    if mandate.expires_at is None and case.policy.account.mandate_signed:
        return f"the mandate of {name} was never signed"
    if mandate.expires_at is not None and not case.facts.now < mandate.expires_at:
        return f"the mandate of {name} has expired"
    if case.intent.pair not in mandate.pairs:
        return f"the mandate of {name} does not name {case.intent.pair}"
    if case.venue not in mandate.venues:
        return f"the mandate of {name} does not name {case.venue}"
    if risk.notional is None or not risk.notional <= mandate.order_notional_max:
        return f"the mandate of {name} allows {shown(mandate.order_notional_max)} an order"
    if not risk.budget_used + risk.notional <= mandate.capital:
        return f"the mandate of {name} allows a capital of {shown(mandate.capital)}"
    if not risk.tally.orders_on(case.facts.day) + counted <= mandate.orders_day_max:
        return f"the mandate of {name} allows {mandate.orders_day_max} orders a day"
    if risk.own is None:
        return f"what {name} has lost is not known"
    if not mandate.value_at_issue - risk.own.value <= mandate.loss_max:
        return f"the mandate of {name} ends at a loss of {shown(mandate.loss_max)}"
    return ""

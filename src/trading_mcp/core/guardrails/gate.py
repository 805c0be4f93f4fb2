"""The gate: the ordered tuple of rules, and `judge`, which lets all of them answer."""

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from trading_mcp.core.domain.verdict import Code, Finding, Outcome, Verdict
from trading_mcp.core.guardrails.case import Case
from trading_mcp.core.guardrails.risk import Risk
from trading_mcp.core.guardrails.rules import consent, exposure, loss, price, size, state, tempo, validity

# What every order must pass; exits meet nothing else.
ALWAYS: Final[tuple[Callable[[Case], Finding | None], ...]] = (
    state.state,
    state.reconciled,
    state.mode,
    validity.field,
    validity.known_kind,
    validity.conflict,
    validity.instrument_rules,
    validity.session,
    price.collar,
    price.stop_distance,
    size.balance,
    exposure.flip,
)
# What only an order that adds risk must pass.
INCREASING: Final[tuple[Callable[[Case, Risk], Finding | None], ...]] = (
    state.order_unknown,
    state.clock,
    validity.approved,
    size.infeasible,
    price.price,
    price.feed,
    tempo.duplicate,
    size.order_notional,
    size.order_quantity,
    exposure.concentration,
    exposure.exposure,
    exposure.leverage,
    exposure.short,
    exposure.orders_open,
    exposure.budget,
    tempo.cooldown,
    tempo.rate,
    tempo.orders_day,
    tempo.turnover_day,
    tempo.unattended,
    loss.loss_day,
    loss.drawdown_rolling,
    loss.drawdown_high_water,
    loss.loss_rate,
    consent.blackout,
    consent.approval,
)
# What goes on binding an order that already rests: state, symbol, size, exposure and loss.
RESTING: Final[tuple[Callable[[Case, Risk], Finding | None], ...]] = (
    size.order_notional,
    size.order_quantity,
    exposure.concentration,
    exposure.exposure,
    exposure.leverage,
    exposure.short,
    exposure.budget,
    loss.loss_day,
    loss.drawdown_rolling,
    loss.drawdown_high_water,
    loss.loss_rate,
)
# Looking a member up on its class costs ten times a global; these are read for every order.
_ALLOW: Final = Outcome.ALLOW
_RANK: Final = {code: rank for rank, code in enumerate(Code)}


def _answers(case: Case) -> tuple[Finding | None, ...]:
    """Ask the rules of ALWAYS, one call site each: a third cheaper than a loop, and a test holds both together."""
    return (
        state.state(case),
        state.reconciled(case),
        state.mode(case),
        validity.field(case),
        validity.known_kind(case),
        validity.conflict(case),
        validity.instrument_rules(case),
        validity.session(case),
        price.collar(case),
        price.stop_distance(case),
        size.balance(case),
        exposure.flip(case),
    )


def _answers_to_risk(case: Case, risk: Risk) -> tuple[Finding | None, ...]:
    """Ask the rules of INCREASING in the same way."""
    return (
        state.order_unknown(case, risk),
        state.clock(case, risk),
        validity.approved(case, risk),
        size.infeasible(case, risk),
        price.price(case, risk),
        price.feed(case, risk),
        tempo.duplicate(case, risk),
        size.order_notional(case, risk),
        size.order_quantity(case, risk),
        exposure.concentration(case, risk),
        exposure.exposure(case, risk),
        exposure.leverage(case, risk),
        exposure.short(case, risk),
        exposure.orders_open(case, risk),
        exposure.budget(case, risk),
        tempo.cooldown(case, risk),
        tempo.rate(case, risk),
        tempo.orders_day(case, risk),
        tempo.turnover_day(case, risk),
        tempo.unattended(case, risk),
        loss.loss_day(case, risk),
        loss.drawdown_rolling(case, risk),
        loss.drawdown_high_water(case, risk),
        loss.loss_rate(case, risk),
        consent.blackout(case, risk),
        consent.approval(case, risk),
    )


def judge(case: Case, *, signed: bool = False) -> Verdict:
    """Let every rule answer; the worst answer wins, and a signature answers what was only asked."""
    risk = case.risk
    answers = _answers(case)
    if risk is not None:
        answers += _answers_to_risk(case, risk)
    elif not case.reduces:
        assert case.problem, "an order that neither reduces nor was measured"  # noqa: S101 - us being wrong
    if answers.count(None) == len(answers):
        return Verdict(outcome=_ALLOW, findings=(), policy=case.policy.hash, reduces=case.reduces)
    findings = [found for found in answers if found is not None]
    if case.algorithm is not None:
        # An algorithm may not knock every minute: what would be asked is denied.
        findings = [replace(found, outcome=Outcome.DENY) for found in findings]
    findings.sort(key=lambda found: _RANK[found.code])
    outcome = max(found.outcome for found in findings)
    if signed and outcome is Outcome.ASK:
        outcome = Outcome.ALLOW
    return Verdict(outcome=outcome, findings=tuple(findings), policy=case.policy.hash, reduces=case.reduces)


def objection_to_resting(case: Case, *, signed: bool) -> Finding | None:
    """Return what would deny an order that already rests, or ask about it where nobody has signed."""
    found = state.state(case)
    if found is not None:
        return found
    risk = case.risk
    if risk is None:
        return validity.field(case) if case.problem else None
    found = validity.on_list(case)
    if found is not None:
        return found
    for rule in RESTING:
        found = rule(case, risk)
        if found is not None:
            return found
    return None if signed else consent.resting(case, risk)

"""The gate: the ordered tuple of rules, and `judge`, which lets all of them answer."""

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from trading_mcp.core.domain.verdict import Code, Finding, Outcome, Verdict
from trading_mcp.core.guardrails.case import Case, Risk
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
_RANK: Final = {code: rank for rank, code in enumerate(Code)}


def judge(case: Case, *, signed: bool = False) -> Verdict:
    """Let every rule answer; the worst answer wins, and a signature answers what was only asked."""
    findings = [found for rule in ALWAYS if (found := rule(case)) is not None]
    risk = case.risk
    if risk is not None:
        for rule in INCREASING:
            found = rule(case, risk)
            if found is not None:
                findings.append(found)
    elif not case.reduces:
        assert case.problem, "an order that neither reduces nor was measured"  # noqa: S101 - us being wrong
    if not findings:
        return Verdict(outcome=Outcome.ALLOW, findings=(), policy=case.policy.hash, reduces=case.reduces)
    if case.intent.algorithm is not None:
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

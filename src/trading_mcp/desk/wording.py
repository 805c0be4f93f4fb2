"""Every event as one calm sentence, for whoever watches the desk or reads its journal."""

from decimal import Decimal
from typing import Final, assert_never

from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.latches import TradingState
from trading_mcp.core.domain.money import plain as digits
from trading_mcp.core.domain.orders import Everything, Intent, Notional, Order, Quantity
from trading_mcp.core.domain.proposals import (
    ProposalBody,
    ProposedClose,
    ProposedMandate,
    ProposedOrder,
    ProposedOrderRelease,
    ProposedPolicy,
    ProposedRelease,
)
from trading_mcp.core.domain.verdict import Outcome, Verdict
from trading_mcp.core.guardrails.finding import span_text
from trading_mcp.redact import cut, plain, redacted

TEXT_MAX: Final = 400
# As much of an order's id as people read; `cancel` takes it, too.
SHORT: Final = 8
# What happens all the time and tells a person nothing.
_QUIET: Final = (e.Marked, e.ToolCalled, e.ToolAnswered, e.OrderSending, e.SignalsRecorded, e.SnapshotTaken)


def is_quiet(event: e.AnyEvent) -> bool:
    """Say whether an event is no news for somebody who watches."""
    return isinstance(event, _QUIET)


def amount_text(value: Decimal | None) -> str:
    """Write an amount, or nothing where it is not known."""
    return "" if value is None else digits(value)


def money_text(value: Decimal | None) -> str:
    """Write money to the cent, or nothing where it is not known."""
    return "" if value is None else f"{value:.2f}"


def intent_text(intent: Intent) -> str:
    """Write what somebody wants."""
    match intent.amount:
        case Quantity(value=value):
            much = f"{digits(value)} {intent.pair}"
        case Notional(value=value):
            much = f"{intent.pair} for {digits(value)}"
        case Everything():
            much = f"all {intent.pair}"
        case _:
            assert_never(intent.amount)
    return f"{intent.side} {much} ({intent.type})"


def order_text(order: Order) -> str:
    """Write what a venue is told."""
    price = f" at {digits(order.limit_price)}" if order.limit_price is not None else ""
    price += f", stop {digits(order.stop_price)}" if order.stop_price is not None else ""
    return f"{order.side} {digits(order.quantity)} {order.pair}{price}"


def verdict_text(verdict: Verdict) -> str:
    """Write a verdict with the codes of its findings."""
    word = {Outcome.ALLOW: "allowed", Outcome.ASK: "waits for a person", Outcome.DENY: "denied"}[verdict.outcome]
    worst = [found.code for found in verdict.findings if found.outcome is verdict.outcome]
    return f"{word}: {', '.join(worst)}" if worst else word


def body_text(body: ProposalBody) -> str:
    """Write what waits for a person."""
    match body:
        case ProposedOrder(intent=intent, quantity=quantity):
            return f"{intent.side} {digits(quantity)} {intent.pair} ({intent.type})"
        case ProposedPolicy(deltas=deltas):
            return ", ".join(f"{delta.key}: {delta.before} -> {delta.after}" for delta in deltas)
        case ProposedMandate(mandate=mandate):
            return f"let {mandate.algorithm} trade unattended"
        case ProposedRelease(scope=scope, target=target):
            return f"release {scope.key} to {target.name}"
        case ProposedClose(position=position, quantity=quantity):
            return f"close {digits(quantity)} of {position}"
        case ProposedOrderRelease(order_id=order_id, venue=venue):
            return f"let order {order_id} of unknown fate at {venue} go"
        case _:
            assert_never(body)


def sentence(event: e.AnyEvent) -> str:
    """Return one line about an event, without secrets or hidden characters."""
    said = _of_orders(event) or _of_answers(event) or _of_exits(event)
    said = said or _of_people(event) or _of_the_desk(event) or _of_venues(event)
    return cut(plain(said or type(event).__name__), TEXT_MAX)


def _of_orders(event: e.AnyEvent) -> str:
    match event:
        case e.IntentJudged(intent=intent, verdict=verdict):
            return f"{intent_text(intent)} through {intent.door}: {verdict_text(verdict)}"
        case e.IntentSized(wanted=wanted, given=given, binding=binding):
            return f"made smaller to fit: {digits(wanted)} -> {digits(given)}, by {binding}"
        case e.OrderCleared(order=order):
            return f"order {order.id[:SHORT]} cleared: {order_text(order)}"
        case e.ClearanceVoided(order_id=order_id, finding=finding):
            return f"order {order_id[:SHORT]} was not sent: {finding.code}, {_free(finding.reason)}"
        case _:
            return ""


def _of_answers(event: e.AnyEvent) -> str:
    match event:
        case e.OrderSending(order_id=order_id):
            return f"order {order_id[:SHORT]} goes to its venue"
        case e.OrderAccepted(order_id=order_id):
            return f"order {order_id[:SHORT]} is at its venue"
        case e.OrderRejected(order_id=order_id, reason=reason):
            return f"order {order_id[:SHORT]} was rejected by its venue: {_free(reason)}"
        case e.OrderUnknown(order_id=order_id, reason=reason):
            return f"order {order_id[:SHORT]}: nobody knows yet what became of it, {_free(reason)}"
        case e.OrderCancelRequested(order_id=order_id, reason=reason):
            return f"order {order_id[:SHORT]} is to be cancelled: {_free(reason)}"
        case e.OrderCancelled(order_id=order_id):
            return f"order {order_id[:SHORT]} is cancelled"
        case e.OrderLapsed(order_id=order_id, reason=reason):
            return f"order {order_id[:SHORT]} ended: {_free(reason)}"
        case e.FillRecorded(fill=fill):
            fee = f", fee {digits(fill.fee)} {fill.fee_asset}"
            return f"filled: {fill.side} {digits(fill.quantity)} {fill.pair} at {digits(fill.price)}{fee}"
        case _:
            return ""


def _of_exits(event: e.AnyEvent) -> str:
    match event:
        case e.Protected(protection=guard):
            levels = {"stop": guard.stop, "target": guard.target, "trail": guard.trail_level}
            shown = ", ".join(f"{name} {digits(level)}" for name, level in levels.items() if level is not None)
            return f"{guard.position} is guarded by the {guard.kept}: {shown or 'nothing armed yet'}"
        case e.ProtectionEnded(position=position, reason=reason):
            return f"{position} is guarded no more: {_free(reason)}"
        case e.CloseMoved(closing=closing):
            return f"closing {closing.position}: {closing.stage}, {digits(closing.left)} left"
        case e.CloseEnded(position=position, reason=reason):
            return f"closing {position} ended: {_free(reason)}"
        case _:
            return ""


def _of_people(event: e.AnyEvent) -> str:
    match event:
        case e.ProposalOpened(proposal=proposal):
            return f"proposal {proposal.id} waits: {body_text(proposal.body)}"
        case e.ProposalApproved(proposal_id=proposal_id):
            return f"proposal {proposal_id} was signed"
        case e.ProposalEnded(proposal_id=proposal_id, end=end, reason=reason):
            return f"proposal {proposal_id} {end}: {_free(reason)}" if reason else f"proposal {proposal_id} {end}"
        case e.Refused(what=what, subject=subject, reason=reason):
            return f"{what} {subject} came to nothing: {_free(reason)}"
        case e.PolicyChanged(deltas=deltas):
            return "limits changed: " + ", ".join(f"{one.key} {one.before} -> {one.after}" for one in deltas)
        case e.Attended():
            return "a person signed: somebody is watching"
        case e.ApproverEnrolled(fingerprint=fingerprint):
            return f"the approver of this home is {fingerprint}"
        case e.ApproverReplaced(fingerprint=fingerprint):
            return f"{fingerprint} took the approver's place without the old key's word: it signs here in a day"
        case e.TokensChanged(made=made, revoked=revoked):
            told = [f"a token of {one.name} opens nothing any more" for one in revoked]
            return "by HTTP: " + "; ".join(told + [f"{one.name} may come in as {one.role}" for one in made])
        case e.ToolCalled(tool=tool, door=door):
            return f"{tool} asked through {door}"
        case e.ToolAnswered(status=status):
            return f"answered: {status}"
        case _:
            return ""


def _of_the_desk(event: e.AnyEvent) -> str:
    match event:
        case e.DeskCreated(home=home):
            return f"home {home.name} began, {home.mode}"
        case e.DeskStarted(version=version):
            return f"the desk started, version {version}"
        case e.DeskStopped(reason=reason):
            return f"the desk stopped: {_free(reason)}"
        case e.Latched(latch=latch):
            return f"{latch.scope.key} is {latch.state.name}: {latch.code}, {_free(latch.reason)}"
        case e.Released(scope=scope, target=target):
            return f"{scope.key} is {TradingState(target).name} again"
        case e.Suspended(elapsed=elapsed):
            return f"{span_text(elapsed)} went by unwatched; new risk waits"
        case e.Woke():
            return "feeds are fresh and venues compared again"
        case e.RatePaused(scope=scope):
            return f"{scope.key} lost fast: new risk pauses"
        case _:
            return ""


def _of_venues(event: e.AnyEvent) -> str:
    match event:
        case e.Reconciled(venue=venue, differences=differences):
            return f"{venue} compared: {_free('; '.join(differences)) if differences else 'everything agrees'}"
        case e.VenueRead(venue=venue):
            return f"{venue} was read and is not compared yet: only exits go, of what both sides hold"
        case e.ForeignHeld(position=held):
            return f"{held.venue} holds {digits(held.quantity)} of {held.pair} that the desk did not make"
        case e.ForeignOrdered(venue=venue, orders=orders):
            return f"{sum(order.count for order in orders)} orders work at {venue} that the desk did not make"
        case (
            e.CashMoved(venue=venue, asset=asset, amount=amount) | e.Adjusted(venue=venue, asset=asset, amount=amount)
        ):
            return f"{venue} moved {digits(amount)} {asset}"
        case _:
            return ""


def _free(text: str) -> str:
    """Return words that somebody else wrote, without what looks like a secret."""
    return redacted(text, TEXT_MAX)

"""From what happened to the rows of the views: pure, one step at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import chain
from typing import Any, Final

import msgspec

from trading_mcp.core import codec
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.money import ZERO
from trading_mcp.core.domain.orders import Door, Intent, Order
from trading_mcp.core.domain.portfolio import position_key
from trading_mcp.core.domain.proposals import Proposal
from trading_mcp.core.domain.verdict import Code, Outcome
from trading_mcp.core.ports import Entry

Rows = Iterator[tuple[str, dict[str, Any]]]

# The words other systems use for what happened. An event may answer to several of them, or to none.
TRADE_EXECUTED: Final = "trade_executed"
TRADE_REJECTED: Final = "trade_rejected"
GUARDRAIL_TRIGGERED: Final = "guardrail_triggered"
KILL_SWITCH: Final = "kill_switch"
CONFIG_CHANGED: Final = "config_changed"
PAIR_CHANGED: Final = "pair_changed"
BALANCE_SYNC: Final = "balance_sync"
AGENT_STATUS_CHANGE: Final = "agent_status_change"

_PAIR_KEYS: Final = ("assets_approved", "quotes_approved", "pairs_blocked")


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One entry, and the book on both sides of it; before the first there is none."""

    entry: Entry
    before: Book | None
    after: Book


def rows_of(step: Step) -> Rows:
    """The rows this step writes, as (table, row); a row replaces the one with its key."""
    entry = step.entry
    yield (
        "events",
        {
            "seq": entry.seq,
            "at": entry.at,
            "kind": type(entry.event).__name__,
            "actor": actor_of(entry.event),
            "names": " ".join(names_of(entry.event)),
            "body": codec.encode(entry.event)[1].decode(),
        },
    )
    for name in names_of(entry.event):
        yield "event_names", {"name": name, "seq": entry.seq}
    yield from _order(step)
    making = _MAKERS.get(type(entry.event))
    if making is not None:
        yield from making(step, entry.event)


def names_of(event: e.AnyEvent) -> tuple[str, ...]:
    match event:
        case e.FillRecorded():
            return (TRADE_EXECUTED,)
        case e.IntentJudged(verdict=verdict):
            denied = (TRADE_REJECTED,) if verdict.outcome is Outcome.DENY else ()
            return (*denied, GUARDRAIL_TRIGGERED) if verdict.findings else denied
        case e.ClearanceVoided() | e.RatePaused():
            return (GUARDRAIL_TRIGGERED,)
        case e.Latched(latch=latch):
            return (KILL_SWITCH,) if latch.code is Code.KILL_SWITCH else (GUARDRAIL_TRIGGERED,)
        case e.Released():
            return (KILL_SWITCH,)
        case e.PolicyChanged(deltas=deltas):
            is_about_pairs = any(delta.key.rpartition(".")[2] in _PAIR_KEYS for delta in deltas)
            return (CONFIG_CHANGED, PAIR_CHANGED) if is_about_pairs else (CONFIG_CHANGED,)
        case e.AlgorithmSet() | e.MandateIssued() | e.MandateVoided():
            return (CONFIG_CHANGED,)
        case e.Reconciled() | e.CashMoved() | e.Adjusted():
            return (BALANCE_SYNC,)
        case e.DeskCreated() | e.DeskStarted() | e.DeskStopped() | e.Suspended() | e.Woke():
            return (AGENT_STATUS_CHANGE,)
        case _:
            return ()


def actor_of(event: e.AnyEvent) -> str:
    """Who caused it: an algorithm, an assistant, a user, or the system itself."""
    match event:
        case e.IntentJudged(intent=intent) if intent.algorithm is not None:
            return "algorithm"
        case e.IntentJudged(intent=Intent(door=door)) | e.ToolCalled(door=door):
            return _ACTORS[door]
        case e.OrderCleared(order=Order(door=door)) | e.ProposalOpened(proposal=Proposal(door=door)):
            return _ACTORS[door]
        case e.ProposalApproved() | e.Released() | e.Attended() | e.LiveEnabled() | e.ApproverEnrolled():
            return "user"
        case _:
            return "system"


_ACTORS: Final = {
    Door.MCP: "mcp",
    Door.CLI: "user",
    Door.WEB: "user",
    Door.HTTP: "mcp",
    Door.RUNNER: "algorithm",
    Door.DESK: "system",
}


def _order(step: Step) -> Rows:
    """The order an event speaks of, as it stands after it."""
    event = step.entry.event
    match event:
        case e.OrderCleared(order=order):
            order_id: str | None = order.id
        case e.FillRecorded(fill=fill):
            order_id = fill.order_id
        case _:
            order_id = getattr(event, "order_id", None)
    working = None if order_id is None else step.after.order(order_id)
    if working is not None:
        order = working.order
        yield (
            "orders",
            {
                "id": order.id,
                "seq": step.entry.seq,
                "cleared_at": order.cleared_at,
                "changed_at": step.entry.at,
                "intent_id": order.intent_id,
                "book": order.book,
                "venue": order.venue,
                "pair": order.pair,
                "side": str(order.side),
                "type": str(order.type),
                "quantity": str(order.quantity),
                "filled": str(working.filled),
                "limit_price": _text(order.limit_price),
                "stop_price": _text(order.stop_price),
                "state": str(working.state),
                "venue_order_id": working.venue_order_id,
            },
        )


def _fill(step: Step, event: e.FillRecorded) -> Rows:
    fill = event.fill
    same = {
        "seq": step.entry.seq,
        "at": fill.at,
        "trade_id": fill.trade_id,
        "order_id": fill.order_id,
        "book": event.book,
        "venue": fill.venue,
        "pair": fill.pair,
        "side": str(fill.side),
        "quantity": str(fill.quantity),
        "price": str(fill.price),
        "fee": str(fill.fee),
        "fee_asset": fill.fee_asset,
    }
    yield "fills", same
    key = position_key(event.book, fill.venue, fill.pair)
    realised = _realised(step.after, key) - (ZERO if step.before is None else _realised(step.before, key))
    yield "trades", {**same, "realised": str(realised)}
    yield from _positions(step, None)


def _realised(book: Book, key: str) -> Decimal:
    position = book.portfolio.position(key)
    return ZERO if position is None else position.realised


def _positions(step: Step, _: object) -> Rows:
    """Every position this step touched; the fold leaves the others the very same objects."""
    before, after = step.before, step.after.portfolio
    for key, position in chain(after.positions.items(), after.flat.items()):
        if before is None or position is not before.portfolio.position(key):
            yield (
                "positions",
                {
                    "id": key,
                    "seq": step.entry.seq,
                    "book": position.book,
                    "venue": position.venue,
                    "pair": position.pair,
                    "quantity": str(position.quantity),
                    "average": str(position.average),
                    "realised": str(position.realised),
                    "fees": str(position.fees),
                    "opened_at": position.opened_at,
                    "changed_at": step.entry.at,
                },
            )


def _algorithm(step: Step, event: e.AlgorithmSet | e.MandateIssued | e.MandateVoided) -> Rows:
    match event:
        case e.AlgorithmSet(algorithm=set_to):
            name = set_to.name
        case e.MandateIssued(mandate=mandate):
            name = mandate.algorithm
        case _:
            name = event.algorithm
    algorithm = step.after.algorithms[name]
    yield (
        "algorithms",
        {
            "name": name,
            "seq": step.entry.seq,
            "version": algorithm.version,
            "pairs": json.dumps(sorted(algorithm.pairs)),
            "venues": json.dumps(algorithm.venues),
            "capital": str(algorithm.capital),
            "is_enabled": int(algorithm.enabled),
            "has_mandate": int(algorithm.mandate is not None),
            "changed_at": step.entry.at,
        },
    )


def _marked(step: Step, event: e.Marked) -> Rows:
    for scope, value in event.values.items():
        row = {"id": f"{step.entry.seq}/{scope}", "seq": step.entry.seq, "at": step.entry.at}
        yield "snapshots", {**row, "scope": scope, "value": str(value)}


def _flow(step: Step, event: e.CashMoved | e.ForeignHeld) -> Rows:
    """Money that came or went, and what the account was worth before; so that neither is taken for a result."""
    measure = None if step.before is None else step.before.measures.get("account")
    if measure is not None and event.value:
        amounts = {"before": str(measure.value), "amount": str(event.value)}
        yield "flows", {"seq": step.entry.seq, "at": step.entry.at, **amounts}


def _foreign(step: Step, event: e.ForeignHeld) -> Rows:
    yield from _flow(step, event)
    yield from _positions(step, event)


def _state(step: Step, _: object) -> Rows:
    book = step.after
    latches = [f"{key} {latch.state.name}" for key, latch in sorted(book.latches.items())]
    facts = {
        "home": book.home.name,
        "mode": str(book.home.mode),
        "policy": book.policy.hash,
        "trading_state": book.account_state.name,
        "latches": json.dumps(latches),
        "last_status": type(step.entry.event).__name__,
    }
    for key, value in facts.items():
        yield "system_state", {"key": key, "value": value, "seq": step.entry.seq, "at": step.entry.at}


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _begun(step: Step, event: object) -> Rows:
    yield from _positions(step, event)
    yield from _state(step, event)


_MAKERS: Final[dict[type[e.Event], Callable[[Step, Any], Rows]]] = {
    e.DeskCreated: _begun,
    e.DeskStarted: _state,
    e.DeskStopped: _state,
    e.Suspended: _state,
    e.Woke: _state,
    e.Latched: _state,
    e.Released: _state,
    e.PolicyChanged: _state,
    e.FillRecorded: _fill,
    e.Adjusted: _positions,
    e.CashMoved: _flow,
    e.ForeignHeld: _foreign,
    e.Reconciled: _positions,
    e.AlgorithmSet: _algorithm,
    e.MandateIssued: _algorithm,
    e.MandateVoided: _algorithm,
    e.Marked: _marked,
}

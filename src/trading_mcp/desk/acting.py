"""What a client's command comes to, in the same words for every door: decided, recorded, acted upon, answered."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from itertools import islice
from typing import Final

from msgspec.structs import replace

from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.money import ZERO
from trading_mcp.core.domain.orders import Fill, Intent, Working
from trading_mcp.core.domain.verdict import Code
from trading_mcp.core.domain.verdict import Outcome as Verdict
from trading_mcp.core.ports import Journal
from trading_mcp.desk.answers import DoneAnswer, TradeAnswer
from trading_mcp.desk.desk import Desk
from trading_mcp.desk.outcomes import Outcome, Status, outcome_of
from trading_mcp.desk.past import judged_seq, older_than
from trading_mcp.desk.ports import Signature
from trading_mcp.desk.queries import finding_shown
from trading_mcp.desk.standing import way_out
from trading_mcp.desk.wording import amount_text, sentence
from trading_mcp.redact import redacted

REASON_MAX: Final = 400
FILLS_SEARCHED: Final = 5_000
# Looked at this often, this many times, before a close is told as being under way.
CLOSE_LOOKS: Final = 50
CLOSE_PAUSE: Final = 0.1

_NEXT: Final = {
    Status.DENIED: "Change what a finding names, and send it under another id.",
    Status.REJECTED: "The venue said no: read its reason with trading-mcp orders --ended.",
    Status.UNKNOWN: "Wait: the desk asks the venue until it tells. Never send it again.",
    Status.DECLINED: "The owner said no. Ask them before you ask for it again.",
    Status.EXPIRED: "Nobody signed in time. If the owner still wants it, send it under another id.",
    Status.WORKING: "Watch it: trading-mcp orders.",
}
_STATES: Final = frozenset({Code.STATE_FROZEN, Code.STATE_HALTED, Code.STATE_REDUCING})


class Acting:
    """One client's commands; `before` is the entry that says what was asked, and stands before what it caused."""

    def __init__(self, desk: Desk, before: e.ToolCalled) -> None:
        self.desk = desk
        self.before = before
        self.caused: tuple[int, ...] = ()
        self.is_recorded = False

    async def handled(self, command: c.AnyCommand, signature: Signature | None = None) -> tuple[e.AnyEvent, ...]:
        """Hand a command to the desk, and remember which entries it caused."""
        events = await self.desk.handle(command, before=(self.before,), signature=signature)
        self.is_recorded = True
        head = self.desk.ports.journal.head().seq
        self.caused = tuple(range(head - len(events) + 1, head + 1))
        return events

    async def trade(self, intent: Intent) -> TradeAnswer:
        """Submit an intent, and wait a little for what becomes of it."""
        events = await self.handled(c.Execute(intent=intent))
        first = self.caused[0] if self.caused else 0
        record = self.desk.book.intent(intent.id)
        judged = next((each for each in events if isinstance(each, e.IntentJudged)), None)
        if judged is not None and (record is None or record.intent != judged.intent):
            # Another intent bears this id: what became of that one is no answer to this.
            findings = judged.verdict.findings
            return self.traded(Outcome(intent_id=intent.id, status=Status.DENIED, findings=findings), first)
        return self.traded(await self.desk.settled(intent.id), first)

    def preview(self, intent: Intent) -> TradeAnswer:
        """Judge an intent and change nothing."""
        self.desk.record((self.before,))
        self.is_recorded = True
        events = self.desk.preview(c.Execute(intent=intent))
        judged = next((each for each in events if isinstance(each, e.IntentJudged)), None)
        if judged is None:
            return self.traded(outcome_of(self.desk.book, intent.id), 0)
        cleared = next((each for each in events if isinstance(each, e.OrderCleared)), None)
        return TradeAnswer(
            status=Status.PREVIEW.value,
            intent_id=intent.id,
            order_id="",
            quantity=amount_text(judged.quantity if cleared is None else cleared.order.quantity),
            filled="0",
            average="",
            fee="",
            proposal_id="",
            findings=tuple(map(finding_shown, judged.verdict.findings)),
            seq=0,
            retry_safe=True,
            next_step={
                Verdict.ALLOW: "It would be sent. Nothing was: leave preview out to trade.",
                Verdict.ASK: "It would wait for a signature. Nothing was sent: leave preview out to ask for one.",
                Verdict.DENY: "It would be denied. Change what a finding names.",
            }[judged.verdict.outcome],
        )

    def traded(self, outcome: Outcome, since: int) -> TradeAnswer:
        """Return what became of an intent whose entries begin at `since`."""
        if not since:
            # It was asked before: what it then came to is told as it stands now.
            record = self.desk.book.intent(outcome.intent_id)
            since = 0 if record is None else judged_seq(self.desk.ports.journal, record)
        average, fee = self._fills(outcome)
        status = outcome.status or Status.DENIED
        next_step = _NEXT.get(status, "")
        if status is Status.DENIED and _STATES.intersection(found.code for found in outcome.findings):
            next_step = way_out(self.desk.book) or next_step
        if status is Status.AWAITING_APPROVAL:
            next_step = f"It waits for the owner's signature: trading-mcp approve {outcome.proposal_id}"
        return TradeAnswer(
            status=status.value,
            intent_id=outcome.intent_id,
            order_id=outcome.order_id,
            quantity=amount_text(outcome.quantity),
            filled=amount_text(outcome.filled),
            average=average,
            fee=fee,
            proposal_id=outcome.proposal_id,
            findings=tuple(map(finding_shown, outcome.findings)),
            seq=since,
            retry_safe=status is Status.DENIED,
            next_step=next_step,
        )

    def _fills(self, outcome: Outcome) -> tuple[str, str]:
        """Return average price and fee of what an order has filled so far."""
        journal, working = self.desk.ports.journal, self.desk.book.order(outcome.order_id)
        if working is None or not outcome.filled:
            return "", ""
        fills = self.desk.recent_fills.get(outcome.order_id, ())
        if _quantity(fills) < outcome.filled:
            fills = _recorded_fills(journal, working, outcome.filled)
        if not fills:
            return "", ""
        quantity = _quantity(fills)
        average = sum(fill.quantity * fill.price for fill in fills) / quantity
        fees: dict[str, Decimal] = {}
        for fill in fills:
            fees[fill.fee_asset] = fees.get(fill.fee_asset, ZERO) + fill.fee
        return f"{average:.8f}".rstrip("0").rstrip("."), " + ".join(
            f"{amount_text(fee)} {asset}" for asset, fee in fees.items()
        )

    async def close(self, command: c.Close) -> DoneAnswer:
        """End positions, and wait a little for each to be gone."""
        events = await self.handled(command)
        # Of what is being closed already nothing is heard in these events; it is told all the same how that goes.
        keys = [each.closing.position for each in events if isinstance(each, e.CloseMoved)]
        for key in self.desk.book.closings:
            held = self.desk.book.portfolio.positions.get(key)
            if held is not None and command.pair in (None, held.pair) and command.book in (None, held.book):
                keys.append(key)
        for _ in range(CLOSE_LOOKS):
            if not any(key in self.desk.book.closings for key in keys):
                break
            await asyncio.sleep(CLOSE_PAUSE)
        sentences = news(events)
        if not keys and any(_is_denied(each) for each in events):
            # Nothing was touched, and whoever reads that must not take it for done.
            told = self.done(events, sentences, way_out(self.desk.book) or _NEXT[Status.DENIED])
            return replace(told, done=False)
        for key in dict.fromkeys(keys):
            position = self.desk.book.portfolio.positions.get(key)
            left = "is closed" if position is None else f"still holds {amount_text(position.quantity)}, being closed"
            sentences.append(f"{key} {left}.")
        return self.done(events, sentences, "Watch it: trading-mcp portfolio." if keys else "")

    async def halt(self, command: c.Halt, signature: Signature | None = None) -> DoneAnswer:
        """Engage the kill switch."""
        events = await self.handled(command, signature)
        left = len(self.desk.book.working)
        orders = "1 order still works" if left == 1 else f"{left} orders still work"
        return self.done(
            events,
            [*news(events), f"Trading is halted. {orders}; protection stays where it is."],
            "Close what is held: trading-mcp close --all. Release it with a signature: trading-mcp resume.",
        )

    def told(self, events: Sequence[e.AnyEvent], nothing: str = "Nothing had to be done.") -> DoneAnswer:
        """Tell what happened."""
        return self.done(events, news(events) or [nothing], "")

    def done(self, events: Sequence[e.AnyEvent], sentences: Sequence[str], next_step: str) -> DoneAnswer:
        """Return what a command has done; one that was refused, or waits for a person, says so."""
        opened = next((each.proposal.id for each in events if isinstance(each, e.ProposalOpened)), "")
        return DoneAnswer(
            done=not any(isinstance(each, e.Refused) for each in events),
            sentences=tuple(sentences),
            seqs=self.caused,
            proposal_id=opened,
            next_step=f"Sign or decline it: trading-mcp approve {opened}" if opened else next_step,
        )


def _quantity(fills: Sequence[Fill]) -> Decimal:
    return sum((fill.quantity for fill in fills), start=ZERO)


def _recorded_fills(journal: Journal, working: Working, filled: Decimal) -> Sequence[Fill]:
    """Return what filled an order, as the journal has it; nothing if a part lies beyond what is searched."""
    fills: list[Fill] = []
    for entry in islice(journal.entries(older_than(journal, working.order.cleared_at)), FILLS_SEARCHED):
        if isinstance(entry.event, e.FillRecorded) and entry.event.fill.order_id == working.order.id:
            fills.append(entry.event.fill)
            if _quantity(fills) >= filled:
                return fills
    # A part of them would tell another average and too small a fee.
    return ()


def _is_denied(event: e.AnyEvent) -> bool:
    return isinstance(event, e.IntentJudged) and event.verdict.outcome is Verdict.DENY


def news(events: Sequence[e.AnyEvent]) -> list[str]:
    """Return what happened, a sentence each."""
    return [f"{text[:1].upper()}{text[1:]}." for text in map(sentence, events)]


def said(reason: str) -> str:
    """Return a reason as it may be recorded."""
    return redacted(reason, REASON_MAX)

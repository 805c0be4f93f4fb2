"""Commands of the command line: each becomes one command of the desk, and is answered with what it came to."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.instruments import normalise
from trading_mcp.core.domain.latches import Scope, ScopeKind, TradingState
from trading_mcp.core.domain.money import ZERO
from trading_mcp.core.domain.orders import Door
from trading_mcp.desk.answers import DoneAnswer, TradeAnswer
from trading_mcp.desk.desk import Desk
from trading_mcp.desk.limits import deltas_of
from trading_mcp.desk.outcomes import Outcome, Status, outcome_of
from trading_mcp.desk.ports import Signature
from trading_mcp.desk.queries import finding_shown
from trading_mcp.desk.wording import amount_text, money_text, sentence
from trading_mcp.doors.local import requests as r
from trading_mcp.doors.local.intents import checked_id, intent_of
from trading_mcp.doors.local.services import Services
from trading_mcp.errors import Exit, UsageInvalid
from trading_mcp.redact import redacted

REASON_MAX: Final = 400
FILLS_SEARCHED: Final = 5_000
BEGINNING_MIN: Final = 6
# Looked at this often, this many times, before a close is told as being under way.
CLOSE_LOOKS: Final = 50
CLOSE_PAUSE: Final = 0.1

EXITS: Final = {
    Status.AWAITING_APPROVAL: Exit.AWAITING,
    Status.DECLINED: Exit.DENIED,
    Status.EXPIRED: Exit.DENIED,
    Status.DENIED: Exit.DENIED,
    Status.REJECTED: Exit.REJECTED,
    Status.UNKNOWN: Exit.UNKNOWN,
}
_NEXT: Final = {
    Status.AWAITING_APPROVAL: "Sign or decline it: trading-mcp proposals.",
    Status.DENIED: "Change what a finding names, and send it under another id.",
    Status.REJECTED: "The venue said no: read its reason with trading-mcp orders --ended.",
    Status.UNKNOWN: "Wait: the desk asks the venue until it tells. Never send it again.",
    Status.WORKING: "Watch it: trading-mcp orders.",
}

Result = tuple[TradeAnswer | DoneAnswer, Exit]


class Acts:
    """One client's commands; `before` is the entry that says what was asked."""

    def __init__(self, desk: Desk, services: Services, client: str, before: e.ToolCalled) -> None:
        self._desk = desk
        self._services = services
        self._client = client
        self._before = before
        self.caused: tuple[int, ...] = ()

    async def act(self, request: r.AnyRequest) -> Result:
        """Carry out one request that changes something."""
        match request:
            case r.Trade():
                return await self._trade(request)
            case r.CancelOrders():
                return await self._cancel(request)
            case r.ClosePositions():
                return await self._close(request)
            case r.HaltNow():
                return await self._halt(request)
            case r.ReleaseLatch():
                return await self._release(request)
            case r.PolicyPropose():
                return await self._propose(request)
            case r.ApproveProposal(proposal_id=proposal_id):
                signature = _signature(request.statement, request.signature)
                return await self._approve(c.Approve(proposal_id=proposal_id), signature)
            case r.SignAttend():
                signature = _signature(request.statement, request.signature)
                return self._told(await self._handled(c.Attend(), signature))
            case r.DeclineProposal(proposal_id=proposal_id, reason=reason):
                return self._told(await self._handled(c.Decline(proposal_id=proposal_id, reason=_said(reason))))
            case r.PinApprover():
                return self._pin()
            case _:
                raise UsageInvalid("The desk does not know that request.", "Use a client of its own version.")

    async def _handled(self, command: c.AnyCommand, signature: Signature | None = None) -> tuple[e.AnyEvent, ...]:
        events = await self._desk.handle(command, before=(self._before,), signature=signature)
        head = self._desk.ports.journal.head().seq
        self.caused = tuple(range(head - len(events) + 1, head + 1))
        return events

    async def _trade(self, request: r.Trade) -> Result:
        intent = intent_of(request, self._client)
        command = c.Execute(intent=intent)
        if request.preview:
            return self._preview(command)
        await self._handled(command)
        first = self.caused[0] if self.caused else 0
        outcome = await self._desk.settled(intent.id)
        return self._traded(outcome, first), EXITS.get(outcome.status or Status.DENIED, Exit.DONE)

    def _preview(self, command: c.Execute) -> Result:
        self._desk.record((self._before,))
        events = self._desk.preview(command)
        judged = next((each for each in events if isinstance(each, e.IntentJudged)), None)
        cleared = next((each for each in events if isinstance(each, e.OrderCleared)), None)
        asked = any(isinstance(each, e.ProposalOpened) for each in events)
        if judged is None:
            known = outcome_of(self._desk.book, command.intent.id)
            return self._traded(known, 0), EXITS.get(known.status or Status.DENIED, Exit.DONE)
        answer = TradeAnswer(
            status=Status.PREVIEW.value,
            intent_id=command.intent.id,
            order_id="",
            quantity=amount_text(judged.quantity if cleared is None else cleared.order.quantity),
            filled="0",
            average="",
            fee="",
            proposal_id="",
            findings=tuple(map(finding_shown, judged.verdict.findings)),
            seq=0,
            retry_safe=True,
            next_step=_foreseen(is_cleared=cleared is not None, is_asked=asked),
        )
        return answer, Exit.DONE if cleared is not None else Exit.AWAITING if asked else Exit.DENIED

    def _traded(self, outcome: Outcome, since: int) -> TradeAnswer:
        average, fee = self._fills(outcome.order_id, since)
        status = outcome.status or Status.DENIED
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
            next_step=_NEXT.get(status, ""),
        )

    def _fills(self, order_id: str, since: int) -> tuple[str, str]:
        """Return average price and fee of an order whose fills stand after an entry."""
        journal = self._desk.ports.journal
        if not order_id or not since or journal.head().seq - since > FILLS_SEARCHED:
            return "", ""
        events = (entry.event for entry in journal.entries(since - 1))
        fills = [each.fill for each in events if isinstance(each, e.FillRecorded) and each.fill.order_id == order_id]
        if not fills:
            return "", ""
        quantity = sum((fill.quantity for fill in fills), start=ZERO)
        average = sum(fill.quantity * fill.price for fill in fills) / quantity
        fee = sum((fill.fee for fill in fills), start=ZERO)
        return f"{average:.8f}".rstrip("0").rstrip("."), f"{money_text(fee)} {fills[0].fee_asset}"

    async def _cancel(self, request: r.CancelOrders) -> Result:
        chosen = [bool(request.order_id), bool(request.pair), request.all]
        if sum(chosen) != 1:
            raise UsageInvalid("It is not said what to cancel.", "Name one order, --pair PAIR, or --all.")
        command = c.Cancel(
            door=Door.CLI,
            order_id=self._meant(request.order_id) or None,
            pair=normalise(request.pair) if request.pair else None,
            reason=_said(request.reason),
        )
        return self._told(await self._handled(command), "There is no entry order to cancel.")

    def _meant(self, beginning: str) -> str:
        """Return the one working order whose id begins like this; what could be two is neither."""
        if len(beginning) < BEGINNING_MIN:
            return beginning
        found = [order_id for order_id in self._desk.book.working if order_id.startswith(beginning)]
        if len(found) > 1:
            raise UsageInvalid("Several orders begin like that.", "Write more of its id: trading-mcp orders --json.")
        return found[0] if found else beginning

    async def _close(self, request: r.ClosePositions) -> Result:
        if bool(request.pair) == request.all:
            raise UsageInvalid("It is not said what to close.", "Name one PAIR, or --all.")
        command = c.Close(
            intent_id=checked_id(request.intent_id),
            door=Door.CLI,
            pair=normalise(request.pair) if request.pair else None,
            book=request.book or None,
            reason=_said(request.reason),
        )
        events = await self._handled(command)
        keys = [each.closing.position for each in events if isinstance(each, e.CloseMoved)]
        for _ in range(CLOSE_LOOKS):
            if not any(key in self._desk.book.closings for key in keys):
                break
            await asyncio.sleep(CLOSE_PAUSE)
        sentences = [*_news(events)]
        for key in dict.fromkeys(keys):
            position = self._desk.book.portfolio.positions.get(key)
            left = "is closed" if position is None else f"still holds {amount_text(position.quantity)}"
            sentences.append(f"{key} {left}.")
        return self._result(events, sentences, "Watch it: trading-mcp portfolio." if keys else "")

    async def _halt(self, request: r.HaltNow) -> Result:
        everything = bool(request.statement)
        signature = _signature(request.statement, request.signature) if everything else None
        command = c.Halt(
            door=Door.CLI, reason=_said(request.reason) or "halted at the terminal", everything=everything
        )
        events = await self._handled(command, signature)
        left = len(self._desk.book.working)
        sentences = [*_news(events), f"Trading is halted. {left} orders still work; protection stays where it is."]
        answer, _ = self._result(
            events,
            sentences,
            "Close what is held: trading-mcp close --all. Release it with a signature: trading-mcp resume.",
        )
        return answer, Exit.DONE

    async def _release(self, request: r.ReleaseLatch) -> Result:
        kind, _, name = request.scope.partition("/")
        try:
            scope = Scope(kind=ScopeKind(kind), name=name)
            target = TradingState[request.target]
        except (ValueError, KeyError):
            raise UsageInvalid(
                "There is no such scope or state.",
                "Scopes are in trading-mcp status; states are ACTIVE and REDUCING.",
            ) from None
        events = await self._handled(c.Release(scope=scope, target=target))
        waiting = next(
            (
                each.id
                for each in self._desk.book.proposals.values()
                if getattr(each.body, "scope", None) == scope and getattr(each.body, "target", None) == target
            ),
            "",
        )
        answer, code = self._told(events)
        if isinstance(answer, DoneAnswer) and waiting:
            answer = DoneAnswer(
                done=True,
                sentences=answer.sentences,
                seqs=answer.seqs,
                proposal_id=waiting,
                next_step=f"Sign it: trading-mcp approve {waiting}",
            )
            code = Exit.AWAITING
        return answer, code

    async def _propose(self, request: r.PolicyPropose) -> Result:
        deltas = deltas_of(self._desk.book, request.changes, request.text)
        name = f"{self._desk.ports.clock.now()}"
        command = c.ChangePolicy(
            id=name, deltas=deltas, door=Door.CLI, client=self._client, reason=_said(request.reason)
        )
        return self._told(await self._handled(command))

    async def _approve(self, command: c.Approve, signature: Signature | None) -> Result:
        proposal = self._desk.book.proposals.get(command.proposal_id)
        events = await self._handled(command, signature)
        cleared = [each.order for each in events if isinstance(each, e.OrderCleared)]
        if proposal is not None and cleared:
            outcome = await self._desk.settled(cleared[0].intent_id)
            return self._traded(outcome, self.caused[0]), EXITS.get(outcome.status or Status.DENIED, Exit.DONE)
        approved = any(isinstance(each, e.ProposalApproved) for each in events)
        answer, _ = self._told(events)
        return answer, Exit.DONE if approved else Exit.DENIED

    def _pin(self) -> Result:
        events = self._services.pinned(self._desk.book, self._desk.ports.clock.now())
        self._desk.record((self._before, *events))
        return self._told(events, f"The approver of this home is {self._desk.book.approver or 'nobody'}.")

    def _told(self, events: Sequence[e.AnyEvent], nothing: str = "Nothing had to be done.") -> Result:
        return self._result(events, [*_news(events)] or [nothing], "")

    def _result(self, events: Sequence[e.AnyEvent], sentences: Sequence[str], next_step: str) -> Result:
        refused = any(isinstance(each, e.Refused) for each in events)
        opened = next((each.proposal.id for each in events if isinstance(each, e.ProposalOpened)), "")
        answer = DoneAnswer(
            done=not refused,
            sentences=tuple(sentences),
            seqs=self.caused,
            proposal_id=opened,
            next_step=f"Sign or decline it: trading-mcp approve {opened}" if opened else next_step,
        )
        return answer, Exit.DENIED if refused else Exit.AWAITING if opened else Exit.DONE


def _news(events: Sequence[e.AnyEvent]) -> list[str]:
    return [f"{text[:1].upper()}{text[1:]}." for text in map(sentence, events)]


def _signature(statement: str, signature: str) -> Signature:
    try:
        return Signature(statement=statement.encode(), signature=bytes.fromhex(signature))
    except ValueError:
        raise UsageInvalid("That is no signature.", "Sign with trading-mcp approve.") from None


def _said(reason: str) -> str:
    return redacted(reason, REASON_MAX)


def _foreseen(*, is_cleared: bool, is_asked: bool) -> str:
    if is_cleared:
        return "It would be sent. Nothing was: leave --preview out to trade."
    return "It would wait for a signature." if is_asked else "It would be denied."

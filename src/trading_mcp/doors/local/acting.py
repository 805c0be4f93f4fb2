"""Commands of the command line: each becomes one command of the desk, and ends with a code for the shell."""

from __future__ import annotations

from typing import Final

from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.latches import Scope, ScopeKind, TradingState
from trading_mcp.core.domain.orders import Door
from trading_mcp.desk.acting import Acting, said
from trading_mcp.desk.answers import DoneAnswer, TradeAnswer
from trading_mcp.desk.desk import Desk
from trading_mcp.desk.intents import checked_id, intent_of, named, pair_named
from trading_mcp.desk.limits import deltas_of
from trading_mcp.desk.outcomes import Status
from trading_mcp.desk.pairs import added, removed
from trading_mcp.desk.ports import Signature
from trading_mcp.desk.setups import arrived
from trading_mcp.doors.local import requests as r
from trading_mcp.doors.local.services import Services
from trading_mcp.errors import Exit, UsageInvalid
from trading_mcp.redact import redacted

BEGINNING_MIN: Final = 6
ORIGIN_MAX: Final = 80

EXITS: Final = {
    Status.AWAITING_APPROVAL: Exit.AWAITING,
    Status.DECLINED: Exit.DENIED,
    Status.EXPIRED: Exit.DENIED,
    Status.DENIED: Exit.DENIED,
    Status.REJECTED: Exit.REJECTED,
    Status.UNKNOWN: Exit.UNKNOWN,
}

Result = tuple[TradeAnswer | DoneAnswer, Exit]


class Acts:
    """One client's commands; `before` is the entry that says what was asked."""

    def __init__(self, desk: Desk, services: Services, client: str, before: e.ToolCalled) -> None:
        self._desk = desk
        self._services = services
        self._client = client
        self._acting = Acting(desk, before)

    @property
    def caused(self) -> tuple[int, ...]:
        """Return the entries of what was done."""
        return self._acting.caused

    async def act(self, request: r.AnyRequest) -> Result:
        """Carry out one request that changes something."""
        match request:
            case r.Trade(preview=preview):
                intent = intent_of(request, Door.CLI, self._client)
                return _traded(self._acting.preview(intent) if preview else await self._acting.trade(intent))
            case r.CancelOrders():
                return await self._cancel(request)
            case r.ClosePositions():
                return await self._close(request)
            case r.HaltNow():
                return await self._halt(request)
            case r.ReleaseLatch():
                return await self._release(request)
            case r.PolicyPropose() | r.ChangePairs():
                return await self._change(request)
            case r.ReleaseOrder(order_id=order_id):
                meant = self._meant(order_id)
                return self._waiting(await self._told(c.ReleaseOrder(order_id=meant)), order_id=meant)
            case r.ApproveProposal() | r.SignAttend() | r.DeclineProposal():
                return await self._answered(request)
            case r.CopySetup(origin=origin, setup=setup):
                return _done(await arrived(self._acting, setup, redacted(origin, ORIGIN_MAX), self._client))
            case r.PinApprover():
                return self._pin()
            case _:
                raise UsageInvalid("The desk does not know that request.", "Use a client of its own version.")

    async def _answered(self, request: r.ApproveProposal | r.SignAttend | r.DeclineProposal) -> Result:
        """Hand in what a person answered."""
        name = "" if isinstance(request, r.SignAttend) else named(request.proposal_id, self._desk.book.proposals)
        if isinstance(request, r.DeclineProposal):
            return await self._told(c.Decline(proposal_id=name, reason=said(request.reason)))
        signature = _signature(request.statement, request.signature)
        if isinstance(request, r.SignAttend):
            return await self._told(c.Attend(), signature)
        return await self._approve(c.Approve(proposal_id=name), signature)

    async def _told(self, command: c.AnyCommand, signature: Signature | None = None) -> Result:
        return _done(self._acting.told(await self._acting.handled(command, signature)))

    async def _cancel(self, request: r.CancelOrders) -> Result:
        chosen = [bool(request.order_id), bool(request.pair), request.all]
        if sum(chosen) != 1:
            raise UsageInvalid("It is not said what to cancel.", "Name one order, --pair PAIR, or --all.")
        command = c.Cancel(
            door=Door.CLI,
            order_id=self._meant(request.order_id) or None,
            pair=pair_named(request.pair) or None,
            reason=said(request.reason),
        )
        return _done(self._acting.told(await self._acting.handled(command), "There is no entry order to cancel."))

    def _meant(self, beginning: str) -> str:
        """Return the one working order whose id begins like this; what could be two is neither."""
        if len(beginning) < BEGINNING_MIN:
            return named(beginning)
        found = [order_id for order_id in self._desk.book.working if order_id.startswith(beginning)]
        if len(found) > 1:
            raise UsageInvalid("Several orders begin like that.", "Write more of its id: trading-mcp orders --json.")
        return found[0] if found else named(beginning)

    async def _close(self, request: r.ClosePositions) -> Result:
        if bool(request.pair) == request.all:
            raise UsageInvalid("It is not said what to close.", "Name one PAIR, or --all.")
        command = c.Close(
            intent_id=checked_id(request.intent_id),
            door=Door.CLI,
            pair=pair_named(request.pair) or None,
            book=named(request.book) or None,
            reason=said(request.reason),
        )
        return _done(await self._acting.close(command))

    async def _halt(self, request: r.HaltNow) -> Result:
        everything = bool(request.statement)
        signature = _signature(request.statement, request.signature) if everything else None
        reason = said(request.reason) or "halted at the terminal"
        command = c.Halt(door=Door.CLI, reason=reason, everything=everything)
        return await self._acting.halt(command, signature), Exit.DONE

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
        return self._waiting(await self._told(c.Release(scope=scope, target=target)), scope=scope, target=target)

    def _waiting(self, result: Result, **named: object) -> Result:
        """Return the proposal that was just made or waits already, so that it can be signed."""
        answer, code = result
        proposals = self._desk.book.proposals.values()
        waiting = next(
            (each.id for each in proposals if named == {name: getattr(each.body, name, None) for name in named}), ""
        )
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

    async def _change(self, request: r.PolicyPropose | r.ChangePairs) -> Result:
        book = self._desk.book
        if isinstance(request, r.PolicyPropose):
            deltas = deltas_of(book, request.changes, request.text)
        else:
            deltas = (added if request.add else removed)(book.policy, request.pairs)
        if not deltas:
            self._desk.record((self._acting.before,))
            return _done(self._acting.told((), "The limits say so already."))
        name = f"{self._desk.ports.clock.now()}"
        return await self._told(
            c.ChangePolicy(id=name, deltas=deltas, door=Door.CLI, client=self._client, reason=said(request.reason))
        )

    async def _approve(self, command: c.Approve, signature: Signature | None) -> Result:
        proposal = self._desk.book.proposals.get(command.proposal_id)
        events = await self._acting.handled(command, signature)
        cleared = [each.order for each in events if isinstance(each, e.OrderCleared)]
        if proposal is not None and cleared:
            outcome = await self._desk.settled(cleared[0].intent_id)
            return _traded(self._acting.traded(outcome, self.caused[0]))
        approved = any(isinstance(each, e.ProposalApproved) for each in events)
        return self._acting.told(events), Exit.DONE if approved else Exit.DENIED

    def _pin(self) -> Result:
        enroll = self._services.pinned(self._desk.book)
        events = () if enroll is None else self._desk.commit(enroll, before=(self._acting.before,))
        if enroll is None:
            self._desk.record((self._acting.before,))
        return _done(
            self._acting.told(events, f"The approver of this home is {self._desk.book.approver or 'nobody'}.")
        )


def _traded(answer: TradeAnswer) -> Result:
    if answer.status == Status.PREVIEW:
        outcomes = {found.outcome for found in answer.findings}
        return answer, Exit.DENIED if "DENY" in outcomes else Exit.AWAITING if "ASK" in outcomes else Exit.DONE
    return answer, EXITS.get(Status(answer.status), Exit.DONE)


def _done(answer: DoneAnswer) -> Result:
    return answer, Exit.DENIED if not answer.done else Exit.AWAITING if answer.proposal_id else Exit.DONE


def _signature(statement: str, signature: str) -> Signature:
    try:
        return Signature(statement=statement.encode(), signature=bytes.fromhex(signature))
    except ValueError:
        raise UsageInvalid("That is no signature.", "Sign with trading-mcp approve.") from None

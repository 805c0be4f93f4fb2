"""Stop: the kill switch, a latch from anyone, cancels and the close of positions, none of which can be denied."""

from typing import Final

from msgspec.structs import replace

from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.closing import Closing, Stage
from trading_mcp.core.domain.commands import AddLatch, Cancel, Close, Halt
from trading_mcp.core.domain.events import (
    AnyEvent,
    Attended,
    CloseEnded,
    ProposalEnded,
    Protected,
)
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.latches import ACCOUNT, Latch, ScopeKind, TradingState
from trading_mcp.core.domain.money import ZERO
from trading_mcp.core.domain.orders import (
    EXTERNAL,
    Intent,
    Purpose,
    Quantity,
    Side,
    Working,
)
from trading_mcp.core.domain.portfolio import Position
from trading_mcp.core.domain.proposals import (
    ProposalEnd,
    ProposedClose,
    ProposedOrder,
)
from trading_mcp.core.domain.protection import Kept
from trading_mcp.core.domain.verdict import Code
from trading_mcp.core.guardrails import closing
from trading_mcp.core.guardrails.asking import opened
from trading_mcp.core.guardrails.consenting import problem_with
from trading_mcp.core.guardrails.draft import Draft
from trading_mcp.core.guardrails.fields import is_name
from trading_mcp.core.guardrails.marks import add_latch, void_mandate
from trading_mcp.core.guardrails.resting import take_back

# More than there are scopes and reasons in any home; the account's own are never refused.
LATCHES_MAX: Final = 500


def halt(command: Halt, book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """Engage the kill switch: no new risk from here on, protection stays."""
    draft = Draft(book, facts)
    latch = Latch(
        scope=ACCOUNT,
        state=TradingState.HALTED,
        code=Code.KILL_SWITCH,
        reason=command.reason or f"engaged through {command.door}",
        at=facts.now,
    )
    add_latch(draft, latch)
    everything = command.everything and _is_signed(draft)
    for working in tuple(draft.book.working.values()):
        if everything or not _is_protection(working):
            take_back(draft, working, "the kill switch")
    for name, algorithm in sorted(draft.book.algorithms.items()):
        if algorithm.mandate is not None:
            void_mandate(draft, name, "the kill switch")
    _void_proposals(draft, "the kill switch")
    for key, item in tuple(draft.book.closings.items()):
        if item.intent.purpose is not Purpose.PROTECTION:
            draft.emit(CloseEnded(at=facts.now, position=key, reason="the kill switch"))
    if everything:
        for key in tuple(draft.book.closings):
            draft.emit(CloseEnded(at=facts.now, position=key, reason="halt of everything"))
        for guard in tuple(draft.book.protections.values()):
            # A person took the stops away as well: the desk watches them, and places none again.
            held = replace(guard, kept=Kept.DESK, wanted=Kept.DESK)
            draft.emit(Protected(at=facts.now, protection=held))
    return tuple(draft.events)


def _is_protection(working: Working) -> bool:
    return working.order.reduces and working.order.purpose is Purpose.PROTECTION


def _is_signed(draft: Draft) -> bool:
    """Say whether a person signed for the stops to go as well; without that the kill switch is the ordinary one."""
    problem = problem_with(draft.facts.signed, "halt", "everything", draft.book, draft.facts)
    if problem or draft.facts.signed is None:
        draft.refuse("halt", "everything", f"protection stays: {problem}")
        return False
    draft.emit(Attended(at=draft.now, nonce=draft.facts.signed.nonce))
    return True


def _void_proposals(draft: Draft, reason: str) -> None:
    """Void everything that waits for a signature, and every signed change that is not yet in force."""
    for key in sorted({*draft.book.proposals, *draft.book.changes}):
        draft.emit(ProposalEnded(at=draft.now, proposal_id=key, end=ProposalEnd.VOIDED, reason=reason))


def latch(command: AddLatch, book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """Add a latch; anyone and anything may."""
    draft = Draft(book, facts)
    latch = replace(command.latch, at=facts.now, reason=command.latch.reason[:500])
    if latch.scope.kind is ScopeKind.ACCOUNT:
        # There is one account: under a name of its own the latch would be another than the account's.
        latch = replace(latch, scope=ACCOUNT)
    elif latch.key not in book.latches and len(book.latches) >= LATCHES_MAX:
        draft.refuse("latch", "", f"{LATCHES_MAX} latches hold already")
        return tuple(draft.events)
    add_latch(draft, latch)
    return tuple(draft.events)


def cancel(command: Cancel, book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """Take orders back: never throttled, never halted, never asked about; protection is replaced, not lost."""
    draft = Draft(book, facts)
    reason = command.reason or f"cancelled through {command.door}"
    if command.order_id is not None:
        working = book.working.get(command.order_id)
        if working is None:
            draft.refuse("cancel", command.order_id, "no such order is working")
            return tuple(draft.events)
        guard = next((g for g in book.protections.values() if g.order_id == command.order_id), None)
        if guard is not None:
            draft.emit(Protected(at=facts.now, protection=replace(guard, kept=Kept.DESK)))
        closing.let_go(draft, working, reason)
        return tuple(draft.events)
    for working in tuple(book.working.values()):
        order = working.order
        if not order.reduces and command.pair in (None, order.pair):
            take_back(draft, working, reason)
    return tuple(draft.events)


def close(command: Close, book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """End positions, one exit for each owning book; what the desk did not make waits for a person."""
    draft = Draft(book, facts)
    if not is_name(command.intent_id):
        # Every try of an exit adds to its id: one that begins too long would some day be refused, and trap it.
        draft.refuse("close", "", "its id must be 1 to 64 printable ASCII characters without spaces and slashes")
        return tuple(draft.events)
    wanted = [
        (key, position)
        for key, position in sorted(book.portfolio.positions.items())
        if position.quantity != ZERO
        and command.pair in (None, position.pair)
        and (position.book == command.book if command.book is not None else position.book != EXTERNAL)
    ]
    if not wanted:
        draft.refuse("close", command.pair or "all", "the desk holds nothing there")
    for key, position in wanted:
        if position.book == EXTERNAL and book.home.mode.is_guarded:
            _propose_close(draft, command, key, position)
            continue
        under_way = draft.book.closings.get(key)
        if under_way is not None and _goes_on(under_way):
            continue
        exit_intent = Intent(
            id=f"{command.intent_id}/{position.book}/{position.venue}/{position.pair}",
            door=command.door,
            pair=position.pair,
            side=Side.SELL if position.quantity > ZERO else Side.BUY,
            amount=Quantity(abs(position.quantity)),
            book=position.book,
            venue=position.venue,
            reason=command.reason,
            purpose=Purpose.CLOSE,
        )
        if book.intent(exit_intent.id) is not None:
            draft.refuse("close", exit_intent.id, "it was asked for before under this id")
            continue
        refusal = closing.refusal(draft, key, exit_intent)
        if refusal is not None:
            draft.emit(refusal)
            continue
        closing.begin(draft, key, exit_intent, abs(position.quantity))
    if command.pair is None and command.book is None:
        for key, proposal in sorted(draft.book.proposals.items()):
            if isinstance(proposal.body, ProposedOrder):
                ended = ProposalEnded(
                    at=facts.now, proposal_id=key, end=ProposalEnd.WITHDRAWN, reason="everything is closed"
                )
                draft.emit(ended)
    return tuple(draft.events)


def _goes_on(under_way: Closing) -> bool:
    """Say whether a close needs no other: the desk's own, or one that has not come to a stand."""
    return under_way.purpose is Purpose.PROTECTION or (
        under_way.purpose is Purpose.CLOSE and (under_way.stage is not Stage.EXITING or under_way.order_id != "")
    )


def _propose_close(draft: Draft, command: Close, key: str, position: Position) -> None:
    body = ProposedClose(position=key, quantity=abs(position.quantity))
    proposal_id = f"close/{command.intent_id}/{position.venue}/{position.pair}"
    bodies = [item.body for item in draft.book.proposals.values()]
    if any(isinstance(item, ProposedClose) and item.position == key for item in bodies):
        draft.refuse("close", proposal_id, "that close waits for the owner already")
        return
    life = draft.policy.account.proposal_order_life
    draft.emit(opened(proposal_id, body, at=draft.now, life=life, door=command.door, reason=command.reason))

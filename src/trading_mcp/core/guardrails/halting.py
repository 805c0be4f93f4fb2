"""Stop: the kill switch, a latch from anyone, cancels and the close of positions, none of which can be denied."""

from msgspec.structs import replace

from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.commands import AddLatch, Cancel, Close, Halt
from trading_mcp.core.domain.events import (
    AnyEvent,
    CloseEnded,
    ProposalEnded,
    ProposalOpened,
    Protected,
)
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.latches import ACCOUNT, Latch, TradingState
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
    Proposal,
    ProposalEnd,
    ProposedClose,
    ProposedOrder,
    ProposedRelease,
)
from trading_mcp.core.domain.protection import Kept
from trading_mcp.core.domain.verdict import Code
from trading_mcp.core.guardrails import closing
from trading_mcp.core.guardrails.asking import body_hash
from trading_mcp.core.guardrails.draft import Draft
from trading_mcp.core.guardrails.marks import add_latch, void_mandate
from trading_mcp.core.guardrails.resting import take_back


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
    for working in tuple(draft.book.working.values()):
        if command.everything or not _is_protection(working):
            take_back(draft, working, "the kill switch")
    for name, algorithm in sorted(draft.book.algorithms.items()):
        if algorithm.mandate is not None:
            void_mandate(draft, name, "the kill switch")
    void_proposals(draft, "the kill switch")
    for key, item in tuple(draft.book.closings.items()):
        if item.intent.purpose is not Purpose.PROTECTION:
            draft.emit(CloseEnded(at=facts.now, position=key, reason="the kill switch"))
    if command.everything:
        for key in tuple(draft.book.closings):
            draft.emit(CloseEnded(at=facts.now, position=key, reason="halt of everything"))
        for guard in tuple(draft.book.protections.values()):
            # A person took the stops away as well: the desk watches them, and places none again.
            held = replace(guard, kept=Kept.DESK, wanted=Kept.DESK)
            draft.emit(Protected(at=facts.now, protection=held))
    return tuple(draft.events)


def _is_protection(working: Working) -> bool:
    return working.order.reduces and working.order.purpose is Purpose.PROTECTION


def void_proposals(draft: Draft, reason: str) -> None:
    """Void every open proposal that would add risk or loosen a limit, and every signed change that still waits."""
    open_ones = dict(draft.book.proposals)
    open_ones.update({key: change.proposal for key, change in draft.book.changes.items()})
    for key in sorted(open_ones):
        if isinstance(open_ones[key].body, ProposedRelease):
            continue
        draft.emit(ProposalEnded(at=draft.now, proposal_id=key, end=ProposalEnd.VOIDED, reason=reason))


def latch(command: AddLatch, book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """Add a latch; anyone and anything may."""
    draft = Draft(book, facts)
    add_latch(draft, replace(command.latch, at=facts.now))
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
        take_back(draft, working, reason)
        return tuple(draft.events)
    for working in tuple(book.working.values()):
        order = working.order
        if not order.reduces and command.pair in (None, order.pair):
            take_back(draft, working, reason)
    return tuple(draft.events)


def close(command: Close, book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """End positions, one exit for each owning book; what the desk did not make waits for a person."""
    draft = Draft(book, facts)
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
        if under_way is not None and under_way.intent.purpose is not Purpose.TRADE:
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
        closing.begin(draft, key, exit_intent, abs(position.quantity))
    if command.pair is None and command.book is None:
        for key, proposal in sorted(draft.book.proposals.items()):
            if isinstance(proposal.body, ProposedOrder):
                ended = ProposalEnded(
                    at=facts.now, proposal_id=key, end=ProposalEnd.WITHDRAWN, reason="everything is closed"
                )
                draft.emit(ended)
    return tuple(draft.events)


def _propose_close(draft: Draft, command: Close, key: str, position: Position) -> None:
    body = ProposedClose(position=key, quantity=abs(position.quantity))
    proposal = Proposal(
        id=f"close/{command.intent_id}/{position.venue}/{position.pair}",
        body=body,
        body_hash=body_hash(body),
        door=command.door,
        client="",
        reason=command.reason,
        opened_at=draft.now,
        expires_at=draft.now + draft.policy.account.proposal_order_life,
    )
    draft.emit(ProposalOpened(at=draft.now, proposal=proposal))

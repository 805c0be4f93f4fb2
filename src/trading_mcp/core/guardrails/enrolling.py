"""Who signs for a home, what may be traded with real money, who comes in by HTTP; what nobody signed waits a day."""

from typing import Final

from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.events import (
    AnyEvent,
    ApproverEnrolled,
    ApproverReplaced,
    LiveEnabled,
    PolicyChanged,
    TokensChanged,
)
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.latches import TradingState
from trading_mcp.core.domain.market import DAY
from trading_mcp.core.guardrails.consenting import problem_with
from trading_mcp.core.guardrails.direction import compare, tighter_of
from trading_mcp.core.guardrails.draft import Draft
from trading_mcp.core.guardrails.resting import review_resting

# How long a key that nobody signed for is told of before it signs here.
STRANGER_WAITS: Final = DAY


def enroll(command: c.Enroll, book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """Take the user's approver: a first one or a successor at once, a stranger after a day of notices."""
    enrolled = ApproverEnrolled(at=facts.now, fingerprint=command.fingerprint, public_key=command.public_key)
    if command.fingerprint == book.approver:
        return () if book.stranger is None else (enrolled,)
    if not book.approver or command.is_successor:
        return (enrolled,)
    if book.stranger is not None and book.stranger.fingerprint == command.fingerprint:
        return ()
    draft = Draft(book, facts)
    draft.emit(
        ApproverReplaced(
            at=facts.now,
            fingerprint=command.fingerprint,
            public_key=command.public_key,
            shipped=command.shipped,
            uptime=facts.uptime,
        )
    )
    review_resting(draft, lambda _: True)
    return tuple(draft.events)


def wait_out(draft: Draft) -> None:
    """Let a stranger sign once its day is over, and take back every limit that is looser than the shipped one."""
    stranger = draft.book.stranger
    if stranger is None:
        return
    # A day of notices is a day in which a desk ran to give them: no clock that was set ahead makes it shorter.
    waited = min(draft.now - stranger.since, draft.facts.uptime - stranger.since_uptime)
    if not waited >= STRANGER_WAITS:
        return
    draft.emit(ApproverEnrolled(at=draft.now, fingerprint=stranger.fingerprint, public_key=stranger.public_key))
    policy = tighter_of(draft.policy, stranger.shipped)
    changes = compare(draft.policy, policy)
    if changes:
        deltas = tuple(change.delta for change in changes)
        draft.emit(PolicyChanged(at=draft.now, policy=policy, deltas=deltas))
        review_resting(draft, lambda _: True)


def enable_live(command: c.EnableLive, book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """Let a venue account be traded with real money, on a signature that names it."""
    draft, subject = Draft(book, facts), f"{command.venue}/{command.account}"
    if book.home.mode is not Mode.LIVE:
        draft.refuse("live", subject, f"a {book.home.mode} home never touches real money")
    elif facts.venue_modes.get(command.venue) is not Mode.LIVE or command.account != book.home.account:
        draft.refuse("live", subject, "it is no account of this home")
    elif subject in book.live_accounts:
        draft.refuse("live", subject, "it was signed before")
    elif book.account_state >= TradingState.HALTED:
        draft.refuse("live", subject, f"the desk is {book.account_state.name}: resume it first")
    else:
        problem = problem_with(facts.signed, "live", subject, book, facts)
        if problem or facts.signed is None:
            draft.refuse("live", subject, problem)
        else:
            event = LiveEnabled(at=facts.now, venue=command.venue, account=command.account, nonce=facts.signed.nonce)
            draft.emit(event)
    return tuple(draft.events)


def see_tokens(command: c.SeeTokens, book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """Put on record whose tokens were made and taken back since it was last done; the same ones are no news."""
    held = {token.name: token for token in sorted(command.tokens, key=lambda token: token.name)}
    made = tuple(token for name, token in held.items() if book.tokens.get(name) != token)
    revoked = tuple(token for name, token in book.tokens.items() if held.get(name) != token)
    return (TokensChanged(at=facts.now, made=made, revoked=revoked),) if made or revoked else ()

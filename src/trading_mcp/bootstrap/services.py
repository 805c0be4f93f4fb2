"""What the doors are given beside the desk: papers to sign, the pinned approver, and the journal under scrutiny."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from trading_mcp.adapters.approvals.approver import Standing, standing
from trading_mcp.adapters.approvals.facts import facts_of
from trading_mcp.adapters.approvals.keystore import Keystore
from trading_mcp.adapters.approvals.policyfacts import Past
from trading_mcp.adapters.approvals.shown import lines_of
from trading_mcp.adapters.approvals.signing import (
    Act,
    NotDrawn,
    PinnedVerifier,
    draw_act,
    draw_statement,
    statement_bytes,
)
from trading_mcp.adapters.config.policies import policy_text
from trading_mcp.adapters.journal.chain import GENESIS
from trading_mcp.adapters.journal.export import line_of
from trading_mcp.adapters.system.ids import SystemIds
from trading_mcp.bootstrap.homes import Opened, first_policy
from trading_mcp.bootstrap.records import Records
from trading_mcp.core import codec
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.commands import Enroll
from trading_mcp.core.domain.events import DeskCreated, PolicyChanged
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.market import DAY
from trading_mcp.core.domain.policy import Policy
from trading_mcp.core.domain.proposals import Proposal, Statement
from trading_mcp.desk.answers import LinesAnswer, ScreenAnswer, VerifiedAnswer
from trading_mcp.desk.searching import Found
from trading_mcp.errors import ApproverMissing, TradingMcpError, UsageInvalid

# Walked at once between two turns of the desk: a few hundredths of a second.
SLICE: Final = 10_000
LINE_BYTES_MAX: Final = 700_000
_ACTS: Final = {"attend": Act.ATTEND, "halt": Act.HALT_EVERYTHING}


class PinnedNow:
    """Asks the pin at every signature, so that one that came or went while the desk runs counts at once."""

    def __init__(self, keystore: Keystore, book: Callable[[], Book]) -> None:
        self._keystore = keystore
        self._book = book

    def verified(self, statement: bytes, signature: bytes) -> Statement | None:
        book = self._book()
        try:
            approver = self._keystore.approver()
        except TradingMcpError:
            return None
        return PinnedVerifier(approver, book.approver, fake_venues=book.home.fake_venues).verified(
            statement, signature
        )


class DeskServices:
    """The services of one opened home."""

    def __init__(self, opened: Opened, keystore: Keystore, records: Records | None = None) -> None:
        self._opened = opened
        self._records = records
        self._keystore = keystore
        self._ids = SystemIds()

    def screen(self, proposal: Proposal, book: Book, facts: Facts) -> ScreenAnswer:
        """Return what a person sees of a proposal, and the statement to be signed."""
        self._require_approver(book)
        lines = lines_of(facts_of(proposal, book, facts, past=self._past(facts.now)))
        drawn = draw_statement(proposal, book, facts, self._ids.nonce())
        if isinstance(drawn, NotDrawn):
            return ScreenAnswer(lines=lines, statement="", reason=drawn.reason)
        return ScreenAnswer(lines=lines, statement=statement_bytes(drawn).decode(), reason="")

    def _past(self, now: int) -> Past:
        return Past(day_ago=self._policy_at(now - DAY), week_ago=self._policy_at(now - 7 * DAY))

    def _policy_at(self, moment: int) -> Policy | None:
        """Return the limits that were in force at a moment, if the home is that old."""
        file = self._opened.journal.file
        until = file.last_before(moment, file.durable.seq)
        if not until:
            return None
        raw = file.last_of(PolicyChanged.__name__, until) or file.last_of(DeskCreated.__name__, until)
        event = None if raw is None else codec.decode(raw[2], raw[3])
        return event.policy if isinstance(event, PolicyChanged | DeskCreated) else None

    def act(self, name: str, book: Book, facts: Facts) -> ScreenAnswer:
        """Return the same for an act without a proposal."""
        self._require_approver(book)
        act = _ACTS.get(name)
        if act is None:
            raise UsageInvalid("There is no such act to sign.", f"One of: {', '.join(_ACTS)}.")
        says = {
            Act.ATTEND: "You sign that somebody is watching: the counts of unattended orders start again.",
            Act.HALT_EVERYTHING: "You sign the halt of everything: stops at the venue are cancelled as well.",
        }
        drawn = draw_act(act, book, facts, self._ids.nonce())
        lines = (f"  home                {book.home.name}, {book.home.mode}", f"  {says[act]}")
        return ScreenAnswer(lines=lines, statement=statement_bytes(drawn).decode(), reason="")

    def _require_approver(self, book: Book) -> None:
        approver = self._keystore.approver()
        if approver is None:
            raise ApproverMissing("Nobody has enrolled as the approver.", "Run `trading-mcp approver enroll`.")
        if standing(approver, book.approver) is not Standing.SAME:
            raise ApproverMissing(
                "The user's approver is not the one this home has recorded.", "Look: trading-mcp approver show."
            )

    def pinned(self, book: Book) -> Enroll | None:
        """Return who is pinned for this user now, and whether the key this home knows made way for that one."""
        approver = self._keystore.approver()
        if approver is None:
            return None
        return Enroll(
            fingerprint=approver.fingerprint,
            public_key=approver.public.hex(),
            is_successor=standing(approver, book.approver) is Standing.SUCCESSOR,
            shipped=first_policy(policy_text("live" if book.home.mode.is_guarded else book.home.mode.lower())),
        )

    async def verified(self) -> VerifiedAnswer:
        """Walk the whole journal in slices, so that the desk goes on working."""
        journal, trust = self._opened.journal, self._opened.trust
        journal.file.flush()
        end, start, entries, checkpoints = journal.file.durable.seq, GENESIS, 0, 0
        while True:
            until = start.seq + SLICE
            is_last = until >= end
            report = journal.verify(trust, start=start, until=None if is_last else until, is_deep=True)
            entries, checkpoints = entries + report.entries, checkpoints + report.checkpoints
            if is_last or not report.holds:
                break
            start = report.head
            await asyncio.sleep(0)
        broken, unwritten = report.broken, self._opened.checkpointer.trouble
        return VerifiedAnswer(
            holds=report.holds,
            entries=entries,
            checkpoints=checkpoints,
            head=report.head.hash.hex(),
            broken_at=0 if broken is None else broken.seq,
            reason="" if broken is None else broken.reason,
            anchor=f"The anchor could not be written: {unwritten}." if unwritten else self._opened.trouble,
        )

    async def found(self, text: str, kind: str, before: int, limit: int) -> Found:
        """Search the events for words, or for a kind of event."""
        assert self._records is not None, "only a desk that runs is asked"  # noqa: S101 - us being wrong
        return await self._records.found(text, kind, before, limit)

    def lines(self, since: int, count: int) -> LinesAnswer:
        """Return entries as the lines of an export, as many as one answer holds."""
        file = self._opened.journal.file
        file.flush()
        end = min(since + count, file.durable.seq)
        lines: list[str] = []
        size, last = 0, since
        for batch in file.batches(since, end):
            for raw in batch:
                line = line_of(raw).decode()
                size += 2 * len(line)
                if lines and size > LINE_BYTES_MAX:
                    return LinesAnswer(lines=tuple(lines), next_since=last)
                lines.append(line)
                last = raw[0]
        return LinesAnswer(lines=tuple(lines), next_since=last if last < file.durable.seq and lines else 0)

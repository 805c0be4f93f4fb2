"""Reads: what the book, the facts of now and the journal tell, bounded, and changing nothing."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final, TypeVar

import msgspec

from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.instruments import Instrument, listed_as, quote_of
from trading_mcp.core.domain.latches import TradingState
from trading_mcp.core.domain.market import DAY, FeedHealth, Market
from trading_mcp.core.domain.money import ZERO, exactly
from trading_mcp.core.domain.orders import OrderState, Working
from trading_mcp.core.domain.portfolio import Position
from trading_mcp.core.domain.proposals import Proposal
from trading_mcp.core.domain.protection import Kept
from trading_mcp.core.domain.verdict import Finding
from trading_mcp.core.guardrails.finding import span_text
from trading_mcp.core.guardrails.valuation import price_of, value_all
from trading_mcp.core.ports import Head
from trading_mcp.desk.answers import (
    AlgorithmShown,
    CashShown,
    FindingShown,
    LatchShown,
    NoticeShown,
    OrdersAnswer,
    OrderShown,
    PairsAnswer,
    PairShown,
    PortfolioAnswer,
    PositionShown,
    ProposalsAnswer,
    ProposalShown,
    StatusAnswer,
    VenueShown,
)
from trading_mcp.desk.notices import Notice
from trading_mcp.desk.wording import amount_text, body_text, money_text
from trading_mcp.redact import redacted

ROWS_MAX: Final = 200
REASON_MAX: Final = 400
NOTICES_SHOWN: Final = 5

T = TypeVar("T")


class Since(msgspec.Struct, frozen=True, kw_only=True):
    """When this desk started, and what it had slept through."""

    started_at: int
    down_for: int = 0
    was_clean: bool = True
    exits_unwatched: int = 0

    @property
    def gap(self) -> str:
        """Return the gap before this start in a sentence, or nothing where there was none to speak of."""
        if not self.down_for:
            return ""
        parts = [f"down {span_text(self.down_for)}"]
        if not self.was_clean:
            parts.append("not stopped in good order")
        if self.exits_unwatched:
            were = "exits were" if self.exits_unwatched > 1 else "exit was"
            parts.append(f"{self.exits_unwatched} {were} not watched")
        return ", ".join(parts)


class Reader(msgspec.Struct, frozen=True, kw_only=True):
    """One moment, as every query sees it."""

    book: Book
    facts: Facts
    head: Head
    since: Since
    version: str
    notes: tuple[str, ...] = ()
    told: tuple[Notice, ...] = ()


def finding_shown(found: Finding) -> FindingShown:
    """Return a finding as it was recorded."""
    return FindingShown(
        code=found.code.value,
        outcome=found.outcome.name,
        reason=found.reason,
        limit=found.limit,
        actual=found.actual,
        would_pass=found.would_pass,
    )


def status(read: Reader) -> StatusAnswer:
    """Tell how the desk stands."""
    book, facts = read.book, read.facts
    with exactly():
        equity = value_all(book, facts, book.policy).equity
    working = book.working.values()
    return StatusAnswer(
        home=book.home.name,
        mode=book.home.mode.value,
        state=book.account_state.name,
        latches=tuple(
            LatchShown(
                scope=latch.scope.key, state=latch.state.name, code=latch.code.value, reason=latch.reason, at=latch.at
            )
            for latch in sorted(book.latches.values(), key=lambda item: (-item.state, item.key))[:ROWS_MAX]
        ),
        blocked=tuple(_blocked(book, facts))[:ROWS_MAX],
        gap=read.since.gap,
        version=read.version,
        started_at=read.since.started_at,
        equity=money_text(equity),
        currency=book.policy.base_currency,
        venues=tuple(
            VenueShown(
                name=venue,
                mode=mode.value,
                feed=facts.feeds.get(venue, FeedHealth.DOWN).value,
                reconciled=venue in book.reconciled,
                simulated=book.home.mode.value == "SIMULATED",
            )
            for venue, mode in sorted(facts.venue_modes.items())
        ),
        orders_working=len(book.working),
        orders_unknown=sum(each.state is OrderState.UNKNOWN for each in working),
        proposals_open=len(book.proposals),
        positions=len(book.portfolio.positions),
        algorithms=tuple(
            AlgorithmShown(
                name=each.name,
                enabled=each.enabled,
                capital=amount_text(each.capital),
                pairs=tuple(sorted(each.pairs)[:ROWS_MAX]),
            )
            for each in sorted(book.algorithms.values(), key=lambda item: item.name)[:ROWS_MAX]
        ),
        journal_entries=read.head.seq,
        journal_head=read.head.hash.hex(),
        approver=book.approver,
        notes=read.notes,
        notices=tuple(
            NoticeShown(at=each.at, subject=each.subject, text=each.text)
            for each in reversed(read.told)  # what did not reach the owner first: it is said nowhere else
            if facts.now - each.at < DAY
        )[:NOTICES_SHOWN],
    )


def _blocked(book: Book, facts: Facts) -> Iterable[str]:
    """Yield what would be refused now whoever asks, and by what."""
    what = {
        TradingState.REDUCING: "orders that add risk",
        TradingState.HALTED: "everything but cancels, protection and a close from here",
        TradingState.FROZEN: "everything but cancels",
    }
    for latch in sorted(book.latches.values(), key=lambda item: (-item.state, item.key)):
        yield f"{latch.scope.key}: {what.get(latch.state, 'nothing')}, by {latch.code} ({latch.reason})"
    if facts.is_halt_file_present:
        yield "everything that adds risk, by the file HALT in the home"
    for venue in sorted(facts.venue_modes):
        if venue not in book.reconciled:
            what_waits = "orders that add risk" if venue in book.legible else "every order"
            yield f"{venue}: {what_waits}, until it has been compared with the book"
        health = facts.feeds.get(venue)
        if health is not FeedHealth.HEALTHY:
            yield f"{venue}: orders that add risk, since its prices are {health or FeedHealth.DOWN}"
    if book.suspended_at is not None:
        yield "orders that add risk, until venues are compared again after lost time"
    for working in book.working.values():
        if working.state is OrderState.UNKNOWN:
            yield f"{working.order.pair}: orders that add risk, until the fate of {working.order.id} is known"
    for market, session in sorted(facts.sessions.items()):
        if not session.is_open:
            yield f"{market}: orders wait, the market is closed"


def portfolio(read: Reader) -> PortfolioAnswer:
    """Tell what is held."""
    book, facts = read.book, read.facts
    with exactly():
        valued = value_all(book, facts, book.policy)
        measure = book.measures.get("account")
        result = None if measure is None or valued.equity is None else valued.equity - measure.day_open
        share = None if not valued.equity else valued.gross / valued.equity * 100
        cash = [_cash(key, amount, read) for key, amount in sorted(book.portfolio.cash.items()) if amount != ZERO]
        positions = [_position(each, read) for _, each in sorted(book.portfolio.positions.items())]
    return PortfolioAnswer(
        equity=money_text(valued.equity),
        currency=book.policy.base_currency,
        day_result=money_text(result),
        exposure=money_text(valued.gross),
        exposure_share=money_text(share),
        missing_price=valued.missing,
        cash=tuple(cash[:ROWS_MAX]),
        positions=tuple(positions[:ROWS_MAX]),
        left_out=max(0, len(positions) - ROWS_MAX),
    )


def _cash(key: str, amount: Decimal, read: Reader) -> CashShown:
    venue, asset = key.split("/", 1)
    price = price_of(asset, Market.CRYPTO, read.facts, read.book.policy)
    worth = None if price is None else price * amount
    return CashShown(venue=venue, asset=asset, amount=amount_text(amount), worth=money_text(worth))


def _position(position: Position, read: Reader) -> PositionShown:
    quote = read.facts.quotes.get(f"{position.venue}/{position.pair}")
    price = None if quote is None else quote.bid if position.quantity > ZERO else quote.ask
    worth = None if price is None else price * position.quantity * position.multiplier
    guard = read.book.protections.get(position.key)
    return PositionShown(
        book=position.book,
        venue=position.venue,
        pair=position.pair,
        quantity=amount_text(position.quantity),
        average=amount_text(position.average),
        price=amount_text(price),
        worth=money_text(worth),
        unrealised=money_text(None if worth is None else worth - position.cost),
        realised=money_text(position.realised),
        fees=money_text(position.fees),
        stop="" if guard is None else amount_text(guard.stop),
        target="" if guard is None else amount_text(guard.target),
        trail="" if guard is None else amount_text(guard.trail_level),
        kept="" if guard is None else guard.kept.value,
        closing=position.key in read.book.closings,
    )


def orders(read: Reader, *, pair: str = "", ended: bool = False, limit: int = ROWS_MAX) -> OrdersAnswer:
    """Tell of working orders, and of those that ended within the week if that is asked."""
    book = read.book
    found = list(book.working.values())
    if ended:
        found += [each for day in book.closed.values() for each in day.values()]
    found = [each for each in found if pair in ("", each.order.pair)]
    found.sort(key=lambda each: (each.order.cleared_at, each.order.id), reverse=True)
    shown, left = _page(found, limit)
    with exactly():
        return OrdersAnswer(orders=tuple(map(_order, shown)), left_out=left)


def _page(found: Sequence[T], limit: int) -> tuple[Sequence[T], int]:
    size = max(1, min(limit, ROWS_MAX))
    return found[:size], max(0, len(found) - size)


def _order(working: Working) -> OrderShown:
    order = working.order
    return OrderShown(
        id=order.id,
        intent_id=order.intent_id,
        book=order.book,
        venue=order.venue,
        pair=order.pair,
        side=order.side.value,
        type=order.type.value,
        purpose=order.purpose.value,
        state=working.state.value,
        quantity=amount_text(order.quantity),
        filled=amount_text(working.filled),
        limit_price=amount_text(order.limit_price),
        stop_price=amount_text(order.stop_price),
        reserved=money_text(ZERO if order.reduces else working.reserved),
        at=order.cleared_at,
        since=working.since,
    )


def proposals(read: Reader) -> ProposalsAnswer:
    """Tell what waits for a person, and which signed changes wait for their time."""
    book = read.book
    waiting = [_proposal(each) for each in sorted(book.proposals.values(), key=lambda item: item.opened_at)]
    waiting += [
        msgspec.structs.replace(_proposal(each.proposal), effective_at=each.effective_at)
        for each in sorted(book.changes.values(), key=lambda item: item.effective_at)
    ]
    shown, left = _page(waiting, ROWS_MAX)
    return ProposalsAnswer(proposals=tuple(shown), left_out=left)


def _proposal(proposal: Proposal) -> ProposalShown:
    return ProposalShown(
        id=proposal.id,
        kind=str(type(proposal.body).__struct_config__.tag),
        about=redacted(body_text(proposal.body), REASON_MAX),
        door=proposal.door.value,
        client=redacted(proposal.client, 40),
        reason=redacted(proposal.reason, REASON_MAX),
        opened_at=proposal.opened_at,
        expires_at=proposal.expires_at,
        effective_at=0,
        findings=tuple(map(finding_shown, proposal.findings)),
    )


def pairs(read: Reader, limit: int = ROWS_MAX) -> PairsAnswer:
    """Tell what the venues offer, and what of it may be traded: approved and offered is active."""
    offered = sorted(read.facts.instruments.values(), key=lambda item: (item.market, item.pair, item.venue))
    shown, left = _page([_pair(each, read) for each in offered], limit)
    return PairsAnswer(pairs=tuple(shown), left_out=left)


def _pair(instrument: Instrument, read: Reader) -> PairShown:
    policy, pair = read.book.policy, instrument.pair
    limits = policy.limits(instrument.market)
    why = ""
    if instrument.venue not in limits.venues:
        why = f"{instrument.venue} is not routed for {instrument.market}"
    elif listed_as(pair) not in limits.assets_approved:
        why = f"{listed_as(pair)} is not approved"
    elif instrument.market is Market.CRYPTO and quote_of(pair) not in limits.quotes_approved:
        why = f"{quote_of(pair)} is not approved"
    elif pair in limits.pairs_blocked:
        why = "blocked by the owner"
    quote = read.facts.quotes.get(f"{instrument.venue}/{pair}")
    session = read.facts.sessions.get(instrument.market)
    return PairShown(
        pair=pair,
        market=instrument.market.value,
        venue=instrument.venue,
        active=not why,
        why_not=why,
        bid="" if quote is None else amount_text(quote.bid),
        ask="" if quote is None else amount_text(quote.ask),
        open=session is not None and session.is_open,
    )


def unwatched(book: Book) -> int:
    """Count the exits that only a running desk can fire."""
    guards = book.protections.values()
    return sum(g.target is not None or g.trailing is not None or g.kept is Kept.DESK for g in guards)

"""Reads of what was: entries and fills, newest first and a page at a time, and what was earned."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Final, NamedTuple, cast

import msgspec
from msgspec.structs import replace

from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.instruments import quote_of
from trading_mcp.core.domain.market import Market
from trading_mcp.core.domain.measures import drawdown
from trading_mcp.core.domain.money import ZERO, exactly
from trading_mcp.core.domain.portfolio import Position
from trading_mcp.core.domain.proposals import ProposalEnd
from trading_mcp.core.guardrails.valuation import price_of, value_all
from trading_mcp.core.ports import Entry, Journal
from trading_mcp.desk import queries
from trading_mcp.desk.answers_past import (
    EndedShown,
    EventsAnswer,
    ProposalsTold,
    ResultsAnswer,
    ResultShown,
    TradesAnswer,
    TradeShown,
)
from trading_mcp.desk.earning import ROWS_MAX as FILLS_MAX
from trading_mcp.desk.earning import Closed, Earned, steadiness
from trading_mcp.desk.past import shown
from trading_mcp.desk.queries import ROWS_MAX, Reader
from trading_mcp.desk.wording import amount_text, money_text, sentence
from trading_mcp.errors import UsageInvalid
from trading_mcp.redact import redacted

# So many entries are looked at for one page, in steps of so many between which everybody else has a turn; a page
# that found little says how far it came.
REACH: Final = 20_000
STEP: Final = 250
BY_FILL: Final = ("day", "signal")
_DIGITS_MAX: Final = 15
_ENDS: Final = (e.ProposalApproved, e.ProposalEnded)
_ASKED: Final = (e.ToolCalled, e.ToolAnswered)
_ACTOR: Final = frozenset({"door", "client", "book"})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """What of the past is asked for; what is empty does not narrow it."""

    kinds: tuple[str, ...] = ()
    intent_id: str = ""
    pair: str = ""
    actor: str = ""
    book: str = ""
    since: int = 0
    until: int = 0
    text: str = ""
    limit: int = 50
    cursor: str = ""


def moment_of(text: str, name: str) -> int:
    """Read a moment as people write it; 0 where it is not said."""
    if not text:
        return 0
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UsageInvalid(
            f"{name} is no moment: {redacted(text, 40)}.", 'Write "2026-11-21" or "2026-11-21T08:30:00Z".'
        ) from None
    since = (at if at.tzinfo is not None else at.replace(tzinfo=UTC)) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


class _Page(NamedTuple):
    """Entries, newest first, where the next ones begin, and how far was looked where older ones may fit as well."""

    found: list[Entry]
    cursor: str = ""
    note: str = ""


async def events(journal: Journal, wanted: Filter) -> EventsAnswer:
    """Return the newest entries that fit."""
    known = {each.__name__ for each in e.AnyEvent.__args__}
    for kind in wanted.kinds:
        if kind not in known:
            raise UsageInvalid(f"There is no kind {redacted(kind, 40)}.", f"One of: {', '.join(sorted(known))}.")
    page = await _newest(journal, wanted, lambda entry: _fits(entry, wanted))
    return EventsAnswer(events=tuple(map(shown, page.found)), cursor=page.cursor, note=page.note)


async def trades(book: Book, journal: Journal, wanted: Filter) -> TradesAnswer:
    """Return the newest fills that fit."""

    def fits(entry: Entry) -> bool:
        event = entry.event
        if not isinstance(event, e.FillRecorded) or not _is_within(entry, wanted):
            return False
        if wanted.pair not in ("", event.fill.pair) or wanted.book not in ("", event.book):
            return False
        return wanted.text.casefold() in str(msgspec.to_builtins(_trade(entry, event, book))).casefold()

    page = await _newest(journal, wanted, fits)
    with exactly():
        rows = [_trade(entry, entry.event, book) for entry in page.found if isinstance(entry.event, e.FillRecorded)]
    return TradesAnswer(trades=tuple(rows), cursor=page.cursor, note=page.note)


async def proposals(now: Callable[[], Reader], journal: Journal, wanted: Filter | None) -> ProposalsTold:
    """Return what waits for a person, and, where that is wanted, a page of what waits no more."""
    page = _Page([])
    if wanted is not None:
        page = await _newest(journal, wanted, lambda entry: isinstance(entry.event, _ENDS))
    # Only now: what waits is of the moment of the answer.
    waiting = queries.proposals(now())
    return ProposalsTold(
        proposals=waiting.proposals,
        left_out=waiting.left_out,
        ended=tuple(_ended(entry, entry.event) for entry in page.found if isinstance(entry.event, _ENDS)),
        cursor=page.cursor,
        note=page.note,
    )


def _ended(entry: Entry, event: e.ProposalApproved | e.ProposalEnded) -> EndedShown:
    is_signed = isinstance(event, e.ProposalApproved)
    return EndedShown(
        id=event.proposal_id,
        end=(ProposalEnd.APPROVED if is_signed else event.end).value,
        reason="" if is_signed else redacted(event.reason, 200),
        at=entry.at,
        seq=entry.seq,
    )


async def _newest(journal: Journal, wanted: Filter, fits: Callable[[Entry], bool]) -> _Page:
    """Return a page of entries, newest first."""
    size = max(1, min(wanted.limit, ROWS_MAX))
    found: list[Entry] = []
    first = before = _before(journal, wanted.cursor)
    last, at = max(0, before - REACH), 0
    while before > last:
        start = max(last, before - STEP)
        for entry in reversed(list(islice(journal.entries(start), before - start))):
            at = entry.at
            if at < wanted.since:
                return _Page(found)
            if fits(entry):
                found.append(entry)
                if len(found) == size:
                    return _Page(found, _cursor(entry.seq - 1))
        before = start
        await asyncio.sleep(0)
    if not last:
        return _Page(found)
    reached = (_EPOCH + timedelta(microseconds=at)).strftime("%Y-%m-%d %H:%M:%S")
    return _Page(
        found,
        _cursor(last),
        f"Only the entries {last + 1:,} to {first:,} were looked through, back to {reached} UTC. Older ones may fit "
        "too: ask again, the same and with this cursor.",
    )


def _before(journal: Journal, cursor: str) -> int:
    head = journal.head().seq
    if not cursor:
        return head
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= _DIGITS_MAX):
        raise UsageInvalid("That is no cursor.", "Leave it out, or give the one of the answer before.")
    return min(head, int(cursor))


def _cursor(seq: int) -> str:
    return str(seq) if seq > 0 else ""


def _is_within(entry: Entry, wanted: Filter) -> bool:
    return entry.at >= wanted.since and (not wanted.until or entry.at < wanted.until)


def _fits(entry: Entry, wanted: Filter) -> bool:
    event = entry.event
    # What was asked and answered is told to whoever names it: else the reader's own questions hide what happened.
    is_wanted = type(event).__name__ in wanted.kinds if wanted.kinds else not isinstance(event, _ASKED)
    if not is_wanted or not _is_within(entry, wanted):
        return False
    if not (wanted.intent_id or wanted.pair or wanted.actor or wanted.text):
        return True
    body = msgspec.to_builtins(event, str_keys=True)
    said = frozenset(_values(body))
    if wanted.intent_id and not any(value.partition("/again.")[0] == wanted.intent_id for value in said):
        return False
    if wanted.pair and wanted.pair not in said:
        return False
    if wanted.actor and wanted.actor not in _actors(body):
        return False
    text = wanted.text.casefold()
    return not text or text in sentence(event).casefold() or any(text in value.casefold() for value in said)


def _values(part: object) -> Iterator[str]:
    """Yield every text in an event."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        for value in cast("dict[str, object]", part).values():
            yield from _values(value)
    elif isinstance(part, list):
        for value in cast("list[object]", part):
            yield from _values(value)


def _actors(part: object) -> Iterator[str]:
    """Yield the doors, clients and books that an event names."""
    if isinstance(part, dict):
        for key, value in cast("dict[str, object]", part).items():
            if key in _ACTOR and isinstance(value, str):
                yield value
            yield from _actors(value)


def _trade(entry: Entry, event: e.FillRecorded, book: Book) -> TradeShown:
    fill = event.fill
    working = None if fill.order_id is None else book.order(fill.order_id)
    record = None if working is None else book.intent(working.order.intent_id)
    return TradeShown(
        seq=entry.seq,
        at=fill.at,
        pair=fill.pair,
        venue=fill.venue,
        book=event.book,
        side=fill.side.value,
        quantity=amount_text(fill.quantity),
        price=amount_text(fill.price),
        worth=money_text(fill.quantity * fill.price * event.multiplier),
        fee=f"{amount_text(fill.fee)} {fill.fee_asset}",
        realised="",
        order_id=fill.order_id or "",
        intent_id="" if working is None else working.order.intent_id,
        reason="" if record is None else redacted(record.intent.reason, 200),
        signal_seq=0 if record is None else record.intent.signal_seq or 0,
    )


def with_realised(told: TradesAnswer, earned: Earned) -> TradesAnswer:
    """Return trades with the profit that each realised, where the views have come so far."""
    by_seq = {each.seq: each.realised for each in earned.fills}
    trades = (replace(each, realised=money_text(by_seq.get(each.seq))) for each in told.trades)
    return replace(told, trades=tuple(trades))


def with_earned(told: ResultsAnswer, read: Reader, earned: Earned, *, pair: str, book: str) -> ResultsAnswer:
    """Return results with what only the record of every fill and day can tell."""
    ratios = steadiness(earned.values)
    told = replace(told, sharpe=ratios.sharpe, sortino=ratios.sortino, note=ratios.note)
    if told.group_by not in BY_FILL:
        return told
    groups: dict[str, list[Closed]] = {}
    for fill in earned.fills:
        if pair in ("", fill.pair) and book in ("", fill.book):
            groups.setdefault(_group_of(fill, told.group_by, read.book), []).append(fill)
    with exactly():
        rows = [_earned(name, found, read) for name, found in sorted(groups.items(), reverse=True)]
    cut = f" Of the newest {FILLS_MAX:,} fills." if len(earned.fills) == FILLS_MAX else ""
    shown_rows, left = tuple(rows[:ROWS_MAX]), max(0, len(rows) - ROWS_MAX)
    return replace(told, groups=shown_rows, left_out=left, note=told.note + cut)


def _group_of(fill: Closed, group_by: str, book: Book) -> str:
    if group_by == "day":
        return (_EPOCH + timedelta(microseconds=fill.at)).date().isoformat()
    working = book.order(fill.order_id)
    record = None if working is None else book.intent(working.order.intent_id)
    signal = 0 if record is None else record.intent.signal_seq
    return f"signal {signal}" if signal else "none, or not remembered"


def _earned(name: str, fills: Sequence[Closed], read: Reader) -> ResultShown:
    def worth(value: Decimal, asset: str) -> Decimal | None:
        rate = price_of(asset, Market.CRYPTO, read.facts, read.book.policy)
        return ZERO if value == ZERO else None if rate is None else value * rate

    return ResultShown(
        group=name,
        realised=money_text(_sum(worth(fill.realised, quote_of(fill.pair)) for fill in fills)),
        unrealised="",
        fees=money_text(_sum(worth(fill.fee, fill.fee_asset) for fill in fills)),
        positions=0,
        fills=len(fills),
    )


def results(read: Reader, *, group_by: str = "pair", pair: str = "", book: str = "") -> ResultsAnswer:
    """Tell what was earned: the account by its measures, and every group by the positions it had and has."""
    portfolio = read.book.portfolio
    with exactly():
        equity = value_all(read.book, read.facts, read.book.policy).equity
        groups: dict[str, list[Position]] = {}
        for position in () if group_by in BY_FILL else (*portfolio.positions.values(), *portfolio.flat.values()):
            if pair in ("", position.pair) and book in ("", position.book):
                name = {"pair": position.pair, "venue": position.venue}.get(group_by, position.book)
                groups.setdefault(name, []).append(position)
        rows = [_result(name, found, read) for name, found in sorted(groups.items())]
        measure = read.book.measures.get("account")
        opened = None if measure is None else measure.day_open
        return ResultsAnswer(
            currency=read.book.policy.base_currency,
            equity=money_text(equity),
            day="" if measure is None else measure.day,
            day_open=money_text(opened),
            day_result=money_text(None if opened is None or equity is None else equity - opened),
            high_water=money_text(None if measure is None else measure.high_water),
            drawdown=money_text(None if measure is None or equity is None else drawdown(measure.high_water, equity)),
            drawdown_rolling=money_text(
                None if measure is None or equity is None else drawdown(measure.rolling_peak, equity)
            ),
            group_by=group_by,
            groups=tuple(rows[:ROWS_MAX]),
            left_out=max(0, len(rows) - ROWS_MAX),
        )


def _result(name: str, found: Sequence[Position], read: Reader) -> ResultShown:
    held = [position for position in found if position.quantity]
    return ResultShown(
        group=name,
        realised=money_text(_sum(_in_base(position.realised, position, read) for position in found)),
        unrealised=money_text(_sum(_unrealised(position, read) for position in held)),
        fees=money_text(_sum(_in_base(position.fees, position, read) for position in found)),
        positions=len(held),
    )


def _unrealised(position: Position, read: Reader) -> Decimal | None:
    quote = read.facts.quotes.get(f"{position.venue}/{position.pair}")
    if quote is None:
        return None
    price = quote.bid if position.quantity > ZERO else quote.ask
    return _in_base(price * position.quantity * position.multiplier - position.cost, position, read)


def _in_base(value: Decimal, position: Position, read: Reader) -> Decimal | None:
    rate = price_of(quote_of(position.pair), Market.CRYPTO, read.facts, read.book.policy)
    return ZERO if value == ZERO else None if rate is None else value * rate


def _sum(values: Iterable[Decimal | None]) -> Decimal | None:
    """Return a sum, or None where a part of it is not known."""
    total = ZERO
    for value in values:
        if value is None:
            return None
        total += value
    return total

"""Reads of the journal: the newest entries, one entry, and why a decision came out as it did."""

from itertools import islice
from typing import Final

import msgspec

from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.book import Book, IntentRecord
from trading_mcp.core.domain.verdict import Verdict
from trading_mcp.core.ports import Entry, Journal
from trading_mcp.desk.answers import EntriesAnswer, EntryShown, WhyAnswer
from trading_mcp.desk.outcomes import outcome_of
from trading_mcp.desk.queries import finding_shown
from trading_mcp.desk.wording import is_quiet, sentence
from trading_mcp.errors import UsageInvalid

TAIL_MAX: Final = 200
# How far back a tail looks for what is news among what happens all the time.
REACH: Final = 5_000
_DIGITS_MAX: Final = 15


def shown(entry: Entry) -> EntryShown:
    """Return an entry as it is told."""
    return EntryShown(
        seq=entry.seq,
        at=entry.at,
        kind=type(entry.event).__name__,
        text=sentence(entry.event),
        event=_fields(entry.event),
        hash=entry.hash.hex(),
    )


def _fields(event: e.AnyEvent) -> dict[str, object]:
    return msgspec.to_builtins(event, str_keys=True)


def tail(journal: Journal, count: int, *, since: int | None = None, is_quiet_shown: bool = False) -> EntriesAnswer:
    """Return the newest entries that are news, or those after a sequence number."""
    size = max(1, min(count, TAIL_MAX))
    head = journal.head().seq
    start = max(0, head - (size if is_quiet_shown else REACH)) if since is None else max(0, min(since, head))
    found: list[Entry] = []
    last, goes_on = start, 0
    for entry in journal.entries(start):
        last = entry.seq
        if is_quiet_shown or not is_quiet(entry.event):
            found.append(entry)
        if since is not None and (len(found) >= size or last - start >= REACH):
            goes_on = last if last < head else 0
            break
    return EntriesAnswer(entries=tuple(map(shown, found[-size:])), next_since=goes_on)


def show(journal: Journal, seq: int) -> EntryShown:
    """Return one entry."""
    return shown(_entry(journal, seq))


def _entry(journal: Journal, seq: int) -> Entry:
    head = journal.head().seq
    if not 1 <= seq <= head:
        raise UsageInvalid(f"There is no entry {seq}.", f"The journal goes from 1 to {head}.")
    return next(journal.entries(seq - 1))


def why(subject: str, book: Book, journal: Journal) -> WhyAnswer:
    """Explain a sequence number or an intent: findings are those that were recorded, not judged again."""
    if subject.isascii() and subject.isdecimal() and len(subject) <= _DIGITS_MAX and book.intent(subject) is None:
        entry = _entry(journal, int(subject))
        return _of_entry(entry, book)
    record = book.intent(subject)
    if record is None:
        raise UsageInvalid(
            "No intent of that id is remembered; ids are kept for seven days.",
            "Name a sequence number of the journal: trading-mcp audit tail.",
        )
    event = e.IntentJudged(at=record.at, intent=record.intent, verdict=record.verdict)
    return _judged(judged_seq(journal, record), record.at, event, record.verdict, book)


def judged_seq(journal: Journal, record: IntentRecord) -> int:
    """Return the entry in which an intent was judged; 0 where it is no longer near its time."""
    for entry in islice(journal.entries(older_than(journal, record.at)), REACH):
        if isinstance(entry.event, e.IntentJudged) and entry.event.intent.id == record.intent.id:
            return entry.seq
    return 0


def older_than(journal: Journal, moment: int) -> int:
    """Return how many entries are older than a moment, give or take what a clock was set back by."""
    low, high = 0, journal.head().seq
    while low < high:
        middle = (low + high) // 2
        entry = next(journal.entries(middle), None)
        if entry is None or entry.at >= moment:
            high = middle
        else:
            low = middle + 1
    return low


def _of_entry(entry: Entry, book: Book) -> WhyAnswer:
    event = entry.event
    if isinstance(event, e.IntentJudged):
        return _judged(entry.seq, entry.at, event, event.verdict, book)
    order_id = event.order.id if isinstance(event, e.OrderCleared) else getattr(event, "order_id", None)
    working = book.order(order_id) if isinstance(order_id, str) else None
    record = None if working is None else book.intent(working.order.intent_id)
    voided = (finding_shown(event.finding),) if isinstance(event, e.ClearanceVoided) else ()
    return WhyAnswer(
        seq=entry.seq,
        at=entry.at,
        kind=type(event).__name__,
        subject="" if record is None else record.intent.id,
        outcome="" if record is None else record.verdict.outcome.name,
        policy="" if record is None else record.verdict.policy,
        findings=voided or (() if record is None else tuple(map(finding_shown, record.verdict.findings))),
        status="" if working is None else working.state.value,
        text=sentence(event),
        event=_fields(event),
    )


def _judged(seq: int, at: int, event: e.IntentJudged, verdict: Verdict, book: Book) -> WhyAnswer:
    status = outcome_of(book, event.intent.id).status
    return WhyAnswer(
        seq=seq,
        at=at,
        kind="IntentJudged",
        subject=event.intent.id,
        outcome=verdict.outcome.name,
        policy=verdict.policy,
        findings=tuple(map(finding_shown, verdict.findings)),
        status="" if status is None else status.value,
        text=sentence(event),
        event=_fields(event),
    )

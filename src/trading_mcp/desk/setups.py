"""A home's setup for another home: limits and algorithms, which arrive without any right they had."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import msgspec

from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.mandates import Algorithm
from trading_mcp.core.domain.orders import Door
from trading_mcp.core.domain.policy import Delta
from trading_mcp.core.guardrails.direction import DeltaInvalid, delta_of, is_tightening
from trading_mcp.core.guardrails.key import Kind
from trading_mcp.core.guardrails.keys import KEYS, get
from trading_mcp.core.guardrails.spelling import text_of
from trading_mcp.desk.acting import Acting, news
from trading_mcp.desk.answers import Answer, DoneAnswer
from trading_mcp.errors import UsageInvalid

ALGORITHMS_MAX: Final = 200


class Brought(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An algorithm as it travels: its pinned version and its bounds, and neither its switch nor its mandate."""

    name: str
    version: str
    pairs: tuple[str, ...]
    venues: tuple[str, ...]
    capital: Decimal


class SetupAnswer(Answer, frozen=True, kw_only=True):
    """What one home can hand to another: no keys, no hosts, no money, no fills."""

    limits: dict[str, str]
    algorithms: tuple[Brought, ...]


def setup_of(book: Book) -> SetupAnswer:
    """Return a home's setup; where it trades is its own and stays there."""
    return SetupAnswer(
        limits={key.path: text_of(key, get(book.policy, key)) for key in KEYS if key.kind is not Kind.VENUES},
        algorithms=tuple(
            Brought(
                name=each.name,
                version=each.version,
                pairs=tuple(sorted(each.pairs)),
                venues=each.venues,
                capital=each.capital,
            )
            for each in sorted(book.algorithms.values(), key=lambda item: item.name)
        ),
    )


async def arrived(acting: Acting, setup: SetupAnswer, origin: str, client: str) -> DoneAnswer:
    """Take a setup in: what only tightens at once, every other limit in one proposal, algorithms switched off."""
    book = acting.desk.book
    commands = _commands(book, setup, origin, client, acting.desk.ports.clock.now())
    events: list[e.AnyEvent] = []
    seqs: list[int] = []
    for command in commands:
        happened = await (acting.desk.handle(command) if acting.is_recorded else acting.handled(command))
        head = acting.desk.ports.journal.head().seq
        events += happened
        seqs += range(head - len(happened) + 1, head + 1)
    if not acting.is_recorded:
        acting.desk.record((acting.before,))
        acting.is_recorded = True
    acting.caused = tuple(seqs)
    known = sorted(each.name for each in setup.algorithms if each.name in book.algorithms)
    sentences = [
        *news(events),
        *(f"Algorithm {name} is known here and stays as it is." for name in known),
        *(f"Not copied: {each.reason}" for each in _wanted(book, setup) if isinstance(each, DeltaInvalid)),
    ]
    return acting.done(events, sentences or ["Both homes are set up alike."], "")


def _commands(book: Book, setup: SetupAnswer, origin: str, client: str, now: int) -> list[c.AnyCommand]:
    if len(setup.algorithms) > ALGORITHMS_MAX:
        raise UsageInvalid(f"That setup has more than {ALGORITHMS_MAX} algorithms.", "Copy from a smaller home.")
    deltas = [each for each in _wanted(book, setup) if isinstance(each, Delta)]
    tighter = tuple(each for each in deltas if is_tightening(each))
    other = tuple(each for each in deltas if not is_tightening(each))
    reason = f"copied from home {origin}"
    commands: list[c.AnyCommand] = [
        c.ChangePolicy(id=f"{name}/{now}", deltas=wanted, door=Door.CLI, client=client, reason=reason)
        for name, wanted in (("copied-tighter", tighter), ("copied", other))
        if wanted
    ]
    commands += [
        c.SetAlgorithm(algorithm=_switched_off(each, book), door=Door.CLI)
        for each in setup.algorithms
        if each.name not in book.algorithms
    ]
    return commands


def _wanted(book: Book, setup: SetupAnswer) -> Iterator[Delta | DeltaInvalid]:
    """Make a change of every limit that differs; where a home trades is its own."""
    here = {**setup_of(book).limits, **{key.path: "" for key in KEYS if key.kind is Kind.VENUES}}
    for key, value in setup.limits.items():
        if value != here.get(key) and here.get(key) != "":
            yield delta_of(book.policy, key, value)


def _switched_off(brought: Brought, book: Book) -> Algorithm:
    here = book.home.venues
    return Algorithm(
        name=brought.name,
        version=brought.version,
        pairs=frozenset(brought.pairs),
        venues=tuple(venue for venue in brought.venues if venue in here) or here,
        capital=brought.capital,
    )

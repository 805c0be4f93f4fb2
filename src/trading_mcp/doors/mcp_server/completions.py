"""Completions: what an argument of a prompt or a part of an address may be, nearest first and never too many."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.instruments import listed_as, normalise
from trading_mcp.core.domain.verdict import Outcome
from trading_mcp.desk.moments import Moments
from trading_mcp.desk.queries import Reader

VALUES_MAX: Final = 100
TYPED_MAX: Final = 100

Known = Callable[[Reader], Iterable[str]]


def pairs(read: Reader) -> Iterable[str]:
    """Return the pairs that are held, then those approved, then the others that are offered."""
    book = read.book
    held = [position.pair for position in book.portfolio.positions.values()]
    offered = sorted(read.facts.instruments.values(), key=lambda each: each.pair)
    approved = [
        each.pair for each in offered if listed_as(each.pair) in book.policy.limits(each.market).assets_approved
    ]
    return (*sorted(held), *approved, *(each.pair for each in offered))


def refused(read: Reader) -> Iterable[str]:
    """Return the intents that were not simply allowed, newest first."""
    return (name for name, outcome in _judged(read.book) if outcome is not Outcome.ALLOW)


def _judged(book: Book) -> Iterable[tuple[str, Outcome]]:
    for day in reversed(book.intents.values()):
        for name, record in reversed(day.items()):
            yield name, record.verdict.outcome


def proposals(read: Reader) -> Iterable[str]:
    """Return the proposals that wait, the one that expires first before the others."""
    return (each.id for each in sorted(read.book.proposals.values(), key=lambda each: (each.expires_at, each.id)))


KNOWN: Final[dict[str, Known]] = {"pair": pairs, "intent_id": refused, "id": proposals}


def completed(moments: Moments, argument: str, typed: str) -> tuple[list[str], int]:
    """Return what fits, those first that begin as was typed, and how many fit in all."""
    known = KNOWN.get(argument)
    if known is None or len(typed) > TYPED_MAX:
        return [], 0
    sought = (normalise(typed) if argument == "pair" else typed).casefold()
    names = list(dict.fromkeys(known(moments.now())))
    begins = [name for name in names if name.casefold().startswith(sought)]
    within = [name for name in names if sought in name.casefold()[1:] and not name.casefold().startswith(sought)]
    fitting = begins + within
    return fitting[:VALUES_MAX], len(fitting)

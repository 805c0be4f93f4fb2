"""The approval screen: facts in lines of ours, and below them, marked and fenced, what the asker says."""

import textwrap
import unicodedata
from collections.abc import Iterator
from typing import Final

import msgspec

from trading_mcp.redact import cut, redacted

COLUMNS: Final = 80
FACT_MAX: Final = 4_000
SAID_MAX: Final = 400
_LABEL: Final = 20
_FENCE: Final = "  | "


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One computed fact."""

    label: str
    value: str


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that asked for a person, with its limit and what it met."""

    code: str
    reason: str
    limit: str
    actual: str


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What nobody has checked: who asked, by its own name, and why it says it asked."""

    door: str
    client: str
    reason: str


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """All that a person sees before signing; `said` alone is not of our making."""

    proposal: str
    kind: str
    home: str
    rows: tuple[Row, ...]
    asked: tuple[Asked, ...]
    warnings: tuple[str, ...]
    said: Said


def row(label: str, value: str) -> Row:
    """Return a fact in characters that look like what they are, on one line."""
    return Row(label=cut(fact(label), _LABEL - 1), value=fact(value))


def fact(text: str) -> str:
    """Return text for a line of facts: no secret, no run of spaces, and nothing outside ASCII but spelled out."""
    spaced = " ".join(redacted(text, FACT_MAX).split())
    return spaced.encode("ascii", "backslashreplace").decode("ascii")


def said(door: str, client: str, reason: str) -> Said:
    """Return what the asker says, cleaned and cut; marks that pile up on letters go."""
    return Said(door=fact(door), client=cut(_plain_letters(client), 40), reason=cut(_plain_letters(reason), SAID_MAX))


def lines_of(shown: Shown) -> tuple[str, ...]:
    """Return the screen, at most eighty columns wide; no line of the asker's begins as one of ours does."""
    return tuple(_lines(shown))


def _lines(shown: Shown) -> Iterator[str]:
    yield from _labelled("proposal", shown.proposal)
    yield from _labelled("kind", shown.kind)
    yield from _labelled("home", shown.home)
    for fact_row in shown.rows:
        yield from _labelled(fact_row.label, fact_row.value)
    for asked in shown.asked:
        yield from _labelled("asked by", f"{asked.code}: {asked.reason} (limit {asked.limit}, here {asked.actual})")
    for warning in shown.warnings:
        yield from _wrapped(warning, "! ", "! ")
    yield ""
    yield f"Not checked by anyone, the words of who asked ({shown.said.door}):"
    name = f"name: {shown.said.client}" if shown.said.client else ""
    for words in (name, shown.said.reason or "(no reason given)"):
        yield from (_FENCE + part for part in _by_columns(words, COLUMNS - len(_FENCE)))


def _labelled(label: str, value: str) -> list[str]:
    return _wrapped(value or "-", f"  {label:<{_LABEL}}", " " * (_LABEL + 2))


def _wrapped(text: str, first: str, then: str) -> list[str]:
    return textwrap.wrap(text, COLUMNS, initial_indent=first, subsequent_indent=then, break_on_hyphens=False)


def _plain_letters(text: str) -> str:
    composed = unicodedata.normalize("NFKC", redacted(text))
    return redacted("".join(one for one in composed if not unicodedata.category(one).startswith("M")))


def _by_columns(text: str, columns: int) -> Iterator[str]:
    """Cut text where a terminal would run out of columns; characters of Asian scripts and pictures take two."""
    line, used = "", 0
    for one in text:
        width = 2 if unicodedata.east_asian_width(one) in "WF" else 1
        if used + width > columns:
            yield line
            line, used = "", 0
        line, used = line + one, used + width
    if line:
        yield line

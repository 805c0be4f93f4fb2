"""Pages of eighty columns: tables, sentences and times, with colours only where a person sees them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TypeVar, cast

import msgspec

from trading_mcp.cli.client import Reply
from trading_mcp.cli.parsing import WIDTH, wrapped
from trading_mcp.place import shown

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COLOURS = {"good": "32", "bad": "31", "ask": "33", "dim": "2", "bold": "1"}
_STATES = {"ACTIVE": "good", "REDUCING": "ask", "HALTED": "bad", "FROZEN": "bad"}


def inked(text: str, tone: str) -> str:
    """Return text in a colour, where somebody sees it and has not asked for none."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{_COLOURS[tone]}m{text}\x1b[0m"


def state_text(state: str) -> str:
    """Return a trading state in its colour."""
    return inked(state, _STATES.get(state, "bad"))


def say(text: str = "", indent: int = 0, then: int | None = None) -> None:
    """Print a paragraph that stays within the page."""
    first, rest = " " * indent, " " * (indent if then is None else then)
    print(wrapped(text, first, rest))


def head(reply: Reply, title: str, tone: str = "bold") -> None:
    """Print what stands above every page: what it is, whose money, and how the desk stands."""
    mode = f"{reply.home} · {reply.mode}"
    gap = " " * max(2, WIDTH - len(title) - len(mode) - len(reply.state) - 3)
    print(f"{inked(title, tone)}{gap}{mode} · {state_text(reply.state)}")


def pair(label: str, value: str) -> None:
    """Print a label and its value."""
    say(f"{label:<13} {value or '-'}", 2, 16)


def table(titles: Sequence[str], rows: Sequence[Sequence[str]], right: str = "") -> None:
    """Print rows under titles; columns named in `right` by their number are numbers. The last column gives way."""
    clean = [[shown(cell) or "-" for cell in row] for row in rows]
    widths = [max([len(title), *(len(row[i]) for row in clean)]) for i, title in enumerate(titles)]
    while sum(widths) + 2 * len(widths) > WIDTH and max(widths) > 6:  # noqa: PLR2004 - below that nothing can be read
        widths[widths.index(max(widths))] -= 1
    print(inked(_cells(titles, widths, right), "dim"))
    for row in clean:
        print(_cells(row, widths, right))


def _cells(row: Sequence[str], widths: Sequence[int], right: str) -> str:
    cells: list[str] = []
    for number, (cell, width) in enumerate(zip(row, widths, strict=True)):
        cut = cell if len(cell) <= width else f"{cell[: width - 1]}…"
        cells.append(cut.rjust(width) if str(number) in right else cut.ljust(width))
    return ("  " + "  ".join(cells)).rstrip()


def moment(at: int) -> str:
    """Write a moment, UTC."""
    return (_EPOCH + timedelta(microseconds=at)).strftime("%Y-%m-%d %H:%M:%S") if at else "-"


def time_of_day(at: int) -> str:
    """Write the time of day, UTC."""
    return (_EPOCH + timedelta(microseconds=at)).strftime("%H:%M:%S")


def ago(microseconds: int) -> str:
    """Write a span in its largest unit."""
    left = max(0, microseconds) // 1_000_000
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if left >= size:
            return f"{left // size} {unit}"
    return f"{left} s"


def grouped(text: str) -> str:
    """Write an amount with its thousands apart."""
    try:
        return f"{Decimal(text):,f}" if text else "-"
    except InvalidOperation:
        return text


T = TypeVar("T")


def converted(answer: object, kind: type[T]) -> T:
    """Return a part of an answer as what it must be."""
    return msgspec.convert(answer, kind)


def dump(reply: Reply) -> None:
    """Print the whole reply as JSON; of what it says only the next step is spelled out, the rest is a record."""
    fields = dict(reply.fields)
    answer = fields.get("answer")
    if isinstance(answer, dict) and "next_step" in answer:
        told = cast("dict[str, object]", answer)
        fields["answer"] = {**told, "next_step": reply.spelled(str(told["next_step"]))}
    print(msgspec.json.format(msgspec.json.encode(fields)).decode())

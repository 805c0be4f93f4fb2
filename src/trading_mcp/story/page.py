"""A page of eighty columns: times, marks, bars and sparklines, with colours only where somebody sees them."""

import textwrap
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from trading_mcp.story.diary import Line, Tone

WIDTH: Final = 80
_INDENT: Final = 8
_MARKS: Final = {Tone.PLAIN: "·", Tone.GOOD: "✓", Tone.BAD: "✗", Tone.ASK: "?"}
_COLOURS: Final = {Tone.PLAIN: "2", Tone.GOOD: "32", Tone.BAD: "31", Tone.ASK: "33"}
_STEPS: Final = "▁▂▃▄▅▆▇█"


class Page:
    """Lines of text that never leave eighty columns."""

    def __init__(self, *, has_colour: bool) -> None:
        self._has_colour = has_colour
        self._lines: list[str] = []

    def text(self) -> str:
        return "\n".join(self._lines) + "\n"

    def blank(self) -> None:
        self._lines.append("")

    def rule(self) -> None:
        self._lines.append(self._inked(" " + "─" * (WIDTH - 2), "2"))

    def heading(self, left: str, right: str) -> None:
        gap = " " * (WIDTH - 2 - len(left) - len(right))
        self._lines.append(f" {self._inked(left, '1')}{gap}{self._inked(right, '1;33')}")

    def title(self, time: str, title: str) -> None:
        self._lines.append(f" {self._inked(f'{time:<{_INDENT - 1}}', '2')}{self._inked(title, '1')}")

    def paragraph(self, words: str, indent: int = 1) -> None:
        margin = " " * indent
        self._lines += textwrap.wrap(words, WIDTH - 1, initial_indent=margin, subsequent_indent=margin)

    def line(self, line: Line) -> None:
        margin = " " * (_INDENT + 2)
        first, *rest = textwrap.wrap(
            line.text, WIDTH - 1, initial_indent=margin, subsequent_indent=margin, break_on_hyphens=False
        )
        mark = self._inked(_MARKS[line.tone], _COLOURS[line.tone])
        self._lines.append(f"{' ' * _INDENT}{mark} {first.strip()}")
        self._lines += rest

    def row(self, *cells: str) -> None:
        self._lines.append((" " * _INDENT + "".join(cells)).rstrip())

    def verbatim(self, words: str) -> None:
        """A line that somebody copies; it is as long as it is."""
        self._lines.append(f" {words}")

    def _inked(self, words: str, colour: str) -> str:
        return f"\x1b[{colour}m{words}\x1b[0m" if self._has_colour else words


def bar(share: int, width: int = 20) -> str:
    """A bar of so many thousandths; whatever is used at all shows."""
    full = min(width, (share * width + 999) // 1000)
    return "█" * full + "░" * (width - full)


def sparkline(values: Sequence[Decimal]) -> str:
    """The course of a value, from its lowest to its highest."""
    low, high = min(values), max(values)
    span = high - low
    if not span:
        return _STEPS[0] * len(values)
    return "".join(_STEPS[min(7, int((value - low) * 8 / span))] for value in values)


def money(value: Decimal) -> str:
    """An amount of dollars as people write it."""
    return f"${value:,.2f}" if value >= 0 else f"-${-value:,.2f}"


def signed(value: Decimal) -> str:
    """A gain or a loss, always with its sign."""
    rounded = round(value, 2)
    return f"{'+' if rounded >= 0 else '-'}${abs(rounded):,.2f}"


def clock(at: int) -> str:
    """The time of day, UTC, of a moment in microseconds."""
    minutes = at // 60_000_000 % 1440
    return f"{minutes // 60:02}:{minutes % 60:02}"

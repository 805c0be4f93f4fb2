"""What a day came to, as values: the page prints them and `--json` writes them, so both tell the same facts."""

from enum import StrEnum

import msgspec


class Tone(StrEnum):
    """How a line is meant; a page gives each its mark and its colour."""

    PLAIN = "plain"
    GOOD = "good"
    BAD = "bad"
    ASK = "ask"


class Line(msgspec.Struct, frozen=True):
    """One thing that happened or was said."""

    text: str
    tone: Tone = Tone.PLAIN


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """A moment of the day and what is to be told about it."""

    time: str
    title: str
    lines: tuple[Line, ...]


class LimitUsed(msgspec.Struct, frozen=True, kw_only=True):
    """The most that was used of one limit; `share` is of the limit, in thousandths."""

    limit: str
    used: str
    allowed: str
    share: int


class AlgorithmDay(msgspec.Struct, frozen=True, kw_only=True):
    """What the algorithm did from its switching on to the end."""

    name: str
    pairs: tuple[str, ...]
    entries: int
    exits: int
    stopped: int
    refused: int
    result: str
    worth: tuple[str, ...]


class JournalFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The journal of the day, verified and replayed after it was written."""

    entries: int
    head: str
    verified: bool
    replayed: bool
    path: str


class Diary(msgspec.Struct, frozen=True, kw_only=True):
    """One day."""

    seed: int
    mode: str
    day: str
    scenes: tuple[Scene, ...]
    algorithm: AlgorithmDay
    opened_with: str
    closed_with: str
    result: str
    of_trading: str
    of_tether: str
    fees: str
    fills: int
    limits: tuple[LimitUsed, ...]
    said: dict[str, int]
    journal: JournalFacts

"""`make story`: play one seeded day on simulated money into a real journal, and tell it."""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NoReturn, TextIO, cast

import msgspec

from trading_mcp.adapters.config.policies import policy_text
from trading_mcp.core.domain.money import ZERO, exactly
from trading_mcp.core.guardrails.schema import parse_text
from trading_mcp.errors import TradingMcpError
from trading_mcp.story.day import CASH, DATE, Day
from trading_mcp.story.diary import Diary, JournalFacts
from trading_mcp.story.page import money, signed
from trading_mcp.story.scenes import SCRIPT
from trading_mcp.story.scribe import Scribe, empty_home
from trading_mcp.story.telling import told

EXIT_DONE: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
SEED: Final = 7
_SEED_MAX: Final = 2**63


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one sentence."""
        self.exit(EXIT_USAGE, f"{message[:1].upper()}{message[1:]}.\n")


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < len(str(_SEED_MAX)) and int(text) < _SEED_MAX):
        raise argparse.ArgumentTypeError(f"a seed is a whole number such as 7, not {text[:40]!r}")
    return int(text)


def _parser() -> _Parser:
    parser = _Parser(prog="python -m trading_mcp.story", description=__doc__, allow_abbrev=False)
    parser.add_argument("--seed", type=_seed, default=SEED, help=f"which day to play (default {SEED})")
    parser.add_argument("--json", action="store_true", help="the same facts as one JSON object")
    parser.add_argument("--home", type=Path, help="a new or empty folder that keeps the journal")
    return parser


class Progress:
    """Says on a terminal how far the day has come, and takes it back in the end."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream if stream.isatty() else None

    def __call__(self, words: str) -> None:
        if self._stream is not None:
            self._stream.write(f"\r\x1b[K playing the day: {words}")
            self._stream.flush()

    def done(self) -> None:
        if self._stream is not None:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


def play(seed: int, scribe: Scribe, progress: Progress, *, is_kept: bool) -> tuple[Diary, float]:
    """Play the day, then verify and replay what it wrote; return how many seconds verifying took."""
    day = Day(seed, parse_text(policy_text("simulated")), scribe.record)
    try:
        day.play(SCRIPT, progress)
        progress("reading the journal back")
        begun = time.perf_counter()
        verified, head = scribe.verified()
        seconds = time.perf_counter() - begun
        replayed = scribe.replays_to(day.desk.book)
    finally:
        progress.done()
        scribe.close()
    book = day.desk.book
    measure = book.measures["account"]
    with exactly():
        tether = CASH * (day.desk.facts().prices["USDT"].value - day.tether)
        gained = measure.value - measure.day_open
        diary = Diary(
            seed=seed,
            mode=book.home.mode,
            day=DATE,
            scenes=tuple(day.scenes),
            algorithm=day.algorithm(),
            opened_with=money(measure.day_open),
            closed_with=money(measure.value),
            result=signed(gained),
            of_trading=signed(gained - tether),
            of_tether=signed(tether),
            fees=money(sum((event.fill.fee for event in day.fills), ZERO)),
            fills=len(day.fills),
            limits=day.gauges.used(),
            said={code.value: count for code, count in sorted(book.triggers.items(), key=_by_count)},
            journal=JournalFacts(
                entries=head.seq,
                head=head.hash.hex(),
                verified=verified,
                replayed=replayed,
                path=str(scribe.path) if is_kept else "",
            ),
        )
    return diary, seconds


def _by_count(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def _speak_utf8(stream: object) -> None:
    """Bars and marks are beyond ASCII, whatever the locale says."""
    if isinstance(stream, io.TextIOWrapper):
        cast("io.TextIOWrapper[Any]", stream).reconfigure(encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    out: TextIO = sys.stdout
    _speak_utf8(out)
    try:
        with tempfile.TemporaryDirectory(prefix="trading-mcp-story-") as folder:
            home = Path(folder) if given.home is None else empty_home(given.home)
            diary, seconds = play(given.seed, Scribe(home), Progress(sys.stderr), is_kept=given.home is not None)
    except TradingMcpError as error:
        print(error, file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        print("Stopped in the middle of the day; what was written until then is whole.", file=sys.stderr)
        return EXIT_FAILED
    except OSError as error:
        print(f"The story has no folder to write in: {error.strerror or error}.", file=sys.stderr)
        return EXIT_FAILED
    try:
        if given.json:
            print(msgspec.json.format(msgspec.json.encode(diary)).decode(), file=out)
        else:
            has_colour = out.isatty() and not os.environ.get("NO_COLOR")
            print(told(diary, has_colour=has_colour), end="", file=out)
        out.flush()
    except BrokenPipeError:
        # Whoever was reading has read enough; nothing may complain when the interpreter leaves.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
    # How fast belongs to this machine and moment: it stands beside the story, which is the same everywhere.
    entries = diary.journal.entries
    print(f"(verified {entries:,} entries in {seconds:.3f} s: {entries / seconds:,.0f} a second)", file=sys.stderr)
    return EXIT_DONE if diary.journal.verified and diary.journal.replayed else EXIT_FAILED


if __name__ == "__main__":
    sys.exit(main())

"""Whole desks by the range of seeds, on every core, told while they run: `make seeds FIRST=1 COUNT=1000000`.

One seed alone is played here and now, with the desk's log and the traceback of what failed. A run that is stopped
says with which words it goes on, so that a long one can be made in pieces, on one machine or on several.
"""

import argparse
import logging
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple, NoReturn

from tests.simulation.test_desk import again, play, scratch

PIECE: Final = 10
TOLD_EVERY: Final = 15.0
STOPPED: Final = 130


class Piece(NamedTuple):
    """What some seeds in a row came to."""

    seeds: range
    entries: int
    failed: tuple[tuple[int, str], ...]


class Progress:
    """Counts what is done, in the order of the seeds, and says so."""

    def __init__(self, seeds: range) -> None:
        self.seeds = seeds
        self.done = 0
        self.entries = 0
        self.failed: list[int] = []
        self._began = self._told = time.monotonic()

    def take(self, piece: Piece) -> None:
        self.done += len(piece.seeds)
        self.entries += piece.entries
        for seed, error in piece.failed:
            self.failed.append(seed)
            say(f"seed {seed} FAILED: {error}\n  repeat it: {again(seed)}")
        if time.monotonic() - self._told >= TOLD_EVERY:
            self._told = time.monotonic()
            say(f"{self.counted}, {self._left} left")

    @property
    def counted(self) -> str:
        passed = time.monotonic() - self._began
        return (
            f"{self.done:,} of {len(self.seeds):,} seeds from {self.seeds.start}, {self.entries:,} entries, "
            f"{len(self.failed)} failed, {self.done / passed:.1f} seeds a second"
        )

    @property
    def _left(self) -> str:
        passed = time.monotonic() - self._began
        return str(timedelta(seconds=round(passed / self.done * (len(self.seeds) - self.done))))

    @property
    def rest(self) -> str:
        return f"FIRST={self.seeds.start + self.done} COUNT={len(self.seeds) - self.done}"


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def quiet() -> None:
    """Make a worker of a process: it writes no log, and is stopped by nobody but who started it."""
    logging.getLogger("trading_mcp").setLevel(logging.CRITICAL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def played(seeds: range, folder: str) -> Piece:
    """Play some seeds; one that fails keeps none of the others from their turn."""
    entries, failed = 0, list[tuple[int, str]]()
    for seed in seeds:
        try:
            with TemporaryDirectory(dir=folder) as own:
                entries += play(seed, Path(own))
        except Exception as error:  # noqa: BLE001 - told with the seed, which repeats it
            failed.append((seed, told(error)))
    return Piece(seeds, entries, tuple(failed))


def told(error: Exception) -> str:
    """Say where a seed failed and why, in two lines."""
    *_, place = traceback.extract_tb(error.__traceback__)
    why = "".join(traceback.format_exception_only(error)).strip()[:500]
    return f"{why}\n  {Path(place.filename).name}:{place.lineno}: {place.line}"


def pieces(seeds: range) -> Iterator[range]:
    return (seeds[at : at + PIECE] for at in range(0, len(seeds), PIECE))


def in_order(pool: ProcessPoolExecutor, seeds: range, folder: str, ahead: int) -> Iterator[Piece]:
    """Play pieces at once and give them in the order of their seeds; only as many wait as keep all cores busy."""
    waiting = deque[Future[Piece]]()
    for piece in pieces(seeds):
        waiting.append(pool.submit(played, piece, folder))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def stop(number: int, _: object) -> NoReturn:
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt(signal.strsignal(number))


def run(seeds: range, workers: int) -> int:
    """Play a range on some cores; returns what the command ends with."""
    progress, spawn = Progress(seeds), multiprocessing.get_context("spawn")
    try:
        signal.signal(signal.SIGTERM, stop)
        say(f"seeds {seeds.start} to {seeds.stop - 1} in {workers} processes")
        # One folder for all of them: whatever ends a worker, nothing stays behind.
        with scratch() as folder, ProcessPoolExecutor(workers, mp_context=spawn, initializer=quiet) as pool:
            try:
                for piece in in_order(pool, seeds, folder, ahead=4 * workers):
                    progress.take(piece)
            finally:
                pool.shutdown(cancel_futures=True)
    except (KeyboardInterrupt, BrokenProcessPool) as ended:
        say(f"stopped by {str(ended) or 'you'}: {progress.counted}\n  go on: make seeds {progress.rest}")
        return STOPPED
    say(progress.counted)
    return int(bool(progress.failed))


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.simulation.seeds", description=__doc__)
    parser.add_argument("first", type=int)
    parser.add_argument("count", type=int, nargs="?", default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    if asked.count > 1:
        return run(range(asked.first, asked.first + asked.count), asked.workers)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    with scratch() as folder:
        say(f"seed {asked.first} held: {play(asked.first, Path(folder)):,} entries")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The journal is the state: one seed writes the same bytes twice, and any prefix is the book of its moment."""

import random
from collections.abc import Callable, Sequence
from typing import Final

import pytest

from tests.simulation.averages import CAPITAL, START, rehearse
from trading_mcp.adapters.journal.memory import MemoryJournal
from trading_mcp.core import codec
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.events import AnyEvent
from trading_mcp.core.domain.evolve import replay
from trading_mcp.core.domain.mandates import Algorithm
from trading_mcp.core.domain.market import MINUTE
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import Door
from trading_mcp.core.ports import Head
from trading_mcp.core.simulation.market import SyntheticMarket
from trading_mcp.core.simulation.rehearsal import Rehearsal

MINUTES: Final = 8 * 60
SPANS: Final = {"quick": (5, 15), "calm": (20, 60)}


class Witness:
    """A journal in memory that remembers the book it stood for at the end of each minute."""

    def __init__(self) -> None:
        self.journal = MemoryJournal()
        self.seen: dict[int, Book] = {}

    def record(self, at: int, events: Sequence[AnyEvent]) -> Head:
        self.journal.append(at, events)
        return self.journal.head()

    def watch(self, desk: Rehearsal) -> None:
        self.seen[self.journal.head().seq] = desk.book

    @property
    def events(self) -> list[AnyEvent]:
        """The events as a restart reads them: out of their bytes."""
        return [entry.event for entry in self.journal.entries()]


def played(seed: int) -> Witness:
    """Eight hours of two algorithms, an edit of both, a kill switch and the exits after it."""
    witness = Witness()
    desk = rehearse(SyntheticMarket(seed), SPANS, MINUTES, witness.record, witness.watch).rehearsal
    for name in SPANS:
        edited = Algorithm(
            name=name, version="2", pairs=frozenset({"BTC-USDT"}), venues=("paper",), capital=CAPITAL, enabled=True
        )
        desk.do(c.SetAlgorithm(algorithm=edited, door=Door.CLI))
        witness.watch(desk)
    desk.do(c.Halt(door=Door.MCP, reason="the end of a test"))
    witness.watch(desk)
    desk.advance(desk.now + MINUTE)
    desk.do(c.Close(intent_id="all", door=Door.CLI, reason="the end of a test"))
    desk.advance(desk.now + MINUTE)
    witness.watch(desk)
    return witness


@pytest.fixture(scope="module")
def witness() -> Witness:
    return played(11)


def rows(witness: Witness) -> list[tuple[int, int, tuple[str, bytes], bytes]]:
    return [(entry.seq, entry.at, codec.encode(entry.event), entry.hash) for entry in witness.journal.entries()]


def test_two_runs_of_one_seed_write_the_same_bytes(witness: Witness) -> None:
    first = rows(witness)
    assert len(first) > 1_000
    assert first == rows(played(11))


def test_another_seed_is_another_history(witness: Witness) -> None:
    other = Witness()
    rehearse(SyntheticMarket(12), SPANS, 60, other.record)
    mine, theirs = rows(witness), rows(other)
    assert mine[0] == theirs[0], "the home is the same"
    assert mine[len(theirs) - 1][3] != theirs[-1][3]


def test_replay_of_any_prefix_is_the_book_of_that_moment(
    witness: Witness, sampled: Callable[[int], tuple[random.Random, int]]
) -> None:
    rng, count = sampled(40)
    events, moments = witness.events, sorted(witness.seen)
    assert moments[-1] == len(events)
    with exactly():
        for seq in (moments[0], *rng.sample(moments, min(count, len(moments))), moments[-1]):
            assert replay(events[:seq]) == witness.seen[seq], f"after entry {seq}"


def test_what_is_recorded_never_runs_back_in_time(witness: Witness) -> None:
    times = [at for _, at, _, _ in rows(witness)]
    assert times[0] == START
    assert times == sorted(times)

"""Backtest and desk decide alike: the same tape and the same wishes give the same verdicts, orders, latches, fills.

What must differ, and is not compared: the ids of orders, which commit to the journal they stand in; what only a
desk has (its starts, its comparisons with the venue, its tool calls); and when a resting order's fill is known,
since a desk leaves what rests alone for ten seconds. Here it looks with every beat.
"""

from collections import Counter
from pathlib import Path

import pytest

from tests.parity.plays import POLICY, STRICT, lived, rehearsed, script, told
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.policy import Policy

BEATS = 360


@pytest.mark.parametrize(("seed", "policy"), [(3, POLICY), (1, STRICT), (2, STRICT)])
def test_the_same_tape_gives_the_same_decisions_in_a_rehearsal_and_on_a_desk(
    seed: int, policy: Policy, tmp_path: Path
) -> None:
    asked = script(seed, BEATS)
    here, book_here = rehearsed(seed, asked, policy)
    there, book_there = lived(seed, asked, tmp_path, policy)
    for place, (mine, theirs) in enumerate(zip(told(here), told(there), strict=False)):
        assert mine == theirs, f"decision {place}"
    assert len(told(here)) == len(told(there))
    assert (book_here.portfolio, book_here.latches) == (book_there.portfolio, book_there.latches)
    seen = Counter(type(event) for event in there)
    assert min(seen[kind] for kind in (e.FillRecorded, e.ProposalOpened, e.Protected, e.CloseEnded)) >= 1
    assert policy is not STRICT or seen[e.Latched]


def test_a_tape_that_differs_is_noticed() -> None:
    asked = script(1, 60)
    one, other = rehearsed(1, asked)[0], rehearsed(4, asked)[0]
    assert told(one) == told(rehearsed(1, asked)[0])
    assert told(one) != told(other)

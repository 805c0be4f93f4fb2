"""Limits that nobody can trade under protect nobody for long: the shipped ones leave algorithms room to work."""

import time
from collections.abc import Callable
from typing import Final

import pytest

from tests.simulation.averages import rehearse
from trading_mcp.core.domain.verdict import Code
from trading_mcp.core.simulation.market import SyntheticMarket

SEED: Final = 7
DAYS: Final = 14
SPANS: Final = {
    "sma-10-30": (10, 30),
    "sma-15-45": (15, 45),
    "sma-20-60": (20, 60),
    "sma-30-90": (30, 90),
    "sma-50-200": (50, 200),
}
ENTRIES_MIN: Final = 20


@pytest.mark.proves("T2")
@pytest.mark.slow
def test_five_algorithms_on_ten_pairs_get_what_each_would_get_alone(
    record_property: Callable[[str, object], None],
) -> None:
    """Two weeks of every minute under policies/simulated.toml: nothing is sampled but the seed.

    The limits count per algorithm where no money is real, so company costs none of them an entry. What the
    limits cost each of them even alone is the tempo: ten pairs move together, and five entries in five minutes
    are fewer than ten averages that cross in the same quarter of an hour. The printed line says how many.
    """
    begun, busy = time.perf_counter(), time.process_time()
    market = SyntheticMarket(SEED)
    alone = {name: rehearse(market, {name: spans}, DAYS * 1440) for name, spans in SPANS.items()}
    together = rehearse(market, SPANS, DAYS * 1440)
    seconds, of_cpu = time.perf_counter() - begun, time.process_time() - busy
    figures = ", ".join(
        f"{name} {together.entries[name]:,} of {run.entries[name]:,} alone, {run.wanted[name]:,} wanted"
        for name, run in alone.items()
    )
    record_property(
        "sampled", f"seed {SEED}, {DAYS} days, ten pairs, {seconds:.0f} s ({of_cpu:.0f} s of one core): {figures}"
    )
    for name, run in alone.items():
        assert run.entries[name] >= ENTRIES_MIN, (name, run.denied)
        assert together.entries[name] >= ENTRIES_MIN, (name, together.denied)
        # At least 95 % of what it gets alone, and no limit but the tempo says no to either.
        assert together.entries[name] * 100 >= run.entries[name] * 95, (name, together.denied)
        assert run.entries[name] + run.denied[name, Code.RATE_GLOBAL] == run.wanted[name]
    assert {code for _, code in together.denied} == {Code.RATE_GLOBAL}
    assert not together.rehearsal.book.latches

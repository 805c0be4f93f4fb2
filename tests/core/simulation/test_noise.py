"""The walks: integer, repeatable, joined without seams, and shaped like prices."""

import itertools
from decimal import Decimal, getcontext

from hypothesis import given
from hypothesis import strategies as st

from trading_mcp.core.simulation.noise import OCTAVE, Memo, Noise, Regime, Walk, bell, bridge, grown

BLOCKS = st.integers(-(10**7), 10**7)


def test_a_digest_belongs_to_its_seed_name_and_index() -> None:
    digests = {Noise(seed, name).digest(index) for seed in (1, 2) for name in ("a", "b") for index in (-1, 0, 1)}
    assert len(digests) == 12
    assert Noise(1, "a").digest(5) == Noise(1, "a").digest(5)


def test_a_draw_is_the_sum_of_four_bytes_around_zero() -> None:
    digest = bytes(range(64))
    assert bell(digest) == tuple(sum(digest[place : place + 4]) - 510 for place in range(0, 64, 4))
    assert set(bell(b"\xff" * 64)) == {510}
    assert set(bell(b"\x00" * 64)) == {-510}


def test_draws_have_the_deviation_that_is_claimed() -> None:
    draws = [draw for index in range(2000) for draw in bell(Noise(3, "x").digest(index))]
    mean = sum(draws) / len(draws)
    deviation = (sum((draw - mean) ** 2 for draw in draws) / len(draws)) ** 0.5
    assert abs(mean) < 3
    assert 145 < deviation < 151


@given(st.integers(-(10**12), 10**12), st.integers(-(10**12), 10**12), st.lists(st.integers(-9, 9), min_size=1))
def test_a_bridge_arrives(start: int, end: int, steps: list[int]) -> None:
    points = bridge(start, end, steps)
    assert (points[0], points[-1], len(points)) == (start, end, len(steps) + 1)


@given(BLOCKS)
def test_blocks_join_without_a_seam(block: int) -> None:
    walk = Walk(1, "x", 4_000_000)
    assert walk.points(block)[-1] == walk.points(block + 1)[0]
    assert len(walk.points(block)) == 17


@given(st.lists(BLOCKS, max_size=20), BLOCKS)
def test_what_was_asked_before_changes_no_answer(before: list[int], block: int) -> None:
    used = Walk(1, "x", 4_000_000)
    for earlier in before:
        used.points(earlier)
    fresh = Walk(1, "x", 4_000_000)
    assert used.points(block) == fresh.points(block)
    assert used.heat(block) == fresh.heat(block)
    assert used.regime(block) is fresh.regime(block)


def test_a_full_memory_forgets_and_answers_the_same() -> None:
    asked: list[int] = []

    def answer(key: int) -> int:
        asked.append(key)
        return key * key

    memo = Memo(answer, 2)
    assert [memo(key) for key in (1, 2, 2, 3, 1)] == [1, 4, 4, 9, 1]
    assert asked == [1, 2, 3, 1]


def test_regimes_last_hours_to_days_and_all_of_them_come() -> None:
    walk = Walk(5, "x", 4_000_000)
    cells = [walk.regime(cell * 16) for cell in range(4000)]  # each 256 minutes
    changes = sum(1 for before, after in itertools.pairwise(cells) if before is not after)
    assert set(cells) == set(Regime)
    hours = len(cells) * 256 / 60 / changes
    assert 12 < hours < 48


def test_a_wild_regime_moves_more_than_a_range() -> None:
    walk = Walk(5, "x", 4_000_000)
    moves: dict[Regime, list[int]] = {regime: [] for regime in Regime}
    for cell in range(600):
        values = walk.points(cell * 16)
        moves[walk.regime(cell * 16)].extend(abs(after - before) for before, after in itertools.pairwise(values))
    mean = {regime: sum(values) / len(values) for regime, values in moves.items()}
    assert mean[Regime.WILD] > 1.6 * mean[Regime.TREND] > 1.6 * mean[Regime.RANGE] * 0.95


@given(st.integers(-20 * OCTAVE, 20 * OCTAVE))
def test_a_price_grows_as_powers_of_two_do(octaves: int) -> None:
    getcontext().prec = 40
    exact = 10**9 * Decimal(2) ** (Decimal(octaves) / OCTAVE)
    assert abs(grown(10**9, octaves) - exact) <= exact / 10**6 + 1


@given(st.integers(-3 * OCTAVE, 3 * OCTAVE), st.integers(0, OCTAVE // 1000))
def test_a_price_never_falls_when_its_logarithm_rises(octaves: int, more: int) -> None:
    assert grown(10**9, octaves + more) >= grown(10**9, octaves)


def test_a_price_is_at_least_one_step() -> None:
    assert grown(5, -40 * OCTAVE) == 1
    assert grown(5, 50 * OCTAVE) == 5 << 50

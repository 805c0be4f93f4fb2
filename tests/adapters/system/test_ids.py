"""What nobody may guess is never the same twice, and a test's is the same for its seed."""

from trading_mcp.adapters.system.ids import SeededIds, SystemIds


def test_nonces_are_never_the_same_twice() -> None:
    ids = SystemIds()
    drawn = {ids.nonce() for _ in range(1_000)}
    assert len(drawn) == 1_000
    assert {len(nonce) for nonce in drawn} == {32}
    assert len(ids.seed()) == 32


def test_a_seed_repeats_them() -> None:
    first, again, other = SeededIds(7), SeededIds(7), SeededIds(8)
    drawn = [first.nonce() for _ in range(100)]
    assert [again.nonce() for _ in range(100)] == drawn
    assert len(set(drawn)) == 100
    assert other.nonce() not in drawn
    assert len(first.seed(5)) == 5

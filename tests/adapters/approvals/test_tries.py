"""Five wrong tries lock, and nothing but time unlocks."""

from pathlib import Path
from typing import Any, cast

import pytest

from tests.adapters.approvals.files import guess, locked
from tests.adapters.approvals.room import MINE, NOW, keystore
from trading_mcp.adapters.approvals.keystore import Keystore
from trading_mcp.adapters.system.clock import VirtualClock
from trading_mcp.core.domain.market import MINUTE
from trading_mcp.errors import PassphraseRefused


def test_the_fifth_wrong_try_says_that_it_locks(store: Keystore) -> None:
    said: list[str] = []
    for _ in range(5):
        with pytest.raises(PassphraseRefused) as caught:
            store.unlock("not the passphrase")
        said.append(caught.value.next_step)
    assert [text[:1] for text in said[:4]] == ["4", "3", "2", "1"]
    assert said[4] == "The key is locked for 15 minutes."


def test_five_wrong_tries_lock_for_fifteen_minutes_even_the_right_passphrase(
    store: Keystore, clock: VirtualClock
) -> None:
    guess(store, 5)
    assert locked(store) == (
        "Five wrong passphrases have locked the key for 15 more minutes. "
        "Wait; nothing that is proposed is lost by waiting."
    )
    clock.advance(5 * MINUTE)
    assert "10 more minutes" in locked(store)
    clock.advance(10 * MINUTE - 1)
    assert "1 more minutes" in locked(store)
    clock.advance(1)
    assert store.unlock(MINE)


def test_after_the_lock_there_are_five_tries_again(store: Keystore, clock: VirtualClock) -> None:
    guess(store, 5)
    clock.advance(15 * MINUTE)
    with pytest.raises(PassphraseRefused, match="4 of 5"):
        store.unlock("not the passphrase")


def test_a_right_passphrase_after_four_wrong_ones_forgets_them(store: Keystore) -> None:
    guess(store, 4)
    store.unlock(MINE)
    guess(store, 4)
    assert store.unlock(MINE)


def test_a_restart_does_not_open_the_lock(store: Keystore, folder: Path, clock: VirtualClock) -> None:
    guess(store, 5)
    assert "15 more minutes" in locked(keystore(folder, clock))


def test_tries_of_several_programs_count_together(store: Keystore, folder: Path, clock: VirtualClock) -> None:
    guess(store, 3)
    guess(keystore(folder, clock), 2)
    assert "15 more minutes" in locked(store)


@pytest.mark.parametrize("wall", [0, NOW + 60 * MINUTE])
def test_setting_the_clock_does_not_open_the_lock(store: Keystore, clock: VirtualClock, wall: int) -> None:
    guess(store, 5)
    clock.set_wall(wall)
    assert "15 more minutes" in locked(store)


def test_after_a_reboot_the_wall_is_asked(store: Keystore, folder: Path) -> None:
    guess(store, 5)
    assert "5 more minutes" in locked(keystore(folder, VirtualClock(NOW + 10 * MINUTE, boot=0)))
    assert keystore(folder, VirtualClock(NOW + 15 * MINUTE, boot=0)).unlock(MINE)


def test_a_boot_clock_that_stands_where_it_stood_is_no_reboot(store: Keystore, clock: VirtualClock) -> None:
    guess(store, 5)
    clock.set_wall(NOW + 15 * MINUTE)
    assert "15 more minutes" in locked(store)


@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff", b'{"boot":0,"now":0,"wrong":-1}'])
def test_a_count_that_was_taken_away_or_spoiled_locks(
    store: Keystore, folder: Path, clock: VirtualClock, content: bytes | None
) -> None:
    tries = folder / "tries.json"
    tries.unlink() if content is None else tries.write_bytes(content)
    assert "15 more minutes" in locked(store)
    clock.advance(15 * MINUTE)
    assert store.unlock(MINE)


def test_a_try_counts_before_it_is_made(store: Keystore) -> None:
    # What is no text at all fails in the middle of a guess, as a program does that is ended there.
    for _ in range(5):
        with pytest.raises(TypeError):
            store.unlock(cast("Any", None))
    assert "15 more minutes" in locked(store)

"""The key is sealed, opens for the right passphrase alone, and signs once."""

import pickle
from pathlib import Path

import pytest

from tests.adapters.approvals.files import key_file, sealed_in
from tests.adapters.approvals.room import MINE, NOW, THEIRS, keystore
from trading_mcp.adapters.approvals.approver import (
    fingerprint_of,
    is_signed,
)
from trading_mcp.adapters.approvals.keystore import SHIPPED, Cost, Keystore, SealedKey, UnlockedKey
from trading_mcp.adapters.approvals.words import generated, require_strong, spelled, word_list
from trading_mcp.adapters.system.clock import VirtualClock
from trading_mcp.errors import ApproverError, ApproverMissing, ApproverUnusable, PassphraseRefused
from trading_mcp.redact import redacted


def test_what_is_shipped_costs_a_guess_128_mib() -> None:
    assert Cost(n=2**17, r=8, p=1) == SHIPPED
    assert 128 * SHIPPED.n * SHIPPED.r == 128 * 2**20


def test_the_shipped_cost_is_the_one_that_is_used_unless_a_test_says_otherwise(
    folder: Path, clock: VirtualClock
) -> None:
    store = Keystore(folder, clock)
    store.enroll(MINE)
    assert sealed_in(folder).cost == SHIPPED
    assert store.unlock(MINE).public == sealed_in(folder).public


def test_nobody_has_enrolled_at_first(folder: Path, clock: VirtualClock) -> None:
    store = keystore(folder, clock)
    assert store.approver() is None
    with pytest.raises(ApproverMissing, match=r"^Nobody has enrolled as the approver\. Run `trading-mcp approver"):
        store.unlock(MINE)
    with pytest.raises(ApproverMissing):
        store.replace(MINE, THEIRS)
    assert not folder.exists()


def test_an_empty_folder_has_no_approver_either(folder: Path, clock: VirtualClock) -> None:
    folder.mkdir(mode=0o700, parents=True)
    with pytest.raises(ApproverMissing):
        keystore(folder, clock).unlock(MINE)


def test_what_is_enrolled_is_pinned_and_can_sign(store: Keystore, clock: VirtualClock, folder: Path) -> None:
    approver = store.approver()
    assert approver is not None
    assert (approver.enrolled_at, approver.handovers) == (NOW, ())
    again = keystore(folder, clock).unlock(MINE)
    assert again.public == approver.public
    assert is_signed(approver.public, b"message", again.sign(b"message"))


def test_the_fingerprint_is_read_by_eye_and_passes_the_redactor(store: Keystore) -> None:
    approver = store.approver()
    assert approver is not None
    assert fingerprint_of(b"") == "e3b0-c442-98fc-1c14-9afb-f4c8-996f-b924"
    assert approver.fingerprint == fingerprint_of(approver.public)
    assert redacted(approver.fingerprint) == approver.fingerprint


def test_a_first_key_exists_only_while_there_is_none(store: Keystore, folder: Path) -> None:
    before = key_file(folder).read_bytes()
    with pytest.raises(ApproverUnusable, match=r"^An approver has enrolled already\. Replace the key with `tr"):
        store.enroll(THEIRS)
    assert key_file(folder).read_bytes() == before


def test_a_crash_before_the_pin_leaves_a_first_enrolment_possible(folder: Path, clock: VirtualClock) -> None:
    store = keystore(folder, clock)
    store.enroll(MINE)
    (folder / "approver.json").unlink()
    store.enroll(THEIRS)
    assert store.unlock(THEIRS)


def test_the_key_signs_once(store: Keystore) -> None:
    key = store.unlock(MINE)
    key.sign(b"one")
    with pytest.raises(PassphraseRefused, match=r"^The key has signed once and is locked again\. Type the pass"):
        key.sign(b"two")


def test_files_and_folder_are_private(store: Keystore, folder: Path) -> None:
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.name for file in folder.iterdir()} == {"approver.json", "tries.json", key_file(folder).name}
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}


def test_every_seal_has_a_salt_and_a_nonce_of_its_own(tmp_path: Path) -> None:
    seals: list[SealedKey] = []
    for name in ("a", "b"):
        keystore(tmp_path / name).enroll(MINE)
        seals.append(sealed_in(tmp_path / name))
    first, second = seals
    assert (len(first.salt), len(first.nonce), len(first.sealed)) == (32, 12, 48)
    assert {first.salt, first.nonce, first.public}.isdisjoint({second.salt, second.nonce, second.public})


@pytest.mark.parametrize("passphrase", [MINE[:-1], MINE.upper(), "", "\x00", "a" * 5_000])
def test_another_passphrase_opens_nothing(store: Keystore, passphrase: str) -> None:
    with pytest.raises(
        PassphraseRefused, match=r"^That is not the passphrase\. 4 of 5 tries are left before the key is locked"
    ):
        store.unlock(passphrase)


@pytest.mark.parametrize("typed", [f"  {MINE}\t", MINE.replace(" ", "   "), f"{MINE}\r"])
def test_spaces_around_and_between_the_words_do_not_count(store: Keystore, typed: str) -> None:
    assert store.unlock(typed)


def test_a_letter_is_the_same_however_a_keyboard_composes_it() -> None:
    assert spelled("caf\u0065\u0301 canary") == spelled("caf\u00e9 canary") == "caf\u00e9 canary".encode()
    assert spelled("\udc80") == b"\xed\xb2\x80"


@pytest.mark.parametrize("passphrase", ["", "eleven char", " " * 40, "x" * 1_025])
def test_a_new_passphrase_that_is_too_short_or_too_long_is_refused(
    folder: Path, clock: VirtualClock, passphrase: str
) -> None:
    with pytest.raises(PassphraseRefused, match=r"^A passphrase has 12 to 1024 characters\. Take the four words"):
        keystore(folder, clock).enroll(passphrase)
    assert not folder.exists()


@pytest.mark.parametrize("passphrase", ["twelve chars", "x" * 1_024])
def test_a_new_passphrase_at_the_bounds_will_do(passphrase: str) -> None:
    require_strong(passphrase)


def test_the_words_are_many_short_plain_and_different() -> None:
    words = word_list()
    assert len(words) >= 2_048
    assert len(set(words)) == len(words)
    assert all(word.isascii() and word.isalpha() and word.islower() and 3 <= len(word) <= 8 for word in words)


def test_four_words_are_drawn_and_never_the_same_ones() -> None:
    drawn = {generated() for _ in range(50)}
    assert len(drawn) == 50
    for passphrase in drawn:
        require_strong(passphrase)
        assert len(passphrase.split(" ")) == 4
        assert set(passphrase.split(" ")) <= set(word_list())


def test_no_secret_is_in_a_name_a_text_or_a_file(store: Keystore, folder: Path) -> None:
    key = store.unlock(MINE)
    assert key._private is not None
    seed = key._private.private_bytes_raw()
    texts = [repr(key), str(key), repr(store), repr(store.approver()), f"{vars(store)}"]
    for act in (
        lambda: store.unlock("canary-wrong passphrase"),
        lambda: store.enroll("canary-wrong passphrase"),
        lambda: store.replace("canary-wrong passphrase", "canary-new passphrase"),
        lambda: store.enroll("canary"),
    ):
        with pytest.raises(ApproverError) as caught:
            act()
        error = caught.value
        texts += [str(error), repr(error), repr(error.__cause__), repr(error.args)]
    files = b"".join(file.read_bytes() for file in folder.iterdir())
    for text in texts:
        assert "canary" not in text
        assert seed.hex() not in text
    for secret in (seed, MINE.encode(), seed.hex().encode(), b"canary"):
        assert secret not in files


def test_an_unlocked_key_does_not_leave_its_process(store: Keystore) -> None:
    key: UnlockedKey = store.unlock(MINE)
    assert repr(key) == "UnlockedKey()"
    with pytest.raises(TypeError, match=r"^an unlocked key stays in the process that unlocked it$"):
        pickle.dumps(key)

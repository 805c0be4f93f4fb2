"""A key makes way for another in its own hand, or is a stranger's."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.adapters.approvals.files import guess, key_file
from tests.adapters.approvals.room import MINE, NOW, THEIRS, keystore
from trading_mcp.adapters.approvals.approver import (
    HANDOVERS_KEPT,
    Handover,
    Standing,
    handover_message,
    standing,
    write_pin,
)
from trading_mcp.adapters.approvals.keystore import Keystore
from trading_mcp.adapters.approvals.private import SIZE_MAX
from trading_mcp.adapters.system.clock import VirtualClock
from trading_mcp.core.domain.market import MINUTE
from trading_mcp.errors import PassphraseRefused


def test_replacing_needs_the_old_key(store: Keystore, folder: Path) -> None:
    before = store.approver()
    with pytest.raises(PassphraseRefused):
        store.replace(THEIRS, "a whole new passphrase")
    assert store.approver() == before
    guess(store, 4)
    with pytest.raises(PassphraseRefused, match="locked the key"):
        store.replace(MINE, "a whole new passphrase")


def test_a_new_passphrase_is_looked_at_before_the_old_key_is_opened(store: Keystore) -> None:
    with pytest.raises(PassphraseRefused, match="12 to 1024"):
        store.replace(MINE, "short")


def test_the_key_that_was_replaced_signs_nothing_more(store: Keystore, folder: Path, clock: VirtualClock) -> None:
    before = store.approver()
    clock.advance(MINUTE)
    after = store.replace(MINE, THEIRS)
    assert before is not None
    assert (after, after.enrolled_at) == (store.approver(), NOW + MINUTE)
    assert after.public != before.public
    assert len(list(folder.glob("*.key"))) == 1
    assert store.unlock(THEIRS).public == after.public
    with pytest.raises(PassphraseRefused):
        store.unlock(MINE)


def test_a_crash_before_the_new_pin_leaves_the_old_key_in_force(
    store: Keystore, folder: Path, clock: VirtualClock
) -> None:
    pin = (folder / "approver.json").read_bytes()
    old = key_file(folder).read_bytes()
    name = key_file(folder).name
    store.replace(MINE, THEIRS)
    (folder / "approver.json").write_bytes(pin)
    (folder / name).write_bytes(old)
    (folder / name).chmod(0o600)
    assert store.unlock(MINE)
    with pytest.raises(PassphraseRefused):
        store.unlock(THEIRS)


def test_each_key_follows_those_before_it_and_no_other(store: Keystore, clock: VirtualClock) -> None:
    chain = [store.approver()]
    for passphrase, following in ((MINE, THEIRS), (THEIRS, MINE)):
        chain.append(store.replace(passphrase, following))
    first, second, third = (item for item in chain if item is not None)
    assert third.follows(first.fingerprint)
    assert third.follows(second.fingerprint)
    assert second.follows(first.fingerprint)
    assert not third.follows(third.fingerprint)
    assert not first.follows(third.fingerprint)
    assert not third.follows("")


def test_how_a_pin_stands_to_what_a_home_has_recorded(store: Keystore, tmp_path: Path) -> None:
    first = store.approver()
    second = store.replace(MINE, THEIRS)
    stranger = keystore(tmp_path / "thief").enroll(THEIRS)
    assert first is not None
    assert [
        standing(None, ""),
        standing(None, first.fingerprint),
        standing(first, ""),
        standing(first, first.fingerprint),
        standing(second, first.fingerprint),
        standing(first, second.fingerprint),
        standing(stranger, first.fingerprint),
    ] == [
        Standing.NOBODY,
        Standing.STRANGER,
        Standing.FIRST,
        Standing.SAME,
        Standing.SUCCESSOR,
        Standing.STRANGER,
        Standing.STRANGER,
    ]


def test_a_handover_that_the_old_key_did_not_sign_leads_nowhere(store: Keystore, tmp_path: Path) -> None:
    old = store.approver()
    thief = keystore(tmp_path / "thief")
    stranger = thief.enroll(THEIRS)
    assert old is not None
    own = thief.unlock(THEIRS).sign(handover_message(old.public, stranger.public, NOW))
    real = store.unlock(MINE).sign(handover_message(old.public, old.public, NOW))
    for at, signature in ((NOW, own), (NOW, real), (NOW, b""), (-1, own), (2**63, own)):
        handover = Handover(before=old.public, after=stranger.public, at=at, signature=signature)
        assert not replace(stranger, handovers=(handover,)).follows(old.fingerprint)
    elsewhere = Handover(before=old.public, after=old.public, at=NOW, signature=real)
    assert elsewhere.holds
    assert not replace(stranger, handovers=(elsewhere,)).follows(old.fingerprint)
    late = Handover(before=old.public, after=old.public, at=NOW + 1, signature=real)
    assert not late.holds


def test_handovers_are_kept_to_a_bound(store: Keystore, folder: Path) -> None:
    approver = store.approver()
    assert approver is not None
    many = tuple(
        Handover(before=approver.public, after=approver.public, at=number, signature=b"")
        for number in range(HANDOVERS_KEPT)
    )
    write_pin(folder / "approver.json", replace(approver, handovers=many))
    after = store.replace(MINE, THEIRS)
    assert [handover.at for handover in after.handovers] == [*range(1, HANDOVERS_KEPT), NOW]
    assert (folder / "approver.json").stat().st_size < SIZE_MAX

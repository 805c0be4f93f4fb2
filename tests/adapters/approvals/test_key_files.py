"""Files that are damaged, foreign or open to others are told apart, each with one clear sentence."""

import fcntl
import hashlib
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from tests.adapters.approvals.files import flip, guess, key_file, rewrite
from tests.adapters.approvals.room import CHEAP, MINE, THEIRS, keystore
from trading_mcp.adapters.approvals import keystore as module
from trading_mcp.adapters.approvals.approver import Approver
from trading_mcp.adapters.approvals.keystore import Cost, Keystore, SealedKey
from trading_mcp.adapters.approvals.private import SIZE_MAX, alone_in
from trading_mcp.adapters.system.clock import VirtualClock
from trading_mcp.core.canonical import canonical
from trading_mcp.errors import ApproverUnusable, PassphraseRefused


def spoiled(content: bytes) -> list[bytes]:
    return [
        content[: len(content) // 2],
        b"",
        b"\xff" + content,
        b"[]",
        content.replace(b"approver-key/1", b"approver-key/2"),
        content[:-1] + b',"more":1}',
        content + b"\n",
    ]


def test_a_damaged_key_file_is_told_from_a_wrong_passphrase(store: Keystore, folder: Path) -> None:
    place = key_file(folder)
    for content in spoiled(place.read_bytes()):
        place.write_bytes(content)
        with pytest.raises(ApproverUnusable) as caught:
            store.unlock(MINE)
        assert str(caught.value) == f"{place} is damaged. Bring it back from your backup."
    assert msgspec.json.decode((folder / "tries.json").read_bytes())["wrong"] == 0


def test_no_flipped_bit_of_the_key_file_goes_unnoticed(store: Keystore, folder: Path) -> None:
    place = key_file(folder)
    content = place.read_bytes()
    for at in range(len(content)):
        place.write_bytes(flip(content, at))
        with pytest.raises(ApproverUnusable):
            store.unlock(MINE)


def test_a_key_file_of_another_format_is_damaged_even_if_it_says_it_is_whole(store: Keystore, folder: Path) -> None:
    rewrite(folder, format="trading-mcp/approver-key/2")
    with pytest.raises(ApproverUnusable, match=r"is damaged\."):
        store.unlock(MINE)


def test_a_key_file_is_found_by_a_name_that_does_not_change(store: Keystore, folder: Path) -> None:
    approver = store.approver()
    assert approver is not None
    assert key_file(folder).name == f"{hashlib.sha256(approver.public).hexdigest()[:32]}.key"


def test_a_missing_key_file_says_so(store: Keystore, folder: Path) -> None:
    key_file(folder).unlink()
    with pytest.raises(ApproverUnusable, match=r"\.key is missing\. Bring it back from your backup\.$"):
        store.unlock(MINE)


def test_the_key_file_of_somebody_else_is_not_the_pinned_one(store: Keystore, folder: Path, tmp_path: Path) -> None:
    keystore(tmp_path / "thief").enroll(THEIRS)
    key_file(folder).write_bytes(key_file(tmp_path / "thief").read_bytes())
    with pytest.raises(ApproverUnusable, match=r"\.key holds another key than the pinned approver's\."):
        store.unlock(THEIRS)


def test_a_seal_around_another_key_is_noticed_after_it_is_opened(store: Keystore, folder: Path) -> None:
    # Made with the real passphrase, as an old backup under the present name would be.
    approver = store.approver()
    assert approver is not None
    store._keep(Ed25519PrivateKey.generate(), MINE)
    (stranger,) = [file for file in folder.glob("*.key") if file != store._path(approver.public)]
    other = msgspec.json.decode(stranger.read_bytes(), type=SealedKey)
    header = replace(other, public=approver.public)
    cipher = module.AESGCM(module._derived(header, MINE))
    sealed = cipher.encrypt(header.nonce, bytes(32), header.header)
    whole = replace(header, sealed=sealed)
    store._path(approver.public).write_bytes(canonical(replace(whole, check=whole.digest)))
    with pytest.raises(ApproverUnusable, match=r"\.key holds another key than the pinned approver's\."):
        store.unlock(MINE)


@pytest.mark.parametrize(
    "changes",
    [
        {"cost": Cost(n=2**3)},
        {"cost": Cost(n=2**4 + 1)},
        {"cost": Cost(n=2**21)},
        {"cost": Cost(n=0)},
        {"cost": Cost(n=-(2**4))},
        {"cost": Cost(n=2**4, r=9)},
        {"cost": Cost(n=2**4, p=2)},
        {"salt": bytes(31)},
        {"nonce": bytes(11)},
    ],
)
def test_a_key_file_with_other_parameters_is_not_opened(
    store: Keystore, folder: Path, changes: dict[str, Any]
) -> None:
    rewrite(folder, **changes)
    with pytest.raises(ApproverUnusable, match=r"was not sealed by this program\."):
        store.unlock(MINE)


def test_the_shipped_store_opens_no_cheap_seal(store: Keystore, folder: Path, clock: VirtualClock) -> None:
    with pytest.raises(ApproverUnusable, match="was not sealed by this program"):
        Keystore(folder, clock).unlock(MINE)


@pytest.mark.parametrize("n", [2**4, 2**20])
def test_a_dearer_seal_up_to_a_bound_is_believed(n: int) -> None:
    sealed = SealedKey(cost=Cost(n=n), salt=bytes(32), nonce=bytes(12), public=bytes(32))
    assert module._is_plausible(sealed, CHEAP)


def test_every_part_of_the_header_is_bound_by_the_seal(store: Keystore, folder: Path) -> None:
    for changes in ({"cost": Cost(n=2**5)}, {"salt": bytes(32)}, {"nonce": bytes(12)}, {"sealed": bytes(48)}):
        before = key_file(folder).read_bytes()
        rewrite(folder, **changes)
        with pytest.raises(PassphraseRefused):
            store.unlock(MINE)
        key_file(folder).write_bytes(before)
        assert store.unlock(MINE)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o610, 0o601, 0o620, 0o602])
@pytest.mark.parametrize("name", ["approver.json", "*.key", "tries.json"])
def test_a_file_that_others_can_open_is_refused_with_the_way_to_close_it(
    store: Keystore, folder: Path, name: str, mode: int
) -> None:
    (place,) = folder.glob(name)
    place.chmod(mode)
    with pytest.raises(ApproverUnusable) as caught:
        store.unlock(MINE)
    assert str(caught.value) == (
        f"{place} can be opened by other users (mode {mode:04o}). Close it to them: chmod 600 '{place}'."
    )


def test_a_folder_that_others_can_open_is_refused(store: Keystore, folder: Path) -> None:
    folder.chmod(0o750)
    for act in (store.approver, lambda: store.unlock(MINE), lambda: store.enroll(THEIRS)):
        with pytest.raises(ApproverUnusable, match=rf"\(mode 0750\)\. Close it to them: chmod 700 '{folder}'\.$"):
            act()


def test_a_folder_that_is_a_link_or_a_file_is_refused(folder: Path, clock: VirtualClock, tmp_path: Path) -> None:
    folder.parent.mkdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "elsewhere")
    for _ in range(2):
        with pytest.raises(ApproverUnusable, match=r"is not a folder\. Put a folder of yours there, not a link\.$"):
            keystore(folder, clock).enroll(MINE)
        with pytest.raises(ApproverUnusable, match="is not a folder"):
            keystore(folder, clock).approver()
        folder.unlink()
        folder.write_bytes(b"")


def test_a_link_to_nowhere_is_no_folder_either(folder: Path, clock: VirtualClock) -> None:
    folder.parent.mkdir()
    folder.symlink_to("nowhere")
    with pytest.raises(ApproverUnusable, match="is not a folder"):
        keystore(folder, clock).enroll(MINE)
    with pytest.raises(ApproverUnusable, match="is not a folder"):
        keystore(folder, clock).approver()


@pytest.mark.parametrize("name", ["approver.json", "*.key", "tries.json"])
def test_a_file_that_is_a_link_or_no_file_is_refused(store: Keystore, folder: Path, name: str) -> None:
    (place,) = folder.glob(name)
    kept = place.rename(folder / "kept")
    place.symlink_to(kept)
    with pytest.raises(ApproverUnusable, match=r"cannot be opened \(.+\)\. It must be an ordinary file of yours\.$"):
        store.unlock(MINE)
    place.unlink()
    os.mkfifo(place, 0o600)
    with pytest.raises(ApproverUnusable, match=r"is not an ordinary file\. Put an ordinary file of yours there, not"):
        store.unlock(MINE)


def test_a_file_of_another_user_is_refused(store: Keystore, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
    with pytest.raises(ApproverUnusable, match=r"belongs to another user\. Sign as the user whose key it is\.$"):
        store.unlock(MINE)


def test_a_file_that_is_far_too_large_is_refused(store: Keystore, folder: Path) -> None:
    place = key_file(folder)
    place.write_bytes(b" " * SIZE_MAX)
    with pytest.raises(ApproverUnusable, match="is damaged"):
        store.unlock(MINE)
    place.write_bytes(b" " * (SIZE_MAX + 1))
    with pytest.raises(ApproverUnusable, match=r"is too large to be ours\. Bring it back from your backup\.$"):
        store.unlock(MINE)


def test_a_draft_that_a_crash_left_behind_or_somebody_placed_is_not_written_through(
    store: Keystore, folder: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"mine")
    (folder / "tries.json.new").symlink_to(target)
    guess(store, 1)
    assert target.read_bytes() == b"mine"
    assert not (folder / "tries.json").is_symlink()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"{}",
        canonical(Approver(public=bytes(32), enrolled_at=0)) + b"\n",
        canonical(Approver(public=bytes(31), enrolled_at=0)),
        canonical(Approver(public=bytes(33), enrolled_at=0)),
        canonical(Approver(format="trading-mcp/approver/2", public=bytes(32), enrolled_at=0)),
    ],
)
def test_a_damaged_pin_is_no_approver(store: Keystore, folder: Path, content: bytes) -> None:
    pin = folder / "approver.json"
    pin.write_bytes(content)
    for act in (store.approver, lambda: store.unlock(MINE), lambda: store.enroll(THEIRS)):
        with pytest.raises(ApproverUnusable) as caught:
            act()
        assert str(caught.value) == f"{pin} is damaged or is not an approver's file. Bring it back from your backup."


def test_only_one_program_at_a_time_is_in_the_folder(store: Keystore, folder: Path) -> None:
    # A lock belongs to what was opened, so that a second opening stands for a second program.
    second = os.open(folder, os.O_RDONLY)
    with alone_in(folder), pytest.raises(BlockingIOError):
        fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(second)
    assert store.unlock(MINE)

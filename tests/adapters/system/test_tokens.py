"""Tokens are shown once, known again by a hash alone, taken back at once, and kept where nobody else can look."""

import json
import os
import threading
from pathlib import Path

import pytest

from tests.places import as_root, nobody
from trading_mcp.adapters.system.clock import SystemClock
from trading_mcp.adapters.system.tokens import FILE, PREFIX, TOKENS_MAX, Token, Tokens
from trading_mcp.errors import HomeUnsafe, HomeUnusable, UsageInvalid

_ = nobody


def tokens(folder: Path) -> Tokens:
    return Tokens(folder, SystemClock())


def test_a_token_is_known_again_and_no_other_is(tmp_path: Path) -> None:
    ours = tokens(tmp_path)
    laptop, scripts = ours.make("laptop", "reader"), ours.make("scripts", "trader")
    found = tokens(tmp_path).holder(laptop)
    assert found is not None
    assert (found.name, found.role) == ("laptop", "reader")
    assert [each.name for each in ours.all()] == ["laptop", "scripts"]
    for wrong in ("", PREFIX, laptop[:-1], f"{laptop}x", laptop.upper(), found.sha256, "x" * 100_000, "é", "\udcff"):
        assert ours.holder(wrong) is None
    assert len({laptop, scripts}) == 2
    assert len(laptop) >= len(PREFIX) + 43  # 256 bits


def test_what_is_kept_is_private_and_opens_nothing(tmp_path: Path) -> None:
    os.umask(0o000)
    secret = tokens(tmp_path).make("laptop", "reader")
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert FILE in [path.name for path in written]
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in written)
    assert not any(secret.removeprefix(PREFIX) in path.read_text() for path in written)
    os.umask(0o077)


def test_a_token_that_was_taken_back_is_worth_nothing_also_to_who_knew_it(tmp_path: Path) -> None:
    ours, desks = tokens(tmp_path), tokens(tmp_path)
    secret = ours.make("laptop", "trader")
    assert desks.holder(secret) is not None
    assert ours.revoke("laptop").role == "trader"
    assert desks.holder(secret) is None
    again = ours.make("laptop", "reader")
    assert desks.holder(secret) is None
    assert desks.holder(again) is not None


@pytest.mark.parametrize(
    ("name", "role", "words"),
    [
        ("laptop", "reader", "There is a token named laptop already"),
        ("Laptop", "reader", "cannot be the name of a token"),
        ("", "reader", "cannot be the name of a token"),
        ("x" * 33, "reader", "cannot be the name of a token"),
        ("other", "owner", "Write --role reader or --role trader"),
        ("other", "Reader", "Write --role reader or --role trader"),
    ],
)
def test_what_cannot_be_made_is_refused(tmp_path: Path, name: str, role: str, words: str) -> None:
    ours = tokens(tmp_path)
    ours.make("laptop", "reader")
    with pytest.raises(UsageInvalid, match=words):
        ours.make(name, role)
    assert len(ours.all()) == 1


def test_there_are_only_so_many_and_only_what_is_there_is_taken_back(tmp_path: Path) -> None:
    ours = tokens(tmp_path)
    for number in range(TOKENS_MAX):
        ours.make(f"t{number}", "reader")
    with pytest.raises(UsageInvalid, match=f"There are {TOKENS_MAX} tokens; {TOKENS_MAX} is the most"):
        ours.make("more", "reader")
    with pytest.raises(UsageInvalid, match="There is no token named 'nobody'"):
        ours.revoke("nobody")


def test_tokens_made_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    makers = [threading.Thread(target=tokens(tmp_path).make, args=(f"t{n}", "reader")) for n in range(8)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert {each.name for each in tokens(tmp_path).all()} == {f"t{n}" for n in range(8)}


GOOD = {"name": "laptop", "role": "trader", "made_at": 1, "sha256": "0" * 64}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        json.dumps({"v": 2, "tokens": []}).encode(),
        json.dumps({"v": 1, "tokens": [], "more": 1}).encode(),
        json.dumps({"v": 1, "tokens": [{**GOOD, "role": "owner"}]}).encode(),
        json.dumps({"v": 1, "tokens": [{**GOOD, "name": "../x"}]}).encode(),
        json.dumps({"v": 1, "tokens": [{**GOOD, "sha256": ""}]}).encode(),
        json.dumps({"v": 1, "tokens": [{**GOOD, "admin": True}]}).encode(),
        # Of two of one name the record would show one, and the other would come in unseen.
        json.dumps({"v": 1, "tokens": [{**GOOD, "sha256": "1" * 64}, GOOD]}).encode(),
        # No calendar goes there.
        json.dumps({"v": 1, "tokens": [{**GOOD, "made_at": -1}]}).encode(),
        json.dumps({"v": 1, "tokens": [{**GOOD, "made_at": 2**53}]}).encode(),
    ],
)
def test_a_file_that_is_not_ours_lets_nobody_in_and_is_not_written_over(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    (tmp_path / FILE).chmod(0o600)
    for act in (lambda: tokens(tmp_path).holder("x"), lambda: tokens(tmp_path).make("laptop", "reader")):
        with pytest.raises(HomeUnsafe, match="then make new ones: trading-mcp token new"):
            act()
    assert (tmp_path / FILE).read_bytes() == content


def test_what_others_can_open_or_what_is_a_link_is_not_believed(tmp_path: Path) -> None:
    ours = tokens(tmp_path)
    secret = ours.make("laptop", "reader")
    (tmp_path / FILE).chmod(0o640)
    with pytest.raises(HomeUnsafe, match="is no file that is yours alone"):
        ours.holder(secret)
    (tmp_path / FILE).chmod(0o600)
    (tmp_path / FILE).rename(tmp_path / "elsewhere")
    (tmp_path / FILE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HomeUnsafe, match="cannot be opened"):
        ours.holder(secret)
    (tmp_path / FILE).unlink()
    os.mkfifo(tmp_path / FILE, 0o600)
    with pytest.raises(HomeUnsafe, match="is no file that is yours alone"):
        ours.holder(secret)


@as_root
def test_where_nothing_can_be_written_no_token_is_made(nobody: Path) -> None:
    nobody.chmod(0o500)
    with pytest.raises(HomeUnusable, match="cannot be opened"):
        tokens(nobody).make("laptop", "reader")
    assert tokens(nobody).all() == ()
    assert Token(name="a", role="reader", made_at=1, sha256="") != Token(
        name="a", role="trader", made_at=1, sha256=""
    )

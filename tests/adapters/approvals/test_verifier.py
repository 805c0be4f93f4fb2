"""The verifier believes one key, one domain, and bytes that say one thing."""

import random
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from tests.adapters.approvals.room import MINE, THEIRS, Room
from trading_mcp.adapters.approvals import signing
from trading_mcp.adapters.approvals.signing import FAKE, REAL, PinnedVerifier, sign, statement_bytes
from trading_mcp.core.canonical import canonical
from trading_mcp.core.domain.proposals import Statement

ORDER_OF_THE_GROUP: Final = 2**252 + 27742317777372353535851937790883648493


@pytest.fixture
def room(tmp_path: Path) -> Room:
    made = Room(tmp_path)
    made.propose()
    return made


def sealed(room: Room, content: bytes) -> bytes:
    """Have the person really sign any bytes at all: the worst that could be got out of them."""
    return room.keystore.unlock(MINE).sign(content)


def test_what_the_person_signed_is_believed(room: Room) -> None:
    statement = room.draw()
    content = statement_bytes(statement)
    assert room.verifier().verified(content, sign(statement, room.keystore.unlock(MINE))) == statement


def test_what_is_signed_begins_with_a_domain_and_goes_on_in_canonical_json(room: Room) -> None:
    statement = room.draw()
    assert statement_bytes(statement) == b"trading-mcp/statement/1\n" + canonical(statement)
    fake = replace(statement, fake_venues=True)
    assert statement_bytes(fake) == b"trading-mcp/statement/1/fake-venues\n" + canonical(fake)
    assert not FAKE.startswith(REAL)


@pytest.mark.parametrize("who", ["thief", "desk", "nobody"])
def test_the_signature_of_another_key_is_not(room: Room, who: str) -> None:
    content = statement_bytes(room.draw())
    signatures = {
        "thief": lambda: room.thief.unlock(THEIRS).sign(content),
        "desk": lambda: Ed25519PrivateKey.from_private_bytes(bytes(range(32))).sign(content),
        "nobody": lambda: b"",
    }
    assert room.verifier().verified(content, signatures[who]()) is None


def test_no_flipped_bit_is_believed(room: Room, sampled: Callable[[int], tuple[random.Random, int]]) -> None:
    content, signature = room.signed()
    verifier = room.verifier()
    rng, count = sampled(400)
    for _ in range(count):
        bit = 1 << rng.randrange(8)
        at = rng.randrange(len(content) + len(signature))
        whole = bytearray(content + signature)
        whole[at] ^= bit
        assert verifier.verified(bytes(whole[: len(content)]), bytes(whole[len(content) :])) is None


def test_nothing_that_is_cut_or_longer_is_believed(room: Room) -> None:
    content, signature = room.signed()
    verifier = room.verifier()
    for end in range(len(content)):
        assert verifier.verified(content[:end], signature) is None
    for end in range(len(signature)):
        assert verifier.verified(content, signature[:end]) is None
    for more in (b" ", b"\n", b"\x00", b"{}"):
        assert verifier.verified(content + more, signature) is None
        assert verifier.verified(content, signature + more) is None


def test_a_signature_has_one_spelling(room: Room) -> None:
    # S and S + L satisfy the same equation; only the smaller one is a signature.
    content, signature = room.signed()
    scalar = int.from_bytes(signature[32:], "little") + ORDER_OF_THE_GROUP
    twin = signature[:32] + scalar.to_bytes(32, "little")
    assert room.verifier().verified(content, twin) is None


def test_a_sound_signature_over_bytes_with_another_spelling_is_not_believed(room: Room) -> None:
    body = canonical(room.draw())
    spellings = [
        body + b" ",
        b" " + body,
        body.replace(b":", b": ", 1),
        body.replace(b'"kind":"order"', b'"kind":"order","kind":"order"'),
        body.replace(b'"kind":"order"', b'"kind":"policy","kind":"order"'),
        body.replace(b'"kind":"order",', b"").replace(b'{"account"', b'{"kind":"order","account"'),
        body.replace(b'"kind"', b'"k\\u0069nd"'),
        body.replace(b'"kind":"order"', b'"kind":"order","more":true'),
        body.replace(b'"version":1', b'"version":1.0'),
        body.replace(b'"version":1', b'"version":true'),
        body.replace(b'"move_max":"0.005"', b'"move_max":0.005'),
        body.replace(b'"move_max":"0.005"', b'"move_max":"0.0050e0"'),
        body.replace(b',"move_max":"0.005"', b""),
        body.replace(b'"mode":"SIMULATED"', b'"mode":"simulated"'),
        body.replace(b'"mode":"SIMULATED"', b'"mode":"ANY"'),
        body.replace(b'"nonce"', b'"Nonce"'),
        body.replace(b'"order"', b'"\xff"'),
        b"[" * 100_000,
        b"",
        b"null",
        b"{}",
    ]
    assert all(spelling != body for spelling in spellings)
    verifier = room.verifier()
    for spelling in spellings:
        assert verifier.verified(REAL + spelling, sealed(room, REAL + spelling)) is None, spelling[:200]
    assert verifier.verified(REAL + body, sealed(room, REAL + body)) is not None


@pytest.mark.parametrize("field", ["reference_price", "move_max", "position", "position_change_max"])
@pytest.mark.parametrize("number", ["NaN", "sNaN", "Infinity", "-Infinity", "1E+15", "-1E+15", "1E+400"])
def test_a_number_that_nobody_could_calculate_with_is_not_believed(room: Room, field: str, number: str) -> None:
    odd: dict[str, Any] = {field: Decimal(number)}
    content = statement_bytes(replace(room.draw(), **odd))
    assert room.verifier().verified(content, sealed(room, content)) is None


def test_a_statement_without_bounds_is_believed_and_bounds_nothing(room: Room) -> None:
    odd = replace(room.draw(), reference_price=None, move_max=None, position=None, position_change_max=None)
    content = statement_bytes(odd)
    assert room.verifier().verified(content, sealed(room, content)) == odd


def test_no_signature_crosses_from_a_home_of_fake_venues_into_a_real_one(tmp_path: Path) -> None:
    real, fake = Room(tmp_path / "real"), Room(tmp_path / "fake", fake_venues=True)
    for here, there in ((real, fake), (fake, real)):
        here.propose()
        content, signature = here.signed()
        assert here.verifier().verified(content, signature) is not None
        same_key = PinnedVerifier(here.approver, here.approver.fingerprint, fake_venues=there.book.home.fake_venues)
        assert same_key.verified(content, signature) is None
        # Nor does the domain of one with the words of the other, though the person signed just that.
        own = FAKE if here is fake else REAL
        other = replace(here.draw(), fake_venues=there.book.home.fake_venues)
        assert here.verifier().verified(own + canonical(other), sealed(here, own + canonical(other))) is None


@pytest.mark.parametrize(
    "prefix", [b"", b"trading-mcp/statement/2\n", b"trading-mcp/handover/1\n", b"\n", REAL + REAL]
)
def test_another_domain_is_not_believed(room: Room, prefix: bytes) -> None:
    content = prefix + canonical(room.draw())
    assert room.verifier().verified(content, sealed(room, content)) is None


def test_a_statement_has_a_longest_length(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    content, signature = room.signed()
    assert signing.STATEMENT_BYTES_MAX == 16_384
    monkeypatch.setattr(signing, "STATEMENT_BYTES_MAX", len(content))
    assert room.verifier().verified(content, signature) is not None
    monkeypatch.setattr(signing, "STATEMENT_BYTES_MAX", len(content) - 1)
    assert room.verifier().verified(content, signature) is None


def test_without_an_approver_nothing_is_believed(room: Room) -> None:
    content, signature = room.signed()
    for approver, named in ((None, ""), (None, room.book.approver), (room.approver, "")):
        assert PinnedVerifier(approver, named, fake_venues=False).verified(content, signature) is None


def test_a_pin_that_the_home_has_not_recorded_signs_nothing_there(room: Room) -> None:
    thief = room.thief.approver()
    assert thief is not None
    statement: Statement = room.draw()
    signature = sign(statement, room.thief.unlock(THEIRS))
    content = statement_bytes(statement)
    assert PinnedVerifier(thief, room.book.approver, fake_venues=False).verified(content, signature) is None
    # What the home has recorded is what counts: this is the line that keeps the thief out.
    assert PinnedVerifier(thief, thief.fingerprint, fake_venues=False).verified(content, signature) == statement

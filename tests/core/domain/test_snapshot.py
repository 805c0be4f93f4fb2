"""A snapshot is the book: byte for byte, for this fold version alone."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.domain.making import EVIL, fresh, judged
from tests.core.domain.stories import NEXT, STORY, D, rich
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.book import FOLD_VERSION, Book
from trading_mcp.core.domain.evolve import evolve, replay
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import Quantity
from trading_mcp.core.snapshot import UnknownSnapshot, freeze, thaw

GOLDEN = Path(__file__).parent / "golden" / f"book-{FOLD_VERSION}.json"


def test_a_rich_book_comes_back_equal_and_to_the_same_bytes() -> None:
    book = rich()
    body = freeze(book)
    assert thaw(body) == book
    assert freeze(thaw(body)) == body
    oracle = json.dumps(json.loads(body), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert body == oracle


@given(st.integers(1, len(STORY)), st.permutations([event for event, _ in NEXT]))
def test_a_desk_that_starts_from_a_snapshot_goes_on_as_if_it_had_never_stopped(
    count: int, rest: list[e.AnyEvent]
) -> None:
    with exactly():
        straight = replay(STORY[:count])
        again = thaw(freeze(straight))
        for event in (*STORY[count:], *rest):
            straight, again = _tried(straight, event), _tried(again, event)
        assert again == straight
        assert freeze(again) == freeze(straight)


def _tried(book: Book, event: e.AnyEvent) -> Book:
    """In an order no gate would allow some events have nothing to fold into."""
    try:
        return evolve(book, event)
    except KeyError:
        return book


@pytest.mark.parametrize("evil", EVIL)
def test_intents_that_were_denied_for_their_numbers_come_back(evil: str) -> None:
    with exactly():
        book = evolve(fresh(), judged("evil", amount=Quantity(D(evil))))
        body = freeze(book)
        assert freeze(thaw(body)) == body


def test_the_shape_of_a_book_changes_only_with_the_version_of_its_fold() -> None:
    """If this fails the book, or what a fold makes of the same events, has changed: raise FOLD_VERSION.

    Before the first release the file may be deleted and made anew instead, by running this module.
    """
    assert freeze(rich()) + b"\n" == GOLDEN.read_bytes()


BODY = freeze(fresh())


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (BODY.replace(b'"fold_version":%d' % FOLD_VERSION, b'"fold_version":%d' % (FOLD_VERSION + 1)),
         f"made by fold version {FOLD_VERSION + 1}, and this is version {FOLD_VERSION}"),
        (b'{"book":null,"fold_version":0}', "made by fold version 0"),
        (BODY.replace(b'"fold_version"', b'"version"'), "cannot be read"),
        (BODY.replace(b'"policy"', b'"politics"'), "cannot be read"),
        (BODY.replace(b'"marked_at"', b'"marked_once_at"'), "holds what a book of this fold version does not"),
        (BODY.replace(b'"marked_at":0,', b""), "holds what a book of this fold version does not"),
        (BODY + b" ", "holds what a book of this fold version does not"),
        (BODY.replace(b'"1000"', b'"a lot"'), "cannot be read"),
        (BODY[:-1], "cannot be read"),
        (b"", "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
        (b"\xff", "cannot be read"),
    ],
)  # fmt: skip
def test_bytes_that_are_no_book_of_this_fold_are_refused_in_a_sentence(body: bytes, told: str) -> None:
    assert body != BODY
    with pytest.raises(UnknownSnapshot, match=told) as caught:
        thaw(body)
    assert len(str(caught.value)) < 300


def test_a_snapshot_names_the_fold_that_made_it() -> None:
    assert msgspec.json.decode(BODY)["fold_version"] == FOLD_VERSION


if __name__ == "__main__":
    GOLDEN.write_bytes(freeze(rich()) + b"\n")

"""The fold: every kind of event, what it changes and what it leaves the very same."""

import pytest
from msgspec.structs import replace

from tests.core.domain.making import EVIL, KINDS, NOON, created, fresh, judged
from tests.core.domain.stories import LATER, NEXT, STORY, D, mark, rich
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.evolve import evolve, first_book, replay
from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.latches import ACCOUNT, TradingState
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import Quantity


@pytest.mark.parametrize(("event", "changes"), NEXT, ids=[type(event).__name__ for event, _ in NEXT])
def test_an_event_changes_its_own_parts_and_leaves_the_others_the_very_same_objects(
    event: e.AnyEvent, changes: str
) -> None:
    before = rich()
    kept = {name: getattr(before, name) for name in Book.__struct_fields__}
    with exactly():
        after = evolve(before, event)
    changed = {name for name in Book.__struct_fields__ if getattr(after, name) is not kept[name]}
    assert changed == {"at", *changes.split()}
    assert after.at == event.at
    # What it was given is as it was.
    assert before == rich()


def test_every_kind_of_event_has_its_fold() -> None:
    assert {type(event) for event, _ in NEXT} | {e.DeskCreated} == set(KINDS)


@pytest.mark.parametrize(("event", "changes"), NEXT, ids=[type(event).__name__ for event, _ in NEXT])
def test_what_happened_twice_never_breaks_the_fold(event: e.AnyEvent, changes: str) -> None:
    """A venue repeats itself, a person clicks twice: the gate refuses most, and no fold depends on that."""
    twice = {"ProposalApproved"}
    with exactly():
        book = evolve(rich(), event)
        if type(event).__name__ in twice:
            with pytest.raises(KeyError):
                evolve(book, event)
        else:
            evolve(book, event)


def test_a_book_begins_with_its_home() -> None:
    event = created(Mode.PAPER, paper__USDT="5", paper__USD="7")
    book = first_book(event)
    assert (book.home, book.policy, book.at) == (event.home, event.policy, NOON)
    assert book.portfolio.cash == {"paper/USDT": D(5), "paper/USD": D(7)}
    assert book.portfolio.cash is not event.home.cash
    assert book.portfolio.positions == {}


def test_a_desk_is_created_once_and_first() -> None:
    with exactly():
        for wrong in ((), STORY[1:], (e.DeskStarted(at=1, version="1"),)):
            with pytest.raises(ValueError, match=r"^a journal begins with DeskCreated$"):
                replay(wrong)
        with pytest.raises(ValueError, match=r"^a journal creates its desk once, in its first entry$"):
            replay((created(), created()))


def test_replay_is_the_fold_of_every_prefix() -> None:
    with exactly():
        assert isinstance(STORY[0], e.DeskCreated)
        book = first_book(STORY[0])
        assert replay(STORY[:1]) == book
        for count, event in enumerate(STORY[1:], start=2):
            book = evolve(book, event)
            assert replay(iter(STORY[:count])) == book
        assert book == rich()


def test_no_book_is_folded_outside_the_money_context() -> None:
    with pytest.raises(AssertionError, match=r"^the book is folded under the money context only"):
        evolve(fresh(), e.Woke(at=NOON))


def test_the_book_does_not_go_back_in_time_with_the_clock_until_a_person_releases_it() -> None:
    with exactly():
        book = evolve(fresh(), e.Woke(at=NOON - 1))
        assert book.at == NOON
        book = evolve(book, e.Released(at=NOON - 1, scope=ACCOUNT, target=TradingState.ACTIVE, nonce="n"))
        assert book.at == NOON - 1
        assert evolve(book, e.Woke(at=LATER)).at == LATER


def test_books_are_equal_whatever_came_first() -> None:
    with exactly():
        first = evolve(evolve(fresh(), judged("a")), judged("b"))
        second = evolve(evolve(fresh(), judged("b")), judged("a"))
        assert first == second
        assert evolve(first, mark(a="1", b="2")) == evolve(second, mark(b="2", a="1"))


def test_two_books_never_share_a_default() -> None:
    first, second = fresh(), fresh()
    for name in Book.__struct_fields__:
        value = getattr(first, name)
        if isinstance(value, dict):
            assert value is not getattr(second, name)
    assert replace(first) == second


@pytest.mark.parametrize("evil", EVIL)
def test_a_denied_intent_with_evil_numbers_is_folded_and_remembered(evil: str) -> None:
    event = judged("evil", amount=Quantity(D(evil)), limit_price=D(evil))
    with exactly():
        record = evolve(fresh(), event).intent("evil")
    assert record is not None
    assert record.intent is event.intent

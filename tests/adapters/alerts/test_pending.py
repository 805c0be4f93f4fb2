"""What waits is merged, counted and paced, and is bounded however much comes."""

from __future__ import annotations

import pytest

from trading_mcp.adapters.alerts.pending import (
    LINGER,
    MESSAGES_MAX,
    SUBJECT_LENGTH_MAX,
    SUBJECTS_MAX,
    TEXT_LENGTH_MAX,
    URGENT_EVERY,
    WINDOW,
    Message,
    Pending,
)


def held(*notices: tuple[str, str]) -> Message:
    pending = Pending()
    for subject, text in notices:
        pending.add(subject, text, 0.0)
    return pending.take(LINGER)


@pytest.mark.parametrize(
    ("notices", "title", "body"),
    [
        ([("a", "1")], "a", "1"),
        ([("a", "1"), ("a", "2")], "a", "2 And 1 more."),
        ([("a", "1")] * 5, "a", "1 And 4 more."),
        ([("a", "1"), ("b", "2")], "a, and 1 more", "a: 1\nb: 2"),
        ([("a", "1"), ("b", "2"), ("a", "3")], "a, and 1 more", "a: 3 And 1 more.\nb: 2"),
    ],
)
def test_what_comes_together_is_one_message(notices: list[tuple[str, str]], title: str, body: str) -> None:
    assert held(*notices) == (title, body)


def test_a_storm_is_one_message_of_bounded_length() -> None:
    said = held(*((f"subject {number} {'s' * 1_000}", "word " * 1_000) for number in range(5_000)))
    lines = said.body.split("\n")
    assert (len(lines), lines[-1]) == (SUBJECTS_MAX + 1, f"{5_000 - SUBJECTS_MAX} more: trading-mcp status.")
    assert max(map(len, lines)) <= SUBJECT_LENGTH_MAX + TEXT_LENGTH_MAX + len(": ")
    assert said.title.endswith(", and 4999 more")


def test_the_first_goes_soon_and_what_is_too_much_waits_for_the_window_and_goes_together() -> None:
    pending, now = Pending(), 1_000.0
    assert pending.due_in(now) is None
    for number in range(MESSAGES_MAX):
        pending.add(f"{number}", "x", now)
        assert pending.due_in(now) == pytest.approx(LINGER)
        assert pending.due_in(now + LINGER) == pytest.approx(0.0, abs=1e-9)
        pending.take(now)
        assert pending.due_in(now) is None
    for number in range(3):
        pending.add(f"late {number}", "x", now + 1)
    assert pending.due_in(now + 1) == pytest.approx(WINDOW - 1)
    assert pending.due_in(now + WINDOW) == 0
    assert pending.take(now + WINDOW).title == "late 0, and 2 more"


def test_what_is_urgent_waits_neither_behind_a_flood_nor_among_it() -> None:
    """An assistant can ask for as many proposals as it likes; what stopped its trading is told all the same."""
    pending, now = Pending(), 1_000.0
    for _ in range(MESSAGES_MAX):
        pending.add("a proposal", "x", now)
        pending.take(now)
    for number in range(SUBJECTS_MAX + 3):
        pending.add(f"a proposal {number}", "x", now)
    assert pending.due_in(now) == pytest.approx(WINDOW)
    for number in range(SUBJECTS_MAX + 1):
        pending.add(f"halted {number}", "why", now, is_urgent=True)
    pending.add("halted 0", "x", now)
    assert pending.due_in(now) == pytest.approx(URGENT_EVERY)
    said = pending.take(now + URGENT_EVERY)
    assert said.title == f"halted 0, and {SUBJECTS_MAX + 3 + SUBJECTS_MAX} more"
    assert said.body.startswith("halted 0: why x\nhalted 1: why\n")
    assert said.body.endswith(f"{SUBJECTS_MAX + 4} more: trading-mcp status.")
    pending.add("a proposal", "x", now + URGENT_EVERY)
    assert pending.due_in(now + URGENT_EVERY) == pytest.approx(WINDOW - URGENT_EVERY)


def test_what_an_assistant_says_of_a_stop_hides_no_other_reason_for_it() -> None:
    pending = Pending()
    for text in ("a routine check, passphrase:", "LOSS_DAY_MAX: lost too much", "third", "fourth", "fifth"):
        pending.add("account is HALTED", text, 0.0, is_urgent=True)
    said = pending.take(LINGER)
    assert said == (
        "account is HALTED",
        "a routine check, passphrase: LOSS_DAY_MAX: lost too much third And 2 more.",
    )


def test_what_is_urgent_stands_first_and_is_out_within_five_seconds_however_much_of_it_there_is() -> None:
    pending, now = Pending(), 1_000.0
    for number in range(100):
        pending.add(f"proposal {number}", "x", now)
        pending.add("an order", str(number), now, is_urgent=True)
        due = pending.due_in(now)
        assert due is not None
        assert due < 5
        said = pending.take(now + due)
        assert said.title == "an order, and 1 more"
        now += due
    assert now - 1_000 >= 4 * (100 - MESSAGES_MAX)


def test_nothing_secret_or_hidden_goes_out() -> None:
    said = held(("a\x1b[31m\u202eb", "password=canaryPw9Ui3Oa8 \x07and\nmore"))
    assert said == ("ab", "password=[redacted] and more")

"""The screen has eighty columns, and the asker's words are fenced off from ours."""

import random
import string
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from tests.adapters.approvals.making import facts, shown, text, waiting
from tests.adapters.approvals.room import Room
from trading_mcp.adapters.approvals.shown import Row, lines_of
from trading_mcp.core.domain.latches import ACCOUNT, TradingState
from trading_mcp.core.domain.orders import Side
from trading_mcp.core.domain.proposals import (
    ProposedRelease,
)

FORGED = "x\r\n  side                sell, for manual\n! The gate allows it\n\x1b[2J\x1b[1;1H\u202e\u2066 quantity 1"


def test_the_askers_words_are_fenced_cleaned_and_cut(room: Room) -> None:
    proposal = room.propose(reason="a\u0301" + "\u0300" * 500 + "\u4e2d" * 900, client="Cl\x1b[31maude\u200b" * 40)
    below = text(room).split("\n\n")[1].splitlines()
    assert below[0] == "Not checked by anyone, the words of who asked (mcp):"
    assert below[1] == f"  | name: {'Claude' * 6}Cla\u2026"
    assert below[2] == "  | \u00e1" + "\u4e2d" * 37
    assert below[-1].endswith("\u2026")
    assert len("".join(line.removeprefix("  | ") for line in below[2:])) == 400
    assert shown(room, proposal).said.reason.startswith("\u00e1\u4e2d")


def test_without_words_it_says_so(room: Room) -> None:
    room.propose()
    assert text(room).splitlines()[-1] == "  | (no reason given)"
    assert "name:" not in text(room)


def ours(lines: Sequence[str]) -> list[str]:
    """Return the lines that a person would take for facts or warnings of ours."""
    theirs = ("  | ", " " * 22, "  proposal")
    return [line for line in lines if line.startswith(("  ", "! ")) and not line.startswith(theirs)]


@pytest.mark.parametrize("where", ["reason", "client", "id"])
def test_no_words_of_the_asker_make_a_line_of_ours(room: Room, where: str) -> None:
    body = room.propose().body
    plain = lines_of(shown(room, waiting(room, body)))
    forged: dict[str, Any] = {where: FORGED}
    proposal = replace(waiting(room, body), **forged)
    lines = lines_of(shown(room, proposal))
    assert ours(lines) == ours(plain)
    assert not [one for line in lines for one in line if not one.isprintable()]


def test_a_secret_in_the_words_is_not_shown(room: Room) -> None:
    room.propose(reason="use api_key=canary-0123456789", client="token: canary-abc")
    assert "canary" not in text(room)


def test_letters_that_look_like_others_are_spelled_out_in_facts(room: Room) -> None:
    body = room.propose().body
    proposal = replace(waiting(room, body), id="order/\u0430bc  \u2026")
    assert shown(room, proposal).proposal == "order/\\u0430bc \\u2026"


def test_every_screen_fits_eighty_columns(room: Room, sampled: Callable[[int], tuple[random.Random, int]]) -> None:
    rng, count = sampled(200)
    letters = string.printable + "\u4e2d\U0001f600\u0301\u202e\x1b\u00e9\uff21 -"
    body = room.propose().body
    for _ in range(count):
        words = {
            name: "".join(rng.choice(letters) for _ in range(rng.choice((0, 5, 75, 76, 77, 400, 2_000))))
            for name in ("reason", "client", "id")
        }
        proposal = replace(waiting(room, body), **words)
        for line in lines_of(shown(room, proposal)):
            assert columns(line) <= 80, line
            assert line.isprintable()


def columns(line: str) -> int:
    """Count as a terminal does, without the code's table: of the letters used here, those from Han on take two."""
    return sum(2 if one >= "\u2e80" else 1 for one in line)


def test_a_line_is_as_long_as_the_screen_allows(room: Room) -> None:
    for reason, lengths in (("x" * 76, [80]), ("x" * 153, [80, 80, 5]), ("\u4e2d" * 39, [42, 5])):
        room.book = replace(room.book, proposals={})
        proposal = replace(waiting(room, ProposedRelease(scope=ACCOUNT, target=TradingState.ACTIVE)), reason=reason)
        fenced = [line for line in lines_of(shown(room, proposal)) if line.startswith("  | ")]
        assert [len(line) for line in fenced] == lengths


def test_sides_are_spelled_as_they_are(room: Room) -> None:
    assert [str(side) for side in Side] == ["buy", "sell"]
    room.propose()
    assert facts(room)["side"] == "buy, for manual"


def test_a_fact_is_never_an_empty_line_and_a_pair_is_never_torn(room: Room) -> None:
    waiting(room, ProposedRelease(scope=ACCOUNT, target=TradingState.ACTIVE))
    rows = (Row(label="nothing", value=""), Row(label="pairs", value="x" * 50 + " BTC-USDT"))
    lines = lines_of(replace(shown(room), rows=rows))
    assert lines[3:6] == ("  nothing             -", f"  pairs               {'x' * 50}", f"{' ' * 22}BTC-USDT")

"""Every failure says what happened and what to do next."""

import inspect
import pickle

import pytest

from trading_mcp import errors
from trading_mcp.errors import Exit, JournalDamaged, JournalError, PolicyInvalid, TradingMcpError

ALL = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, TradingMcpError)]


@pytest.mark.parametrize("kind", ALL)
def test_every_error_says_what_happened_and_what_to_do(kind: type[TradingMcpError]) -> None:
    error = kind("Entry 7 does not follow from entry 6.", "Run the verification and keep the file.")
    assert error.message == "Entry 7 does not follow from entry 6."
    assert error.next_step == "Run the verification and keep the file."
    assert str(error) == "Entry 7 does not follow from entry 6. Run the verification and keep the file."


@pytest.mark.parametrize("kind", ALL)
def test_an_error_survives_the_way_out_of_a_worker_process(kind: type[TradingMcpError]) -> None:
    again = pickle.loads(pickle.dumps(kind("What happened.", "What to do.")))  # noqa: S301 - our own bytes
    assert type(again) is kind
    assert (again.message, again.next_step) == ("What happened.", "What to do.")


def test_the_tree_drawn_in_the_docstring_is_the_tree() -> None:
    drawing = errors.__doc__ or ""
    for kind in ALL:
        line = next(line for line in drawing.splitlines() if kind.__name__ in line.split())
        depth = (line.index(kind.__name__) - len("    ")) // 4
        assert depth == len(kind.__mro__) - len(TradingMcpError.__mro__), kind


def test_what_goes_wrong_with_the_journal_can_be_caught_as_one() -> None:
    assert issubclass(JournalDamaged, JournalError)
    assert not issubclass(PolicyInvalid, JournalError)


def test_the_codes_a_command_ends_with_are_the_nine_that_scripts_were_promised() -> None:
    assert [(code.value, code.name) for code in Exit] == [
        (0, "DONE"),
        (1, "FAILED"),
        (2, "USAGE"),
        (3, "NO_DESK"),
        (4, "DENIED"),
        (5, "AWAITING"),
        (6, "REJECTED"),
        (7, "UNKNOWN"),
        (8, "UNSOUND"),
    ]


@pytest.mark.parametrize("kind", ALL)
def test_every_error_ends_a_command_with_a_code_that_is_not_success(kind: type[TradingMcpError]) -> None:
    assert Exit(kind.exit_code) is not Exit.DONE


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.UsageInvalid, Exit.USAGE),
        (errors.HomeUnknown, Exit.USAGE),
        (errors.HomeHeld, Exit.FAILED),
        (errors.DeskMissing, Exit.NO_DESK),
        (errors.HomeUnsafe, Exit.UNSOUND),
        (errors.DeskForeign, Exit.UNSOUND),
        (errors.JournalDamaged, Exit.UNSOUND),
        (errors.JournalUnwritable, Exit.UNSOUND),
    ],
)
def test_an_error_ends_a_command_with_the_code_for_its_kind(kind: type[TradingMcpError], code: Exit) -> None:
    assert kind.exit_code is code

"""The house is tidy, and every check that says so has caught something once."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.architecture.checks import CHECKS, Check, submissions
from tests.architecture.tree import ROOT, Source, shipped, sources, texts

NAMES = [check.name for check in CHECKS]

# Where somebody's machine shows through. Written in pieces, so that this file passes its own check.
MACHINES = [
    re.compile(prefix + r"[\w.-]+/") for prefix in ("/" + "root/", "/" + "work/", "/" + "home/", "/" + "Users/")
]
PLACEHOLDERS = ("/" + "home/you/", "/" + "Users/you/")


def findings(check: Check, looked_at: Iterable[Source]) -> list[str]:
    return [
        f"{source.place}:{line}: {what}"
        for source in looked_at
        if check.applies(source)
        for line, what in check.run(source)
    ]


@pytest.mark.parametrize("check", CHECKS, ids=NAMES)
def test_the_repository_keeps_it(check: Check) -> None:
    assert findings(check, sources()) == []


@pytest.mark.parametrize("check", CHECKS, ids=NAMES)
def test_the_check_catches_what_it_is_for_and_nothing_else(check: Check) -> None:
    for text in check.bad:
        assert findings(check, [Source(check.place, text)]), text
    assert findings(check, [Source(check.place, check.good)]) == []


def test_a_broker_is_told_to_submit_in_at_most_one_place() -> None:
    # A venue that wraps another hands on what it was told, once.
    wrapper = "src/trading_mcp/adapters/brokers/faulty.py"
    found = [(source.place, line, what) for source in shipped() for line, what in submissions(source)]
    assert [place for place, *_ in found].count(wrapper) <= 1
    callers = [each for each in found if each[0] != wrapper]
    assert len(callers) <= 1, callers


@pytest.mark.parametrize(
    "text",
    [
        "broker.submit(order)",
        "await self._brokers[venue].submit(order)",
        "tell = broker.submit",
        "getattr(broker, 'submit')(order)",
    ],
)
def test_every_way_of_submitting_is_seen(text: str) -> None:
    source = Source("src/trading_mcp/desk/example.py", f"async def f():\n    {text}")
    assert list(submissions(source))


def test_work_handed_to_a_pool_is_no_order() -> None:
    assert list(submissions(Source("src/trading_mcp/desk/example.py", "self._pool.submit(work)"))) == []


def machine_paths(text: str) -> list[str]:
    for placeholder in PLACEHOLDERS:
        text = text.replace(placeholder, "")
    here = [f"{Path.home()}/", str(ROOT)]
    return [path for path in here if len(path) > len("/a/b") and path in text] + [
        found.group() for pattern in MACHINES for found in pattern.finditer(text)
    ]


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    assert {place: found for place, text in texts() if (found := machine_paths(text))} == {}


def test_a_path_of_somebodys_machine_is_noticed_and_a_placeholder_is_not() -> None:
    assert machine_paths(PLACEHOLDERS[0].replace("you", "ana"))
    assert machine_paths(f"see {ROOT}")
    assert machine_paths(f"run {PLACEHOLDERS[1]}trading-mcp/.venv/bin/trading-mcp") == []

"""Every requirement is proven by tests that exist, or says that it is planned."""

import ast
from collections import Counter
from collections.abc import Iterable

import pytest

from tests.architecture.tree import Source, sources
from tests.requirements import REQUIREMENTS, Requirement, proven

FAMILIES = {"T": 18, "D": 7, "A": 6, "S": 15, "P": 16, "U": 14}


def claims_in(looked_at: Iterable[Source]) -> dict[str, set[str]]:
    """Every test by its id, without parameters, and the requirements it says it proves."""
    found: dict[str, set[str]] = {}
    for source in looked_at:
        if source.place.startswith("tests/") and source.place.rpartition("/")[2].startswith("test_"):
            module_proves = marks_of(
                node.value
                for node in source.tree.body
                if isinstance(node, ast.Assign) and names(node) == "pytestmark"
            )
            collect(source.tree.body, source.place, module_proves, found)
    return found


def collect(body: list[ast.stmt], prefix: str, inherited: set[str], found: dict[str, set[str]]) -> None:
    for node in body:
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            collect(node.body, f"{prefix}::{node.name}", inherited | marks_of(node.decorator_list), found)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_"):
            found[f"{prefix}::{node.name}"] = inherited | marks_of(node.decorator_list)


def marks_of(nodes: Iterable[ast.AST]) -> set[str]:
    """The ids in every `pytest.mark.proves("T2", …)` among these expressions."""
    return {
        argument.value
        for node in nodes
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.proves"
        for argument in call.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }


def names(node: ast.Assign) -> str:
    return ",".join(ast.unparse(target) for target in node.targets)


def faults(rows: Iterable[Requirement], tests: dict[str, set[str]]) -> list[str]:
    """Where the table and the tests disagree."""
    rows = tuple(rows)
    found = [f"{row.id} is neither proven nor planned" for row in rows if not row.proofs and not row.planned]
    found += [f"{row.id} is proven and still called planned" for row in rows if row.proofs and row.planned]
    for row in rows:
        for proof in row.proofs:
            if proof not in tests:
                found.append(f"{row.id} is proven by {proof}, which does not exist")
            elif row.id not in tests[proof]:
                found.append(f"{proof} proves {row.id} and does not say so")
    proofs = {row.id: row.proofs for row in rows}
    found += [
        f"{test} says it proves {claimed}, and the table does not know"
        for test, claims in tests.items()
        for claimed in sorted(claims)
        if test not in proofs.get(claimed, ())
    ]
    return found


def test_the_table_and_the_tests_agree() -> None:
    assert faults(REQUIREMENTS, claims_in(sources())) == []


def test_every_requirement_is_listed_once_and_in_a_sentence() -> None:
    expected = [f"{family}{number}" for family, last in FAMILIES.items() for number in range(1, last + 1)]
    assert [row.id for row in REQUIREMENTS] == expected
    assert [row.id for row in REQUIREMENTS if not row.sentence.endswith(".")] == []
    assert [sentence for sentence, times in Counter(row.sentence for row in REQUIREMENTS).items() if times > 1] == []


A_TEST = "tests/core/test_gate.py::test_it"


@pytest.mark.parametrize(
    ("rows", "tests", "fault"),
    [
        ((Requirement("T1", "A."),), {}, "neither proven nor planned"),
        ((Requirement("T1", "A.", (A_TEST,), planned=True),), {A_TEST: {"T1"}}, "still called planned"),
        ((proven("T1", "A.", A_TEST),), {}, "does not exist"),
        ((proven("T1", "A.", A_TEST),), {A_TEST: set[str]()}, "does not say so"),
        ((Requirement("T1", "A.", planned=True),), {A_TEST: {"T1"}}, "the table does not know"),
        ((), {A_TEST: {"T99"}}, "the table does not know"),
    ],
)
def test_a_disagreement_is_noticed(rows: tuple[Requirement, ...], tests: dict[str, set[str]], fault: str) -> None:
    assert [found for found in faults(rows, tests) if fault in found]


def test_marks_are_read_from_functions_classes_and_modules() -> None:
    text = """
pytestmark = [pytest.mark.proves("T1")]
@pytest.mark.parametrize("x", [1])
@pytest.mark.proves("T2", "T3")
def test_one(x): ...
@pytest.mark.proves("T4")
class TestMore:
    async def test_two(self): ...
"""
    assert claims_in([Source("tests/core/test_gate.py", text)]) == {
        "tests/core/test_gate.py::test_one": {"T1", "T2", "T3"},
        "tests/core/test_gate.py::TestMore::test_two": {"T1", "T4"},
    }

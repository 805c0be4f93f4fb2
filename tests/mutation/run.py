"""Change the code line by line, in a copy, and see which change no test notices: `make mutation SLICE=gate`.

Prints the score and keeps it, with every survivor and why it survives, in `tests/mutation/<slice>.md`. Fails below
95 %, and where a changed comparison survives without a reason. With `SAMPLE=500 SEED=7` every change of a comparison
is made, the first change of every function, and of all others as many as are asked for.
"""

import argparse
import difflib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Final

from tests.mutation.slices import SLICES, Slice

ROOT: Final = Path(__file__).resolve().parent.parent.parent
SCORE_MIN: Final = 95
# Tests are found by their names again and again: one with an escape in its name is not found twice, and left out.
NAMED_PLAINLY: Final = """

def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = [item for item in items if "\\\\" not in item.name]
"""
COPIED: Final = ("src", "tests", "policies", "pyproject.toml", "uv.lock", "README.md")
COMPARISONS: Final = re.compile(r" (<=?|>=?|==|!=|is not|is|not in|in) ")
# How mutmut says that a test failed, that pytest itself did, and that a test waited for what never came.
NOTICED: Final = frozenset({1, 3})
HUNG: Final = frozenset({-24, 24, 36, 152, 255})


def main() -> int:
    parser = argparse.ArgumentParser(prog="make mutation", description=__doc__)
    parser.add_argument("slices", nargs="*", metavar="slice", help=f"one of {', '.join(SLICES)}; without one all")
    parser.add_argument("--sample", type=int, help="how many of the changes that are no comparison's")
    parser.add_argument("--seed", type=int, default=0, help="which of them")
    asked = parser.parse_args()
    unknown = sorted({*asked.slices} - {*SLICES})
    if unknown:
        parser.error(f"there is no slice {', '.join(unknown)}: say {', '.join(SLICES)}, or nothing for all")
    return max(run(name, SLICES[name], asked.sample, asked.seed) for name in asked.slices or SLICES)


def run(name: str, chosen: Slice, sample: int | None, seed: int) -> int:
    """Mutate one slice in a copy of the working tree, and write down what came of it."""
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        copy = Path(folder)
        for place in COPIED:
            source = ROOT / place
            if source.is_dir():
                shutil.copytree(source, copy / place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copy / place)
        _configure(copy, chosen)
        _mutate(copy, *(() if sample is None else ("*__mutmut_1",)))
        if sample is not None:
            _mutate(copy, *_picked(copy, sample, seed))
        return _report(name, chosen, copy, "" if sample is None else f" SAMPLE={sample} SEED={seed}")


def _mutate(copy: Path, *keys: str) -> None:
    """Make the changes that are named, or all, and keep what came of each."""
    workers = str(os.cpu_count() or 1)
    command = [str(Path(sys.executable).with_name("mutmut")), "run", "--max-children", workers, *keys]
    subprocess.run(command, cwd=copy, check=True, stdout=subprocess.DEVNULL)


def _picked(copy: Path, sample: int, seed: int) -> list[str]:
    """Return every change of a comparison, and a sample of the others."""
    left = [key for codes in _results(copy).values() for key, code in codes.items() if code is None]
    compared = {key for key in left if COMPARISONS.search(_only(_change(copy, key)))}
    others = sorted({*left} - compared)
    return [*sorted(compared), *random.Random(seed).sample(others, min(sample, len(others)))]


def _results(copy: Path) -> dict[str, dict[str, int | None]]:
    """Return what came of each change, by file; of one that was not made there is nothing."""
    made = copy / "mutants" / "src"
    return {
        str(meta.relative_to(made)).removesuffix(".meta"): json.loads(meta.read_text("utf-8"))["exit_code_by_key"]
        for meta in sorted(made.rglob("*.py.meta"))
    }


def _configure(copy: Path, chosen: Slice) -> None:
    """Replace the settings of mutmut by those of the slice."""
    with (copy / "tests" / "conftest.py").open("a", encoding="utf-8") as conftest:
        conftest.write(NAMED_PLAINLY)
    path = copy / "pyproject.toml"
    text = re.sub(r"\[tool\.mutmut\]\n(?:[^\[\n].*\n|\n(?=[a-z_]))*", "", path.read_text("utf-8"))
    settings = {
        "source_paths": ["src"],
        "only_mutate": list(chosen.files),
        "also_copy": ["policies"],
        "pytest_add_cli_args_test_selection": list(chosen.tests),
        "pytest_add_cli_args": ["-q", "-x", "-p", "no:cacheprovider"],
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    path.write_text("\n".join((text, "[tool.mutmut]", *lines, "")), "utf-8")


def _report(name: str, chosen: Slice, copy: Path, sampled: str) -> int:
    counts: dict[str, Counter[str]] = {}
    survivors: list[tuple[str, str, str]] = []
    hung = left = 0
    for place, codes in _results(copy).items():
        tally = counts.setdefault(place, Counter())
        for key, code in codes.items():
            if code is None and sampled:
                left += 1
            elif code in NOTICED | HUNG:
                tally["killed"] += 1
                hung += code in HUNG
            else:
                change = _change(copy, key)
                why = chosen.why(key, change)
                tally["equivalent" if why else "survived"] += 1
                survivors.append((key.rpartition(".")[2], change, why))
    counts = {place: tally for place, tally in counts.items() if tally}
    killed = sum(tally["killed"] for tally in counts.values())
    equal = sum(tally["equivalent"] for tally in counts.values())
    whole = killed + len(survivors)
    score = 100 * killed / whole
    open_ = [(key, change) for key, change, why in survivors if not why and COMPARISONS.search(_only(change))]
    said = f"{killed:,} of {whole:,} changes noticed: {score:.1f} %"
    if hung:
        said += f" ({hung} of them by a test that waited for what never came)"
    if left:
        said += (
            f". {left:,} more were not made: these are every change of a comparison, the first of every function, "
            f"and of the others a sample ({sampled.strip()})"
        )
    text = _text(f"{name}{sampled}", counts, survivors, said)
    (ROOT / "tests" / "mutation" / f"{name}.md").write_text(text, "utf-8")
    sys.stdout.write(f"{name}{sampled}: {killed:,} of {whole:,} noticed, {score:.1f} %; ")
    sys.stdout.write(f"{equal} more make no difference\n")
    for key, change in open_:
        sys.stdout.write(f"a comparison survived: {key}\n{change}\n")
    return int(score < SCORE_MIN or bool(open_))


def _change(copy: Path, key: str) -> str:
    """Return the lines that a mutant changes."""
    module, _, mutant = key.rpartition(".")
    function, _, _ = mutant.rpartition("_")
    made = (copy / "mutants" / "src" / module.replace(".", "/")).with_suffix(".py")
    spans = json.loads(made.with_name(f"{made.name}.spans").read_text("utf-8"))["spans"]
    lines = made.read_text("utf-8").splitlines()
    before, after = (
        [line.replace(name, function) for line in lines[slice(*spans[name])]] for name in (f"{function}_orig", mutant)
    )
    changed = difflib.unified_diff(before, after, lineterm="", n=0)
    return "\n".join(line for line in changed if re.match(r"[-+](?![-+])", line))


def _only(change: str) -> str:
    """Return what differs between the line before and the line after."""
    before, _, after = change.partition("\n")
    words = [re.findall(r"\w+|[<>=!]+|\S", line[1:]) for line in (before, after)]
    parts = difflib.SequenceMatcher(a=words[0], b=words[1]).get_opcodes()
    return " ".join(
        f" {' '.join(words[0][a:b])} {' '.join(words[1][c:d])} " for tag, a, b, c, d in parts if tag != "equal"
    )


def _text(name: str, counts: dict[str, Counter[str]], survivors: list[tuple[str, str, str]], score: str) -> str:
    lines = [
        f"<!-- Written by make mutation SLICE={name} -->",
        f"# Mutation of the slice `{name.partition(' ')[0]}`",
        "",
        f"{score}.",
        "",
        "| file | changes | noticed | make no difference | unnoticed |",
        "|---|---|---|---|---|",
        *(
            f"| `{place}` | {tally.total()} | {tally['killed']} | {tally['equivalent']} | {tally['survived']} |"
            for place, tally in counts.items()
        ),
        "",
        "## What no test notices",
        "",
    ]
    for key, change, why in survivors:
        lines += [f"`{key}`: {why or 'not tested'}", "", "```diff", change, "```", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

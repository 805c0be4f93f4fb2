"""Change the code line by line, in a copy, and see which change no test notices: `python tests/mutation/run.py gate`.

Prints the score and keeps it, with every survivor and why it survives, in `tests/mutation/<slice>.md`. Fails below
95 %, and where a changed comparison survives without a reason.
"""

import difflib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent.parent
CORE: Final = "src/trading_mcp/core"
SCORE_MIN: Final = 95
COPIED: Final = ("src", "tests", "policies", "pyproject.toml", "uv.lock", "README.md")
COMPARISONS: Final = re.compile(r" (<=?|>=?|==|!=|is not|is|not in|in) ")
KILLED, SURVIVED, UNTESTED = 1, 0, 33


@dataclass(frozen=True)
class Slice:
    """Files that are changed, the tests that must notice, and the changes that make no difference, with why."""

    files: tuple[str, ...]
    tests: tuple[str, ...]
    equivalent: tuple[tuple[str, str], ...] = ()

    def why(self, change: str) -> str:
        """Return why a change makes no difference, or nothing."""
        return next((why for pattern, why in self.equivalent if re.search(pattern, change)), "")


GATE_FILES: Final = ("case", "clearing", "fields", "fit", "gate", "route", "scopes", "valuation")
# These have no file of tests to themselves: what they say and derive is tested through the others.
GATE_PARTS: Final = ("finding", "risk", "terms")
GATE_TABLES: Final = ("consent", "exposure", "loss", "price", "size", "state", "tempo", "validity")
SEQUENCES: Final = (
    *("asking", "changing", "closing", "consenting", "decide", "draft", "execute", "halting", "marks", "protecting"),
    *("reporting", "resting", "ticking"),
)
SLICES: Final = {
    "domain": Slice(files=(f"{CORE}/domain/*",), tests=("tests/core",)),
    "sequences": Slice(
        files=tuple(f"{CORE}/guardrails/{name}.py" for name in SEQUENCES), tests=("tests/core/decide",)
    ),
    "gate": Slice(
        files=(
            *(f"{CORE}/guardrails/{name}.py" for name in (*GATE_FILES, *GATE_PARTS)),
            *(f"{CORE}/guardrails/rules/{name}.py" for name in GATE_TABLES),
        ),
        # The rows of the tables speak through the golden file of test_gate.py, all at once.
        tests=tuple(f"tests/core/guardrails/test_{name}.py" for name in GATE_FILES),
        equivalent=(
            (r"\(case, None\)", "the rule takes no notice of what is risked: it only stands among those that do"),
            (r"to_bytes\(4, \)", "big is the default"),
            (r"if room < ZERO", "of no room at all the largest quantity is nothing in either way"),
            (r"wanted \* unit < room", "a wish that fits exactly is the largest quantity that fits"),
            (r"age > 0 else|age >= 1 else", "a price confirmed just now is never stale"),
            (r"if sign <= 0|if sign < 1", "the sign is 1 or -1"),
            (r"sign = 2 if|else -2", "only the sign of the sign is looked at"),
            (r"own = quantity", "one book holds one position of a pair at a venue"),
            (r"Decimal\(2\)\.scaleb", "only the exponent is looked at"),
            (r"size >= _DIGITS_MAX", "a number that long is shown whole in either way"),
            (r"feeds\.get\(case\.venue or \"XXXX\"\)", "no venue has that name, either"),
            (r"ALGORITHM_BUDGET, None, risk", "where the equity is unknown the missing price is the one it names"),
            (r"\(book\.latches\) or True", "without latches the state is ACTIVE in either way"),
            (r"owner = venue or \"XXXX\"", "no venue has that name, either"),
            (r"instrument, None, quantity", "without a price no slippage is looked at"),
            (r"intent\.side is _BUY\) and False", "what is free is not asked of a buy that reduces"),
            (
                r"price = (None|prices\.get\(None\))|market is not _CRYPTO",
                "the short way gives what the long way gives",
            ),
            (
                r"newest < price|< latest|facts\.now \+ policy|facts\.now - FUTURE_MAX",
                "the long way decides in its stead",
            ),
            (r"value <= ZERO", "nothing is nothing with either sign"),
            (r"key\.rpartition", "no venue and no asset has a slash in its name"),
            (r"-                continue\n\+                break$", "the sum is unknown from here on"),
            (r"AMOUNT_STEP < worth|worth <= AMOUNT_MAX", "the long way decides in its stead"),
            (r"by_notional > AMOUNT_MAX", "that very amount is a multiple of every step"),
            (r"asset: str = \"XXXX\"", "no asset has that name, either"),
            (r"venue_modes\.get\(case\.venue or \"XXXX\"\)", "no venue has that name, either"),
            (
                r"case\.reduces and scopes is None",
                "what reduces flips nothing, and what has no scopes has no quantity",
            ),
            (r"Side\.BUY and quantity is None", "for a buy that reduces nothing is asked to be free"),
            (r"\(scopes is None\) and False", "what is measured has scopes"),
            (r"local_fill_at\.get\(venue, (\+1|-2)\)", "no balance is that old"),
        ),
    ),
}


def main() -> int:
    names = sys.argv[1:] or list(SLICES)
    return max(run(name, SLICES[name]) for name in names)


def run(name: str, chosen: Slice) -> int:
    """Mutate one slice in a copy of the working tree, and write down what came of it."""
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        copy = Path(folder)
        for place in COPIED:
            source = ROOT / place
            if source.is_dir():
                shutil.copytree(source, copy / place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copy / place)
        _configure(copy / "pyproject.toml", chosen)
        command = [str(Path(sys.executable).with_name("mutmut")), "run", "--max-children", str(os.cpu_count() or 1)]
        subprocess.run(command, cwd=copy, check=True, stdout=subprocess.DEVNULL)
        return _report(name, chosen, copy)


def _configure(path: Path, chosen: Slice) -> None:
    """Replace the settings of mutmut by those of the slice."""
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


def _report(name: str, chosen: Slice, copy: Path) -> int:
    counts: dict[str, Counter[str]] = {}
    survivors: list[tuple[str, str, str]] = []
    for meta in sorted((copy / "mutants" / "src").rglob("*.py.meta")):
        place = str(meta.relative_to(copy / "mutants" / "src")).removesuffix(".meta")
        codes: dict[str, int | None] = json.loads(meta.read_text("utf-8"))["exit_code_by_key"]
        tally = counts.setdefault(place, Counter())
        for key, code in codes.items():
            if code not in (SURVIVED, UNTESTED):
                tally["killed"] += 1
                continue
            change = _change(copy, key)
            why = chosen.why(change)
            tally["equivalent" if why else "survived"] += 1
            survivors.append((key.rpartition(".")[2], change, why))
    counts = {place: tally for place, tally in counts.items() if tally}
    killed = sum(tally["killed"] for tally in counts.values())
    equal = sum(tally["equivalent"] for tally in counts.values())
    whole = sum(tally.total() for tally in counts.values())
    score = 100 * killed / whole
    open_ = [(key, change) for key, change, why in survivors if not why and COMPARISONS.search(_only(change))]
    text = _text(name, counts, survivors, f"{killed:,} of {whole:,} changes noticed: {score:.1f} %")
    (ROOT / "tests" / "mutation" / f"{name}.md").write_text(text, "utf-8")
    sys.stdout.write(f"{name}: {killed:,} of {whole:,} noticed, {score:.1f} %; {equal} more make no difference\n")
    for key, change in open_:
        sys.stdout.write(f"a comparison survived: {key}\n{change}\n")
    return int(score < SCORE_MIN or bool(open_))


def _change(copy: Path, key: str) -> str:
    """Return the lines that a mutant changes."""
    command = [str(Path(sys.executable).with_name("mutmut")), "show", key]
    shown = subprocess.run(command, cwd=copy, check=True, capture_output=True, text=True).stdout
    return "\n".join(line for line in shown.splitlines() if re.match(r"[-+](?![-+])", line))


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
        f"<!-- Written by python tests/mutation/run.py {name} -->",
        f"# Mutation of the slice `{name}`",
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

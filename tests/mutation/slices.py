"""The parts of the code that mutation changes, the tests that must notice, and which changes make no difference."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CORE: Final = "src/trading_mcp/core"


@dataclass(frozen=True)
class Slice:
    """Files that are changed, the tests that must notice, and the changes that make no difference, with why."""

    files: tuple[str, ...]
    tests: tuple[str, ...]
    equivalent: tuple[tuple[str, str], ...] = ()

    def why(self, key: str, change: str) -> str:
        """Return why a change makes no difference, or nothing; a pattern may begin with the function's name."""
        shown = f"{key.rpartition('.')[2].rpartition('__mutmut')[0]}\n{change}"
        return next((why for pattern, why in self.equivalent if re.search(pattern, shown)), "")


GATE_FILES: Final = ("case", "clearing", "fields", "fit", "gate", "risk", "route", "scopes", "valuation")
# These have no file of tests to themselves: what they say and derive is tested through the others.
GATE_PARTS: Final = ("finding", "terms")
GATE_TABLES: Final = ("consent", "exposure", "loss", "price", "size", "state", "tempo", "validity")
SEQUENCES: Final = (
    *(
        "adopting",
        "asking",
        "changing",
        "closing",
        "consenting",
        "decide",
        "draft",
        "enrolling",
        "execute",
        "halting",
        "marks",
        "protecting",
    ),
    *("releasing", "reporting", "resting", "ticking", "watching"),
)
# All but test_machine.py: what only chance notices no sentence says, and ten seconds for each change are too long.
DECISIONS: Final = tuple(
    f"tests/core/decide/{path.name}"
    for path in sorted(Path(__file__).parent.parent.joinpath("core", "decide").glob("test_*.py"))
    if path.name != "test_machine.py"
)
# What no user of the code can tell apart, wherever it stands.
SPELLINGS: Final = (
    (r"\+ +assert .*\"(XX|[A-Z ,]+\")", "what an assertion would say is for us alone"),
    (r"\"(UTF-8|ASCII)\"", "the name of an encoding is read without its case"),
)
SLICES: Final = {
    "approvals": Slice(
        files=("src/trading_mcp/adapters/approvals/*",),
        tests=("tests/adapters/approvals",),
        equivalent=(
            *SPELLINGS,
            (r"span\(max\(1, ", "a millionth of a second reads as none"),
            (
                r"x__close\n.*position\.quantity > ZERO",
                "what is held of nothing has ended, and is not among the positions",
            ),
            (r"n & \(n - 2\)", "it differs for 1 alone, and nothing is sealed that cheaply"),
            (r"x__bounded\n.*\n.*body\.venue, (size=None)?\)", "only the price is looked at, whatever the size"),
            (r"break_on_hyphens=None", "None is as false as False"),
            (r"in \"XXWFXX\"", "no character has such a width"),
            (r"approver = \"\"", "what is not ours is refused in either way"),
            (r"is_folder=None", "None is as false as False"),
            (r"SIZE_MAX \+ 2", "it is too large in either way"),
            (r"x__sync\n", "a folder opened to be read is a folder"),
            (r"x_require_private\n.*\n.*is_folder: bool = True", "whoever asks says which"),
        ),
    ),
    "domain": Slice(
        files=(f"{CORE}/domain/*",),
        tests=("tests/core/domain",),
        equivalent=(
            *SPELLINGS,
            (r"format\(value, \"F\"\)|strip\(\"XX.XX\"\)", "a figure that is shown is finite, and has no letters"),
            (r"algorithm is not None\) or True", "no algorithm is without a name"),
            (r"after\.at <= book\.at|at <= times\[-1\]|event\.at <= book\.marked_at", "the two times are the same"),
            (r"split\(\"/\", \)", "no venue and no pair has a slash in its name"),
            (r"\(latch\.state, latch\.key\) >=", "two latches never have one key"),
            (r"x_moved\n.*\n.*>= ZERO", "what is held and what is traded are never nothing here"),
            (r"other if other >= value|if peak >= value", "the two figures are the same"),
        ),
    ),
    "sequences": Slice(
        files=tuple(f"{CORE}/guardrails/{name}.py" for name in SEQUENCES),
        tests=(*DECISIONS, "tests/core/guardrails/test_attack_names.py", "tests/core/test_departures.py"),
        equivalent=(
            *SPELLINGS,
            (
                r"position\.quantity >= (ZERO|0)\b",
                "a position of nothing has ended, and is not among those that are held",
            ),
            (r"x__judge\n.*\n.*largest <= size", "what is as large as was asked for is judged the same"),
            (
                r"x__of_the_free\n.*free is None",
                "what is denied for its balance has one, and an exit of nothing is not allowed",
            ),
            (r"cleared\(case, 1\)", "it is the only order of its decision, whatever its number"),
            (r"made\.order_id is not None\) or True", "no order is without an id"),
        ),
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
            (r"own = quantity", "one book holds one position of a pair at a venue"),
            (r"Decimal\(2\)\.scaleb", "only the exponent is looked at"),
            (r"size >= _DIGITS_MAX", "a number that long is shown whole in either way"),
            (r"feeds\.get\(case\.venue or \"XXXX\"\)", "no venue has that name, either"),
            (r"ALGORITHM_BUDGET, None, risk", "where the equity is unknown the missing price is the one it names"),
            (r"\(book\.latches\) or True", "without latches the state is ACTIVE in either way"),
            (r"owner = venue or \"XXXX\"", "no venue has that name, either"),
            (r"instrument, None, (quantity|None\))", "without a price no slippage is looked at"),
            (r"intent\.side is _BUY\) and False", "what is free is not asked of a buy that reduces"),
            (
                r"x_value_all\n.*\n\+ +price = (None|prices\.get\(None\))",
                "the short way gives what the long way gives",
            ),
            (
                r"x_value_all\n.*\n.*(oldest < price|< latest|facts\.now \+ min|facts\.now - FUTURE_MAX)",
                "the long way decides in its stead",
            ),
            (r"key\.rindex", "no venue and no asset has a slash in its name"),
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

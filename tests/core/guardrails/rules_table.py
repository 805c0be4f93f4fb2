"""Every row of every rule's table, and what the gate says of each: `python -m tests.core.guardrails.rules_table`."""

from pathlib import Path
from typing import Final

from tests.core.guardrails import (
    test_rules_consent,
    test_rules_exposure,
    test_rules_loss,
    test_rules_price,
    test_rules_size,
    test_rules_state,
    test_rules_tempo,
    test_rules_validity,
)
from tests.core.guardrails.table import Row

GOLDEN: Final = Path(__file__).parent / "golden" / "findings.txt"
TABLES: Final = (
    test_rules_state,
    test_rules_validity,
    test_rules_price,
    test_rules_size,
    test_rules_exposure,
    test_rules_tempo,
    test_rules_loss,
    test_rules_consent,
)
ROWS: Final[tuple[Row, ...]] = tuple(row for table in TABLES for row in table.ROWS)


def told() -> str:
    """Return what the gate says about every row that does not simply pass."""
    blocks: list[str] = []
    for table in TABLES:
        blocks.append(f"## {table.__name__.rpartition('.')[2]}\n")
        for row in table.ROWS:
            lines = [
                f"  {found.outcome.name} {found.code}: {found.reason}\n"
                f"    limit {found.limit} | actual {found.actual} | would pass: {found.would_pass}"
                for found in row.verdict().findings
            ]
            if lines:
                blocks.append("\n".join((row.name, *lines)) + "\n")
    return "\n".join(blocks)


if __name__ == "__main__":
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(told(), "utf-8")

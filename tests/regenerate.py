"""Write the texts that are made from code; a test fails while one of them differs."""

import sys
from pathlib import Path
from typing import Final

from trading_mcp.core.guardrails.codes import codes
from trading_mcp.core.guardrails.handbook import handbook
from trading_mcp.core.guardrails.schema import parse_text

ROOT: Final = Path(__file__).resolve().parent.parent
POLICIES: Final = ("simulated", "paper", "live", "backtest-open")


def generated() -> dict[Path, str]:
    """Return every generated file with the text it must have."""
    folder = ROOT / "policies"
    policies = {name: parse_text((folder / f"{name}.toml").read_text("utf-8")) for name in POLICIES}
    gate = ROOT / "src" / "trading_mcp" / "core" / "guardrails"
    return {folder / "README.md": handbook(policies), gate / "README.md": codes()}


def main() -> None:
    for path, text in generated().items():
        path.write_text(text, "utf-8")
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()

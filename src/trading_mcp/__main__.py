"""The program: one command line in, one exit code out; without a command it is the bridge for an assistant."""

import os
import sys
from collections.abc import Sequence

from trading_mcp.errors import Exit

EXIT_DONE = Exit.DONE
EXIT_USAGE = Exit.USAGE


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out what was typed, or what an assistant's configuration says."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    is_bridge = not given or (given[0].startswith("--") and given[0] not in ("--help", "--version"))
    if is_bridge and _is_at_a_terminal():
        given, is_bridge = ["--help"], False
    # Whichever of the two it is does not pay for the other.
    if is_bridge:
        from trading_mcp.bridge import main as carried_out  # noqa: PLC0415
    else:
        from trading_mcp.cli.front import main as carried_out  # noqa: PLC0415
    return int(carried_out(given))


def _is_at_a_terminal() -> bool:
    """Whether a person, or nobody, is where an assistant would be, and the bridge would wait for ever."""
    return sys.stdin is None or sys.stdout is None or os.isatty(0)


if __name__ == "__main__":
    sys.exit(main())

"""The program: one command line in, one exit code out."""

import sys
from collections.abc import Sequence

from trading_mcp.cli.front import main as front
from trading_mcp.errors import Exit

EXIT_DONE = Exit.DONE
EXIT_USAGE = Exit.USAGE


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out what was typed."""
    return int(front(list(sys.argv[1:] if arguments is None else arguments)))


if __name__ == "__main__":
    sys.exit(main())

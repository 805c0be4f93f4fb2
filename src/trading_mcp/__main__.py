"""The command line's front door: says what there is, and which version."""

import sys
from collections.abc import Sequence

from trading_mcp import __version__

EXIT_DONE = 0
EXIT_USAGE = 2

HELP = f"""\
trading-mcp {__version__}: a local trading desk for AI assistants.

What exists so far is the part that decides: the gate with every limit, the simulated market, and the journal.
`make run` in a checkout plays one seeded day of it. Assistants cannot connect yet.

  trading-mcp --help      this text
  trading-mcp --version   the version
"""


def main(arguments: Sequence[str] | None = None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    match given:
        case [] | ["--help"] | ["-h"]:
            print(HELP, end="")
            return EXIT_DONE
        case ["--version"]:
            print(f"trading-mcp {__version__}")
            return EXIT_DONE
        case _:
            print(f"trading-mcp knows no {' '.join(given)!r}. Try: trading-mcp --help", file=sys.stderr)
            return EXIT_USAGE


if __name__ == "__main__":
    sys.exit(main())

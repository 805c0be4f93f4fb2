"""A program that appends until it is stopped, and prints each entry's number once it is durable."""

import sys
from pathlib import Path

from tests.adapters.journal.support import NOON, called, opened, sending
from trading_mcp.errors import JournalUnwritable


def main(home: Path, count: int) -> int:
    journal = opened(home)
    try:
        for number in range(count):
            journal.queue(NOON + number, [called(number)])
            entries = journal.append(NOON + number, [sending(number), sending(number)])
            sys.stdout.write(f"{entries[-1].seq}\n")
            sys.stdout.flush()
    except JournalUnwritable:
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))

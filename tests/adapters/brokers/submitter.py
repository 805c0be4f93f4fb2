"""A program that submits orders to a paper venue until it is stopped, and prints each id once it has the answer."""

import asyncio
import sys
from pathlib import Path

from tests.adapters.brokers.making import NOON, Tape, want
from trading_mcp.adapters.brokers.paper.venue import PaperVenue
from trading_mcp.adapters.system.clock import VirtualClock
from trading_mcp.core.domain.market import SECOND


async def main(path: Path, instruments: Tape, clock: VirtualClock) -> None:
    venue = PaperVenue(path, instruments, clock)
    first = len(await venue.open_orders()) + len(await venue.fills(0))
    for number in range(1_000_000):
        clock.advance(SECOND)
        instruments.show()
        order_id = f"{first}-{number}"
        side = "buy" if number % 2 else "sell"
        limit = "101" if number % 4 == 1 else "99" if number % 4 == 0 else "50" if number % 2 else "150"
        await venue.submit(want(side, "limit", "0.02", limit_price=limit, id=order_id))
        sys.stdout.write(f"{order_id}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    ticking = VirtualClock(NOON)
    tape = Tape(ticking, instruments=Tape.offered)
    asyncio.run(main(Path(sys.argv[1]), tape, ticking))

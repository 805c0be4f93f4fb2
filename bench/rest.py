"""A desk at rest, and how long a kill takes: `python -m bench.rest`."""

import os
import subprocess
import sys
import tempfile
import time
from decimal import ROUND_FLOOR, Decimal
from pathlib import Path
from typing import Any

from bench.doors import OURS, Client, resident, session
from bench.measure import Result, report

RESTED = 300.0 if "--long" in sys.argv else 60.0
# Its views, its archive and its first comparison with the venue are not what a desk does for hours on end.
SETTLED_AFTER = 10.0
PAIRS = ("BTC-USDT", "ETH-USDT", "SOL-USDT", "XRP-USDT")


def rest(desk: int) -> list[Result]:
    """The share of a core and the memory of a desk that nobody asks anything."""
    before, begun = spent(desk), time.monotonic()
    time.sleep(RESTED)
    share = (spent(desk) - before) / (time.monotonic() - begun)
    return [
        Result(name="a desk at rest, of one core", value=share * 100, unit="%", aim="< 1 %"),
        Result(name="a desk at rest, memory", value=resident(desk), unit="MB", aim="< 150 MB"),
    ]


def holder(folder: Path) -> int:
    """The process that holds the only home below a folder."""
    (held_by,) = folder.rglob("held-by")
    return int(held_by.read_text())


def spent(process: int) -> float:
    """The seconds a process has spent on a core, all its threads together."""
    return sum(int(task.read_text().split()[0]) for task in Path(f"/proc/{process}/task").glob("*/schedstat")) / 1e9


def kill(client: Client) -> list[Result]:
    """From the kill to its answer, after which nothing is cleared, and to the end of the last entry at the venue."""
    for pair in PAIRS:
        # Far enough below to rest, near enough for the limit that keeps prices off the market's out.
        bid = Decimal(told(client, "get_market_data", pair=pair)["bid"])
        cheaper = str((bid * Decimal("0.97")).quantize(bid, ROUND_FLOOR))
        resting = told(
            client, "execute_trade", pair=pair, side="buy", notional="100", order_type="limit", limit_price=cheaper
        )
        assert resting["status"] == "working", resting
    begun = time.perf_counter()
    told(client, "kill_switch", reason="bench")
    answered = time.perf_counter()
    while told(client, "get_open_orders")["orders"]:
        time.sleep(0.001)
    gone = time.perf_counter()
    return [
        Result(name="a kill, until nothing is cleared any more", value=(answered - begun) * 1e3, unit="ms"),
        Result(
            name=f"a kill, until {len(PAIRS)} entries are gone at the venue",
            value=(gone - begun) * 1e3,
            unit="ms",
            aim="<= 1,000 ms",
        ),
    ]


def told(client: Client, tool: str, **words: object) -> dict[str, Any]:
    return client.call(tool, **words)["structuredContent"]


def main() -> None:
    if sys.platform != "linux":
        raise SystemExit("bench.rest reads /proc, which only Linux has.")
    with tempfile.TemporaryDirectory(prefix="tm") as folder:
        os.environ |= {"HOME": folder, "XDG_DATA_HOME": folder, "XDG_STATE_HOME": folder}
        os.environ.pop("TRADING_MCP_HOME", None)
        try:
            with session(OURS) as client:
                told(client, "get_agent_status")
            time.sleep(SETTLED_AFTER)
            results = rest(holder(Path(folder)))
            with session(OURS) as client:
                results += kill(client)
        finally:
            subprocess.run([*OURS, "stop"], check=False, capture_output=True)
    report(results)


if __name__ == "__main__":
    main()

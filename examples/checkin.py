"""A check-in as a script: look, place one small trade that is safe to repeat, and say what became of it.

    python examples/checkin.py /path/to/trading-mcp [--home NAME]

Copy it and change it. It runs in any environment that has the official `mcp` package. Put it into cron, and the trade
is placed once a day however often it runs: the day is its id.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime
from typing import Any

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

PAIR = "BTC-USDT"
TRADE = {"pair": PAIR, "side": "buy", "notional": "50", "reason": "the daily check-in"}

Reply = dict[str, Any]


async def asked(client: Client, tool: str, **arguments: Any) -> Reply:  # noqa: ANN401 - whatever the tool takes
    """Return what a tool answers; an error ends the script with the desk's own sentence and its next step."""
    reply: Reply = (await client.call_tool(tool, arguments)).structured_content or {}
    if "error" in reply:
        raise SystemExit(f"{reply['error']['message']} {reply['error']['next_step']}")
    return reply


async def check_in(client: Client) -> int:
    """Look first, then act; return the exit code."""
    status = await asked(client, "get_agent_status")
    print(f"{status['mode']} {status['trading_state']}, equity {status['equity']} {status['currency']}")
    if status["trading_state"] != "ACTIVE":
        print(f"Nothing is traded: {status['state_reason']}")
        return 1
    portfolio = await asked(client, "get_portfolio")
    for each in portfolio["positions"]:
        print(f"holds {each['quantity']} {each['pair']}, unrealised {each['unrealised'] or 'not known'}")
    signals = await asked(client, "get_signals", pairs=[PAIR])
    signal = signals["signals"][0]
    print(f"{PAIR}: {signal['signal']}, confidence {signal['confidence']}")
    if signal["signal"] == "SELL":
        print("The signal is against it: nothing is bought.")
        return 0
    # The same id with the same words never trades twice: if this answer is lost, run the script again.
    day = datetime.now(UTC).date().isoformat()
    return told(await asked(client, "execute_trade", **TRADE, intent_id=f"checkin-{day}"))


def told(trade: Reply) -> int:
    """Say what became of the trade, and what to do; return the exit code."""
    order = trade["order"]
    match trade["status"]:
        case "filled":
            print(f"filled: {order['filled_quantity']} at {order['average_price']}, fee {order['fee']}")
            return 0
        case "denied":
            # A no is an answer: say why, and do not split the order to get around it.
            for found in trade["findings"]:
                print(f"denied by {found['code']}: {found['reason']}. Would pass: {found['would_pass']}")
            return 1
        case "awaiting_approval":
            # Only the owner can sign it; `get_proposals` with ended=true tells later what became of it.
            for found in trade["findings"]:
                print(f"asked by {found['code']}: {found['reason']}")
            print(f"waits for the owner: {trade['next_step']}")
            return 0
        case "unknown":
            # Never send it again under another id: the desk is asking the venue.
            print(f"not known yet: {trade['next_step']}")
            return 1
        case other:
            print(f"{other}. {trade['next_step']}")
            return 0


async def main(command: str, arguments: list[str]) -> int:
    """Start the bridge, as an assistant does; it starts the desk or joins it."""
    # The library passes on little of the environment by itself; the desk of a home is found by these.
    passed = {name: value for name, value in os.environ.items() if name.startswith(("XDG_", "TRADING_MCP_"))}
    bridge = StdioServerParameters(command=command, args=arguments, env=passed)
    async with Client(stdio_client(bridge)) as client:
        return await check_in(client)


if __name__ == "__main__":
    if len(sys.argv) < 2:  # noqa: PLR2004 - the script and the program
        raise SystemExit(__doc__)
    raise SystemExit(asyncio.run(main(sys.argv[1], sys.argv[2:])))

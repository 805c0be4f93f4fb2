"""`stop`: ask the desk to end in good order, and wait until it has."""

from __future__ import annotations

import time

from trading_mcp import link
from trading_mcp.cli import page
from trading_mcp.cli.client import CLIENT, ask
from trading_mcp.cli.parsing import parser, place_of
from trading_mcp.doors.local.requests import StopDesk
from trading_mcp.errors import DeskUnreachable, LinkBroken
from trading_mcp.place import Place

STOP_WITHIN = 30.0
PAUSE = 0.05
_STOP = "  trading-mcp stop\n  trading-mcp stop --home other"


def main(name: str, arguments: list[str]) -> int:
    """Stop a desk."""
    made = parser(name, "Stop the running desk of a home in good order.", _STOP)
    made.add_argument("--reason", default="", help="recorded with the stop")
    given = made.parse_args(arguments)
    place = place_of(given)
    reply = ask(place, StopDesk(reason=given.reason), any_version=True)
    deadline = time.monotonic() + STOP_WITHIN
    while _is_up(place):
        if time.monotonic() > deadline:
            raise LinkBroken(f"The desk of home {place} takes long to stop.", f"Ask again: {place.command('status')}")
        time.sleep(PAUSE)
    if given.json:
        page.dump(reply)
    else:
        page.say(f"The desk of home {place} has stopped. Its book is kept; start it again: {place.command('desk')}")
    return reply.exit


def _is_up(place: Place) -> bool:
    try:
        link.connect(place, "cli", CLIENT, any_version=True)[0].close()
    except DeskUnreachable:
        return False
    except LinkBroken:
        return True
    return True

"""`halt`: the kill switch, which needs no key and starts fast."""

from __future__ import annotations

from trading_mcp.cli import page
from trading_mcp.cli.client import ask
from trading_mcp.cli.parsing import parser, place_of
from trading_mcp.cli.trading import done
from trading_mcp.doors.local import requests as r

_HALT = """\
  trading-mcp halt
  trading-mcp halt --reason "I do not trust this"
  trading-mcp halt --everything    stops at the venue go too; takes a signature"""


def main(name: str, arguments: list[str]) -> int:
    """Engage the kill switch."""
    made = parser(name, "Stop all new risk now; protection stays in place.", _HALT)
    made.add_argument("--everything", action="store_true", help="stops at the venue go too; this takes a signature")
    made.add_argument("--reason", default="", help="why, for the journal")
    given = made.parse_args(arguments)
    reply = ask(place_of(given), r.HaltNow(reason=given.reason), any_version=True)
    if given.json:
        page.dump(reply)
    else:
        done(reply)
    return reply.exit

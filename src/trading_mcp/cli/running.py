"""`desk`: the desk in the foreground, one calm line for each thing that happens."""

from __future__ import annotations

import sys

from trading_mcp.bootstrap.running import Watcher, run
from trading_mcp.cli import page
from trading_mcp.cli.parsing import parser, place_of
from trading_mcp.cli.setup import claude_line
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.events import AnyEvent
from trading_mcp.core.domain.home import Mode
from trading_mcp.desk.queries import Since
from trading_mcp.desk.standing import cause, way_out
from trading_mcp.desk.wording import is_quiet, sentence
from trading_mcp.errors import Exit, UsageInvalid
from trading_mcp.place import MODES, Place, shown, spelled, typed

PORT = 8642
PORT_MIN = 1_024
PORT_MAX = 65_535

_DESK = """\
  trading-mcp desk                 the home `simulated`, made at its first start
  trading-mcp desk --home other    another home
  trading-mcp desk --http          also by HTTP, on this machine, with tokens
  trading-mcp desk stop            as `stop`

Ctrl-C stops it in good order. A file named HALT in its home, or SIGUSR1, stops
all new risk at once."""


def main(name: str, arguments: list[str]) -> int:
    """Run a desk."""
    made = parser(name, "Run the desk of a home here until it is stopped.", _DESK)
    made.add_argument("--mode", choices=MODES, default="", help="refuse to start unless the home has this mode")
    made.add_argument("--detached", action="store_true", help="say nothing, and end when nobody needs the desk")
    made.add_argument("--http", action="store_true", help="let assistants in by HTTP too: see `token`")
    made.add_argument("--port", metavar="N", help=f"on which port (default: {PORT}; 0 for any)")
    given = made.parse_args(arguments)
    place = place_of(given)
    watcher = Watcher() if given.detached or given.json else Teller(place)
    run(place, watcher, mode=given.mode, detached=given.detached, port=_port(given.port, asked=given.http))
    return Exit.DONE


def _port(given: str | None, *, asked: bool) -> int | None:
    """Return where to listen for HTTP; nowhere, unless it was asked for."""
    if not asked:
        if given is not None:
            raise UsageInvalid("--port says where to listen for HTTP, which was not asked for.", "Add --http.")
        return None
    said = str(PORT) if given is None else given
    port = int(said) if said.isascii() and said.isdecimal() and len(said) <= len(str(PORT_MAX)) else -1
    if port != 0 and not PORT_MIN <= port <= PORT_MAX:
        raise UsageInvalid(
            f"{shown(repr(said[:20]))} is no port.",
            f"Use {PORT_MIN} to {PORT_MAX}, or 0 for any that is free.",
        )
    return port


class Teller(Watcher):
    """Tells on the terminal what the desk does."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def began(self, book: Book, since: Since, path: str, url: str) -> None:
        home = book.home
        print(f"{page.inked('trading-mcp desk', 'bold')}  {home.name} · {home.mode}")
        page.pair("home", path)
        why = cause(book)
        page.pair("state", f"{book.account_state.name}{why and f': {why} {spelled(way_out(book), self._place)}'}")
        page.pair("prices", "made up, the same on every machine: no real money, no real venue")
        page.pair("journal", f"{'replayed' if since.down_for else 'open'}, {len(book.working)} orders working")
        page.pair(
            "approver",
            book.approver or f"nobody yet, so nothing can be signed. In another terminal: {typed('approver enroll')}",
        )
        if url:
            page.pair("http", url)
        if since.gap:
            page.pair("since then", since.gap)
        print()
        page.say("Try in another terminal:", 2)
        for words in ("status", "trade buy BTC-USDT --notional 100", "portfolio", "halt"):
            print(f"    {self._place.command(words)}")
        if home.mode is Mode.SIMULATED:
            page.say(f"Connect Claude Code with this line; for others: {typed('setup --help')}", 2)
            print(f"    {claude_line(self._place)}")
        page.say("Ctrl-C stops it in good order; nothing is lost.", 2)
        print(flush=True)

    def happened(self, events: tuple[AnyEvent, ...]) -> None:
        for event in events:
            if not is_quiet(event) and not isinstance(event, e.DeskStarted):
                line = f"{page.time_of_day(event.at)}  {sentence(event)}"
                print(line if len(line) <= page.WIDTH else f"{line[: page.WIDTH - 1]}…")
        sys.stdout.flush()

    def ended(self, reason: str) -> None:
        page.say(f"The desk has stopped ({reason}). Its book is kept.")
        sys.stdout.flush()

"""A desk's life: lock, journal, book, ports, the door open for reading and killing, venues compared, orders; stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import socket
from collections.abc import Callable, Generator
from functools import partial
from typing import TYPE_CHECKING, Final

from trading_mcp import __version__, link
from trading_mcp.adapters.approvals.keystore import Keystore
from trading_mcp.adapters.brokers.paper.venue import PaperVenue
from trading_mcp.adapters.feeds.simulated import SimulatedFeed
from trading_mcp.adapters.system.clock import SystemClock
from trading_mcp.adapters.system.oplog import OperatorLog
from trading_mcp.adapters.system.signals import leave_terminal, signals
from trading_mcp.bootstrap.alerts import Remembered, outbox_of
from trading_mcp.bootstrap.homes import Opened, approver_folder, keep_snapshot, open_or_make
from trading_mcp.bootstrap.http import http_door, listening, tokens_of
from trading_mcp.bootstrap.records import Records
from trading_mcp.bootstrap.services import DeskServices, PinnedNow
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.events import AnyEvent
from trading_mcp.core.domain.home import Token
from trading_mcp.core.domain.orders import Door
from trading_mcp.core.domain.verdict import Code
from trading_mcp.core.simulation.market import SyntheticMarket
from trading_mcp.desk.desk import Desk
from trading_mcp.desk.earning import Earnings
from trading_mcp.desk.heart import Heart
from trading_mcp.desk.moments import Moments
from trading_mcp.desk.notices import UNREACHED, Notice
from trading_mcp.desk.opening import closed, needed_for, opened
from trading_mcp.desk.ports import Ports
from trading_mcp.desk.queries import Since
from trading_mcp.doors.local.server import LocalDoor
from trading_mcp.errors import JournalError, TradingMcpError, UsageInvalid
from trading_mcp.place import Place, socket_path, spelled

if TYPE_CHECKING:
    from trading_mcp.doors.mcp_server.door import McpDoor

# The synthetic market of every home: what is made up is made up alike.
SEED: Final = 7
WATCH_EVERY: Final = 1.0
MINUTE: Final = 60.0
HEART_PAUSE: Final = 1.0
LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
LIBRARIES: Final = ("asyncio", "mcp", "sse_starlette", "uvicorn")
_log: Final = logging.getLogger("trading_mcp.desk")

Told = Callable[[tuple[AnyEvent, ...]], None]


class Watcher:
    """Is told what happens in a desk that runs in the foreground; this one is told nothing."""

    def began(self, book: Book, since: Since, path: str, url: str) -> None:
        """Learn that the desk is open, and where it listens for HTTP, if it does."""

    def happened(self, events: tuple[AnyEvent, ...]) -> None:
        """Learn what was just recorded."""

    def ended(self, reason: str) -> None:
        """Learn that the desk has stopped."""


def run(place: Place, watcher: Watcher, *, mode: str = "", detached: bool = False, port: int | None = None) -> None:
    """Run the desk of a home until it is stopped; with a port, also behind its HTTP door."""
    if detached:
        leave_terminal()
    gc.disable()  # hardly anything that a start makes is garbage: looking for it takes a tenth of the time
    home = open_or_make(place)
    try:
        wanted, has = mode, home.book.home.mode.value
        if wanted and wanted != has:
            raise UsageInvalid(
                f"Home {place} is {has} for life, not {wanted[:20]}.", "List homes: trading-mcp home list."
            )
        web = None if port is None else listening(home, place, port)
        with _logging(home):
            running = _Running(home, place, watcher, detached=detached, web=web)
            try:
                with web or contextlib.nullcontext():
                    asyncio.run(running.live())
            finally:
                home.close()
                running.outbox.close()  # last, so that no other start waits for what a service takes its time for
    finally:
        gc.enable()
        home.close()


@contextlib.contextmanager
def _logging(home: Opened) -> Generator[None]:
    """Keep what we and our libraries say in the operator's log, where it is redacted, and off the terminal."""
    log = OperatorLog(home.folder.logs, SystemClock(), days=home.settings.log_days)
    level = LEVELS[home.settings.log_level]
    loggers = {name: logging.getLogger(name) for name in ("trading_mcp", *LIBRARIES)}
    for name, logger in loggers.items():
        logger.addHandler(log)
        logger.setLevel(max(level, logging.WARNING) if name in LIBRARIES else level)
        logger.propagate = False
    try:
        yield
    finally:
        for logger in loggers.values():
            logger.removeHandler(log)
        log.close()


def _assistants(desk: Desk, home: Opened, place: Place, notes: tuple[str, ...], earned: Earnings) -> McpDoor:
    # Only a desk that runs needs the SDK, which takes longer to load than everything else together.
    from trading_mcp.doors.mcp_server.door import McpDoor  # noqa: PLC0415

    settings = home.settings
    ceiling = {"read_only": settings.assistants_read_only, "exclude_tools": settings.assistants_exclude_tools}
    return McpDoor(desk, Moments(desk, home.since, notes, earned), ceiling, partial(spelled, place=place))


class _Running:
    """One desk, from its first entry to its last."""

    def __init__(
        self, home: Opened, place: Place, watcher: Watcher, *, detached: bool, web: socket.socket | None
    ) -> None:
        self._home = home
        self._place = place
        self._watcher = watcher
        self._detached = detached
        self._web = web
        self._clock = SystemClock()
        self._halt = home.folder.haltfile
        self._killed = False
        self._stopping = asyncio.Event()
        self._reason = ""
        self._keystore = Keystore(approver_folder(), self._clock)
        self.outbox = outbox_of(home, self._undelivered)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._desk: Desk | None = None
        self._door: LocalDoor | None = None
        self._assistants: McpDoor | None = None

    async def live(self) -> None:
        """Open the doors, let the heart beat, and end in good order."""
        self._loop = asyncio.get_running_loop()
        listener = link.listen(self._place)
        venue = None
        try:
            ports, venue = self._ports()
            with signals(stop=self._stop, kill=self._kill):
                await self._open(ports, listener)
        finally:
            listener.close()
            with contextlib.suppress(OSError):
                os.unlink(socket_path(self._place))  # noqa: PTH108 - the path is the link's own
            if venue is not None:
                await venue.close()

    async def _open(self, ports: Ports, listener: socket.socket) -> None:
        desk = self._desk = opened(ports, self._home.book, __version__)
        records = Records(self._home)
        services = DeskServices(self._home, self._keystore, records)
        self._latch_trouble(desk)
        self._pin(desk, services)
        self._see_tokens(desk)
        self._halt.arm()
        assistants = self._assistants = _assistants(desk, self._home, self._place, self._notes(), records.earned)
        door = self._door = LocalDoor(desk, services, self._home.since, self._stop, self._notes(), assistants)
        await door.open(listener)
        gc.freeze()  # what is there now stays for good, and no answer waits while it is looked through
        gc.enable()
        http = (
            None
            if self._web is None
            else http_door(assistants, self._home, self._web, partial(self._is_recorded, desk))
        )
        if http is not None:
            http.open()
            door.also_needed = "it listens for HTTP"
        self._watcher.began(
            desk.book, self._home.since, str(self._home.folder.path), "" if http is None else http.url
        )
        tasks = [
            asyncio.ensure_future(self._beating(ports, desk)),
            asyncio.ensure_future(self._watching(desk)),
            asyncio.ensure_future(self._verifying(services, desk)),
            asyncio.ensure_future(records.keep(lambda: desk.book, self._clock.now)),
        ]
        try:
            await self._stopping.wait()
        finally:
            await door.close()
            if http is not None:
                http.shut()
            await assistants.close()
            if http is not None:
                await http.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._end(desk)
            records.close(is_here=self._home.lock.stands)

    def _ports(self) -> tuple[Ports, PaperVenue]:
        feed = SimulatedFeed(SyntheticMarket(SEED), self._clock)
        venue = PaperVenue(self._home.folder.venue, feed, self._clock)
        remembered = Remembered(self._home.folder.path)
        ports = Ports(
            journal=self._home.journal,
            clock=self._clock,
            feed=feed,
            brokers={venue.venue: venue},
            verifier=PinnedNow(self._keystore, lambda: self._home.book if self._desk is None else self._desk.book),
            notifier=self.outbox,
            told_before=remembered.load(),
            remember_told=remembered.keep,
            is_halted_by_file=lambda: self._killed or self._halt.stands(),
            raise_halt_file=self._raise_halt,
            views=self._happened,
        )
        return ports, venue

    def _pin(self, desk: Desk, services: DeskServices) -> None:
        """Tell the core who is pinned now: a key that nobody signed for is told of for a day before it signs here."""
        enroll = services.pinned(desk.book)
        if enroll is not None:
            desk.commit(enroll)

    def _see_tokens(self, desk: Desk) -> None:
        """Put on record who may come in by HTTP, whenever the owner has changed that."""
        # Of a file that is not ours alone no token is taken, and who comes by HTTP hears of it.
        with contextlib.suppress(TradingMcpError):
            held = tokens_of(self._home).told()
            if {each.name: each for each in held} != desk.book.tokens:
                desk.commit(c.SeeTokens(tokens=held))

    def _is_recorded(self, desk: Desk, token: Token) -> bool:
        """Say whether the journal knows a token, once it has been told of those that are new."""
        if desk.book.tokens.get(token.name) != token:
            self._see_tokens(desk)
        return desk.book.tokens.get(token.name) == token

    def _happened(self, events: tuple[AnyEvent, ...]) -> None:
        """Tell who watches at the terminal, and who watches through a door."""
        self._watcher.happened(events)
        if self._assistants is not None:
            self._assistants.happened(events)

    def _undelivered(self, said: str) -> None:
        """Hear, on a thread of the notifier's, that a notice did not go out."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the desk has ended meanwhile
                self._loop.call_soon_threadsafe(self._unreached, said)

    def _unreached(self, said: str) -> None:
        """Keep for the next who asks that a notice did not go out."""
        if self._desk is not None:
            self._desk.unreached.append(Notice(at=self._clock.now(), subject=UNREACHED, text=said))

    def _raise_halt(self) -> None:
        if not self._halt.put_up():
            self._killed = True  # not even a file can be made: what this process knows still stops it

    async def _beating(self, ports: Ports, desk: Desk) -> None:
        heart = Heart(ports, desk)
        while True:
            try:
                await heart.run()
            except TradingMcpError as error:
                _log.warning("the heart stumbled: %s", error)
            except Exception as error:  # noqa: BLE001 - a bug of ours: freeze, say so, and go on watching exits
                _log.exception("the heart failed")
                desk.freeze(f"the desk's heart failed: {type(error).__name__}")
            await asyncio.sleep(HEART_PAUSE)

    async def _watching(self, desk: Desk) -> None:
        """Stop when the home is gone, and, where nobody else started it, when nobody needs the desk."""
        idle = 0.0
        while True:
            await asyncio.sleep(WATCH_EVERY)
            self._see_tokens(desk)
            if not self._home.lock.stands:
                self._stop("the home's folder was moved or removed")
            idle = 0.0 if self._is_needed(desk) else idle + WATCH_EVERY
            if self._detached and idle >= MINUTE * self._home.settings.idle_minutes:
                self._stop("nobody needed it")

    def _is_needed(self, desk: Desk) -> bool:
        door = self._door
        return bool(needed_for(desk.book)) or (door is not None and bool(door.also_needed or door.clients))

    async def _verifying(self, services: DeskServices, desk: Desk) -> None:
        """Verify what a snapshot spared the start; a bad entry freezes and is named."""
        try:
            found = await services.verified()
        except JournalError as error:
            desk.freeze(error.message, Code.JOURNAL_UNSOUND)
            return
        if not found.holds:
            desk.freeze(f"Entry {found.broken_at} {found.reason}.", Code.JOURNAL_UNSOUND)

    def _latch_trouble(self, desk: Desk) -> None:
        if self._home.trouble:
            desk.freeze(self._home.trouble, Code.JOURNAL_UNSOUND)
            return
        with contextlib.suppress(JournalError):
            self._home.journal.checkpoint()  # what a crash left unsigned has been verified, and is signed now

    def _notes(self) -> tuple[str, ...]:
        trouble = self._home.checkpointer.trouble
        return (f"The anchor could not be written: {trouble}.",) if trouble else ()

    def _stop(self, reason: str) -> None:
        self._reason = self._reason or reason
        self._stopping.set()

    def _kill(self) -> None:
        """Stop trading now: the flag is looked at before every write; the latch follows as soon as the loop turns."""
        self._killed = True
        asyncio.get_running_loop().call_soon_threadsafe(self._latch_kill)

    def _latch_kill(self) -> None:
        try:
            if self._desk is not None:
                self._desk.commit(c.Halt(door=Door.DESK, reason="SIGUSR1"))
        except TradingMcpError:
            return  # the flag stays
        self._killed = False

    async def _end(self, desk: Desk) -> None:
        reason = self._reason or "stopped"
        try:
            await closed(desk, reason)
            if self._home.lock.stands:
                # Where the folder was, another home may begin: nothing of this one is put there.
                keep_snapshot(self._home, desk.book)
        except TradingMcpError as error:
            _log.warning("the stop was not recorded: %s", error)
        self._watcher.ended(reason)

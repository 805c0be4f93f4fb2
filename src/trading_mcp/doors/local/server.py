"""The local door: who knocks, one line at a time, each journaled before and after, and no garbage stops the desk."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from trading_mcp import link
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import Door
from trading_mcp.desk import past
from trading_mcp.desk.answers import Answer, DoneAnswer, EntriesAnswer, EntryShown
from trading_mcp.desk.desk import Desk
from trading_mcp.desk.moments import Moments
from trading_mcp.desk.opening import needed_for
from trading_mcp.desk.queries import Since
from trading_mcp.desk.searching import FoundAnswer, told
from trading_mcp.doors.local import reading
from trading_mcp.doors.local import requests as r
from trading_mcp.doors.local.acting import Acts
from trading_mcp.doors.local.services import Services
from trading_mcp.errors import Exit, JournalUnwritable, LinkBroken, LinkRefused, TradingMcpError, UsageInvalid
from trading_mcp.redact import redacted

CONNECTIONS_MAX: Final = 64
HELLO_WITHIN: Final = 5.0
IDLE_MAX: Final = 600.0
ARGUMENTS_MAX: Final = 1_000
LINES_EACH: Final = 200
# Who follows the journal hears of news this soon, and asks again after half a minute without any.
FOLLOW_PAUSE: Final = 0.5
FOLLOW_LOOKS: Final = 60
FOUND_MAX: Final = 100
WORDS_MAX: Final = 400

_log: Final = logging.getLogger("trading_mcp.local")
_SECRET: Final = frozenset({"statement", "signature", "text", "setup"})


class Assistants(Protocol):
    """The door for assistants, as the socket hands connections over to it."""

    def require(self, flags: Mapping[str, object]) -> None:
        """Refuse what a client's first line asks for and the door cannot give."""
        ...

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hello: link.Hello) -> None:
        """Carry one session, from the first byte after both first lines until either side ends."""
        ...

    async def part(self) -> None:
        """Say goodbye to whoever listens, before their connections are ended."""
        ...


class LocalDoor:
    """Serves the desk's socket to this user's own programs; what they are is `Door.CLI`, whatever they say."""

    def __init__(
        self,
        desk: Desk,
        services: Services,
        since: Since,
        stop: Callable[[str], None],
        notes: Sequence[str] = (),
        assistants: Assistants | None = None,
    ) -> None:
        self._desk = desk
        self._services = services
        self._moments = Moments(desk, since, notes)
        self._stop = stop
        self._assistants = assistants
        # What only whoever runs the desk knows of why it goes on.
        self.also_needed = ""
        self._connections: set[asyncio.Task[None]] = set()
        self._calls = 0
        self._stop_for = ""
        self._server: asyncio.Server | None = None

    @property
    def clients(self) -> int:
        """Return how many are connected."""
        return len(self._connections)

    async def open(self, listener: socket.socket) -> None:
        """Let clients in from here on."""
        self._server = await asyncio.start_unix_server(self._met, sock=listener, limit=link.LINE_MAX)

    async def close(self) -> None:
        """Let nobody in any more, and end what is under way."""
        if self._server is not None:
            self._server.close()
        if self._assistants is not None:
            await self._assistants.part()
        for task in tuple(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - the server runs each client in a task
        self._connections.add(task)
        try:
            await self._greeted(reader, writer)
        except asyncio.CancelledError:
            pass  # the desk stops
        except (OSError, TimeoutError):
            pass  # the client went away, or says nothing
        except Exception:  # noqa: BLE001 - whatever a client caused, the desk goes on
            _log.exception("a client's connection failed")
        finally:
            self._connections.discard(task)
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _greeted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            peer = writer.get_extra_info("socket")
            if link.peer_uid(peer) != os.geteuid():
                raise LinkRefused("This desk belongs to another user.", "Ask the desk of your own.")
            if len(self._connections) > CONNECTIONS_MAX:
                raise LinkRefused("Too many clients are connected.", "Close some, then try again.")
            line = await _first_line(reader)
            if not line:
                return
            hello = link.read_hello(line)
            if hello.kind == "mcp":
                if self._assistants is None:
                    raise LinkRefused(
                        "This desk has no door for assistants.", "Use the command line: trading-mcp --help."
                    )
                self._assistants.require(hello.flags)
        except TradingMcpError as error:
            writer.write(link.refusal(error))
            await writer.drain()
            return
        home = self._desk.book.home
        writer.write(link.welcome(home.name, home.mode.value))
        if hello.kind == "mcp" and self._assistants is not None:
            await self._assistants.serve(reader, writer, hello)
            return
        client, lines, waiting = redacted(hello.client, 80), link.Lines(), list[bytes]()
        while waiting or (waiting := await self._next(reader, writer, lines)):
            writer.write(await self._answered(waiting.pop(0), client))
            await writer.drain()
            if self._stop_for:
                self._stop(self._stop_for)  # only now: who asked for it is to hear of it

    async def _next(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lines: link.Lines
    ) -> list[bytes]:
        """Return the next whole lines, or none when the client has hung up or speaks no lines."""
        waiting: list[bytes] = []
        async with asyncio.timeout(IDLE_MAX):
            while not waiting:
                data = await reader.read(65_536)
                if not data:
                    return []
                try:
                    waiting = lines.feed(data)
                except LinkBroken as error:
                    writer.write(self._envelope(_failed(error)))
                    await writer.drain()
                    return []
        return waiting

    async def _answered(self, line: bytes, client: str) -> bytes:
        """Answer one line; whatever is wrong with it or with us, it is answered and the desk goes on."""
        try:
            request = _request(line)
        except TradingMcpError as error:
            return self._envelope(_failed(error))
        self._calls += 1
        now = self._desk.ports.clock.now()
        called = e.ToolCalled(
            at=now,
            call_id=f"cli-{now}-{self._calls}",
            tool=str(type(request).__struct_config__.tag),
            arguments=_arguments(request),
            door=Door.CLI,
            client=client,
        )
        acts = Acts(self._desk, self._services, client, called)
        try:
            answer, code = await self._done(request, acts, called)
            body: dict[str, object] = {"ok": True, "exit": int(code), "answer": msgspec.to_builtins(answer)}
            status = getattr(answer, "status", "") or code.name.lower()
        except TradingMcpError as error:
            body, status = _failed(error), type(error).__name__
        except Exception:  # noqa: BLE001 - the same
            _log.exception("a request failed", extra={"fields": {"request": called.tool}})
            body = _failed(LinkBroken("The desk could not answer that.", "Read its log: trading-mcp doctor."))
            status = "failed"
        try:
            whole = self._envelope(body)
        except LinkBroken as error:
            whole, status = self._envelope(_failed(error)), "too long"
        self._note_answer(called, str(status), whole, acts.caused)
        return whole

    async def _done(self, request: r.AnyRequest, acts: Acts, called: e.ToolCalled) -> tuple[Answer, Exit]:
        if isinstance(request, r.AuditTail) and request.wait:
            self._note(called)
            return await self._awaited(request), Exit.DONE
        if isinstance(request, reading.READS):
            self._note(called)
            return reading.answer(request, self._moments.of_all_pairs(), self._desk.ports.journal), Exit.DONE
        match request:
            case r.AuditFind():
                self._note(called)
                return await self._found(request), Exit.DONE
            case r.AuditVerify():
                self._note(called)
                verified = await self._services.verified()
                return verified, Exit.DONE if verified.is_sound else Exit.UNSOUND
            case r.AuditLines(since=since):
                self._note(called)
                return self._services.lines(since, LINES_EACH), Exit.DONE
            case r.Screen():
                self._note(called)
                return self._screen(request), Exit.DONE
            case r.StopDesk(reason=reason, unless_needed=unless_needed):
                if unless_needed:
                    self._require_unneeded()
                self._desk.record((called,))
                self._stop_for = redacted(reason, 200) or "stopped at the terminal"
                return DoneAnswer(done=True, sentences=("The desk stops.",), seqs=()), Exit.DONE
            case _:
                with exactly():
                    return await acts.act(request)

    async def _found(self, request: r.AuditFind) -> FoundAnswer:
        if not request.text and not request.kind:
            raise UsageInvalid("It is not said what to find.", "Name words, or --kind KIND.")
        limit = max(1, min(request.limit, FOUND_MAX))
        found = await self._services.found(request.text[:WORDS_MAX], request.kind, max(0, request.before), limit)
        return told(found, self._desk.ports.journal)

    async def _awaited(self, request: r.AuditTail) -> EntriesAnswer:
        """Return the next news, or none after a while, and where to go on."""
        journal = self._desk.ports.journal
        since = journal.head().seq if request.since is None else request.since
        found: tuple[EntryShown, ...] = ()
        for _ in range(FOLLOW_LOOKS):
            told = past.tail(journal, request.count, since=since)
            found, since = told.entries, told.next_since or journal.head().seq
            if found:
                break
            await asyncio.sleep(FOLLOW_PAUSE)
        return EntriesAnswer(entries=found, next_since=since)

    def _require_unneeded(self) -> None:
        others = "another client is connected" if self.clients > 1 else ""
        need = needed_for(self._desk.book) or self.also_needed or others
        if need:
            raise LinkRefused(f"This desk is needed: {need}.", "Stop it when it suits you: trading-mcp desk stop")

    def _screen(self, request: r.Screen) -> Answer:
        read = self._moments.of_all_pairs()
        if request.act:
            return self._services.act(request.act, read.book, read.facts)
        proposal = read.book.proposals.get(request.proposal_id)
        if proposal is None:
            raise UsageInvalid("No proposal of that id waits.", "List what waits: trading-mcp proposals.")
        return self._services.screen(proposal, read.book, read.facts)

    def _note(self, event: e.AnyEvent) -> None:
        # A journal that cannot be written must not keep anyone from reading why.
        with contextlib.suppress(JournalUnwritable):
            self._desk.note((event,))

    def _note_answer(self, called: e.ToolCalled, status: str, whole: bytes, caused: tuple[int, ...]) -> None:
        self._note(
            e.ToolAnswered(
                at=self._desk.ports.clock.now(),
                call_id=called.call_id,
                status=status,
                size=len(whole),
                digest=hashlib.sha256(whole).hexdigest(),
                caused=caused,
            )
        )

    def _envelope(self, body: dict[str, object]) -> bytes:
        book = self._desk.book
        return link.encode(
            {
                "mode": book.home.mode.value,
                "home": book.home.name,
                "trading_state": book.account_state.name,
                "as_of": self._desk.ports.clock.now(),
                "journal_seq": self._desk.ports.journal.head().seq,
                **body,
            }
        )


async def _first_line(reader: asyncio.StreamReader) -> bytes:
    """Return exactly the first line, since what follows is read by whoever it is for; none when nobody is there."""
    try:
        async with asyncio.timeout(HELLO_WITHIN):
            return (await reader.readuntil(b"\n"))[:-1]
    except asyncio.IncompleteReadError:
        return b""
    except asyncio.LimitOverrunError:
        raise LinkBroken(
            f"The first line is longer than {link.LINE_MAX:,} bytes.", "Use a client of the desk's own version."
        ) from None


def _request(line: bytes) -> r.AnyRequest:
    fields = link.decode(line)
    try:
        return msgspec.convert(dict(fields), r.AnyRequest)
    except msgspec.ValidationError as problem:
        raise UsageInvalid(
            f"That is no request: {redacted(str(problem), 200)}.", "Use a client of the desk's own version."
        ) from None


def _arguments(request: r.AnyRequest) -> str:
    given: dict[str, object] = msgspec.to_builtins(request)
    kept = {key: value for key, value in given.items() if value not in ("", None, {}) and key != "request"}
    shown = {key: f"({len(str(value))} characters)" if key in _SECRET else value for key, value in kept.items()}
    return redacted(msgspec.json.encode(shown).decode(), ARGUMENTS_MAX)


def _failed(error: TradingMcpError) -> dict[str, object]:
    return {
        "ok": False,
        "exit": int(error.exit_code),
        "error": {
            "code": type(error).__name__,
            "message": redacted(error.message),
            "next_step": redacted(error.next_step),
        },
    }

"""A desk behind its real door and a client that writes bytes: nothing in between is polite."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from tests.desk.world import World
from tests.doors.mcp_server.conftest import door_of, wired
from tests.simulation.virtual import Jumping, VirtualLoop, run
from trading_mcp.core.domain.events import AnyEvent
from trading_mcp.core.domain.money import exactly
from trading_mcp.doors.mcp_server.door import McpDoor

Body = dict[str, Any]
# What a connection speaks: each request with an envelope of its own, or after a handshake.
ERAS = ("2026-07-28", "2025-11-25")
MODERN, HANDSHAKE = ERAS
# On the virtual clock; the desk itself waits ten seconds for a venue, and closes for as long as five.
ANSWER_WITHIN = 120.0
# Nothing a client sees may look like the inside of the program.
INSIDES = ("Traceback", 'File "', "/site-packages/", "msgspec", "Decimal(", " object at 0x", "KeyError", "TypeError")


class Ready(Jumping):
    """A selector that looks first: what is there already takes no time, and each look is counted."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0
        self.at: dict[int, Callable[[], None]] = {}

    def select(self, timeout: float | None = None) -> Any:
        self.looks += 1
        if self.looks in self.at:
            self.at.pop(self.looks)()
            timeout = 0
        return super().select(0) or (super().select(timeout) if timeout is None or timeout > 0 else [])


class Watched(World):
    """A world in which somebody looks at each commit, at the very moment."""

    def watch(self, look: Callable[[], None]) -> None:
        self.watcher = look

    def _views(self, events: tuple[AnyEvent, ...]) -> None:
        super()._views(events)
        look = getattr(self, "watcher", None)
        if look is not None:
            look()


class Raw:
    """One connection, line by line; answers are found by the id of their question."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.heard: dict[Any, Body] = {}
        # What stands in the parameters of each request.
        self.envelope: Body = {}
        self._asked = 0

    async def hello(self, era: str, name: str, version: str) -> None:
        info: Body = {"name": name, "version": version}
        can: Body = {"elicitation": {}}
        if era == MODERN:
            self.envelope = enveloped(era, info, can)
            assert MODERN in (await self.ask("server/discover"))["result"]["supportedVersions"]
        else:
            told = await self.ask("initialize", protocolVersion=era, capabilities=can, clientInfo=info)
            assert told["result"]["protocolVersion"] == era
            self.write({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def write(self, message: Mapping[str, Any]) -> None:
        self.line(json.dumps(message))

    def line(self, text: str | bytes) -> None:
        self.writer.write((text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")) + b"\n")

    def send(self, method: str, **params: Any) -> int:
        """Ask without waiting."""
        self._asked += 1
        self.write({"jsonrpc": "2.0", "id": self._asked, "method": method, "params": {**self.envelope, **params}})
        return self._asked

    def send_call(self, tool: str, arguments: Any) -> int:
        return self.send("tools/call", name=tool, arguments=arguments)

    def send_text(self, asked: str, tool: str, arguments: str) -> None:
        """Ask with arguments that are whatever this text is."""
        params = json.dumps({**self.envelope, "name": tool}).removesuffix("}")
        head = f'{{"jsonrpc":"2.0","id":{json.dumps(asked)},"method":"tools/call"'
        self.line(f'{head},"params":{params},"arguments":{arguments}}}}}')

    async def answer(self, asked: Any) -> Body:
        """Wait for one answer; those that come before it are kept."""
        while asked not in self.heard:
            async with asyncio.timeout(ANSWER_WITHIN):
                line = await self.reader.readline()
            assert line, "the door closed the connection"
            told = json.loads(line)
            if "method" not in told:
                assert told["id"] is not None or asked is None, f"nobody can tell which question this answers: {told}"
                assert told["id"] not in self.heard, "one question was answered twice"
                self.heard[told["id"]] = told
        return self.heard.pop(asked)

    async def ask(self, method: str, **params: Any) -> Body:
        return await self.answer(self.send(method, **params))

    async def call(self, tool: str, **arguments: Any) -> Body:
        """Return what a model would see of one call, an error of the protocol as its own kind of body."""
        return said(await self.answer(self.send_call(tool, arguments)))


def enveloped(version: Any, info: Any, can: Any) -> Body:
    """What a request of the newer era says of its client."""
    told = {"protocolVersion": version, "clientInfo": info, "clientCapabilities": can}
    return {"_meta": {f"io.modelcontextprotocol/{name}": value for name, value in told.items()}}


def said(answer: Body) -> Body:
    """Return a reply's body after looking that it is whole, and one sentence where it says no."""
    text = json.dumps(answer, ensure_ascii=False)
    assert not any(inside in text for inside in INSIDES), text
    if "error" in answer:
        assert answer["error"]["message"].strip(), answer
        return {"protocol": answer["error"]}
    body: Body = answer["result"]["structuredContent"]
    assert json.loads(answer["result"]["content"][0]["text"]) == body
    if "error" in body:
        error = body["error"]
        assert answer["result"]["isError"]
        assert error["message"].strip(), body
        assert error["next_step"].strip(), body
        assert "\n" not in error["message"], body
    return body


@asynccontextmanager
async def raw(door: McpDoor, era: str, name: str = "raw", version: str = "1") -> AsyncGenerator[Raw]:
    """A client that has said who it is, in the way of its era."""
    async with wired(door) as (reader, writer):
        client = Raw(reader, writer)
        await client.hello(era, name, version)
        yield client


@contextmanager
def quiet_log() -> Generator[list[str]]:
    """Whatever the desk would have told its operator as an error is a defect here."""
    found: list[str] = []

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno >= logging.ERROR or record.exc_info:
                found.append(logging.Formatter().format(record))

    keeping = Keeping()
    loggers = [logging.getLogger(name) for name in ("trading_mcp", "mcp", "asyncio")]
    for logger in loggers:
        logger.addHandler(keeping)
    try:
        yield found
    finally:
        for logger in loggers:
            logger.removeHandler(keeping)


def assisted(folder: Path, era: str, told: Callable[[Watched, Raw], Coroutine[Any, Any, None]]) -> Watched:
    """Live through a story of one assistant, from a desk that is ready to a door that is closed."""

    async def story(world: Watched, _: Ready) -> None:
        await world.ready()
        door = door_of(world)
        async with raw(door, era) as client:
            await told(world, client)
        await door.close()

    return lived(folder, story)


def lived(folder: Path, story: Callable[[Watched, Ready], Coroutine[Any, Any, None]], **given: Any) -> Watched:
    """Live through a story on a loop where only waiting takes time, and require what every story owes."""
    ready = Ready()
    loop = VirtualLoop(ready)
    asyncio.set_event_loop(loop)
    world = Watched(loop, folder, **given)

    async def whole() -> None:
        await story(world, ready)
        await world.crash()

    with quiet_log() as errors, exactly():
        run(loop, whole())
    assert not errors, errors[0]
    world.require()
    world.require_chain()
    return world

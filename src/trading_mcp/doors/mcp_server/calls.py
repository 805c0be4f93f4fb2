"""One call, whole: journaled before and after, carried out, answered in one way whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import inspect
import logging
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import Door
from trading_mcp.desk.desk import Desk
from trading_mcp.desk.moments import Moments
from trading_mcp.doors.mcp_server import replies
from trading_mcp.doors.mcp_server.arguments import arguments_of
from trading_mcp.doors.mcp_server.replies import Reply, Spell
from trading_mcp.doors.mcp_server.tool import Call, Tool
from trading_mcp.errors import DeskFrozen, JournalUnwritable, TradingMcpError, UsageInvalid
from trading_mcp.redact import redacted

ARGUMENTS_MAX: Final = 1_000
_log: Final = logging.getLogger("trading_mcp.mcp")


class Caller(NamedTuple):
    """Who calls: the door, which decides what they may, and a label and a connection, which decide nothing."""

    door: Door
    client: str
    session: str


class Calls:
    """Carries out the calls of all connections; what changes something goes on when its client is gone."""

    def __init__(self, desk: Desk, moments: Moments, spell: Spell) -> None:
        self._desk = desk
        self._spell = spell
        self._moments = moments
        self._count = 0
        self._under_way: set[asyncio.Task[Reply]] = set()

    async def answer(self, tool: Tool, given: Mapping[str, Any], caller: Caller) -> Reply:
        """Answer one call; a client that cancels it only stops listening."""
        self._count += 1
        now = self._desk.ports.clock.now()
        before = e.ToolCalled(
            at=now,
            call_id=f"{caller.door.value}-{now}-{self._count}",
            tool=tool.name,
            arguments=_told(given),
            door=caller.door,
            client=caller.client,
            session=caller.session,
        )
        call = Call(self._desk, self._moments, caller.client, before)
        if tool.reads and not inspect.iscoroutinefunction(tool.run):
            # Nothing in it waits, so nothing can interrupt it.
            return await self._answered(tool, given, call)
        task = asyncio.create_task(self._answered(tool, given, call), name=f"call {before.call_id}")
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def finish(self) -> None:
        """Wait for what is under way; each of them waits for a venue no longer than an answer may take."""
        if self._under_way:
            await asyncio.wait(tuple(self._under_way))

    async def _answered(self, tool: Tool, given: Mapping[str, Any], call: Call) -> Reply:
        if tool.reads:
            self._note(call.before)
        reply = await self._reply(tool, given, call)
        if not (tool.reads or call.acting.is_recorded):
            self._note(call.before)  # it never came to a command, which would have been recorded with it
        self._note(
            e.ToolAnswered(
                at=self._desk.ports.clock.now(),
                call_id=call.before.call_id,
                status=reply.status,
                size=len(reply.text),
                digest=hashlib.sha256(reply.text).hexdigest(),
                caused=call.acting.caused,
            )
        )
        return reply

    async def _reply(self, tool: Tool, given: Mapping[str, Any], call: Call) -> Reply:
        desk = self._desk
        try:
            with exactly():
                made = tool.run(call, arguments_of(tool, given))
                answer = await made if inspect.isawaitable(made) else made
            return replies.answered(desk, answer, self._spell)
        except TradingMcpError as error:
            return replies.failed(desk, error, self._spell, retry_safe=isinstance(error, UsageInvalid))
        except Exception:  # noqa: BLE001 - whatever a call met, its client hears one sentence and the desk goes on
            _log.exception("a call failed", extra={"fields": {"tool": tool.name, "call": call.before.call_id}})
            return replies.failed(desk, _unforeseen(call), self._spell, retry_safe=False)

    def _note(self, event: e.AnyEvent) -> None:
        # A journal that cannot be written must not keep anyone from reading why.
        with contextlib.suppress(JournalUnwritable):
            self._desk.note((event,))


def _told(given: Mapping[str, Any]) -> str:
    """Return the arguments as the journal keeps them."""
    if not given:
        return ""
    try:
        return redacted(msgspec.json.encode(given).decode(), ARGUMENTS_MAX)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return "(not readable)"


def _unforeseen(call: Call) -> DeskFrozen:
    return DeskFrozen(
        f"The desk could not answer that; the reference is {call.before.call_id}.",
        "Ask get_events whether anything was done before you repeat it. Its owner can read the log.",
    )

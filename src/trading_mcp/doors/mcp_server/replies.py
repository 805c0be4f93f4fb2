"""Replies: the envelope that stands on each, times as text, and one encoding of the whole."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

import msgspec

from trading_mcp.desk.answers import Answer
from trading_mcp.desk.desk import Desk
from trading_mcp.desk.standing import cause, way_out
from trading_mcp.doors.mcp_server.schemas import TIMES
from trading_mcp.errors import TradingMcpError, UsageInvalid
from trading_mcp.place import PROGRAM
from trading_mcp.redact import redacted

# 25,000 tokens are the most that clients take; a token is hardly ever less than three characters.
CHARACTERS_MAX: Final = 75_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# What an event holds stays as it was recorded.
_AS_RECORDED: Final = "event"
_FOR_A_PERSON: Final = frozenset({"next_step", "would_pass"})

Body = dict[str, Any]
# Writes the commands in a sentence as its reader can type them.
Spell = Callable[[str], str]


class Reply:
    """One reply on its way out: what the SDK sends, and the text of it for the journal."""

    __slots__ = ("result", "status", "text")

    def __init__(self, body: Body, status: str, *, is_error: bool = False) -> None:
        self.status = status
        self.text = msgspec.json.encode(body)
        self.result: Body = {
            "content": [{"type": "text", "text": self.text.decode()}],
            "structuredContent": body,
            "isError": is_error,
            "resultType": "complete",
        }


def answered(desk: Desk, answer: Answer, spell: Spell) -> Reply:
    """Return the reply with an answer; one that is too long is refused with what to ask instead."""
    body = {**envelope(desk, spell), **_table(msgspec.to_builtins(answer), spell)}
    reply = Reply(body, str(body.get("status", "answered" if body.get("done", True) else "refused")))
    if len(reply.text) > CHARACTERS_MAX:
        raise UsageInvalid(
            f"The answer has {len(reply.text):,} characters; {CHARACTERS_MAX:,} is the most.",
            "Ask for less at once: a smaller limit, one pair, or a shorter time.",
        )
    return reply


def failed(desk: Desk, error: TradingMcpError, spell: Spell, *, retry_safe: bool) -> Reply:
    """Return the reply that says what went wrong, and what to do about it."""
    code = type(error).__name__
    body = {
        **envelope(desk, spell),
        "error": {
            "code": code,
            "message": spell(redacted(error.message, 2_000)),
            "retry_safe": retry_safe,
            "next_step": spell(redacted(error.next_step, 2_000)),
        },
    }
    return Reply(body, code, is_error=True)


def envelope(desk: Desk, spell: Spell) -> Body:
    """Return what stands on every reply; while trading is restricted also why, and what the owner can do."""
    book, ports = desk.book, desk.ports
    why = cause(book)
    return {
        "mode": book.home.mode.value,
        "venue": ", ".join(sorted(ports.brokers)),
        "trading_state": book.account_state.name,
        "state_reason": why and f"{why} {spell(way_out(book))}",
        "as_of": time_text(ports.clock.now()),
        "journal_seq": ports.journal.head().seq,
    }


def time_text(at: int) -> str:
    """Write a moment as people do; 0 is none."""
    if not at:
        return ""
    return (_EPOCH + timedelta(microseconds=at)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _shown(part: object, spell: Spell) -> object:
    if isinstance(part, dict):
        return _table(cast("Body", part), spell)
    return [_shown(each, spell) for each in cast("list[object]", part)] if isinstance(part, list | tuple) else part


def _table(table: Body, spell: Spell) -> Body:
    return {
        key: time_text(value)
        if key in TIMES and isinstance(value, int)
        else value
        if key == _AS_RECORDED
        else (spell(value) if PROGRAM in value else value)
        if key in _FOR_A_PERSON
        else _shown(value, spell)
        for key, value in table.items()
    }

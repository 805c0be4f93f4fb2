"""A client that leaves, or stops waiting, at any turn of a trade: the journal is right, and one order at most."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.desk.world import BTC
from tests.doors.mcp_server.conftest import door_of
from tests.security.auditor import Auditor
from tests.security.wire import Raw, Ready, Watched, lived, raw
from trading_mcp.adapters.brokers.faults import Fault
from trading_mcp.core.domain import events as e

TRADE: Final = {"pair": BTC, "side": "buy", "notional": "100", "intent_id": "lost"}
# How the venue answers the one request: well, after a while, never although it has the order, never and has it not.
VENUES: Final[dict[str, Fault | None]] = {
    "well": None,
    "lost": Fault.TIMEOUT_AFTER,
    "never": Fault.TIMEOUT_BEFORE,
    "hanging": Fault.HANG,
}
CANCELLED: Final = {"jsonrpc": "2.0", "method": "notifications/cancelled"}


class Trade:
    """One trade that its client stops listening to at one turn of the loop, and then asks for again."""

    def __init__(self, era: str, how: str, fault: Fault | None, turn: int | None) -> None:
        self.era, self.how, self.fault, self.turn = era, how, fault, turn
        self.turns = 0
        self.was_judged = False

    async def story(self, world: Watched, ready: Ready) -> None:
        await world.ready()
        if self.fault is not None:
            world.venue.script(self.fault)
        door, auditor = door_of(world), Auditor(world)
        async with raw(door, self.era) as client:
            began = ready.looks
            asked = client.send_call("execute_trade", TRADE)
            if self.turn is None:
                await client.answer(asked)
                self.turns = ready.looks - began
            else:
                left = asyncio.Event()

                def leave() -> None:
                    self.was_judged = world.desk.book.intent("lost") is not None
                    self._leave(client, asked)
                    left.set()

                ready.at[began + self.turn] = leave
                await world.until(left.is_set)
        world.venue.calm()
        await door.close()
        async with raw(door, self.era) as client:
            again = await client.call("execute_trade", **TRADE)
            await world.until(lambda: not world.desk.book.working)
            last = await client.call("execute_trade", **TRADE)
        self._require(world, auditor, again, last)
        assert not await world.differences()

    def _leave(self, client: Raw, asked: int) -> None:
        if self.how == "cut":
            client.writer.transport.abort()
        elif self.how == "hung up":
            client.writer.close()
        else:
            client.write({**CANCELLED, "params": {"requestId": asked, "reason": "timed out"}})

    def _require(self, world: Watched, auditor: Auditor, again: dict[str, Any], last: dict[str, Any]) -> None:
        auditor.require_whole()
        events = world.events()
        called = [event.call_id for event in events if isinstance(event, e.ToolCalled)]
        assert called == [event.call_id for event in events if isinstance(event, e.ToolAnswered)]
        assert sum(isinstance(event, e.IntentJudged) for event in events) == 1
        assert world.venue.asked.total() <= 1
        record = world.desk.book.intent("lost")
        assert record is not None
        assert again["order"]["id"] == last["order"]["id"] == record.order_ids[0]
        told = world.held() > 0
        assert last["status"] == ("filled" if told else "cancelled"), json.dumps(last)
        assert self.fault is Fault.TIMEOUT_BEFORE or told


@pytest.mark.slow
@pytest.mark.parametrize("how", ["cut", "hung up", "cancelled"])
@pytest.mark.parametrize("venue", VENUES)
def test_a_client_that_leaves_at_any_turn_of_a_trade_loses_only_the_answer(
    era: str, how: str, venue: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    whole = Trade(era, how, VENUES[venue], None)
    played(tmp_path, "whole", whole)
    trades = [Trade(era, how, VENUES[venue], turn) for turn in range(1, whole.turns + 1)]
    for trade in trades:
        played(tmp_path, str(trade.turn), trade)
    record_property("sampled", f"left at each of {whole.turns} turns")
    # Some left before it was decided, some after.
    assert {trade.was_judged for trade in trades} == {True, False}


def played(folder: Path, name: str, trade: Trade) -> None:
    place = folder / name
    place.mkdir()
    lived(place, trade.story)

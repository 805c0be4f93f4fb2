"""Ten clients at once: no answer is lost or mixed up, and the journal's order explains each of them."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from tests.desk.world import World, policy_with
from tests.doors.mcp_server.conftest import door_of
from tests.security.attacker import Attacker
from tests.security.auditor import Auditor
from tests.security.wire import ERAS, Raw, Ready, Watched, lived, raw, said
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.evolve import evolve, first_book
from trading_mcp.core.domain.money import exactly
from trading_mcp.desk.wording import amount_text

CLIENTS: Final = 10
AT_ONCE: Final = 7
# A halt, or limits of nothing, would end what is worth watching.
OFF: Final = ("kill_switch", "set_guardrails")
Heard = tuple[int, str, dict[str, Any], str]


class Crowd:
    """Ten clients of both eras that ask as fast as the door answers, each with several questions under way."""

    def __init__(self, rng: random.Random, calls: int) -> None:
        self.rng = rng
        self.calls = calls
        self.heard: list[Heard] = []

    async def story(self, world: Watched, _: Ready) -> None:
        await world.ready()
        auditor = Auditor(world)
        world.watch(auditor.look)
        door = door_of(world)
        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(raw(door, ERAS[n % 2], f"c{n}")) for n in range(CLIENTS)]
            await asyncio.gather(*(self._talk(world, number, each) for number, each in enumerate(clients)))
        await door.close()
        auditor.require_whole()
        self._require(world)

    async def _talk(self, world: World, number: int, client: Raw) -> None:
        mind = Attacker(random.Random(self.rng.random()), world, f"c{number}-")
        left = self.calls // CLIENTS
        while left:
            wanted = [mind.call() for _ in range(min(AT_ONCE, left))]
            calls: list[tuple[str, Any]] = [
                ("get_agent_status", {}) if tool in OFF else (tool, given) for tool, given in wanted
            ]
            asked = [(tool, client.send_call(tool, given)) for tool, given in calls]
            self.rng.shuffle(asked)
            left -= len(asked)
            for tool, question in asked:
                answer = await client.answer(question)
                body = said(answer)
                if "protocol" not in body:
                    text = answer["result"]["content"][0]["text"]
                    self.heard.append((number, tool, body, hashlib.sha256(text.encode()).hexdigest()))
            await asyncio.sleep(mind.rng.choice((0, 0, 5, 30)))

    def _require(self, world: World) -> None:
        entries = list(world.journal.entries())
        called = {event.call_id: event for entry in entries if isinstance(event := entry.event, e.ToolCalled)}
        answered = [(entry.seq, event) for entry in entries if isinstance(event := entry.event, e.ToolAnswered)]
        assert len(called) == len(answered) == len(self.heard)
        of_client = [called[event.call_id] for _, event in answered]
        # Each answer was given once, to the one who asked for it.
        assert Counter((f"c{number} 1", tool, digest) for number, tool, _, digest in self.heard) == Counter(
            (call.client, call.tool, event.digest) for call, (_, event) in zip(of_client, answered, strict=True)
        )
        wanted: dict[int, list[tuple[str, dict[str, Any]]]] = {}
        for _, tool, body, _ in self.heard:
            wanted.setdefault(body["journal_seq"], []).append((tool, body))
        book = first_book(world.events()[0])  # pyright: ignore[reportArgumentType] - a home's first entry
        with exactly():
            for entry in entries[1:]:
                book = evolve(book, entry.event)
                for tool, body in wanted.get(entry.seq, ()):
                    self._explain(entries, book, tool, body)
        assert max(wanted) <= len(entries)

    def _explain(self, entries: list[Any], book: Book, tool: str, body: dict[str, Any]) -> None:
        """What an answer says is what the journal up to its number comes to."""
        assert body["trading_state"] == book.account_state.name
        if "error" in body:
            return
        if tool == "get_portfolio":
            told = {(each["pair"], each["venue"]): each["quantity"] for each in body["positions"]}
            held = {(each.pair, each.venue): amount_text(each.quantity) for each in book.portfolio.positions.values()}
            assert told == held
        elif tool == "get_proposals":
            assert {each["id"] for each in body["proposals"]} == book.proposals.keys()
        elif tool == "execute_trade" and body["seq"]:
            events = [entry.event for entry in entries[body["seq"] - 1 : body["journal_seq"]]]
            judged = next((event for event in events if isinstance(event, e.IntentJudged)), None)
            assert judged is not None
            assert judged.intent.id == body["intent_id"]
            if body["status"] == "filled":
                order = book.order(body["order"]["id"])
                assert order is not None
                assert order.filled == order.order.quantity
            if body["status"] == "awaiting_approval":
                assert body["proposal_id"] in book.proposals


@pytest.mark.slow
def test_ten_clients_at_once_get_each_their_own_answers(
    tmp_path: Path, sampled: Callable[[int], tuple[random.Random, int]], record_property: Callable[[str, Any], None]
) -> None:
    rng, count = sampled(200)
    crowd = Crowd(rng, max(count, 2_000))
    policy = policy_with(rate_orders_max="50", pair_cooldown='"1s"')
    world = lived(tmp_path, crowd.story, policy=policy)
    cleared = sum(isinstance(event, e.OrderCleared) for event in world.events())
    record_property("sampled", f"{len(crowd.heard):,} answers to {CLIENTS} clients, {cleared} orders")
    assert cleared > CLIENTS

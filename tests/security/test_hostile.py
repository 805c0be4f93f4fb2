"""A hostile assistant through the real door: whatever it calls, no limit is breached and the journal explains all."""

import asyncio
import random
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from tests.desk.world import policy_with
from tests.doors.mcp_server.conftest import door_of
from tests.security.attacker import Attacker
from tests.security.auditor import Auditor
from tests.security.wire import ERAS, Raw, Ready, Watched, lived, raw, said
from trading_mcp.adapters.brokers.faults import Fault
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e

# In all parts together, in a usual run; a long one makes 100,000.
CALLS: Final = 8_000
# One life of a desk; enough for latches, days and cooldowns to matter.
CALLS_EACH: Final = 250
# Under the shipped limits tempo binds first; each of the others lets another limit be the one that is attacked.
LIMITS: Final[tuple[dict[str, str], ...]] = (
    {},
    {
        "rate_orders_max": "1000",
        "pair_cooldown": '"1s"',
        "unattended_actor_max": "1000",
        "unattended_total_max": "1000",
        "orders_day_manual_max": "30",
    },
    {"rate_orders_max": "1000", "pair_cooldown": '"1s"', "exposure_gross_max": '"1%"', "ask_above": '"500"'},
    {"rate_orders_max": "1000", "pair_cooldown": '"1s"', "position_share_max": '"0.5%"', "orders_open_max": "3"},
    {"rate_orders_max": "20", "turnover_day_max": '"2%"', "order_share_max": '"0.2%"', "pair_cooldown": '"5s"'},
)
TROUBLE: Final[tuple[dict[Fault, float], ...]] = (
    {},
    {Fault.TIMEOUT_AFTER: 0.1, Fault.CANCEL_RACE: 0.2, Fault.FILLS_PARTIAL: 0.2},
    {Fault.TIMEOUT_BEFORE: 0.1, Fault.FILLS_LATE: 0.2, Fault.DUPLICATE: 0.05, Fault.HANG: 0.03},
)


class Attack:
    """One life of a desk with three assistants of both eras against it; now and then its owner undoes a halt."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.calls = 0
        self.counts: dict[str, int] = {}

    async def story(self, world: Watched, _: Ready) -> None:
        await world.ready()
        auditor = Auditor(world)
        world.watch(auditor.look)
        door = door_of(world)
        async with AsyncExitStack() as stack:
            eras = (*ERAS, self.rng.choice(ERAS))
            clients = [await stack.enter_async_context(raw(door, era, f"hostile {era}")) for era in eras]
            minds = [Attacker(self.rng, world, f"a{number}-") for number in range(3)]
            while self.calls < CALLS_EACH:
                await self._burst(clients, minds)
                auditor.require()
                await self._owner(world, auditor)
                await asyncio.sleep(self.rng.choice((0, 0, 0.2, 1, 5, 30, 61)))
        await door.close()
        world.venue.calm()
        await asyncio.sleep(300)
        auditor.require_whole()
        called = [event.call_id for event in world.events() if isinstance(event, e.ToolCalled)]
        answered = [event.call_id for event in world.events() if isinstance(event, e.ToolAnswered)]
        assert sorted(called) == sorted(answered)
        self.counts = {"cleared": len(auditor.cleared), "denied": auditor.denied, "asked": auditor.asked}

    async def _burst(self, clients: list[Raw], minds: list[Attacker]) -> None:
        """Ask much at once, over several connections, before any answer is read."""
        asked: list[tuple[int, int]] = []
        for _ in range(self.rng.choice((1, 1, 1, 3, 12))):
            number = self.rng.randrange(3)
            tool, given = minds[number].call()
            asked.append((number, clients[number].send_call(tool, given)))
        self.calls += len(asked)
        for number, question in asked:
            minds[number].hear(said(await clients[number].answer(question)))

    async def _owner(self, world: Watched, auditor: Auditor) -> None:
        if self.rng.random() < 0.2:
            for scope in {latch.scope for latch in world.desk.book.latches.values()}:
                asked = await world.desk.handle(c.Release(scope=scope, target=c.TradingState.ACTIVE))
                for event in asked:
                    if isinstance(event, e.ProposalOpened):
                        auditor.signed.add(event.proposal.id)
                        await world.sign(event.proposal)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_no_call_of_a_hostile_assistant_breaches_a_limit(
    part: int,
    tmp_path: Path,
    sampled: Callable[[int], tuple[random.Random, int]],
    record_property: Callable[[str, Any], None],
) -> None:
    rng, count = sampled(CALLS // 16)
    count = max(count, CALLS // 4)
    attacks: list[Attack] = []
    for number in range(count // CALLS_EACH):
        attack = Attack(random.Random(rng.random()))
        place = tmp_path / str(number)
        place.mkdir()
        shape = part + 4 * number
        lived(
            place,
            attack.story,
            seed=rng.randrange(10**6),
            policy=policy_with(**LIMITS[shape % len(LIMITS)]),
            rates=TROUBLE[shape % len(TROUBLE)],
        )
        attacks.append(attack)
    told = {name: sum(attack.counts[name] for attack in attacks) for name in ("cleared", "denied", "asked")}
    record_property(
        "sampled", f"of these {sum(attack.calls for attack in attacks):,} calls, orders and verdicts {told}"
    )
    assert min(told.values()) > 0

"""One script on one tape, played twice: through the rehearsal, and through a real desk with heart and paper venue."""

import asyncio
import random
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from tests.core.decide.promises import text_of_limit
from tests.desk.world import CASH, World, policy_with
from tests.simulation.virtual import VirtualLoop, run
from trading_mcp.core import codec
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.home import Home, Mode
from trading_mcp.core.domain.mandates import Algorithm
from trading_mcp.core.domain.market import SECOND
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import Door, Everything, Fit, Intent, Notional, OrderType, Protect, Side, Trailing
from trading_mcp.core.domain.policy import Delta, Policy
from trading_mcp.core.simulation.market import SyntheticMarket
from trading_mcp.core.simulation.rehearsal import Rehearsal
from trading_mcp.desk.ports import Cadence

BEAT: Final = 20
START: Final = 1_767_363_000_000_000  # Friday, 2 January 2026, 14:10 UTC: New York opens twenty minutes later
PAIRS: Final = ("BTC-USDT", "ETH-USDT", "SOL-USDT", "XRP-USDT", "SPY", "TSLA")
HOME: Final = Home(name="test", mode=Mode.SIMULATED, cash={f"paper/{asset}": cash for asset, cash in CASH.items()})
POLICY: Final = policy_with(pair_cooldown='"5s"', rate_orders_max="40")
# Five dollars of a hundred thousand: a day that latches before it is over.
STRICT: Final = policy_with(pair_cooldown='"5s"', rate_orders_max="40", loss_day_max='"0.005%"')
# What both must agree on, in this order; what differs is told in the test.
DECISIONS: Final = (
    e.IntentSized, e.IntentJudged, e.OrderCleared, e.ClearanceVoided, e.FillRecorded, e.Latched, e.ProposalOpened,
    e.ProposalEnded, e.CloseMoved, e.CloseEnded, e.Protected, e.ProtectionEnded, e.PolicyChanged, e.RatePaused,
    e.MandateIssued, e.MandateVoided, e.OrderCancelRequested,
)  # fmt: skip
ALGORITHM: Final = Algorithm(
    name="sma", version="1", pairs=frozenset(PAIRS), venues=("paper",), capital=Decimal(5000), enabled=True
)
Ask = Callable[[Book], Sequence[c.AnyCommand]]


def script(seed: int, beats: int) -> list[Ask]:
    """What people, assistants and an algorithm do after each beat; everything but the book is drawn beforehand."""
    dice, market = random.Random(seed), SyntheticMarket(seed)
    asked: list[Ask] = [lambda _: (c.SetAlgorithm(algorithm=ALGORITHM, door=Door.CLI),)]
    for beat in range(1, beats):
        now = START + beat * BEAT * SECOND
        if dice.random() < 0.3:
            asked.append(_drawn(dice, market, now, f"i{beat}"))
        else:
            asked.append(lambda _: ())
    return asked


def _drawn(dice: random.Random, market: SyntheticMarket, now: int, name: str) -> Ask:
    pair, kind = dice.choice(PAIRS), dice.random()
    quote = market.quote(pair, now)
    assert quote is not None
    amount = Notional(Decimal(dice.randint(20, 290)))
    step = next(item.price_step for item in market.instruments() if item.pair == pair)

    def price(share: str) -> Decimal:
        return (quote.bid * Decimal(share)).quantize(step)

    guard = Protect(stop_loss=price("0.998"), take_profit=price("1.003"))
    if dice.random() < 0.3:
        guard = Protect(trailing=Trailing(activate=Decimal("0.001"), distance=Decimal("0.001")))
    protect, share = dice.choice((None, guard)), dice.choice(("0.9995", "0.999", "1.001"))
    first: dict[str, Any] = {"id": name, "pair": pair, "door": dice.choice((Door.MCP, Door.CLI))}
    if kind < 0.35:
        return _executed(Intent(side=Side.BUY, amount=amount, protect=protect, **first))
    if kind < 0.5:
        form: dict[str, Any] = {"type": OrderType.LIMIT, "limit_price": price(share)}
        return _executed(Intent(side=Side.BUY, amount=amount, protect=protect, **form, **first))
    if kind < 0.65:
        mine: dict[str, Any] = first | {"door": Door.RUNNER, "book": "sma", "due_at": now, "fit": Fit.SHRINK}
        return _executed(Intent(side=Side.BUY, amount=amount, protect=protect, **mine))
    if kind < 0.8:
        return _executed(Intent(side=Side.SELL, amount=Everything(), book=dice.choice(("manual", "sma")), **first))
    if kind < 0.88:
        close = c.Close(intent_id=name, door=Door.CLI, pair=dice.choice((pair, None)))
        return lambda _: (close,)
    if kind < 0.93:
        return lambda book: [c.Cancel(door=Door.MCP, order_id=order_id) for order_id in list(book.working)[:1]]
    if kind < 0.96:
        return lambda book: [c.Decline(proposal_id=key) for key in sorted(book.proposals)[:1]]
    if kind < 0.98:
        return _tighter(name, dice.randint(230, 490))
    return lambda _: (c.Cancel(door=Door.CLI),)


def _tighter(name: str, most: int) -> Ask:
    """Ask for another size of orders: a smaller one binds at once, a larger one waits for a signature."""
    key = "market.crypto.order_notional_max"

    def change(book: Book) -> Sequence[c.AnyCommand]:
        delta = Delta(key=key, before=text_of_limit(book.policy, key), after=f'"{most}"')
        return (c.ChangePolicy(id=name, deltas=(delta,), door=Door.MCP),)

    return change


def _executed(intent: Intent) -> Ask:
    return lambda _: (c.Execute(intent=intent),)


def rehearsed(seed: int, asked: Sequence[Ask], policy: Policy = POLICY) -> tuple[list[e.AnyEvent], Book]:
    """Play a script through the backtest's loop."""
    desk = Rehearsal(home=HOME, policy=policy, market=SyntheticMarket(seed), pairs=PAIRS, start=START)
    for beat, ask in enumerate(asked):
        if beat:
            desk.advance(START + beat * BEAT * SECOND)
        for command in ask(desk.book):
            desk.do(command)
    return desk.events, desk.book


def lived(seed: int, asked: Sequence[Ask], folder: Path, policy: Policy = POLICY) -> tuple[list[e.AnyEvent], Book]:
    """Play it through a desk: its gatherer, its courier, its heart, and the paper venue with a file."""
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    # A beat looks at everything that rests; the shipped one leaves a resting order alone for ten seconds.
    cadence = Cadence(tick=3600.0, open_orders=0)
    with exactly():
        world = World(loop, folder, seed=seed, policy=policy, cadence=cadence, start=START)
        run(loop, _live(world, asked))
    return world.events(), world.desk.book


async def _live(world: World, asked: Sequence[Ask]) -> None:
    desk = world.start()
    for ask in asked:
        if ask is not asked[0]:
            await asyncio.sleep(BEAT - (world.clock.boot() % (BEAT * SECOND)) / SECOND)
            world.heart.beat()
        await _at_rest()
        for command in ask(desk.book):
            await desk.handle(command)
            await _at_rest()
    await world.crash()


async def _at_rest() -> None:
    """Wait until nothing is on its way: with a venue that answers at once that takes no time."""
    for _ in range(200):
        await asyncio.sleep(0)
    names = [task.get_name() for task in asyncio.all_tasks()]
    assert not [name for name in names if name.startswith(("deliver", "cancel", "visit", "chase"))], names


def told(events: Sequence[e.AnyEvent]) -> list[bytes]:
    """Return the decisions with the ids of orders and trades replaced by their ordinals."""
    names: dict[str, str] = {}
    lines: list[bytes] = []
    for event in events:
        if isinstance(event, e.OrderCleared):
            names[event.order.id] = f"order-{len(names)}"
            event = replace(event, seed_seq=0)  # noqa: PLW2901 - where the journal stood is the journal's own
        if isinstance(event, DECISIONS):
            kind, body = codec.encode(event)
            lines.append(kind.encode() + b" " + body)
    return [_renamed(line, names) for line in lines]


def _renamed(line: bytes, names: dict[str, str]) -> bytes:
    for name, ordinal in names.items():
        line = line.replace(name.encode(), ordinal.encode())
    return line

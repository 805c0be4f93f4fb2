"""Moving-average rules and the days they trade through the rehearsal, for tests that need a busy desk."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from tests.core.guardrails.shipped import SIMULATED
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.events import AnyEvent, FillRecorded, IntentJudged
from trading_mcp.core.domain.home import Home, Mode
from trading_mcp.core.domain.mandates import Algorithm
from trading_mcp.core.domain.market import MINUTE, Market
from trading_mcp.core.domain.orders import Door, Everything, Fit, Intent, Notional, Side
from trading_mcp.core.domain.verdict import Code
from trading_mcp.core.simulation.costs import Costs
from trading_mcp.core.simulation.market import SyntheticMarket
from trading_mcp.core.simulation.rehearsal import Record, Rehearsal

START: Final = 1_767_571_200_000_000  # Monday, 5 January 2026, 00:00 UTC
HOME: Final = Home(
    name="simulated",
    mode=Mode.SIMULATED,
    cash={"paper/USDT": Decimal(50_000), "paper/USD": Decimal(50_000)},
)
CAPITAL: Final = Decimal(10_000)
WISH: Final = CAPITAL * Decimal("0.02")
COSTS: Final = Costs(fee_taker=Decimal("0.001"), fee_maker=Decimal("0.001"))


class Crossing(NamedTuple):
    """One moment at which the quick average passes the calm one, known when the minute has ended."""

    minute: int
    algorithm: str
    pair: str
    is_up: bool


class Outcome(NamedTuple):
    """What a run came to, per algorithm."""

    wanted: Counter[str]
    entries: Counter[str]
    denied: Counter[tuple[str, Code]]
    rehearsal: Rehearsal


def crypto_pairs(market: SyntheticMarket) -> tuple[str, ...]:
    return tuple(item.pair for item in market.instruments() if item.market is Market.CRYPTO)


def crossings(market: SyntheticMarket, pair: str, fast: int, slow: int, minutes: int) -> Iterator[tuple[int, bool]]:
    """Every crossing of two averages of closing prices, compared as integers."""
    warm = slow + 1
    closes = market.closes(pair, START // MINUTE - warm, minutes + warm)
    quick, calm = sum(closes[warm - fast : warm]), sum(closes[warm - slow : warm])
    was_above = quick * slow > calm * fast
    for index in range(warm, len(closes)):
        quick += closes[index] - closes[index - fast]
        calm += closes[index] - closes[index - slow]
        is_above = quick * slow > calm * fast
        if is_above != was_above:
            yield index - warm + 1, is_above
        was_above = is_above


def rehearse(
    market: SyntheticMarket,
    spans: Mapping[str, tuple[int, int]],
    minutes: int,
    record: Record | None = None,
    watch: Callable[[Rehearsal], None] = lambda _: None,
) -> Outcome:
    """Let algorithms trade ten pairs side by side; every minute is valued, none is skipped."""
    pairs = crypto_pairs(market)
    desk = Rehearsal(home=HOME, policy=SIMULATED, market=market, pairs=pairs, start=START, costs=COSTS, record=record)
    due: dict[int, list[Crossing]] = {}
    for name, (fast, slow) in spans.items():
        algorithm = Algorithm(
            name=name,
            version=f"{fast}/{slow}",
            pairs=frozenset(pairs),
            venues=("paper",),
            capital=CAPITAL,
            enabled=True,
        )
        desk.do(c.SetAlgorithm(algorithm=algorithm, door=Door.CLI))
        for pair in pairs:
            for minute, is_up in crossings(market, pair, fast, slow, minutes):
                due.setdefault(minute, []).append(Crossing(minute, name, pair, is_up))
    outcome = Outcome(Counter(), Counter(), Counter(), desk)
    for minute in range(1, minutes + 1):
        desk.advance(START + minute * MINUTE)
        for crossing in due.get(minute, ()):
            _follow(outcome, crossing)
        watch(desk)
    return outcome


def _follow(outcome: Outcome, crossing: Crossing) -> None:
    desk, name = outcome.rehearsal, crossing.algorithm
    held = desk.book.portfolio.held(name, "paper", crossing.pair)
    if not crossing.is_up and not held:
        return
    intent = Intent(
        id=f"{name}.{crossing.pair}.{crossing.minute}",
        door=Door.RUNNER,
        pair=crossing.pair,
        side=Side.BUY if crossing.is_up else Side.SELL,
        amount=Notional(WISH) if crossing.is_up else Everything(),
        book=name,
        due_at=desk.now,
        fit=Fit.SHRINK if crossing.is_up else Fit.NEVER,
    )
    happened = desk.do(c.Execute(intent=intent))
    if crossing.is_up:
        outcome.wanted[name] += 1
        outcome.entries[name] += any(isinstance(event, FillRecorded) for event in happened)
    outcome.denied.update((name, code) for code in codes_of(happened))


def codes_of(events: tuple[AnyEvent, ...]) -> list[Code]:
    return [code for event in events if isinstance(event, IntentJudged) for code in event.verdict.codes()]

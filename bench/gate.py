"""What a decision costs, beside forty bare Decimal comparisons in the same run: `python -m bench.gate`."""

import timeit
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import msgspec

from bench.measure import Result, report
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.evolve import evolve
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.home import Home, Mode
from trading_mcp.core.domain.market import MINUTE
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import Door, Everything, Intent, Notional, Side
from trading_mcp.core.guardrails.case import case_of
from trading_mcp.core.guardrails.decide import decide
from trading_mcp.core.guardrails.gate import judge
from trading_mcp.core.guardrails.schema import parse_text
from trading_mcp.core.simulation.costs import Costs
from trading_mcp.core.simulation.market import SyntheticMarket
from trading_mcp.core.simulation.rehearsal import Rehearsal

POLICY = parse_text((Path(__file__).parent.parent / "policies" / "simulated.toml").read_text("utf-8"))
START = 1_795_050_000_000_000
HELD = ("BTC-USDT", "ETH-USDT", "SOL-USDT", "XRP-USDT", "ADA-USDT")


class Pair(msgspec.Struct, frozen=True):
    """What the reference compares."""

    value: Decimal
    limit: Decimal


def bare(pair: Pair) -> str | None:
    """The least a rule can do: one call, two attributes, one comparison."""
    return None if pair.value <= pair.limit else "no"


BARE = (bare,) * 40


def reference(pair: Pair) -> list[str]:
    return [found for rule in BARE if (found := rule(pair)) is not None]


def microseconds(run: Callable[[], object]) -> float:
    """The fastest of many short runs: what the code costs when nothing else is in its way."""
    run()
    return min(timeit.repeat(run, number=200, repeat=200)) / 200 * 1e6


def world(mode: Mode, held: int) -> tuple[Book, Facts]:
    """A desk that holds some positions, and the facts of one moment."""
    home = Home(name="bench", mode=mode, cash={"paper/USDT": Decimal(50_000), "paper/USD": Decimal(50_000)})
    run = Rehearsal(
        home=home,
        policy=POLICY,
        market=SyntheticMarket(7),
        pairs=[item.pair for item in SyntheticMarket(7).instruments()],
        start=START,
        costs=Costs(fee_taker=Decimal("0.001")),
    )
    for number, pair in enumerate(HELD[:held]):
        run.do(c.Execute(intent=buy(f"held{number}", pair)))
        run.advance(run.now + 6 * MINUTE)
    facts = run.facts()
    if mode is Mode.BACKTEST:
        facts = msgspec.structs.replace(facts, order_id_seed=b"")
    return run.book, facts


def buy(name: str, pair: str) -> Intent:
    return Intent(id=name, door=Door.MCP, pair=pair, side=Side.BUY, amount=Notional(Decimal(200)))


def measure(held: int) -> list[Result]:
    """Every figure with the same number of positions."""
    intent = buy("next", "DOGE-USDT")
    leave = Intent(id="leave", door=Door.MCP, pair=HELD[0], side=Side.SELL, amount=Everything())
    base = microseconds(lambda: reference(Pair(Decimal(1), Decimal(2))))
    results = [Result(name=f"forty bare comparisons, {held} held", value=base, unit="µs")]

    def add(name: str, run: Callable[[], object], aim: str) -> None:
        value = microseconds(run)
        results.append(
            Result(name=f"{name}, {held} held", value=value, unit="µs", ratio=value / base, against="bare", aim=aim)
        )

    with exactly():
        book, facts = world(Mode.SIMULATED, held)
        counted, plain = world(Mode.BACKTEST, held)
        order = c.Execute(intent=intent)
        add("judge, every rule", lambda: judge(case_of(intent, book, facts, POLICY, "paper")), "6 µs")
        if held:
            add("judge an exit", lambda: judge(case_of(leave, book, facts, POLICY, "paper")), "")
            add("decide an exit", lambda: decide(c.Execute(intent=leave), counted, plain), "")
        add("decide, events, no order id", lambda: decide(order, counted, plain), "9 µs")
        add("decide, events, order id", lambda: decide(order, book, facts), "")
        events = decide(order, counted, plain)

        def trip() -> Book:
            after = counted
            for event in decide(order, counted, plain):
                after = evolve(after, event)
            return after

        add(f"decide and evolve its {len(events)} events", trip, "18 µs")
    return results


if __name__ == "__main__":
    report([*measure(0), *measure(1), *measure(5)])

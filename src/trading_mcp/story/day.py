"""A day as it passes: the assistant and the algorithm ask, the core answers, and what matters is noted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.events import AnyEvent, FillRecorded, IntentJudged
from trading_mcp.core.domain.home import Home, Mode
from trading_mcp.core.domain.market import DAY, MINUTE
from trading_mcp.core.domain.money import ZERO, exactly
from trading_mcp.core.domain.orders import (
    MANUAL,
    Door,
    Everything,
    Fill,
    Fit,
    Intent,
    Notional,
    OrderType,
    Protect,
    Purpose,
    Side,
)
from trading_mcp.core.domain.policy import Policy
from trading_mcp.core.simulation.listing import VENUE
from trading_mcp.core.simulation.market import SyntheticMarket
from trading_mcp.core.simulation.rehearsal import Record, Rehearsal
from trading_mcp.story import average
from trading_mcp.story.diary import AlgorithmDay, Line, Scene, Tone
from trading_mcp.story.gauges import Gauges
from trading_mcp.story.page import clock, signed

START: Final = 20_458 * DAY
DATE: Final = "Monday, 5 January 2026"
MINUTES: Final = 24 * 60 - 1
CASH: Final = Decimal(50_000)
_HOME: Final = Home(name="story", mode=Mode.SIMULATED, cash={f"{VENUE}/USDT": CASH, f"{VENUE}/USD": CASH})
_STOP: Final = Decimal("0.98")  # two per cent below the entry, for the algorithm
_POINTS: Final = 48


class Day:
    """Plays one day minute by minute, and keeps what there is to tell."""

    def __init__(self, seed: int, policy: Policy, record: Record) -> None:
        market = SyntheticMarket(seed)
        self.desk = Rehearsal(
            home=_HOME,
            policy=policy,
            market=market,
            pairs=[item.pair for item in market.instruments()],
            start=START,
            record=record,
        )
        self.scenes: list[Scene] = []
        self.fills: list[FillRecorded] = []
        self.gauges = Gauges()
        self.tether = self.desk.facts().prices["USDT"].value
        self._crossings = average.crossings(market, START, MINUTES)
        self._worth: list[Decimal] = []
        self._counts = dict.fromkeys(("entries", "exits", "stopped", "refused"), 0)

    def play(self, script: Mapping[int, Callable[[Day], None]], progress: Callable[[str], None]) -> None:
        """Let the day pass by a script of minutes; money is counted exactly all the way."""
        with exactly():
            for minute in range(MINUTES + 1):
                if minute % 60 == 0:
                    progress(clock(START + minute * MINUTE))
                self._pass(minute, script.get(minute))

    def _pass(self, minute: int, scene: Callable[[Day], None] | None) -> None:
        happened = self.desk.advance(START + minute * MINUTE)
        self._note(happened)
        self._tell_exits(happened)
        if scene is not None:
            scene(self)
        for pair, is_up in self._crossings.get(minute, ()):
            self._follow(pair, is_up=is_up)
        self.gauges.look(self.desk, average.NAME)
        if minute % (MINUTES // _POINTS) == 0 and len(self._worth) < _POINTS:
            measure = self.desk.book.measures.get(f"algorithm/{average.NAME}")
            self._worth.append(average.CAPITAL if measure is None else measure.value)

    def do(self, command: c.AnyCommand) -> tuple[AnyEvent, ...]:
        """Ask the core for one thing and note what came of it."""
        happened = self.desk.do(command)
        self._note(happened)
        return happened

    def tell(self, title: str, *lines: Line) -> None:
        self.scenes.append(Scene(time=clock(self.desk.now), title=title, lines=lines))

    def ask(self, intent_id: str, pair: str, amount: str, protect: Protect | None = None) -> tuple[AnyEvent, ...]:
        """Let the assistant ask for a buy."""
        intent = Intent(
            id=intent_id,
            door=Door.MCP,
            client="an assistant",
            pair=pair,
            side=Side.BUY,
            amount=Notional(Decimal(amount)),
            protect=protect,
            reason="the story of a day",
        )
        return self.do(c.Execute(intent=intent))

    def bid(self, pair: str) -> Decimal:
        quote = self.desk.facts().quotes[f"{VENUE}/{pair}"]
        return quote.bid

    def algorithm(self) -> AlgorithmDay:
        measure = self.desk.book.measures[f"algorithm/{average.NAME}"]
        return AlgorithmDay(
            name=average.NAME,
            pairs=average.PAIRS,
            entries=self._counts["entries"],
            exits=self._counts["exits"],
            stopped=self._counts["stopped"],
            refused=self._counts["refused"],
            result=signed(measure.value - average.CAPITAL),
            worth=tuple(str(round(value, 2)) for value in self._worth),
        )

    def _note(self, happened: tuple[AnyEvent, ...]) -> None:
        self.fills += [event for event in happened if isinstance(event, FillRecorded)]
        self.gauges.note(happened, self.desk)

    def _follow(self, pair: str, *, is_up: bool) -> None:
        """Let the algorithm act on one crossing, as its runner would."""
        held = self.desk.book.portfolio.held(average.NAME, VENUE, pair)
        if not is_up and held == ZERO:
            return
        intent = Intent(
            id=f"{average.NAME}.{pair}.{self.desk.now // MINUTE}",
            door=Door.RUNNER,
            pair=pair,
            side=Side.BUY if is_up else Side.SELL,
            amount=Notional(average.WISH) if is_up else Everything(),
            book=average.NAME,
            protect=Protect(stop_loss=self.bid(pair) * _STOP) if is_up else None,
            due_at=self.desk.now,
            fit=Fit.SHRINK if is_up else Fit.NEVER,
            reason="the quick average crossed the calm one",
        )
        happened = self.do(c.Execute(intent=intent))
        if any(isinstance(event, FillRecorded) for event in happened):
            self._counts["entries" if is_up else "exits"] += 1
        elif any(isinstance(event, IntentJudged) and event.verdict.findings for event in happened):
            self._counts["refused"] += 1

    def _tell_exits(self, happened: tuple[AnyEvent, ...]) -> None:
        """Tell when what guards a position of the assistant's has fired; count the algorithm's."""
        for event in happened:
            if not isinstance(event, FillRecorded) or event.fill.order_id is None:
                continue
            working = self.desk.book.order(event.fill.order_id)
            if working is None or working.order.purpose is not Purpose.PROTECTION or working.remaining > ZERO:
                continue
            if event.book == MANUAL:
                self._tell_exit(event.fill, is_stop=working.order.type is OrderType.STOP)
            else:
                self._counts["stopped"] += 1

    def _tell_exit(self, fill: Fill, *, is_stop: bool) -> None:
        result = sum((cash_of(event.fill) for event in self.fills if is_of(event, fill.pair)), ZERO)
        coin = fill.pair.split("-", maxsplit=1)[0]
        title = f"The stop of {coin} fires" if is_stop else f"The target of {coin} is reached"
        kept = "at the venue, where it rested" if is_stop else "by the desk, which watched it"
        self.tell(
            title,
            Line(
                f"sold {coin} at {fill.price:,} {kept}: {signed(result)} with fees",
                Tone.BAD if result < ZERO else Tone.GOOD,
            ),
            Line("An exit needs nobody's leave: no limit on losses, tempo or size can hold it back."),
        )


def is_of(event: FillRecorded, pair: str) -> bool:
    return event.book == MANUAL and event.fill.pair == pair


def cash_of(fill: Fill) -> Decimal:
    """What a fill moved in cash, its fee out."""
    gross = fill.quantity * fill.price
    return (gross if fill.side is Side.SELL else -gross) - fill.fee

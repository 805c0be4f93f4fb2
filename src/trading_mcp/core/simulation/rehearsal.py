"""A day through the core with no process: facts from the synthetic market, orders into the matching engine."""

from collections import deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.events import (
    AnyEvent,
    DeskCreated,
    FillRecorded,
    OrderCancelRequested,
    OrderCleared,
    OrderSending,
)
from trading_mcp.core.domain.evolve import evolve, first_book
from trading_mcp.core.domain.facts import Balance, Facts
from trading_mcp.core.domain.home import Home
from trading_mcp.core.domain.instruments import asset_of
from trading_mcp.core.domain.market import MINUTE, FeedHealth, Market, Price, Quote
from trading_mcp.core.domain.money import ZERO, exactly
from trading_mcp.core.domain.orders import OrderState, Side
from trading_mcp.core.domain.policy import Policy
from trading_mcp.core.guardrails.decide import decide
from trading_mcp.core.ports import Head
from trading_mcp.core.simulation.costs import Costs
from trading_mcp.core.simulation.listing import VENUE
from trading_mcp.core.simulation.market import SyntheticMarket
from trading_mcp.core.simulation.matching import match_all, match_depth
from trading_mcp.core.simulation.resting import Look, Matched, Resting, arrive

_TWO: Final = Decimal(2)
_STABLE: Final = "USDT-USD"
# One command may cause others; a decision that never comes to rest is a defect.
_STEPS_MAX: Final = 1000
# Makes events durable before they take effect, and says where the journal ends after them.
Record = Callable[[int, Sequence[AnyEvent]], Head]


class Rehearsal:
    """Gather, decide, record, act, report on a virtual clock; the shell's order of things without a shell."""

    def __init__(
        self,
        *,
        home: Home,
        policy: Policy,
        market: SyntheticMarket,
        pairs: Sequence[str],
        start: int,
        costs: Costs,
        record: Record | None = None,
    ) -> None:
        self.market = market
        self.pairs = tuple(pairs)
        self.now = start
        self.costs = costs
        self.events: list[AnyEvent] = []
        self._record = record or self._remember
        self._resting: dict[str, Resting] = {}
        self._instruments = {f"{VENUE}/{item.pair}": item for item in market.instruments()}
        self._quotes: dict[str, Quote] = {}
        self._quotes_before: dict[str, Quote] = {}
        self._facts = Facts(now=-1, day="")
        created = DeskCreated(at=start, home=home, policy=policy)
        self._head = self._record(start, (created,))
        with exactly():
            self.book: Book = first_book(created)
        self.do(c.Reconcile(venue=VENUE, holdings={}))
        self.do(c.Mark())

    def _remember(self, at: int, events: Sequence[AnyEvent]) -> Head:
        """Keep events in memory; without a journal the count stands for the hash of its head."""
        del at
        self.events.extend(events)
        return Head(seq=len(self.events), hash=len(self.events).to_bytes(32, "big"))

    def do(self, command: c.AnyCommand) -> tuple[AnyEvent, ...]:
        """Decide one command and everything it causes; return all of it in order."""
        with exactly():
            happened: list[AnyEvent] = []
            waiting: deque[c.AnyCommand] = deque([command])
            has_filled = False
            for _ in range(_STEPS_MAX):
                if not waiting:
                    if not has_filled:
                        return tuple(happened)
                    # A fill may be what breaks a limit: it is valued at once, not at the next minute.
                    has_filled = False
                    waiting.append(c.Mark(on_fill=True))
                events = decide(waiting.popleft(), self.book, self.facts())
                if not events:
                    continue
                self._head = self._record(self.now, events)
                for event in events:
                    self.book = evolve(self.book, event)
                    has_filled = has_filled or isinstance(event, FillRecorded)
                happened.extend(events)
                for event in events:
                    waiting.extend(self._act(event))
            raise AssertionError("a decision never came to rest")

    def advance(self, until: int) -> tuple[AnyEvent, ...]:
        """Let one step of time pass: fills, guards, valuation."""
        first_minute = self.now // MINUTE
        happened: list[AnyEvent] = []
        self.now = until
        with exactly():
            reports = self._match_resting(first_minute)
        for report in reports:
            happened.extend(self.do(report))
        happened.extend(self.do(c.Tick()))
        if self.book.protections or self.book.closings:
            happened.extend(self.do(c.Watch()))
        happened.extend(self.do(c.Mark()))
        return tuple(happened)

    def facts(self) -> Facts:
        """Gather what is true now; quotes are read once for each moment."""
        if self._facts.now != self.now:
            self._gather()
        return replace(
            self._facts,
            balances=self._balances(),
            order_id_seed=self._head.hash,
            order_id_seq=self._head.seq,
        )

    def _gather(self) -> None:
        """Read the market once; both quotes of a pair are kept, so that a jump shows."""
        self._quotes_before = self._quotes
        quotes: dict[str, Quote] = {}
        prices: dict[str, Price] = {}
        stable = self.market.quote(_STABLE, self.now)
        rate = Decimal(1)
        if stable is not None:
            rate = (stable.bid + stable.ask) / _TWO
            prices["USDT"] = Price(value=rate, confirmed_at=stable.confirmed_at)
        for pair in self.pairs:
            quote = self.market.quote(pair, self.now)
            if quote is None:
                continue
            quotes[f"{VENUE}/{pair}"] = quote
            middle = (quote.bid + quote.ask) / _TWO
            worth = middle * rate if "-" in pair else middle
            prices[asset_of(pair)] = Price(value=worth, confirmed_at=quote.confirmed_at)
        self._quotes = quotes
        sessions = {market: self.market.session(market, self.now) for market in Market}
        self._facts = Facts(
            now=self.now,
            day=sessions[Market.CRYPTO].day,
            quotes=quotes,
            quotes_before=self._quotes_before,
            instruments=self._instruments,
            prices=prices,
            sessions=sessions,
            feeds={VENUE: FeedHealth.HEALTHY},
            venue_modes={VENUE: self.book.home.mode},
        )

    def _balances(self) -> dict[str, Balance]:
        return {
            key: Balance(free=free, at=self.now)
            for key, free in self.book.portfolio.cash.items()
            if key.startswith(f"{VENUE}/")
        }

    def _act(self, event: AnyEvent) -> list[c.AnyCommand]:
        match event:
            case OrderCleared():
                return [c.LookAgain(order_id=event.order.id)]
            case OrderSending():
                return self._send(event.order_id)
            case OrderCancelRequested():
                return self._cancel(event.order_id)
            case _:
                return []

    def _send(self, order_id: str) -> list[c.AnyCommand]:
        """Be the venue: take the order and match it against the book of this moment."""
        order = self.book.working[order_id].order
        depth = self.market.depth(order.pair, self.now)
        quote = self._quotes.get(f"{VENUE}/{order.pair}")
        look = self._look(order.pair)
        price = ZERO if quote is None else quote.bid if order.side is Side.SELL else quote.ask
        resting = arrive(order, look, price=price)
        reports: list[c.AnyCommand] = [c.ReportAccepted(order_id=order_id, venue_order_id=f"v-{order_id}")]
        if depth is None:
            self._resting[order_id] = resting
            return reports
        return reports + self._reports(match_depth(resting, depth, look))

    def _cancel(self, order_id: str) -> list[c.AnyCommand]:
        if self._resting.pop(order_id, None) is None:
            return []
        return [c.ReportCancelled(order_id=order_id)]

    def _look(self, pair: str) -> Look:
        return Look(instrument=self._instruments[f"{VENUE}/{pair}"], costs=self.costs, at=self.now)

    def _match_resting(self, first_minute: int) -> list[c.AnyCommand]:
        """Match what rests against every minute that has ended since."""
        reports: list[c.AnyCommand] = []
        for pair in sorted({resting.order.pair for resting in self._resting.values()}):
            for minute in range(first_minute, self.now // MINUTE):
                mine = [resting for resting in self._resting.values() if resting.order.pair == pair]
                bar = self.market.candle(pair, minute) if mine else None
                if bar is None:
                    continue
                held: dict[str, Decimal] = {}
                for position in self.book.portfolio.positions.values():
                    if position.pair == pair:
                        held[position.book] = held.get(position.book, ZERO) + position.quantity
                for matched in match_all(mine, bar, held, self._look(pair)):
                    reports.extend(self._reports(matched))
        return reports

    def _reports(self, matched: Matched) -> list[c.AnyCommand]:
        """Say what became of an order in the words of a venue."""
        order_id = matched.resting.order.id
        reports: list[c.AnyCommand] = [c.ReportFill(fill=fill) for fill in matched.fills]
        if not matched.ended:
            self._resting[order_id] = matched.resting
            return reports
        self._resting.pop(order_id, None)
        if matched.state is OrderState.CANCELLED:
            reports.append(c.ReportCancelled(order_id=order_id))
        elif matched.state is OrderState.LAPSED:
            reports.append(c.ReportLapsed(order_id=order_id, reason=matched.reason))
        return reports

"""A day through the core with no process: facts from the synthetic market, orders into the matching engine."""

from collections import deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Final

from msgspec.structs import replace

from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.events import (
    AnyEvent,
    DeskCreated,
    OrderCancelRequested,
    OrderCleared,
    OrderSending,
)
from trading_mcp.core.domain.evolve import evolve, first_book
from trading_mcp.core.domain.facts import Balance, Facts
from trading_mcp.core.domain.home import Home
from trading_mcp.core.domain.market import MINUTE, FeedHealth, Market, Quote
from trading_mcp.core.domain.money import ZERO, exactly
from trading_mcp.core.domain.orders import OrderState
from trading_mcp.core.domain.policy import Policy
from trading_mcp.core.domain.sight import pairs_of, prices_of, stables_of, took, wanted_pairs
from trading_mcp.core.guardrails.decide import decide
from trading_mcp.core.ports import Head
from trading_mcp.core.simulation.costs import Costs, ordinary
from trading_mcp.core.simulation.exchange import Exchange
from trading_mcp.core.simulation.listing import VENUE
from trading_mcp.core.simulation.market import SyntheticMarket

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
        costs: Costs | None = None,
        record: Record | None = None,
    ) -> None:
        self.market = market
        self.pairs = tuple(pairs)
        self.now = start
        self.events: list[AnyEvent] = []
        self._record = record or self._remember
        self._exchange = Exchange(market, ordinary if costs is None else lambda _: costs, self._held)
        self._instruments = {f"{VENUE}/{item.pair}": item for item in market.instruments()}
        self._quotes: dict[str, Quote] = {}
        self._quotes_before: dict[str, Quote] = {}
        self._read: set[str] = set()
        self._stable_quotes: list[tuple[str, Quote]] = []
        self._facts = Facts(now=-1, day="")
        self._waiting: deque[Callable[[], None]] = deque()
        self._happened: list[AnyEvent] = []
        created = DeskCreated(at=start, home=home, policy=policy)
        self._head = self._record(start, (created,))
        with exactly():
            self.book: Book = first_book(created)
        self.do(c.Reconcile(venue=VENUE, holdings={}))
        self._mark()
        self._came_to_rest()

    def _remember(self, at: int, events: Sequence[AnyEvent]) -> Head:
        """Keep events in memory; without a journal the count stands for the hash of its head."""
        del at
        self.events.extend(events)
        return Head(seq=len(self.events), hash=len(self.events).to_bytes(32, "big"))

    def do(self, command: c.AnyCommand) -> tuple[AnyEvent, ...]:
        """Decide one command and everything it causes; return all of it in order."""
        self._commit(command)
        return self._came_to_rest()

    def advance(self, until: int) -> tuple[AnyEvent, ...]:
        """Let one step of time pass as a beat of the desk does: time, a visit to the venue, guards, valuation."""
        self.now = until
        self._commit(c.Tick())
        self._waiting.append(self._visit)
        if self.book.protections or self.book.closings:
            self._commit(c.Watch())
        if self.now - self._marked_at >= MINUTE:
            self._mark()
        return self._came_to_rest()

    def _mark(self) -> None:
        self._marked_at = self.now
        self._commit(c.Mark())

    def _commit(self, command: c.AnyCommand) -> tuple[AnyEvent, ...]:
        """Decide, record, fold, and leave what is to be done for the moment when this decision is over."""
        with exactly():
            events = decide(command, self.book, self._known(wanted_pairs(self.book, pairs_of(command, self.book))))
            if events:
                self._head = self._record(self.now, events)
                for event in events:
                    self.book = evolve(self.book, event)
        self._happened.extend(events)
        for event in events:
            if isinstance(event, OrderCleared):
                self._waiting.append(partial(self._deliver, event.order.id))
            elif isinstance(event, OrderCancelRequested):
                self._waiting.append(partial(self._cancel, event.order_id))
        return events

    def _came_to_rest(self) -> tuple[AnyEvent, ...]:
        """Do what waits, one after the other, and what comes of it; return all that happened."""
        for _ in range(_STEPS_MAX):
            if not self._waiting:
                happened, self._happened = tuple(self._happened), []
                return happened
            with exactly():
                self._waiting.popleft()()
        raise AssertionError("a decision never came to rest")

    def _deliver(self, order_id: str) -> None:
        events = self._commit(c.LookAgain(order_id=order_id))
        if any(isinstance(event, OrderSending) and event.order_id == order_id for event in events):
            self._exchange.take(self.book.working[order_id].order, self.now)
            self._commit(c.ReportAccepted(order_id=order_id, venue_order_id=f"v-{order_id}"))
            self._look(order_id)

    def _cancel(self, order_id: str) -> None:
        self._exchange.cancel(order_id, self.now)
        self._look(order_id)

    def _visit(self) -> None:
        self._exchange.advance(self.now)
        for order_id in ("", *self.book.working):
            self._look(order_id)

    def _look(self, order_id: str) -> None:
        """Fold what the venue has filled, then the end of an order: an end never comes before what it filled."""
        fills = self._exchange.fills()
        for fill in fills:
            self._commit(c.ReportFill(fill=fill))
        if fills:
            # A fill may be what breaks a limit: it is valued at once, not at the next minute.
            self._commit(c.Mark(on_fill=True))
        matched = self._exchange.ended(order_id)
        if matched is None:
            return
        if matched.state is OrderState.CANCELLED:
            self._commit(c.ReportCancelled(order_id=order_id))
        else:
            self._commit(c.ReportLapsed(order_id=order_id, reason=matched.reason))

    def facts(self) -> Facts:
        """Return what is true now of every pair; whoever only looks leaves nothing behind."""
        with exactly():
            return self._known({*self.pairs}, keep=False)

    def _known(self, wanted: set[str], *, keep: bool = True) -> Facts:
        """Gather what is true now of some pairs, each read once for each moment."""
        if self._facts.now != self.now:
            self._start_moment()
        quotes, before = (self._quotes, self._quotes_before) if keep else ({**self._quotes}, {**self._quotes_before})
        for pair in sorted(wanted):
            key = f"{VENUE}/{pair}"
            seen = quotes.get(key)
            if seen is None or key not in self._read:
                quote = self.market.quote(pair, self.now)
                if quote is not None:
                    took(quote, key, quotes, before)
                if keep:
                    self._read.add(key)
        prices = prices_of(self.book, wanted, quotes, self._stable_quotes)
        return replace(
            self._facts,
            quotes=quotes,
            quotes_before=before,
            prices=prices,
            balances=self._balances(),
            order_id_seed=self._head.hash,
            order_id_seq=self._head.seq,
        )

    def _start_moment(self) -> None:
        self._read = set[str]()
        base = self.book.home.base_currency
        asked = [
            (stable, self.market.quote(f"{stable}-{base}", self.now)) for stable in sorted(stables_of(self.book))
        ]
        self._stable_quotes = [(stable, quote) for stable, quote in asked if quote is not None]
        sessions = {market: self.market.session(market, self.now) for market in Market}
        self._facts = Facts(
            now=self.now,
            day=sessions[Market.CRYPTO].day,
            instruments=self._instruments,
            sessions=sessions,
            feeds={VENUE: FeedHealth.HEALTHY},
            venue_modes={VENUE: self.book.home.mode},
            uptime=self.now - self.book.created_at,
        )

    def _balances(self) -> dict[str, Balance]:
        return {
            key: Balance(free=free, at=self.now)
            for key, free in self.book.portfolio.cash.items()
            if key.startswith(f"{VENUE}/")
        }

    def _held(self, pair: str) -> Decimal:
        """Return what the account holds of a pair, whichever book owns it."""
        positions = self.book.portfolio.positions.values()
        return sum((item.quantity for item in positions if item.pair == pair), start=ZERO)

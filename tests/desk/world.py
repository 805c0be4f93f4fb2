"""A whole desk in a world of its own: virtual time, a synthetic market, a paper venue that goes wrong on demand."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, cast

import msgspec
from msgspec.structs import replace

from tests.adapters.brokers.making import let_go
from tests.desk.process import Life, Line, Pages
from tests.simulation.virtual import LoopClock, VirtualLoop
from trading_mcp.adapters.brokers.faults import Fault
from trading_mcp.adapters.brokers.faulty import FaultyVenue
from trading_mcp.adapters.brokers.paper.venue import PaperVenue
from trading_mcp.adapters.feeds.simulated import SimulatedFeed
from trading_mcp.adapters.journal.memory import MemoryJournal
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.home import Home, Mode
from trading_mcp.core.domain.latches import ACCOUNT, Scope, TradingState
from trading_mcp.core.domain.market import MINUTE, Quote, market_of
from trading_mcp.core.domain.orders import Door, Everything, Intent, Notional, Order, Side
from trading_mcp.core.domain.policy import Policy
from trading_mcp.core.domain.proposals import Proposal, ProposedOrder, Statement
from trading_mcp.core.guardrails.schema import parse_text
from trading_mcp.core.ports import Broker
from trading_mcp.core.simulation.listing import VENUE
from trading_mcp.core.simulation.market import SyntheticMarket
from trading_mcp.desk.desk import Desk
from trading_mcp.desk.heart import Heart
from trading_mcp.desk.opening import begin, opened, replayed
from trading_mcp.desk.outcomes import Outcome
from trading_mcp.desk.ports import Cadence, Pace, Ports, Signature

START: Final = 1_767_279_600_000_000
OTHER: Final = "other"
CASH: Final = {"USDT": Decimal(50_000), "USD": Decimal(50_000)}
BTC, ETH, SOL, XRP = "BTC-USDT", "ETH-USDT", "SOL-USDT", "XRP-USDT"
POLICY: Final = Path(__file__).parents[2] / "policies" / "simulated.toml"
_statement: Final = msgspec.json.Decoder(Statement)


def policy_with(**keys: str) -> Policy:
    """The shipped policy of SIMULATED with other values for some keys."""
    lines = POLICY.read_text("utf-8").splitlines()
    for key, value in keys.items():
        lines = [f"{key} = {value}" if line.startswith(f"{key} =") else line for line in lines]
    return parse_text("\n".join(lines))


def opening(*venues: str) -> dict[str, Decimal]:
    """The same money at each venue."""
    return {f"{venue}/{asset}": cash for venue in venues for asset, cash in CASH.items()}


class WideFeed(SimulatedFeed):
    """The synthetic market as every venue shows it."""

    def quote(self, venue: str, pair: str) -> Quote | None:
        found = super().quote(VENUE, pair)
        return found if found is None or venue == VENUE else replace(found, venue=venue)


class Pen:
    """A verifier for which one word is a good signature."""

    def verified(self, statement: bytes, signature: bytes) -> Statement | None:
        return _statement.decode(statement) if signature == b"signed" else None


class Told:
    """A notifier that keeps what it was told, or fails."""

    def __init__(self) -> None:
        self.texts: list[tuple[str, str]] = []
        self.urgent: set[str] = set()
        self.is_broken = False

    def notify(self, subject: str, text: str, *, is_urgent: bool = False) -> None:
        if self.is_broken:
            raise OSError("no network")
        self.texts.append((subject, text))
        if is_urgent:
            self.urgent.add(subject)

    def subjects(self) -> list[str]:
        return [subject for subject, _ in self.texts]


class World:
    """Make it, `start()` a desk, let time pass with `asyncio.sleep`, `crash()` and start again."""

    def __init__(
        self,
        loop: VirtualLoop,
        folder: Path,
        *,
        seed: int = 7,
        rates: Mapping[Fault, float] | None = None,
        policy: Policy | None = None,
        cadence: Cadence | None = None,
        start: int = START,
        both_sides: bool = True,
        can_fence: bool = True,
        paces: Mapping[str, Pace] | None = None,
        second: bool = False,
    ) -> None:
        self.clock = LoopClock(loop, start)
        self.feed = WideFeed(SyntheticMarket(seed), self.clock)
        path = folder / f"venue-{seed}.db"
        PaperVenue.create(path, cash=CASH, at=start)
        self.paper = let_go(PaperVenue(path, self.feed, self.clock, both_sides=both_sides, can_fence=can_fence))
        self.paces = paces or {}
        self.venue = FaultyVenue(
            self.paper, self.clock, sleep=lambda us: asyncio.sleep(us / 1_000_000), seed=seed, rates=rates
        )
        self.venues = {"paper": self.venue}
        if second:
            # A venue as Coinbase is one: it cancels by its own ids alone.
            path = folder / f"other-{seed}.db"
            PaperVenue.create(path, cash=CASH, at=start, venue=OTHER)
            other = let_go(PaperVenue(path, self.feed, self.clock, source=VENUE, can_fence=False))
            self.venues[OTHER] = FaultyVenue(
                other, self.clock, sleep=lambda us: asyncio.sleep(us / 1_000_000), seed=seed + 1, rates=rates
            )
        self.journal: MemoryJournal = MemoryJournal()
        self.told = Told()
        self.remembered = frozenset[str]()
        self.cadence = cadence or Cadence()
        self.is_halted_by_file = False
        self.problems: list[str] = []
        self.viewed: list[e.AnyEvent] = []
        self.are_views_broken = False
        self.is_live_enabled = False
        home = Home(name="test", mode=Mode.SIMULATED, cash=opening(*self.venues))
        begin(self.journal, self.clock, home, policy or policy_with())
        self.life = Life()
        self.pages = Pages(self.journal, self.life, self._written)
        self._sending: dict[str, bool] = {}
        self._halted = False
        self._intent_of: dict[str, str] = {}
        self._sent_of: dict[str, set[str]] = defaultdict(set)
        self._serial = 0

    # The life of a desk.

    def start(self) -> Desk:
        if self.journal is self.pages.inner:
            self.journal = self.pages.left()
        self.life = Life()
        self.pages = Pages(self.journal, self.life, self._written)
        self.ports = Ports(
            journal=self.pages,
            clock=self.clock,
            feed=self.feed,
            brokers={
                name: cast("Broker", Line(venue if name != "paper" else self.venue, self.life, self._submitted))
                for name, venue in self.venues.items()
            },
            verifier=Pen(),
            notifier=self.told,
            is_halted_by_file=lambda: self.is_halted_by_file,
            raise_halt_file=self._raise_halt_file,
            views=self._views,
            reach=self.life.reach,
            told_before=self.remembered,
            remember_told=self._remember_told,
            cadence=self.cadence,
            paces=self.paces,
        )
        self.desk = opened(self.ports, replayed(self.journal), "test")
        self.heart = Heart(self.ports, self.desk)
        self.beating = asyncio.ensure_future(self.heart.run())
        return self.desk

    async def ready(self) -> Desk:
        """Start, and wait until the venue has been compared with the book."""
        desk = self.start()
        await self.until(lambda: "paper" in desk.book.reconciled)
        return desk

    async def until(self, holds: Callable[[], bool], seconds: float = 600) -> None:
        for _ in range(int(seconds * 10)):
            if holds():
                return
            await asyncio.sleep(0.1)
        raise AssertionError("it never came true")

    async def crash(self) -> None:
        """End the process: every task is gone at once, wherever it stood."""
        self.life.is_over = True
        mine = asyncio.current_task()
        for _ in range(3):
            tasks = [task for task in asyncio.all_tasks() if task is not mine and _is_desks(task)]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, self.beating, return_exceptions=True)

    # What people and programs do.

    async def trade(self, pair: str = BTC, side: Side = Side.BUY, **given: Any) -> Outcome:
        return await self.desk.execute(c.Execute(intent=self.intent(pair, side, **given)))

    def intent(self, pair: str = BTC, side: Side = Side.BUY, **given: Any) -> Intent:
        self._serial += 1
        given.setdefault("id", f"t{self._serial}")
        given.setdefault("amount", Notional(Decimal(200)) if side is Side.BUY else Everything())
        given.setdefault("door", Door.MCP)
        return Intent(pair=pair, side=side, **given)

    def statement(self, kind: str, subject: str, body_hash: str = "", **shown: Any) -> Signature:
        self._serial += 1
        now = self.clock.now()
        home = self.desk.book.home
        statement = Statement(
            version=1,
            proposal_id=subject,
            kind=kind,
            account=home.account,
            venue="",
            mode=home.mode,
            fake_venues=home.fake_venues,
            body_hash=body_hash,
            policy_hash=self.desk.book.policy.hash,
            created=now,
            expires=now + MINUTE,
            nonce=f"n{self._serial}",
            home=home.name,
            **shown,
        )
        return Signature(statement=msgspec.json.encode(statement), signature=b"signed")

    async def release(self, scope: Scope = ACCOUNT) -> tuple[e.AnyEvent, ...]:
        asked = await self.desk.handle(c.Release(scope=scope, target=TradingState.ACTIVE))
        opened = [event.proposal for event in asked if isinstance(event, e.ProposalOpened)]
        if not opened:
            return asked
        return await self.sign(opened[0])

    async def sign(self, proposal: Proposal) -> tuple[e.AnyEvent, ...]:
        kind = str(type(proposal.body).__struct_config__.tag)
        shown: dict[str, Any] = {}
        if isinstance(proposal.body, ProposedOrder):
            shown = {"reference_price": proposal.body.reference, "move_max": Decimal("0.01")}
            shown |= {"position": proposal.body.position, "position_change_max": Decimal(0)}
        signature = self.statement(kind, proposal.id, proposal.body_hash, **shown)
        return await self.desk.handle(c.Approve(proposal_id=proposal.id), signature=signature)

    def price(self, pair: str = BTC) -> Decimal:
        quote = self.feed.quote("paper", pair)
        assert quote is not None
        return quote.bid

    def held(self, pair: str = BTC) -> Decimal:
        positions = self.desk.book.portfolio.positions.values()
        return sum((position.quantity for position in positions if position.pair == pair), start=Decimal(0))

    def events(self) -> list[e.AnyEvent]:
        return [entry.event for entry in self.journal.entries()]

    # What must be true at every moment.

    def _remember_told(self, keys: frozenset[str]) -> None:
        if self.told.is_broken:
            raise OSError(28, "No space left on device")
        self.remembered = keys

    def _raise_halt_file(self) -> None:
        if not self.life.is_over:
            self.is_halted_by_file = True

    def _views(self, events: tuple[e.AnyEvent, ...]) -> None:
        if self.are_views_broken:
            raise OSError("the views are broken")
        self.viewed.extend(events)
        for event in events:
            if isinstance(event, e.OrderCleared) and not event.order.reduces:
                self._exposure(event.order)

    def _exposure(self, order: Order) -> None:
        """With everything unknown at its full worth, nothing is beyond its limit after an order that adds risk."""
        book = self.desk.book
        limits = book.policy.limits(market_of(order.pair))
        equity, gross, of_asset = Decimal(0), Decimal(0), Decimal(0)
        for cash in book.portfolio.cash.values():
            equity += cash
        for position in book.portfolio.positions.values():
            worth = abs(position.quantity) * self.price(position.pair)
            equity, gross = equity + worth, gross + worth
            of_asset += worth if position.pair == order.pair else Decimal(0)
        for working in book.working.values():
            if not working.order.reduces:
                gross += working.reserved
                of_asset += working.reserved if working.order.pair == order.pair else Decimal(0)
        if order.quantity * order.price_worst > limits.order_notional_max * Decimal("1.01"):
            self.problems.append(f"order {order.id} is too large")
        # Stablecoins stand at market, and a middle is not a bid: half a percent is theirs.
        if of_asset > limits.position_share_max * equity * Decimal("1.005") or gross > equity * Decimal("1.005"):
            self.problems.append(f"exposure after order {order.id}: {of_asset} of {order.pair}, {gross} in all")

    def _written(self, events: Sequence[e.AnyEvent]) -> None:
        for event in events:
            match event:
                case e.OrderCleared():
                    self._intent_of[event.order.id] = event.order.intent_id
                case e.OrderSending():
                    self._sending[event.order_id] = True
                case e.Latched():
                    self._halted |= event.latch.state >= TradingState.HALTED and event.latch.scope == ACCOUNT
                case e.Released():
                    self._halted = False
                case _:
                    pass

    def _submitted(self, order: Order) -> None:
        if order.id not in self._sending:
            self.problems.append(f"order {order.id} was sent without a record")
        if self._halted and not order.reduces:
            self.problems.append(f"order {order.id} adds risk while halted")
        sent = self._sent_of[self._intent_of[order.id]]
        if self.venues[order.venue].asked[order.id] or sent - {order.id}:
            self.problems.append(f"intent {self._intent_of[order.id]} was sent twice")
        sent.add(order.id)

    def require(self) -> None:
        assert not self.problems, self.problems

    def require_chain(self) -> None:
        before = None
        for entry in self.journal.entries():
            assert before is None or (entry.prev == before.hash and entry.seq == before.seq + 1)
            before = entry

    async def differences(self) -> list[str]:
        """What the book and the venues disagree about."""
        book, found = self.desk.book, list[str]()
        opened: set[str] = set()
        theirs: dict[str, Decimal] = {}
        ours: dict[str, Decimal] = defaultdict(Decimal)
        for name, venue in self.venues.items():
            inner = self.paper if name == "paper" else venue
            theirs |= {f"{name}/{row.asset}": row.total for row in await inner.balances()}
            opened |= {order.order_id for order in await venue.open_orders()}
        for key, cash in book.portfolio.cash.items():
            ours[key] += cash
        for position in book.portfolio.positions.values():
            ours[f"{position.venue}/{position.pair.split('-')[0]}"] += position.quantity
        found += [
            f"{asset}: {ours[asset]} here, {theirs.get(asset)} there"
            for asset in sorted(ours.keys() | theirs.keys())
            if ours[asset] != theirs.get(asset, 0)
        ]
        found += [f"{order_id} works on one side only" for order_id in sorted(opened ^ book.working.keys())]
        return found


def _is_desks(task: "asyncio.Task[Any]") -> bool:
    return task.get_name().startswith(("deliver", "cancel", "chase", "abandon", "visit")) or "Heart" in repr(task)

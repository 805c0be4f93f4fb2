"""What can happen in the world around a desk, and the one door through which all of it goes and is checked."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant
from msgspec.structs import replace

from tests.core.decide import promises
from tests.core.decide.desk import SPREADS, D, Desk, buy, only, sell
from tests.core.decide.truth import Venue
from tests.core.guardrails.world import AAPL, BTC, ETH, VENUE
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.latches import ACCOUNT, Scope, ScopeKind, TradingState
from trading_mcp.core.domain.market import MINUTE, SECOND, FeedHealth, Market
from trading_mcp.core.domain.orders import (
    Door,
    Intent,
    OrderState,
    Purpose,
    Side,
    TimeInForce,
)
from trading_mcp.core.domain.portfolio import Adjustment
from trading_mcp.core.domain.proposals import Proposal
from trading_mcp.core.domain.verdict import Code

PAIRS: Final = (BTC, ETH, AAPL)
SIZES: Final = {BTC: "0.001", ETH: "0.02", AAPL: "0.5"}
SCOPES: Final = (
    ACCOUNT,
    Scope(kind=ScopeKind.MARKET, name=Market.CRYPTO),
    Scope(kind=ScopeKind.VENUE, name=VENUE),
    Scope(kind=ScopeKind.ALGORITHM, name="sma"),
)
CHANGES: Final = {
    "market.crypto.position_share_max": ("25%", "1%", "0.4%", "0.2%"),
    "market.crypto.order_notional_max": ("500", "200", "100"),
    "market.crypto.ask_above": ("250", "120", "60"),
    "account.exposure_gross_max": ("100%", "1%", "0.3%"),
    "market.crypto.pairs_blocked": ("none", ETH),
}


class Around(RuleBasedStateMachine):
    """Everything that anyone can do, each act held to the promises of the gate."""

    desk: Desk
    venue: Venue

    @initialize()
    def begin(self) -> None:
        self.desk, self.venue = Desk(), Venue()
        self.count = 0
        self.guarded: set[str] = set()
        self.flows = D(0)
        self.splits = D(1)
        self.pages: list[tuple[int, Any]] = []
        self.desk.employ()
        self.did(self.desk.events)

    def do(self, command: c.AnyCommand, *, sends: bool = True) -> tuple[e.AnyEvent, ...]:
        happened: list[e.AnyEvent] = []
        waiting: list[c.AnyCommand] = [command]
        for _ in range(60):
            if not waiting:
                return tuple(happened)
            one = waiting.pop(0)
            before = self.desk.book
            events = self.desk.do(one, sends=False)
            promises.of_a_decision(one, before, events, self.desk)
            self.did(events)
            happened.extend(events)
            if sends:
                waiting += [c.LookAgain(order_id=event.order.id) for event in only(events, e.OrderCleared)]
        raise AssertionError("a decision never came to rest")

    def did(self, events: Sequence[e.AnyEvent]) -> None:
        for event in events:
            if isinstance(event, e.FillRecorded) and event.fill.order_id is not None:
                wish = self.desk.order(event.fill.order_id).order.protect
                if wish is not None and wish.stop_loss is not None:
                    self.guarded.add(f"{event.book}/{event.fill.venue}/{event.fill.pair}")
            if isinstance(event, e.Protected) and event.protection.stop is not None:
                self.guarded.add(event.protection.position)
            if isinstance(event, e.ProtectionEnded):
                self.guarded.discard(event.position)
                held = self.desk.book.portfolio.positions.get(event.position)
                assert held is None or event.reason.startswith("dust"), "a guard ended over a position"

    def name(self, what: str) -> str:
        self.count += 1
        return f"{what}-{self.count}"

    def one_of(self, items: Sequence[Any], pick: int) -> Any:
        return items[pick % len(items)]

    def forge(self, pair: str, kind: int, is_sell: bool) -> None:
        """Claim to be the desk, or somebody else."""
        claims: tuple[dict[str, Any], ...] = (
            {"purpose": Purpose.CLOSE},
            {"purpose": Purpose.PROTECTION},
            {"door": Door.DESK},
            {"book": "sma"},
            {"book": "external"},
            {"id": f"buy-{self.count}/stop.0"},
        )
        make = sell if is_sell else buy
        wrong: Intent = make(SIZES[pair], pair, **{"id": self.name("forged"), **claims[kind]})
        assert not only(self.do(c.Execute(intent=wrong)), e.OrderCleared)

    def kill(self, everything: bool) -> None:
        self.desk.signed = self.desk.stated("halt", "everything") if everything else None
        self.do(c.Halt(door=Door.CLI, reason="enough", everything=everything))
        self.desk.signed = None

    def restrict(self, scope: Scope, state: TradingState) -> None:
        self.do(c.AddLatch(latch=c.Latch(scope=scope, state=state, code=Code.KILL_SWITCH, reason="", at=0)))

    def release(self, pick: int, state: TradingState) -> None:
        latches = list(self.desk.book.latches.values())
        if latches:
            opened = self.do(c.Release(scope=self.one_of(latches, pick).scope, target=state))
            for event in only(opened, e.ProposalOpened):
                self.sign(event.proposal)

    def sign(self, proposal: Proposal, **forged: Any) -> tuple[e.AnyEvent, ...]:
        self.desk.signed = self.desk.statement(proposal, **forged)
        happened = self.do(c.Approve(proposal_id=proposal.id))
        self.desk.signed = None
        return happened

    def answer_a_proposal(self, pick: int, forged: dict[str, Any]) -> None:
        proposals = list(self.desk.book.proposals.values())
        if proposals:
            happened = self.sign(self.one_of(proposals, pick), **forged)
            assert not forged or not only(happened, e.ProposalApproved)

    def change_a_limit(self, key: str, pick: int) -> None:
        before = promises.text_of_limit(self.desk.book.policy, key)
        after = self.one_of(CHANGES[key], pick)
        if before != after:
            delta = c.Delta(key=key, before=before, after=after)
            self.do(c.ChangePolicy(id=self.name("change"), deltas=(delta,), door=Door.MCP))

    def set_algorithm(self, enabled: bool, version: str, by: Door) -> None:
        made = replace(self.desk.book.algorithms["sma"], enabled=enabled, version=version)
        self.do(c.SetAlgorithm(algorithm=made, door=by))

    def pass_time(self, span: int, *, fresh: bool = True) -> None:
        desk = self.desk
        desk.now += span
        desk.ticked_at = max(desk.ticked_at, desk.now - MINUTE)
        if fresh:
            desk.confirmed = dict.fromkeys(desk.bids, desk.now)
            self.venue.read_into(desk)
        self.do(c.Tick())
        desk.ticked_at, desk.drift = desk.now, 0
        self.do(c.Mark())
        self.look()

    def look(self) -> None:
        self.do(c.Watch())
        promises.of_a_look(self.desk)

    def sleep(self, span: int) -> None:
        self.desk.now += span
        self.do(c.Tick())
        self.desk.ticked_at = self.desk.now

    def step_the_clock(self, drift: int) -> None:
        self.desk.drift = drift
        self.pass_time(SECOND)

    def is_met(self, order_id: str) -> bool:
        pair = self.venue.orders[order_id].pair
        bid = self.desk.bids[pair]
        return self.venue.may_trade(order_id, bid, bid + SPREADS[pair])

    def price_for(self, order_id: str) -> Decimal:
        order = self.venue.orders[order_id]
        bid = self.desk.bids[order.pair]
        return bid + SPREADS[order.pair] if order.side is Side.BUY else bid

    def resolve(self, order_id: str) -> None:
        if order_id in self.venue.alive:
            self.do(c.ReportAccepted(order_id=order_id, venue_order_id="v"))
        elif not promises.could_eat_what_others_hold(self.desk, self.venue, order_id):
            self.do(c.ReportLapsed(order_id=order_id, reason="released by the ladder"))

    def move_cash(self, amount: Decimal) -> None:
        self.flows += amount
        self.venue.cash[f"{VENUE}/USDT"] += amount
        report = c.ReportCash(venue=VENUE, asset="USDT", amount=amount, transfer_id=self.name("t"))
        self.do(report)
        assert self.do(report) == ()

    def split(self, ratio: Decimal) -> None:
        if self.splits > 8:
            return
        self.tell_everything()
        self.splits *= ratio
        gone = self.venue.split(AAPL, ratio)
        self.desk.price(str((self.desk.bids[AAPL] / ratio).quantize(D("0.01"))), AAPL)
        self.do(
            c.ReportAdjustment(
                kind=Adjustment.SPLIT, venue=VENUE, asset=AAPL, amount=ratio, activity_id=self.name("split")
            )
        )
        for order_id in gone:
            self.do(c.ReportCancelled(order_id=order_id))

    def tell_everything(self) -> None:
        while self.venue.untold:
            self.tell_one(0)

    def tell_one(self, pick: int) -> None:
        fill = self.venue.untold.pop(pick % len(self.venue.untold))
        self.do(c.ReportFill(fill=replace(fill, at=self.desk.now)))

    def reconcile(self) -> None:
        self.tell_everything()
        self.do(c.Reconcile(venue=VENUE, holdings=dict(self.venue.held)))

    def crash(self) -> None:
        """End without a word and begin again from the journal alone."""
        book = self.desk.replayed()
        assert book == self.desk.book
        self.desk.book = book
        self.do(c.Start(version="test"))
        self.reconcile()

    def report_nonsense(self, pick: int) -> None:
        """Refuse what has been executed in part: it cannot be, so everything stops."""
        partly = [key for key, item in self.desk.book.working.items() if item.filled > 0]
        if partly and pick % 5 == 0:
            self.do(c.ReportRejected(order_id=self.one_of(partly, pick), reason="it cannot be"))
            assert self.desk.book.account_state is TradingState.FROZEN

    def accept(self, order_id: str) -> None:
        self.venue.take(self.desk.order(order_id).order)
        self.do(c.ReportAccepted(order_id=order_id, venue_order_id="v"))

    def lose_the_feed(self, health: FeedHealth) -> None:
        self.desk.health = health

    def open_or_shut(self, is_open: bool) -> None:
        self.desk.is_open = is_open

    @invariant()
    def promises_hold(self) -> None:
        if not hasattr(self, "desk"):
            return
        promises.of_a_book(self.desk, self.guarded)
        promises.of_money(self.desk, self.flows)
        self.pages.append((len(self.desk.events), self.desk.book))

    def teardown(self) -> None:
        if hasattr(self, "desk"):
            promises.of_a_journal(self.desk, self.pages)
            self.come_to_rest()

    def come_to_rest(self) -> None:
        """Once nothing goes wrong any more, whatever is on its way out gets out."""
        desk = self.desk
        desk.is_open, desk.health = True, FeedHealth.HEALTHY
        for _ in range(12):
            self.tell_everything()
            self.do(c.Reconcile(venue=VENUE, holdings=dict(self.venue.held)))
            self.pass_time(2 * MINUTE)
            for order_id, item in sorted(desk.book.working.items()):
                if item.state is OrderState.SENDING and order_id not in self.venue.orders:
                    self.venue.take(item.order)
                    self.do(c.ReportAccepted(order_id=order_id, venue_order_id="v"))
                elif item.state is OrderState.SENDING and order_id in self.venue.alive:
                    self.do(c.ReportAccepted(order_id=order_id, venue_order_id="v"))
                elif item.state is OrderState.UNKNOWN:
                    self.resolve(order_id)
            for order_id in sorted(self.venue.alive):
                if desk.order(order_id).cancel_reason:
                    self.venue.drop(order_id)
                    self.do(c.ReportCancelled(order_id=order_id))
                elif desk.order(order_id).order.time_in_force is TimeInForce.IOC and not self.is_met(order_id):
                    self.venue.drop(order_id)
                    self.do(c.ReportLapsed(order_id=order_id, reason="nobody met it at once"))
                elif desk.order(order_id).order.reduces and self.is_met(order_id):
                    fill = self.venue.execute(order_id, D(1), self.price_for(order_id))
                    if fill is not None:
                        self.do(c.ReportFill(fill=replace(fill, at=desk.now)))
        promises.of_the_rest(desk)

"""A desk, a truthful venue and a hostile world between them: every order of events that hypothesis can think of."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from tests.core.decide import promises
from tests.core.decide.desk import SPREADS, D, Desk, buy, only, sell
from tests.core.decide.truth import Venue
from tests.core.guardrails.world import AAPL, BTC, ETH, VENUE
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.latches import ACCOUNT, Scope, ScopeKind, TradingState
from trading_mcp.core.domain.market import DAY, MINUTE, SECOND, FeedHealth, Market
from trading_mcp.core.domain.orders import Door, Intent, OrderState, OrderType, Protect, Purpose, Side, Trailing
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
picks = st.integers(0, 1000)
pairs = st.sampled_from(PAIRS)


class World(RuleBasedStateMachine):
    """Each rule is one thing that somebody does; each invariant is a promise that nobody can break."""

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

    # Whoever acts does it through here, so that every decision is held to its promises.

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

    # What people, assistants and algorithms want.

    @rule(
        pair=pairs,
        lots=st.integers(1, 6),
        by=st.sampled_from((Door.MCP, Door.CLI, Door.RUNNER)),
        below=st.sampled_from((None, "0.99", "0.9")),
        stop=st.booleans(),
        trail=st.booleans(),
        sends=st.booleans(),
    )
    def enter(self, pair: str, lots: int, by: Door, below: str | None, stop: bool, trail: bool, sends: bool) -> None:
        bid = self.desk.bids[pair]
        changes: dict[str, Any] = {"door": by, "book": "sma" if by is Door.RUNNER else "manual"}
        if below is not None:
            changes |= {"type": OrderType.LIMIT, "limit_price": (bid * D(below)).quantize(D("0.01"))}
        if stop:
            level = (changes.get("limit_price", bid) * D("0.97")).quantize(D("0.01"))
            goal = (bid * D("1.04")).quantize(D("0.01"))
            trailing = Trailing(activate=D("0.01"), distance=D("0.02")) if trail else None
            changes["protect"] = Protect(stop_loss=level, take_profit=goal, trailing=trailing)
        quantity = str(D(SIZES[pair]) * lots)
        self.do(c.Execute(intent=buy(quantity, pair, id=self.name("buy"), **changes)), sends=sends)

    @rule(pair=pairs, lots=st.integers(0, 6), by=st.sampled_from((Door.MCP, Door.RUNNER)), above=st.booleans())
    def leave(self, pair: str, lots: int, by: Door, above: bool) -> None:
        changes: dict[str, Any] = {"door": by, "book": "sma" if by is Door.RUNNER else "manual"}
        if above:
            limit = (self.desk.bids[pair] * D("1.02")).quantize(D("0.01"))
            changes |= {"type": OrderType.LIMIT, "limit_price": limit}
        quantity = str(D(SIZES[pair]) * lots) if lots else "all"
        self.do(c.Execute(intent=sell(quantity, pair, id=self.name("sell"), **changes)))

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

    @rule(pair=st.sampled_from((None, *PAIRS)), by=st.sampled_from((Door.MCP, Door.CLI)))
    def close(self, pair: str | None, by: Door) -> None:
        self.do(c.Close(intent_id=self.name("close"), door=by, pair=pair))

    @rule(pick=picks, all_of_it=st.booleans())
    def cancel(self, pick: int, all_of_it: bool) -> None:
        ids = sorted(self.desk.book.working)
        if all_of_it or not ids:
            self.do(c.Cancel(door=Door.MCP))
        else:
            self.do(c.Cancel(door=Door.MCP, order_id=self.one_of(ids, pick)))

    @rule(pick=picks)
    def look_again(self, pick: int) -> None:
        cleared = [key for key, item in self.desk.book.working.items() if item.state is OrderState.CLEARED]
        if cleared:
            self.do(c.LookAgain(order_id=self.one_of(cleared, pick)))

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

    # What the market and the clock do.

    @rule(pair=pairs, factor=st.sampled_from(("0.96", "0.985", "0.999", "1.001", "1.015", "1.03")))
    def price(self, pair: str, factor: str) -> None:
        self.desk.price(str((self.desk.bids[pair] * D(factor)).quantize(D("0.01"))), pair)
        self.look()

    @rule(
        span=st.sampled_from((SECOND, 10 * SECOND, MINUTE, 2 * MINUTE, DAY)),
        fresh=st.sampled_from((True, True, False)),
    )
    def wait(self, span: int, fresh: bool) -> None:
        self.pass_time(span, fresh=fresh)

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

    # What the venue does, and what of it is heard.

    @rule(pick=picks, how=st.sampled_from(("heard",) * 5 + ("silent", "lost", "never", "refused")))
    def answer(self, pick: int, how: str) -> None:
        wire = [key for key, item in self.desk.book.working.items() if item.state is OrderState.SENDING]
        wire = [key for key in wire if key not in self.venue.orders]
        if not wire:
            return
        order_id = self.one_of(wire, pick)
        if how not in ("never", "refused"):
            self.venue.take(self.desk.order(order_id).order)
        match how:
            case "heard":
                self.do(c.ReportAccepted(order_id=order_id, venue_order_id="v"))
            case "refused":
                self.do(c.ReportRejected(order_id=order_id, reason="refused"))
            case "silent":
                pass
            case _:
                self.do(c.ReportUnknown(order_id=order_id, reason="no answer"))

    @rule(pick=picks, share=st.sampled_from(("0.3", "0.5", "1", "1")), told=st.sampled_from((1, 1, 1, 2, 0)))
    def execute(self, pick: int, share: str, told: int) -> None:
        ready = [key for key in self.venue.alive if self.is_met(key)]
        if not ready:
            return
        fill = self.venue.execute(self.one_of(ready, pick), D(share), self.price_for(self.one_of(ready, pick)))
        if fill is None:
            return
        if not told:
            self.venue.untold.append(fill)
        for _ in range(told):
            self.do(c.ReportFill(fill=replace(fill, at=self.desk.now)))
        if told:
            self.do(c.Mark(on_fill=True))

    def is_met(self, order_id: str) -> bool:
        pair = self.venue.orders[order_id].pair
        bid = self.desk.bids[pair]
        return self.venue.may_trade(order_id, bid, bid + SPREADS[pair])

    def price_for(self, order_id: str) -> Decimal:
        order = self.venue.orders[order_id]
        bid = self.desk.bids[order.pair]
        return bid + SPREADS[order.pair] if order.side is Side.BUY else bid

    @precondition(lambda self: bool(self.venue.untold))
    @rule(pick=picks)
    def tell(self, pick: int) -> None:
        fill = self.venue.untold.pop(pick % len(self.venue.untold))
        self.do(c.ReportFill(fill=replace(fill, at=self.desk.now)))

    @rule(pick=picks, asked=st.sampled_from((True, True, True, False)))
    def end_an_order(self, pick: int, asked: bool) -> None:
        """Confirm a cancel, or end an order that nobody wanted gone."""
        alive = [key for key in self.venue.alive if bool(self.desk.order(key).cancel_reason) is asked]
        if alive:
            order_id = self.one_of(alive, pick)
            self.venue.drop(order_id)
            report = c.ReportCancelled(order_id=order_id)
            self.do(report if asked else c.ReportLapsed(order_id=order_id, reason="it lapsed"))

    @rule(pick=picks)
    def climb_the_ladder(self, pick: int) -> None:
        """Find out what became of an order of unknown fate, or release it where it was fenced and is absent."""
        lost = [key for key, item in self.desk.book.working.items() if item.state is OrderState.UNKNOWN]
        if lost:
            self.resolve(self.one_of(lost, pick))

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
            self.tell(0)

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

    # The usual, so that there is something to go wrong; and all that can.

    @rule(pair=pairs, lots=st.integers(1, 3), by=st.sampled_from((Door.MCP, Door.RUNNER)), stop=st.booleans())
    def buy_in_peace(self, pair: str, lots: int, by: Door, stop: bool) -> None:
        """Wait a little, enter, and have it filled and its stop accepted."""
        self.pass_time(2 * MINUTE)
        known = {*self.desk.book.working}
        self.enter(pair, lots, by, None, stop, trail=False, sends=True)
        for order_id in sorted({*self.desk.book.working} - known):
            self.accept(order_id)
            fill = self.venue.execute(order_id, D(1), self.price_for(order_id))
            assert fill is not None
            self.do(c.ReportFill(fill=replace(fill, at=self.desk.now)))
        for order_id in sorted({*self.desk.book.working} - known):
            self.accept(order_id)

    def accept(self, order_id: str) -> None:
        self.venue.take(self.desk.order(order_id).order)
        self.do(c.ReportAccepted(order_id=order_id, venue_order_id="v"))

    @rule()
    def mend(self) -> None:
        """Have feeds, sessions and venues in order again, and a person release what has latched."""
        self.desk.health, self.desk.is_open = FeedHealth.HEALTHY, True
        self.reconcile()
        self.pass_time(MINUTE)
        for _ in range(len(self.desk.book.latches)):
            self.release(0, TradingState.ACTIVE)
        if not self.desk.book.algorithms["sma"].enabled:
            self.set_algorithm(True, "v1", Door.CLI)

    @rule(kind=st.integers(0, 12), pick=picks, yes=st.booleans())
    def trouble(self, kind: int, pick: int, yes: bool) -> None:
        """Something that is not part of a quiet day."""
        match kind:
            case 0:
                self.kill(yes and pick % 3 == 0)
            case 1:
                self.restrict(self.one_of(SCOPES, pick), TradingState.HALTED if yes else TradingState.REDUCING)
            case 2:
                self.sleep(10 * MINUTE if yes else DAY)
            case 3:
                self.step_the_clock(3 * SECOND if yes else -3 * SECOND)
            case 4:
                self.desk.health = self.one_of((FeedHealth.DOWN, FeedHealth.DEGRADED), pick)
            case 5:
                self.desk.is_open = yes
            case 6:
                self.move_cash(D(5_000) if yes else D(-5_000))
            case 7:
                self.split(D(2) if yes else D(4))
            case 8:
                self.report_nonsense(pick)
            case 9:
                self.forge(self.one_of(PAIRS, pick), pick % 6, yes)
            case 10 if yes:
                self.change_a_limit(self.one_of(sorted(CHANGES), pick), pick // 7)
            case 10:
                self.set_algorithm(pick % 2 == 0, self.one_of(("v1", "v2"), pick // 2), Door.MCP)
            case _:
                self.crash()

    @rule(pick=picks, forged=st.sampled_from(({}, {}, {}, {"body_hash": "no"}, {"nonce": ""}, {"policy_hash": "no"})))
    def answer_somebody(self, pick: int, forged: dict[str, Any]) -> None:
        if self.desk.book.proposals:
            self.answer_a_proposal(pick, forged)
        else:
            self.release(pick, self.one_of((TradingState.ACTIVE, TradingState.REDUCING), pick))

    # What must be so after every single step.

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
                elif desk.order(order_id).order.reduces and self.is_met(order_id):
                    fill = self.venue.execute(order_id, D(1), self.price_for(order_id))
                    if fill is not None:
                        self.do(c.ReportFill(fill=replace(fill, at=desk.now)))
        promises.of_the_rest(desk)

"""A desk, a truthful venue and a hostile world between them: every order of events that hypothesis can think of."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from msgspec.structs import replace

from tests.core.decide.desk import D, buy, sell
from tests.core.decide.machine_base import CHANGES, PAIRS, SCOPES, SIZES, Around
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.latches import TradingState
from trading_mcp.core.domain.market import DAY, MINUTE, SECOND, FeedHealth
from trading_mcp.core.domain.orders import (
    Door,
    OrderState,
    OrderType,
    Protect,
    Trailing,
)

picks = st.integers(0, 1000)
pairs = st.sampled_from(PAIRS)


class World(Around):
    """Each rule is one thing that somebody does."""

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

    @precondition(lambda self: bool(self.venue.untold))
    @rule(pick=picks)
    def tell(self, pick: int) -> None:
        self.tell_one(pick)

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
        halted_or_less = TradingState.HALTED if yes else TradingState.REDUCING
        troubles: tuple[Callable[[], object], ...] = (
            lambda: self.kill(yes and pick % 3 == 0),
            lambda: self.restrict(self.one_of(SCOPES, pick), halted_or_less),
            lambda: self.sleep(10 * MINUTE if yes else DAY),
            lambda: self.step_the_clock(3 * SECOND if yes else -3 * SECOND),
            lambda: self.lose_the_feed(self.one_of((FeedHealth.DOWN, FeedHealth.DEGRADED), pick)),
            lambda: self.open_or_shut(yes),
            lambda: self.move_cash(D(5_000) if yes else D(-5_000)),
            lambda: self.split(D(2) if yes else D(4)),
            lambda: self.report_nonsense(pick),
            lambda: self.forge(self.one_of(PAIRS, pick), pick % 6, yes),
            lambda: self.change_a_limit(self.one_of(sorted(CHANGES), pick), pick // 7),
            lambda: self.set_algorithm(yes, self.one_of(("v1", "v2"), pick), Door.MCP),
            self.crash,
        )
        troubles[kind]()

    @rule(pick=picks, forged=st.sampled_from(({}, {}, {}, {"body_hash": "no"}, {"nonce": ""}, {"policy_hash": "no"})))
    def answer_somebody(self, pick: int, forged: dict[str, Any]) -> None:
        if self.desk.book.proposals:
            self.answer_a_proposal(pick, forged)
        else:
            self.release(pick, self.one_of((TradingState.ACTIVE, TradingState.REDUCING), pick))

    @rule(pick=picks)
    def lose_sight(self, pick: int) -> None:
        """Have an answer about an order at the venue time out."""
        alive = [key for key in self.venue.alive if self.desk.state(key) in (OrderState.LIVE, OrderState.PARTIAL)]
        if alive:
            self.do(c.ReportUnknown(order_id=self.one_of(alive, pick), reason="no answer"))

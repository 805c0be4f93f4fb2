"""A desk without a shell: it decides, folds and keeps the journal; the test is the market, the venue and the person.

    desk = Desk()
    entry = desk.enter("0.004", stop="49000")   # judged, cleared, looked at again: on the wire
    desk.ack(entry)
    desk.fill(entry)                            # and now its stop is on the wire
    stop = desk.ack(desk.stop())

Balances are what the venue would say: units that a resting sell holds are not free, and `read` is when it said so.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from msgspec.structs import replace

from tests.core.guardrails.shipped import SIMULATED
from tests.core.guardrails.world import AAPL, BTC, ETH, TODAY, VENUE, instrument, quote
from trading_mcp.core.codec import decode, encode
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.closing import Closing
from trading_mcp.core.domain.evolve import evolve, first_book, replay
from trading_mcp.core.domain.facts import Balance, Facts
from trading_mcp.core.domain.home import Home, Mode
from trading_mcp.core.domain.instruments import Instrument, asset_of
from trading_mcp.core.domain.latches import ACCOUNT, Latch, Scope, TradingState
from trading_mcp.core.domain.mandates import Algorithm
from trading_mcp.core.domain.market import DAY, MINUTE, SECOND, FeedHealth, Market, Price, Session
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import (
    Door,
    Everything,
    Fill,
    Intent,
    Order,
    OrderState,
    OrderType,
    Protect,
    Purpose,
    Quantity,
    Side,
    Working,
)
from trading_mcp.core.domain.policy import Delta, Policy
from trading_mcp.core.domain.proposals import Proposal, ProposedOrder, Statement
from trading_mcp.core.domain.protection import Protection
from trading_mcp.core.domain.verdict import Code, Outcome, Verdict
from trading_mcp.core.guardrails.decide import decide

D: Final = Decimal
START: Final = 20_635 * DAY + DAY // 2
OPENING: Final = {f"{VENUE}/USDT": D(50_000), f"{VENUE}/USD": D(50_000)}
BIDS: Final = {BTC: "49990", ETH: "1999", AAPL: "199.9"}
SPREADS: Final = {BTC: D(10), ETH: D(1), AAPL: D("0.1")}
MINE: Final = f"manual/{VENUE}/{BTC}"
_AT_VENUE: Final = (OrderState.LIVE, OrderState.PARTIAL, OrderState.CANCEL_PENDING, OrderState.UNKNOWN)


class Desk:
    """One home, driven by hand on a clock of its own."""

    def __init__(self, *, mode: Mode = Mode.SIMULATED, policy: Policy = SIMULATED, rested: bool = True) -> None:
        self.now = self.ticked_at = START
        self.drift = self.ahead = 0
        self.read_at, self.free = START, dict(OPENING)
        self.bids = {pair: D(bid) for pair, bid in BIDS.items()}
        self.confirmed = dict.fromkeys(BIDS, START)
        self.instruments: dict[str, Instrument] = {pair: instrument(pair, stops_rest=rested) for pair in BIDS}
        self.is_open = True
        self.health = FeedHealth.HEALTHY
        self.halt_file = False
        self.signed: Statement | None = None
        self.sees_balances = True
        self.events: list[e.AnyEvent] = []
        self.trades = 0
        created = e.DeskCreated(
            at=START, home=Home(name="test", mode=mode, cash=dict(OPENING), account="main"), policy=policy
        )
        with exactly():
            self.book: Book = first_book(created)
        self.events.append(created)
        self.do(c.Start(version="test"))
        self.do(c.Reconcile(venue=VENUE, holdings={}))
        self.do(c.Mark())

    # What the world is like.

    def facts(self) -> Facts:
        quotes = {
            f"{VENUE}/{pair}": quote(pair, str(bid), str(bid + SPREADS[pair]), at=self.confirmed[pair])
            for pair, bid in self.bids.items()
        }
        prices = {
            asset_of(pair): Price(value=bid, confirmed_at=self.confirmed[pair]) for pair, bid in self.bids.items()
        }
        prices["USDT"] = Price(value=D(1), confirmed_at=self.now)
        day = TODAY if self.now // DAY == START // DAY else f"day {self.now // DAY}"
        return Facts(
            now=self.now,
            day=day,
            quotes=quotes,
            instruments={f"{VENUE}/{pair}": item for pair, item in self.instruments.items()},
            prices=prices,
            sessions={Market.STOCKS: Session(market=Market.STOCKS, is_open=self.is_open, day=day)},
            feeds={VENUE: self.health},
            balances=self.balances() if self.sees_balances else {},
            venue_modes={VENUE: self.book.home.mode},
            wall_elapsed=self.now - self.ticked_at,
            boot_elapsed=self.now - self.ticked_at - self.drift,
            uptime=self.now - START - self.ahead,
            is_halt_file_present=self.halt_file,
            order_id_seed=len(self.events).to_bytes(32, "big"),
            order_id_seq=len(self.events),
            signed=self.signed,
        )

    def balances(self) -> dict[str, Balance]:
        """Say what is free as of the last reading; the reading itself is `read`."""
        return {key: Balance(free=free, at=self.read_at) for key, free in self.free.items()}

    def read(self) -> None:
        """Ask the venue what is free."""
        free = dict(self.book.portfolio.cash)
        free.update({f"{VENUE}/{pair.partition('-')[0]}": D(0) for pair in self.bids})
        for position in self.book.portfolio.positions.values():
            key = f"{VENUE}/{position.pair.partition('-')[0]}"
            free[key] = free.get(key, D(0)) + position.quantity
        for working in self.book.working.values():
            if working.order.side is Side.SELL and working.state in _AT_VENUE:
                free[f"{VENUE}/{working.order.pair.partition('-')[0]}"] -= working.remaining
        self.free, self.read_at = free, self.now

    def price(self, bid: str, pair: str = BTC) -> None:
        self.bids[pair] = D(bid)
        self.confirmed[pair] = self.now

    def wait(
        self, span: int = MINUTE, *, look: bool = True, asleep: bool = False, lost: Sequence[str] = ()
    ) -> tuple[e.AnyEvent, ...]:
        """Let time pass with fresh prices and balances; unless told otherwise the desk looks at them."""
        self.now += span
        if not asleep:
            self.ticked_at = max(self.ticked_at, self.now - MINUTE)
        for pair in self.bids:
            if pair not in lost:
                self.confirmed[pair] = self.now
        self.read()
        if not look:
            return ()
        happened = self.tick()
        return (*happened, *self.do(c.Watch()), *self.do(c.Mark()))

    def tick(self) -> tuple[e.AnyEvent, ...]:
        happened = self.do(c.Tick())
        self.ticked_at, self.drift = self.now, 0
        return happened

    # What is asked of the desk.

    def decide(self, command: c.AnyCommand) -> tuple[e.AnyEvent, ...]:
        """Decide and change nothing: asking twice gives the same, and it is what a journal can hold."""
        with exactly():
            facts = self.facts()
            events = decide(command, self.book, facts)
            assert decide(command, self.book, facts) == events
            assert all(decode(*encode(event)) == event for event in events)
        return events

    def do(self, command: c.AnyCommand, *, sends: bool = True) -> tuple[e.AnyEvent, ...]:
        """Decide, fold and remember; what is cleared is looked at again and put on the wire."""
        happened: list[e.AnyEvent] = []
        waiting: list[c.AnyCommand] = [command]
        for _ in range(100):
            if not waiting:
                return tuple(happened)
            events = self.decide(waiting.pop(0))
            self.take(events)
            happened.extend(events)
            if sends:
                waiting += [c.LookAgain(order_id=event.order.id) for event in only(events, e.OrderCleared)]
        raise AssertionError("a decision never came to rest")

    def take(self, events: Sequence[e.AnyEvent]) -> None:
        """Fold events that were decided, or that the shell records by itself."""
        with exactly():
            for event in events:
                self.book = evolve(self.book, event)
        self.events.extend(events)

    def replayed(self) -> Book:
        with exactly():
            return replay(self.events)

    def judged(self, intent: Intent, *, sends: bool = True) -> Verdict:
        events = self.do(c.Execute(intent=intent), sends=sends)
        return next(event.verdict for event in events if isinstance(event, e.IntentJudged))

    def denies(self, intent: Intent) -> tuple[Code, ...]:
        before = {*self.book.working}
        verdict = self.judged(intent)
        assert verdict.outcome is Outcome.DENY
        assert before == {*self.book.working}
        return verdict.codes()

    def execute(self, intent: Intent, *, sends: bool = True) -> str:
        """Have an intent allowed; return the order it became, or nothing while it waits for a stop to go."""
        assert self.judged(intent, sends=sends).outcome is Outcome.ALLOW
        record = self.book.intent(intent.id)
        assert record is not None
        return record.order_ids[-1] if record.order_ids else ""

    def enter(self, quantity: str = "0.004", stop: str | None = "49000", pair: str = BTC, **changes: Any) -> str:
        protect = None if stop is None else Protect(stop_loss=D(stop))
        return self.execute(buy(quantity, pair, **{"protect": protect, **changes}))

    def hold(self, quantity: str = "0.004", stop: str | None = "49000", pair: str = BTC, **changes: Any) -> None:
        """Hold a position whose stop, if it has one, rests at the venue."""
        self.fill(self.ack(self.enter(quantity, stop, pair, **changes)))
        self.now += SECOND
        if stop is not None and self.instruments[pair].stops_rest:
            self.ack(self.stop(f"{changes.get('book', 'manual')}/{VENUE}/{pair}"))
        self.now += SECOND
        self.read()

    def close(self, intent_id: str = "close-1", door: Door = Door.MCP, **scope: Any) -> tuple[e.AnyEvent, ...]:
        return self.do(c.Close(intent_id=intent_id, door=door, **scope))

    def latch(self, state: TradingState = TradingState.FROZEN, scope: Scope = ACCOUNT) -> tuple[e.AnyEvent, ...]:
        return self.do(c.AddLatch(latch=Latch(scope=scope, state=state, code=Code.OVERFILL, reason="a test", at=0)))

    def change(self, key: str, before: str, after: str, name: str = "change-1") -> tuple[e.AnyEvent, ...]:
        delta = Delta(key=key, before=before, after=after)
        return self.do(c.ChangePolicy(id=name, deltas=(delta,), door=Door.MCP))

    def employ(self, name: str = "sma", door: Door = Door.CLI, **changes: Any) -> Algorithm:
        """Enable an algorithm, which outside real money brings its mandate with it."""
        plain = Algorithm(
            name=name,
            version="v1",
            pairs=frozenset({BTC, ETH}),
            venues=(VENUE,),
            capital=D(10_000),
            enabled=True,
        )
        self.do(c.SetAlgorithm(algorithm=replace(plain, **changes), door=door))
        self.do(c.Mark())
        return self.book.algorithms[name]

    # What the venue says.

    def ack(self, order_id: str) -> str:
        self.do(c.ReportAccepted(order_id=order_id, venue_order_id=f"v-{order_id}"))
        return order_id

    def fill(
        self, order_id: str, quantity: str | None = None, *, price: str | None = None, trade: str | None = None
    ) -> tuple[e.AnyEvent, ...]:
        """Execute all that is left, or a part; `trade` repeats an execution under its own id."""
        working = self.order(order_id)
        self.trades += 1
        at = working.order.limit_price or self.bids[working.order.pair]
        return self.do(
            c.ReportFill(
                fill=Fill(
                    trade_id=trade or f"t{self.trades}",
                    venue=VENUE,
                    pair=working.order.pair,
                    side=working.order.side,
                    quantity=working.remaining if quantity is None else D(quantity),
                    price=at if price is None else D(price),
                    fee=D(0),
                    fee_asset="USDT",
                    at=self.now,
                    order_id=order_id,
                )
            )
        )

    def cancelled(self, order_id: str) -> tuple[e.AnyEvent, ...]:
        return self.do(c.ReportCancelled(order_id=order_id))

    def unknown(self, order_id: str) -> tuple[e.AnyEvent, ...]:
        return self.do(c.ReportUnknown(order_id=order_id, reason="no answer"))

    def rejected(self, order_id: str) -> tuple[e.AnyEvent, ...]:
        return self.do(c.ReportRejected(order_id=order_id, reason="refused"))

    def lapsed(self, order_id: str) -> tuple[e.AnyEvent, ...]:
        return self.do(c.ReportLapsed(order_id=order_id, reason="it ended by itself"))

    # What a person signs.

    def proposal(self) -> Proposal:
        (proposal,) = self.book.proposals.values()
        return proposal

    def stated(self, kind: str, subject: str, **changes: Any) -> Statement:
        home = self.book.home
        plain = Statement(
            version=1,
            proposal_id=subject,
            kind=kind,
            account=home.account,
            venue=VENUE,
            mode=home.mode,
            fake_venues=home.fake_venues,
            body_hash="",
            policy_hash=self.book.policy.hash,
            created=self.now,
            expires=self.now + 5 * MINUTE,
            nonce=f"nonce-{len(self.events)}",
            home=home.name,
        )
        return replace(plain, **changes)

    def statement(self, proposal: Proposal, **changes: Any) -> Statement:
        """Draw the statement as the shell does when a person opens a proposal."""
        body = proposal.body
        plain = self.stated(str(type(body).__struct_config__.tag), proposal.id, body_hash=proposal.body_hash)
        if isinstance(body, ProposedOrder):
            ask = self.bids[body.intent.pair] + SPREADS[body.intent.pair]
            held = self.book.portfolio.held(body.intent.book, VENUE, body.intent.pair)
            plain = replace(plain, reference_price=ask, move_max=D("0.005"), position=held, position_change_max=D(0))
        return replace(plain, **changes)

    def sign(self, proposal: Proposal | None = None, **changes: Any) -> tuple[e.AnyEvent, ...]:
        """Let a person sign a proposal, and hand the statement in."""
        wanted = self.proposal() if proposal is None else proposal
        return self.hand_in(self.statement(wanted, **changes), wanted.id)

    def hand_in(self, statement: Statement | None, proposal_id: str) -> tuple[e.AnyEvent, ...]:
        self.signed = statement
        happened = self.do(c.Approve(proposal_id=proposal_id))
        self.signed = None
        return happened

    # What the book shows.

    def order(self, order_id: str) -> Working:
        working = self.book.order(order_id)
        assert working is not None
        return working

    def state(self, order_id: str) -> OrderState:
        return self.order(order_id).state

    def working(self, purpose: Purpose | None = None) -> list[Order]:
        return [item.order for item in self.book.working.values() if purpose in (None, item.order.purpose)]

    def stop(self, key: str = MINE) -> str:
        """Return the protective order of a position, which must be on its way or at the venue."""
        order_id = self.book.protections[key].order_id
        assert self.book.working[order_id].order.purpose is Purpose.PROTECTION
        return order_id

    def guard(self, key: str = MINE) -> Protection:
        return self.book.protections[key]

    def closing(self, key: str = MINE) -> Closing:
        return self.book.closings[key]

    def exit(self, key: str = MINE) -> str:
        """Return the exit order a close has sent."""
        order_id = self.closing(key).order_id
        assert order_id in self.book.working
        return order_id

    def held(self, key: str = MINE) -> Decimal:
        position = self.book.portfolio.positions.get(key)
        return D(0) if position is None else position.quantity


def buy(quantity: str = "0.004", pair: str = BTC, **changes: Any) -> Intent:
    return _intent(Side.BUY, quantity, pair, changes)


def sell(quantity: str = "all", pair: str = BTC, **changes: Any) -> Intent:
    return _intent(Side.SELL, quantity, pair, changes)


def _intent(side: Side, quantity: str, pair: str, changes: dict[str, Any]) -> Intent:
    amount = Everything() if quantity == "all" else Quantity(D(quantity))
    plain = Intent(id=f"{side}-1", door=Door.MCP, pair=pair, side=side, amount=amount)
    return replace(plain, **changes)


def at(price: str) -> dict[str, Any]:
    """Make an intent a limit order: `buy(**at("49500"))`."""
    return {"type": OrderType.LIMIT, "limit_price": D(price)}


def only(events: Sequence[e.AnyEvent], kind: type[e.Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def names(events: Sequence[e.AnyEvent]) -> list[str]:
    return [type(event).__name__ for event in events]

"""A quiet trading day in which a small order passes every rule; a test changes the one thing it is about.

    with exactly():
        world = quiet().with_account(orders_open_max=0)
        assert world.verdict().codes() == (Code.ORDERS_OPEN_MAX,)

Cash is 50,000 USDT and 50,000 USD, equity 100,000, BTC-USDT stands at 49,990 / 50,000 and AAPL at 199.90 / 200.
"""

from decimal import Decimal
from typing import Any, Final, Self

import msgspec
from msgspec.structs import replace

from tests.core.guardrails.shipped import LIVE, SIMULATED
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.facts import Balance, Facts
from trading_mcp.core.domain.home import Home, Mode
from trading_mcp.core.domain.instruments import Instrument, Kind, asset_of, quote_of
from trading_mcp.core.domain.latches import ACCOUNT, Latch, Scope, TradingState
from trading_mcp.core.domain.mandates import Algorithm, Mandate
from trading_mcp.core.domain.market import DAY, SECOND, FeedHealth, Market, Price, Quote, Session, market_of
from trading_mcp.core.domain.measures import first_measure
from trading_mcp.core.domain.orders import (
    MANUAL,
    Door,
    Everything,
    Fit,
    Intent,
    Notional,
    Order,
    OrderState,
    OrderType,
    Purpose,
    Quantity,
    Side,
    TimeInForce,
    Working,
)
from trading_mcp.core.domain.policy import Policy
from trading_mcp.core.domain.portfolio import Portfolio, Position
from trading_mcp.core.domain.verdict import Code, Verdict
from trading_mcp.core.guardrails.case import Case, case_of
from trading_mcp.core.guardrails.gate import judge
from trading_mcp.core.guardrails.route import route

D: Final = Decimal
VENUE: Final = "paper"
TODAY: Final = "2026-07-01"
NOW: Final = 20_635 * DAY + DAY // 2
BTC: Final = "BTC-USDT"
ETH: Final = "ETH-USDT"
AAPL: Final = "AAPL"
ALGORITHM: Final = "sma"
ASKS: Final = {
    BTC: ("49990", "50000"),
    ETH: ("1999", "2000"),
    "MATIC-USDT": ("0.4999", "0.5"),
    AAPL: ("199.9", "200"),
}
_STEPS: Final = {BTC: "0.00001", ETH: "0.0001", "MATIC-USDT": "0.1", AAPL: "0.001"}


class World(msgspec.Struct, frozen=True, kw_only=True):
    """An intent, and everything it is judged in."""

    intent: Intent
    book: Book
    facts: Facts

    @property
    def policy(self) -> Policy:
        return self.book.policy

    def case(self, *, size: Decimal | None = None) -> Case:
        venue = route(self.intent, self.book, self.facts, self.policy)
        return case_of(self.intent, self.book, self.facts, self.policy, venue, size=size)

    def verdict(self, *, signed: bool = False) -> Verdict:
        return judge(self.case(), signed=signed)

    def with_intent(self, **changes: Any) -> Self:
        return replace(self, intent=replace(self.intent, **changes))

    def with_book(self, **changes: Any) -> Self:
        return replace(self, book=replace(self.book, **changes))

    def with_facts(self, **changes: Any) -> Self:
        return replace(self, facts=replace(self.facts, **changes))

    def with_account(self, **changes: Any) -> Self:
        return self._with_policy(account=replace(self.policy.account, **changes))

    def with_crypto(self, **changes: Any) -> Self:
        return self._with_policy(crypto=replace(self.policy.crypto, **changes))

    def with_stocks(self, **changes: Any) -> Self:
        return self._with_policy(stocks=replace(self.policy.stocks, **changes))

    def with_market(self, **changes: Any) -> Self:
        """Change the limits of the market the intent belongs to."""
        is_stock = market_of(self.intent.pair) is Market.STOCKS
        return self.with_stocks(**changes) if is_stock else self.with_crypto(**changes)

    def _with_policy(self, **changes: Any) -> Self:
        return self.with_book(policy=replace(self.policy, **changes))

    def holding(self, *positions: Position, paid: bool = True) -> Self:
        """Hold positions; what they are worth has left the cash, so that the equity stays as it was."""
        portfolio = self.book.portfolio
        cash = dict(portfolio.cash)
        for position in positions:
            key = f"{position.venue}/{quote_of(position.pair)}"
            if paid:
                cash[key] = cash.get(key, D(0)) - position.cost
        held = {**portfolio.positions, **{position.key: position for position in positions}}
        return self.with_book(portfolio=Portfolio(cash=cash, positions=held))

    def working(self, *orders: Working) -> Self:
        return self.with_book(working={**self.book.working, **{item.order.id: item for item in orders}})

    def latched(self, state: TradingState, scope: Scope = ACCOUNT, code: Code = Code.KILL_SWITCH) -> Self:
        latch = Latch(scope=scope, state=state, code=code, reason="a test", at=NOW)
        return self.with_book(latches={**self.book.latches, latch.key: latch})

    def quoted(self, pair: str, bid: str, ask: str, *, venue: str = VENUE, at: int = NOW) -> Self:
        made = quote(pair, bid, ask, venue=venue, at=at)
        return self.with_facts(quotes={**self.facts.quotes, f"{venue}/{pair}": made})

    def priced(self, **prices: str | None) -> Self:
        """Set what assets are worth; None takes the price away."""
        kept = {name: value for name, value in self.facts.prices.items() if name not in prices}
        new = {name: Price(value=D(text), confirmed_at=NOW) for name, text in prices.items() if text is not None}
        return self.with_facts(prices={**kept, **new})

    def listed(self, pair: str, venue: str = VENUE, **changes: Any) -> Self:
        made = instrument(pair, venue=venue, **changes)
        return self.with_facts(instruments={**self.facts.instruments, f"{venue}/{pair}": made})

    def balance(self, asset: str, free: str, *, at: int = NOW, venue: str = VENUE) -> Self:
        made = Balance(free=D(free), at=at)
        return self.with_facts(balances={**self.facts.balances, f"{venue}/{asset}": made})

    def at_venue(self, venue: str) -> Self:
        """Wire and reconcile a second venue that lists and quotes what the first one does."""
        there = self
        for pair, (bid, ask) in ASKS.items():
            there = there.listed(pair, venue).quoted(pair, bid, ask, venue=venue)
        modes = {**there.facts.venue_modes, venue: there.book.home.mode}
        feeds = {**there.facts.feeds, venue: FeedHealth.HEALTHY}
        there = there.with_facts(venue_modes=modes, feeds=feeds)
        return there.with_book(reconciled=there.book.reconciled | {venue})

    def run_by(self, algorithm: Algorithm, **changes: Any) -> Self:
        """Let an algorithm want the order; its measure begins at its capital."""
        name = algorithm.name
        measures = {**self.book.measures, f"algorithm/{name}": first_measure(algorithm.capital, NOW, TODAY)}
        there = self.with_book(algorithms={**self.book.algorithms, name: algorithm}, measures=measures)
        return there.with_intent(**{"book": name, "door": Door.RUNNER, "due_at": NOW, **changes})


def quiet(intent: Intent | None = None, *, mode: Mode = Mode.SIMULATED, policy: Policy = SIMULATED) -> World:
    """Return the day on which nothing is wrong."""
    cash = {f"{VENUE}/USDT": D(50_000), f"{VENUE}/USD": D(50_000)}
    book = Book(
        home=Home(name="test", mode=mode, cash=cash, account="main"),
        policy=policy,
        portfolio=Portfolio(cash=cash, positions={}),
        at=NOW,
        reconciled=frozenset({VENUE}),
        measures={"account": first_measure(D(100_000), NOW, TODAY)},
    )
    return World(intent=intent or buy(), book=book, facts=known(mode=mode))


def live(intent: Intent | None = None) -> World:
    """Return LIVE as it must be: wired, started and signed for; cash stands at coinbase, and small orders pass."""
    there = quiet(intent or buy("0.001"), mode=Mode.LIVE, policy=LIVE).at_venue("cryptocom").at_venue("coinbase")
    cash = {"coinbase/USDT": D(50_000), "coinbase/USD": D(50_000)}
    there = there.balance("USDT", "50000", venue="coinbase").with_facts(is_live_enabled=True)
    there = there.with_book(
        portfolio=Portfolio(cash=cash, positions={}),
        live_accounts=frozenset({"coinbase/main", "cryptocom/main"}),
    )
    return there.with_account(approval_always=False).with_crypto(ask_above=D(100))


def known(*, mode: Mode = Mode.SIMULATED) -> Facts:
    """Return facts that are complete and fresh."""
    worth = {asset_of(pair): ask for pair, (_, ask) in ASKS.items()} | {"USDT": "1", "USDC": "1"}
    return Facts(
        now=NOW,
        day=TODAY,
        quotes={f"{VENUE}/{pair}": quote(pair, bid, ask) for pair, (bid, ask) in ASKS.items()},
        instruments={f"{VENUE}/{pair}": instrument(pair) for pair in ASKS},
        prices={asset: Price(value=D(value), confirmed_at=NOW) for asset, value in worth.items()},
        sessions={Market.STOCKS: Session(market=Market.STOCKS, is_open=True, day=TODAY)},
        feeds={VENUE: FeedHealth.HEALTHY},
        balances={f"{VENUE}/{asset}": Balance(free=D(50_000), at=NOW) for asset in ("USDT", "USD")},
        venue_modes={VENUE: mode},
        order_id_seed=b"\x01" * 32,
        order_id_seq=7,
    )


def quote(pair: str, bid: str, ask: str, *, venue: str = VENUE, at: int = NOW) -> Quote:
    return Quote(
        venue=venue,
        pair=pair,
        bid=D(bid),
        ask=D(ask),
        bid_size=D(10),
        ask_size=D(10),
        at=at,
        confirmed_at=at,
        source="test",
    )


def instrument(pair: str, *, venue: str = VENUE, **changes: Any) -> Instrument:
    market = market_of(pair)
    plain = Instrument(
        venue=venue,
        pair=pair,
        kind=Kind.CRYPTO if market is Market.CRYPTO else Kind.STOCK,
        market=market,
        base=pair.split("-", 1)[0],
        quote=quote_of(pair),
        price_step=D("0.01"),
        quantity_step=D(_STEPS.get(pair, "0.1")),
        quantity_min=D(_STEPS.get(pair, "0.1")),
        quantity_max=D(1_000_000),
        notional_min=D(5),
        notional_max=D(9_000_000),
    )
    return replace(plain, **changes)


def buy(quantity: str = "0.002", pair: str = BTC, **changes: Any) -> Intent:
    """Want to buy at market; 0.002 BTC cost at worst 101 USDT."""
    return _intent(Side.BUY, quantity, pair, changes)


def sell(quantity: str = "0.002", pair: str = BTC, **changes: Any) -> Intent:
    """Want to sell at market; `all` sells what the book holds."""
    return _intent(Side.SELL, quantity, pair, changes)


def _intent(side: Side, quantity: str, pair: str, changes: dict[str, Any]) -> Intent:
    amount = Everything() if quantity == "all" else Quantity(D(quantity))
    return replace(Intent(id="intent-1", door=Door.MCP, pair=pair, side=side, amount=amount), **changes)


def worth(amount: str) -> Notional:
    return Notional(D(amount))


def limit_at(price: str, **changes: Any) -> dict[str, Any]:
    """Return what makes an intent a limit order: `buy("0.002", **limit_at("49000"))`."""
    return {"type": OrderType.LIMIT, "limit_price": D(price), **changes}


def position(quantity: str, pair: str = BTC, *, book: str = MANUAL, venue: str = VENUE, **changes: Any) -> Position:
    """Hold a quantity, bought at the ask."""
    plain = Position(book=book, venue=venue, pair=pair, quantity=D(quantity), average=_ask(pair), opened_at=NOW)
    return replace(plain, **changes)


def _ask(pair: str) -> Decimal:
    return D(ASKS[pair][1]) if pair in ASKS else D(1)


def resting(
    order_id: str,
    side: Side = Side.BUY,
    quantity: str = "0.002",
    pair: str = BTC,
    *,
    state: OrderState = OrderState.LIVE,
    since: int = NOW - 60 * SECOND,
    filled: str = "0",
    **changes: Any,
) -> Working:
    """Have an order at the venue: by default a buy that adds risk, seen by every balance of now."""
    plain = Order(
        id=order_id,
        intent_id=f"of-{order_id}",
        book=MANUAL,
        venue=VENUE,
        pair=pair,
        side=side,
        type=OrderType.LIMIT,
        quantity=D(quantity),
        time_in_force=TimeInForce.GTC,
        reduces=side is Side.SELL,
        purpose=Purpose.TRADE,
        price_worst=_ask(pair),
        cleared_at=since,
        door=Door.MCP,
        limit_price=_ask(pair),
    )
    return Working(order=replace(plain, **changes), state=state, since=since, filled=D(filled))


def algorithm(name: str = ALGORITHM, *, mandate: bool = True, **changes: Any) -> Algorithm:
    """Have an enabled algorithm with a capital of 10,000 and, unless told otherwise, a mandate as wide as that."""
    plain = Algorithm(
        name=name, version="v1", pairs=frozenset(ASKS), venues=(VENUE,), capital=D(10_000), enabled=True
    )
    changed = replace(plain, **changes)
    return replace(changed, mandate=mandate_for(changed)) if mandate else changed


def mandate_for(owner: Algorithm, **changes: Any) -> Mandate:
    plain = Mandate(
        algorithm=owner.name,
        version=owner.version,
        venues=owner.venues,
        pairs=owner.pairs,
        capital=owner.capital,
        order_notional_max=D(500),
        orders_day_max=500,
        loss_max=D(500),
        issued_at=NOW,
        value_at_issue=owner.capital,
        expires_at=NOW + 7 * DAY,
    )
    return replace(plain, **changes)


def shrinking(**changes: Any) -> dict[str, Any]:
    """Return what makes an algorithm's wish one that may be made smaller."""
    return {"fit": Fit.SHRINK, **changes}

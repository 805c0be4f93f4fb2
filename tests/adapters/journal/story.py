"""A day of a small home as events: a denial, a trade in two fills, its exit, a kill and a release."""

from decimal import Decimal
from pathlib import Path

import msgspec

from tests.adapters.journal.support import NOON, SECOND, called
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.home import Home, Mode
from trading_mcp.core.domain.latches import ACCOUNT, Latch, TradingState
from trading_mcp.core.domain.mandates import Algorithm, Mandate
from trading_mcp.core.domain.orders import (
    Door,
    Fill,
    Intent,
    Order,
    OrderType,
    Purpose,
    Quantity,
    Side,
    TimeInForce,
)
from trading_mcp.core.domain.policy import Delta
from trading_mcp.core.domain.verdict import Code, Finding, Outcome, Verdict
from trading_mcp.core.guardrails.schema import parse_text

ROOT = Path(__file__).resolve().parents[3]
POLICY = parse_text((ROOT / "policies" / "simulated.toml").read_text("utf-8"))
HOME = Home(name="story", mode=Mode.SIMULATED, cash={"paper/USDT": Decimal(50_000)})
SMA = Algorithm(
    name="sma", version="v1", pairs=frozenset({"ETH-USDT", "BTC-USDT"}), venues=("paper",), capital=Decimal(1000)
)
MANDATE = Mandate(
    algorithm="sma",
    version="v1",
    venues=("paper",),
    pairs=SMA.pairs,
    capital=SMA.capital,
    order_notional_max=Decimal(100),
    orders_day_max=5,
    loss_max=Decimal(50),
    issued_at=NOON,
    value_at_issue=Decimal(1000),
)
DENIED = Finding(code=Code.ORDER_NOTIONAL_MAX, outcome=Outcome.DENY, reason="2,000 is more than 500")


def intent(name: str, *, door: Door = Door.MCP, book: str = "manual", side: Side = Side.BUY) -> Intent:
    amount = Quantity(Decimal("0.02"))
    return Intent(id=name, door=door, pair="BTC-USDT", side=side, amount=amount, book=book, reason="a zebra")


def order(name: str, side: Side = Side.BUY) -> Order:
    return Order(
        id=f"order-{name}",
        intent_id=name,
        book="manual",
        venue="paper",
        pair="BTC-USDT",
        side=side,
        type=OrderType.LIMIT,
        quantity=Decimal("0.02"),
        time_in_force=TimeInForce.GTC,
        reduces=side is Side.SELL,
        purpose=Purpose.TRADE,
        price_worst=Decimal(50_000),
        cleared_at=NOON,
        door=Door.MCP,
        limit_price=Decimal(50_000),
    )


def fill(name: str, trade: str, quantity: str, price: int, side: Side = Side.BUY) -> e.FillRecorded:
    one = Fill(
        trade_id=trade,
        venue="paper",
        pair="BTC-USDT",
        side=side,
        quantity=Decimal(quantity),
        price=Decimal(price),
        fee=Decimal(1),
        fee_asset="USDT",
        at=NOON,
        order_id=f"order-{name}",
    )
    return e.FillRecorded(at=NOON, fill=one, book="manual", multiplier=Decimal(1))


def judged(wanted: Intent, *findings: Finding) -> e.IntentJudged:
    outcome = max((finding.outcome for finding in findings), default=Outcome.ALLOW)
    verdict = Verdict(outcome=outcome, findings=findings, policy=POLICY.hash, reduces=wanted.side is Side.SELL)
    return e.IntentJudged(at=NOON, intent=wanted, verdict=verdict)


def cleared(name: str, side: Side = Side.BUY) -> e.OrderCleared:
    return e.OrderCleared(
        at=NOON,
        order=order(name, side),
        notional=Decimal(1000),
        counted_at=NOON,
        day="2026-01-01",
        seed_seq=1,
        ordinal=0,
    )


def story() -> list[e.AnyEvent]:
    pairs = Delta(key="crypto.pairs_blocked", before="[]", after='["DOGE"]')
    latch = Latch(scope=ACCOUNT, state=TradingState.HALTED, code=Code.KILL_SWITCH, reason="a person asked", at=NOON)
    ask = msgspec.structs.replace(DENIED, code=Code.APPROVAL_REQUIRED, outcome=Outcome.ASK)
    return [
        e.DeskCreated(at=NOON, home=HOME, policy=POLICY),
        e.DeskStarted(at=NOON, version="0.1"),
        e.Reconciled(at=NOON, venue="paper"),
        called(1),
        judged(intent("too-large"), DENIED),
        judged(intent("fine")),
        cleared("fine"),
        e.OrderSending(at=NOON, order_id="order-fine"),
        e.OrderAccepted(at=NOON, order_id="order-fine", venue_order_id="v-1"),
        fill("fine", "t-1", "0.005", 50_000),
        fill("fine", "t-2", "0.015", 49_000),
        judged(intent("exit", door=Door.CLI, side=Side.SELL)),
        cleared("exit", Side.SELL),
        e.OrderSending(at=NOON, order_id="order-exit"),
        fill("exit", "t-3", "0.02", 51_000, Side.SELL),
        e.AlgorithmSet(at=NOON, algorithm=SMA),
        e.MandateIssued(at=NOON, mandate=MANDATE),
        judged(intent("auto", door=Door.RUNNER, book="sma"), ask),
        e.MandateVoided(at=NOON, algorithm="sma", reason="edited"),
        e.Latched(at=NOON, latch=latch),
        e.Released(at=NOON, scope=ACCOUNT, target=TradingState.ACTIVE, nonce="n-1"),
        e.PolicyChanged(at=NOON, policy=POLICY, deltas=(pairs,)),
        e.PolicyChanged(at=NOON, policy=POLICY, deltas=()),
        e.Marked(
            at=NOON + SECOND,
            day="2026-01-01",
            market_days={"crypto": "2026-01-01", "stocks": "2026-01-01"},
            values={"account": Decimal(50_030), "market/crypto": Decimal(10)},
        ),
        e.CashMoved(
            at=NOON,
            venue="paper",
            asset="USDT",
            amount=Decimal(5),
            value=Decimal(5),
            transfer_id="x",
        ),
        e.DeskStopped(at=NOON, reason="the day is over"),
    ]

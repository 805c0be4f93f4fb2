"""A book in which something of everything has happened, and one more event of every kind for it."""

from decimal import Decimal
from typing import Final

from tests.core.domain.making import (
    NOON,
    TODAY,
    allowed,
    cleared,
    created,
    fill,
    filled,
    fresh,
    intent,
    judged,
    order,
)
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.closing import Closing, Stage
from trading_mcp.core.domain.evolve import evolve, first_book
from trading_mcp.core.domain.home import Mode, Token
from trading_mcp.core.domain.latches import ACCOUNT, Latch, Scope, ScopeKind, TradingState
from trading_mcp.core.domain.mandates import Algorithm, Mandate
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import Door, ForeignOrder, Side
from trading_mcp.core.domain.policy import Delta
from trading_mcp.core.domain.portfolio import Adjustment, Position
from trading_mcp.core.domain.proposals import (
    Proposal,
    ProposalBody,
    ProposalEnd,
    ProposedOrder,
    ProposedPolicy,
    Statement,
)
from trading_mcp.core.domain.protection import Kept, Protection
from trading_mcp.core.domain.verdict import Code, Finding, Outcome

D = Decimal
KEY: Final = "manual/paper/BTC-USDT"
LATER: Final = NOON + 1
VENUE_SCOPE: Final = Scope(kind=ScopeKind.VENUE, name="paper")
ALGORITHM: Final = Algorithm(
    name="sma", version="v1", pairs=frozenset({"BTC-USDT"}), venues=("paper",), capital=D(100), enabled=True
)
MANDATE: Final = Mandate(
    algorithm="sma",
    version="v1",
    venues=("paper",),
    pairs=frozenset({"BTC-USDT", "ETH-USDT"}),
    capital=D(100),
    order_notional_max=D(10),
    orders_day_max=5,
    loss_max=D(10),
    issued_at=NOON,
    value_at_issue=D(100),
)
TOKEN: Final = Token(name="laptop", role="reader", made_at=NOON, fingerprint="0f")
DENIAL: Final = Finding(code=Code.PRICE_STALE, outcome=Outcome.DENY, reason="old")
GUARD: Final = Protection(
    position=KEY, is_long=True, entry=D(100), best=D(110), stop=D(90), target=D(120), kept=Kept.VENUE, parent="i1"
)
CLOSING: Final = Closing(position=KEY, intent=intent("c1"), left=D(2), stage=Stage.CANCELLING, started_at=NOON)


def latch(scope: Scope = ACCOUNT, state: TradingState = TradingState.HALTED, code: Code = Code.KILL_SWITCH) -> Latch:
    return Latch(scope=scope, state=state, code=code, reason="why", at=NOON)


def proposal(name: str, body: ProposalBody | None = None) -> Proposal:
    return Proposal(
        id=name,
        body=body or ProposedPolicy(deltas=(Delta(key="k", before="1", after="2"),)),
        body_hash="h",
        door=Door.MCP,
        client="",
        reason="",
        opened_at=NOON,
        expires_at=NOON + 100,
    )


def proposed_order(name: str = "i1") -> ProposedOrder:
    return ProposedOrder(
        intent=intent(name), quantity=D(1), price_worst=D(1), reference=D(1), venue="paper", position=D(0)
    )


def statement(name: str, nonce: str) -> Statement:
    return Statement(
        version=1,
        proposal_id=name,
        kind="policy",
        account="",
        venue="",
        mode=Mode.SIMULATED,
        fake_venues=False,
        body_hash="h",
        policy_hash="p",
        created=NOON,
        expires=NOON + 5,
        nonce=nonce,
        home="test",
    )


def mark(at: int = NOON, day: str = TODAY, **values: str) -> e.Marked:
    amounts = {key.replace("__", "/"): D(value) for key, value in values.items()}
    return e.Marked(at=at, day=day, market_days={"market/stocks": "session"}, values=amounts)


STORY: Final[tuple[e.AnyEvent, ...]] = (
    created(),
    e.Reconciled(at=NOON, venue="paper"),
    e.AlgorithmSet(at=NOON, algorithm=ALGORITHM),
    mark(account="1000", market__crypto="0", market__stocks="0", algorithm__sma="100"),
    judged(),
    cleared(),
    e.OrderSending(at=NOON, order_id="o1"),
    e.OrderAccepted(at=NOON, order_id="o1"),
    judged("i2"),
    cleared("o2", intent_id="i2", quantity=D(4)),
    filled(fill("buy", "1", "100", "0.1", trade_id="t0", order_id="o2")),
    e.Protected(at=NOON, protection=GUARD),
    e.CloseMoved(at=NOON, closing=CLOSING),
    filled(fill("buy", "1", "50", trade_id="t9", pair="ETH-USDT", fee_asset="BNB")),
    filled(fill("sell", "1", "60", trade_id="t8", pair="ETH-USDT", fee_asset="BNB", fee="0.1")),
    e.Latched(at=NOON, latch=latch()),
    e.ProposalOpened(at=NOON, proposal=proposal("p1")),
    e.ProposalOpened(at=NOON, proposal=proposal("p2")),
    e.ProposalApproved(at=NOON, proposal_id="p2", statement=statement("p2", "n0"), effective_at=NOON + 9),
    e.Suspended(at=NOON, elapsed=1, drift=1),
    e.MandateIssued(at=NOON, mandate=MANDATE),
    judged("i3"),
    cleared("o3", intent_id="i3"),
)


def rich() -> Book:
    """Something of everything."""
    assert isinstance(STORY[0], e.DeskCreated)
    with exactly():
        book = first_book(STORY[0])
        for event in STORY[1:]:
            book = evolve(book, event)
        return book


# One more event for the rich book, and the parts of the book it changes besides the time.
NEXT: Final[tuple[tuple[e.AnyEvent, str], ...]] = (
    (e.DeskStarted(at=LATER, version="2"), "legible reconciled rechecked"),
    (e.DeskStopped(at=LATER, reason="night"), ""),
    (e.ToolCalled(at=LATER, call_id="1", tool="t", arguments="{}", door=Door.MCP), ""),
    (e.ToolAnswered(at=LATER, call_id="1", status="ok", size=1, digest="d"), ""),
    (e.IntentSized(at=LATER, intent_id="i", wanted=D(2), given=D(1), binding=Code.ORDER_NOTIONAL_MAX), ""),
    (e.IntentJudged(at=LATER, intent=intent("i9"), verdict=allowed(DENIAL, outcome=Outcome.DENY)),
     "intents triggers"),
    (e.OrderCleared(at=LATER, order=order("o9"), notional=D(1), counted_at=LATER, day=TODAY, seed_seq=0, ordinal=0),
     "working intents tallies unattended"),
    (e.ClearanceVoided(at=LATER, order_id="o3", finding=DENIAL), "working closed triggers"),
    (e.OrderSending(at=LATER, order_id="o3"), "working"),
    (e.OrderAccepted(at=LATER, order_id="o2", venue_order_id="v2"), "working"),
    (e.OrderRejected(at=LATER, order_id="o1", reason="no"), "working closed"),
    (e.OrderUnknown(at=LATER, order_id="o1", reason="silence"), "working"),
    (e.OrderCancelRequested(at=LATER, order_id="o1", reason="enough"), "working"),
    (e.OrderCancelled(at=LATER, order_id="o1"), "working closed"),
    (e.OrderLapsed(at=LATER, order_id="o1", reason="day"), "working closed"),
    (filled(fill("buy", "1", "100", order_id="o2", trade_id="t7"), LATER), "working portfolio trades local_fill_at"),
    (e.Latched(at=LATER, latch=latch(VENUE_SCOPE)), "latches triggers"),
    (e.Released(at=LATER, scope=ACCOUNT, target=TradingState.ACTIVE, nonce="n1"), "latches nonces"),
    (e.Marked(at=NOON + 10**7, day=TODAY, market_days={}, values={"account": D(900)},
              breached={"account": (Code.LOSS_DAY_MAX,)}), "measures breached marked_at"),
    (e.RatePaused(at=LATER, scope=ACCOUNT, until=NOON + 50), "measures"),
    (e.CashMoved(at=LATER, venue="paper", asset="USDT", amount=D(5), value=D(4), transfer_id="x"),
     "portfolio measures trades"),
    (e.Adjusted(at=LATER, kind=Adjustment.FEE, venue="paper", asset="USDT", amount=D(-5)), "portfolio"),
    (e.Suspended(at=LATER, elapsed=1, drift=1), "suspended_at suspensions rechecked"),
    (e.Woke(at=LATER), "suspended_at"),
    (e.Reconciled(at=LATER, venue="coinbase"), "reconciled rechecked"),
    (e.ForeignHeld(at=LATER, position=Position(book="external", venue="paper", pair="X-USD", quantity=D(1))),
     "portfolio measures"),
    (e.VenueRead(at=LATER, venue="coinbase"), "legible"),
    (e.ForeignOrdered(at=LATER, venue="paper", orders=(ForeignOrder(venue_order_id="v1", pair="X-USD", side=Side.BUY,
                                                                    remaining=D(1)),)), "foreign"),
    (e.AlgorithmSet(at=LATER, algorithm=ALGORITHM), "algorithms measures"),
    (e.MandateIssued(at=LATER, mandate=MANDATE), "algorithms"),
    (e.MandateVoided(at=LATER, algorithm="sma", reason="edited"), "algorithms"),
    (e.Protected(at=LATER, protection=GUARD), "protections"),
    (e.ProtectionEnded(at=LATER, position=KEY, reason="gone"), "protections"),
    (e.CloseMoved(at=LATER, closing=CLOSING), "closings"),
    (e.CloseEnded(at=LATER, position=KEY, reason="done"), "closings"),
    (e.ProposalOpened(at=LATER, proposal=proposal("p9")), "proposals"),
    (e.ProposalApproved(at=LATER, proposal_id="p1", statement=statement("p1", "n3"), effective_at=LATER),
     "proposals nonces unattended"),
    (e.ProposalEnded(at=LATER, proposal_id="p1", end=ProposalEnd.DECLINED, reason="no"), "proposals changes"),
    (e.Refused(at=LATER, what="w", subject="s", reason="r"), ""),
    (e.PolicyChanged(at=LATER, policy=fresh(Mode.LIVE).policy, deltas=(), proposal_id="p2"), "policy changes"),
    (e.SignalsRecorded(at=LATER, signals=()), ""),
    (e.Attended(at=LATER, nonce="n4"), "unattended nonces"),
    (e.ApproverEnrolled(at=LATER, fingerprint="f", public_key="k"), "approver"),
    (e.ApproverReplaced(at=LATER, fingerprint="f", public_key="k", shipped=fresh(Mode.LIVE).policy), "stranger"),
    (e.LiveEnabled(at=LATER, venue="paper", account="a", nonce="n5"), "live_accounts nonces"),
    (e.TokensChanged(at=LATER, made=(TOKEN,)), "tokens"),
    (e.SnapshotTaken(at=LATER, fold_version=1, seq=1, digest="d"), ""),
)  # fmt: skip

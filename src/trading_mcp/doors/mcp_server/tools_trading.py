"""Tools that trade: an intent is submitted, orders are taken back, positions are ended."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, field

from trading_mcp.core.domain import commands as c
from trading_mcp.desk.acting import said
from trading_mcp.desk.answers import Answer, DoneAnswer, FindingShown, TradeAnswer
from trading_mcp.desk.intents import GIVEN, checked_id, intent_of, named, pair_named, repeated
from trading_mcp.doors.mcp_server.tool import Arguments, Call, Tool
from trading_mcp.errors import UsageInvalid

SET: Final = "trade"

Amount = Annotated[str, Meta(description='Plain decimal text such as "0.25"')]
Reason = Annotated[str, Meta(description="Why, in your words; it is recorded")]


class ExecuteTrade(Arguments, frozen=True, kw_only=True):
    """A trade in words."""

    pair: Annotated[str, Meta(description="BTC-USDT, or AAPL for a stock")]
    side: Literal["buy", "sell"]
    quantity: Annotated[str, Meta(description='Of the base asset, as text; for a sell also "all"')] = ""
    notional: Annotated[str, Meta(description="Instead of quantity: worth in the quote currency, as text")] = ""
    type: Literal["market", "limit", "stop", "stop_limit", "trailing_stop"] = field(
        default="market", name="order_type"
    )
    limit_price: Amount = ""
    stop_price: Amount = ""
    trail_percent: Amount = ""
    time_in_force: Literal["gtc", "ioc", "fok", "day"] = "gtc"
    stop_loss: Annotated[str, Meta(description="Price at which the position is left; the desk guards it")] = ""
    take_profit: Amount = ""
    venue: Annotated[str, Meta(description="A venue's name, or auto")] = "auto"
    intent_id: Annotated[str, Meta(description="Your own id; the same id never trades twice")] = ""
    reason: Reason = ""
    signal_seq: Annotated[int, Meta(description="The seq of the signal it rests on")] | None = None
    preview: Annotated[bool, Meta(description="Judge it and change nothing")] = False


class OrderTold(Answer, frozen=True, kw_only=True):
    """The order, as far as it came."""

    id: str
    quantity: str
    filled_quantity: str
    average_price: str
    fee: str


class TradeReply(Answer, frozen=True, kw_only=True):
    """What became of an intent."""

    status: str
    intent_id: str
    order: OrderTold
    proposal_id: str
    findings: tuple[FindingShown, ...]
    seq: int
    possible_duplicate: bool
    retry_safe: bool
    next_step: str


class CancelOrder(Arguments, frozen=True, kw_only=True):
    """Which orders."""

    order_id: str = ""
    pair: Annotated[str, Meta(description="All entry orders of a pair")] = ""
    all: Annotated[bool, Meta(description="All entry orders")] = False
    reason: Reason = ""


class ClosePositions(Arguments, frozen=True, kw_only=True):
    """Which positions."""

    pair: str = ""
    all: bool = False
    book: Annotated[str, Meta(description='"manual", an algorithm, or all')] = "all"
    reason: Reason = ""


async def execute_trade(call: Call, given: ExecuteTrade) -> TradeReply:
    acting = call.acting
    wish = _Said(given, given.intent_id or f"{GIVEN}{call.before.call_id.removeprefix('mcp-')}")
    intent = intent_of(wish, call.before.door, call.client, given.signal_seq)
    if given.preview:
        return _reply(acting.preview(intent))
    first = "" if given.intent_id else repeated(intent, call.desk.book, call.desk.ports.clock.now())
    if first:
        intent = intent_of(_Said(given, first), call.before.door, call.client, given.signal_seq)
    return _reply(await acting.trade(intent), possible_duplicate=bool(first))


class _Said:
    """The words of a trade, with the id and the venue that go for those that were not said."""

    def __init__(self, given: ExecuteTrade, intent_id: str) -> None:
        self.intent_id = intent_id
        self.venue = "" if given.venue == "auto" else given.venue
        self.pair, self.side, self.type = given.pair, given.side, given.type
        self.quantity, self.notional = given.quantity, given.notional
        self.limit_price, self.stop_price = given.limit_price, given.stop_price
        self.trail_percent, self.time_in_force = given.trail_percent, given.time_in_force
        self.stop_loss, self.take_profit, self.reason = given.stop_loss, given.take_profit, given.reason


def _reply(answer: TradeAnswer, *, possible_duplicate: bool = False) -> TradeReply:
    return TradeReply(
        status=answer.status,
        intent_id=answer.intent_id,
        order=OrderTold(
            id=answer.order_id,
            quantity=answer.quantity,
            filled_quantity=answer.filled,
            average_price=answer.average,
            fee=answer.fee,
        ),
        proposal_id=answer.proposal_id,
        findings=answer.findings,
        seq=answer.seq,
        possible_duplicate=possible_duplicate,
        retry_safe=answer.retry_safe,
        next_step=answer.next_step,
    )


async def cancel_order(call: Call, given: CancelOrder) -> DoneAnswer:
    if sum((bool(given.order_id), bool(given.pair), given.all)) != 1:
        raise UsageInvalid(
            "It is not said what to cancel: one of order_id, pair and all.",
            'Nothing was done. For all entry orders: cancel_order {"all":true}',
        )
    command = c.Cancel(
        door=call.before.door,
        order_id=named(given.order_id, call.desk.book.working) or None,
        pair=pair_named(given.pair) or None,
        reason=said(given.reason),
    )
    return call.acting.told(await call.acting.handled(command), "There is no entry order to cancel.")


async def close_positions(call: Call, given: ClosePositions) -> DoneAnswer:
    if bool(given.pair) == given.all:
        raise UsageInvalid(
            "It is not said what to close: pair or all, one of the two.",
            'Nothing was done. For everything: close_positions {"all":true}',
        )
    command = c.Close(
        intent_id=checked_id(f"close-{call.before.call_id}"),
        door=call.before.door,
        pair=pair_named(given.pair) or None,
        book=None if given.book in ("", "all") else named(given.book),
        reason=said(given.reason),
    )
    return await call.acting.close(command)


TRADING: Final = (
    Tool(
        name="execute_trade",
        title="Submit a trade",
        toolset=SET,
        description="Submit an intent to trade; the owner's rules allow it, deny it with reasons, or ask the owner. "
        "Answers with what became of it: filled, working, awaiting_approval, denied, rejected, unknown. A refusal is "
        "an answer: each finding says its limit and what would pass. Not for leaving positions in a hurry: "
        "close_positions. Amounts are text, never JSON numbers.",
        arguments=ExecuteTrade,
        answer=TradeReply,
        run=execute_trade,
        reads=False,
        destructive=True,
        idempotent=False,
        reaches_out=True,
    ),
    Tool(
        name="cancel_order",
        title="Cancel orders",
        toolset=SET,
        description="Take back one order by its id, or every entry order of a pair or of all. Never blocked, in any "
        "state. What protects a position is replaced by the desk's own guard, not lost. Ids are in get_open_orders.",
        arguments=CancelOrder,
        answer=DoneAnswer,
        run=cancel_order,
        reads=False,
        destructive=True,
        reaches_out=True,
    ),
    Tool(
        name="close_positions",
        title="Close positions",
        toolset=SET,
        description="End the position in one pair, or all of the desk's own: stops are freed, exits sent, what does "
        "not fill is quoted again. Only ever shrinks. While HALTED the owner closes at the terminal.",
        arguments=ClosePositions,
        answer=DoneAnswer,
        run=close_positions,
        reads=False,
        destructive=True,
        reaches_out=True,
    ),
)

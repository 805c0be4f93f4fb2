"""What the desk tells of what was: trades, results, and what a market shows; amounts as text, as in `answers`."""

from __future__ import annotations

from trading_mcp.desk.answers import Answer, EntryShown, ProposalShown


class TradeShown(Answer, frozen=True, kw_only=True):
    """One fill, with the intent behind it while that is remembered, which is a week; realised is in the quote."""

    seq: int
    at: int
    pair: str
    venue: str
    book: str
    side: str
    quantity: str
    price: str
    worth: str
    fee: str
    realised: str
    order_id: str
    intent_id: str
    reason: str
    signal_seq: int


class TradesAnswer(Answer, frozen=True, kw_only=True):
    """Fills, newest first; go on with `cursor`, which is empty at the end, and read `note` first."""

    trades: tuple[TradeShown, ...]
    cursor: str
    note: str = ""


class EventsAnswer(Answer, frozen=True, kw_only=True):
    """Entries of the journal, newest first; go on with `cursor`, which is empty at the end, and read `note` first."""

    events: tuple[EntryShown, ...]
    cursor: str
    note: str = ""


class EndedShown(Answer, frozen=True, kw_only=True):
    """A proposal that waits no more: what the owner, time or its proposer made of it."""

    id: str
    end: str
    reason: str
    at: int
    seq: int


class ProposalsTold(Answer, frozen=True, kw_only=True):
    """What waits for a person, and what became of those that did, newest first."""

    proposals: tuple[ProposalShown, ...]
    left_out: int
    ended: tuple[EndedShown, ...]
    cursor: str
    note: str = ""


class ResultShown(Answer, frozen=True, kw_only=True):
    """What one pair, venue, book, day or signal has earned; unrealised is empty where it is not known."""

    group: str
    realised: str
    unrealised: str
    fees: str
    positions: int
    fills: int = 0


class ResultsAnswer(Answer, frozen=True, kw_only=True):
    """Results: of the account by its measures, and group by group."""

    currency: str
    equity: str
    day: str
    day_open: str
    day_result: str
    high_water: str
    drawdown: str
    drawdown_rolling: str
    group_by: str
    groups: tuple[ResultShown, ...]
    left_out: int
    sharpe: str = ""
    sortino: str = ""
    note: str = ""


class CandleShown(Answer, frozen=True, kw_only=True):
    """Prices over one span of time."""

    start: int
    open: str
    high: str
    low: str
    close: str
    volume: str


class LevelShown(Answer, frozen=True, kw_only=True):
    """One price of an order book, and what rests there."""

    price: str
    quantity: str


class MarketAnswer(Answer, frozen=True, kw_only=True):
    """What a market shows of one pair at one venue; what is not asked for is empty."""

    pair: str
    at_venue: str
    kind: str
    feed: str
    simulated: bool
    open: bool
    bid: str
    ask: str
    age_seconds: str
    bids: tuple[LevelShown, ...]
    asks: tuple[LevelShown, ...]
    candles: tuple[CandleShown, ...]


class VoteShown(Answer, frozen=True, kw_only=True):
    """One indicator: what it is worth now and how it votes."""

    name: str
    value: str
    vote: str


class SignalShown(Answer, frozen=True, kw_only=True):
    """What the indicators say of one pair, and what would change it."""

    pair: str
    signal: str
    confidence: str
    regime: str
    votes: tuple[VoteShown, ...]
    would_change: str


class SignalsAnswer(Answer, frozen=True, kw_only=True):
    """Signals, and the entry that recorded them; `signal_seq` of a trade may name it."""

    timeframe: str
    signals: tuple[SignalShown, ...]
    signal_seq: int
    left_out: int

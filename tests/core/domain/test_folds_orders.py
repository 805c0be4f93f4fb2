"""What the folds of orders do: judged, cleared, sent, answered, filled, and counted."""

import pytest
from msgspec.structs import replace

from tests.core.domain.making import (
    NOON,
    SENT,
    THERE,
    TODAY,
    allowed,
    cleared,
    fill,
    filled,
    intent,
    judged,
    order,
    part,
    told,
)
from tests.core.domain.stories import (
    ALGORITHM,
    DENIAL,
    LATER,
    D,
    latch,
)
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.market import SECOND
from trading_mcp.core.domain.orders import EXTERNAL, MANUAL, Door, OrderState, Working
from trading_mcp.core.domain.recall import recall
from trading_mcp.core.domain.verdict import Code, Finding, Outcome

S = OrderState


def the(book: Book, name: str = "o1") -> Working:
    found = book.order(name)
    assert found is not None
    return found


UNKNOWN = (*SENT, e.OrderUnknown(at=NOON, order_id="o1", reason="silence"))


WAYS = [
    ("cleared", SENT[:2], S.CLEARED, "0", True),
    ("voided", (*SENT[:2], e.ClearanceVoided(at=LATER, order_id="o1", finding=DENIAL)), S.VOID, "0", False),
    ("sent", SENT, S.SENDING, "0", True),
    ("live", THERE, S.LIVE, "0", True),
    ("rejected", (*SENT, e.OrderRejected(at=LATER, order_id="o1", reason="no")), S.REJECTED, "0", False),
    ("unknown", UNKNOWN, S.UNKNOWN, "0", True),
    ("unknown, then there", (*UNKNOWN, e.OrderAccepted(at=LATER, order_id="o1")), S.LIVE, "0", True),
    ("filled before the answer", (*SENT, part(), e.OrderAccepted(at=LATER, order_id="o1")), S.PARTIAL, "1", True),
    ("partly filled", (*THERE, part()), S.PARTIAL, "1", True),
    ("filled in parts", (*THERE, part("1"), part("3", "t2")), S.FILLED, "4", False),
    ("filled at once", (*SENT, part("4")), S.FILLED, "4", False),
    ("overfilled", (*THERE, part("5")), S.FILLED, "5", False),
    ("cancelled", (*THERE, e.OrderCancelled(at=LATER, order_id="o1")), S.CANCELLED, "0", False),
    ("lapsed in part", (*THERE, part(), e.OrderLapsed(at=LATER, order_id="o1", reason="d")), S.LAPSED, "1", False),
    ("filled late in part", (*THERE, e.OrderCancelled(at=NOON, order_id="o1"), part()), S.CANCELLED, "1", False),
    ("filled late", (*THERE, e.OrderCancelled(at=NOON, order_id="o1"), part("4")), S.FILLED, "4", False),
    ("cancel wanted", (*THERE, e.OrderCancelRequested(at=LATER, order_id="o1", reason="r")),
     S.CANCEL_PENDING, "0", True),
    ("cancel wanted of a part", (*THERE, part(), e.OrderCancelRequested(at=LATER, order_id="o1", reason="r")),
     S.CANCEL_PENDING, "1", True),
    ("cancel wanted, then a part", (*THERE, e.OrderCancelRequested(at=NOON, order_id="o1", reason="r"), part()),
     S.CANCEL_PENDING, "1", True),
    ("cancel wanted while sending", (*SENT, e.OrderCancelRequested(at=LATER, order_id="o1", reason="r")),
     S.SENDING, "0", True),
    ("cancel wanted while unknown", (*UNKNOWN, e.OrderCancelRequested(at=LATER, order_id="o1", reason="r")),
     S.UNKNOWN, "0", True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("events", "state", "filled_", "is_working"), [row[1:] for row in WAYS], ids=[r[0] for r in WAYS]
)
def test_an_order_goes_its_way(events: tuple[e.AnyEvent, ...], state: S, filled_: str, is_working: bool) -> None:
    book = told(*events)
    assert (the(book).state, the(book).filled) == (state, D(filled_))
    assert ("o1" in book.working) is is_working
    is_wish = isinstance(events[-1], e.OrderCancelRequested)
    assert the(book).since == events[-2 if is_wish else -1].at, "wanting an order gone moves nothing"
    if not is_working:
        assert recall(book.closed, "o1") is the(book)


def test_the_venues_name_and_the_wish_to_cancel_stay_with_the_order() -> None:
    book = told(*THERE, e.OrderCancelRequested(at=LATER, order_id="o1", reason="enough"), part())
    assert (the(book).venue_order_id, the(book).cancel_reason) == ("v1", "enough")
    assert the(book).order == order(quantity=D(4))


@pytest.mark.parametrize(
    "event",
    [
        e.ClearanceVoided(at=LATER, order_id="?", finding=DENIAL),
        e.OrderSending(at=LATER, order_id="?"),
        e.OrderAccepted(at=LATER, order_id="?"),
        e.OrderRejected(at=LATER, order_id="?", reason=""),
        e.OrderUnknown(at=LATER, order_id="?", reason=""),
        e.OrderCancelRequested(at=LATER, order_id="?", reason=""),
        e.OrderCancelled(at=LATER, order_id="?"),
        e.OrderLapsed(at=LATER, order_id="?", reason=""),
    ],
    ids=lambda event: type(event).__name__,
)
def test_news_of_an_order_nobody_knows_only_lets_time_pass(event: e.AnyEvent) -> None:
    before = told(*THERE)
    book = told(event, book=before)
    assert book.working is before.working
    assert book.closed is before.closed
    assert book.at == LATER


def test_an_answer_after_the_end_does_not_bring_an_order_back() -> None:
    ended = told(*THERE, e.OrderCancelled(at=NOON, order_id="o1"))
    for event in (
        e.OrderAccepted(at=LATER, order_id="o1", venue_order_id="v2"),
        e.OrderCancelRequested(at=LATER, order_id="o1", reason="late"),
    ):
        assert the(told(event, book=ended)) is the(ended)


@pytest.mark.parametrize(
    ("reduces", "state", "moves"), [(True, S.LIVE, True), (True, S.CLEARED, False), (False, S.LIVE, False)]
)
def test_what_an_exit_held_is_free_when_it_ends(reduces: bool, state: S, moves: bool) -> None:
    book = told(judged(), cleared(reduces=reduces))
    if state is S.LIVE:
        book = told(*(event for event in THERE[2:]), book=book)
        book = told(e.OrderCancelled(at=LATER, order_id="o1"), book=book)
    else:
        book = told(e.ClearanceVoided(at=LATER, order_id="o1", finding=DENIAL), book=book)
    assert book.local_fill_at == ({"paper": LATER} if moves else {})


def test_a_balance_is_never_believed_younger_than_the_latest_fill() -> None:
    book = told(judged(), cleared(reduces=True, quantity=D(4)), part())
    book = told(e.OrderCancelled(at=NOON - 5, order_id="o1"), book=book)
    assert book.local_fill_at == {"paper": LATER}


def test_a_fill_is_known_by_its_venue_and_trade() -> None:
    book = told(*THERE, part())
    assert book.has_trade("paper", "t1")
    assert not book.has_trade("paper", "t2")
    assert not book.has_trade("coinbase", "t1")
    assert book.local_fill_at == {"paper": LATER}
    strange = told(filled(fill("buy", "1", "9"), book=EXTERNAL))
    assert strange.has_trade("paper", "t1")
    assert strange.portfolio.held(EXTERNAL, "paper", "BTC-USDT") == 1


def test_a_fill_counts_the_multiplier_it_was_recorded_with() -> None:
    book = told(filled(fill("buy", "1", "2"), multiplier="50"))
    assert book.portfolio.cash["paper/USDT"] == D(900)


def test_a_fill_for_an_order_long_forgotten_is_folded_into_the_book_all_the_same() -> None:
    book = told(filled(fill("buy", "1", "9", order_id="gone"), NOON + 1))
    assert book.working == book.closed == {}
    assert book.at == NOON + 1
    assert book.portfolio.held(MANUAL, "paper", "BTC-USDT") == 1


def test_an_intent_is_remembered_with_its_verdict_and_its_orders() -> None:
    book = told(judged(), cleared("o1"), cleared("o2"))
    record = book.intent("i1")
    assert record is not None
    assert record.order_ids == ("o1", "o2")
    assert record.intent == intent()
    again = told(judged(at=LATER), book=book).intent("i1")
    assert again == replace(record, at=LATER)
    assert told(cleared(intent_id="unheard")).intent("unheard") is None


def test_a_conflict_never_overwrites_the_intent_whose_id_it_took() -> None:
    conflict = Finding(code=Code.INTENT_CONFLICT, outcome=Outcome.DENY, reason="taken")
    verdict = allowed(DENIAL, conflict, outcome=Outcome.DENY)
    before = told(judged())
    book = told(e.IntentJudged(at=LATER, intent=intent(pair="ETH-USDT"), verdict=verdict), book=before)
    assert book.intents is before.intents
    assert book.triggers == {Code.INTENT_CONFLICT: 1, Code.PRICE_STALE: 1}
    assert book.at == LATER


def test_every_objection_is_counted() -> None:
    denied = e.IntentJudged(at=NOON, intent=intent(), verdict=allowed(DENIAL, DENIAL, outcome=Outcome.DENY))
    book = told(
        denied, denied, e.ClearanceVoided(at=NOON, order_id="?", finding=DENIAL), e.Latched(at=NOON, latch=latch())
    )
    assert book.triggers == {Code.PRICE_STALE: 5, Code.KILL_SWITCH: 1}
    assert told(judged(), book=book).triggers is book.triggers


def test_only_what_adds_risk_is_counted_and_by_its_own_book() -> None:
    book = told(cleared("o1"), cleared("o2", book="sma"), cleared("o3", counts=False, reduces=True))
    assert set(book.tallies) == {"manual", "sma"}
    assert book.tallies["manual"].orders_on(TODAY) == 1
    content = book.tallies["manual"].recent[0][1]
    assert (content.pair, content.side, content.quantity, content.price) == ("BTC-USDT", "buy", D(1), D(100))
    assert book.tallies["manual"].turnover_on(TODAY) == D(100)


def test_where_money_is_real_the_account_is_counted_by_the_desks_clock() -> None:
    late = replace(cleared("o1"), counted_at=NOON - SECOND)
    book = told(late, cleared("o2", book="sma"), mode=Mode.LIVE)
    assert book.tallies["manual"].cleared_at == (NOON - SECOND,)
    assert book.tallies["account"].cleared_at == (NOON, NOON)
    assert book.tallies["account"].orders_on(TODAY) == 2
    assert told(cleared("o3"), book=book).tallies["manual"].orders_on(TODAY) == 2


def test_unattended_orders_are_counted_by_door_and_not_those_of_an_algorithm() -> None:
    book = told(
        e.AlgorithmSet(at=NOON, algorithm=ALGORITHM),
        cleared("o1"),
        cleared("o2"),
        cleared("o3", door=Door.CLI),
        cleared("o4", book="sma"),
    )
    assert book.unattended == {Door.MCP: 2, Door.CLI: 1}
    assert book.unattended_day == TODAY


@pytest.mark.parametrize(("mode", "counts"), [(Mode.SIMULATED, {Door.MCP: 1}), (Mode.LIVE, {Door.MCP: 3})])
def test_a_new_day_starts_the_unattended_count_again_only_where_no_money_is_real(
    mode: Mode, counts: dict[str, int]
) -> None:
    book = told(cleared("o1"), cleared("o2"), mode=mode)
    # An exit, or an algorithm's order, that comes first on the new day must not keep yesterday's count alive.
    book = told(e.AlgorithmSet(at=NOON, algorithm=ALGORITHM), book=book)
    book = told(cleared("o3", day="tomorrow", counts=False), cleared("o4", day="tomorrow", book="sma"), book=book)
    assert book.unattended_day == TODAY
    book = told(cleared("o5", day="tomorrow"), book=book)
    assert book.unattended == counts
    assert book.unattended_day == "tomorrow"


def test_a_signature_starts_the_unattended_count_again() -> None:
    book = told(cleared("o1"), e.Attended(at=NOON, nonce="n"))
    assert book.unattended == {}
    assert recall(book.nonces, "n") == "attend"


def test_an_order_belongs_to_an_algorithm_or_to_nobody_in_particular() -> None:
    owners = [intent(book=name).algorithm for name in ("sma", MANUAL, EXTERNAL)]
    assert owners == ["sma", None, None]

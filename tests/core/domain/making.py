"""Short spellings for books, orders, fills and events in the tests of the domain."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Final, get_args

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from tests.core.guardrails.shipped import LIVE, SIMULATED
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.evolve import evolve, first_book
from trading_mcp.core.domain.home import Home, Mode
from trading_mcp.core.domain.market import DAY
from trading_mcp.core.domain.money import exactly
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
from trading_mcp.core.domain.verdict import Outcome, Verdict

D = Decimal
NOON: Final = 20_000 * DAY + DAY // 2
TODAY: Final = "2024-10-04"
KINDS: Final[tuple[type[e.Event], ...]] = get_args(e.AnyEvent)
# Numbers that no order may carry and that a denied intent may all the same.
EVIL: Final = ("NaN", "-NaN", "sNaN", "NaN123", "Infinity", "-Infinity", "-0", "0E-30", "1E+999999", "1E-999999")


def home(mode: Mode = Mode.SIMULATED, **cash: str) -> Home:
    amounts = {key.replace("__", "/"): D(value) for key, value in (cash or {"paper__USDT": "1000"}).items()}
    return Home(name="test", mode=mode, cash=amounts)


def created(mode: Mode = Mode.SIMULATED, **cash: str) -> e.DeskCreated:
    return e.DeskCreated(at=NOON, home=home(mode, **cash), policy=LIVE if mode.is_guarded else SIMULATED)


def fresh(mode: Mode = Mode.SIMULATED, **cash: str) -> Book:
    return first_book(created(mode, **cash))


def after(book: Book, events: Iterable[e.AnyEvent]) -> Book:
    for event in events:
        book = evolve(book, event)
    return book


def intent(name: str = "i1", **given: Any) -> Intent:
    fields: dict[str, Any] = {
        "id": name,
        "door": Door.MCP,
        "pair": "BTC-USDT",
        "side": Side.BUY,
        "amount": Quantity(D(1)),
    }
    return Intent(**(fields | given))


def allowed(*findings: Any, outcome: Outcome = Outcome.ALLOW) -> Verdict:
    return Verdict(outcome=outcome, findings=findings, policy="p", reduces=False)


def judged(name: str = "i1", at: int = NOON, **given: Any) -> e.IntentJudged:
    return e.IntentJudged(at=at, intent=intent(name, **given), verdict=allowed())


def order(name: str = "o1", **given: Any) -> Order:
    fields: dict[str, Any] = {
        "id": name,
        "intent_id": "i1",
        "book": "manual",
        "venue": "paper",
        "pair": "BTC-USDT",
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "quantity": D(1),
        "time_in_force": TimeInForce.IOC,
        "reduces": False,
        "purpose": Purpose.TRADE,
        "price_worst": D(100),
        "cleared_at": NOON,
        "door": Door.MCP,
        "limit_price": D(100),
    }
    return Order(**(fields | given))


def cleared(
    name: str = "o1", at: int = NOON, day: str = TODAY, *, counts: bool = True, **given: Any
) -> e.OrderCleared:
    return e.OrderCleared(
        at=at,
        order=order(name, **given),
        notional=D(100),
        counted_at=at if counts else None,
        day=day,
        seed_seq=0,
        ordinal=0,
    )


def fill(side: str, quantity: str, price: str, fee: str = "0", fee_asset: str = "USDT", **given: Any) -> Fill:
    fields: dict[str, Any] = {
        "trade_id": "t1",
        "venue": "paper",
        "pair": "BTC-USDT",
        "side": Side(side),
        "quantity": D(quantity),
        "price": D(price),
        "fee": D(fee),
        "fee_asset": fee_asset,
        "at": NOON,
    }
    return Fill(**(fields | given))


def filled(made: Fill, at: int = NOON, book: str = "manual", multiplier: str = "1") -> e.FillRecorded:
    return e.FillRecorded(at=at, fill=made, book=book, multiplier=D(multiplier))


def told(*events: e.AnyEvent, mode: Mode = Mode.SIMULATED, book: Book | None = None) -> Book:
    """Fold events into a book, or into a fresh one."""
    with exactly():
        return after(book or fresh(mode), events)


SENT: Final = (judged(), cleared(quantity=D(4)), e.OrderSending(at=NOON, order_id="o1"))
THERE: Final = (*SENT, e.OrderAccepted(at=NOON, order_id="o1", venue_order_id="v1"))


def part(quantity: str = "1", trade: str = "t1") -> e.FillRecorded:
    return filled(fill("buy", quantity, "100", trade_id=trade, order_id="o1"), NOON + 1)


def texts() -> st.SearchStrategy[str]:
    """Text of any kind that UTF-8 can carry."""
    return st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def decimals() -> st.SearchStrategy[str]:
    """Plain numbers, and those that are none."""
    plain = st.decimals(allow_nan=False, allow_infinity=False, places=8).map(str)
    return st.one_of(plain, st.sampled_from(EVIL))


SCALARS: Final[dict[type[inspect.Type], Callable[[], st.SearchStrategy[Any]]]] = {
    inspect.StrType: texts,
    inspect.DecimalType: decimals,
    inspect.BoolType: st.booleans,
    inspect.IntType: lambda: st.integers(-(2**63), 2**63 - 1),
    inspect.NoneType: st.none,
}


def plain_values(kind: inspect.Type) -> st.SearchStrategy[Any]:
    """The JSON of every value a type can have."""
    match kind:
        case inspect.StructType(fields=fields, tag=tag, tag_field=tag_field):
            inside: dict[str, st.SearchStrategy[Any]] = {
                field.encode_name: plain_values(field.type) for field in fields
            }
            return st.fixed_dictionaries(inside if tag_field is None else {tag_field: st.just(tag), **inside})
        case inspect.UnionType(types=types):
            return st.one_of([plain_values(each) for each in types])
        case inspect.EnumType(cls=cls):
            return st.sampled_from([each.value for each in cls])
        case inspect.DictType(key_type=key, value_type=value):
            return st.dictionaries(plain_values(key), plain_values(value), max_size=3)
        case inspect.VarTupleType(item_type=item):
            return st.lists(plain_values(item), max_size=3)
        case inspect.FrozenSetType(item_type=item):
            return st.lists(plain_values(item), max_size=3, unique=True)
        case inspect.TupleType(item_types=items):
            return st.tuples(*map(plain_values, items)).map(list)
        case _:
            return SCALARS[type(kind)]()


def events(kind: type[e.Event]) -> st.SearchStrategy[e.Event]:
    """Every event of a kind, whatever nonsense it holds."""
    return plain_values(inspect.type_info(kind)).map(lambda plain: msgspec.convert(plain, kind))

"""What a venue records is folded once; a figure no book can hold is told and never folded."""

import pytest

from tests.core.domain.making import EVIL, D, fill
from tests.core.guardrails.world import quiet
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.evolve import evolve
from trading_mcp.core.domain.latches import ACCOUNT, TradingState
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.portfolio import Adjustment, Position
from trading_mcp.core.guardrails.decide import decide

NEVER = [evil for evil in EVIL if evil not in ("-0", "0E-30", "1E-999999")] + ["1E+15", "-1E+15"]


def done(*commands: c.AnyCommand, book: Book | None = None) -> tuple[list[e.AnyEvent], Book]:
    """Decide commands one after the other, each in the book the last one left."""
    world, happened = quiet(), list[e.AnyEvent]()
    book = book or world.book
    with exactly():
        for command in commands:
            for event in decide(command, book, world.facts):
                happened.append(event)
                book = evolve(book, event)
    return happened, book


def adjusted(kind: Adjustment, amount: str, activity_id: str = "") -> c.ReportAdjustment:
    return c.ReportAdjustment(kind=kind, venue="paper", asset="USDT", amount=D(amount), activity_id=activity_id)


def transfer(amount: str, name: str = "1") -> c.ReportCash:
    return c.ReportCash(venue="paper", asset="USDT", amount=D(amount), transfer_id=name)


def test_a_record_read_twice_is_folded_once() -> None:
    dividend = adjusted(Adjustment.DIVIDEND, "5", "a1")
    happened, book = done(dividend, dividend, transfer("7"), transfer("7"))
    assert [type(event) for event in happened] == [e.Adjusted, e.CashMoved]
    assert book.portfolio.cash["paper/USDT"] == D(50_012)


def test_a_transfer_and_a_trade_of_the_same_number_are_two_things() -> None:
    happened, _ = done(c.ReportFill(fill=fill("buy", "1", "10", trade_id="1")), transfer("7", "1"))
    assert [type(event) for event in happened] == [e.FillRecorded, e.CashMoved]


def test_adjustments_without_an_id_are_all_folded() -> None:
    happened, _ = done(adjusted(Adjustment.FEE, "-1"), adjusted(Adjustment.FEE, "-1"))
    assert len(happened) == 2


@pytest.mark.parametrize("amount", NEVER)
@pytest.mark.parametrize("kind", Adjustment)
def test_no_adjustment_of_an_evil_amount_is_folded(kind: Adjustment, amount: str) -> None:
    (event,), _ = done(adjusted(kind, amount, "a1"))
    assert isinstance(event, e.Refused)
    assert (event.what, event.subject) == ("adjustment", "a1")


@pytest.mark.parametrize("ratio", ["0", "-2", "-0", "1E-999999"])
def test_no_split_divides_by_nothing(ratio: str) -> None:
    (event,), _ = done(adjusted(Adjustment.SPLIT, ratio))
    assert isinstance(event, e.Refused)


@pytest.mark.parametrize("amount", NEVER)
def test_no_transfer_of_an_evil_amount_is_folded(amount: str) -> None:
    (event,), _ = done(transfer(amount))
    assert isinstance(event, e.Refused)


@pytest.mark.parametrize("amount", NEVER)
@pytest.mark.parametrize("field", ["quantity", "average", "realised", "fees", "multiplier"])
def test_no_holding_with_an_evil_figure_is_adopted(field: str, amount: str) -> None:
    position = Position(book="external", venue="paper", pair="BTC-USDT", **{field: D(amount)})  # type: ignore[arg-type]
    (event,), book = done(c.AdoptForeign(position=position))
    assert isinstance(event, e.Refused)
    assert book.portfolio.positions == {}


def test_what_is_adopted_is_external_whatever_it_calls_itself() -> None:
    position = Position(book="manual", venue="paper", pair="BTC-USDT", quantity=D(2))
    _, book = done(c.AdoptForeign(position=position))
    assert set(book.portfolio.positions) == {"external/paper/BTC-USDT"}


@pytest.mark.parametrize("fee", NEVER)
def test_a_fill_with_an_evil_fee_freezes_and_is_not_folded(fee: str) -> None:
    (event,), book = done(c.ReportFill(fill=fill("buy", "1", "10", fee)))
    assert isinstance(event, e.Latched)
    assert book.account_state is TradingState.FROZEN


def test_what_froze_once_freezes_again_after_a_release_that_left_it_reducing() -> None:
    strange = c.ReportFill(fill=fill("buy", "NaN", "10"))
    _, book = done(strange)
    with exactly():
        book = evolve(book, e.Released(at=book.at, scope=ACCOUNT, target=TradingState.REDUCING, nonce="n"))
    assert book.account_state is TradingState.REDUCING
    _, book = done(strange, book=book)
    assert book.account_state is TradingState.FROZEN
    assert done(strange, book=book)[0] == []

"""The promises of the gate, each checked by arithmetic of its own and not by the code that keeps them."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

from tests.core.decide.desk import OPENING, D, Desk, only
from tests.core.decide.truth import Venue
from tests.core.guardrails.world import VENUE
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.evolve import evolve, first_book
from trading_mcp.core.domain.instruments import asset_of, quote_of
from trading_mcp.core.domain.latches import TradingState
from trading_mcp.core.domain.market import market_of
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import OrderState, Purpose, Side, Working
from trading_mcp.core.domain.policy import Policy
from trading_mcp.core.domain.protection import Kept
from trading_mcp.core.domain.verdict import Code
from trading_mcp.core.guardrails.keys import BY_PATH, get
from trading_mcp.core.guardrails.spelling import text_of

TINY: Final = D("1e-20")
# What may never stand between a position and its exit.
NEVER_FOR_EXITS: Final = {
    Code.LOSS_DAY_MAX,
    Code.DRAWDOWN_ROLLING_MAX,
    Code.DRAWDOWN_HIGH_WATER_MAX,
    Code.LOSS_RATE_MAX,
    Code.PAIR_COOLDOWN,
    Code.RATE_GLOBAL,
    Code.ORDERS_DAY_MAX,
    Code.TURNOVER_DAY_MAX,
    Code.UNATTENDED_ORDERS_MAX,
    Code.ORDER_DUPLICATE,
    Code.POSITION_CONCENTRATION_MAX,
    Code.EXPOSURE_GROSS_MAX,
    Code.ORDER_NOTIONAL_MAX,
    Code.CLOCK_UNSOUND,
    Code.FEED_DOWN,
    Code.APPROVAL_REQUIRED,
}
AT_VENUE: Final = (OrderState.LIVE, OrderState.PARTIAL, OrderState.CANCEL_PENDING)


def text_of_limit(policy: Policy, key: str) -> str:
    return text_of(BY_PATH[key], get(policy, BY_PATH[key]))


def of_a_decision(command: c.AnyCommand, before: Book, events: Sequence[e.AnyEvent], desk: Desk) -> None:
    """Nothing that adds risk is cleared or sent under a latch or over a limit, and no exit is trapped."""
    with exactly():
        book = before
        for event in events:
            if isinstance(event, e.OrderCleared | e.OrderSending):
                order = event.order if isinstance(event, e.OrderCleared) else book.working[event.order_id].order
                state, _ = book.state(market_of(order.pair), order.venue, order.book)
                assert order.reduces or state is TradingState.ACTIVE, f"{order.book} entered while {state.name}"
                assert state is not TradingState.FROZEN
            book = evolve(book, event)
            if isinstance(event, e.OrderCleared):
                _of_an_order(event, book, desk)
            if isinstance(event, e.IntentJudged) and event.verdict.reduces:
                trapped = NEVER_FOR_EXITS.intersection(event.verdict.codes())
                assert not trapped, f"an exit was trapped by {trapped}"
            if isinstance(event, e.PolicyChanged | e.Latched):
                after = book
                for rest in events[events.index(event) + 1 :]:
                    after = evolve(after, rest)
                _of_what_rests(after, desk)
                break


def _of_an_order(event: e.OrderCleared, book: Book, desk: Desk) -> None:
    order = event.order
    if order.reduces:
        key = f"{order.book}/{order.venue}/{order.pair}"
        claimed = sum(
            (
                item.remaining
                for item in book.working.values()
                if item.order.side is order.side
                and item.order.purpose is not Purpose.PROTECTION
                and f"{item.order.book}/{item.order.venue}/{item.order.pair}" == key
            ),
            D(0),
        )
        held = book.portfolio.positions[key].quantity
        assert claimed <= held, f"{claimed} are to be sold of {held}"
        return
    gross, by_asset, equity = exposure(book, desk)
    account, limits = book.policy.account, book.policy.limits(market_of(order.pair))
    assert gross <= account.exposure_gross_max * equity
    assert by_asset[asset_of(order.pair)] <= limits.position_share_max * equity
    assert order.quantity * order.price_worst <= limits.order_notional_max
    assert book.portfolio.cash[f"{order.venue}/{quote_of(order.pair)}"] >= order.quantity * order.price_worst


def _of_what_rests(book: Book, desk: Desk) -> None:
    """After a tightening or a latch no working order that is to stay is over a limit or under a latch."""
    for item in book.working.values():
        order = item.order
        if order.reduces or item.cancel_reason:
            continue
        limits = book.policy.limits(market_of(order.pair))
        state, _ = book.state(market_of(order.pair), order.venue, order.book)
        assert state is TradingState.ACTIVE
        assert item.reserved <= limits.order_notional_max
        assert order.signed or order.book != "manual" or item.reserved <= limits.ask_above
        assert order.pair not in limits.pairs_blocked
        gross, by_asset, equity = exposure(book, desk, leaving=False)
        assert gross <= book.policy.account.exposure_gross_max * equity
        assert by_asset[asset_of(order.pair)] <= limits.position_share_max * equity


def exposure(book: Book, desk: Desk, *, leaving: bool = True) -> tuple[Decimal, dict[str, Decimal], Decimal]:
    """Return what is at risk in all and by asset, working and unknown orders included, and the equity."""
    by_asset: dict[str, Decimal] = {}
    equity = sum(book.portfolio.cash.values(), D(0))
    for position in book.portfolio.positions.values():
        worth = position.quantity * desk.bids[position.pair]
        equity += worth
        asset = asset_of(position.pair)
        by_asset[asset] = by_asset.get(asset, D(0)) + abs(worth)
    for item in book.working.values():
        if not item.order.reduces and (leaving or not item.cancel_reason):
            asset = asset_of(item.order.pair)
            by_asset[asset] = by_asset.get(asset, D(0)) + item.remaining * item.order.price_worst
    return sum(by_asset.values(), D(0)), by_asset, equity


def of_a_book(desk: Desk, guarded: set[str]) -> None:
    book = desk.book
    for position in book.portfolio.positions.values():
        assert position.quantity > 0, f"{position.key} went through zero to {position.quantity}"
    for key in guarded & set(book.portfolio.positions):
        assert key in book.protections, f"{key} lost its guard"
    for key, guard in book.protections.items():
        if guard.kept is Kept.VENUE:
            resting = book.working[guard.order_id]
            held = book.portfolio.positions[key].quantity
            assert resting.state in AT_VENUE
            assert not resting.cancel_reason
            assert resting.remaining <= held < resting.remaining + D("0.5"), "the stop is for another size"
    for key, position in book.portfolio.positions.items():
        leaving = [item for item in book.working.values() if item.order.reduces and not item.cancel_reason]
        asked = [
            item.remaining for item in leaving if item.order.purpose is not Purpose.PROTECTION and key == _key(item)
        ]
        assert sum(asked, D(0)) <= position.quantity, f"more of {key} is being sold than it holds"
    assert len(book.proposals) <= 30
    sent: dict[str, int] = {}
    for event in desk.events:
        if isinstance(event, e.OrderSending):
            intent_id = desk.order(event.order_id).order.intent_id
            sent[intent_id] = sent.get(intent_id, 0) + 1
    assert max(sent.values(), default=1) == 1, "one intent was sent twice"


def _key(item: Working) -> str:
    return f"{item.order.book}/{item.order.venue}/{item.order.pair}"


def of_money(desk: Desk, flows: Decimal) -> None:
    """Cash is what the desk opened with, what was moved, and what every fill has paid; to the last digit."""
    with exactly():
        cash = dict(OPENING)
        cash[f"{VENUE}/USDT"] += flows
        for event in only(desk.events, e.FillRecorded):
            fill = event.fill
            key = f"{fill.venue}/{quote_of(fill.pair)}"
            signed = fill.quantity if fill.side is Side.BUY else -fill.quantity
            cash[key] -= signed * fill.price + fill.fee
        for key, amount in cash.items():
            assert abs(desk.book.portfolio.cash[key] - amount) <= TINY


def of_a_look(desk: Desk) -> None:
    """After a look at the market no stop that the desk keeps is behind a believable price with nobody leaving."""
    book = desk.book
    for key, guard in book.protections.items():
        position = book.portfolio.positions[key]
        is_fresh = (
            desk.now - desk.confirmed[position.pair] <= book.policy.limits(market_of(position.pair)).price_age_max
        )
        state, _ = book.state(market_of(position.pair), position.venue, position.book)
        may_send = state is not TradingState.FROZEN and position.venue in book.reconciled
        if guard.kept is Kept.DESK and guard.stop is not None and desk.bids[position.pair] <= guard.stop:
            assert key in book.closings or not (is_fresh and may_send), f"the stop of {key} did not fire"


def could_eat_what_others_hold(desk: Desk, venue: Venue, order_id: str) -> bool:
    """Say whether a released exit has executions nobody was told of while other books hold units at the venue."""
    order = desk.order(order_id).order
    untold = any(fill.order_id == order_id for fill in venue.untold)
    holders = [item for item in desk.book.portfolio.positions.values() if item.pair == order.pair]
    return untold and len(holders) > 1


def of_a_journal(desk: Desk, pages: Sequence[tuple[int, Any]]) -> None:
    """Replaying any beginning of the journal gives the book of that moment."""
    first = desk.events[0]
    assert isinstance(first, e.DeskCreated)
    with exactly():
        book, done = first_book(first), 1
        for length, told in pages[:: max(1, len(pages) // 8)]:
            for event in desk.events[done:length]:
                book = evolve(book, event)
            done = max(done, length)
            assert book == told
    assert all(earlier[0] <= later[0] for earlier, later in pairwise(pages))


def of_the_rest(desk: Desk) -> None:
    """When everything has settled, nothing is stuck on its way out, and every stop is where it should be."""
    book = desk.book
    if book.account_state is TradingState.FROZEN:
        return
    for key, closing in book.closings.items():
        assert key in book.portfolio.positions, f"the close of {key} goes on over nothing"
        if closing.purpose is Purpose.TRADE:
            continue
        state, _ = book.state(market_of(closing.intent.pair), VENUE, closing.intent.algorithm)
        is_denied = state is TradingState.HALTED and closing.purpose is Purpose.CLOSE
        assert is_denied or state is TradingState.FROZEN, f"the close of {key} is stuck: {closing}"
    for key, guard in book.protections.items():
        is_busy = any(
            f"{item.order.book}/{item.order.venue}/{item.order.pair}" == key and item.order.id != guard.order_id
            for item in book.working.values()
        )
        if guard.stop is not None and guard.wanted is Kept.VENUE and not is_busy and key not in book.closings:
            stop_is_behind = desk.bids[key.rsplit("/", 1)[1]] <= guard.stop
            assert guard.kept is Kept.VENUE or stop_is_behind, f"the stop of {key} never came to the venue"

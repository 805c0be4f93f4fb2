"""Watch the prices of guarded positions: trails follow, exits fire through a close, waiting closes go on."""

from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.commands import Watch
from trading_mcp.core.domain.events import AnyEvent, Protected
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.market import market_of
from trading_mcp.core.domain.money import ZERO, is_price
from trading_mcp.core.domain.orders import Door, Intent, Purpose, Quantity, Side
from trading_mcp.core.domain.portfolio import Position
from trading_mcp.core.domain.protection import Kept, Protection, Trigger, improved, triggered
from trading_mcp.core.guardrails import closing
from trading_mcp.core.guardrails.draft import Draft
from trading_mcp.core.guardrails.finding import shown
from trading_mcp.core.guardrails.protecting import child_id, guard

# A desk-kept stop goes on watching a price this many times older than an entry would need.
_FRESH_FOR_EXITS: Final = 6


def watch(command: Watch, book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """Look at the price of every guarded position, and go on with every close that waits."""
    del command
    draft = Draft(book, facts)
    for key in sorted(book.closings):
        closing.go_on(draft, key)
    for key in sorted(book.protections):
        _watch_one(draft, key)
    return tuple(draft.events)


def _watch_one(draft: Draft, key: str) -> None:
    found, position = draft.book.protections.get(key), draft.book.portfolio.positions.get(key)
    if found is None or position is None:
        return
    price = _exit_price(draft, position)
    if price is None:
        guard(draft, key)
        return
    better = improved(found, price)
    if better is not found:
        draft.emit(Protected(at=draft.now, protection=better))
    trigger = triggered(better, price)
    if trigger is None:
        guard(draft, key)
        return
    under_way = draft.book.closings.get(key)
    if under_way is not None and under_way.intent.purpose is not Purpose.TRADE:
        return
    if trigger is Trigger.STOP and better.kept is Kept.VENUE and not _is_past_its_limit(draft, better, price):
        return
    intent_id, serial = child_id(draft, better, trigger)
    exit_intent = Intent(
        id=intent_id,
        door=Door.DESK,
        pair=position.pair,
        side=Side.SELL if position.quantity > ZERO else Side.BUY,
        amount=Quantity(abs(position.quantity)),
        book=position.book,
        venue=position.venue,
        reason=f"{trigger} of {key} at {shown(price)}",
        purpose=Purpose.PROTECTION,
    )
    if closing.refusal(draft, key, exit_intent) is not None:
        # Nothing may be sent now: what rests at the venue stays, and the next look tries again.
        return
    draft.emit(Protected(at=draft.now, protection=replace(better, kept=Kept.DESK, serial=serial + 1)))
    closing.begin(draft, key, exit_intent, abs(position.quantity))


def _is_past_its_limit(draft: Draft, found: Protection, price: Decimal) -> bool:
    """Say whether the market has left a resting stop behind, so that its limit can no longer be met."""
    resting = draft.book.working.get(found.order_id)
    limit = None if resting is None else resting.order.limit_price
    if limit is None:
        return False
    return price < limit if found.is_long else price > limit


def _exit_price(draft: Draft, position: Position) -> Decimal | None:
    """Return the price an exit would meet, if there is one that can be believed."""
    quote = draft.facts.quotes.get(f"{position.venue}/{position.pair}")
    if quote is None:
        return None
    most = draft.policy.limits(market_of(position.pair)).price_age_max * _FRESH_FOR_EXITS
    price = quote.bid if position.quantity > ZERO else quote.ask
    return price if is_price(price) and draft.now - quote.confirmed_at <= most else None

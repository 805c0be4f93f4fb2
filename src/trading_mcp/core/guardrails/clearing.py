"""From an allowed case to an order: the one place where orders are made, and where their ids bear witness."""

import hashlib
from decimal import Decimal
from typing import Final

from trading_mcp.core.canonical import canonical
from trading_mcp.core.domain.events import IntentJudged, OrderCleared
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.market import SECOND
from trading_mcp.core.domain.money import ONE, ZERO
from trading_mcp.core.domain.orders import Intent, Order, OrderType, Purpose, TimeInForce
from trading_mcp.core.domain.verdict import Verdict
from trading_mcp.core.guardrails.case import Case

# Where a venue has no immediate-or-cancel, what is left of a market order is cancelled after this long.
MARKET_LIFE: Final = 5 * SECOND


def order_id(seed: bytes, intent: Intent, ordinal: int) -> str:
    """Return a UUIDv8 that commits to the whole history before it, to the intent, and to its place."""
    digest = bytearray(
        hashlib.sha256(seed + hashlib.sha256(canonical(intent)).digest() + ordinal.to_bytes(4, "big")).digest()[:16]
    )
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def id_for(mode: Mode, facts: Facts, intent: Intent, ordinal: int) -> str:
    """Return the id of the next order; a backtest has no history to bear witness to, and counts instead."""
    if facts.order_id_seed:
        return order_id(facts.order_id_seed, intent, ordinal)
    assert mode is Mode.BACKTEST, "an order outside a backtest needs the journal's head"  # noqa: S101 - us being wrong
    return f"{facts.order_id_seq}.{ordinal}"


def judged(case: Case, verdict: Verdict) -> IntentJudged:
    """Return the gate's answer as it is recorded."""
    return IntentJudged(
        at=case.facts.now,
        intent=case.intent,
        verdict=verdict,
        venue=case.venue or "",
        quantity=case.quantity,
        reference=case.reference,
        equity=None if case.risk is None else case.risk.equity,
    )


def cleared(case: Case, ordinal: int, *, signed: bool = False) -> OrderCleared:
    """Return the order an allowed case becomes: what was judged is what is sent."""
    intent, instrument, facts = case.intent, case.instrument, case.facts
    assert case.quantity is not None, "an order without a quantity"  # noqa: S101 - us being wrong
    assert case.venue is not None, "an order without a venue"  # noqa: S101 - us being wrong
    kind, tif, lapses_at = intent.type, intent.time_in_force, None
    if kind is OrderType.MARKET:
        # Without a price there is no limit to set: only exits come this far, and take the venue's own form.
        kind = OrderType.LIMIT if case.limit_price is not None else OrderType.MARKET
        tif = TimeInForce.IOC
        if instrument is not None and tif not in instrument.times_in_force:
            lasts = TimeInForce.GTC in instrument.times_in_force
            tif, lapses_at = TimeInForce.GTC if lasts else TimeInForce.DAY, facts.now + MARKET_LIFE
    risk = case.risk
    order = Order(
        id=id_for(case.book.home.mode, facts, intent, ordinal),
        intent_id=intent.id,
        book=intent.book,
        venue=case.venue,
        pair=intent.pair,
        side=intent.side,
        type=kind,
        quantity=case.quantity,
        time_in_force=tif,
        reduces=case.reduces,
        purpose=intent.purpose,
        price_worst=case.price_worst or ZERO,
        cleared_at=facts.now,
        door=intent.door,
        limit_price=case.limit_price,
        stop_price=case.stop_price,
        trail=intent.trail,
        protect=intent.protect if intent.purpose is Purpose.TRADE and not case.reduces else None,
        lapses_at=lapses_at,
        signed=signed,
        multiplier=instrument.multiplier if instrument is not None else _multiplier_held(case),
    )
    return OrderCleared(
        at=facts.now,
        order=order,
        notional=risk.notional if risk is not None and risk.notional is not None else ZERO,
        counted_at=None if risk is None else risk.tempo_now,
        day=facts.day,
        seed_seq=facts.order_id_seq,
        ordinal=ordinal,
    )


def _multiplier_held(case: Case) -> Decimal:
    """Return the multiplier of what is held, for an exit whose instrument is not listed today."""
    for position in case.book.portfolio.positions.values():
        if position.pair == case.intent.pair and position.quantity != ZERO:
            return position.multiplier
    return ONE

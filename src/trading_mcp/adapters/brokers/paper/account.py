"""Money at the paper venue: what fills move, what open orders hold, and what is free."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from trading_mcp.adapters.brokers.paper.records import Kept, Records
from trading_mcp.core.domain.instruments import Instrument
from trading_mcp.core.domain.money import ONE, ZERO
from trading_mcp.core.domain.orders import Fill, OrderState, Side
from trading_mcp.core.simulation.costs import FeeIn
from trading_mcp.core.simulation.resting import Look, Matched, Resting, ended

NO_MONEY: Final = "not enough money when its price came"


def hold_of(resting: Resting, look: Look) -> tuple[str, Decimal]:
    """The asset an order sets aside, and how much: what is left of it, at its worst price, with fees."""
    order, instrument, costs = resting.order, look.instrument, look.costs
    if order.side is Side.SELL:
        return instrument.base, resting.remaining
    price = order.limit_price
    if price is None:
        price = max(order.price_worst, resting.stop or ZERO)
    fee = max(costs.fee_taker, costs.fee_maker) if costs.fee_in is FeeIn.QUOTE else ZERO
    return instrument.quote, instrument.exposure(resting.remaining, price) * (ONE + fee)


def moves_of(fills: tuple[Fill, ...], instrument: Instrument) -> dict[str, Decimal]:
    """What fills add to and take from each asset."""
    moves = {instrument.base: ZERO, instrument.quote: ZERO}
    for fill in fills:
        sign = ONE if fill.side is Side.BUY else -ONE
        moves[instrument.base] += sign * fill.quantity
        moves[instrument.quote] -= sign * instrument.exposure(fill.quantity, fill.price)
        moves[fill.fee_asset] -= fill.fee
    return moves


class Account:
    """Balances and open orders as one transaction sees them; whatever changes is written at once."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self.totals = records.totals()
        self.open = records.open_orders()

    @property
    def pairs(self) -> list[str]:
        return sorted({kept.resting.order.pair for kept in self.open.values()})

    def of(self, pair: str) -> list[Resting]:
        return [kept.resting for kept in self.open.values() if kept.resting.order.pair == pair]

    def total(self, asset: str) -> Decimal:
        return self.totals.get(asset, ZERO)

    def held(self, asset: str, besides: str = "") -> Decimal:
        """What open orders set aside of an asset."""
        return sum(
            (kept.hold for order_id, kept in self.open.items() if kept.hold_asset == asset and order_id != besides),
            start=ZERO,
        )

    def free(self, asset: str) -> Decimal:
        return self.total(asset) - self.held(asset)

    def move(self, moves: Mapping[str, Decimal]) -> None:
        for asset, amount in moves.items():
            self.totals[asset] = self.total(asset) + amount
            self._records.set_total(asset, self.totals[asset])

    def settle(self, matched: Matched, look: Look) -> Matched:
        """Book what one look did to an order; fills that cannot be paid for end it instead."""
        order_id = matched.resting.order.id
        before = self.open[order_id]
        moves = moves_of(matched.fills, look.instrument)
        if any(self.total(asset) + move < self.held(asset, order_id) for asset, move in moves.items()):
            matched, moves = ended(before.resting, OrderState.CANCELLED, NO_MONEY), {}
        if matched.fills:
            self.move(moves)
            self._records.add_fills(matched.fills)
        self.keep(before, matched, look)
        return matched

    def keep(self, before: Kept, matched: Matched, look: Look) -> None:
        """Write an order's new state, unless all that changed is which book it saw last."""
        asset, hold = (before.hold_asset, ZERO) if matched.ended else hold_of(matched.resting, look)
        after = replace(
            before,
            resting=matched.resting,
            state=matched.state,
            reason=matched.reason,
            hold_asset=asset,
            hold=hold,
        )
        if matched.ended:
            del self.open[before.order_id]
        else:
            self.open[before.order_id] = after
        if _unseen(after) != _unseen(before):
            self._records.update(after, is_open=not matched.ended)

    def end(self, order_id: str, state: OrderState, reason: str) -> None:
        """End an order that trades no more."""
        kept = self.open.pop(order_id)
        self._records.update(replace(kept, state=state, reason=reason, hold=ZERO), is_open=False)


def _unseen(kept: Kept) -> Kept:
    return replace(kept, resting=replace(kept.resting, seen_at=None))

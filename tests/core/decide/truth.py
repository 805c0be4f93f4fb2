"""What is really so at the venue, whatever the desk has been told of it: orders, executions, holdings."""

from decimal import Decimal
from typing import Final

from tests.core.decide.desk import OPENING, D, Desk
from tests.core.guardrails.world import VENUE
from trading_mcp.core.domain.instruments import quote_of
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import Fill, Order, OrderType, Side

FEE: Final = D("0.001")


class Venue:
    """Takes orders, executes no more than it holds, and leaves it to others whether anyone hears of it."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.alive: dict[str, Decimal] = {}
        self.held: dict[str, Decimal] = {}
        self.cash = dict(OPENING)
        self.untold: list[Fill] = []
        self.executions = 0

    def take(self, order: Order) -> None:
        assert order.id not in self.orders, "one intent became two orders at the venue"
        self.orders[order.id] = order
        self.alive[order.id] = order.quantity

    def drop(self, order_id: str) -> bool:
        return self.alive.pop(order_id, None) is not None

    def execute(self, order_id: str, share: Decimal, price: Decimal) -> Fill | None:
        """Execute a share of what is left of an order, in whole steps and never below what is held."""
        order, left = self.orders[order_id], self.alive[order_id]
        with exactly():
            step = D("0.00001")
            quantity = left if share == 1 else max(left * share // step * step, step)
            quantity = min(quantity, left)
            if order.side is Side.SELL:
                quantity = min(quantity, self.held.get(order.pair, D(0)))
            if quantity <= 0:
                return None
            self.executions += 1
            signed = quantity if order.side is Side.BUY else -quantity
            quote = f"{VENUE}/{quote_of(order.pair)}"
            fee = quantity * price * FEE
            self.cash[quote] = self.cash[quote] - signed * price - fee
            self.held[order.pair] = self.held.get(order.pair, D(0)) + signed
            self.alive[order_id] = left - quantity
            if self.alive[order_id] == 0:
                del self.alive[order_id]
        return Fill(
            trade_id=f"x{self.executions}",
            venue=VENUE,
            pair=order.pair,
            side=order.side,
            quantity=quantity,
            price=price,
            fee=fee,
            fee_asset=quote_of(order.pair),
            at=0,
            order_id=order_id,
        )

    def split(self, pair: str, ratio: Decimal) -> list[str]:
        """Split a stock; what rests at the old price is gone."""
        with exactly():
            self.held[pair] = self.held.get(pair, D(0)) * ratio
        gone = [order_id for order_id in self.alive if self.orders[order_id].pair == pair]
        for order_id in gone:
            del self.alive[order_id]
        return gone

    def may_trade(self, order_id: str, bid: Decimal, ask: Decimal) -> bool:
        """Say whether the market has come to an order."""
        order = self.orders[order_id]
        is_buy = order.side is Side.BUY
        if order.type is OrderType.STOP:
            stop = order.stop_price or D(0)
            return ask >= stop if is_buy else bid <= stop
        limit = order.limit_price
        return limit is None or (ask <= limit if is_buy else bid >= limit)

    def read_into(self, desk: Desk) -> None:
        """Tell the desk what is free: what is held and not promised to an order."""
        with exactly():
            free = dict(self.cash)
            free.update({f"{VENUE}/{pair.partition('-')[0]}": D(0) for pair in desk.bids})
            for pair, quantity in self.held.items():
                free[f"{VENUE}/{pair.partition('-')[0]}"] = quantity
            for order_id, left in self.alive.items():
                order = self.orders[order_id]
                if order.side is Side.SELL:
                    free[f"{VENUE}/{order.pair.partition('-')[0]}"] -= left
        desk.free, desk.read_at = free, desk.now

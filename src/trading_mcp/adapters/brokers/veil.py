"""What a faulty venue hides for a while: orders just accepted, fills, and that it will reject what it took."""

from collections import deque
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import msgspec
from msgspec.structs import replace

from trading_mcp.adapters.brokers.faults import Fault, Scripted
from trading_mcp.core.domain.money import ZERO, exactly
from trading_mcp.core.domain.orders import Fill, Order, OrderState
from trading_mcp.core.ports import Clock, VenueOrder

GAPS: Final = 100


class Withheld(msgspec.Struct, frozen=True, kw_only=True):
    """Executions of a cancelled order that are told only later."""

    until: int
    quantity: Decimal


class Veil:
    """Everything hidden has a moment at which it shows, or shows when the veil is lifted."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ghosts: dict[str, tuple[VenueOrder, int]] = {}
        self._unseen: dict[str, int] = {}
        self._withheld: dict[str, Withheld] = {}
        self._late: dict[str, int] = {}
        self._told: set[str] = set()
        self._gaps: deque[tuple[int, int]] = deque(maxlen=GAPS)

    def lift(self) -> None:
        """Hide nothing any more; what was to be rejected is rejected."""
        self._ghosts = {order_id: (ghost, 0) for order_id, (ghost, _) in self._ghosts.items()}
        for hidden in (self._unseen, self._withheld, self._late, self._gaps):
            hidden.clear()

    def conjure(self, order: Order, lasts: int) -> VenueOrder:
        """An order that looks accepted until it turns out to be rejected."""
        now = self._clock.now()
        ghost = VenueOrder(
            order_id=order.id,
            venue_order_id=f"G-{order.id}",
            pair=order.pair,
            side=order.side,
            quantity=order.quantity,
            filled=ZERO,
            state=OrderState.LIVE,
            at=now,
        )
        self._ghosts[order.id] = (ghost, now + lasts)
        return ghost

    def ghost(self, order_id: str) -> VenueOrder | None:
        if order_id not in self._ghosts:
            return None
        ghost, until = self._ghosts[order_id]
        return ghost if self._clock.now() < until else replace(ghost, state=OrderState.REJECTED)

    def banish(self, order_id: str) -> None:
        """Reject at once what would have been rejected."""
        self._ghosts[order_id] = (self._ghosts[order_id][0], 0)

    def opened(self, orders: Iterable[VenueOrder]) -> tuple[VenueOrder, ...]:
        """The open orders that show, with those that only seem to be."""
        seeming = [ghost for order_id in self._ghosts if (ghost := self.ghost(order_id)) is not None]
        return (
            *(order for order in orders if not self.hides(order.order_id)),
            *(ghost for ghost in seeming if ghost.state is OrderState.LIVE),
        )

    def hide(self, order_id: str, lasts: int) -> None:
        """Let an order not be found for a while, nor its fills."""
        self._unseen[order_id] = self._clock.now() + lasts

    def hides(self, order_id: str | None) -> bool:
        return order_id is not None and self._clock.now() < self._unseen.get(order_id, 0)

    def withhold(self, order_id: str, fills: Iterable[Fill], lasts: int) -> None:
        """Let the executions of an order that nobody was told of yet show only later."""
        until = self._clock.now() + lasts
        fresh = [fill for fill in fills if fill.order_id == order_id and fill.trade_id not in self._told]
        self._late.update(dict.fromkeys((fill.trade_id for fill in fresh), until))
        with exactly():
            quantity = sum((fill.quantity for fill in fresh), start=ZERO)
        self._withheld[order_id] = Withheld(until=until, quantity=quantity)

    def order(self, told: VenueOrder) -> VenueOrder:
        """An order without what is withheld of it."""
        withheld = self._withheld.get(told.order_id)
        if withheld is None or self._clock.now() >= withheld.until:
            return told
        with exactly():
            return replace(told, state=OrderState.CANCELLED, filled=told.filled - withheld.quantity)

    def tear(self, since: int, until: int) -> None:
        """Let what happens in a span be told only to those who ask from before it."""
        self._gaps.append((since, until))

    def fills(self, fills: Iterable[Fill], since: int, picked: Scripted | None) -> list[Fill]:
        """The executions that are told to one who asks from a moment on."""
        now = self._clock.now()
        torn = [gap for gap in self._gaps if since > gap[0]]
        rows = [
            fill
            for fill in fills
            if not self.hides(fill.order_id)
            and self._late.get(fill.trade_id, 0) <= now
            and not any(start <= fill.at < end for start, end in torn)
        ]
        if picked is None:
            return self._tell(rows)
        fresh = [fill.trade_id for fill in rows if fill.trade_id not in self._told]
        match picked.fault:
            case Fault.FILLS_LATE:
                self._late.update(dict.fromkeys(fresh, now + picked.lasts))
                return self._tell([fill for fill in rows if fill.trade_id not in fresh])
            case Fault.FILLS_PARTIAL:
                missing = fresh[len(fresh) // 2 :]
                return self._tell([fill for fill in rows if fill.trade_id not in missing])
            case Fault.FILLS_DOUBLED:
                return [fill for row in self._tell(rows) for fill in (row, row)]
            case Fault.FILLS_UNORDERED:
                return self._tell(rows[::-1])
            case _:
                return self._tell(rows)

    def _tell(self, rows: list[Fill]) -> list[Fill]:
        self._told.update(fill.trade_id for fill in rows)
        return rows

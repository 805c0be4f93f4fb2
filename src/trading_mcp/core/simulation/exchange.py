"""The venue of a rehearsal: takes orders at once against the book, then against every bar and book that follows."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from operator import itemgetter
from typing import Final

from trading_mcp.core.domain.instruments import Instrument
from trading_mcp.core.domain.market import MINUTE, Candle, Depth, market_of
from trading_mcp.core.domain.money import ZERO
from trading_mcp.core.domain.orders import Fill, Order, OrderState, Side, TimeInForce
from trading_mcp.core.simulation.costs import Costs
from trading_mcp.core.simulation.market import SyntheticMarket
from trading_mcp.core.simulation.matching import match_all
from trading_mcp.core.simulation.resting import DAY_OVER, Look, Matched, Resting, arrive, ended, until
from trading_mcp.core.simulation.sessions import day_ends

Terms = Callable[[Instrument], Costs]
Held = Callable[[str], Decimal]
_NOTHING: Final = {Side.BUY: ZERO, Side.SELL: ZERO}


class Exchange:
    """Keeps what works and tells what happened, each thing once; the paper venue does the same with a file.

    `held` is what the account holds of a pair: a venue knows one holding, not whose it is.
    """

    def __init__(self, market: SyntheticMarket, terms: Terms, held: Held) -> None:
        self._market = market
        self._terms = terms
        self._held = held
        self._instruments = {item.pair: item for item in market.instruments()}
        self._open: dict[str, Resting] = {}
        self._looked_at = 0
        self._bars: dict[str, int] = {}
        self._books: dict[str, int] = {}
        self._taken: dict[str, tuple[int, Mapping[Side, Decimal]]] = {}
        self._fills: list[Fill] = []
        self._ended: dict[str, Matched] = {}

    def take(self, order: Order, now: int) -> None:
        """Take an order and match it at once against the book of now."""
        self.advance(now)
        session = self._market.session(market_of(order.pair), now)
        depth, look = self._market.depth(order.pair, now), self._look(order.pair, now)
        levels = () if depth is None else depth.asks if order.side is Side.BUY else depth.bids
        resting = arrive(order, look, price=levels[0].price if levels else ZERO)
        if order.time_in_force is TimeInForce.DAY:
            resting = until(resting, day_ends(session))
        self._open[order.id] = resting
        if depth is not None and session.is_open:
            self._match_book([resting], depth, look)

    def cancel(self, order_id: str, now: int) -> None:
        """End an order, if it has not ended by itself before the request came."""
        self.advance(now)
        if order_id in self._open:
            self._end(order_id, OrderState.CANCELLED, "cancelled as asked")

    def advance(self, now: int) -> None:
        """Match what rests against all that the market has shown since the last look."""
        if self._open:
            self._bind_days(now)
            self._play_bars(now)
            for order_id, resting in tuple(self._open.items()):
                if resting.expires_at is not None and resting.expires_at <= now:
                    self._end(order_id, OrderState.LAPSED, DAY_OVER)
            for pair in self._pairs():
                self._look_now(pair, now)
        self._looked_at = max(now, self._looked_at)

    def fills(self) -> list[Fill]:
        """Return the executions that were not told yet, in the order of time."""
        told, self._fills = sorted(self._fills, key=lambda fill: fill.at), []
        return told

    def ended(self, order_id: str) -> Matched | None:
        """Return how an order ended without being filled, once."""
        return self._ended.pop(order_id, None)

    def _pairs(self) -> list[str]:
        return sorted({resting.order.pair for resting in self._open.values()})

    def _of(self, pair: str) -> list[Resting]:
        return [resting for resting in self._open.values() if resting.order.pair == pair]

    def _look(self, pair: str, at: int) -> Look:
        instrument = self._instruments[pair]
        return Look(instrument=instrument, costs=self._terms(instrument), at=at)

    def _end(self, order_id: str, state: OrderState, reason: str) -> None:
        self._ended[order_id] = ended(self._open.pop(order_id), state, reason)

    def _bind_days(self, now: int) -> None:
        """An order of the day that waited for the open ends with the session that has begun."""
        for order_id, resting in self._open.items():
            if resting.order.time_in_force is TimeInForce.DAY:
                session = self._market.session(market_of(resting.order.pair), now)
                self._open[order_id] = until(resting, session.closes_at if session.is_open else None)

    def _play_bars(self, now: int) -> None:
        """Match every minute that has ended since the last look, in the order of time across pairs."""
        bars: list[tuple[int, str, Candle]] = []
        for pair in self._pairs():
            first = max(self._bars.get(pair, -MINUTE) + MINUTE, min(each.since for each in self._of(pair)))
            count = (now - first) // MINUTE
            if count > 0:
                shown = self._market.candles(pair, now // MINUTE - count, count)
                bars += [(bar.start, pair, bar) for bar in shown if first <= bar.start]
        for start, pair, bar in sorted(bars, key=itemgetter(0, 1)):
            # An order that lapses within a minute is not known to have lived through what happened in it.
            mine = [each for each in self._of(pair) if each.expires_at is None or start + MINUTE <= each.expires_at]
            if mine:
                self._match(mine, bar, self._look(pair, max(start + MINUTE, self._looked_at)))
            self._bars[pair] = start

    def _look_now(self, pair: str, now: int) -> None:
        """Match what rests against the book of now, unless all of it has seen that book."""
        depth = self._market.depth(pair, now)
        if depth is None or not self._market.session(market_of(pair), now).is_open:
            return
        if self._books.get(pair) != depth.at:
            self._match_book(self._of(pair), depth, self._look(pair, now))
            self._books[pair] = depth.at

    def _match_book(self, orders: list[Resting], depth: Depth, look: Look) -> None:
        """Match against one book; what we took of it before, for whichever order, is gone."""
        seen_at, gone = self._taken.get(depth.pair, (depth.at, _NOTHING))
        gone = gone if seen_at == depth.at else _NOTHING
        taken = self._match(orders, depth, look, gone)
        self._taken[depth.pair] = (depth.at, {side: gone[side] + taken[side] for side in Side})

    def _match(
        self, orders: list[Resting], view: Candle | Depth, look: Look, gone: Mapping[Side, Decimal] = _NOTHING
    ) -> dict[Side, Decimal]:
        """Match and keep what is left; returns the quantity taken on each side."""
        base = self._held(look.instrument.pair)
        held = {resting.order.book: base for resting in orders}
        taken = dict(_NOTHING)
        for matched in match_all(orders, view, held, look, gone):
            order = matched.resting.order
            self._fills.extend(matched.fills)
            for fill in matched.fills:
                taken[fill.side] += fill.quantity
            if not matched.ended:
                self._open[order.id] = matched.resting
                continue
            del self._open[order.id]
            if matched.state is not OrderState.FILLED:
                self._ended[order.id] = matched  # its fills tell the end of one that is filled
        return taken

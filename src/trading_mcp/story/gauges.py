"""How much of each limit a day used: the most at any minute or order, beside what was allowed right then."""

from collections.abc import Sequence
from decimal import Decimal

from trading_mcp.core.domain.events import AnyEvent, OrderCleared
from trading_mcp.core.domain.instruments import asset_of
from trading_mcp.core.domain.market import Market, market_of
from trading_mcp.core.domain.money import ZERO
from trading_mcp.core.domain.orders import MANUAL
from trading_mcp.core.guardrails.effective import order_limit
from trading_mcp.core.simulation.rehearsal import Rehearsal
from trading_mcp.story.diary import LimitUsed
from trading_mcp.story.page import money

_NAMES = (
    "one crypto order",
    "one stock order",
    "one asset",
    "everything at risk",
    "lost today",
    "lost by the algorithm",
    "below the week's peak",
    "entries in 5 minutes",
    "entries by hand",
    "entries of the algorithm",
)


class Gauges:
    """The fullest each limit has been."""

    def __init__(self) -> None:
        self._fullest: dict[str, tuple[Decimal, str, str]] = {}

    def note(self, happened: Sequence[AnyEvent], desk: Rehearsal) -> None:
        """Look at what was just cleared to add risk."""
        for event in happened:
            if isinstance(event, OrderCleared) and not event.order.reduces:
                self._order(event, desk)

    def _order(self, event: OrderCleared, desk: Rehearsal) -> None:
        book, market = desk.book, market_of(event.order.pair)
        limits, account = book.policy.limits(market), book.policy.account
        tally = book.tallies[event.order.book]
        kind = "crypto" if "-" in event.order.pair else "stock"
        self._money(f"one {kind} order", event.notional, order_limit(limits, book.measures["account"].value))
        close = tally.cleared_since(desk.now - account.rate_window)
        self._count("entries in 5 minutes", close, account.rate_orders_max)
        orders = tally.orders_on(event.day)
        if event.order.book == MANUAL:
            self._count("entries by hand", orders, account.orders_day_manual_max)
        else:
            self._count("entries of the algorithm", orders, account.orders_day_algorithm_max)

    def look(self, desk: Rehearsal, algorithm: str) -> None:
        """Look at what is held and what was lost, at the end of a minute."""
        book, prices = desk.book, desk.facts().prices
        account, measure = book.policy.account, book.measures["account"]
        worth: dict[tuple[Market, str], Decimal] = {}
        for position in book.portfolio.positions.values():
            key = market_of(position.pair), asset_of(position.pair)
            worth[key] = worth.get(key, ZERO) + abs(position.quantity) * prices[key[1]].value
        for (market, asset), value in worth.items():
            share = book.policy.limits(market).position_share_max
            self._money("one asset", value, share * measure.value, f" {asset.removeprefix('stock:')}")
        total = sum(worth.values(), ZERO)
        self._money("everything at risk", total, account.exposure_gross_max * measure.value)
        self._money("lost today", measure.day_loss, account.loss_day_max * measure.day_open)
        below = measure.rolling_peak - measure.value
        self._money("below the week's peak", below, account.drawdown_rolling_max * measure.rolling_peak)
        own = book.measures.get(f"algorithm/{algorithm}")
        if own is not None:
            capital = book.algorithms[algorithm].capital
            self._money("lost by the algorithm", own.day_loss, account.algorithm_loss_day_max * capital)

    def used(self) -> tuple[LimitUsed, ...]:
        return tuple(
            LimitUsed(limit=name, used=used, allowed=allowed, share=int(share * 1000))
            for name in _NAMES
            for share, used, allowed in [self._fullest.get(name, (ZERO, "none", "any"))]
        )

    def _money(self, name: str, used: Decimal, allowed: Decimal, what: str = "") -> None:
        used = max(used, ZERO)
        self._keep(name, used / allowed if allowed else ZERO, money(used) + what, money(allowed))

    def _count(self, name: str, used: int, allowed: int) -> None:
        self._keep(name, Decimal(used) / allowed, str(used), str(allowed))

    def _keep(self, name: str, share: Decimal, used: str, allowed: str) -> None:
        before = self._fullest.get(name)
        if before is None or share > before[0]:
            self._fullest[name] = (share, used, allowed)

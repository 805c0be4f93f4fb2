"""A venue that goes wrong on purpose: any Broker, wrapped, with the whole menu of faults, seeded and scripted.

It never waits by itself: time is the clock's, and the one fault that takes time waits by a `sleep` it is given.
What it adds lives in memory; what the wrapped venue did is true and is told once `calm` was said. Orders that it
rejects after its ack never reach the wrapped venue and stay rejected.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Protocol, TypeVar, runtime_checkable

from msgspec.structs import replace

from trading_mcp.adapters.brokers.faults import Call, Fault, Scripted
from trading_mcp.adapters.brokers.garble import garbled_balances, garbled_fill, garbled_order
from trading_mcp.adapters.brokers.trouble import VenueTrouble
from trading_mcp.adapters.brokers.veil import Veil
from trading_mcp.adapters.brokers.weather import Weather
from trading_mcp.core.domain.instruments import Instrument
from trading_mcp.core.domain.market import SECOND
from trading_mcp.core.domain.orders import ENDED, Fill, Order
from trading_mcp.core.ports import Broker, Clock, Duplicate, NotFound, Refusal, Transfer, VenueBalance, VenueOrder

T = TypeVar("T")
Sleep = Callable[[int], Awaitable[None]]


@runtime_checkable
class Moving(Protocol):
    """A venue that has to be told to look at its market."""

    async def advance(self) -> None:
        """Match what rests."""
        ...


class FaultyVenue:
    """`asked` counts what the desk sent per order id, `reached` what of it the venue saw."""

    def __init__(
        self,
        inner: Broker,
        clock: Clock,
        *,
        sleep: Sleep,
        seed: int = 0,
        rates: Mapping[Fault, float] | None = None,
        skew: int = 30 * SECOND,
    ) -> None:
        """`rates` is how often a fault happens to the requests it fits; without it only what is scripted does."""
        self.venue = inner.venue
        self.mode = inner.mode
        self.account = inner.account
        self.can_fence = inner.can_fence
        self.asked: Counter[str] = Counter()
        self.reached: Counter[str] = Counter()
        self._inner = inner
        self._moving = inner if isinstance(inner, Moving) else None
        self._clock = clock
        self._sleep = sleep
        self._skew = skew
        self._weather = Weather(clock, seed, rates or {})
        self._veil = Veil(clock)
        self._cancels: dict[str, int] = {}
        self._ended: set[str] = set()
        self._opened: tuple[VenueOrder, ...] | None = None
        self._balances: tuple[VenueBalance, ...] | None = None

    @property
    def history(self) -> tuple[tuple[int, Call, Fault], ...]:
        """When, to which request, what."""
        return tuple(self._weather.history)

    def script(self, fault: Fault, *, call: Call | None = None, lasts: int | None = None) -> None:
        """Let a fault happen to the next request that it fits, or to the next `call`; `lasts` in microseconds."""
        self._weather.script(fault, call, lasts)

    def calm(self) -> None:
        """Stop all faults: from now on the venue tells the truth, also about what it hid."""
        self._weather.calm()
        self._veil.lift()
        self._cancels = dict.fromkeys(self._cancels, 0)

    async def submit(self, order: Order) -> str:
        self.asked[order.id] += 1
        return await self._ask(Call.SUBMIT, lambda picked: self._submit(order, picked))

    async def cancel(self, order_id: str) -> None:
        await self._ask(Call.CANCEL, lambda picked: self._cancel(order_id, picked))

    async def order(self, order_id: str) -> VenueOrder:
        async def look(picked: Scripted | None) -> VenueOrder:
            told = await self._order(order_id)
            if told.state in ENDED:
                self._ended.add(order_id)
            return garbled_order(self._told(told), _fault(picked))

        return await self._ask(Call.ORDER, look)

    async def open_orders(self) -> tuple[VenueOrder, ...]:
        async def look(picked: Scripted | None) -> tuple[VenueOrder, ...]:
            if self._opened is None or not self._weather.holds(Fault.STALL):
                self._opened = self._veil.opened(await self._inner.open_orders())
            return tuple(garbled_order(self._told(told), _fault(picked)) for told in self._opened)

        return await self._ask(Call.OPEN_ORDERS, look)

    async def fills(self, since: int) -> tuple[Fill, ...]:
        return await self._ask(Call.FILLS, lambda picked: self._fills(since, picked))

    async def balances(self) -> tuple[VenueBalance, ...]:
        async def look(picked: Scripted | None) -> tuple[VenueBalance, ...]:
            if self._balances is None or not self._weather.holds(Fault.BALANCE_LAG):
                self._balances = await self._inner.balances()
            return garbled_balances(self._balances, _fault(picked))

        return await self._ask(Call.BALANCES, look)

    async def transfers(self, since: int) -> tuple[Transfer, ...]:
        async def look(_: Scripted | None) -> tuple[Transfer, ...]:
            off = self._off
            return tuple(replace(row, at=row.at + off) for row in await self._inner.transfers(since - off))

        return await self._ask(Call.TRANSFERS, look)

    async def instruments(self) -> tuple[Instrument, ...]:
        return await self._ask(Call.INSTRUMENTS, lambda _: self._inner.instruments())

    async def close(self) -> None:
        await self._inner.close()

    async def advance(self) -> None:
        """Let time pass at the wrapped venue too."""
        if self._moving is not None:
            await self._moving.advance()
        await self._cancel_what_is_due()

    @property
    def _off(self) -> int:
        """How far the venue's clock is from ours now."""
        return self._skew if self._weather.holds(Fault.SKEW) else 0

    def _told(self, told: VenueOrder) -> VenueOrder:
        return replace(told, at=told.at + self._off)

    async def _ask(self, call: Call, act: Callable[[Scripted | None], Awaitable[T]]) -> T:
        """Carry out one request with whatever happens to it on its way there and back."""
        await self._cancel_what_is_due()
        picked = self._weather.pick(call)
        if self._weather.holds(Fault.MAINTENANCE):
            raise VenueTrouble(503, "the venue is under maintenance")
        if self._weather.holds(Fault.KEY_REVOKED):
            raise Refusal("401 the key is not valid") if call is Call.SUBMIT else VenueTrouble(401, "no valid key")
        if picked is None:
            return await act(None)
        stopped = _stopped(picked)
        if stopped is not None:
            raise stopped
        lost = _lost(picked.fault)
        if lost is not None:
            with suppress(Refusal, Duplicate, NotFound):
                await act(picked)
            raise lost
        try:
            return await act(picked)
        finally:
            if picked.fault is Fault.HANG:
                await self._sleep(picked.lasts)

    async def _submit(self, order: Order, picked: Scripted | None) -> str:
        self.reached[order.id] += 1
        if self._veil.ghost(order.id) is not None:
            raise Duplicate(f"an order with the id {order.id} exists")
        if picked is not None and picked.fault is Fault.REJECTED_LATER and not await self._exists(order.id):
            return self._veil.conjure(order, picked.lasts).venue_order_id
        try:
            venue_order_id = await self._inner.submit(order)
        except Duplicate:
            if _fault(picked) is not Fault.REPLAY:
                raise
            return (await self._inner.order(order.id)).venue_order_id
        if picked is not None and picked.fault in (Fault.NOT_FOUND, Fault.LOST_AND_HIDDEN):
            self._veil.hide(order.id, picked.lasts)
        if _fault(picked) is Fault.DUPLICATE:
            raise Duplicate(f"an order with the id {order.id} exists")
        return venue_order_id

    async def _exists(self, order_id: str) -> bool:
        try:
            await self._inner.order(order_id)
        except NotFound:
            return False
        return True

    async def _order(self, order_id: str) -> VenueOrder:
        """An order as the venue tells of it now."""
        if self._veil.hides(order_id):
            raise NotFound(f"no order has the id {order_id}")
        return self._veil.ghost(order_id) or self._veil.order(await self._inner.order(order_id))

    async def _cancel(self, order_id: str, picked: Scripted | None) -> None:
        told = await self._order(order_id)
        fault = _fault(picked)
        if picked is not None and fault is Fault.FILLS_AFTER_CANCEL and order_id not in self._ended:
            self._veil.withhold(order_id, await self._inner.fills(0), picked.lasts)
            with suppress(NotFound):
                await self._inner.cancel(order_id)
        elif self._veil.ghost(order_id) is not None and told.state not in ENDED:
            self._veil.banish(order_id)
        elif picked is not None and fault is Fault.CANCEL_RACE and told.state not in ENDED:
            self._cancels[order_id] = self._clock.now() + picked.lasts
        else:
            await self._inner.cancel(order_id)

    async def _cancel_what_is_due(self) -> None:
        """Carry out the cancels that were acknowledged and left lying."""
        now = self._clock.now()
        for order_id in [order_id for order_id, due in self._cancels.items() if due <= now]:
            del self._cancels[order_id]
            with suppress(NotFound):
                await self._inner.cancel(order_id)

    async def _fills(self, since: int, picked: Scripted | None) -> tuple[Fill, ...]:
        off = self._off
        if picked is not None and picked.fault is Fault.GAP:
            now = self._clock.now()
            self._veil.tear(now, now + picked.lasts)
        rows = await self._inner.fills(since - off)
        if self._weather.holds(Fault.STALL):
            rows = tuple(fill for fill in rows if fill.at < self._weather.began(Fault.STALL))
        rows = tuple(self._veil.fills(rows, since - off, picked))
        return tuple(replace(garbled_fill(fill, _fault(picked)), at=fill.at + off) for fill in rows)


def _fault(picked: Scripted | None) -> Fault | None:
    return None if picked is None else picked.fault


def _stopped(picked: Scripted) -> Exception | None:
    """What keeps a request from the venue."""
    match picked.fault:
        case Fault.TIMEOUT_BEFORE:
            return TimeoutError("no answer; the request never arrived")
        case Fault.RATE_LIMITED:
            return VenueTrouble(429, "too many requests")
        case Fault.RATE_LIMITED_UNTIL:
            return VenueTrouble(429, "too many requests", retry_after=picked.lasts)
        case _:
            return None


def _lost(fault: Fault) -> Exception | None:
    """What stands in the place of an answer."""
    match fault:
        case Fault.TIMEOUT_AFTER | Fault.LOST_AND_HIDDEN:
            return TimeoutError("no answer; the request had arrived")
        case Fault.BAD_GATEWAY:
            return VenueTrouble(502, "bad gateway")
        case Fault.UNAVAILABLE:
            return VenueTrouble(503, "service unavailable")
        case Fault.GATEWAY_TIMEOUT:
            return VenueTrouble(504, "gateway timeout")
        case Fault.ERROR_IN_200:
            return VenueTrouble(200, "code 50001: internal error")
        case _:
            return None

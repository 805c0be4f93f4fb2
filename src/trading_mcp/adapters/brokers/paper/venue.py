"""The Broker port over the matching engine: every price comes from a feed, every balance from its own file.

It has no route anywhere: it imports nothing that could open a connection. What it accepted is in its file before
it answers, so a desk that dies finds at its next start what it would find at a real venue.
"""

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from decimal import Decimal
from operator import itemgetter
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from trading_mcp.adapters.brokers.paper import schema
from trading_mcp.adapters.brokers.paper.account import Account, hold_of
from trading_mcp.adapters.brokers.paper.admission import Seen, objection, wash_trade
from trading_mcp.adapters.brokers.paper.records import Kept, Looked, Records
from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.instruments import Instrument
from trading_mcp.core.domain.market import MINUTE, Candle, Depth, FeedHealth, Session, market_of
from trading_mcp.core.domain.money import ONE, ZERO, exactly, is_amount, plain
from trading_mcp.core.domain.orders import Fill, Order, OrderState, Side, TimeInForce
from trading_mcp.core.ports import Clock, Duplicate, Feed, NotFound, Refusal, Transfer, VenueBalance, VenueOrder
from trading_mcp.core.simulation.costs import Costs, ordinary
from trading_mcp.core.simulation.listing import VENUE
from trading_mcp.core.simulation.matching import match_all
from trading_mcp.core.simulation.resting import DAY_OVER, Look, Resting, arrive, until
from trading_mcp.core.simulation.sessions import day_ends

_UNREAL: Final = frozenset({Mode.SIMULATED, Mode.PAPER})
CANCELLED: Final = "cancelled as asked"

Terms = Callable[[Instrument], Costs]


class PaperVenue:
    """A venue on this machine; a submission that raises Refusal or Duplicate changed nothing."""

    def __init__(
        self,
        path: Path,
        feed: Feed,
        clock: Clock,
        *,
        terms: Terms = ordinary,
        source: str | None = None,
        both_sides: bool = True,
        can_fence: bool = True,
    ) -> None:
        """Open the venue at `path`.

        `source` is the venue whose prices it takes, its own name unless given; without `both_sides` it refuses an
        order while another works on the other side of the pair, as venues do that call it a wash trade; without
        `can_fence` it cancels by its own ids alone, and of an id it never heard it can say nothing.
        """
        connection, identity = schema.open_venue(path)
        self.venue = identity.name
        self.mode = identity.mode
        self.account = identity.account
        self._records = Records(connection)
        self._feed = feed
        self._clock = clock
        self._terms = terms
        self._both_sides = both_sides
        self.can_fence = can_fence
        self._source = source or identity.name
        self._account: Account | None = None
        self._looked_at = 0
        self._books: dict[str, int] = {}
        self._after_close: set[str] = set()

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        cash: Mapping[str, Decimal],
        at: int,
        mode: Mode = Mode.SIMULATED,
        venue: str = VENUE,
        account: str = "",
    ) -> None:
        """Make the venue's file, once, with the money it begins with."""
        if mode not in _UNREAL:
            raise ValueError(f"the paper venue is for homes without real money, not for {mode}")
        if not all(is_amount(amount) for amount in cash.values()):
            raise ValueError("the cash a venue begins with is positive amounts")
        schema.create(path, schema.Identity(name=venue, account=account, mode=mode), cash, at)

    async def submit(self, order: Order) -> str:
        """Take one order and match it at once against the book of now."""
        await self.advance()
        now = self._clock.now()
        with self._turn() as account:
            if self._records.order(order.id) is not None:
                raise Duplicate(f"an order with the id {order.id} exists")
            seen = self._seen(order, now)
            reason = objection(order, seen)
            if reason is None and not self._both_sides:
                reason = wash_trade(order, account.of(order.pair))
            if reason is not None:
                raise Refusal(reason)
            look = self._look(seen.instrument, now)
            resting = _arriving(order, look, seen)
            asset, hold = hold_of(resting, look)
            if account.free(asset) < hold:
                raise Refusal(f"{plain(hold)} {asset} needed, {plain(account.free(asset))} free")
            kept = Kept(at=now, resting=resting, state=OrderState.LIVE, hold_asset=asset, hold=hold)
            account.open[order.id] = kept = self._records.add(kept)
            if seen.depth is not None and seen.is_open:
                self._match_book(account, [resting], seen.depth, look)
        return kept.venue_order_id

    async def cancel(self, order_id: str) -> None:
        await self.advance()
        with self._turn() as account:
            if order_id not in account.open:
                if not self.can_fence and self._records.order(order_id) is None:
                    raise LookupError("there is no order to name to the venue")
                raise NotFound(f"no open order has the id {order_id}")
            account.end(order_id, OrderState.CANCELLED, CANCELLED)

    async def order(self, order_id: str) -> VenueOrder:
        await self.advance()
        kept = self._records.order(order_id)
        if kept is None:
            raise NotFound(f"no order has the id {order_id}")
        return kept.told()

    async def open_orders(self) -> tuple[VenueOrder, ...]:
        await self.advance()
        with self._turn() as account:
            return tuple(kept.told() for kept in account.open.values())

    async def fills(self, since: int) -> tuple[Fill, ...]:
        await self.advance()
        return self._records.fills(since)

    async def balances(self) -> tuple[VenueBalance, ...]:
        """What was ever held, assets that are gone included: zero is known."""
        await self.advance()
        with self._turn() as account:
            return tuple(
                VenueBalance(asset=asset, total=total, free=account.free(asset))
                for asset, total in sorted(account.totals.items())
            )

    async def transfers(self, since: int) -> tuple[Transfer, ...]:
        """What was paid in and out; the money the venue began with is no transfer."""
        return self._records.transfers(since)

    async def instruments(self) -> tuple[Instrument, ...]:
        return tuple(
            replace(item, venue=self.venue, both_sides=self._both_sides)
            for item in self._feed.instruments()
            if item.venue == self._source
        )

    async def close(self) -> None:
        self._records.close()

    async def deposit(self, asset: str, amount: Decimal) -> str:
        """Pay simulated money in; returns the transfer's id."""
        return self._transfer(asset, amount, ONE)

    async def withdraw(self, asset: str, amount: Decimal) -> str:
        """Take simulated money out, no more than is free; returns the transfer's id."""
        await self.advance()
        return self._transfer(asset, amount, -ONE)

    async def advance(self) -> None:
        """Match what rests against all that the feed has shown since the last look."""
        now = self._clock.now()
        if self._account is not None and not self._account.open:
            # Nothing rests, so nothing can have been met; there is no reason to begin a transaction.
            self._looked_at = max(now, self._looked_at)
            return
        with self._turn() as account:
            if account.open:
                self._bind_days(account)
                self._play_bars(account, now)
                for order_id, kept in tuple(account.open.items()):
                    if kept.resting.expires_at is not None and kept.resting.expires_at <= now:
                        account.end(order_id, OrderState.LAPSED, DAY_OVER)
                for pair in account.pairs:
                    self._look_now(account, pair, now)
        self._looked_at = max(now, self._looked_at)

    @contextmanager
    def _turn(self) -> Generator[Account]:
        """One transaction; the account is read from the file again whenever one went wrong."""
        with exactly():
            try:
                with self._records.transaction():
                    self._account = self._account or Account(self._records)
                    yield self._account
            except (Duplicate, NotFound, Refusal):
                raise  # nothing was changed before these
            except BaseException:
                self._account = None
                self._books.clear()
                self._after_close.clear()
                raise

    def _transfer(self, asset: str, amount: Decimal, sign: Decimal) -> str:
        with self._turn() as account:
            if not is_amount(amount):
                raise Refusal(f"{amount} is not an amount")
            if account.free(asset) + sign * amount < ZERO:
                raise Refusal(f"{plain(amount)} {asset} asked for, {plain(account.free(asset))} free")
            account.move({asset: sign * amount})
            return self._records.add_transfer(asset, sign * amount, self._clock.now())

    def _instrument(self, pair: str) -> Instrument | None:
        found = (item for item in self._feed.instruments() if item.pair == pair and item.venue == self._source)
        return next(found, None)

    def _seen(self, order: Order, now: int) -> Seen:
        """What is known of the pair of an order that arrives; an order for somebody else is refused."""
        instrument = self._instrument(order.pair)
        if order.venue != self.venue or instrument is None:
            raise Refusal(f"{self.venue} offers no {order.pair} to an order for {order.venue}")
        return Seen(
            instrument=instrument,
            session=self._session(order.pair),
            depth=self._depth(order.pair),
            now=now,
        )

    def _session(self, pair: str) -> Session | None:
        return self._feed.session(market_of(pair))

    def _depth(self, pair: str) -> Depth | None:
        """The book of now; a feed that is down shows nothing that anybody could trade at."""
        return None if self._feed.health() is FeedHealth.DOWN else self._feed.depth(self._source, pair)

    def _look(self, instrument: Instrument, at: int) -> Look:
        return Look(instrument=instrument, costs=self._terms(instrument), at=at)

    def _bind_days(self, account: Account) -> None:
        """An order of the day that waited for the open ends with the session that has begun."""
        for order_id, kept in tuple(account.open.items()):
            resting = kept.resting
            if resting.order.time_in_force is TimeInForce.DAY:
                session = self._session(resting.order.pair)
                closes_at = session.closes_at if session is not None and session.is_open else None
                bound = until(resting, closes_at)
                if bound != resting:
                    account.open[order_id] = replace(kept, resting=bound)
                    self._records.update(account.open[order_id], is_open=True)

    def _play_bars(self, account: Account, now: int) -> None:
        """Match every minute that has ended since the last look, in the order of time across pairs."""
        bars: list[tuple[int, str, Candle]] = []
        for pair in account.pairs:
            bars += [(bar.start, pair, bar) for bar in self._bars(account, pair, now)]
        instruments = {pair: self._instrument(pair) for pair in account.pairs}
        last: dict[str, int] = {}
        for start, pair, bar in sorted(bars, key=itemgetter(0, 1)):
            last[pair] = start
            instrument = instruments[pair]
            # An order that lapses within a minute is not known to have lived through what happened in it.
            mine = [each for each in account.of(pair) if each.expires_at is None or start + MINUTE <= each.expires_at]
            if instrument is not None and mine:
                # Dated no earlier than what was told already, so that nobody who asks "since then" misses it.
                look = self._look(instrument, max(start + MINUTE, self._looked_at))
                self._match(account, mine, bar, look, {Side.BUY: ZERO, Side.SELL: ZERO})
        for pair, start in last.items():
            self._records.set_looked(pair, replace(self._records.looked(pair), bar=start))

    def _bars(self, account: Account, pair: str, now: int) -> Iterable[Candle]:
        """The ended minutes that an open order of the pair has not seen; a closed market is asked once."""
        session = self._session(pair)
        if session is not None and session.is_open:
            self._after_close.discard(pair)
        elif pair in self._after_close:
            return ()
        first = max(self._records.looked(pair).bar + MINUTE, min(each.since for each in account.of(pair)))
        count = (now - first) // MINUTE
        if count < 1 or self._feed.health() is FeedHealth.DOWN:
            return ()
        if session is not None and not session.is_open:
            self._after_close.add(pair)
        return (bar for bar in self._feed.candles(pair, "1m", count) if first <= bar.start <= now - MINUTE)

    def _look_now(self, account: Account, pair: str, now: int) -> None:
        """Match what rests against the book of now, while the market is open."""
        session, depth, instrument = self._session(pair), self._depth(pair), self._instrument(pair)
        if session is None or not session.is_open or depth is None or instrument is None:
            return
        # Whoever arrived since was matched against this very book on arrival.
        if self._books.get(pair) != depth.at:
            self._match_book(account, account.of(pair), depth, self._look(instrument, now))
            self._books[pair] = depth.at

    def _match_book(self, account: Account, orders: list[Resting], depth: Depth, look: Look) -> None:
        """Match against one book; what we took of it before, for whichever order, is gone."""
        pair = look.instrument.pair
        looked = self._records.looked(pair)
        gone = looked.gone(depth.at)
        taken = self._match(account, orders, depth, look, gone)
        if any(taken.values()):
            bought, sold = gone[Side.BUY] + taken[Side.BUY], gone[Side.SELL] + taken[Side.SELL]
            self._records.set_looked(pair, Looked(bar=looked.bar, book_at=depth.at, bought=bought, sold=sold))

    def _match(
        self, account: Account, orders: list[Resting], view: Candle | Depth, look: Look, gone: Mapping[Side, Decimal]
    ) -> dict[Side, Decimal]:
        """Match and book; returns the quantity taken on each side."""
        # A venue knows one holding, not whose it is: each book may reduce all of it.
        base = account.total(look.instrument.base)
        held = {resting.order.book: base for resting in orders}
        taken = {Side.BUY: ZERO, Side.SELL: ZERO}
        for matched in match_all(orders, view, held, look, gone):
            for fill in account.settle(matched, look).fills:
                taken[fill.side] += fill.quantity
        return taken


def _arriving(order: Order, look: Look, seen: Seen) -> Resting:
    """An order as it enters the market; one of the day ends with it even if it says a later moment."""
    resting = arrive(order, look, price=seen.best(order.side) or ZERO)
    return until(resting, day_ends(seen.session)) if order.time_in_force is TimeInForce.DAY else resting

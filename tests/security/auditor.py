"""Somebody who believes only the journal: every limit is worked out again from what was recorded, as it happens."""

from __future__ import annotations

from collections import defaultdict, deque
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, cast

from tests.desk.world import World
from trading_mcp.adapters.journal.chain import hash_of
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.latches import ACCOUNT, TradingState
from trading_mcp.core.domain.orders import Fill, Order, Side
from trading_mcp.core.domain.policy import Policy
from trading_mcp.core.domain.verdict import Outcome
from trading_mcp.desk.opening import replayed

ZERO: Final = Decimal(0)
# The desk values by what it saw a moment ago, stablecoins at market; a percent is the difference between us.
SLACK: Final = Decimal("1.01")
# Limits are in dollars and orders in tethers, which stand at market.
TETHER: Final = Decimal("1.005")
_ENDS: Final = (e.OrderRejected, e.OrderCancelled, e.OrderLapsed, e.ClearanceVoided)


class Auditor:
    """Reads each entry once; `problems` is what should never have been possible."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.problems: list[str] = []
        self.signed: set[str] = set()
        self.cleared: dict[str, Order] = {}
        self.denied = self.asked = self.seq = 0
        self._policy: Policy | None = None
        self._cash: dict[str, Decimal] = defaultdict(Decimal)
        self._held: dict[str, Decimal] = defaultdict(Decimal)
        self._open: dict[str, Order] = {}
        self._filled: dict[str, Decimal] = defaultdict(Decimal)
        self._counted: deque[int] = deque(maxlen=5_000)
        self._of_day: dict[str, int] = defaultdict(int)
        self._turned: dict[str, Decimal] = defaultdict(Decimal)
        self._last: dict[str, int] = {}
        self._unattended = 0
        self._unattended_day = ""
        self._halted = False
        self._allowed: set[str] = set()
        self._intents: dict[str, str] = {}

    def look(self) -> None:
        """Read what is new."""
        before = self.world.journal.head().seq
        for entry in self.world.journal.entries(self.seq):
            self._read(entry.event)
        self.seq = before

    def require(self) -> None:
        self.look()
        assert not self.problems, self.problems[:3]

    def require_whole(self) -> None:
        """The chain holds, the book is the journal's fold, and no venue heard of what was not cleared."""
        self.require()
        previous = bytes(32)
        for row in self.world.journal._rows:  # pyright: ignore[reportPrivateUsage]
            assert row.prev == previous
            assert row.hash == hash_of(row.seq, row.at, row.kind, row.body, row.prev)
            previous = row.hash
        assert replayed(self.world.journal) == self.world.desk.book
        assert self.world.venue.asked.keys() <= self.cleared.keys()
        assert max(self.world.venue.asked.values(), default=1) == 1
        for asset, amount in self._cash.items():
            assert amount >= 0, f"{asset} was spent twice"

    def wrong(self, text: str) -> None:
        self.problems.append(text)

    def _read(self, event: e.AnyEvent) -> None:  # noqa: C901, PLR0912 - one case for each kind of entry
        match event:
            case e.DeskCreated():
                self._policy = event.policy
                self._cash.update({key.split("/")[1]: cash for key, cash in event.home.cash.items()})
            case e.PolicyChanged():
                if event.proposal_id not in self.signed:
                    self._require_tighter(event.policy)
                self._policy = event.policy
            case e.ProposalApproved():
                if event.proposal_id not in self.signed:
                    self.wrong(f"{event.proposal_id} was approved by nobody")
                self._unattended = 0  # a signature is a sign of a person
            case e.Attended():
                self._unattended = 0
            case e.Latched() if event.latch.scope == ACCOUNT:
                self._halted |= event.latch.state >= TradingState.REDUCING
                if event.latch.code.value in ("DESK_FAILED", "SENDS_EXCEED_CLEARED", "JOURNAL_UNSOUND"):
                    self.wrong(f"the desk failed: {event.latch.reason}")
            case e.Released() if event.scope == ACCOUNT:
                self._halted = False
            case e.IntentJudged():
                self.denied += event.verdict.outcome is Outcome.DENY
                self.asked += event.verdict.outcome is Outcome.ASK
                if event.verdict.outcome is Outcome.ALLOW:
                    self._allowed.add(event.intent.id)
            case e.OrderCleared():
                self._order(event)
            case e.FillRecorded():
                self._fill(event.fill)
            case _:
                if isinstance(event, _ENDS):
                    self._open.pop(event.order_id, None)

    def _order(self, event: e.OrderCleared) -> None:
        order = event.order
        self.cleared[order.id] = order
        if order.reduces:
            self._require_smaller(order)
        else:
            if order.intent_id not in self._allowed:
                self.wrong(f"{order.id} was cleared without leave")
            self._require_within(order, event)
            if self._intents.setdefault(order.intent_id, order.id) != order.id:
                self.wrong(f"{order.intent_id} was cleared twice")
        self._open[order.id] = order

    def _require_smaller(self, order: Order) -> None:
        selling = sum(
            (each.quantity - self._filled[each.id] for each in self._open.values() if _same(each, order)), start=ZERO
        )
        if order.side is not Side.SELL or order.quantity + selling > self._held[order.pair]:
            self.wrong(f"{order.id} reduces by more than is held")

    def _require_within(self, order: Order, event: e.OrderCleared) -> None:
        policy, now = self._policy, order.cleared_at
        assert policy is not None
        account, limits, base = policy.account, policy.crypto, order.pair.split("-")[0]
        if "-" not in order.pair:
            limits = policy.stocks
        worth = order.quantity * order.price_worst
        equity = sum(self._cash.values(), start=ZERO)
        equity += sum((held * self.world.price(pair) for pair, held in self._held.items() if held), start=ZERO)
        day = datetime.fromtimestamp(now // 1_000_000, UTC).date().isoformat()
        self._counted.append(now)
        self._of_day[day] += 1
        self._turned[day] += worth
        if self._unattended_day != day:
            self._unattended_day, self._unattended = day, 0
        self._unattended += 1
        gross = {pair: held * self.world.price(pair) for pair, held in self._held.items() if held}
        for each in (*self._open.values(), order):
            if not each.reduces:
                rest = (each.quantity - self._filled[each.id]) * each.price_worst
                gross[each.pair] = gross.get(each.pair, ZERO) + rest
        of_asset = sum((value for pair, value in gross.items() if pair.split("-")[0] == base), start=ZERO)
        recent = sum(at > now - account.rate_window for at in self._counted)
        entries = 1 + sum(not each.reduces for each in self._open.values())
        within: tuple[tuple[str, Any, Any], ...] = (
            ("the order's worth", worth, limits.order_notional_max * TETHER),
            ("what needs no signature", worth, limits.ask_above * TETHER),
            ("the order's share", worth, limits.order_share_max * equity * SLACK),
            ("the order's quantity", order.quantity, limits.order_quantity_max.get(base, ZERO)),
            ("the asset's share", of_asset, limits.position_share_max * equity * SLACK),
            ("everything", sum(gross.values(), start=ZERO), account.exposure_gross_max * equity * SLACK),
            ("orders of a while", recent, account.rate_orders_max),
            ("orders of a day", self._of_day[day], account.orders_day_manual_max),
            ("turnover of a day", self._turned[day], account.turnover_day_max * equity * SLACK),
            ("orders at once", entries, account.orders_open_max),
            ("orders with nobody there", self._unattended, account.unattended_actor_max),
            ("rest of a pair", account.pair_cooldown, now - self._last.get(order.pair, 0)),
            ("a latch", int(self._halted), 0),
        )
        self._last[order.pair] = now
        self.problems += [
            f"{what}: {actual} > {limit} at {order.id}" for what, actual, limit in within if not actual <= limit
        ]
        if base not in limits.assets_approved or order.pair in limits.pairs_blocked or order.side is not Side.BUY:
            self.wrong(f"{order.pair} may not be entered")
        if event.counted_at is None:
            self.wrong(f"{order.id} was not counted")

    def _require_tighter(self, policy: Policy) -> None:
        """What is called a maximum went down or stayed, and lists of what may be done lost members or stayed."""
        before: Policy | None = self._policy
        assert before is not None
        for part in ("account", "crypto", "stocks"):
            was, now = getattr(before, part), getattr(policy, part)
            for name in was.__struct_fields__:
                old: Any = getattr(was, name)
                new: Any = getattr(now, name)
                is_bound = name.endswith("_max") or name in ("ask_above", "collar", "drift_price_max")
                if name == "order_quantity_max":
                    bounds = cast("dict[str, Decimal]", new)
                    looser = any(bound > old.get(asset, ZERO) for asset, bound in bounds.items())
                elif is_bound:
                    looser = new > old
                elif name.endswith("_approved"):
                    looser = not new <= old
                elif name == "pairs_blocked":
                    looser = not new >= old
                elif name in ("pair_cooldown", "duplicate_window", "rate_window", "confidence_min"):
                    looser = new < old
                else:
                    looser = name in ("short_allowed", "approval_always") and old != new and new is (name[0] == "s")
                if looser:
                    self.wrong(f"{part}.{name} became looser without a signature: {old} to {new}")

    def _fill(self, fill: Fill) -> None:
        sign = 1 if fill.side is Side.BUY else -1
        self._held[fill.pair] += sign * fill.quantity
        quote = fill.pair.split("-")[1] if "-" in fill.pair else "USD"
        self._cash[quote] -= sign * fill.quantity * fill.price
        self._cash[fill.fee_asset] -= fill.fee
        if self._held[fill.pair] < 0:
            self.wrong(f"{fill.pair} is short")
        order_id = fill.order_id or ""
        if order_id not in self.cleared:
            self.wrong(f"{fill.trade_id} fills what was never cleared")
            return
        self._filled[order_id] += fill.quantity
        if self._filled[order_id] > self.cleared[order_id].quantity:
            self.wrong(f"{order_id} filled more than it was")
        if self._filled[order_id] == self.cleared[order_id].quantity:
            self._open.pop(order_id, None)


def _same(one: Order, other: Order) -> bool:
    return one.reduces and one.pair == other.pair

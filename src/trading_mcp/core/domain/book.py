"""The desk's whole state as one frozen value: every part of it is a fold of the journal."""

from typing import Final

import msgspec

from trading_mcp.core.domain.closing import Closing
from trading_mcp.core.domain.home import Home, Token
from trading_mcp.core.domain.latches import Latch, TradingState, state_of
from trading_mcp.core.domain.mandates import Algorithm, Mandate
from trading_mcp.core.domain.market import Market
from trading_mcp.core.domain.measures import Measure
from trading_mcp.core.domain.orders import ForeignOrder, Intent, Working
from trading_mcp.core.domain.policy import Policy
from trading_mcp.core.domain.portfolio import Portfolio
from trading_mcp.core.domain.proposals import Proposal, ProposalEnd
from trading_mcp.core.domain.protection import Protection
from trading_mcp.core.domain.recall import recall
from trading_mcp.core.domain.tallies import Tally
from trading_mcp.core.domain.verdict import Code, Verdict

FOLD_VERSION: Final = 3


def transfer_key(venue: str, transfer_id: str) -> str:
    """Return the name under which a transfer is remembered beside the trades."""
    return f"{venue}/transfer/{transfer_id}"


def activity_key(venue: str, activity_id: str) -> str:
    """Return the name under which an adjustment is remembered beside the trades."""
    return f"{venue}/activity/{activity_id}"


class IntentRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an intent, kept so that the same id never trades twice."""

    intent: Intent
    verdict: Verdict
    at: int
    order_ids: tuple[str, ...] = ()
    proposal_id: str = ""
    ended: ProposalEnd | None = None


class PendingChange(msgspec.Struct, frozen=True, kw_only=True):
    """A signed loosening that waits out its delay by both clocks; anyone may still withdraw it."""

    proposal: Proposal
    effective_at: int
    effective_uptime: int = 0


class Stranger(msgspec.Struct, frozen=True, kw_only=True):
    """A key that took the approver's place without the old one's word; until a day has passed it signs nothing."""

    fingerprint: str
    public_key: str
    shipped: Policy
    since: int
    since_uptime: int = 0


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the gate knows about itself; small parts are replaced, what grows is kept in day buckets."""

    home: Home
    policy: Policy
    portfolio: Portfolio
    at: int = 0
    created_at: int = 0
    uptime: int = 0
    working: dict[str, Working] = {}
    closed: dict[int, dict[str, Working]] = {}
    intents: dict[int, dict[str, IntentRecord]] = {}
    trades: dict[int, dict[str, str]] = {}
    nonces: dict[int, dict[str, str]] = {}
    proposals: dict[str, Proposal] = {}
    changes: dict[str, PendingChange] = {}
    latches: dict[str, Latch] = {}
    measures: dict[str, Measure] = {}
    breached: dict[str, tuple[Code, ...]] = {}
    marked_at: int = 0
    tallies: dict[str, Tally] = {}
    unattended: dict[str, int] = {}
    unattended_day: str = ""
    algorithms: dict[str, Algorithm] = {}
    protections: dict[str, Protection] = {}
    closings: dict[str, Closing] = {}
    legible: frozenset[str] = frozenset()
    reconciled: frozenset[str] = frozenset()
    rechecked: frozenset[str] = frozenset()
    suspended_at: int | None = None
    suspensions: tuple[int, ...] = ()
    local_fill_at: dict[str, int] = {}
    live_accounts: frozenset[str] = frozenset()
    approver: str = ""
    stranger: Stranger | None = None
    tokens: dict[str, Token] = {}
    foreign: dict[str, tuple[ForeignOrder, ...]] = {}
    triggers: dict[Code, int] = {}

    def order(self, order_id: str) -> Working | None:
        """Return an order in flight, or one that ended within the last week."""
        return self.working.get(order_id) or recall(self.closed, order_id)

    def intent(self, intent_id: str) -> IntentRecord | None:
        """Return what became of an intent."""
        return recall(self.intents, intent_id)

    def has_trade(self, venue: str, trade_id: str) -> bool:
        """Say whether a fill has been folded already."""
        return recall(self.trades, f"{venue}/{trade_id}") is not None

    def has_transfer(self, venue: str, transfer_id: str) -> bool:
        """Say whether a transfer of cash has been folded already; a venue may number transfers and trades alike."""
        return recall(self.trades, transfer_key(venue, transfer_id)) is not None

    def has_activity(self, venue: str, activity_id: str) -> bool:
        """Say whether an adjustment has been folded already; one without an id cannot be told from another."""
        return recall(self.trades, activity_key(venue, activity_id)) is not None

    def mandate_of(self, algorithm: str | None) -> Mandate | None:
        """Return the leave an algorithm holds, if it is enabled and has one."""
        found = self.algorithms.get(algorithm) if algorithm is not None else None
        return found.mandate if found is not None and found.enabled else None

    def state(self, market: Market, venue: str | None, algorithm: str | None) -> tuple[TradingState, Latch | None]:
        """Return the trading state an order meets."""
        return state_of(self.latches, market=market, venue=venue, algorithm=algorithm)

    @property
    def account_state(self) -> TradingState:
        """Return the strictest state of the whole account."""
        return max(
            (latch.state for latch in self.latches.values() if latch.scope.key == "account"),
            default=TradingState.ACTIVE,
        )

"""Latches, reconciliation, orders of unknown fate, mode and clock: which orders they stop, and which never."""

from typing import Final

import pytest

from tests.core.guardrails.table import Row, denies, names, passes
from tests.core.guardrails.world import (
    BTC,
    ETH,
    NOW,
    VENUE,
    World,
    algorithm,
    live,
    position,
    quiet,
    resting,
    sell,
)
from trading_mcp.core.domain.book import Stranger
from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.latches import ACCOUNT, Scope, ScopeKind, TradingState
from trading_mcp.core.domain.market import SECOND
from trading_mcp.core.domain.orders import Door, OrderState, Purpose, Side
from trading_mcp.core.domain.verdict import Code

FROZEN, HALTED, REDUCING = TradingState.FROZEN, TradingState.HALTED, TradingState.REDUCING
CODES: Final = {FROZEN: Code.STATE_FROZEN, HALTED: Code.STATE_HALTED, REDUCING: Code.STATE_REDUCING}
CRYPTO: Final = Scope(kind=ScopeKind.MARKET, name="crypto")
STOCKS: Final = Scope(kind=ScopeKind.MARKET, name="stocks")
HERE: Final = Scope(kind=ScopeKind.VENUE, name=VENUE)
THERE: Final = Scope(kind=ScopeKind.VENUE, name="other")
SMA: Final = Scope(kind=ScopeKind.ALGORITHM, name="sma")
RSI: Final = Scope(kind=ScopeKind.ALGORITHM, name="rsi")


def leaving(purpose: Purpose = Purpose.TRADE, door: Door = Door.MCP) -> World:
    return quiet(sell(purpose=purpose, door=door)).holding(position("0.01"))


def latch_rows() -> list[Row]:
    rows: list[Row] = []
    for state in (REDUCING, HALTED, FROZEN):
        code, name = CODES[state], state.name
        rows.append(denies(f"{name} stops an entry", lambda state=state: quiet().latched(state), code))
        rows += [
            denies(f"{name} of {scope.key} stops it", lambda s=state, scope=scope: quiet().latched(s, scope), code)
            for scope in (ACCOUNT, CRYPTO, HERE)
        ]
        rows += [
            passes(f"{name} of {scope.key} does not", lambda s=state, scope=scope: quiet().latched(s, scope))
            for scope in (STOCKS, THERE, SMA)
        ]
        rows.append(
            denies(
                f"{name} of an algorithm stops its entry",
                lambda state=state: quiet().run_by(algorithm()).latched(state, SMA),
                code,
            )
        )
        rows.append(
            passes(
                f"{name} of another algorithm does not",
                lambda state=state: quiet().run_by(algorithm()).latched(state, RSI),
            )
        )
    return rows


def exit_rows() -> list[Row]:
    allowed = {
        (REDUCING, Purpose.TRADE, Door.MCP): True,
        (REDUCING, Purpose.CLOSE, Door.MCP): True,
        (REDUCING, Purpose.PROTECTION, Door.DESK): True,
        (HALTED, Purpose.TRADE, Door.MCP): False,
        (HALTED, Purpose.TRADE, Door.CLI): False,
        (HALTED, Purpose.CLOSE, Door.CLI): True,
        (HALTED, Purpose.CLOSE, Door.WEB): True,
        (HALTED, Purpose.CLOSE, Door.MCP): False,
        (HALTED, Purpose.CLOSE, Door.HTTP): False,
        (HALTED, Purpose.CLOSE, Door.RUNNER): False,
        (HALTED, Purpose.PROTECTION, Door.DESK): True,
        (FROZEN, Purpose.TRADE, Door.CLI): False,
        (FROZEN, Purpose.CLOSE, Door.CLI): False,
        (FROZEN, Purpose.PROTECTION, Door.DESK): False,
    }
    rows: list[Row] = []
    for (state, purpose, door), is_allowed in allowed.items():
        name = f"an exit ({purpose} through {door}) under {state.name}"

        def make(state: TradingState = state, purpose: Purpose = purpose, door: Door = door) -> World:
            return leaving(purpose, door).latched(state)

        rows.append(passes(name, make) if is_allowed else denies(name, make, CODES[state]))
    return rows


def clock_rows() -> tuple[Row, ...]:
    def drift(wall: int, boot: int) -> World:
        return quiet().with_facts(wall_elapsed=wall, boot_elapsed=boot)

    late = 2 * SECOND
    return (
        passes("wall clock 2 s ahead", lambda: drift(late, 0)),
        denies("wall clock 2 s and a tick ahead", lambda: drift(late + 1, 0), Code.CLOCK_UNSOUND),
        passes("both clocks went on together", lambda: drift(60 * SECOND, 60 * SECOND)),
        passes("wall clock 2 s behind", lambda: drift(0, late)),
        denies("wall clock 2 s and a tick behind", lambda: drift(0, late + 1), Code.CLOCK_UNSOUND),
        denies("a minute and a tick unwatched", lambda: drift(60 * SECOND + 1, 60 * SECOND + 1), Code.CLOCK_UNSOUND),
        passes("an exit, unwatched", lambda: leaving().with_facts(wall_elapsed=late**2, boot_elapsed=late**2)),
        denies("now a tick before the last entry", lambda: quiet().with_book(at=NOW + 1), Code.CLOCK_UNSOUND),
        passes("now at the last entry", lambda: quiet().with_book(at=NOW)),
        denies("suspended", lambda: quiet().with_book(suspended_at=NOW), Code.CLOCK_UNSOUND),
        passes("an exit, suspended", lambda: leaving().with_book(suspended_at=NOW)),
        passes("an exit, clock behind", lambda: leaving().with_book(at=NOW + SECOND)),
        passes("an exit, clocks apart", lambda: leaving().with_facts(wall_elapsed=9 * SECOND)),
    )


def stranger_rows() -> tuple[Row, ...]:
    def replaced(there: World) -> World:
        stranger = Stranger(fingerprint="odd", public_key="of odd", shipped=there.policy, since=NOW)
        return there.with_book(stranger=stranger)

    def out() -> World:
        return live(sell(venue="coinbase")).holding(position("0.01", venue="coinbase"))

    code = Code.STATE_REDUCING
    return (
        denies("LIVE, a key that nobody signed for", lambda: replaced(live()), code),
        denies("LIVE, such a key, an ACTIVE latch", lambda: replaced(live().latched(TradingState.ACTIVE)), code),
        passes("LIVE, an exit beside such a key", lambda: replaced(out())),
        passes("such a key where no money is real", lambda: replaced(quiet())),
    )


def legible_rows() -> tuple[Row, ...]:
    def read(there: World, venue: str = VENUE) -> World:
        return there.with_book(reconciled=frozenset(), legible=frozenset({venue}))

    code = Code.STATE_NOT_RECONCILED
    return (
        passes("an exit of what a venue that was read lets go", lambda: read(leaving().balance("BTC", "0.01"))),
        denies("an exit where it was read, of units it says nothing of", lambda: read(leaving()), code),
        denies("an exit where another one was read", lambda: read(leaving().balance("BTC", "1"), "other"), code),
        denies("an entry where it was read", lambda: read(quiet()), code),
    )


ROWS: Final = (
    *latch_rows(),
    *exit_rows(),
    denies(
        "the worst of two latches counts", lambda: quiet().latched(REDUCING).latched(FROZEN, HERE), Code.STATE_FROZEN
    ),
    passes("ACTIVE is no latch", lambda: quiet().latched(TradingState.ACTIVE)),
    denies("not reconciled", lambda: quiet().with_book(reconciled=frozenset()), Code.STATE_NOT_RECONCILED),
    denies(
        "an exit at a venue that is not reconciled",
        lambda: leaving().with_book(reconciled=frozenset({"other"})),
        Code.STATE_NOT_RECONCILED,
    ),
    denies(
        "no venue at all",
        lambda: quiet().with_crypto(venues=()),
        Code.STATE_NOT_RECONCILED,
        Code.MODE_MISMATCH,
        Code.SYMBOL_NOT_APPROVED,
        Code.INSTRUMENT_RULES,
        Code.LIMITS_INFEASIBLE,
        Code.PRICE_UNKNOWN,
        Code.FEED_DOWN,
        Code.ORDER_NOTIONAL_MAX,
        Code.POSITION_CONCENTRATION_MAX,
        Code.EXPOSURE_GROSS_MAX,
        Code.LEVERAGE_MAX,
        Code.BALANCE_INSUFFICIENT,
        Code.TURNOVER_DAY_MAX,
        Code.APPROVAL_REQUIRED,
    ),
    denies(
        "an order of unknown fate on the pair",
        lambda: quiet().working(resting("a", state=OrderState.UNKNOWN)),
        Code.STATE_ORDER_UNKNOWN,
    ),
    passes("one of known fate", lambda: quiet().working(resting("a", state=OrderState.CANCEL_PENDING))),
    passes("one on another pair", lambda: quiet().working(resting("a", pair=ETH, state=OrderState.UNKNOWN))),
    passes(
        "an exit beside an unknown entry",
        lambda: leaving().working(resting("a", Side.BUY, pair=BTC, state=OrderState.UNKNOWN)),
    ),
    denies(
        "a venue of another mode",
        lambda: quiet(mode=Mode.PAPER).with_facts(venue_modes={VENUE: Mode.SIMULATED}),
        Code.MODE_MISMATCH,
    ),
    denies("a venue of unknown mode", lambda: quiet().with_facts(venue_modes={}), Code.MODE_MISMATCH),
    denies(
        "an exit at a venue of another mode",
        lambda: leaving().with_facts(venue_modes={VENUE: Mode.LIVE}),
        Code.MODE_MISMATCH,
    ),
    *(
        passes(f"{mode} agrees with itself", lambda mode=mode: quiet(mode=mode))
        for mode in Mode
        if mode is not Mode.LIVE
    ),
    passes("LIVE, started and signed", live),
    denies("LIVE, not started with --live", lambda: live().with_facts(is_live_enabled=False), Code.MODE_MISMATCH),
    denies("LIVE, never signed", lambda: live().with_book(live_accounts=frozenset()), Code.MODE_MISMATCH),
    denies(
        "LIVE, signed for another venue",
        lambda: live().with_book(live_accounts=frozenset({"cryptocom/main"})),
        Code.MODE_MISMATCH,
    ),
    denies(
        "LIVE, signed for another account",
        lambda: live().with_book(live_accounts=frozenset({"coinbase/other"})),
        Code.MODE_MISMATCH,
    ),
    *clock_rows(),
    *stranger_rows(),
    *legible_rows(),
)


@pytest.mark.parametrize("row", ROWS, ids=names(ROWS))
def test_the_state_of_the_desk_stops_what_it_must_and_nothing_else(row: Row) -> None:
    row.check()

"""Where this product departs from the systems it learned from, a test per line."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import pytest
from msgspec.structs import replace

from tests.architecture.tree import shipped
from tests.core.guardrails.shipped import LIVE
from tests.core.guardrails.world import (
    AAPL,
    BTC,
    ETH,
    NOW,
    VENUE,
    World,
    algorithm,
    buy,
    live,
    position,
    quiet,
    sell,
)
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.events import (
    AnyEvent,
    CashMoved,
    Latched,
    OrderCleared,
    PolicyChanged,
    ProposalOpened,
    Refused,
    Released,
)
from trading_mcp.core.domain.evolve import evolve
from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.latches import ACCOUNT, ScopeKind, TradingState
from trading_mcp.core.domain.market import DAY, HOUR, MINUTE, SECOND, Market
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import Door
from trading_mcp.core.domain.proposals import Proposal, ProposedRelease, Statement
from trading_mcp.core.domain.verdict import Code, Outcome
from trading_mcp.core.guardrails.consenting import STATEMENT_VERSION
from trading_mcp.core.guardrails.decide import decide
from trading_mcp.core.guardrails.direction import DeltaInvalid, delta_of

D: Final = Decimal


def after(world: World, command: c.AnyCommand) -> tuple[World, tuple[AnyEvent, ...]]:
    """The world after one command, and what happened in it."""
    with exactly():
        events = decide(command, world.book, world.facts)
        book = world.book
        for event in events:
            book = evolve(book, event)
    return replace(world, book=book), events


def later(world: World, span: int) -> World:
    """The same facts, confirmed again after a while."""
    facts, now = world.facts, world.facts.now + span
    return world.with_facts(
        now=now,
        prices={asset: replace(price, confirmed_at=now) for asset, price in facts.prices.items()},
        quotes={key: replace(quote, at=now, confirmed_at=now) for key, quote in facts.quotes.items()},
        balances={key: replace(balance, at=now) for key, balance in facts.balances.items()},
    )


def marked_twice(world: World) -> tuple[World, list[Latched]]:
    """Value everything now and ten seconds later: two valuations confirm each other."""
    world, first = after(world, c.Mark())
    world, second = after(later(world, 10 * SECOND), c.Mark())
    return world, [event for event in (*first, *second) if isinstance(event, Latched)]


def of_kind(events: Sequence[AnyEvent], kind: type[AnyEvent]) -> list[AnyEvent]:
    return [event for event in events if isinstance(event, kind)]


@pytest.mark.proves("D1")
@pytest.mark.parametrize(("price", "latched"), [("37501", False), ("37499", True)])
def test_a_falling_position_is_a_loss_before_anybody_sells(price: str, latched: bool) -> None:
    # 0.4 bought at 50,000: beyond 12,500 down a coin more than 5 % of 100,000 is lost, and nothing is realised.
    holding = quiet().holding(position("0.4"))
    _, latches = marked_twice(holding.priced(BTC=price))
    assert [latch.latch.code for latch in latches] == [Code.LOSS_DAY_MAX] * latched


@pytest.mark.proves("D1")
def test_fees_count_into_the_loss_and_money_that_is_moved_does_not() -> None:
    # One dollar below the limit by price alone; a fee of two dollars in cash makes the difference.
    nearly = quiet().holding(position("0.4")).priced(BTC="37502")
    cash = nearly.book.portfolio.cash
    paid = nearly.with_book(
        portfolio=replace(nearly.book.portfolio, cash={**cash, f"{VENUE}/USDT": cash[f"{VENUE}/USDT"] - 2})
    )
    assert marked_twice(nearly)[1] == []
    assert [latch.latch.code for latch in marked_twice(paid)[1]] == [Code.LOSS_DAY_MAX]
    withdrawal = c.ReportCash(venue=VENUE, asset="USDT", amount=D(-20_000), transfer_id="out")
    moved, events = after(quiet(), withdrawal)
    assert of_kind(events, CashMoved)
    assert marked_twice(moved)[1] == []


@pytest.mark.proves("D2")
def test_concentration_adds_up_pairs_and_venues_of_one_asset() -> None:
    here, there = position("0.25", BTC), position("0.25", "BTC-USDC", venue="elsewhere", average=D(50_000))
    both = quiet(buy("0.001")).holding(here).holding(there)
    with exactly():
        assert quiet(buy("0.001")).holding(here).verdict().outcome is Outcome.ALLOW
        assert Code.POSITION_CONCENTRATION_MAX in both.verdict().codes()
        assert replace(both, intent=buy("0.05", ETH)).verdict().outcome is Outcome.ALLOW


@pytest.mark.proves("D3")
def test_no_limit_on_losses_tempo_or_concentration_stops_a_sell_that_reduces() -> None:
    spent = (
        quiet(buy())
        .holding(position("0.8"))
        .latched(TradingState.REDUCING, code=Code.LOSS_DAY_MAX)
        .with_account(
            rate_orders_max=0,
            orders_day_manual_max=0,
            turnover_day_max=D(0),
            unattended_actor_max=0,
            exposure_gross_max=D(0),
            loss_day_max=D("-1"),
            drawdown_rolling_max=D("-1"),
            drawdown_high_water_max=D("-1"),
            loss_rate_max=D("-1"),
        )
    )
    with exactly():
        denied = set(spent.verdict().codes())
        exit_verdict = replace(spent, intent=sell("all")).verdict()
    assert denied >= {
        Code.STATE_REDUCING,
        Code.RATE_GLOBAL,
        Code.ORDERS_DAY_MAX,
        Code.TURNOVER_DAY_MAX,
        Code.UNATTENDED_ORDERS_MAX,
        Code.POSITION_CONCENTRATION_MAX,
        Code.EXPOSURE_GROSS_MAX,
        Code.LOSS_DAY_MAX,
        Code.DRAWDOWN_ROLLING_MAX,
        Code.DRAWDOWN_HIGH_WATER_MAX,
        Code.LOSS_RATE_MAX,
    }
    assert (exit_verdict.outcome, exit_verdict.reduces) == (Outcome.ALLOW, True)


def signed_for(world: World, proposal: Proposal, nonce: str) -> World:
    """The world in which the owner has signed exactly this."""
    home, now = world.book.home, world.facts.now
    statement = Statement(
        version=STATEMENT_VERSION,
        proposal_id=proposal.id,
        kind=str(type(proposal.body).__struct_config__.tag),
        account=home.account,
        venue="",
        mode=home.mode,
        fake_venues=home.fake_venues,
        body_hash=proposal.body_hash,
        policy_hash=world.policy.hash,
        created=now,
        expires=now + MINUTE,
        nonce=nonce,
        home=home.name,
    )
    return world.with_facts(signed=statement)


@pytest.mark.proves("D4")
def test_a_breach_reduces_lets_exits_work_and_ends_with_a_signature_only() -> None:
    world, latches = marked_twice(quiet().holding(position("0.4")).priced(BTC="37000"))
    assert [latch.latch.state for latch in latches] == [TradingState.REDUCING]
    world = world.quoted(BTC, "36990", "37000", at=world.facts.now)
    _, sold = after(world, c.Execute(intent=sell("all", id="out")))
    assert of_kind(sold, OrderCleared)
    _, bought = after(world, c.Execute(intent=buy(id="more")))
    assert not of_kind(bought, OrderCleared)
    # Prices come back, a day passes: the latch does not care.
    recovered, _ = marked_twice(later(world.priced(BTC="50000"), DAY).with_facts(day="2026-07-02"))
    assert recovered.book.account_state is TradingState.REDUCING
    asked, events = after(recovered, c.Release(scope=ACCOUNT, target=TradingState.ACTIVE))
    assert asked.book.account_state is TradingState.REDUCING
    proposal = next(event.proposal for event in events if isinstance(event, ProposalOpened))
    assert isinstance(proposal.body, ProposedRelease)
    unsigned, events = after(asked, c.Approve(proposal_id=proposal.id))
    assert of_kind(events, Refused)
    assert unsigned.book.account_state is TradingState.REDUCING
    ended, events = after(signed_for(asked, proposal, "once"), c.Approve(proposal_id=proposal.id))
    assert of_kind(events, Released)
    assert ended.book.account_state is TradingState.ACTIVE


@pytest.mark.proves("D5")
@pytest.mark.parametrize("mode", list(Mode))
def test_an_order_meets_the_mode_of_its_home_at_the_venue_or_nothing(mode: Mode) -> None:
    other = Mode.PAPER if mode is not Mode.PAPER else Mode.LIVE
    with exactly():
        verdict = quiet(mode=mode).with_facts(venue_modes={VENUE: other}).verdict()
    assert Code.MODE_MISMATCH in verdict.codes()


@pytest.mark.proves("D5")
def test_nothing_reads_a_mode_from_the_environment() -> None:
    reading = re.compile(r"\b(environ|getenv|putenv)\b.*MODE|TRADING_MCP_\w*MODE", re.IGNORECASE)
    assert [source.place for source in shipped() if reading.search(source.text)] == []
    assert [source.place for source in shipped() if source.is_in("core") and "environ" in source.text] == []


@pytest.mark.proves("D6")
def test_tempo_counts_per_algorithm_and_where_money_is_real_for_the_account_too() -> None:
    assert LIVE.account.account_counts
    for home, venue, is_shared in ((quiet(), VENUE, False), (live(), "coinbase", True)):
        world = home.with_account(rate_orders_max=1)
        for name in ("quick", "calm"):
            world = world.run_by(algorithm(name, venues=(venue,)))
        with exactly():
            book, facts = world.book, world.facts
            first = buy("0.001", id="1", book="quick", door=Door.RUNNER, due_at=NOW)
            for event in decide(c.Execute(intent=first), book, facts):
                book = evolve(book, event)
            seen = replace(world, book=book)
            next_one = buy("0.04", ETH, id="2", door=Door.RUNNER, due_at=NOW)
            own = replace(seen, intent=replace(next_one, book="quick")).verdict().codes()
            others = replace(seen, intent=replace(next_one, book="calm")).verdict().codes()
        assert Code.RATE_GLOBAL in own
        assert (Code.RATE_GLOBAL in others) is is_shared


@pytest.mark.proves("D7")
@pytest.mark.parametrize(
    ("key", "tighter", "looser"),
    [
        ("market.crypto.order_notional_max", "400", "600"),
        ("account.loss_day_max", "4%", "6%"),
        ("account.pair_cooldown", "90s", "30s"),
        ("account.approval_always", "true", ""),
        ("market.crypto.pairs_blocked", "BTC-USDT", ""),
        ("market.crypto.assets_approved", "BTC, ETH", "BTC, ETH, SOL, BNB, XRP, ADA, DOGE, AVAX, DOT, MATIC, PEPE"),
    ],
)
@pytest.mark.parametrize("door", [Door.MCP, Door.HTTP, Door.WEB])
def test_whoever_asks_a_limit_is_tightened_at_once_and_loosened_by_proposal(
    key: str, tighter: str, looser: str, door: Door
) -> None:
    for value, at_once in ((tighter, True), (looser, False)):
        if not value:
            continue
        world = quiet()
        delta = delta_of(world.policy, key, value)
        assert not isinstance(delta, DeltaInvalid), delta
        changed, events = after(world, c.ChangePolicy(id="change", deltas=(delta,), door=door))
        assert bool(of_kind(events, PolicyChanged)) is at_once
        assert bool(of_kind(events, ProposalOpened)) is not at_once
        assert (changed.policy.hash != world.policy.hash) is at_once


@pytest.mark.proves("D7")
def test_a_tool_halts_at_once_and_cannot_resume() -> None:
    halted, _ = after(quiet(), c.Halt(door=Door.MCP, reason="a test"))
    assert halted.book.account_state is TradingState.HALTED
    asked, events = after(halted, c.Release(scope=ACCOUNT, target=TradingState.ACTIVE))
    assert [type(event) for event in events] == [ProposalOpened]
    assert asked.book.account_state is TradingState.HALTED


@pytest.mark.proves("S4")
def test_a_stock_is_at_most_a_tenth_of_all() -> None:
    wish = quiet(buy("0.4", AAPL))
    with exactly():
        assert wish.holding(position("49", AAPL)).verdict().outcome is Outcome.ALLOW
        assert wish.holding(position("49.9", AAPL)).verdict().codes() == (Code.POSITION_CONCENTRATION_MAX,)


@pytest.mark.proves("S4")
@pytest.mark.parametrize(("price", "latched"), [("160.1", False), ("159.9", True)])
def test_two_per_cent_lost_in_a_day_stop_stocks_and_nothing_else(price: str, latched: bool) -> None:
    # 50 bought at 200: beyond 40 down a share more than 2 % of 100,000 is lost.
    opened, _ = after(quiet().holding(position("50", AAPL)), c.Mark())
    world, latches = marked_twice(later(opened, HOUR).priced(**{"stock:AAPL": price}))
    assert [(latch.latch.scope.kind, latch.latch.scope.name) for latch in latches] == [
        (ScopeKind.MARKET, Market.STOCKS)
    ] * latched
    with exactly():
        stock = replace(world, intent=buy("1", "TSLA")).verdict().codes()
        crypto = replace(world, intent=buy("0.001")).verdict()
    assert (Code.STATE_REDUCING in stock) is latched
    assert crypto.outcome is Outcome.ALLOW

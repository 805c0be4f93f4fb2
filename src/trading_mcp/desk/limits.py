"""Reads of the policy: what each limit comes to now, how much of it is used, and what a file would change."""

from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.instruments import listed_as, normalise, quote_of
from trading_mcp.core.domain.market import Market, market_of
from trading_mcp.core.domain.money import ZERO, exactly, plain
from trading_mcp.core.domain.orders import MANUAL
from trading_mcp.core.domain.policy import Delta, Policy
from trading_mcp.core.domain.tallies import ACCOUNT_TALLY
from trading_mcp.core.domain.verdict import Code
from trading_mcp.core.guardrails.direction import Change, DeltaInvalid, apply, compare, delta_of, is_tightening
from trading_mcp.core.guardrails.effective import effective
from trading_mcp.core.guardrails.feasibility import infeasible
from trading_mcp.core.guardrails.keys import BY_PATH, KEYS, get
from trading_mcp.core.guardrails.schema import BACKTEST_ONLY, parse_text
from trading_mcp.core.guardrails.spelling import text_of
from trading_mcp.core.guardrails.valuation import value_all
from trading_mcp.desk.answers import ChangeShown, DiffAnswer, EffectShown, LimitShown, PolicyAnswer, UseShown
from trading_mcp.desk.queries import Reader
from trading_mcp.desk.wording import money_text
from trading_mcp.errors import PolicyInvalid, UsageInvalid

CHANGES_MAX: Final = 100
_HUNDRED: Final = Decimal(100)
# Which objection a limit makes, where that is not called as its key is.
_CODES: Final = {
    "order_share_max": Code.ORDER_NOTIONAL_MAX,
    "position_share_max": Code.POSITION_CONCENTRATION_MAX,
    "assets_approved": Code.SYMBOL_NOT_APPROVED,
    "quotes_approved": Code.SYMBOL_NOT_APPROVED,
    "pairs_blocked": Code.SYMBOL_NOT_APPROVED,
    "short_allowed": Code.SHORT_NOT_ALLOWED,
    "duplicate_window": Code.ORDER_DUPLICATE,
    "rate_orders_max": Code.RATE_GLOBAL,
    "orders_day_algorithm_max": Code.ORDERS_DAY_MAX,
    "orders_day_manual_max": Code.ORDERS_DAY_MAX,
    "orders_day_account_max": Code.ORDERS_DAY_MAX,
    "unattended_actor_max": Code.UNATTENDED_ORDERS_MAX,
    "unattended_total_max": Code.UNATTENDED_ORDERS_MAX,
    "approval_always": Code.APPROVAL_REQUIRED,
    "ask_above": Code.APPROVAL_REQUIRED,
    "price_age_max": Code.PRICE_STALE,
    "spread_max": Code.PRICE_IMPLAUSIBLE,
    "price_jump_max": Code.PRICE_IMPLAUSIBLE,
    "collar": Code.PRICE_COLLAR,
    "events_required": Code.EVENT_BLACKOUT,
    "proposals_actor_max": Code.PROPOSALS_OPEN_MAX,
}


def policy(read: Reader, key: str = "") -> PolicyAnswer:
    """Tell the limits in force, those alone that a beginning or a part of their name picks out."""
    book, facts = read.book, read.facts
    with exactly():
        valued = value_all(book, facts, book.policy)
        equity = ZERO if valued.equity is None else valued.equity
        chosen = [each.path for each in KEYS if key in each.path]
        if not chosen:
            made = delta_of(book.policy, key, "")
            reason = made.reason if isinstance(made, DeltaInvalid) else f"{key} is no key."
            raise UsageInvalid(reason, "List them: trading-mcp policy show.")
        counted = {each.limit: each for each in used(book, facts, valued.gross, equity)}
        return PolicyAnswer(
            name=book.policy.name,
            hash=book.policy.hash,
            equity=money_text(valued.equity),
            limits=tuple(_limit(book, path, equity, counted.get(path)) for path in chosen),
            used=tuple(each for path, each in counted.items() if path in chosen),
            triggered={code.value: count for code, count in sorted(book.triggers.items())},
            infeasible=infeasible(book.policy, facts.instruments.values(), equity),
        )


def _limit(book: Book, path: str, equity: Decimal, counted: UseShown | None) -> LimitShown:
    key, now = BY_PATH[path], effective(book.policy, path, equity)
    code = _CODES.get(key.field) or Code.__members__.get(key.field.upper())
    return LimitShown(
        key=path,
        used="" if counted is None else counted.used,
        triggered=0 if code is None else book.triggers.get(code, 0),
        value=text_of(key, get(book.policy, key)),
        effective=now.limit,
        binds=now.binds,
        sentence=now.sentence,
        direction=key.direction.value,
    )


def used(book: Book, facts: Facts, gross: Decimal, equity: Decimal) -> Iterator[UseShown]:
    """Yield how much of each limit that can be counted is used now."""
    now, account, day = facts.now, book.policy.account, facts.day
    yield _count("account.orders_open_max", len(book.working), account.orders_open_max)
    tally = book.tallies.get(MANUAL)
    if tally is not None:
        yield _count("account.orders_day_manual_max", tally.orders_on(day), account.orders_day_manual_max)
    cleared = sum(
        each.cleared_since(now - account.rate_window) for name, each in book.tallies.items() if name != ACCOUNT_TALLY
    )
    yield _count("account.rate_orders_max", cleared, account.rate_orders_max)
    turnover = sum(
        (each.turnover_on(day) for name, each in book.tallies.items() if name != ACCOUNT_TALLY), start=ZERO
    )
    unattended = sum(book.unattended.values()) if book.unattended_day == day else 0
    yield _count("account.unattended_total_max", unattended, account.unattended_total_max)
    yield _count("account.proposals_open_max", len(book.proposals), account.proposals_open_max)
    measure = book.measures.get("account")
    if measure is not None:
        opened = measure.day_open
        yield _share("account.turnover_day_max", turnover, opened, account.turnover_day_max)
        yield _share("account.loss_day_max", max(ZERO, measure.day_loss), opened, account.loss_day_max)
        peak = measure.rolling_peak
        yield _share("account.drawdown_rolling_max", peak - measure.value, peak, account.drawdown_rolling_max)
        high = measure.high_water
        yield _share("account.drawdown_high_water_max", high - measure.value, high, account.drawdown_high_water_max)
        for market in Market:
            lost = book.measures.get(f"market/{market}")
            if lost is not None:
                most = book.policy.limits(market).loss_day_max
                yield _share(f"market.{market}.loss_day_max", max(ZERO, lost.day_loss), opened, most)
    yield _share("account.exposure_gross_max", gross, equity, account.exposure_gross_max)


def share_of(row: UseShown) -> Decimal | None:
    """Return how much of a limit is used as a share of it, where both are known."""
    try:
        part, whole = Decimal(row.used.rstrip("%")), Decimal(row.allowed.rstrip("%"))
    except InvalidOperation:
        return None
    return part / whole if whole > ZERO else None


def _count(limit: str, used: int, allowed: int) -> UseShown:
    return UseShown(limit=limit, used=str(used), allowed=str(allowed))


def _share(limit: str, used: Decimal, of: Decimal, allowed: Decimal) -> UseShown:
    part = f"{used / of * _HUNDRED:.2f}%" if of > ZERO else "not known"
    return UseShown(limit=limit, used=part, allowed=f"{plain(allowed * _HUNDRED)}%")


def difference(policy: Policy, text: str) -> DiffAnswer:
    """Tell what a policy file would change, key by key, and what of it needs a signature."""
    return DiffAnswer(changes=tuple(map(_change, compare(policy, _readable(text)))))


def _readable(text: str) -> Policy:
    wanted = parse_text(text)
    if wanted.name == BACKTEST_ONLY:
        raise PolicyInvalid(
            f"{BACKTEST_ONLY} is for backtests only: it has hardly a limit.",
            "Begin with simulated, paper or live.",
        )
    return wanted


def _change(change: Change) -> ChangeShown:
    return ChangeShown(
        key=change.key, before=change.before, after=change.after, turn=change.turn.value, at_once=change.at_once
    )


def deltas_of(book: Book, changes: dict[str, str], text: str) -> tuple[Delta, ...]:
    """Return the changes that keys with values, or a whole file, ask for."""
    if bool(changes) == bool(text) or len(changes) > CHANGES_MAX:
        raise UsageInvalid("Nothing is changed.", "Name KEY=VALUE, or a file.")
    if text:
        found = tuple(change.delta for change in compare(book.policy, _readable(text)))
        if not found:
            raise UsageInvalid("The file says what is in force already.", "Change a value in it first.")
        return found
    made = [delta_of(book.policy, key, value) for key, value in changes.items()]
    wrong = [each for each in made if isinstance(each, DeltaInvalid)]
    if wrong:
        raise UsageInvalid(wrong[0].reason, "List the limits: trading-mcp policy show.")
    return tuple(each for each in made if isinstance(each, Delta))


def effects(read: Reader, deltas: Sequence[Delta]) -> tuple[EffectShown, ...]:
    """Tell what changes come to at today's equity; those that cannot be made together come to nothing."""
    now = read.book.policy
    with exactly():
        equity = value_all(read.book, read.facts, now).equity or ZERO
        then = apply(now, deltas)
        if not isinstance(then, Policy):
            return ()
        return tuple(_effect(now, then, delta, equity) for delta in deltas)


def _effect(now: Policy, then: Policy, delta: Delta, equity: Decimal) -> EffectShown:
    before, after = effective(now, delta.key, equity), effective(then, delta.key, equity)
    return EffectShown(
        key=delta.key,
        before=delta.before,
        after=delta.after,
        effective_before=before.limit,
        effective_after=after.limit,
        binds=after.binds,
        sentence=after.sentence,
        at_once=is_tightening(delta),
    )


def of_pairs(read: Reader, action: str, names: Sequence[str]) -> tuple[Delta, ...]:
    """Return the changes that remove pairs, which blocks them, or add them: approve what they need, and unblock."""
    policy = read.book.policy
    wanted: dict[str, set[str]] = {}
    amounts: dict[str, dict[str, str]] = {}
    for pair in map(normalise, names):
        table, path = policy.limits(market_of(pair)), f"market.{market_of(pair)}"
        blocked = wanted.setdefault(f"{path}.pairs_blocked", set(table.pairs_blocked))
        if action == "remove":
            blocked.add(pair)
            continue
        blocked.discard(pair)
        wanted.setdefault(f"{path}.assets_approved", set(table.assets_approved)).add(listed_as(pair))
        wanted.setdefault(f"{path}.quotes_approved", set(table.quotes_approved)).add(quote_of(pair))
        amount = _quantity_for(pair, read)
        if listed_as(pair) not in table.order_quantity_max and amount:
            given = {asset: plain(most) for asset, most in table.order_quantity_max.items()}
            amounts.setdefault(f"{path}.order_quantity_max", given)[listed_as(pair)] = amount
    made = [
        delta_of(policy, path, sorted(values)) for path, values in wanted.items() if _differs(policy, path, values)
    ]
    made += [delta_of(policy, path, values) for path, values in amounts.items()]
    if not made:
        raise UsageInvalid("Nothing would change: these pairs are so already.", "List them: trading-mcp pairs.")
    for each in made:
        if isinstance(each, DeltaInvalid):
            raise UsageInvalid(each.reason, "Write a pair as BTC-USDT, or a stock by its symbol.")
    return tuple(each for each in made if isinstance(each, Delta))


def _quantity_for(pair: str, read: Reader) -> str:
    """Return an account's worth of an asset, as the shipped limits have it; nothing where its price is not known."""
    with exactly():
        equity = value_all(read.book, read.facts, read.book.policy).equity
        prices = [quote.bid for key, quote in read.facts.quotes.items() if key.endswith(f"/{pair}")]
        if equity is None or not prices or prices[0] <= ZERO:
            return ""
        return plain(Decimal(f"{equity / prices[0]:.1e}"))


def _differs(policy: Policy, path: str, values: set[str]) -> bool:
    return get(policy, BY_PATH[path]) != frozenset(values)

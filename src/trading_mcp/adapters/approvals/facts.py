"""What a person sees before signing, computed from the book and the facts of now and never from the asker's words."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from trading_mcp.adapters.approvals.policyfacts import Past, policy_facts
from trading_mcp.adapters.approvals.shown import Asked, Row, Shown, fact, row, said
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.instruments import listed_as, quote_of
from trading_mcp.core.domain.latches import TradingState
from trading_mcp.core.domain.money import ONE, ZERO, exactly, greater, plain
from trading_mcp.core.domain.orders import OrderType, Protect, Side
from trading_mcp.core.domain.proposals import (
    Proposal,
    ProposedClose,
    ProposedMandate,
    ProposedOrder,
    ProposedOrderRelease,
    ProposedPolicy,
    ProposedRelease,
)
from trading_mcp.core.domain.verdict import Outcome
from trading_mcp.core.guardrails.case import Case, case_of
from trading_mcp.core.guardrails.consenting import IN_ANY_STATE
from trading_mcp.core.guardrails.finding import UP, shown, span, span_text
from trading_mcp.core.guardrails.gate import judge
from trading_mcp.core.guardrails.releasing import problem_with
from trading_mcp.core.guardrails.valuation import value_all

_TWO: Final = Decimal(2)
_HUNDRED: Final = Decimal(100)
_CENT: Final = Decimal("0.01")
_VERSION_SHOWN: Final = 16


class Screen(NamedTuple):
    """What one kind of proposal has to show."""

    rows: Sequence[Row]
    warnings: Sequence[str] = ()


def facts_of(
    proposal: Proposal, book: Book, facts: Facts, *, past: Past | None = None, record: Sequence[tuple[str, str]] = ()
) -> Shown:
    """Return the screen; `past` is the policy of a day and a week ago, `record` what a strategy has done."""
    body = proposal.body
    with exactly():
        match body:
            case ProposedOrder():
                screen = _order(body, book, facts)
            case ProposedPolicy():
                equity = value_all(book, facts, book.policy).equity
                screen = Screen(*policy_facts(body.deltas, book.policy, equity, past or Past()))
            case ProposedMandate():
                screen = Screen([*_mandate(body, facts), *(row(label, value) for label, value in record)])
            case ProposedRelease():
                screen = Screen([*_release(body, book, facts)])
            case ProposedOrderRelease():
                screen = _order_release(body, book, facts)
            case _:  # a ProposedClose
                screen = _close(body, book, facts)
        ends = proposal.expires_at - facts.now
        rows = (*screen.rows, *_waiting(proposal, book), row("open for", span_text(ends) if ends > 0 else "expired"))
    home = book.home
    return Shown(
        proposal=fact(proposal.id),
        kind=str(type(body).__struct_config__.tag),
        home=fact(
            f"{home.name}, {home.mode}, account {home.account or '-'}{', FAKE VENUES' if home.fake_venues else ''}"
        ),
        rows=rows,
        asked=tuple(
            Asked(code=str(one.code), reason=fact(one.reason), limit=fact(one.limit), actual=fact(one.actual))
            for one in proposal.findings
        ),
        warnings=tuple(fact(warning) for warning in (*screen.warnings, *_state(proposal, book, facts))),
        said=said(str(proposal.door), proposal.client, proposal.reason),
    )


def _state(proposal: Proposal, book: Book, facts: Facts) -> Iterator[str]:
    """Say what stands against a signature whatever it is for."""
    state = book.account_state
    if state >= TradingState.HALTED and not isinstance(proposal.body, IN_ANY_STATE):
        yield f"The desk is {state.name}: a signature would end this proposal."
    if facts.is_halt_file_present:
        yield "The file HALT stands in the home: nothing that adds risk is sent, and no halt is released."


def _waiting(proposal: Proposal, book: Book) -> Iterator[Row]:
    """Say how long a signed loosening still waits."""
    body, delay = proposal.body, book.policy.account.loosening_delay
    is_early = isinstance(body, ProposedRelease) and body.target is not TradingState.ACTIVE
    if not isinstance(body, ProposedOrder | ProposedClose | ProposedOrderRelease):
        yield row("takes effect", f"{span(delay)} after the signature" if delay and not is_early else "at once")


def _order(body: ProposedOrder, book: Book, facts: Facts) -> Screen:
    intent = body.intent
    case = case_of(intent, book, facts, book.policy, body.venue, size=body.quantity)
    verdict = judge(case, signed=True)
    warnings: list[str] = []
    if verdict.outcome is not Outcome.ALLOW:
        denied = [str(one.code) for one in verdict.findings if one.outcome is Outcome.DENY]
        warnings.append(f"The gate would refuse it now even if signed: {', '.join(denied)}.")
    held = book.portfolio.held(intent.book, body.venue, intent.pair)
    if held != body.position:
        warnings.append(f"The position has changed since it was proposed: {shown(body.position)} then.")
    return Screen([*_order_rows(body, case, held), *_risk_rows(body, case)], warnings)


def _order_rows(body: ProposedOrder, case: Case, held: Decimal) -> Iterator[Row]:
    intent, currency = body.intent, quote_of(body.intent.pair)
    yield row("symbol", f"{intent.pair} at {body.venue}")
    yield row("side", f"{intent.side}, for {intent.book}")
    yield row("quantity", shown(body.quantity))
    yield row("order", _form(case, currency))
    yield row("exits", _exits(intent.protect))
    yield row("held now", shown(held))
    quote = case.quote
    middle = None if quote is None else (quote.bid + quote.ask) / _TWO
    yield row("middle price", f"{shown(middle)} {currency}")
    yield row("limit from middle", _distance(case.limit_price, middle))
    moved = None if case.reference is None else abs(case.reference - body.reference)
    if moved is not None and body.reference > ZERO:
        yield row("price moved since", _percent(moved / body.reference))


def _form(case: Case, currency: str) -> str:
    intent, limit = case.intent, shown(case.limit_price)
    parts = [str(intent.type), str(intent.time_in_force)]
    if intent.type is OrderType.MARKET:
        parts = ["market", f"sent with the limit {limit} {currency}"]
    elif case.limit_price is not None:
        parts.append(f"limit {limit} {currency}")
    if case.stop_price is not None:
        parts.append(f"triggered at {shown(case.stop_price)} {currency}")
    return ", ".join(parts)


def _exits(protect: Protect | None) -> str:
    """Name the exits the order brings with it."""
    if protect is None:
        return "none"
    trail = protect.trailing
    parts = [
        f"{name} at {shown(price)}"
        for name, price in (("stop", protect.stop_loss), ("target", protect.take_profit))
        if price is not None
    ]
    if trail is not None:
        parts.append(f"trail {_percent(trail.distance)} behind from {_percent(trail.activate)} on")
    return ", ".join(parts) or "none"


def _distance(price: Decimal | None, middle: Decimal | None) -> str:
    if price is None:
        return "no limit"
    if middle is None or not middle > ZERO:
        return "unknown"
    side = "below" if price < middle else "above"
    return f"{_percent(abs(price - middle) / middle)} {side}"


def _risk_rows(body: ProposedOrder, case: Case) -> Iterator[Row]:
    risk, base = case.risk, case.policy.base_currency
    if risk is None:
        yield row("risk", "none is added: it reduces a position")
        return
    equity = risk.equity
    yield row("notional at worst", f"{shown(risk.notional, UP)} {base}{_of(risk.notional, equity)}")
    yield row("equity", f"{shown(equity)} {base}")
    yield row("worst loss at stop", _worst_loss(body, case))
    yield row("at risk already", f"{shown(risk.exposure, UP)} {base}{_of(risk.exposure, equity)}")
    yield row(
        f"of that {listed_as(body.intent.pair)}",
        f"{shown(risk.exposure_asset, UP)} {base}{_of(risk.exposure_asset, equity)}",
    )
    yield row("orders working", str(risk.orders_open))


def _worst_loss(body: ProposedOrder, case: Case) -> str:
    """Say what is lost if the stop is filled where an exit may at worst be; a gap can always cost more."""
    protect, entry = body.intent.protect, case.price_worst
    stop = None if protect is None else protect.stop_loss
    risk, base = case.risk, case.policy.base_currency
    is_buy = body.intent.side is Side.BUY
    if stop is None:
        return "there is no stop: all of it" if is_buy else "there is no stop: without a bound"
    if entry is None or case.rate is None or risk is None:
        return "unknown"
    slip = case.limits.exit_slippage_max
    apart = entry - stop * (ONE - slip) if is_buy else stop * (ONE + slip) - entry
    multiplier = ONE if case.instrument is None else case.instrument.multiplier
    lost = greater(apart, ZERO) * body.quantity * multiplier * case.rate
    return f"{shown(lost, UP)} {base}{_of(lost, risk.equity)}, stop at {shown(stop)}; a gap can cost more"


def _of(amount: Decimal | None, equity: Decimal | None) -> str:
    """Write an amount as a share of the equity, where both are known."""
    if amount is None or equity is None or not equity > ZERO:
        return ""
    return f", {_percent(amount / equity)} of equity"


def _percent(value: Decimal) -> str:
    """Write a share as people read it; it is rounded up, so that no risk is written as none."""
    return f"{plain((value * _HUNDRED).quantize(_CENT, rounding=UP))} %"


def _mandate(body: ProposedMandate, facts: Facts) -> Iterator[Row]:
    mandate = body.mandate
    yield row("algorithm", mandate.algorithm)
    yield row("version", mandate.version[:_VERSION_SHOWN])
    yield row("pairs", ", ".join(sorted(mandate.pairs)))
    yield row("venues", ", ".join(mandate.venues))
    yield row("capital", shown(mandate.capital))
    yield row("an order at most", shown(mandate.order_notional_max))
    yield row("orders a day", str(mandate.orders_day_max))
    yield row("ends at a loss of", shown(mandate.loss_max))
    ends = mandate.expires_at
    yield row(
        "runs for", "no end" if ends is None else span_text(ends - facts.now) if ends > facts.now else "expired"
    )


def _release(body: ProposedRelease, book: Book, facts: Facts) -> Iterator[Row]:
    yield row("scope", body.scope.key)
    yield row("from then on", body.target.name)
    for latch in book.latches.values():
        if latch.scope == body.scope and latch.state > body.target:
            yield row("ends", f"{latch.state.name} by {latch.code}, {span_text(facts.now - latch.at)} ago")


def _order_release(body: ProposedOrderRelease, book: Book, facts: Facts) -> Screen:
    working = book.order(body.order_id)
    problem = problem_with(working, book)
    if problem or working is None:
        return Screen([row("order", body.order_id)], [f"A signature would end this proposal: {problem}."])
    order = working.order
    warning = (
        f"Look at {order.venue} first. If the order is there after all it may still be filled; that fill would be "
        "counted, but no limit reserves anything for it any more."
    )
    rows = [
        row("order", f"{order.id} at {order.venue}"),
        row("it was to", f"{order.side} {shown(order.quantity)} {order.pair}, for {order.book}"),
        row("known to be filled", shown(working.filled)),
        row("unknown for", span_text(facts.now - working.since)),
        row("reserves until then", f"{shown(working.reserved, UP)} {quote_of(order.pair)}"),
    ]
    return Screen(rows, [warning])


def _close(body: ProposedClose, book: Book, facts: Facts) -> Screen:
    position = book.portfolio.positions.get(body.position)
    if position is None or abs(position.quantity) != body.quantity:
        return Screen(
            [row("position", body.position), row("quantity", shown(body.quantity))],
            ["The position is not what it was: a signature would end this proposal."],
        )
    quote, currency = facts.quotes.get(f"{position.venue}/{position.pair}"), quote_of(position.pair)
    price = None if quote is None else quote.bid if position.quantity > ZERO else quote.ask
    worth = None if price is None else price * body.quantity * position.multiplier
    return Screen(
        [
            row("position", body.position),
            row("side", "sell" if position.quantity > ZERO else "buy"),
            row("quantity", shown(body.quantity)),
            row("bought at", f"{shown(position.average)} {currency}"),
            row("worth now", f"{shown(worth)} {currency}"),
        ]
    )

"""The scenes of the day: each asks the core for something and tells what it answered, whatever that was."""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.events import (
    AnyEvent,
    IntentJudged,
    MandateIssued,
    MandateVoided,
    OrderCancelRequested,
    PolicyChanged,
    ProposalEnded,
    ProposalOpened,
)
from trading_mcp.core.domain.market import HOUR, MINUTE
from trading_mcp.core.domain.money import ZERO, plain
from trading_mcp.core.domain.orders import Door, Protect
from trading_mcp.core.domain.protection import Kept
from trading_mcp.core.domain.verdict import Finding, Outcome
from trading_mcp.core.guardrails.direction import DeltaInvalid, delta_of
from trading_mcp.core.guardrails.effective import order_limit
from trading_mcp.story import average
from trading_mcp.story.day import Day
from trading_mcp.story.diary import Line, Tone
from trading_mcp.story.page import money


def opens(day: Day) -> None:
    """Say what there is, and what may be done with it."""
    book = day.desk.book
    account, crypto, stocks = book.policy.account, book.policy.crypto, book.policy.stocks
    equity = book.measures["account"].value
    day.tell(
        "The desk opens",
        Line(f"{money(equity)} of made-up money: 50,000 dollars and 50,000 tethers"),
        Line(
            f"one order: crypto up to {money(order_limit(crypto, equity))}, stocks up to "
            f"{money(order_limit(stocks, equity))}; above {money(crypto.ask_above)} and "
            f"{money(stocks.ask_above)} a person signs"
        ),
        Line(
            f"one asset: {_share(crypto.position_share_max)} of all in crypto, "
            f"{_share(stocks.position_share_max)} in stocks; nothing borrowed, nothing sold short"
        ),
        Line(
            f"tempo: {account.rate_orders_max} entries in {account.rate_window // MINUTE} minutes, one a minute on a "
            f"pair, {account.orders_day_manual_max} a day by hand, {account.orders_day_algorithm_max} an algorithm"
        ),
        Line(
            f"losses: {_share(account.loss_day_max)} in a day, {_share(account.drawdown_rolling_max)} from the "
            f"week's peak, {_share(account.drawdown_high_water_max)} from the highest; then only exits, "
            "until a person signs"
        ),
    )


def enables(day: Day) -> None:
    """Switch the algorithm on: its mandate is the bound it trades within."""
    happened = day.do(c.SetAlgorithm(algorithm=average.algorithm(), door=Door.CLI))
    lines = [
        Line(
            f"{average.NAME} buys when the average of {average.QUICK} minutes crosses above that of {average.CALM}, "
            f"and sells when below; {len(average.PAIRS)} pairs, a stop 2 % under each entry"
        )
    ]
    lines += [
        Line(
            f"its mandate: {money(event.mandate.capital)} of capital, {money(event.mandate.order_notional_max)} an "
            f"order, {event.mandate.orders_day_max} orders a day, and it ends at a loss of "
            f"{money(event.mandate.loss_max)}",
            Tone.GOOD,
        )
        for event in happened
        if isinstance(event, MandateIssued)
    ]
    day.tell("The owner switches an algorithm on", *lines)


def buys(day: Day) -> None:
    """Let the assistant buy what it may."""
    bid = day.bid("BTC-USDT")
    stop, target = bid * Decimal("0.994"), bid * Decimal("1.006")
    day.ask("chat-1", "BTC-USDT", "200", Protect(stop_loss=stop, take_profit=target))
    day.tell("An assistant buys bitcoin for $200", *_bought(day, "chat-1"))


def wants_too_much(day: Day) -> None:
    """Let the assistant ask for far too much, and for something that is closed."""
    happened = day.ask("chat-2", "ETH-USDT", "4000")
    day.tell("It asks for ether for $4,000", *_answer(happened))


def comes_too_early(day: Day) -> None:
    happened = day.ask("chat-3", "SPY", "1000")
    day.tell("It asks for an index fund before the market opens", *_answer(happened))


def must_ask(day: Day) -> None:
    """Let the assistant ask for what a person has to sign."""
    happened = day.ask("chat-4", "ETH-USDT", "400")
    day.tell("It asks for ether for $400", *_answer(happened))


def declines(day: Day) -> None:
    """Let the owner answer what waits."""
    lines: list[Line] = []
    for proposal_id in sorted(day.desk.book.proposals):
        happened = day.do(c.Decline(proposal_id=proposal_id, reason="not today"))
        lines += [
            Line(f"{event.end}: “{event.reason}”. Nothing was bought, and the same id never can be.", Tone.BAD)
            for event in happened
            if isinstance(event, ProposalEnded)
        ]
    day.tell("The owner answers", *(lines or [Line("nothing waits for an answer")]))


def tightens(day: Day) -> None:
    """Let the assistant make a limit stricter, which anyone may."""
    lines = _changed(day, "tighter", "market.crypto.order_notional_max", "300")
    day.tell("It lowers the largest crypto order from $500 to $300", *lines)


def loosens(day: Day) -> None:
    """Let the assistant ask for a looser limit, which only a person can grant."""
    lines = _changed(day, "looser", "account.loss_day_max", "10%")
    day.tell("It wants to double what a day may lose, to 10 %", *lines)


def buys_stock(day: Day) -> None:
    """Let the assistant try again what was closed in the morning."""
    bid = day.bid("SPY")
    day.ask("chat-5", "SPY", "1000", Protect(stop_loss=bid * Decimal("0.98")))
    day.tell("New York is open: the index fund again", *_bought(day, "chat-5"))


def halts(day: Day) -> None:
    """Let the assistant engage the kill switch, which anyone may."""
    happened = day.do(c.Halt(door=Door.MCP, reason="the assistant has seen enough"))
    book = day.desk.book
    kept = sum(guard.kept is Kept.VENUE for guard in book.protections.values())
    cancelled = sum(isinstance(event, OrderCancelRequested) for event in happened)
    voided = sum(isinstance(event, MandateVoided) for event in happened)
    ended = sum(isinstance(event, ProposalEnded) for event in happened)
    day.tell(
        "It pulls the kill switch",
        Line(f"the desk is {book.account_state.name}: no new risk, until a person signs", Tone.BAD),
        Line(
            f"{_many(cancelled, 'entry order')} cancelled, {_many(voided, 'mandate')} and "
            f"{_many(ended, 'proposal')} void"
        ),
        Line(f"{_many(kept, 'stop')} still at the venue: protection stays, and goes on firing", Tone.GOOD),
    )


def is_refused(day: Day) -> None:
    """Let the assistant try to buy after it."""
    happened = day.ask("chat-6", "SOL-USDT", "100")
    day.tell("It asks for sol for $100", *_answer(happened))


def closes(day: Day) -> None:
    """Let the owner leave everything at the terminal, which the kill switch does not prevent."""
    before = _held(day)
    day.do(c.Close(intent_id="goodnight", door=Door.CLI, reason="the owner goes home"))
    after = _held(day)
    rest = "nothing is held" if not after else f"{_many(after, 'position')} still held"
    day.tell(
        "The owner closes everything at the terminal",
        Line(f"{_many(before - after, 'position')} closed, and each stop taken back first; {rest}", Tone.GOOD),
        Line("The kill switch stops risk, not the person who wants less of it."),
    )


def _held(day: Day) -> int:
    return sum(position.quantity != ZERO for position in day.desk.book.portfolio.positions.values())


def _share(value: Decimal) -> str:
    return f"{plain(value * 100)} %"


def _many(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}" if count else f"no {thing}"


def _changed(day: Day, subject: str, key: str, value: str) -> list[Line]:
    """Ask for a change of one limit and tell what came of it."""
    delta = delta_of(day.desk.book.policy, key, value)
    if isinstance(delta, DeltaInvalid):
        return [Line(delta.reason, Tone.BAD)]
    happened = day.do(c.ChangePolicy(id=subject, deltas=(delta,), door=Door.MCP, client="an assistant"))
    lines: list[Line] = []
    for event in happened:
        if isinstance(event, PolicyChanged):
            key = event.deltas[0].key
            lines.append(Line(f"{key} is tighter at once: less risk needs nobody's leave", Tone.GOOD))
        elif isinstance(event, ProposalOpened):
            days = (event.proposal.expires_at - event.at) // (24 * HOUR)
            lines.append(Line(f"a proposal; it waits {_many(days, 'day')} for the owner's signature", Tone.ASK))
            lines.append(Line(f"until then {delta.key} stays {delta.before}"))
    return lines


def _bought(day: Day, intent_id: str) -> list[Line]:
    """Tell what a buy came to: its fill and what guards it, or why not."""
    record = day.desk.book.intent(intent_id)
    fills = [item.fill for item in day.fills if item.fill.order_id in (record.order_ids if record else ())]
    if record is None or not fills:
        return _findings(record.verdict.findings) if record is not None else [Line("nothing came of it")]
    quantity = sum((fill.quantity for fill in fills), ZERO)
    paid = sum((fill.quantity * fill.price for fill in fills), ZERO)
    fee = sum((fill.fee for fill in fills), ZERO)
    lines = [Line(f"filled: {plain(quantity)} at {paid / quantity:,.2f}, fee {money(fee)}", Tone.GOOD)]
    guard = next((item for item in day.desk.book.protections.values() if item.parent == intent_id), None)
    if guard is not None and guard.stop is not None:
        place = "rests at the venue" if guard.kept is Kept.VENUE else "is watched by the desk"
        words = f"its stop at {guard.stop:,.2f} {place}"
        if guard.target is not None:
            words += f"; the desk watches for {guard.target:,.2f}"
        lines.append(Line(words, Tone.GOOD))
    return lines


def _answer(happened: tuple[AnyEvent, ...]) -> list[Line]:
    """Tell what the gate said to an intent."""
    lines: list[Line] = []
    for event in happened:
        if isinstance(event, IntentJudged):
            lines += _findings(event.verdict.findings) or [Line("allowed", Tone.GOOD)]
        elif isinstance(event, ProposalOpened):
            hours = (event.proposal.expires_at - event.at) // HOUR
            lines.append(Line(f"it waits up to {hours} hours for the owner's signature; nothing was sent"))
    return lines


def _findings(findings: tuple[Finding, ...]) -> list[Line]:
    return [
        Line(
            f"{finding.code}: {finding.reason}. Limit {finding.limit}, this is {finding.actual}. "
            f"Would pass: {finding.would_pass}.",
            Tone.ASK if finding.outcome is Outcome.ASK else Tone.BAD,
        )
        for finding in findings
    ]


def _minute(time: str) -> int:
    hours, minutes = time.split(":")
    return int(hours) * 60 + int(minutes)


SCRIPT: Final[dict[int, Callable[[Day], None]]] = {
    _minute(time): scene
    for time, scene in (
        ("00:00", opens),
        ("00:01", enables),
        ("09:30", buys),
        ("09:32", wants_too_much),
        ("09:34", comes_too_early),
        ("09:36", must_ask),
        ("10:05", declines),
        ("13:00", tightens),
        ("13:05", loosens),
        ("14:45", buys_stock),
        ("20:00", halts),
        ("20:05", is_refused),
        ("20:30", closes),
    )
}

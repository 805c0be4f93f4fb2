"""`status`, `portfolio`, `orders`, `proposals`, `pairs` and `why`: what the desk tells."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from trading_mcp.cli import page
from trading_mcp.cli.client import Reply, ask
from trading_mcp.cli.page import grouped
from trading_mcp.cli.parsing import Parser, parser, place_of
from trading_mcp.desk.answers import (
    FindingShown,
    OrdersAnswer,
    PairsAnswer,
    PortfolioAnswer,
    ProposalsAnswer,
    StatusAnswer,
    WhyAnswer,
)
from trading_mcp.doors.local import requests as r
from trading_mcp.place import typed

# As much of an order's id as people read; `cancel` takes it, too. The whole one is in --json.
SHORT = 8
_ORDERS = """\
  trading-mcp orders
  trading-mcp orders --ended --pair BTC-USDT
  trading-mcp orders release ORDER    let one of unknown fate go; takes a signature"""
_PAIRS = """\
  trading-mcp pairs
  trading-mcp pairs add LTC-USDT        takes a signature
  trading-mcp pairs remove DOGE-USDT    at once"""


def main(name: str, arguments: list[str]) -> int:
    """Ask the desk one question and show the answer."""
    made, request, show = _TABLE[name]
    given = made(name).parse_args(arguments)
    reply = ask(place_of(given), request(given))
    if given.json:
        page.dump(reply)
    else:
        show(reply)
    return reply.exit


def _plain(about: str, examples: str) -> Callable[[str], Parser]:
    return lambda name: parser(name, about, examples)


def _orders(name: str) -> Parser:
    made = parser(name, "Show working orders.", _ORDERS)
    made.add_argument("--pair", default="", help="only this pair")
    made.add_argument("--ended", action="store_true", help="also those that ended within the week")
    made.add_argument("--limit", type=int, default=50, help="at most so many (50, at most 200)")
    return made


def _pairs(name: str) -> Parser:
    made = parser(name, "Show what may be traded: approved and offered.", _PAIRS)
    made.add_argument("--limit", type=int, default=100, help="at most so many (100, at most 200)")
    return made


def _why(name: str) -> Parser:
    made = parser(
        name,
        "Tell why a decision came out as it did, from what was recorded then.",
        "  trading-mcp why 42            the entry 42 of the journal\n  trading-mcp why cli-1a2b3c   an intent's id",
    )
    made.add_argument("subject", metavar="SEQ|INTENT", help="a sequence number, or the id of an intent")
    return made


def status(reply: Reply) -> None:
    told = reply.answer(StatusAnswer)
    page.head(reply, "Status")
    if told.gap:
        page.say(f"! {told.gap}", 2, 4)
    for notice in told.notices:
        ago = page.ago(reply.as_of - notice.at)
        page.say(reply.spelled(f"! {ago} ago: {notice.subject}. {notice.text}"), 2, 4)
    if told.mode == "SIMULATED":
        page.pair("money", "simulated; prices are made up")
    page.pair("equity", f"{grouped(told.equity)} {told.currency}")
    page.pair("running", f"version {told.version}, since {page.moment(told.started_at)} UTC")
    for latch in told.latches:
        page.pair("latch", f"{latch.scope} {latch.state} by {latch.code}, {page.ago(reply.as_of - latch.at)} ago")
        page.say(latch.reason, 16)
    for venue in told.venues:
        compared = "compared with the book" if venue.reconciled else "NOT compared yet"
        page.pair("venue", f"{venue.name}: {venue.mode}, prices {venue.feed}, {compared}")
    unknown = f", {told.orders_unknown} of unknown fate" if told.orders_unknown else ""
    page.pair("orders", f"{told.orders_working} working{unknown}")
    page.pair("positions", str(told.positions))
    page.pair("proposals", f"{told.proposals_open} wait for you" if told.proposals_open else "none")
    for each in told.algorithms:
        page.pair("algorithm", f"{each.name}: {'enabled' if each.enabled else 'disabled'}, capital {each.capital}")
    page.pair("approver", told.approver or f"nobody: {typed('approver enroll')}")
    page.pair("journal", f"entry {told.journal_entries:,}, head {told.journal_head[:16]}")
    for note in told.notes:
        page.pair("note", note)
    print()
    if told.blocked:
        page.say("Blocked now:")
        for line in told.blocked:
            page.say(f"- {line}", 2, 4)
    else:
        page.say("Nothing is blocked.")


def portfolio(reply: Reply) -> None:
    told = reply.answer(PortfolioAnswer)
    page.head(reply, "Portfolio")
    unknown = f"not known: no price of {told.missing_price}" if told.missing_price else ""
    page.pair("equity", unknown or f"{grouped(told.equity)} {told.currency}")
    page.pair("today", f"{grouped(told.day_result)} {told.currency}" if told.day_result else "not measured yet")
    page.pair("exposure", f"{grouped(told.exposure)} {told.currency}, {told.exposure_share or '?'} % of equity")
    print()
    rows = [(each.venue, each.asset, grouped(each.amount), grouped(each.worth)) for each in told.cash]
    page.table(("venue", "cash", "amount", f"worth {told.currency}"), rows, "23")
    print()
    if not told.positions:
        page.say("No positions.")
        return
    rows = [
        (each.pair, each.quantity, grouped(each.average), grouped(each.price), grouped(each.worth), each.unrealised)
        for each in told.positions
    ]
    page.table(("pair", "quantity", "average", "price", "worth", "profit"), rows, "12345")
    for each in told.positions:
        levels = {"stop": each.stop, "target": each.target, "trail": each.trail}
        kept = ", ".join(f"{name} {grouped(level)}" for name, level in levels.items() if level)
        state = "closing" if each.closing else f"kept at the {each.kept}" if kept else ""
        page.say(f"{each.pair} ({each.book}): {kept or 'no stop guards it'}{f', {state}' if state else ''}", 2, 4)
    _left_out(told.left_out)


def orders(reply: Reply) -> None:
    told = reply.answer(OrdersAnswer)
    page.head(reply, "Orders")
    if not told.orders:
        page.say("No orders.")
        return
    rows = [
        (
            each.id[:SHORT],
            f"{each.side} {each.pair}",
            each.purpose if each.purpose != "trade" else each.type,
            f"{each.filled}/{each.quantity}",
            grouped(each.stop_price or each.limit_price),
            each.state,
            page.ago(reply.as_of - each.at),
        )
        for each in told.orders
    ]
    page.table(("order", "what", "kind", "filled", "price", "state", "age"), rows, "34")
    _left_out(told.left_out)


def proposals(reply: Reply) -> None:
    told = reply.answer(ProposalsAnswer)
    page.head(reply, "Proposals")
    if not told.proposals:
        page.say("Nothing waits for you.")
        return
    for each in told.proposals:
        print()
        page.say(f"{each.id}  ({each.kind})", 0, 2)
        page.pair("about", each.about)
        if each.effective_at:
            page.pair("signed", f"takes effect {page.moment(each.effective_at)} UTC, if the desk runs until then")
        else:
            page.pair("open for", page.ago(each.expires_at - reply.as_of))
        findings(reply, each.findings)
        page.pair("asked through", each.door)
        page.say("Not checked by anyone, the words of who asked:", 2)
        page.say(f"{each.client or 'no name'}: {each.reason or 'no reason given'}", 4)
    print()
    page.say(reply.spelled("Read and sign one: trading-mcp approve ID. Say no: trading-mcp decline ID."))
    _left_out(told.left_out)


def pairs(reply: Reply) -> None:
    told = reply.answer(PairsAnswer)
    page.head(reply, "Pairs")
    rows = [
        (
            each.pair,
            each.market,
            grouped(each.bid),
            grouped(each.ask),
            ("may be traded" if each.open else "closed now") if each.active else each.why_not,
        )
        for each in told.pairs
    ]
    page.table(("pair", "market", "bid", "ask", ""), rows, "23")
    _left_out(told.left_out)


def findings(reply: Reply, found: Sequence[FindingShown]) -> None:
    """Show findings: the rule, its words, the limit, the value, and what would pass."""
    for each in found:
        mark = page.inked("?", "ask") if each.outcome == "ASK" else page.inked("✗", "bad")
        print(f"  {mark} {each.code}")
        numbers = [f"Limit {each.limit}" if each.limit else "", f"this is {each.actual}" if each.actual else ""]
        said = ", ".join(part for part in numbers if part)
        page.say(f"{each.reason}. {said}{'.' if said else ''}", 4)
        if each.would_pass:
            page.say(f"Would pass: {reply.spelled(each.would_pass)}.", 4)


def why(reply: Reply) -> None:
    told = reply.answer(WhyAnswer)
    page.head(reply, f"Why {told.seq or told.subject}")
    page.pair("what", told.text)
    page.pair("when", f"{page.moment(told.at)} UTC")
    if told.subject:
        page.pair("intent", told.subject)
    if told.outcome:
        page.pair("verdict", told.outcome)
        page.pair("policy", told.policy[:16])
    if told.status:
        page.pair("became", told.status)
    findings(reply, told.findings)
    if told.outcome == "ALLOW":
        page.say("The owner's signature allowed it." if told.findings else "No rule objected.", 2)


def _left_out(count: int) -> None:
    if count:
        page.say(f"{count} more are not shown.")


Row = tuple[Callable[[str], Parser], Callable[[argparse.Namespace], r.Request], Callable[[Reply], None]]
_TABLE: dict[str, Row] = {
    "status": (
        _plain("Show how the desk stands.", "  trading-mcp status\n  trading-mcp status --json"),
        lambda _: r.Status(),
        status,
    ),
    "portfolio": (_plain("Show what is held.", "  trading-mcp portfolio"), lambda _: r.Portfolio(), portfolio),
    "orders": (_orders, lambda g: r.Orders(pair=g.pair, ended=g.ended, limit=g.limit), orders),
    "proposals": (_plain("Show what waits for you.", "  trading-mcp proposals"), lambda _: r.Proposals(), proposals),
    "pairs": (_pairs, lambda g: r.Pairs(limit=g.limit), pairs),
    "why": (_why, lambda g: r.Why(subject=g.subject), why),
}

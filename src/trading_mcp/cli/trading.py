"""`trade`, `cancel` and `close`: what changes positions and orders."""

from __future__ import annotations

import argparse
import os

from trading_mcp.cli import page
from trading_mcp.cli.client import Reply, ask
from trading_mcp.cli.looking import findings
from trading_mcp.cli.page import grouped
from trading_mcp.cli.parsing import parser, place_of
from trading_mcp.desk.answers import DoneAnswer, TradeAnswer
from trading_mcp.doors.local import requests as r
from trading_mcp.errors import UsageInvalid

_TRADE = """\
  trading-mcp trade buy BTC-USDT --notional 100 --stop-loss PRICE
  trading-mcp trade buy ETH-USDT --quantity 0.05 --type limit --limit PRICE
  trading-mcp trade sell BTC-USDT --quantity all
  trading-mcp trade buy BTC-USDT --notional 100 --preview

Every order is judged; a refusal names the rule, the limit and the value.
--id makes a repetition safe: the same id never trades twice."""
_CANCEL = "  trading-mcp cancel ORDER\n  trading-mcp cancel --pair BTC-USDT\n  trading-mcp cancel --all"
_CLOSE = "  trading-mcp close BTC-USDT\n  trading-mcp close --all"
_MARKS = {"filled": "good", "preview": "good", "working": "good", "recorded": "good", "awaiting_approval": "ask"}


def main(name: str, arguments: list[str]) -> int:
    """Carry out one of the three."""
    given, request = {"trade": _trade, "cancel": _cancel, "close": _close}[name](name, arguments)
    reply = ask(place_of(given), request)
    if given.json:
        page.dump(reply)
    elif name == "trade":
        traded(reply)
    else:
        done(reply)
    return reply.exit


def fresh_id() -> str:
    """Return an id that no other call has."""
    return f"cli-{os.urandom(6).hex()}"


def _trade(name: str, arguments: list[str]) -> tuple[argparse.Namespace, r.Request]:
    made = parser(name, "Submit an order to the gate, or preview it.", _TRADE)
    made.add_argument("side", choices=("buy", "sell"))
    made.add_argument("pair", metavar="PAIR", help="such as BTC-USDT or AAPL")
    made.add_argument("--quantity", default="", help='how much of the asset; a sell may say "all"')
    made.add_argument("--notional", default="", help="for how much money instead")
    made.add_argument("--type", default="market", help="market, limit, stop, stop_limit or trailing_stop")
    made.add_argument("--limit", default="", metavar="PRICE", help="the worst price of a limit order")
    made.add_argument("--stop", default="", metavar="PRICE", help="the trigger of a stop order")
    made.add_argument("--trail", default="", metavar="PERCENT", help="the distance of a trailing stop")
    made.add_argument("--time-in-force", default="gtc", help="gtc, ioc, fok or day")
    made.add_argument("--stop-loss", default="", metavar="PRICE", help="the stop that guards the position")
    made.add_argument("--take-profit", default="", metavar="PRICE", help="where the position is sold with profit")
    made.add_argument("--venue", default="", help="where (default: the policy's route)")
    made.add_argument("--id", default="", help="an id of your own, 1 to 48 characters")
    made.add_argument("--reason", default="", help="why, for the journal")
    made.add_argument("--preview", action="store_true", help="judge it and change nothing")
    given = made.parse_args(arguments)
    return given, r.Trade(
        intent_id=given.id or fresh_id(),
        pair=given.pair,
        side=given.side,
        quantity=given.quantity,
        notional=given.notional,
        type=given.type,
        limit_price=given.limit,
        stop_price=given.stop,
        trail_percent=given.trail,
        time_in_force=given.time_in_force,
        stop_loss=given.stop_loss,
        take_profit=given.take_profit,
        venue=given.venue,
        reason=given.reason,
        preview=given.preview,
    )


def _cancel(name: str, arguments: list[str]) -> tuple[argparse.Namespace, r.Request]:
    made = parser(name, "Take orders back; what guards a position is replaced, not lost.", _CANCEL)
    made.add_argument("order", nargs="?", default="", metavar="ORDER", help="an order's id, from `orders`")
    made.add_argument("--pair", default="", help="every entry order of a pair")
    made.add_argument("--all", action="store_true", help="every entry order")
    made.add_argument("--reason", default="", help="why, for the journal")
    given = made.parse_args(arguments)
    return given, r.CancelOrders(order_id=given.order, pair=given.pair, all=given.all, reason=given.reason)


def _close(name: str, arguments: list[str]) -> tuple[argparse.Namespace, r.Request]:
    made = parser(name, "Close the position in a pair, or all of them; this works while HALTED.", _CLOSE)
    made.add_argument("pair", nargs="?", default="", metavar="PAIR")
    made.add_argument("--all", action="store_true", help="everything the desk holds")
    made.add_argument("--book", default="", help="only of this book, such as manual")
    made.add_argument("--reason", default="", help="why, for the journal")
    given = made.parse_args(arguments)
    if bool(given.pair) == given.all:
        raise UsageInvalid("It is not said what to close.", "Name one PAIR, or --all.")
    return given, r.ClosePositions(
        intent_id=fresh_id(), pair=given.pair, all=given.all, book=given.book, reason=given.reason
    )


def traded(reply: Reply) -> None:
    """Show what became of a trade."""
    told = reply.answer(TradeAnswer)
    page.head(reply, told.status, _MARKS.get(told.status, "bad"))
    if told.filled not in ("", "0"):
        at = f" at {grouped(told.average)}" if told.average else ""
        fee = f", fee {told.fee}" if told.fee else ""
        page.pair("filled", f"{told.filled} of {told.quantity}{at}{fee}")
    elif told.quantity not in ("", "0"):
        page.pair("quantity", told.quantity)
    if told.order_id:
        page.pair("order", told.order_id)
    if told.proposal_id:
        page.pair("proposal", told.proposal_id)
    page.pair("intent", told.intent_id)
    if told.seq:
        page.pair("journal", f"entry {told.seq}: {reply.spelled(f'trading-mcp why {told.seq}')}")
    findings(reply, told.findings)
    if told.next_step:
        page.say(reply.spelled(told.next_step))


def done(reply: Reply) -> None:
    """Show what another command has done."""
    told = reply.answer(DoneAnswer)
    for line in told.sentences:
        page.say(line, 0, 2)
    if told.next_step:
        page.say(reply.spelled(told.next_step), 0, 2)

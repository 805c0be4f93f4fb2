"""`demo`: an assistant at the real bridge of a throwaway desk, from its first hello to the kill switch."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

import msgspec

from trading_mcp.cli import page
from trading_mcp.cli.parsing import WIDTH, parser, place_of, wrapped
from trading_mcp.cli.stage import Assistant, Fields, Stage, Stops, plain
from trading_mcp.desk.answers import VerifiedAnswer
from trading_mcp.doors.local import requests as r
from trading_mcp.errors import Exit
from trading_mcp.place import mirror_of, shown, typed

BTC: Final = "BTC-USDT"
ETH: Final = "ETH-USDT"
SOL: Final = "SOL-USDT"
KEY: Final = "market.crypto.order_notional_max"
STOP_BELOW: Final = Decimal("0.95")
FACTS: Final = ("symbol", "side", "quantity", "notional", "worst loss", "at risk", "Not checked", "|")
CONTINUED: Final = " " * 20
_MARKS: Final = {"✓": "good", "✗": "bad", "?": "ask", "·": "dim"}
_EXAMPLES: Final = """\
  trading-mcp demo
  trading-mcp demo --json

It makes a home and an owner's key of its own in a temporary folder, plays, and
removes both. Your homes and your key are not touched. Ctrl-C ends it at any
moment."""


class Line(NamedTuple):
    """One thing that happened, behind a mark."""

    mark: str
    text: str


class Scene(msgspec.Struct, frozen=True):
    """One scene: what is done with which tool, and what came of it."""

    title: str
    tool: str
    lines: tuple[Line, ...]
    answer: Fields


def main(name: str, arguments: list[str]) -> int:
    """Play it."""
    made = parser(name, "See the whole of it work on made-up prices; nothing stays.", _EXAMPLES)
    made.add_argument("--first", action="store_true", help="only if there is no home yet")
    given = made.parse_args(arguments)
    if given.first and mirror_of(place_of(given)) is not None:
        page.say(f"You have a home already, so the demo is left out. Play it: {typed('demo')}")
        return Exit.DONE
    begun = time.monotonic()
    scenes: list[Scene] = []
    teller = _Teller(is_quiet=given.json, scenes=scenes)
    with Stops() as stops, Stage(stops) as stage, stops.heard():
        teller.head()
        stage.begin()
        verified = _played(stage, teller)
    seconds = time.monotonic() - begun
    code = Exit.DONE if verified.holds else Exit.UNSOUND
    if given.json:
        answer = {"scenes": scenes, "seconds": round(seconds, 1), "verified": verified}
        reply = {"ok": True, "exit": int(code), "answer": answer}
        print(msgspec.json.format(msgspec.json.encode(reply)).decode())
    else:
        page.say()
        page.say(f"That took {seconds:.0f} s. Home and key are gone; nothing of yours was touched.", 1)
    return code


class _Teller:
    def __init__(self, *, is_quiet: bool, scenes: list[Scene]) -> None:
        self._is_quiet = is_quiet
        self._scenes = scenes

    def head(self) -> None:
        if not self._is_quiet:
            title, right = "trading-mcp demo", "throwaway home · SIMULATED"
            print(f" {page.inked(title, 'bold')}{' ' * (WIDTH - 2 - len(title) - len(right))}{right}")
            page.say(
                "An assistant connects as yours would. Prices are made up, no money is real, and home and key are "
                "removed at the end.",
                1,
            )

    def tell(self, title: str, tool: str, answer: Fields, *lines: Line) -> None:
        """Tell a scene as soon as it was played."""
        self._scenes.append(Scene(title, tool, lines, answer))
        if self._is_quiet:
            return
        number = f"{len(self._scenes):>2}"
        gap = " " * max(2, WIDTH - 5 - len(title) - len(tool))
        print(f"\n {page.inked(number, 'dim')} {page.inked(title, 'bold')}{gap}{page.inked(tool, 'dim')}")
        for mark, text in lines:
            if mark == " ":
                print(shown(text))  # a line of another page, as it is there
                continue
            first, *rest = wrapped(plain(text), "     ", "     ").splitlines() or [""]
            print(f"   {page.inked(mark, _MARKS[mark])} {first.strip()}")
            for each in rest:
                print(each)


def _played(stage: Stage, teller: _Teller) -> VerifiedAnswer:
    assistant = stage.assistant()
    _looks(assistant, teller)
    _trades(assistant, teller)
    _asks(stage, assistant, teller)
    _loosens(assistant, teller)
    _stops(stage, assistant, teller)
    return _verified(stage, teller)


def _looks(assistant: Assistant, teller: _Teller) -> None:
    hello = assistant.shake()
    tools = assistant.ask("tools/list")["tools"]
    reads = sum(each["annotations"]["readOnlyHint"] for each in tools)
    server = f"{hello['serverInfo']['name']} {hello['serverInfo']['version']}"
    teller.tell(
        "An assistant connects",
        "initialize, tools/list",
        {"server": hello["serverInfo"], "tools": [each["name"] for each in tools]},
        Line("✓", f"{server}: {len(tools)} tools, {reads} of which only look. None approves, resumes or goes live."),
    )
    status = assistant.call("get_agent_status")
    teller.tell(
        "It looks around",
        "get_agent_status",
        status,
        Line("✓", f"{status['trading_state']} in {status['mode']}, equity {page.grouped(status['equity'])} USD."),
        *(Line("·", f"Blocked: {each}.") for each in status["blocked"]),
    )
    signals = assistant.call("get_signals", pairs=[BTC, ETH])
    teller.tell(
        "It asks what the indicators say", "get_signals", signals, *(_signal(each) for each in signals["signals"])
    )


def _signal(each: Fields) -> Line:
    votes = ", ".join(f"{vote['name']} {vote['value']} {vote['vote']}" for vote in each["votes"])
    return Line("·", f"{each['pair']} {each['signal']}, confidence {each['confidence']}: {votes}.")


def _trades(assistant: Assistant, teller: _Teller) -> None:
    stop = _below(assistant, BTC)
    trade = {"pair": BTC, "side": "buy", "notional": "100", "stop_loss": stop, "intent_id": "demo-1"}
    first = assistant.call("execute_trade", **trade, reason="a small first position")
    teller.tell(
        f"It buys bitcoin for 100, with a stop at {page.grouped(stop)}", "execute_trade", first, *_outcome(first)
    )
    again = assistant.call("execute_trade", **trade, reason="a small first position")
    is_one = again["order"]["id"] == first["order"]["id"]
    teller.tell(
        "Its answer was lost, so it sends that again",
        "execute_trade",
        again,
        Line("✓" if is_one else "✗", "The same id never trades twice: it hears of the first order as it stands."),
    )
    denied = assistant.call("execute_trade", pair=ETH, side="buy", notional="4000", intent_id="demo-2")
    teller.tell("It asks for ether for 4,000", "execute_trade", denied, *_outcome(denied))


def _below(assistant: Assistant, pair: str) -> str:
    return f"{Decimal(assistant.call('get_market_data', pair=pair)['bid']) * STOP_BELOW:.0f}"


def _asks(stage: Stage, assistant: Assistant, teller: _Teller) -> None:
    trade = {"pair": ETH, "side": "buy", "notional": "400", "stop_loss": _below(assistant, ETH)}
    waiting = assistant.call("execute_trade", **trade, intent_id="demo-3", reason="momentum looks strong, trust me")
    teller.tell("It asks for ether for 400", "execute_trade", waiting, *_outcome(waiting))
    if not waiting["proposal_id"]:
        return
    fingerprint = stage.enroll()
    lines, came = stage.approve(waiting["proposal_id"])
    teller.tell(
        "Its owner reads the facts and signs",
        f"trading-mcp approve {waiting['proposal_id']}",
        {"approver": fingerprint, "screen": lines, **came},
        *(Line(" ", each) for each in _facts(lines)),
        Line("✓", "Signed with a passphrase typed at a terminal: here the demo's own, for a key that lives seconds."),
        Line("✓" if came["status"] == "filled" else "✗", f"{came['status']}: {came['filled']} ETH."),
    )


def _facts(lines: Sequence[str]) -> Iterator[str]:
    """Yield what of an approval screen a newcomer should see: the money, and the asker's words below a fence."""
    is_shown = False
    for line in lines:
        if not line.startswith(CONTINUED):
            is_shown = line.strip().startswith(FACTS)
        if is_shown:
            yield line


def _loosens(assistant: Assistant, teller: _Teller) -> None:
    told = assistant.call("set_guardrails", changes={KEY: "5000"}, reason="the owner said it is fine")
    teller.tell(
        "It tries to loosen a limit",
        "set_guardrails",
        told,
        *(
            Line("?", f"{KEY}: {each['before']} -> {each['after']} waits for a signature.")
            for each in told["changes"]
        ),
        Line("·", "No argument, confirmation or patience of an assistant applies it; it expires in seven days."),
    )
    tighter = assistant.call("set_guardrails", changes={"account.orders_open_max": "5"})
    teller.tell(
        "It tightens another one", "set_guardrails", tighter, *(Line("✓", each) for each in tighter["sentences"])
    )


def _stops(stage: Stage, assistant: Assistant, teller: _Teller) -> None:
    other = stage.assistant()
    other.shake()
    told = assistant.call("kill_switch", reason="the demo is over")
    teller.tell("It pulls the kill switch", "kill_switch", told, *(Line("✓", each) for each in told["sentences"]))
    denied = other.call("execute_trade", pair=SOL, side="buy", notional="50", intent_id="demo-4")
    teller.tell(
        "Another assistant tries to trade on",
        "execute_trade",
        denied,
        *_outcome(denied),
        Line("·", f"Every reply now says: {denied['state_reason']}"),
    )


def _verified(stage: Stage, teller: _Teller) -> VerifiedAnswer:
    reply = stage.ask(r.AuditVerify())
    told = reply.answer(VerifiedAnswer)
    said = (
        Line("✓", f"{told.entries:,} entries follow one from the other; {told.checkpoints:,} signatures hold.")
        if told.holds
        else Line("✗", f"Entry {told.broken_at:,} {told.reason}.")
    )
    answer: Fields = msgspec.to_builtins(told)
    teller.tell(
        "What happened is all there", "trading-mcp audit verify", answer, said, Line("·", f"Head {told.head}.")
    )
    return told


def _outcome(told: Fields) -> Sequence[Line]:
    """Tell what became of a trade, with every objection."""
    order, status = told["order"], told["status"]
    if status == "filled":
        at = page.grouped(order["average_price"])
        return (Line("✓", f"filled: {order['filled_quantity']} at {at}, fee {order['fee']}."),)
    mark = "?" if status == "awaiting_approval" else "✗"
    lines = [Line(mark, f"{status.replace('_', ' ')}.")]
    for found in told["findings"]:
        numbers = f" Limit {found['limit']}, this is {found['actual']}." if found["limit"] else ""
        passes = f" Would pass: {found['would_pass']}." if found["would_pass"] else ""
        lines.append(Line(mark, f"{found['code']}: {found['reason']}.{numbers}{passes}"))
    if status == "awaiting_approval":
        lines.append(Line("·", told["next_step"]))
    return lines

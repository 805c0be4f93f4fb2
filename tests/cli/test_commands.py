"""Every command once, as a person reads it and as a program does, each with the code it promised."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.cli.desks import DeskProcess
from trading_mcp.cli.commands import COMMANDS
from trading_mcp.place import PROGRAM, program

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shared() -> Generator[DeskProcess]:
    """One desk that all of these talk to, with a position, a working order, a proposal and a refusal."""
    folder = Path(tempfile.mkdtemp(prefix="tm"))
    desk = DeskProcess(folder).start()
    bought = desk.say("trade", "buy", "BTC-USDT", "--notional", "100", "--id", "bought", "--json")
    assert (bought.code, bought.answer["status"]) == (0, "filled"), bought.out
    resting = desk.say(
        *("trade", "buy", "ETH-USDT", "--notional", "100", "--id", "resting"),
        *("--type", "limit", "--limit", _below(desk, "ETH-USDT"), "--json"),
    )
    assert (resting.code, resting.answer["status"]) == (0, "working"), resting.out
    asked = desk.say("trade", "buy", "SOL-USDT", "--notional", "280", "--id", "asked", "--json")
    assert (asked.code, asked.answer["status"]) == (5, "awaiting_approval"), asked.out
    yield desk
    desk.end()
    shutil.rmtree(folder)


def _below(desk: DeskProcess, pair: str) -> str:
    pairs = desk.say("pairs", "--json").answer["pairs"]
    bid = next(each["bid"] for each in pairs if each["pair"] == pair)
    return f"{float(bid) * 0.97:.1f}"


CASES = [
    (("status",), 0, "Nothing is blocked|Blocked now", "state"),
    (("portfolio",), 0, "BTC-USDT", "positions"),
    (("orders",), 0, "buy ETH-USDT", "orders"),
    (("orders", "--ended", "--pair", "BTC-USDT"), 0, "FILLED", "orders"),
    (("pairs",), 0, "may be traded", "pairs"),
    (("proposals",), 0, "order/asked", "proposals"),
    (("pairs", "remove", "DOGE-USDT"), 0, "Limits changed|say so already", "sentences"),
    (("pairs", "add", "LTC-USDT"), 5, "Sign or decline it", "proposal_id"),
    (("orders", "release", "nothing"), 4, "no such order is known", "sentences"),
    (("policy", "show"), 0, "orders_open_max", "limits"),
    (("policy", "show", "market.crypto.ask_above"), 0, "ask_above of 250 binds", "limits"),
    (("policy", "diff", "policies/live.toml"), 0, "at once", "changes"),
    (("policy", "propose", "market.crypto.collar=6%"), 5, "Sign or decline it", "proposal_id"),
    (("policy", "propose", "account.orders_open_max=19"), 0, "Limits changed", "done"),
    (("why", "bought"), 0, "No rule objected", "outcome"),
    (("why", "asked"), 0, "APPROVAL_REQUIRED", "outcome"),
    (("why", "1"), 0, "home simulated began", "kind"),
    (("audit", "verify"), 0, "follow one from the other", "holds"),
    (("audit", "tail"), 0, "filled: buy", "entries"),
    (("audit", "show", "1"), 0, "DeskCreated", "event"),
    (("audit", "find", "bought", "BTC-USDT"), 0, "buy 0.00", "entries"),
    (("audit", "find", "--kind", "DeskCreated"), 0, "began", "next_before"),
    (("audit", "find", "nobody-wrote-this"), 0, "No entry has all of that.|find", "as_of"),
    (("doctor",), 0, "entries verified", "checks"),
    (("approver", "show"), 0, "none: ", "fingerprint"),
    (("home", "list"), 0, "SIMULATED", "homes"),
    (("trade", "buy", "XRP-USDT", "--notional", "50", "--preview"), 0, "It would be sent.", "status"),
    (("trade", "buy", "XRP-USDT", "--notional", "900", "--preview"), 4, "ORDER_NOTIONAL_MAX", "findings"),
    (("trade", "buy", "XRP-USDT", "--notional", "900"), 4, "Would pass", "findings"),
    (("cancel", "--pair", "DOT-USDT"), 0, "no entry order", "sentences"),
    (("close", "DOT-USDT"), 4, "holds nothing", "sentences"),
    (("decline", "nothing"), 4, "no such proposal", "sentences"),
    (("resume",), 4, "nothing in account is stricter", "sentences"),
]


BARE = re.compile(rf"(?<![\w/.'-]){PROGRAM} (?=[a-z]|--)")


def _unfolded(text: str) -> str:
    """A long command goes on below, as a shell reads it."""
    return re.sub(r"\s*\\\n\s*", " ", text)


def _is_a_page(text: str) -> bool:
    """Of eighty columns, but for the program's own path, and with every command as it can be typed."""
    assert not BARE.findall(" ".join(text.split())), text
    return max(len(line.replace(program(), PROGRAM)) for line in text.splitlines()) <= 80


@pytest.mark.parametrize(("words", "code", "said", "field"), CASES, ids=[" ".join(case[0]) for case in CASES])
def test_a_command_answers_a_person_and_a_program(
    shared: DeskProcess, words: tuple[str, ...], code: int, said: str, field: str
) -> None:
    read = shared.say(*words)
    assert read.code == code, read
    assert any(part in read.words for part in said.split("|")), read.out
    assert _is_a_page(read.out)
    assert "\x1b" not in read.out
    if words[:2] == ("policy", "propose"):
        words = (*words[:2], f"{words[2].partition('=')[0]}={'7%' if code else '18'}")
    told = shared.say(*words, "--json")
    assert told.code == code, told
    assert json.loads(told.out)["exit"] == code
    assert field in told.answer


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_examples(shared: DeskProcess, name: str) -> None:
    said = shared.say(name, "--help", "--home", "simulated") if name != "home" else shared.say(name, "--help")
    assert said.code == 0
    assert f"trading-mcp {name}" in _unfolded(said.out.split("examples:")[1])
    assert _is_a_page(said.out)


WRONG = [
    (("frobnicate",), 2, "knows no 'frobnicate"),
    (("trade",), 2, "required: side, PAIR"),
    (("trade", "buy", "BTC-USDT"), 2, "How much is not said"),
    (("trade", "buy", "BTC-USDT", "--notional", "1e3"), 2, "is not an amount"),
    (("trade", "buy", "BTC-USDT", "--notional", "-5"), 2, "notional"),
    (("trade", "buy", "BTC-USDT", "--notional", "50", "--type", "iceberg"), 2, "There is no such type."),
    (("trade", "buy", "BTC-USDT", "--notional", "50", "--id", "a/b"), 2, "The intent's id cannot be one."),
    (("trade", "hold", "BTC-USDT"), 2, "invalid choice"),
    (("close",), 2, "Name one PAIR, or --all."),
    (("cancel",), 2, "Name one order, --pair PAIR, or --all."),
    (("policy", "propose", "order_notional=5"), 2, "is no key of a policy"),
    (("policy", "propose", "account.orders_open_max"), 2, "KEY=VALUE"),
    (("policy", "diff", "/nowhere"), 2, "That file cannot be read."),
    (("policy", "diff", "policies/backtest-open.toml"), 2, "is for backtests only"),
    (("why", "nobody-said-this"), 2, "No intent of that id is remembered"),
    (("audit", "show", "99999999"), 2, "There is no entry 99999999."),
    (("pairs", "add"), 2, "required: PAIR"),
    (("pairs", "remove", "../x"), 2, "is no pair"),
    (("orders", "release"), 2, "required: ORDER"),
    (("audit", "find"), 2, "Name words, or --kind KIND."),
    (("approve", "nothing"), 2, "No proposal of that id waits."),
    (("resume", "--scope", "moon"), 2, "There is no such scope or state."),
    (("status", "--home", "../x"), 2, "cannot be the name of a home"),
    (("status", "--home", "nowhere"), 3, "No desk is running for home nowhere."),
    (("desk", "stop", "--home", "nowhere"), 3, "No desk is running for home nowhere."),
    (("desk", "--home", "nowhere"), 2, "There is no home nowhere."),
    (("desk", "--home", "simulated"), 1, "holds the home"),
    (("desk", "--mode", "LIVE", "--home", "simulated"), 1, "holds the home"),
    (("home", "new", "simulated"), 1, "exists already"),
    (("home", "new", "real", "--mode", "LIVE"), 2, "no real venue"),
    (("home", "new", "papers", "--mode", "PAPER"), 2, "connected to no market yet"),
    (("home", "new", "rich", "--cash", "GOLD=5"), 2, "no cash to begin with"),
    (("home", "new", "loose", "--policy", "policies/backtest-open.toml"), 2, "is for backtests only"),
]


@pytest.mark.parametrize(("words", "code", "said"), WRONG, ids=[" ".join(case[0]) for case in WRONG])
def test_what_is_wrong_is_one_sentence_with_a_next_step(
    shared: DeskProcess, words: tuple[str, ...], code: int, said: str
) -> None:
    done = shared.say(*words)
    assert done.code == code, done
    assert said in done.words
    assert "Traceback" not in done.words
    assert not BARE.search(done.words), done
    assert done.out == ""


@pytest.mark.parametrize("words", ["orders release", "pairs add", "pairs remove"])
def test_an_action_explains_itself(shared: DeskProcess, words: str) -> None:
    said = shared.say(*words.split(), "--help")
    assert said.code == 0
    assert f"{program()} {words}" in _unfolded(said.out.split("examples:")[1])
    assert _is_a_page(said.out)


def test_what_a_file_would_change_is_shown_whole(shared: DeskProcess) -> None:
    said = shared.say("policy", "diff", "policies/live.toml")
    changes = shared.say("policy", "diff", "policies/live.toml", "--json").answer["changes"]
    assert len(changes) > 20
    assert [each["key"] for each in changes if f" {each['key']}: {each['turn']}, " not in said.words] == []
    assert [each["key"] for each in changes if f" {each['before']} -> {each['after']}" not in said.words] == []


def test_a_wrong_command_of_a_program_is_answered_in_json(shared: DeskProcess) -> None:
    done = shared.say("why", "nobody-said-this", "--json")
    assert json.loads(done.out)["error"]["next_step"]
    assert (done.code, done.err) == (2, "")
    unknown = shared.say("frobnicate", "--json")
    assert json.loads(unknown.out)["error"]["message"].startswith("This program knows no 'frobnicate")
    assert (unknown.code, unknown.err) == (2, "")


def test_an_order_is_cancelled_a_position_closed_and_a_repetition_is_the_same_order(shared: DeskProcess) -> None:
    repeated = shared.say("trade", "buy", "BTC-USDT", "--notional", "100", "--id", "bought", "--json")
    assert (repeated.code, repeated.answer["status"]) == (0, "filled")
    order = shared.say("orders", "--json").answer["orders"][0]["id"]
    assert shared.say("cancel", order).code == 0
    assert shared.say("close", "--all").code == 0
    assert shared.say("portfolio", "--json").answer["positions"] == []


def test_an_export_is_new_private_and_whole(shared: DeskProcess) -> None:
    place = shared.data / "journal.jsonl"
    assert shared.say("audit", "export", str(place)).code == 0
    lines = place.read_text().splitlines()
    assert [json.loads(line)["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert place.stat().st_mode & 0o777 == 0o600
    assert shared.say("audit", "export", str(place)).code == 2

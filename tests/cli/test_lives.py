"""A desk lives, is killed, and lives again with the same book; what it must not run on, it refuses."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.desks import WITHIN, DeskProcess
from trading_mcp import link
from trading_mcp.place import program

pytestmark = pytest.mark.slow


def _book(desk: DeskProcess) -> tuple[object, ...]:
    portfolio = desk.say("portfolio", "--json").answer
    held = [(each["pair"], each["quantity"], each["average"], each["stop"]) for each in portfolio["positions"]]
    orders = [(each["id"], each["state"]) for each in desk.say("orders", "--json").answer["orders"]]
    proposals = [each["id"] for each in desk.say("proposals", "--json").answer["proposals"]]
    return held, [(each["asset"], each["amount"]) for each in portfolio["cash"]], orders, proposals


def test_a_killed_desk_comes_back_with_the_same_book(desk: DeskProcess) -> None:
    ask = next(each["ask"] for each in desk.say("pairs", "--json").answer["pairs"] if each["pair"] == "BTC-USDT")
    stop = f"{float(ask) * 0.9:.2f}"
    assert desk.say("trade", "buy", "BTC-USDT", "--notional", "100", "--stop-loss", stop).code == 0
    assert desk.say("trade", "buy", "ETH-USDT", "--notional", "280").code == 5
    before = _book(desk)
    desk.kill()
    assert desk.say("status").code == 3
    assert "ended without closing its door" in desk.say("status").words
    desk.start()
    assert _book(desk) == before
    assert desk.say("audit", "verify").code == 0
    assert desk.say("stop").code == 0
    assert desk.ended() == 0
    desk.start()
    assert _book(desk) == before
    assert desk.say("status", "--json").answer["gap"] == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_in_good_order(desk: DeskProcess, number: signal.Signals) -> None:
    desk.signal(number)
    assert desk.ended() == 0
    assert number.name in desk.heard
    assert not (desk.folder / "desk.sock").exists()
    assert desk.say("audit", "verify").code == 0


def test_sigusr1_and_the_file_halt_are_the_kill_switch(desk: DeskProcess) -> None:
    desk.signal(signal.SIGUSR1)
    assert _until_state(desk, "HALTED") == "HALTED"
    assert desk.say("trade", "buy", "BTC-USDT", "--notional", "50").code == 4
    assert desk.say("stop").code == 0


def test_a_halt_file_halts_and_no_release_is_proposed_while_it_stands(desk: DeskProcess) -> None:
    (desk.folder / "HALT").touch(mode=0o600)
    assert _until_state(desk, "HALTED") == "HALTED"
    assert "the file HALT stands" in desk.say("resume").words
    assert desk.say("doctor").code == 8


def _until_state(desk: DeskProcess, wanted: str) -> str:
    state = ""
    for _ in range(40):
        state = desk.say("status", "--json").answer["state"]
        if state == wanted:
            break
    return state


def test_a_second_desk_is_refused_and_the_first_goes_on(desk: DeskProcess) -> None:
    second = desk.say("desk")
    assert second.code == 1
    assert "Another desk (process" in second.words
    assert desk.say("status").code == 0


def test_a_home_that_others_can_read_is_refused(desk: DeskProcess) -> None:
    assert desk.say("stop").code == 0
    assert desk.ended() == 0
    (desk.folder / "journal.db").chmod(0o644)
    refused = desk.say("desk")
    assert refused.code == 8
    assert "can be opened by other users (mode 0644)" in refused.words
    assert "chmod 600" in refused.words
    (desk.folder / "journal.db").chmod(0o600)
    other_mode = desk.say("desk", "--mode", "PAPER")
    assert other_mode.code == 2
    assert "is SIMULATED for life, not PAPER" in other_mode.words


def test_a_damaged_journal_starts_nothing_and_is_named(desk: DeskProcess) -> None:
    assert desk.say("stop").code == 0
    assert desk.ended() == 0
    (desk.folder / "journal.db").write_bytes(b"not a journal at all" * 500)
    refused = desk.say("desk")
    assert refused.code == 8
    assert "Traceback" not in refused.words


def _raw(desk: DeskProcess) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(WITHIN)
    connection.connect(str(desk.folder / "desk.sock"))
    return connection


def _heard(connection: socket.socket) -> list[dict[str, object]]:
    data = b""
    while part := connection.recv(65_536):
        data += part
    return [json.loads(line) for line in data.splitlines()]


def test_garbage_is_answered_with_a_sentence_and_the_desk_stays(desk: DeskProcess) -> None:
    for said in (b"GET / HTTP/1.1\r\n\r\n", b"\x00\xff\n", b"[]\n", b'{"v":2}\n'):
        with _raw(desk) as connection:
            connection.sendall(said)
            connection.shutdown(socket.SHUT_WR)
            assert all("refused" in line for line in _heard(connection))
    with _raw(desk) as connection:
        connection.sendall(link.hello("cli", "test", {}))
        for line in (
            b"nonsense",
            b'{"request":"report_fill"}',
            b'{"request":"status","door":"mcp"}',
            b'{"a":1,"a":2}',
        ):
            connection.sendall(line + b"\n")
        connection.shutdown(socket.SHUT_WR)
        welcome, *answers = _heard(connection)
    assert welcome["home"] == "simulated"
    assert [answer["ok"] for answer in answers] == [False] * 4
    assert desk.say("status").code == 0


def test_a_line_of_eight_mebibytes_is_refused_before_it_is_kept(desk: DeskProcess) -> None:
    with _raw(desk) as connection:
        connection.sendall(link.hello("cli", "test", {}))
        try:
            connection.sendall(b"x" * 8 * 1024 * 1024 + b"\n")
            _, answer = _heard(connection)
        except (BrokenPipeError, ConnectionResetError):
            answer = {"ok": False, "error": {"message": "A line is longer"}}
    assert answer["ok"] is False
    assert "A line is longer" in str(answer["error"])
    assert desk.say("status").code == 0


def test_a_client_that_hangs_up_in_the_middle_of_a_trade_loses_nothing(desk: DeskProcess) -> None:
    trade = {"request": "trade", "intent_id": "gone", "pair": "BTC-USDT", "side": "buy", "notional": "50"}
    with _raw(desk) as connection:
        connection.sendall(link.hello("cli", "test", {}) + link.encode(trade))
    told = desk.say("why", "gone", "--json")
    for _ in range(40):
        if told.code == 0 and told.answer["status"] == "filled":
            break
        told = desk.say("why", "gone", "--json")
    assert told.answer["status"] == "filled"


def test_every_request_is_in_the_journal_before_and_after_without_what_was_signed(desk: DeskProcess) -> None:
    desk.say("trade", "buy", "BTC-USDT", "--notional", "50", "--reason", "password: hunter2-is-secret")
    events = [
        each["event"] for each in desk.say("audit", "tail", "--all", "--count", "60", "--json").answer["entries"]
    ]
    called = [each for each in events if each["event"] == "ToolCalled.1" and each["tool"] == "trade"]
    answered = [each["call_id"] for each in events if each["event"] == "ToolAnswered.1"]
    assert [each["call_id"] in answered for each in called] == [True]
    assert "hunter2" not in json.dumps(events)
    assert called[0]["door"] == "cli"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_a_desk_of_another_user_is_not_spoken_to(desk: DeskProcess) -> None:
    os.chown(desk.folder / "desk.sock", 65_534, 65_534)
    assert desk.say("status").code == 8
    os.chown(desk.folder / "desk.sock", 0, 0)


def test_a_socket_left_behind_is_no_hindrance(desk: DeskProcess) -> None:
    desk.kill()
    assert (desk.folder / "desk.sock").exists()
    desk.start()
    assert Path(desk.folder / "desk.sock").exists()


def test_a_program_starts_a_desk_of_its_own_which_stops_when_asked(data: Path) -> None:
    desk = DeskProcess(data)
    code = (
        "from trading_mcp.launch import reach; from trading_mcp.place import located; "
        "print(reach(located(), 'cli', 't')[1].mode)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=desk.environment, capture_output=True, text=True, check=True, timeout=WITHIN
    )
    assert done.stdout == "SIMULATED\n"
    assert desk.say("status").code == 0
    assert desk.say("stop").code == 0
    assert desk.say("status").code == 3


def test_a_desk_whose_home_is_moved_away_stops_and_leaves_nothing_there(desk: DeskProcess) -> None:
    elsewhere = desk.folder.with_name("moved")
    desk.folder.rename(elsewhere)
    assert desk.ended() == 0
    assert "moved or removed" in desk.heard
    assert not desk.folder.exists()


def test_a_desk_tells_at_its_start_how_it_stands_and_how_an_assistant_connects(desk: DeskProcess) -> None:
    assert re.search(r"state +ACTIVE\n", desk.heard)
    assert re.search(r"claude mcp add .*trading -- ", desk.heard)
    assert desk.say("halt", "--reason", "for a test").code == 0
    desk.end()
    desk.start()
    again = " ".join(desk.heard.split())
    assert "state HALTED: KILL_SWITCH (for a test)." in again
    assert f"{program()} resume" in again

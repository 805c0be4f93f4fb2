"""The journal can be followed: what happens is told as it happens, until the person has seen enough."""

import json
import signal
import subprocess

import pytest

from tests.cli.desks import PROGRAM, WITHIN, DeskProcess

pytestmark = pytest.mark.slow


def following(desk: DeskProcess, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*PROGRAM, "audit", "tail", "--follow", *words, "--home", desk.home],
        env=desk.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(process: "subprocess.Popen[str]", wanted: str) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if wanted in line:
            return line
    raise AssertionError(process.stderr)


def test_what_happens_is_told_as_it_happens_and_ctrl_c_is_no_failure(desk: DeskProcess) -> None:
    page, lines = following(desk), following(desk, "--count", "1", "--json")
    try:
        until(page, "Journal")
        assert desk.say("trade", "buy", "BTC-USDT", "--notional", "100").code == 0
        assert "buy" in until(page, "filled")
        told = json.loads(until(lines, '"kind":"FillRecorded"'))
        assert told["event"]["fill"]["pair"] == "BTC-USDT"
    finally:
        page.send_signal(signal.SIGINT)
        lines.send_signal(signal.SIGINT)
    for process in (page, lines):
        _, err = process.communicate(timeout=WITHIN)
        assert (process.returncode, err) == (0, "")
    # Who follows asks rarely: the journal is not filled with questions.
    asked = [
        entry
        for entry in desk.say("audit", "tail", "--all", "--count", "200", "--json").answer["entries"]
        if entry["event"]["event"] == "ToolCalled.1" and '"wait":true' in entry["event"]["arguments"]
    ]
    assert 0 < len(asked) < 20


def test_a_desk_that_stops_is_told_to_who_follows_it(desk: DeskProcess) -> None:
    process = following(desk)
    until(process, "Journal")
    assert desk.say("stop").code == 0
    _, err = process.communicate(timeout=WITHIN)
    assert process.returncode == 3
    assert "Start it: " in err


def test_following_everything_would_follow_itself(desk: DeskProcess) -> None:
    said = desk.say("audit", "tail", "--follow", "--all")
    assert (said.code, "Leave it out with --follow." in said.words) == (2, True)

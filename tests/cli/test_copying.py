"""A home's setup goes to another home, and no right with it."""

from pathlib import Path

import pytest

from tests.cli.desks import DeskProcess
from trading_mcp.adapters.config.policies import policy_text
from trading_mcp.place import program

pytestmark = pytest.mark.slow


def test_a_setup_is_copied_from_a_home_that_runs_and_from_one_that_does_not(desk: DeskProcess) -> None:
    assert desk.say("policy", "propose", "account.orders_open_max=7").code == 0
    assert desk.say("home", "new", "second").code == 0
    not_running = desk.say("home", "copy-setup", "simulated", "second")
    assert not_running.code == 3
    assert "No desk is running for home second. Start it: " in not_running.words
    second = DeskProcess(desk.data, "second").start()
    try:
        copied = desk.say("home", "copy-setup", "simulated", "second")
        assert copied.code == 0, copied
        assert "Limits changed" in copied.words
        assert "switched off" in copied.words
        assert second.say("policy", "show", "account.orders_open_max", "--json").answer["limits"][0]["value"] == "7"
        # The way back loosens, so it waits; and what runs is asked, what does not is read.
        assert desk.say("policy", "propose", "account.orders_open_max=5").code == 0
        assert desk.say("home", "copy-setup", "second", "simulated", "--json").code == 5
        assert desk.say("policy", "show", "account.orders_open_max", "--json").answer["limits"][0]["value"] == "5"
        assert desk.say("stop").code == 0
        assert desk.ended() == 0
        assert desk.say("home", "copy-setup", "simulated", "second").code == 0
        assert second.say("policy", "show", "account.orders_open_max", "--json").answer["limits"][0]["value"] == "5"
    finally:
        second.end()


def test_what_cannot_be_copied_is_refused_in_a_sentence(desk: DeskProcess) -> None:
    for words, code, said in (
        (("simulated", "simulated"), 2, "onto itself"),
        (("nowhere", "simulated"), 2, "There is no home nowhere."),
        (("../x", "simulated"), 2, "cannot be the name of a home"),
    ):
        done = desk.say("home", "copy-setup", *words)
        assert (done.code, said in done.words) == (code, True), done


def test_a_home_made_with_looser_limits_says_what_waits(data: Path, tmp_path: Path) -> None:
    desk = DeskProcess(data, "loose")
    file = tmp_path / "loose.toml"
    file.write_text(policy_text("simulated").replace('order_notional_max = "500"', 'order_notional_max = "5000"'))
    made = desk.say("home", "new", "loose", "--policy", str(file))
    assert made.code == 0, made
    assert f"waits for your signature: {program()} proposals --home loose" in made.words
    desk.start()
    try:
        (waiting,) = desk.say("proposals", "--json").answer["proposals"]
        assert "500 -> 5000" in waiting["about"]
        assert desk.say("trade", "buy", "BTC-USDT", "--notional", "900").code == 4
    finally:
        desk.end()

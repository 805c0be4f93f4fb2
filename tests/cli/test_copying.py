"""A home's setup goes to another home, and no right with it."""

import pytest

from tests.cli.desks import DeskProcess

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

"""A person signs at a real terminal: enrolment, approval, a wrong passphrase, and what no program can do instead."""

import json
import re

import pytest

from tests.cli.desks import PASSPHRASE, DeskProcess

pytestmark = pytest.mark.slow


def test_a_person_enrols_approves_halts_and_releases(desk: DeskProcess) -> None:
    asked = desk.say("trade", "buy", "BTC-USDT", "--notional", "280", "--id", "large", "--json")
    assert (asked.code, asked.answer["status"]) == (5, "awaiting_approval")

    enrolled = desk.type("approver", "enroll", answers=(PASSPHRASE, PASSPHRASE))
    assert enrolled.code == 0, enrolled.out
    assert "Home simulated has recorded it." in enrolled.words
    assert PASSPHRASE not in enrolled.out

    wrong = desk.type("approve", "order/large", answers=("wrong horse battery staple",))
    assert wrong.code == 1
    assert "That is not the passphrase." in wrong.words
    assert "4 of 5 tries are left" in wrong.words

    left = desk.type("approve", "order/large", answers=("",))
    assert left.code == 5

    signed = desk.type("approve", "order/large", answers=(PASSPHRASE,))
    assert signed.code == 0, signed.out
    assert "symbol" in signed.words
    assert "open for 23 h 59 min" in signed.words
    assert "filled" in signed.words
    why = desk.say("why", "large").words
    assert "APPROVAL_REQUIRED" in why
    assert why.endswith("The owner's signature allowed it.")
    again = desk.type("approve", "order/large", answers=(PASSPHRASE,))
    assert again.code == 2

    assert desk.say("halt").code == 0
    resumed = desk.type("resume", answers=(PASSPHRASE,))
    assert resumed.code == 0, resumed.out
    assert "[redacted]" not in resumed.words
    assert desk.say("status", "--json").answer["state"] == "ACTIVE"
    assert desk.type("attend", answers=(PASSPHRASE,)).code == 0
    everything = desk.type("halt", "--everything", answers=(PASSPHRASE,))
    assert everything.code == 0, everything.out
    assert desk.say("status", "--json").answer["state"] == "HALTED"


def test_a_passphrase_from_a_pipe_an_argument_or_the_environment_signs_nothing(desk: DeskProcess) -> None:
    assert desk.type("approver", "enroll", answers=(PASSPHRASE, PASSPHRASE)).code == 0
    assert desk.say("policy", "propose", "market.crypto.order_notional_max=600", "--json").code == 5
    proposal = desk.say("proposals", "--json").answer["proposals"][0]["id"]

    desk.environment["TRADING_MCP_PASSPHRASE"] = PASSPHRASE
    piped = desk.say("approve", proposal, stdin=f"{PASSPHRASE}\n")
    assert piped.code == 1
    assert "There is no terminal at which the passphrase could be typed." in piped.words
    assert desk.say("approve", proposal, "--passphrase", PASSPHRASE).code == 2
    assert (
        desk.say("policy", "show", "market.crypto.order_notional_max", "--json").answer["limits"][0]["value"] == "500"
    )

    declined = desk.say("decline", proposal, "--reason", "no")
    assert declined.code == 0
    assert desk.say("proposals").out.endswith("Nothing waits for you.\n")


def test_without_a_terminal_nobody_is_told_to_enrol_and_json_stays_json(desk: DeskProcess) -> None:
    assert desk.say("halt").code == 0
    told = desk.say("resume", "--json")
    assert (told.code, told.err, json.loads(told.out)["error"]["code"]) == (1, "", "TerminalMissing")
    said = desk.say("resume")
    assert (said.code, said.out) == (1, "")
    assert "Run the command yourself in a terminal" in said.words
    enrolled = desk.type("resume", answers=(PASSPHRASE, PASSPHRASE, PASSPHRASE))
    assert enrolled.code == 0, enrolled
    assert enrolled.words.startswith("Nobody has enrolled yet, so nothing can be signed. Enrol now;")


def test_a_coloured_page_is_as_wide_as_a_plain_one(desk: DeskProcess) -> None:
    del desk.environment["NO_COLOR"]
    coloured = desk.type("trade", "buy", "BTC-USDT", "--notional", "100", "--preview").out.splitlines()[0]
    assert "\x1b[32mpreview\x1b[0m" in coloured
    assert len(re.sub(r"\x1b\[\d+m", "", coloured)) == 80

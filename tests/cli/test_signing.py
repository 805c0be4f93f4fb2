"""A person signs at a real terminal: enrolment, approval, a wrong passphrase, and what no program can do instead."""

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
    assert "filled" in signed.words
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

"""An owner who is away, told by a real desk: each event once, nothing secret, and a kill that waits for nobody."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.alerts.service import Service, keeping, kept, program
from tests.cli.desks import WITHIN, DeskProcess

pytestmark = pytest.mark.slow
SECRET = "canaryTopicQ7w9Zx2"  # noqa: S105 - of an address that leads nowhere


@pytest.fixture
def service() -> Generator[Service]:
    with Service() as made:
        yield made


@contextlib.contextmanager
def desk_with(data: Path, settings: str, **environment: str) -> Generator[DeskProcess]:
    """A desk whose home has these settings from its first start on."""
    made = DeskProcess(data)
    made.folder.mkdir(mode=0o700, parents=True)
    (made.folder / "settings.toml").write_text(settings)
    (made.folder / "settings.toml").chmod(0o600)
    made.environment |= environment
    made.start()
    try:
        yield made
    finally:
        made.end()


def told(service: Service, subject: str) -> tuple[dict[str, Any], list[str]]:
    """Return the message that tells of something, and the titles of those before it."""
    before: list[str] = []
    while True:
        sent = service.next()
        if subject in f"{sent['title']}\n{sent['message']}":
            return sent, before
        before.append(sent["title"])


def test_what_happens_is_told_with_the_home_and_the_journals_head(data: Path, service: Service) -> None:
    with desk_with(data, f'alert_url = "{service.url}&x={SECRET}"\n') as desk:
        started, before = told(service, "The desk started")
        assert (started["title"], before) == ("simulated, SIMULATED: The desk started", [])
        assert desk.say("trade", "buy", "ETH-USDT", "--notional", "280", "--id", "call-0800-now").code == 5
        asked, _ = told(service, "A proposal waits for you")
        assert "words not checked by anyone: “order/call-0800-now”" in asked["message"]
        assert desk.say("halt", "--reason", "all is well").code == 0
        halted, _ = told(service, "account is HALTED")
        assert "words not checked by anyone: “all is well”" in halted["message"]
        seq, head = halted["message"].rpartition("entry ")[2].split(", head ")
        since = str(int(seq.replace(",", "")) - 1)
        told_of = desk.say("audit", "tail", "--all", "--since", since, "--count", "1", "--json").answer["entries"]
        assert [entry["hash"][:16] for entry in told_of] == [head]
        assert desk.say("stop").code == 0
        assert told(service, "The desk stopped")[0]["title"] == "simulated, SIMULATED: The desk stopped"
        assert desk.ended() == 0


def test_a_kill_waits_neither_for_a_service_that_hangs_nor_for_a_desktop_that_fails(
    data: Path, service: Service
) -> None:
    service.code = None
    environ = program(data / "bin", "exit 1")
    with desk_with(data, f'alert_url = "{service.url}"\n', **environ) as desk:
        assert "The desk started" in service.next()["title"]
        assert desk.say("halt").code == 0
        status = desk.say("status", "--json").answer
        assert status["state"] == "HALTED"
        assert desk.say("trade", "buy", "BTC-USDT", "--notional", "100").code == 4
        # All that while the first notice has not come back.
        assert (service.open, service.sent.qsize()) == (1, 0)
        deadline = time.monotonic() + WITHIN
        while "did not reach you" not in (words := desk.say("status").words):
            assert time.monotonic() < deadline, words
        assert words.count("A notice did not reach you. By the desktop: it ended with 1.") == 1
        checked = desk.say("doctor")
        assert "A notice did not reach you" in checked.words
        assert desk.say("stop").code == 0
        assert desk.ended() == 0


def test_a_desk_that_lingers_to_tell_of_its_end_is_in_nobodys_way(data: Path, service: Service) -> None:
    service.code = None
    with desk_with(data, f'alert_url = "{service.url}"\n') as desk:
        service.next()
        first = desk.process
        assert first is not None
        assert desk.say("stop").code == 0
        desk.start()
        assert desk.say("status").code == 0
        assert first.wait(WITHIN) == 0


def test_the_address_is_found_nowhere_but_in_the_settings(data: Path, service: Service) -> None:
    service.code = 403
    url = f"json://{SECRET}User:{SECRET}Pass@{service.host}/{SECRET}Path?+{SECRET}Head={SECRET}"
    with desk_with(data, f'alert_url = "{url}"\nlog_level = "debug"\n') as desk:
        service.next()
        deadline = time.monotonic() + WITHIN
        while "did not reach you" not in (words := desk.say("status").words):
            assert time.monotonic() < deadline, words
        heard = words + "".join(
            desk.say(*line).words
            for line in (("doctor",), ("doctor", "--notify"), ("doctor", "--json"), ("audit", "tail", "--json"))
        )
        assert "error=403" in heard
        for file in desk.folder.rglob("*"):
            if file.is_file() and file.name != "settings.toml":
                heard += file.read_bytes().decode(errors="replace")
    assert SECRET not in heard + desk.heard


def test_the_doctor_tries_every_way_when_asked_and_says_how_each_went(data: Path, service: Service) -> None:
    out = data / "shown"
    environ = program(data / "bin", keeping(out))
    with desk_with(data, f'alert_url = "{service.url}"\nalert_desktop = false\n', **environ) as desk:
        service.next()
        assert "You are told by json://." in desk.say("doctor").words
        assert service.sent.empty()
        (desk.folder / "settings.toml").write_text(f'alert_url = "{service.url}"\n')
        tried = desk.say("doctor", "--notify")
        assert tried.code == 0
        assert "By the desktop: a trial went out." in tried.words
        assert "By json://: a trial went out." in tried.words
        assert service.next()["title"] == "simulated: a trial"
        assert kept(out)[2] == "simulated: a trial"
        service.code = 500
        failed = desk.say("doctor", "--notify", "--json")
        assert failed.code == 8
        checks = {each["said"]: each for each in failed.answer["checks"] if each["name"] == "alerts"}
        assert [each["outcome"] for each in checks.values()] == ["good", "bad"]
        (desk.folder / "settings.toml").write_text("")
        desk.environment["DBUS_SESSION_BUS_ADDRESS"] = ""
        assert "there is no desktop here, and alert_url is not set" in desk.say("doctor").words


def test_a_start_after_a_crash_repeats_nothing_that_was_told(data: Path, service: Service) -> None:
    with desk_with(data, f'alert_url = "{service.url}"\n') as desk:
        told(service, "The desk started")
        for pair in ("BTC-USDT", "ETH-USDT", "SOL-USDT", "XRP-USDT"):
            assert desk.say("trade", "buy", pair, "--notional", "100").code == 0
        desk.kill()
        desk.start()  # its first look finds four of five orders cleared within five minutes
        told(service, "A limit is nearly used up")
        for _ in range(2):
            desk.kill()
            desk.start()
            told(service, "The desk started")
        assert desk.say("stop").code == 0
        assert told(service, "The desk stopped")[1] == []
        assert json.loads((desk.folder / "told.json").read_text())[0].startswith("account.rate_orders_max/")

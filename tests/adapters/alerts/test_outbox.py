"""A desk's notifier: what fails or hangs is told once, and holds up neither the desk nor another way out."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.adapters.alerts.service import WITHIN, Service, keeping, kept, program
from trading_mcp.adapters.alerts import outbox as module
from trading_mcp.adapters.alerts.outbox import Outbox
from trading_mcp.adapters.alerts.pending import Message
from trading_mcp.adapters.alerts.ways import Way, ways_of


class Heard:
    """Who hears that a notice did not go out."""

    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.one = threading.Event()

    def __call__(self, reason: str) -> None:
        self.reasons.append(reason)
        self.one.set()


def outbox(*ways: Way, failed: Heard | None = None) -> Outbox:
    return Outbox(ways, failed or Heard(), sender="mine, PAPER: ", footer=lambda: "Journal: entry 7")


@pytest.fixture
def service() -> Generator[Service]:
    with Service() as made:
        yield made


def test_what_waits_at_the_end_still_goes_out_by_every_way(tmp_path: Path, service: Service) -> None:
    out, heard = tmp_path / "out", Heard()
    made = outbox(*ways_of(service.url, program(tmp_path / "bin", keeping(out)), on_desktop=True), failed=heard)
    made.notify("The desk stopped", "Good night.")
    made.close()
    sent = service.next()
    title, body = "mine, PAPER: The desk stopped", "Good night.\nJournal: entry 7"
    assert (sent["title"], sent["message"]) == (title, body)
    assert kept(out)[-2:] == [title, body]
    assert heard.reasons == []


def test_a_service_that_hangs_delays_neither_the_desk_nor_the_desktop(
    tmp_path: Path, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CLOSE_WITHIN", 0.0)
    service.code, shown = None, tmp_path / "shown"
    os.mkfifo(shown)
    environ = program(tmp_path / "bin", f'echo "$3" > {shown}')
    made = outbox(*ways_of(service.url, environ, on_desktop=True))
    made.notify("first", "x")
    assert service.next()["title"] == "mine, PAPER: first"
    assert shown.read_text() == "mine, PAPER: first\n"
    for _ in range(1_000):  # on the thread that a desk runs on
        made.notify("again", "x")
    assert shown.read_text() == "mine, PAPER: again\n"
    made.close()
    assert (service.open, service.sent.qsize()) == (1, 0)


def test_a_way_that_fails_is_told_once_and_again_after_it_worked(tmp_path: Path, service: Service) -> None:
    heard, turns = Heard(), iter(("no", "no", "", "no", ""))
    gone = threading.Semaphore(0)

    class Moody(Way):
        def send(self, message: Message) -> str:
            gone.release()
            return next(turns)

    way = Moody(name="pigeon", within=1, command=lambda _: (), environment={})
    made = outbox(way, failed=heard)
    for number in range(5):
        made.notify(str(number), "x")
        assert gone.acquire(timeout=WITHIN)
    made.close()
    assert heard.reasons == ["By pigeon: no.", "By pigeon: no."]


def test_a_way_that_breaks_is_told_and_tried_again() -> None:
    heard, tried = Heard(), list[str]()

    class Broken(Way):
        def send(self, message: Message) -> str:
            tried.append(message.title)
            if len(tried) == 1:
                raise ValueError("a secret")
            return ""

    made = outbox(Broken(name="pigeon", within=1, command=lambda _: (), environment={}), failed=heard)
    made.notify("one", "x")
    assert heard.one.wait(WITHIN)
    made.notify("two", "x")
    made.close()
    assert tried == ["mine, PAPER: one", "mine, PAPER: two"]
    assert heard.reasons == ["By pigeon: it failed with ValueError."]


def test_without_any_way_it_is_a_log(caplog: pytest.LogCaptureFixture) -> None:
    made = outbox()
    made.notify("a subject", "a text")
    made.close()
    assert [record.getMessage() for record in caplog.records] == ["a subject: a text"]

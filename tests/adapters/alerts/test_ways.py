"""Each way out with a real program behind it: what it is given, what it may know, and what ends it."""

from __future__ import annotations

import os
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.adapters.alerts.service import Service, keeping, kept, program
from trading_mcp.adapters.alerts import ways as module
from trading_mcp.adapters.alerts.by_url import without
from trading_mcp.adapters.alerts.pending import Message
from trading_mcp.adapters.alerts.ways import INSTALL, Way, by_url, ways_of

HELLO = Message("simulated: Hello; $(touch x)", "<b>bold</b> & `id`\nsecond")


@pytest.fixture
def service() -> Generator[Service]:
    with Service() as made:
        yield made


def desktop(environ: dict[str, str], platform: str = "linux") -> Way:
    (way,) = ways_of("", environ, on_desktop=True, platform=platform)
    return way


def test_a_desktop_is_given_the_text_as_arguments_and_no_markup(tmp_path: Path) -> None:
    out = tmp_path / "out"
    way = desktop(program(tmp_path / "bin", keeping(out)))
    assert way.send(HELLO) == ""
    body = "&lt;b&gt;bold&lt;/b&gt; &amp; `id`\nsecond"
    assert kept(out) == ["--app-name=trading-mcp", "--", HELLO.title, body]


def test_no_word_of_a_text_becomes_a_byte_of_the_desktops_program(tmp_path: Path) -> None:
    """It reads a body as C does a literal: what is meant as it stands, also where nothing could be shown of it."""
    out = tmp_path / "out"
    words = r"\074b\076 \342\200\235 \377 \n \\"
    assert desktop(program(tmp_path / "bin", keeping(out))).send(Message("x", words)) == ""
    assert kept(out)[-1].encode().decode("unicode_escape") == words


def test_on_macos_the_text_is_never_a_part_of_the_script(tmp_path: Path) -> None:
    out = tmp_path / "out"
    way = desktop(program(tmp_path / "bin", keeping(out), "osascript"), "darwin")
    assert way.send(HELLO) == ""
    said = kept(out)
    assert said[-3:] == ["--", HELLO.title, HELLO.body]
    assert "Hello" not in "".join(said[:-3])


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_where_no_desktop_is_there_is_no_such_way(tmp_path: Path, platform: str) -> None:
    for name in ("notify-send", "osascript"):
        environ = program(tmp_path / "bin", "exit 0", name)
    assert [way.name for way in ways_of("", environ, on_desktop=True, platform=platform)] == ["the desktop"]
    assert not [*ways_of("", environ, on_desktop=False, platform=platform)]
    assert not [*ways_of("", environ | {"PATH": str(tmp_path)}, on_desktop=True, platform=platform)]
    del environ["DBUS_SESSION_BUS_ADDRESS"]
    assert not [*ways_of("", environ | {"SSH_CONNECTION": "x"}, on_desktop=True, platform=platform)]


def test_a_program_that_fails_or_is_gone_is_told_and_nothing_more(tmp_path: Path) -> None:
    way = desktop(program(tmp_path / "bin", "exit 3"))
    assert way.send(HELLO) == "it ended with 3"
    (tmp_path / "bin" / "notify-send").unlink()
    assert way.send(HELLO) == "No such file or directory"


def test_a_program_that_hangs_is_ended_with_all_it_started(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)
    # What it starts keeps both pipes open: the one to the desk, and one that shows when it is gone.
    way = desktop(program(tmp_path / "bin", f"(echo on > {pipe}; exec sleep 600 3> {pipe}) &\nwait"))
    assert replace(way, within=2.0).send(HELLO) == "no answer within 2 seconds"
    while os.read(reader, 100):
        pass
    os.close(reader)


def test_an_address_gets_title_and_text(service: Service) -> None:
    assert by_url(service.url, {}).send(HELLO) == ""
    sent = service.next()
    assert (sent["title"], sent["message"]) == HELLO


@pytest.mark.parametrize("code", [401, 500])
def test_a_service_that_refuses_is_told_without_a_part_of_its_address(service: Service, code: int) -> None:
    service.code = code
    reason = by_url(f"json://canaryUser:canaryPass@{service.host}/canaryPath?+canaryHead=canaryValue", {}).send(HELLO)
    assert f"error={code}" in reason
    assert "canary" not in reason
    assert "127.0.0.1" not in reason


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nosuch://canary", "apprise knows no such address; https://appriseit.com lists how each service is spelled"),
        ("json://127.0.0.1:9/canary", "A Connection error occurred sending JSON notification to [redacted]."),
    ],
)
def test_an_address_that_leads_nowhere_is_told(url: str, said: str) -> None:
    assert by_url(url, {}).send(HELLO) == said


def test_no_part_of_an_address_is_repeated() -> None:
    url = "tgram://123456:canary-Token_x/chat%20id/?a=bcde"
    text = f"failed {url}\nfor canary-Token_x and 'chat id' bcde"
    said = without(url, text)
    assert "\n" not in said
    assert not [part for part in ("123456", "canary", "Token", "chat id", "bcde") if part in said]


def test_no_one_can_read_the_address_in_the_list_of_processes(tmp_path: Path) -> None:
    way = by_url("json://canary@127.0.0.1:9", {})
    assert "canary" not in repr(way.command(HELLO)) + way.name
    assert "canary" not in repr(way)


def test_a_sender_knows_nothing_of_the_environment_but_what_it_needs(tmp_path: Path) -> None:
    out = tmp_path / "out"
    environ = program(tmp_path / "bin", f"env > {out}")
    environ |= {"ALPACA_API_SECRET": "canary", "https_proxy": "http://proxy", "LD_PRELOAD": "", "LANG": "C.UTF-8"}
    assert desktop(environ).send(HELLO) == ""
    names = {line.partition("=")[0] for line in out.read_text().splitlines()}
    assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {"PATH", "DBUS_SESSION_BUS_ADDRESS", "https_proxy", "LANG"}


def test_without_its_library_an_address_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIBRARY", "apprise_that_is_not_there")
    (way,) = ways_of("json://127.0.0.1", {}, on_desktop=False)
    assert way.send(HELLO) == way.missing == f"apprise_that_is_not_there is not installed. {INSTALL}"


def test_a_desk_never_loads_the_library_itself() -> None:
    assert "apprise" not in vars(module)
    assert module.SENDER[-1].endswith("by_url")

"""The bridge carries bytes both ways, ends when either side does, and tells the assistant why there is no session."""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.places import mirrored, short
from trading_mcp import __version__
from trading_mcp.bridge import flags_of
from trading_mcp.errors import Exit, UsageInvalid
from trading_mcp.link import LINE_MAX, Hello, Lines, listen, read_hello, refusal, welcome
from trading_mcp.place import located

_ = short
PROGRAM = (sys.executable, "-m", "trading_mcp")
WITHIN = 20.0
ASKED: dict[str, Any] = {"jsonrpc": "2.0", "id": 7, "method": "initialize", "params": {}}
Serve = Callable[[socket.socket, Hello], None]


def echo(client: socket.socket, hello: Hello) -> None:
    """Say everything back, and end when the client has said its last."""
    client.sendall(welcome("simulated", "SIMULATED"))
    while data := client.recv(65_536):
        client.sendall(data)


@contextmanager
def desk(serve: Serve = echo) -> Generator[list[Hello]]:
    """Stand in for the desk of the default home, for any number of clients."""
    place = located()
    Path(place.path).mkdir(mode=0o700, parents=True, exist_ok=True)
    heard: list[Hello] = []

    def served(client: socket.socket) -> None:
        with client:
            heard.append(read_hello(Lines().feed(client.recv(65_536))[0]))
            serve(client, heard[-1])

    def accepted() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=served, args=(client,), daemon=True).start()

    listener = listen(place)
    threading.Thread(target=accepted, daemon=True).start()
    yield heard
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def bridge(*arguments: str) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    return subprocess.Popen([*PROGRAM, *arguments], stdin=pipe, stdout=pipe, stderr=pipe)


def said(arguments: tuple[str, ...], data: bytes) -> tuple[int, bytes, str]:
    """Say it all, close, and hear everything."""
    process = bridge(*arguments)
    out, err = process.communicate(data, WITHIN)
    return process.returncode, out, err.decode()


def answers(out: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


# A session


@pytest.mark.usefixtures("short")
def test_what_the_assistant_says_arrives_and_every_byte_comes_back() -> None:
    data = os.urandom(3 * LINE_MAX) + b"the end"
    with desk() as heard:
        assert said((), data) == (Exit.DONE, data, "")
    assert (heard[0].kind, heard[0].client, heard[0].flags) == ("mcp", "trading-mcp bridge", {})


@pytest.mark.usefixtures("short")
def test_a_line_is_passed_on_at_once() -> None:
    with desk(), bridge() as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line in (b"one\n", b"two\n"):
            process.stdin.write(line)
            process.stdin.flush()
            assert process.stdout.readline() == line
        process.stdin.close()
        assert process.wait(WITHIN) == Exit.DONE


@pytest.mark.usefixtures("short")
def test_flags_travel_in_the_first_line() -> None:
    with desk() as heard:
        words = ("--home", "simulated", "--read-only", "--toolsets=look,act", "--tools", "get_events")
        assert said((*words, "--exclude-tools", "kill_switch"), b"")[0] == Exit.DONE
    assert heard[0].flags == {
        "read_only": True,
        "toolsets": ["look", "act"],
        "tools": ["get_events"],
        "exclude_tools": ["kill_switch"],
    }


@pytest.mark.usefixtures("short")
def test_what_was_asked_before_the_end_is_still_answered() -> None:
    def late(client: socket.socket, hello: Hello) -> None:
        client.sendall(welcome("simulated", "SIMULATED"))
        data = b""
        while piece := client.recv(65_536):
            data += piece
        client.sendall(b"after the end: " + data)

    with desk(late):
        assert said((), b"asked\n") == (Exit.DONE, b"after the end: asked\n", "")


@pytest.mark.usefixtures("short")
def test_an_assistant_that_reads_nothing_for_long_blocks_no_direction() -> None:
    """The desk answers as it is asked and stops reading until its answers are taken: neither waits for the other."""
    data = b"x" * 4 * LINE_MAX
    with desk(), bridge() as process:
        assert process.stdin is not None
        assert process.stdout is not None
        writer = threading.Thread(target=write_all, args=(process.stdin.fileno(), data))
        writer.start()
        got = b""
        while len(got) < len(data):
            got += os.read(process.stdout.fileno(), 1 << 20)
        writer.join(WITHIN)
        process.stdin.close()
        assert process.wait(WITHIN) == Exit.DONE
    assert got == data


def write_all(handle: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(handle, left) :]


# The end


@pytest.mark.usefixtures("short")
def test_a_desk_that_goes_away_ends_the_session_with_one_sentence() -> None:
    def leaves(client: socket.socket, hello: Hello) -> None:
        client.sendall(welcome("simulated", "SIMULATED") + b"half an answ")

    with desk(leaves), bridge() as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.wait(WITHIN) == Exit.NO_DESK  # although its stdin is still open
        assert process.stdout.read() == b"half an answ"
        err = process.stderr.read().decode()
    assert err.startswith("The desk of home simulated has ended this session. See why: ")
    assert err.endswith("trading-mcp doctor --home simulated\n")
    assert err.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.usefixtures("short")
def test_a_signal_ends_it_without_a_word_and_the_desk_notices(number: signal.Signals) -> None:
    gone = threading.Event()

    def waits(client: socket.socket, hello: Hello) -> None:
        echo(client, hello)
        gone.set()

    with desk(waits), bridge() as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(b"there?\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"there?\n"
        process.send_signal(number)
        assert process.wait(WITHIN) == -number
        assert process.stderr.read() == b""
        assert gone.wait(WITHIN)


@pytest.mark.usefixtures("short")
def test_an_assistant_that_stops_listening_is_no_error() -> None:
    with desk(), bridge() as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.write(b"nobody reads this\n")
        process.stdin.flush()
        assert process.wait(WITHIN) == Exit.DONE
        assert process.stderr.read() == b""


# No session


def requests() -> bytes:
    lines = [{**ASKED, "id": "first", "method": "server/discover"}, {"jsonrpc": "2.0", "method": "no/answer"}, ASKED]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines) + b"garbage\n"


def refused(arguments: tuple[str, ...]) -> tuple[int, str]:
    """What the assistant is told for each of its requests, which is what stderr says as well."""
    code, out, err = said(arguments, requests())
    told = answers(out)
    assert [answer["id"] for answer in told] == ["first", 7]
    assert {answer["error"]["message"] for answer in told} == {err.rstrip("\n")}
    assert "Traceback" not in err
    return code, err


@pytest.mark.usefixtures("short")
def test_what_the_desk_refuses_reaches_the_person_and_the_assistant() -> None:
    def refuses(client: socket.socket, hello: Hello) -> None:
        client.sendall(refusal(UsageInvalid("There is no toolset 'moon'.", "One of: look, act.")))

    with desk(refuses):
        assert refused(("--toolsets", "moon")) == (1, "There is no toolset 'moon'. One of: look, act.\n")


def test_a_live_desk_is_started_by_a_person_and_the_assistant_is_told_how(short: Path) -> None:
    place = mirrored(located("real"), "LIVE")
    code, err = refused(("--home", "real"))
    assert code == Exit.NO_DESK
    assert "LIVE: only a person starts it" in err
    assert "desk --home real" in err
    assert sorted(each.name for each in Path(place.path).iterdir()) == ["home.json"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--frobnicate",), "has no '--frobnicate'"),
        (("--read-only=yes",), "has no '--read-only'"),
        (("--read-only", "status"), "has no 'status'"),
        (("--toolsets",), "--toolsets is without its value"),
        (("--tools", "--read-only"), "--tools is without its value"),
        (("--home=",), "--home is without its value"),
        (("--home", "../x"), "cannot be the name of a home"),
        (("--home", "nowhere"), "There is no home named nowhere"),
    ],
)
@pytest.mark.usefixtures("short")
def test_flags_that_mean_nothing_are_refused_in_a_sentence(arguments: tuple[str, ...], says: str) -> None:
    code, err = refused(arguments)
    assert code == Exit.USAGE
    assert says in err


@pytest.mark.usefixtures("short")
def test_a_desk_of_another_version_is_not_talked_to() -> None:
    def other(client: socket.socket, hello: Hello) -> None:
        client.sendall(welcome("simulated", "SIMULATED").replace(__version__.encode(), b"99.0.0"))

    with desk(other) as heard:
        code, err = refused(())
    assert code == Exit.NO_DESK
    assert f"is version 99.0.0, this is {__version__}" in err
    assert [hello.kind for hello in heard] == ["mcp"]


@pytest.mark.parametrize(
    ("mode", "answer", "says"),
    [
        (
            "SIMULATED",
            b'{"ok":false,"error":{"message":"This desk is needed: a proposal waits."}}\n',
            "a proposal waits.",
        ),
        ("SIMULATED", b'{"ok":"yes"}\n', "it does not say why"),
        ("LIVE", b"", f"is version 0.0.9, this is {__version__}"),
        ("SIMULATED", b"", f"is version 0.0.9, this is {__version__}"),
    ],
)
def test_an_earlier_desk_that_does_not_make_way_is_explained(
    short: Path, mode: str, answer: bytes, says: str
) -> None:
    asked: list[dict[str, Any]] = []

    def earlier(client: socket.socket, hello: Hello) -> None:
        client.sendall(welcome("simulated", mode).replace(__version__.encode(), b"0.0.9"))
        if hello.kind == "cli" and (line := client.recv(65_536)):
            asked.append(json.loads(line))
            client.sendall(answer)

    with desk(earlier):
        code, err = refused(())
    assert code == Exit.NO_DESK
    assert says in err
    assert "trading-mcp desk stop --home simulated" in err
    assert asked == (
        [] if mode == "LIVE" else [{"request": "stop", "reason": "a newer version starts", "unless_needed": True}]
    )


def test_a_terminal_gets_help_and_not_a_program_that_waits() -> None:
    for arguments in ((), ("--read-only",)):
        here, there = pty.openpty()
        done = subprocess.run([*PROGRAM, *arguments], stdin=there, capture_output=True, check=False, timeout=WITHIN)
        os.close(here)
        os.close(there)
        assert done.returncode == Exit.DONE
        assert b"Every command takes --home NAME" in done.stdout


def test_ends_that_are_closed_are_not_mistaken_for_the_desk() -> None:
    for closed in ("<&-", ">&-"):
        done = subprocess.run(
            ["/bin/sh", "-c", f'exec "$0" -m trading_mcp {closed}', sys.executable],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=WITHIN,
        )
        assert (done.returncode, done.stderr) == (Exit.DONE, b"")


def test_flags_are_read_without_a_process_too() -> None:
    assert flags_of([]) == (None, {})
    assert flags_of(["--home=other", "--tools", "a,,b"]) == ("other", {"tools": ["a", "b"]})


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux tells of a process")
@pytest.mark.usefixtures("short")
def test_it_stays_small() -> None:
    with desk(), bridge() as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"x" * 30_000 + b"\n")
        process.stdin.flush()
        process.stdout.readline()
        status = Path(f"/proc/{process.pid}/status").read_text()
        process.stdin.close()
        assert process.wait(WITHIN) == Exit.DONE
    most = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    assert int(most.split()[1]) < 20 * 1024

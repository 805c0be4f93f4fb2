"""What goes over the desk's socket, and everything that may stand at its place instead of a desk."""

import json
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from trading_mcp import __version__
from trading_mcp.errors import (
    DeskOther,
    Exit,
    LinkBroken,
    LinkRefused,
    PolicyInvalid,
    TradingMcpError,
)
from trading_mcp.link import (
    LINE_MAX,
    Lines,
    decode,
    encode,
    hello,
    read_hello,
    read_welcome,
    refusal,
    welcome,
)

SRC = Path(__file__).parents[1] / "src"

# What the bridge pays for at every start. `json` brings re and what re needs; `socket` brings selectors and enum.
LOADED = {
    *("json", "json.decoder", "json.encoder", "json.scanner", "shlex", "signal", "socket", "struct"),
    *("re", "re._casefix", "re._compiler", "re._constants", "re._parser", "_sre", "copyreg"),
    *("enum", "types", "functools", "collections", "collections.abc", "keyword", "operator", "reprlib"),
    *(
        "math",
        "array",
        "errno",
        "_operator",
        "_functools",
        "_collections",
        "_json",
        "_socket",
        "_struct",
        "_weakrefset",
        "select",
        "selectors",
    ),
}


def test_what_the_bridge_imports_loads_nothing_heavy() -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(SRC)!r}); before = set(sys.modules); "
        "import trading_mcp.bridge; print(*sorted(set(sys.modules) - before))"
    )
    # -S: what a site adds to every Python is not ours.
    done = subprocess.run([sys.executable, "-S", "-E", "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    ours = {name for name in loaded if name.startswith("trading_mcp")}
    assert ours == {"trading_mcp"} | {
        f"trading_mcp.{name}" for name in ("bridge", "errors", "launch", "link", "place")
    }
    started_with = {
        "__future__",
        "itertools",
        "os",
        "stat",
        "abc",
        "posixpath",
        "genericpath",
        "_collections_abc",
        "_stat",
        "os.path",
    }
    assert loaded - ours - LOADED - started_with == set()


# Frames


def test_lines_come_out_whole_however_they_arrive() -> None:
    lines = [b'{"a":1}', b"", b"{}", b"x" * 5_000]
    stream = b"".join(line + b"\n" for line in lines)
    for size in (1, 2, 3, 7, 4_096, len(stream)):
        reader = Lines()
        got = [line for start in range(0, len(stream), size) for line in reader.feed(stream[start : start + size])]
        assert got == lines


def test_a_line_may_be_a_mebibyte_long_and_not_a_byte_longer() -> None:
    assert Lines().feed(b"x" * LINE_MAX + b"\n") == [b"x" * LINE_MAX]
    for data in (b"x" * (LINE_MAX + 1) + b"\n", b"x" * (LINE_MAX + 1)):
        with pytest.raises(LinkBroken, match="longer than 1,048,576 bytes"):
            Lines().feed(data)


def test_a_line_that_is_too_long_is_passed_over_where_the_session_is_to_go_on() -> None:
    stream = (
        b"one\n" + b"x" * (LINE_MAX + 1) + b"\ntwo\n" + b"y" * 3 * LINE_MAX + b"\n" + b"z" * LINE_MAX + b"\nend\n"
    )
    for size in (4_096, 65_536, LINE_MAX, LINE_MAX + 7, len(stream)):
        reader = Lines(passes=True)
        got = [line for start in range(0, len(stream), size) for line in reader.feed(stream[start : start + size])]
        assert got == [b"one", b"two", b"z" * LINE_MAX, b"end"]
        assert reader.passed_over == 2


def test_eight_mebibytes_of_garbage_are_refused_after_one() -> None:
    here, there = socket.socketpair()
    with here, there:
        garbage = threading.Thread(target=send_all, args=(there, b"\xff" * 8 * LINE_MAX))
        garbage.start()
        reader, taken = Lines(), 0
        refused = None
        while refused is None:
            data = here.recv(65_536)
            taken += len(data)
            try:
                reader.feed(data)
            except LinkBroken as error:
                refused = error
        here.close()
        garbage.join()
    assert taken <= LINE_MAX + 65_536


def send_all(connection: socket.socket, data: bytes) -> None:
    with suppress(OSError):
        connection.sendall(data)


def test_a_message_survives_its_line() -> None:
    message: dict[str, object] = {
        "text": "a\nb\u2028c\ud800 é",
        "list": [1, None, True],
        "deep": {"x": {"y": "0.10"}},
    }
    line = encode(message)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert decode(line[:-1]) == message


def test_a_message_that_is_no_line_is_not_sent() -> None:
    with pytest.raises(LinkBroken):
        encode({"x": "y" * LINE_MAX})
    with pytest.raises(ValueError, match="JSON compliant"):
        encode({"x": float("nan")})


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b" ",
        b"x",
        b"[]",
        b"7",
        b"null",
        b'"x"',
        b"{}{}",
        b"{",
        b"\xff{}",
        b"\xef\xbb\xbf{}",
        b'{"a":1,"a":2}',
        b'{"x":{"a":1,"a":2}}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a":' + b"9" * 5_000 + b"}",
        b" " * LINE_MAX + b"{}",
    ],
)
def test_a_line_that_is_not_one_object_is_refused(line: bytes) -> None:
    with pytest.raises(LinkBroken) as refused:
        decode(line)
    assert refused.value.exit_code is Exit.FAILED


# First lines


def test_a_client_says_who_it_is() -> None:
    said = read_hello(hello("mcp", "claude\x1b[0m", {"toolsets": ["look"], "read_only": True})[:-1])
    assert (said.kind, said.client, said.flags) == ("mcp", "claude?[0m", {"toolsets": ["look"], "read_only": True})


HELLO: dict[str, object] = {"v": 1, "kind": "cli", "client": "x", "flags": {}}


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"v": "1"},
        {"v": True},
        {"v": 1.0},
        {"v": None},
        {"kind": "MCP"},
        {"kind": "web"},
        {"kind": None},
        {"client": 7},
        {"client": "x" * 201},
        {"flags": []},
        {"flags": None},
        {"mode": "LIVE"},
    ],
)
def test_a_client_that_says_it_differently_is_refused(change: dict[str, object]) -> None:
    assert read_hello(json.dumps(HELLO).encode()).kind == "cli"
    with pytest.raises(LinkRefused):
        read_hello(json.dumps(HELLO | change).encode())


@pytest.mark.parametrize("missing", HELLO)
def test_a_client_that_leaves_something_out_is_refused(missing: str) -> None:
    with pytest.raises(LinkRefused):
        read_hello(json.dumps({name: value for name, value in HELLO.items() if name != missing}).encode())


def test_a_desk_says_who_it_is_and_passes_on_why_it_will_not_talk() -> None:
    said = read_welcome(welcome("mine", "PAPER")[:-1])
    assert (said.desk, said.home, said.mode) == (__version__, "mine", "PAPER")
    with pytest.raises(LinkRefused) as refused:
        read_welcome(refusal(PolicyInvalid("No\x1b good.", "Do better."))[:-1])
    assert (refused.value.message, refused.value.next_step) == ("No? good.", "Do better.")


WELCOME: dict[str, object] = {"v": 1, "desk": "0.1.0", "home": "mine", "mode": "PAPER"}


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"v": 2}, DeskOther),
        ({"v": True}, DeskOther),
        ({"mode": "paper"}, LinkBroken),
        ({"mode": "BACKTEST"}, LinkBroken),
        ({"mode": None}, LinkBroken),
        ({"home": 7}, LinkBroken),
        ({"desk": None}, LinkBroken),
        ({"more": 1}, LinkBroken),
    ],
)
def test_a_desk_that_says_it_differently_is_not_believed(
    change: dict[str, object], kind: type[TradingMcpError]
) -> None:
    with pytest.raises(kind):
        read_welcome(json.dumps(WELCOME | change).encode())

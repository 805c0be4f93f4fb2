"""The assistants' way in, beside the SDK's plain stdio server, by one raw client: `python -m bench.doors`."""

import contextlib
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from decimal import ROUND_FLOOR, Decimal
from pathlib import Path
from typing import Any

from bench.desk import appends
from bench.journal import made
from bench.measure import Result, percentile, report

ROOT = Path(__file__).resolve().parents[1]
OURS = (str(Path(sys.executable).with_name("trading-mcp")),)
PLAIN = (sys.executable, str(ROOT / "bench" / "plain_server.py"))
BARE = (sys.executable, "-c", "import os; os.write(1, os.read(0, 65536))")
STARTS = 40 if "--long" in sys.argv else 12
CALLS = 10_000 if "--long" in sys.argv else 2_000
# In turns, so that both sides meet the same weather on the machine.
TURN = 50
HANDSHAKE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "bench", "version": "1"},
}
# Few enough that the pace at which a venue may be asked is not what is measured.
PAIRS = ("BTC-USDT", "ETH-USDT")
# An entry is left in this many pieces, each still above the venue's minimum.
PIECES = 18
NUMBERS = itertools.count()


class Client:
    """A raw client on a program's standard streams: a line out, a line in, and nothing of the SDK in between."""

    def __init__(self, command: tuple[str, ...]) -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._to, self._from = self.process.stdin.fileno(), self.process.stdout.fileno()
        self._asked = 0

    def ask(self, method: str, **params: object) -> dict[str, Any]:
        self._asked += 1
        line = {"jsonrpc": "2.0", "id": self._asked, "method": method, "params": params}
        answer = json.loads(self.exchanged(json.dumps(line).encode() + b"\n"))
        assert answer["id"] == self._asked, answer
        return answer["result"]

    def exchanged(self, line: bytes) -> bytes:
        os.write(self._to, line)
        answer = b""
        while not answer.endswith(b"\n"):
            piece = os.read(self._from, 1 << 20)
            assert piece, "it hung up"
            answer += piece
        return answer

    def shake(self) -> None:
        self.ask("initialize", **HANDSHAKE)
        os.write(self._to, b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')

    def call(self, name: str, **arguments: object) -> dict[str, Any]:
        return self.ask("tools/call", name=name, arguments=arguments)

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextlib.contextmanager
def session(command: tuple[str, ...]) -> Generator[Client]:
    client = Client(command)
    try:
        client.shake()
        yield client
    finally:
        client.close()


def first_list(command: tuple[str, ...]) -> float:
    """From the start of the process to the answer to tools/list."""
    begun = time.perf_counter()
    with session(command) as client:
        assert client.ask("tools/list")["tools"]
        return time.perf_counter() - begun


def first_answer(command: tuple[str, ...]) -> float:
    begun = time.perf_counter()
    client = Client(command)
    client.exchanged(b"{}\n")
    spent = time.perf_counter() - begun
    client.close()
    return spent


def said(*words: str) -> None:
    subprocess.run([*OURS, *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def starts() -> list[Result]:
    """A session that joins the desk, one that has to start it, the plain server, and bare Python, in turns."""
    running, cold, plain, bare = [list[float]() for _ in range(4)]
    first_list(OURS)  # makes the home, compiles everything once, and leaves the desk running
    first_list(PLAIN)
    for _ in range(STARTS):
        running.append(first_list(OURS))
        plain.append(first_list(PLAIN))
        bare.append(first_answer(BARE))
        said("stop")
        cold.append(first_list(OURS))
        plain.append(first_list(PLAIN))
    reference, joined, started, python = (percentile(each, 0.5) for each in (plain, running, cold, bare))
    return [
        Result(name="bare Python, one line echoed", value=python * 1e3, unit="ms"),
        Result(name="plain SDK server, start to tools/list", value=reference * 1e3, unit="ms"),
        Result(
            name="bridge to a running desk, start to tools/list",
            value=joined * 1e3,
            unit="ms",
            ratio=joined / reference,
            against="plain SDK",
            aim=f"<= 0.067 x, 15 times faster: {reference / joined:.1f} times",
        ),
        Result(name="the same, beside bare Python", value=(joined - python) * 1e3, unit="ms more"),
        Result(
            name="bridge without a desk, start to tools/list",
            value=started * 1e3,
            unit="ms",
            ratio=started / reference,
            against="plain SDK",
            aim="<= 1.5 x",
        ),
    ]


def resident(process: int) -> float:
    """The most memory a process has held, in MB."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024 / 1e6


def reads() -> list[Result]:
    """A read tool, journaled before and after, beside a trivial tool of the plain server."""
    ours, plain = list[float](), list[float]()
    with session(OURS) as desk, session(PLAIN) as peer:

        def timed(into: list[float], call: Callable[[], dict[str, Any]]) -> None:
            for _ in range(TURN):
                begun = time.perf_counter()
                answer = call()
                into.append(time.perf_counter() - begun)
                assert not answer.get("isError"), answer

        for _ in range(4 + CALLS // TURN):
            timed(ours, lambda: desk.call("get_agent_status"))
            timed(plain, lambda: peer.call("ping", text="there?"))
        memory = [resident(client.process.pid) for client in (desk, peer)] if sys.platform == "linux" else [0.0, 0.0]
    ours, plain = ours[4 * TURN :], plain[4 * TURN :]
    middle, tail = ((percentile(ours, share), percentile(plain, share)) for share in (0.5, 0.99))
    return [
        Result(name="plain SDK tool, p50", value=middle[1] * 1e3, unit="ms"),
        Result(name="plain SDK tool, p99", value=tail[1] * 1e3, unit="ms"),
        _beside("journaled read tool, p50", *middle, "<= 1.0 x"),
        _beside("journaled read tool, p99", *tail, "<= 1.2 x"),
        Result(
            name="memory of the bridge",
            value=memory[0],
            unit="MB",
            ratio=memory[0] / memory[1] if memory[1] else None,
            against="plain SDK",
            aim="<= 15 MB",
        ),
    ]


def _beside(name: str, value: float, reference: float, aim: str, against: str = "plain SDK") -> Result:
    return Result(name=name, value=value * 1e3, unit="ms", ratio=value / reference, against=against, aim=aim)


def trades(folder: Path) -> list[Result]:
    """An order that fills, beside one journaled read and three appends of our own to the same disk.

    Exits, since the shipped limits hold entries to the pace of a person; on the wire and on disk both are alike.
    """
    read, traded, three = list[float](), list[float](), list[float]()
    # The disk is quicker when it is kept busy: the appends are made between the trades, not on their own.
    journal = made(folder, "reference")
    with session(OURS) as desk, contextlib.closing(journal):
        while desk.call("get_agent_status")["structuredContent"]["venues"][0]["feed"] != "HEALTHY":
            time.sleep(0.1)
        for pair in PAIRS:
            entered = _traded(desk, pair=pair, side="buy", notional="240")["order"]["filled_quantity"]
            piece = str((Decimal(entered) / PIECES).quantize(Decimal(entered), ROUND_FLOOR))
            for _ in range(PIECES - 1):
                begun = time.perf_counter()
                _traded(desk, pair=pair, side="sell", quantity=piece)
                traded.append(time.perf_counter() - begun)
                begun = time.perf_counter()
                desk.call("get_agent_status")
                read.append(time.perf_counter() - begun)
                three.append(appends(journal, len(three)))
    reference = percentile(read, 0.5) + percentile(three, 0.5)
    against = "read + three"
    return [
        Result(name="a journaled read and three appends, p50", value=reference * 1e3, unit="ms"),
        _beside("execute_trade through the door, p50", percentile(traded, 0.5), reference, "<= 1.6 x", against),
        _beside("execute_trade through the door, p99", percentile(traded, 0.99), reference, "", against),
    ]


def _traded(desk: Client, **words: str) -> dict[str, Any]:
    answer = desk.call("execute_trade", intent_id=f"bench-{next(NUMBERS)}", **words)["structuredContent"]
    assert answer["status"] == "filled", answer
    return answer


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="tm") as name:
        folder = Path(name)
        os.environ |= {"HOME": name, "XDG_DATA_HOME": name, "XDG_STATE_HOME": name}
        os.environ.pop("TRADING_MCP_HOME", None)
        try:
            results = [*starts(), *reads(), *trades(folder)]
        finally:
            subprocess.run([*OURS, "stop"], check=False, capture_output=True)
        report(results)


if __name__ == "__main__":
    main()

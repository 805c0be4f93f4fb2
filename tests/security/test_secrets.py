"""A real desk with a canary wherever a secret lives, and hostile words in what it shows: none is found."""

from __future__ import annotations

import base64
import json
import signal
import socket
import zlib
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.desks import DeskProcess
from tests.places import short
from tests.security.payloads import PAYLOADS
from tests.security.test_injection import hidden
from tests.security.wire import ERAS, HANDSHAKE, MODERN, enveloped
from trading_mcp.adapters.approvals.keystore import Keystore
from trading_mcp.adapters.system.clock import SystemClock
from trading_mcp.link import Lines, connect
from trading_mcp.place import located

_ = short
pytestmark = pytest.mark.slow
OWNERS = "canary-heron violet anvil trumpet"
WRONG = "canary-otter maple wrong guess"
# What a person or a program could paste where it does not belong.
PASTED = {
    "api_key": "canaryAk7Qm2Zx9Vb4Nc8Lw3",
    "secret": "canarySk1Rt6Yp0Hd5Jf2Gs7",
    "password": "canaryPw9Ui3Oa8Ec1Lk4Mn",
    "bearer": "canaryBt5Xz7Cv2Bn9Mq1Ws",
    "token": "tmcp_canaryTk4Ed8Rf3Tg7Yh2Uj",
}
VARIABLES = {
    "ALPACA_API_SECRET": "canaryEnv1Aa9Ss8Dd7Ff6Gg",
    "OP_SERVICE_ACCOUNT_TOKEN": "ops_canaryEnv2Zz1Xx2Cc3Vv",
    "BINANCE_SECRET": "canaryEnv3Qq5Ww4Ee3Rr2",
}


class Door:
    """An assistant on the desk's own socket, in one era."""

    def __init__(self, client: str, era: str) -> None:
        self._socket: socket.socket = connect(located(), "mcp", client)[0]
        self._socket.settimeout(30)
        self._lines, self._waiting, self._asked = Lines(), list[bytes](), 0
        self.heard = ""
        info = {"name": client, "version": client}
        self._envelope = enveloped(era, info, {}) if era == MODERN else {}
        if era == HANDSHAKE:
            assert "result" in self.ask("initialize", protocolVersion=era, capabilities={}, clientInfo=info)

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        self._asked += 1
        asked = {**self._envelope, **params}
        message = {"jsonrpc": "2.0", "id": self._asked, "method": method, "params": asked}
        self._socket.sendall(json.dumps(message).encode() + b"\n")
        while True:
            while not self._waiting:
                self._waiting = self._lines.feed(self._socket.recv(65_536))
            line = self._waiting.pop(0)
            self.heard += line.decode()
            told = json.loads(line)
            if told.get("id") == self._asked:
                return told

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        told = self.ask("tools/call", name=tool, arguments=arguments)
        return told.get("result", {}).get("structuredContent", told)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def desk(short: Path) -> Generator[DeskProcess]:
    made = DeskProcess(short)
    made.environment |= VARIABLES
    yield made.start()
    made.end()


def test_no_secret_is_found_anywhere(desk: DeskProcess, short: Path) -> None:
    heard: list[str] = []

    def typed(*words: str, answers: tuple[str, ...]) -> None:
        heard.append(desk.type(*words, answers=answers).out)

    typed("approver", "enroll", answers=(OWNERS, OWNERS))
    made = desk.say("token", "new", "laptop", "--role", "trader", "--json")
    token: str = made.answer["token"]
    pasted = " ".join(f"{name}={secret}" for name, secret in PASTED.items())
    door, older = (Door(f"client {pasted}"[:200], era) for era in ERAS)
    door.call("execute_trade", pair="BTC-USDT", side="buy", notional="280", intent_id="mine", reason=f"token={token}")
    for number, tool in enumerate(
        ("execute_trade", "set_guardrails", "kill_switch", "withdraw_proposal", "get_events")
    ):
        door.call("execute_trade", pair="BTC-USDT", side="buy", notional="280", intent_id=f"i{number}", reason=pasted)
        older.call(tool, reason=pasted, pair=pasted, proposal_id=pasted, text=pasted, password=PASTED["password"])
    door.call("cancel_order", order_id=f"Bearer {PASTED['bearer']} token={token}")
    typed("approve", "order/mine", answers=(WRONG,))
    typed("approve", "order/mine", answers=(OWNERS,))
    for words in (
        ("status",),
        ("proposals",),
        ("audit", "tail", "--json"),
        ("doctor",),
        ("approve", "x", "--password", OWNERS),
    ):
        said = desk.say(*words)
        heard.append(said.out + said.err)
    heard[-1] = heard[-1].replace(OWNERS, "")  # a shell's own line, which argparse repeats to the one who typed it
    heard += [door.heard, older.heard]
    assert desk.process is not None
    desk.signal(signal.SIGABRT)  # a crash, with whatever a crash leaves
    desk.ended()
    door.close()
    older.close()
    heard.append(desk.heard)

    (sealed,) = [path.parent for path in short.rglob("approver.json")]
    key = Keystore(sealed, SystemClock()).unlock(OWNERS)._private  # pyright: ignore[reportPrivateUsage]
    assert key is not None
    seed = key.private_bytes_raw()
    secrets = [each.encode() for each in (OWNERS, WRONG, token, *PASTED.values(), *VARIABLES.values())]
    secrets += [seed, seed.hex().encode(), base64.b64encode(seed), base64.urlsafe_b64encode(seed).rstrip(b"=")]
    looked = 0
    for path in [path for path in short.rglob("*") if path.is_file()]:
        found = contents(path)
        looked += len(found)
        assert not [secret for secret in secrets if secret in found], path
    told = "\n".join(heard).encode()
    assert not [secret for secret in secrets if secret in told]
    # The owner did sign, and what was pasted did come as far as the journal.
    assert "filled" in heard[2]
    assert b"[redacted]" in b"".join(path.read_bytes() for path in short.rglob("journal*"))
    assert looked > 10_000


def contents(path: Path) -> bytes:
    """A file as it is, and unpacked where it is packed."""
    raw = path.read_bytes()
    try:
        return raw + zlib.decompress(raw, wbits=47)
    except zlib.error:
        return raw


def test_what_a_person_reads_is_clean_whatever_an_assistant_wrote(desk: DeskProcess) -> None:
    assert desk.type("approver", "enroll", answers=(OWNERS, OWNERS)).code == 0
    hostile = [each for each in PAYLOADS if hidden(each) and len(each) < 60]
    words = ["".join(hostile[start : start + 30])[:390] for start in range(0, len(hostile), 30)]
    door = Door(words[0][:80], MODERN)
    for number, reason in enumerate(words[:4]):
        door.call("execute_trade", pair="BTC-USDT", side="buy", notional="280", intent_id=f"i{number}", reason=reason)
        door.call("set_guardrails", changes={"market.crypto.ask_above": str(900 + number)}, reason=reason)
        door.call("withdraw_proposal", proposal_id=reason, reason=reason)
        door.call("cancel_order", order_id=reason, reason=reason)
        door.call("close_positions", pair=reason[:40], book=reason, reason=reason)
        door.call("get_events", text=reason, actor=reason, intent_id=reason)
    waiting = desk.say("proposals", "--json").answer["proposals"]
    assert len(waiting) >= 1
    screens = [
        ("status",),
        ("proposals",),
        ("orders",),
        ("audit", "tail", "--count", "200"),
        ("why", "i0"),
        ("policy", "show"),
    ]
    for words_typed in screens:
        said = desk.say(*words_typed)
        assert not hidden((said.out + said.err).replace("\n", "")), words_typed
        assert said.out, words_typed
    shown = desk.type("approve", waiting[0]["id"], answers=("",))
    assert "untrusted" in shown.words.lower() or "words" in shown.words.lower()
    assert not hidden(shown.out.replace("\r\n", "")), shown.out
    door.call("kill_switch", reason=words[-1])
    assert not hidden(desk.say("status").out.replace("\n", ""))
    assert desk.say("audit", "verify").code == 0
    door.close()

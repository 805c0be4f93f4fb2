"""The examples are run as somebody who copied them would run them: a process, the real bridge, a real desk."""

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cli.desks import WITHIN, DeskProcess

pytestmark = pytest.mark.slow
CHECKIN = Path(__file__).resolve().parents[2] / "examples" / "checkin.py"
PROGRAM = str(Path(sys.executable).with_name("trading-mcp"))


def checked_in(desk: DeskProcess, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(CHECKIN), PROGRAM],
        env={**desk.environment, **environment},
        cwd=desk.data,
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN,
    )


def test_the_check_in_trades_once_a_day_however_often_it_runs(desk: DeskProcess) -> None:
    before = datetime.now(UTC).date()
    deadline = time.monotonic() + WITHIN
    while any(venue["feed"] != "HEALTHY" for venue in desk.say("status", "--json").answer["venues"]):
        assert time.monotonic() < deadline
    first, second = checked_in(desk), checked_in(desk)
    assert (first.returncode, first.stderr, second.returncode) == (0, "", 0), first.stdout
    assert first.stdout.startswith("SIMULATED ACTIVE, equity ")
    assert "BTC-USDT: " in first.stdout
    orders = desk.say("orders", "--ended", "--json").answer["orders"]
    if "The signal is against it" in first.stdout:
        assert orders == []
    else:
        assert "filled: 0.0" in first.stdout
        assert first.stdout.splitlines()[-1] == second.stdout.splitlines()[-1] or datetime.now(UTC).date() != before
        assert len(orders) <= 1 + (datetime.now(UTC).date() != before)
    assert desk.say("halt").code == 0
    halted = checked_in(desk)
    assert halted.returncode == 1
    assert "Nothing is traded: KILL_SWITCH" in halted.stdout
    assert "resume" in halted.stdout


def test_without_the_program_the_check_in_says_how_it_is_called(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(CHECKIN)], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=WITHIN
    )
    assert done.returncode == 1
    assert "python examples/checkin.py" in done.stderr


@pytest.mark.parametrize(
    ("status", "said", "code"),
    [
        ("filled", "filled: 1 at 2, fee 3", 0),
        ("denied", "denied by X: too much. Would pass: less", 1),
        ("awaiting_approval", "asked by X: too much\nwaits for the owner: NEXT", 0),
        ("unknown", "not known yet: NEXT", 1),
        ("working", "working. NEXT", 0),
    ],
)
def test_the_check_in_knows_every_outcome(status: str, said: str, code: int) -> None:
    trade = {
        "status": status,
        "order": {"filled_quantity": "1", "average_price": "2", "fee": "3"},
        "findings": [{"code": "X", "reason": "too much", "would_pass": "less"}],
        "next_step": "NEXT",
    }
    script = (
        f"import json, sys; from checkin import told; sys.exit(told(json.loads({json.dumps(json.dumps(trade))})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(CHECKIN.parent)},
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN,
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, f"{said}\n", "")

"""SIGTERM and SIGINT ask for a good end; SIGUSR1 stops trading at once, also when the loop hangs."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from trading_mcp.adapters.system.signals import leave_terminal, signals


@pytest.mark.parametrize("each", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_asks_for_a_good_end(each: signal.Signals) -> None:
    asked: asyncio.Queue[str] = asyncio.Queue()
    with signals(stop=asked.put_nowait, kill=lambda: None):
        os.kill(os.getpid(), each)
        assert await asyncio.wait_for(asked.get(), 10) == each.name


async def test_the_kill_does_not_wait_for_a_loop_that_hangs() -> None:
    killed: list[bool] = []
    with signals(stop=lambda _name: None, kill=lambda: killed.append(True)):
        os.kill(os.getpid(), signal.SIGUSR1)
        assert killed == [True], "nothing was awaited in between"


async def test_afterwards_signals_mean_what_they_meant_before() -> None:
    asked = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
    before = [signal.getsignal(each) for each in asked]
    with signals(stop=lambda _name: None, kill=lambda: None):
        assert [signal.getsignal(each) for each in asked] != before
    assert [signal.getsignal(each) for each in asked] == before


def test_a_detached_desk_leads_a_session_of_its_own_and_holds_no_folder() -> None:
    assert callable(leave_terminal)
    program = (
        "import os; from trading_mcp.adapters.system.signals import leave_terminal; "
        "leave_terminal(); leave_terminal(); print(os.getsid(0) == os.getpid(), os.getcwd())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "True /\n"

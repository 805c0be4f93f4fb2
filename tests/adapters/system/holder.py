"""A program that holds a lock until it is killed, and may leave a child behind; it prints "held", or why not."""

import os
import subprocess
import sys
import time
from pathlib import Path

from trading_mcp.adapters.system.lock import hold_account, hold_home
from trading_mcp.errors import TradingMcpError

SLEEP = "import time; time.sleep(60)"


def main(folder: Path, account: str, leaves: str) -> int:
    try:
        lock = hold_account(folder, "alpaca", account) if account else hold_home(folder)
    except TradingMcpError as error:
        sys.stdout.write(f"{error}\n")
        return error.exit_code
    child = 0
    if leaves == "spawned":
        child = subprocess.Popen([sys.executable, "-c", SLEEP], close_fds=False).pid
    elif leaves == "forked":
        child = os.fork()
        if child == 0:
            time.sleep(60)
    sys.stdout.write(f"held {lock.stands} {child}\n")
    sys.stdout.flush()
    time.sleep(60)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))

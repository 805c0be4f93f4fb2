"""A stand-in for the desk's program: takes the lock, opens the socket and answers first lines, or fails on demand.

Its own first argument says how; the rest is what a real desk would be given.
"""

import os
import signal
import socket
import sys
import time
from pathlib import Path

from trading_mcp.adapters.system.lock import hold_home
from trading_mcp.errors import TradingMcpError
from trading_mcp.link import Lines, listen, read_hello, welcome
from trading_mcp.place import located

IDLE_SECONDS = 10


def main(behaviour: str, arguments: list[str]) -> int:
    place = located(arguments[2] if "--home" in arguments else None)
    match behaviour:
        case "serve":
            return serve(place.name, Path(place.path), " ".join(arguments))
        case "die":
            sys.stdout.write("First of all.\n")
            sys.stderr.write("Entry 7 does not\x1b[31m follow. Keep the file.\n")
            return 8
        case "be killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "forget":
            (Path(place.path).parent / f".{Path(place.path).name}.start.log").unlink()
        case _:
            sys.stdout.write(f"{os.getpid()}\n")
            sys.stdout.flush()
            time.sleep(IDLE_SECONDS)
    return 1


def serve(name: str, path: Path, arguments: str) -> int:
    """Every client is told in which process, session and folder this runs, and who else is connected."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    place = located(name if "--home" in arguments else None)
    try:
        lock = hold_home(path)
    except TradingMcpError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    listener = listen(place)
    listener.settimeout(IDLE_SECONDS)
    clients: list[socket.socket] = []
    while lock.stands:
        try:
            client, _ = listener.accept()
        except TimeoutError:
            return 0
        clients.append(client)
        read_hello(Lines().feed(client.recv(65536))[0])
        client.sendall(welcome(name, "SIMULATED"))
        client.sendall(f"{os.getpid()}|{os.getsid(0)}|{arguments}|{os.environ.get('TRADING_MCP_HOME')}\n".encode())
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))

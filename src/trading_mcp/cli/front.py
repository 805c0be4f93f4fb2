"""The front of the command line: which command, and every failure as one sentence with its next step."""

from __future__ import annotations

import json
import os
import sys

from trading_mcp import __version__
from trading_mcp.cli.commands import COMMANDS, run
from trading_mcp.cli.parsing import wrapped, written_out
from trading_mcp.errors import Exit, TradingMcpError, UsageInvalid
from trading_mcp.place import shown, spelled


def help_text() -> str:
    """Return the overview."""
    lines = [f"trading-mcp {__version__}: a local trading desk for AI assistants.", ""]
    group = ""
    for name, command in COMMANDS.items():
        if command.group != group:
            lines += [*([""] if group else []), f"{command.group}"]
            group = command.group
        lines.append(f"  {name:<11} {command.about}")
    lines += [
        "",
        "Every command takes --home NAME (default: simulated) and --json, and explains",
        "itself with --help. --version tells the version.",
        "",
        "Begin with two terminals:",
        written_out("  trading-mcp desk\n  trading-mcp trade buy BTC-USDT --notional 100"),
        "",
        "Exit codes: 0 done, 1 failed, 2 usage, 3 no desk, 4 denied or declined,",
        "5 awaiting approval, 6 rejected by the venue, 7 unknown, 8 unsound.",
        "",
        "An assistant starts the program without a command, with --home, --read-only,",
        "--toolsets, --tools or --exclude-tools: setup writes that for you.",
    ]
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Carry out one command line."""
    try:
        return int(_dispatched(arguments))
    except TradingMcpError as error:
        return fail(error, is_json="--json" in arguments)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return Exit.FAILED
    except BrokenPipeError:
        # Whoever was reading has read enough; nothing may complain when the interpreter leaves.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE
    except OSError as error:
        refused = TradingMcpError(f"The system refused: {shown(str(error))}.", "Look: trading-mcp doctor.")
        return fail(refused, is_json="--json" in arguments)


def _dispatched(arguments: list[str]) -> int:
    match arguments:
        case [] | ["--help"] | ["-h"] | ["help"]:
            print(help_text(), end="")
            return Exit.DONE
        case ["--version"]:
            print(f"trading-mcp {__version__}")
            return Exit.DONE
        case [name, *rest] if name in COMMANDS:
            return run(name, rest)
        case _:
            said = shown(" ".join(arguments))[:200]
            raise UsageInvalid(f"This program knows no {said!r}.", "Try: trading-mcp --help")


def fail(error: TradingMcpError, *, is_json: bool) -> int:
    """Say what went wrong, for a person or for a program."""
    if is_json:
        fields = {
            "code": getattr(error, "kind", "") or type(error).__name__,
            "message": spelled(error.message),
            "next_step": spelled(error.next_step),
        }
        print(json.dumps({"ok": False, "exit": int(error.exit_code), "error": fields}))
    else:
        text = spelled(str(error))
        print(wrapped(text) if sys.stderr.isatty() else text, file=sys.stderr)
    return error.exit_code

"""Who may import whom: the contracts in pyproject.toml, and those that only a look at every file can hold."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.checks import outside
from tests.architecture.tree import ROOT, Source, imports_of, is_within, shipped

OURS = "trading_mcp"

# A vendor's library stays in the folder that adapts it; everything else knows our ports.
HOMES: dict[str, tuple[str, ...]] = {
    "alpaca": ("adapters.brokers.alpaca", "adapters.feeds.alpaca"),
    "apprise": ("adapters.alerts",),
    "ccxt": ("adapters.brokers", "adapters.feeds.ccxt"),
    "cryptography": ("adapters.approvals", "adapters.journal"),
    "httpx2": ("adapters",),
    "mcp": ("doors.mcp_server",),
    "optuna": ("workers",),
    "pydantic": ("adapters", "doors", "cli"),
    "sqlite3": ("adapters",),
    "sqlite_utils": ("adapters.journal",),
    "starlette": ("doors",),
    "uvicorn": ("doors",),
    # What decides is asked by the desk and by the simulation; everybody else asks one of them.
    "trading_mcp.core.guardrails.decide": ("desk", "core.simulation", "core.guardrails"),
    # httpx2 continues httpx; two clients would mean two families of exceptions.
    "httpx": (),
    "requests": (),
}

# (who, may not import, because)
STRANGERS = (
    ("doors", "adapters", "people and assistants reach the market through the desk"),
    ("desk", "adapters", "everything outside reaches the desk as a port"),
    ("doors.mcp_server", "doors.web", "doors do not know each other"),
    ("doors.mcp_server", "doors.local", "doors do not know each other"),
    ("doors.web", "doors.mcp_server", "doors do not know each other"),
    ("doors.web", "doors.local", "doors do not know each other"),
    ("doors.local", "doors.mcp_server", "doors do not know each other"),
    ("doors.local", "doors.web", "doors do not know each other"),
)
LIGHT = ("bridge", "launch", "link", "place", "errors")


def breaches(looked_at: tuple[Source, ...]) -> list[str]:
    found: list[str] = []
    for source in looked_at:
        for package, homes in HOMES.items():
            found += [f"{source.place}:{line}: {what}" for line, what in outside(source, package, homes)]
        for line, name in imports_of(source):
            found += [
                f"{source.place}:{line}: imports {name}, but {because}"
                for who, whom, because in STRANGERS
                if source.is_in(who) and is_within(name, f"{OURS}.{whom}")
            ]
            if source.module in LIGHT and not is_light(name):
                found.append(f"{source.place}:{line}: imports {name}, but starts in milliseconds")
    return found


def is_light(name: str) -> bool:
    return (
        name.split(".", maxsplit=1)[0] in sys.stdlib_module_names
        or name in {OURS, f"{OURS}.__version__"}
        or any(is_within(name, f"{OURS}.{light}") for light in LIGHT)
    )


@pytest.mark.proves("T10")
def test_imports_point_down() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_strangers_stay_strangers() -> None:
    assert breaches(shipped()) == []


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("core/domain/money.py", "import alpaca"),
        ("desk/desk.py", "from ccxt import pro"),
        ("doors/web/app.py", "from trading_mcp.adapters.journal import sqlite"),
        ("desk/desk.py", "from trading_mcp.adapters import journal"),
        ("doors/web/app.py", "from trading_mcp.doors.local import frames"),
        ("adapters/journal/views.py", "from trading_mcp.core.guardrails.decide import decide"),
        ("adapters/feeds/cache.py", "import httpx"),
        ("bridge.py", "import msgspec"),
        ("bridge.py", "from trading_mcp.redact import redacted"),
    ],
)
def test_a_stranger_is_noticed(place: str, text: str) -> None:
    assert breaches((Source(f"src/trading_mcp/{place}", text),))


def test_what_belongs_is_let_in() -> None:
    assert breaches((Source("src/trading_mcp/bridge.py", "import socket\nfrom trading_mcp.link import frame"),)) == []
    assert breaches((Source("src/trading_mcp/adapters/journal/views.py", "import sqlite_utils"),)) == []


def circles(graph: dict[str, set[str]]) -> list[tuple[str, ...]]:
    """The shortest way back to itself of every module that has one, each circle once."""
    found: set[tuple[str, ...]] = set()
    for start in graph:
        ways: list[tuple[str, ...]] = [(start,)]
        seen: set[str] = set()
        while ways:
            way = ways.pop(0)
            for target in sorted(graph.get(way[-1], set())):
                if target == start:
                    first = way.index(min(way))
                    found.add((*way[first:], *way[:first]))
                    ways = []
                    break
                if target not in seen:
                    seen.add(target)
                    ways.append((*way, target))
    return sorted(found)


def graph_of(looked_at: tuple[Source, ...]) -> dict[str, set[str]]:
    modules = {source.module for source in looked_at}
    graph: dict[str, set[str]] = {}
    for source in looked_at:
        names = {name.removeprefix(f"{OURS}.") for _, name in imports_of(source)}
        # `from a.b import c` names either the module a.b.c or something inside a.b.
        graph[source.module] = {name if name in modules else name.rpartition(".")[0] for name in names} & modules - {
            source.module
        }
    return graph


def test_no_module_imports_itself_by_a_way_round() -> None:
    assert circles(graph_of(shipped())) == []


def test_the_search_for_circles_finds_them() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [("a", "b", "c")]
    assert circles({"a": {"b"}, "b": set()}) == []

"""What the architecture tests look at: the files of the repository, and Python sources as trees."""

import ast
import subprocess
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IGNORED = {".git", ".venv", "__pycache__", "mutants", "dist", "build", "htmlcov", "node_modules"}
BINARY = {".png", ".jpg", ".gif", ".ico", ".woff2", ".db", ".sqlite", ".gz", ".zip", ".whl"}


@dataclass(frozen=True)
class Source:
    """One Python file: where it stands in the repository, and what it says."""

    place: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.place)

    @property
    def module(self) -> str:
        """`src/trading_mcp/core/codec.py` is `core.codec`; the package itself is the empty name."""
        inside = self.place.removeprefix("src/trading_mcp/").removesuffix(".py").removesuffix("/__init__")
        return "" if inside == "__init__" else inside.replace("/", ".")

    def is_in(self, *modules: str) -> bool:
        return any(self.module == module or self.module.startswith(f"{module}.") for module in modules)

    @property
    def is_shipped(self) -> bool:
        return self.place.startswith("src/")


@lru_cache(maxsize=1)
def places() -> tuple[str, ...]:
    """Every file that belongs to the repository; without git, every file that is not a tool's leavings."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - whichever git there is
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        listed = [
            file.relative_to(ROOT).as_posix()
            for file in ROOT.rglob("*")
            if not IGNORED.intersection(file.relative_to(ROOT).parts)
            and not any(part.endswith("_cache") for part in file.relative_to(ROOT).parts)
        ]
    return tuple(sorted(place for place in set(listed) if (ROOT / place).is_file()))


@lru_cache(maxsize=1)
def sources() -> tuple[Source, ...]:
    return tuple(
        Source(place, (ROOT / place).read_text(encoding="utf-8")) for place in places() if place.endswith(".py")
    )


def shipped() -> tuple[Source, ...]:
    return tuple(source for source in sources() if source.is_shipped)


def texts() -> list[tuple[str, str]]:
    """Every file a person can read."""
    return [
        (place, (ROOT / place).read_text(encoding="utf-8", errors="replace"))
        for place in places()
        if Path(place).suffix not in BINARY
    ]


def imports_of(source: Source) -> list[tuple[int, str]]:
    """Line and full name of every import; `from a import b` may mean the module a.b, so it counts twice."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found.append((node.lineno, node.module))
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
    return found


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")

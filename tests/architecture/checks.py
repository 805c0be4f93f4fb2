"""The tidy checks: from one source to what is wrong with it, each with a bad example it must catch."""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.architecture.tree import Source, imports_of, is_within

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
LAZY_PLACES = ("bootstrap", "__main__", "cli.commands")
ORDER_MAKERS = ("core.guardrails", "core.codec")
EXACT_PLACES = ("core.domain", "core.guardrails")
IMPURE = frozenset(
    ("os", "time", "random", "secrets", "uuid", "asyncio", "logging", "socket", "pathlib", "subprocess")
)
COPIERS = frozenset(("replace", "asdict", "astuple", "fields"))
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

_SQL = re.compile(
    r"\s*(?:(?:SELECT|INSERT|UPDATE|DELETE|CREATE|DROP|ALTER|PRAGMA|ATTACH|DETACH|REPLACE|WITH|VACUUM|BEGIN|SAVEPOINT)\b"
    r"|(?i:select\b.*\bfrom|insert\s+(?:or\s+\w+\s+)?into|update\b.*\bset|delete\s+from|replace\s+into|pragma\s+\w"
    r"|(?:create|drop|alter)\s+(?:temp\w*\s+|unique\s+|virtual\s+)?(?:table|index|trigger|view))\b)",
    re.DOTALL,
)
_EXECUTE = frozenset(("execute", "executemany", "executescript", "query"))
_DECODE = frozenset(("convert", "decode", "Decoder", "replace", "__replace__"))

Findings = Iterator[tuple[int, str]]


@dataclass(frozen=True)
class Check:
    """A rule of the house; `bad` must be caught at `place`, `good` must not."""

    name: str
    applies: Callable[[Source], bool]
    run: Callable[[Source], Findings]
    bad: tuple[str, ...]
    good: str
    place: str = "src/trading_mcp/core/domain/example.py"


def file_is_short(source: Source) -> Findings:
    lines = len(source.text.splitlines())
    if lines > FILE_LINES_MAX:
        yield lines, f"{lines} lines, more than {FILE_LINES_MAX}: a noun is missing"


def functions_are_short(source: Source) -> Findings:
    for node in ast.walk(source.tree):
        if isinstance(node, FUNCTIONS):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield node.lineno, f"{node.name} has {lines} lines, more than {FUNCTION_LINES_MAX}"


def imports_stand_at_the_top(source: Source) -> Findings:
    for function in ast.walk(source.tree):
        if isinstance(function, (*FUNCTIONS, ast.ClassDef, ast.Lambda)):
            for node in ast.walk(function):
                if isinstance(node, (ast.Import, ast.ImportFrom)):
                    yield node.lineno, "an import inside a function or class"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and _last_name(node.func) in {"import_module", "__import__"}:
            yield node.lineno, "an import by name"


def orders_are_made_by_decide(source: Source) -> Findings:
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call):
            continue
        if _last_name(node.func) == "Order":
            yield node.lineno, "constructs an Order"
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        if _last_name(node.func) in _DECODE and any(_last_name(value) == "Order" for value in given):
            yield node.lineno, "decodes an Order"


def numbers_are_exact(source: Source) -> Findings:
    for node in ast.walk(source.tree):
        match node:
            case ast.Name(id="float"):
                yield node.lineno, "the name float"
            case ast.Constant(value=float()):
                yield node.lineno, f"the literal {node.value}"
            case (
                ast.arg(annotation=ast.Constant(value=str(text)))
                | ast.AnnAssign(annotation=ast.Constant(value=str(text)))
            ) if re.search(r"\bfloat\b", text):
                yield node.lineno, "the annotation float"
            case ast.FunctionDef(returns=ast.Constant(value=str(text))) if re.search(r"\bfloat\b", text):
                yield node.lineno, "the annotation float"
            case _:
                pass


def sql_is_never_formatted(source: Source) -> Findings:
    for node in ast.walk(source.tree):
        if _is_built(node) and _SQL.match(_beginning(node)):
            yield _line(node), "SQL built by formatting: use parameters"
        match node:
            case ast.Call(func=ast.Attribute(attr=verb), args=[ast.JoinedStr() as text, *_]) if (
                verb in _EXECUTE and _is_built(text)
            ):
                yield node.lineno, "a formatted string is executed"
            case _:
                pass


def no_shell(source: Source) -> Findings:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call):
            if ast.unparse(node.func) in {"os.system", "os.popen", "subprocess.getoutput"}:
                yield node.lineno, f"{ast.unparse(node.func)} runs a shell"
            for keyword in node.keywords:
                if keyword.arg == "shell" and not (
                    isinstance(keyword.value, ast.Constant) and keyword.value.value is False
                ):
                    yield node.lineno, "shell=True"


def core_is_pure(source: Source) -> Findings:
    for line, name in imports_of(source):
        if name.split(".")[0] in IMPURE:
            yield line, f"imports {name}"


def copies_are_cheap(source: Source) -> Findings:
    for line, name in imports_of(source):
        package, _, member = name.partition(".")
        if package == "dataclasses" and member in COPIERS:
            yield line, f"imports {name}: msgspec.structs copies forty times faster"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {f"dataclasses.{name}" for name in COPIERS}:
            yield node.lineno, f"uses {ast.unparse(node)}"


def modules_say_what_they_are(source: Source) -> Findings:
    first = (ast.get_docstring(source.tree) or "").split("\n", 1)[0]
    if not first.endswith((".", "?", "!")) or re.search(r"[.!] [A-Z]", first):
        yield 1, "the docstring does not begin with one sentence on one line"


def submissions(source: Source) -> Findings:
    """Every use of a `.submit`, called or handed on, except on a thread or process pool."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and node.attr == "submit" and isinstance(node.ctx, ast.Load):
            receiver = (_last_name(node.value) or "").lower()
            if not receiver.endswith(("executor", "pool")):
                yield node.lineno, f"uses {ast.unparse(node)}"
        elif isinstance(node, ast.Call) and "'submit'" in map(ast.unparse, node.args):
            yield node.lineno, "uses submit by name"


def _last_name(node: ast.AST) -> str | None:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=inner) | ast.Subscript(value=inner):
            return _last_name(inner)
        case _:
            return None


def _is_built(node: ast.AST) -> bool:
    """A string with a value put into it: an f-string, +, %, or .format."""
    match node:
        case ast.JoinedStr(values=parts):
            return any(isinstance(part, ast.FormattedValue) for part in parts)
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return not (_is_literal(left) and _is_literal(right))
        case ast.BinOp(op=ast.Mod()) | ast.Call(func=ast.Attribute(attr="format" | "format_map")):
            return True
        case _:
            return False


def _is_literal(node: ast.AST) -> bool:
    match node:
        case ast.Constant():
            return True
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return _is_literal(left) and _is_literal(right)
        case _:
            return False


def _beginning(node: ast.AST) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_beginning(part) or "x" for part in parts)
        case ast.BinOp(left=left):
            return _beginning(left)
        case ast.Call(func=ast.Attribute(value=value)):
            return _beginning(value)
        case _:
            return ""


def _line(node: ast.AST) -> int:
    return getattr(node, "lineno", 1)


def _everywhere(_: Source) -> bool:
    return True


def _shipped(source: Source) -> bool:
    return source.is_shipped


CHECKS = (
    Check(
        name="no file has more than 400 lines",
        applies=_everywhere,
        run=file_is_short,
        bad=("x = 1\n" * 401,),
        good="x = 1\n" * 400,
    ),
    Check(
        name="no function has more than 70 lines",
        applies=_everywhere,
        run=functions_are_short,
        bad=(
            "def f():\n" + "    x = 1\n" * 70,
            "class A:\n    async def f(self):\n" + "        x = 1\n" * 70,
        ),
        good="def f():\n" + "    x = 1\n" * 69,
    ),
    Check(
        name="imports stand at the top",
        applies=lambda source: source.is_shipped and not source.is_in(*LAZY_PLACES),
        run=imports_stand_at_the_top,
        bad=(
            "def f():\n    import json",
            "class A:\n    from json import loads",
            "import importlib\nimportlib.import_module('json')",
        ),
        good="import json\ntry:\n    import numpy\nexcept ImportError:\n    numpy = None",
    ),
    Check(
        name="an Order is made by decide and by the codec only",
        applies=lambda source: source.is_shipped and not source.is_in(*ORDER_MAKERS),
        run=orders_are_made_by_decide,
        bad=(
            "Order(quantity=1)",
            "orders.Order(quantity=1)",
            "msgspec.convert(row, Order)",
            "Decoder(type=Order)",
        ),
        good="def cancel(order: Order) -> Order | None: return order\nOrderCleared(order=order)",
        place="src/trading_mcp/desk/example.py",
    ),
    Check(
        name="no float in domain and guardrails",
        applies=lambda source: source.is_shipped and source.is_in(*EXACT_PLACES),
        run=numbers_are_exact,
        bad=(
            "x = 0.1",
            "def f(x: float): ...",
            "x = float(1)",
            "def f(x: 'float'): ...",
            "def f() -> 'float': ...",
        ),
        good="from decimal import Decimal\nx = Decimal('0.1') * 2",
    ),
    Check(
        name="no SQL is built by formatting",
        applies=_everywhere,
        run=sql_is_never_formatted,
        bad=(
            'f"SELECT * FROM {table}"',
            '"SELECT * FROM %s" % table',
            '"select * from " + table',
            '"DELETE FROM {}".format(table)',
            'f"pragma {name}"',
            'db.execute(f"{verb} FROM entries")',
        ),
        good='f"Update {x} when you can"\ndb.execute("SELECT * FROM t " + "WHERE a = ?", (a,))\nf"With {x}"',
    ),
    Check(
        name="no shell",
        applies=_everywhere,
        run=no_shell,
        bad=("subprocess.run('ls', shell=True)", "run(x, shell=flag)", "os.system('ls')"),
        good="subprocess.run(['ls'], shell=False)",
    ),
    Check(
        name="the core imports no clock, dice or I/O",
        applies=lambda source: source.is_shipped and source.is_in("core"),
        run=core_is_pure,
        bad=(
            *(f"import {name}" for name in sorted(IMPURE)),
            "from os import path",
            "from time import time",
        ),
        good="import hashlib\nfrom decimal import Decimal\nfrom trading_mcp.core.domain import time_series",
    ),
    Check(
        name="the core copies values with msgspec",
        applies=lambda source: source.is_shipped and source.is_in("core"),
        run=copies_are_cheap,
        bad=(
            "from dataclasses import replace",
            "import dataclasses\ndataclasses.asdict(x)",
            "dataclasses.fields(x)",
        ),
        good="import msgspec\nmsgspec.structs.replace(x, a=1)",
    ),
    Check(
        name="a module begins with one sentence about itself",
        applies=_shipped,
        run=modules_say_what_they_are,
        bad=("x = 1", '"""no full stop"""', '"""One. Two."""', '"""A sentence that\ngoes on."""'),
        good='"""One sentence.\n\nThen more. And more."""',
    ),
)


def outside(source: Source, package: str, homes: tuple[str, ...]) -> Findings:
    """Imports of `package` by a source that is in none of `homes`."""
    if not source.is_in(*homes):
        for line, name in imports_of(source):
            if is_within(name, package):
                yield line, f"imports {name}"

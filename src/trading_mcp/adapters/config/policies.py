"""The shipped policy files: read where people edit them in a checkout, from the package everywhere else."""

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from trading_mcp.errors import PolicyInvalid

_CHECKOUT = Path(__file__).resolve().parents[4]


def policy_text(name: str) -> str:
    """The text of the shipped policy `name`, such as `simulated` or `backtest-open`."""
    folder = policies_folder()
    known = policy_names()
    if name not in known:
        raise PolicyInvalid(
            f"There is no shipped policy named {name!r}.",
            f"Choose one of: {', '.join(known)}."
            if known
            else "Install this program again: its policies are missing.",
        )
    return (folder / f"{name}.toml").read_text(encoding="utf-8")


def policy_names() -> tuple[str, ...]:
    folder = policies_folder()
    if not folder.is_dir():
        return ()
    return tuple(sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml")))


def policies_folder() -> Traversable:
    """Beside pyproject.toml in a checkout; an installed package never looks outside itself."""
    beside = _CHECKOUT / "policies"
    if (
        (_CHECKOUT / "pyproject.toml").is_file()
        and _CHECKOUT.joinpath("src", "trading_mcp").is_dir()
        and beside.is_dir()
    ):
        return beside
    return resources.files("trading_mcp") / "policies"

"""The shipped policies are found where people edit them, and a wrong name is answered with the right ones."""

from pathlib import Path

import pytest

from trading_mcp.adapters.config import policies
from trading_mcp.errors import PolicyInvalid


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with two policies, seen as the one the package stands in."""
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "src" / "trading_mcp").mkdir(parents=True)
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "README.md").write_text("no policy")
    (tmp_path / "policies" / "paper.toml").write_text("name = 'paper'\n")
    (tmp_path / "policies" / "live.toml").write_text("name = 'für live'\n", encoding="utf-8")
    monkeypatch.setattr(policies, "_CHECKOUT", tmp_path)
    return tmp_path


@pytest.mark.usefixtures("checkout")
def test_a_policy_is_read_by_its_name() -> None:
    assert policies.policy_names() == ("live", "paper")
    assert policies.policy_text("live") == "name = 'für live'\n"


@pytest.mark.usefixtures("checkout")
@pytest.mark.parametrize("name", ["papre", "", "paper.toml", "../policies/paper", "PAPER", "README"])
def test_any_other_name_is_refused_and_told_the_right_ones(name: str) -> None:
    with pytest.raises(PolicyInvalid) as refused:
        policies.policy_text(name)
    assert refused.value.next_step == "Choose one of: live, paper."


@pytest.mark.parametrize("missing", ["pyproject.toml", "src", "policies"])
def test_an_installed_package_never_reads_policies_outside_itself(checkout: Path, missing: str) -> None:
    (checkout / missing).rename(checkout / f"{missing}.gone")
    assert policies.policies_folder() != checkout / "policies"


def test_a_package_without_its_policies_says_so(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policies, "policies_folder", lambda: checkout / "nowhere")
    with pytest.raises(PolicyInvalid) as refused:
        policies.policy_text("paper")
    assert refused.value.next_step == "Install this program again: its policies are missing."

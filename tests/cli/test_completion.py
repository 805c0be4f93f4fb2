"""What a shell completes is what the parsers understand."""

import shutil
import subprocess
from pathlib import Path

import pytest

from trading_mcp.cli import completion
from trading_mcp.cli.commands import ACTIONS, COMMANDS
from trading_mcp.place import PROGRAM, program


def script(shell: str) -> str:
    return subprocess.run([program(), "completion", shell], capture_output=True, text=True, check=True).stdout


TYPED = [
    ((PROGRAM, ""), {*COMMANDS, "--help", "--version"}),
    ((PROGRAM, "po"), {"portfolio", "policy"}),
    ((PROGRAM, "audit", ""), {"verify", "tail", "show", "find", "export", "--help", "--home", "--json"}),
    ((PROGRAM, "audit", "tail", "--f"), {"--follow"}),
    ((PROGRAM, "trade", "b"), {"buy"}),
    ((PROGRAM, "trade", "buy", "BTC-USDT", "--sto"), {"--stop", "--stop-loss"}),
    ((PROGRAM, "orders", "rel"), {"release"}),
    ((PROGRAM, "pairs", "add", "--re"), {"--reason"}),
    ((PROGRAM, "home", "--json", "copy"), {"copy-setup"}),
    ((PROGRAM, "halt", "--ev"), {"--everything"}),
    ((PROGRAM, "completion", "z"), {"zsh"}),
    ((PROGRAM, "nonsense", ""), set[str]()),
]


@pytest.mark.parametrize(("words", "found"), TYPED, ids=[" ".join(words) for words, _ in TYPED])
def test_bash_completes_what_was_begun(words: tuple[str, ...], found: set[str], tmp_path: Path) -> None:
    file = tmp_path / "completion.bash"
    file.write_text(script("bash"))
    asked = f"""
        set -u
        source {file}
        complete -p {PROGRAM} >/dev/null || exit 9
        COMP_WORDS=({" ".join(f"'{word}'" for word in words)}) COMP_CWORD={len(words) - 1}
        _{PROGRAM}
        printf '%s\\n' "${{COMPREPLY[@]:-}}"
    """
    bash = shutil.which("bash")
    assert bash is not None
    done = subprocess.run([bash, "--norc", "-c", asked], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert set(done.stdout.split()) == found


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_are_given_the_same_words(shell: str, tmp_path: Path) -> None:
    said = script(shell)
    table = completion.words()
    assert {*COMMANDS, *ACTIONS} <= {*table}
    for key, found in table.items():
        line = (
            next(each for each in said.splitlines() if each.strip().startswith((f"{key})", f"'{key}')")))
            if (shell == "zsh")
            else said[said.index(f"case '{key}'" if " " in key or not key else f"case {key}\n") :][:1_000]
        )
        assert " ".join(found) in line
    found_shell = shutil.which(shell)
    if found_shell is not None:  # read by the shell itself, where there is one
        file = tmp_path / "completion"
        file.write_text(said)
        subprocess.run([found_shell, "-n", str(file)], check=True)


def test_no_command_is_carried_out_to_learn_its_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    completion.words()
    assert list(tmp_path.iterdir()) == []

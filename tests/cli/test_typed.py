"""Every example of every help page is typed on a real desk, and ends as whoever copies it may expect."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from tests.cli.desks import PASSPHRASE, DeskProcess
from trading_mcp.adapters.config.policies import policy_text
from trading_mcp.cli.commands import ACTIONS, COMMANDS, run
from trading_mcp.cli.parsing import Described, describing
from trading_mcp.place import PROGRAM, program

pytestmark = pytest.mark.slow

# What other tests type, on desks that they need for themselves.
ELSEWHERE = {
    "demo": "tests/cli/test_demo.py",
    "demo --json": "tests/cli/test_demo.py",
    "audit tail --follow": "tests/cli/test_following.py",
    "home copy-setup simulated second": "tests/cli/test_copying.py",
    "doctor --notify": "tests/cli/test_alerts.py",
    "completion bash >> ~/.bash_completion": "tests/cli/test_completion.py",
    "completion zsh > ~/.zfunc/_trading-mcp": "tests/cli/test_completion.py",
    "completion fish > ~/.config/fish/completions/trading-mcp.fish": "tests/cli/test_completion.py",
}

# In this order on one desk, with the code that each ends with.
STORY = (
    ("status", 0),
    ("status --json", 0),
    ("doctor", 0),
    ("doctor --json", 0),
    ("pairs", 0),
    ("trade buy BTC-USDT --notional 100 --stop-loss PRICE", 0),
    ("trade buy ETH-USDT --quantity 0.05 --type limit --limit PRICE", 0),
    ("portfolio", 0),
    ("orders", 0),
    ("cancel ORDER", 0),
    ("orders release ORDER", 4),  # its fate is known
    ("orders --ended --pair BTC-USDT", 0),
    ("cancel --pair BTC-USDT", 0),
    ("cancel --all", 0),
    ("trade sell BTC-USDT --quantity all", 0),
    ("trade buy BTC-USDT --notional 100 --preview", 4),  # the pair rests for a minute
    ("close BTC-USDT", 4),  # it was just sold
    ("close --all", 4),
    ("why 42", 0),
    ("why cli-1a2b3c", 0),
    ("audit verify", 0),
    ("audit tail --count 50", 0),
    ("audit show 42", 0),
    ("audit find denied BTC-USDT", 0),
    ("audit find --kind FillRecorded", 0),
    ("audit export journal.jsonl", 0),
    ("policy show", 0),
    ("policy show order_notional_max", 0),
    ("policy diff my-limits.toml", 0),
    ("policy propose market.crypto.order_notional_max=300", 0),
    ("pairs remove DOGE-USDT", 0),
    ("approver show", 0),
    ("approver enroll", 0),
    ("policy propose --file my-limits.toml", 5),  # above what was just tightened
    ("proposals", 0),
    ("approve PROPOSAL", 0),
    ("pairs add LTC-USDT", 5),
    ("pairs remove LTC-USDT", 0),
    ('decline PROPOSAL --reason "too large"', 0),
    ("attend", 0),
    ("halt", 0),
    ("resume", 0),
    ('halt --reason "I do not trust this"', 0),
    ("resume --to REDUCING", 0),
    ("halt --everything", 0),
    ("resume --scope venue/paper", 4),  # which nothing holds
    ("setup --client claude-desktop", 0),
    ("setup --client claude-code", 0),
    ("setup --client claude-code --project", 0),
    ("setup --client print --home live", 0),
    ("home list", 0),
    ("home new second", 0),
    ("home new small --cash USDT=1000 --policy my-limits.toml", 0),
    ("token new laptop --role reader", 0),
    ("token new scripts --role trader", 0),
    ("token list", 0),
    ("token revoke laptop", 0),
    ("desk --home other", 0),
    ("stop --home other", 0),
    ("stop", 0),
    ("desk --http", 0),
    ("desk stop", 0),
    ("desk", 0),
)
SIGNED = {"approve", "attend", "resume"}


def examples() -> Generator[str]:
    """What stands in the help pages, without the words that explain it."""
    for words in (*COMMANDS, *ACTIONS):
        name, *rest = words.split()
        try:
            with describing():
                run(name, rest)
        except Described as found:
            page = re.sub(r"\s*\\\n\s*", " ", found.parser.epilog or "")
            for line in page.splitlines():
                if line.startswith(f"  {program()} "):
                    yield re.split(r"\s{3,}", line.strip())[0].removeprefix(f"{program()} ")


class Person:
    """Somebody who types what help says, with what they have where it says ORDER, PROPOSAL or PRICE."""

    def __init__(self, desk: DeskProcess) -> None:
        self.desk = desk
        self.desk.standing = desk.data
        (desk.data / "my-limits.toml").write_text(policy_text("simulated"))
        self.other = desk
        self.order = ""

    def types(self, line: str) -> int:
        words = [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', line)]
        match words:
            case ["desk", "--home", name]:
                assert self.desk.say("home", "new", name).code == 0
                self.other = DeskProcess(self.desk.data, name).start()
                return 0
            case ["stop", "--home", _]:
                return self.desk.say(*words).code or self.other.ended()
            case ["desk", "stop"] | ["stop"]:
                return self.desk.say(*words).code or self.desk.ended()
            case ["desk", *flags]:
                self.desk.start(*flags, *(["--port", "0"] if flags else []))
                return 0
            case ["approver", "enroll"]:
                return self.desk.type(*words, answers=(PASSPHRASE, PASSPHRASE)).code
            case [name, *_] if name in SIGNED or "--everything" in words:
                return self.desk.type(*map(self.meant, words), answers=(PASSPHRASE,)).code
            case _:
                return self.desk.say(*map(self.meant, words)).code

    def meant(self, word: str) -> str:
        has: dict[str, Callable[[], str]] = {
            "PRICE": self.price,
            "ORDER": self.working,
            "PROPOSAL": lambda: self.desk.say("proposals", "--json").answer["proposals"][0]["id"],
            "cli-1a2b3c": lambda: self.desk.say("orders", "--ended", "--json").answer["orders"][0]["intent_id"],
        }
        return has.get(word, lambda: word)()

    def price(self) -> str:
        """A stop or a limit a little below, whichever pair is meant."""
        held = self.desk.say("portfolio", "--json").answer["positions"]
        wanted = "ETH-USDT" if held else "BTC-USDT"
        bids = {each["pair"]: float(each["bid"]) for each in self.desk.say("pairs", "--json").answer["pairs"]}
        return f"{bids[wanted] * 0.97:.0f}"

    def working(self) -> str:
        found = [each["id"] for each in self.desk.say("orders", "--json").answer["orders"] if each["side"] == "buy"]
        self.order = found[0] if found else self.order
        return self.order


def test_every_example_of_a_help_page_can_be_typed(desk: DeskProcess) -> None:
    person = Person(desk)
    ended = [(line, person.types(line)) for line, _ in STORY]
    assert ended == list(STORY)
    assert (desk.data / "journal.jsonl").stat().st_size > 0
    assert (desk.data / ".mcp.json").stat().st_size > 0


def test_no_example_of_a_help_page_is_left_out_and_no_other_is_kept() -> None:
    assert {*examples()} == {*ELSEWHERE, *(line for line, _ in STORY)}


@pytest.mark.parametrize("place", sorted(set(ELSEWHERE.values())))
def test_what_is_typed_elsewhere_is_typed_there(place: str) -> None:
    text = (Path(__file__).resolve().parents[2] / place).read_text(encoding="utf-8")
    for line, where in ELSEWHERE.items():
        if where == place:
            assert f'"{line.split()[0]}"' in text or f"{PROGRAM} {line}" in text

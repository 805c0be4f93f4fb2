"""Seeds and counts for tests that sample: chosen here, printed at the end of every run."""

import os
import random
from collections.abc import Callable

import pytest
from hypothesis import settings

SEED = 20_260_105
LONG_FACTOR = 50
EXAMPLES = 100


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=SEED, help="seed of the sampled tests")
    parser.addoption("--long", action="store_true", help=f"sample {LONG_FACTOR} times as many cases")


def pytest_configure(config: pytest.Config) -> None:
    # The desks of these tests have nothing to say on the desktop of whoever runs them, on Linux or on macOS.
    os.environ.pop("DBUS_SESSION_BUS_ADDRESS", None)
    os.environ["SSH_CONNECTION"] = "a test"
    # Cases are derived from each test unless a seed is given: a red run is red again when repeated.
    everywhere = settings(deadline=None, database=None)
    settings.register_profile("test", everywhere, max_examples=EXAMPLES, derandomize=True)
    settings.register_profile("long", everywhere, max_examples=EXAMPLES * LONG_FACTOR)
    settings.load_profile("long" if config.getoption("--long") else "test")


@pytest.fixture
def sampled(
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> Callable[[int], tuple[random.Random, int]]:
    """`rng, count = sampled(1_000)`: a seeded generator and how many cases to draw in this run."""
    seed = int(request.config.getoption("--seed", default=SEED) or SEED)
    factor = LONG_FACTOR if request.config.getoption("--long") else 1

    def draw(count: int) -> tuple[random.Random, int]:
        record_property("sampled", f"seed {seed}, {count * factor:,} cases")
        return random.Random(f"{seed} {request.node.nodeid}"), count * factor

    return draw


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """One line per sampled test, and one for the properties."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, value in report.user_properties:
                if name == "sampled" and report.when == "call":
                    terminalreporter.write_line(f"sampled: {report.nodeid}: {value}")
    profile = settings()
    seed = config.getoption("--hypothesis-seed", default=None)
    source = "cases derived from each test" if seed is None else f"seed {seed}"
    terminalreporter.write_line(
        f"properties: {source}, {profile.max_examples:,} cases each unless a test says otherwise"
    )

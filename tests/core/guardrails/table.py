"""A table of cases: a world each, and exactly the codes with which the gate answers, in order of precedence."""

from collections.abc import Callable

import msgspec

from tests.core.guardrails.world import World
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.verdict import Code, Outcome, Verdict


class Row(msgspec.Struct, frozen=True):
    """One case; the world is made when it is needed, under the money context."""

    name: str
    make: Callable[[], World]
    outcome: Outcome
    codes: tuple[Code, ...]

    def verdict(self) -> Verdict:
        with exactly():
            return self.make().verdict()

    def check(self) -> None:
        verdict = self.verdict()
        assert verdict.codes() == self.codes, verdict.findings
        assert verdict.outcome is self.outcome
        for finding in verdict.findings:
            assert finding.reason, finding
            assert finding.limit, finding
            assert finding.actual, finding
            assert finding.would_pass, finding


def passes(name: str, make: Callable[[], World]) -> Row:
    return Row(name, make, Outcome.ALLOW, ())


def denies(name: str, make: Callable[[], World], *codes: Code) -> Row:
    return Row(name, make, Outcome.DENY, codes)


def asks(name: str, make: Callable[[], World], *codes: Code) -> Row:
    return Row(name, make, Outcome.ASK, codes)


def names(rows: tuple[Row, ...]) -> list[str]:
    return [row.name for row in rows]
